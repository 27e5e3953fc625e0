"""Sizes of modules, raw and compressed, with each option that makes them smaller: ``python -m bench.sizes``."""

from __future__ import annotations

import argparse
import gzip
import math
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from bench import inputs, toolchain
from bench.inputs import BenchInput
from bench.measure import write_response_file
from tests.support.toolchain import ToolchainError

HERE = Path(__file__).resolve().parent
SMALLEST_OF_REFERENCE = ("-s", "-O2", "--compress-relocations")
STEPS: dict[str, tuple[str, ...]] = {
    "-s --compress-relocations": ("-s", "--compress-relocations"),
    "--icf=safe": ("--icf=safe",),
    "--omit-zeros": ("--omit-zeros",),
    "--renumber": ("--renumber",),
}
"""Each has the options of those before it, too."""
PROGRAMS = ("hello", "words", "tables", "engine", "classes", "generated")
INPUT_OF_RUN = b"one two=2 three two one=1 four\n"


class Sizes:
    """The sizes of one module."""

    def __init__(self, module: bytes) -> None:
        self.raw = len(module)
        self.compressed = len(gzip.compress(module, 9, mtime=0))


def link(command: Sequence[str], chosen: BenchInput, options: Sequence[str], work: Path) -> Path:
    """Link with one linker; return the module's path."""
    output = work / "sizes.wasm"
    response = write_response_file(work / "sizes.rsp", [*options, *chosen.arguments])
    done = subprocess.run([*command, "-o", str(output), f"@{response}"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise toolchain.BenchError(f"{chosen.name} {' '.join(options)}: {done.stderr.strip()}")
    return output


def run(module: Path) -> tuple[int, bytes]:
    """Run a WASI command; return its exit status and what it prints."""
    command = [sys.executable, "-m", "wasmlink_tool.run", str(module)]
    done = subprocess.run(command, input=INPUT_OF_RUN, capture_output=True, check=False)
    return done.returncode, done.stdout


def steps(chosen: BenchInput, work: Path) -> dict[str, Sizes]:
    """Link one program in all ways, and run each module: it has to print what the reference's does."""
    ours = (sys.executable, "-m", "wasmlink_tool")
    module = link(toolchain.reference_command(), chosen, SMALLEST_OF_REFERENCE, work)
    found = {"wasm-ld": Sizes(module.read_bytes())}
    expected = run(module)
    options: list[str] = []
    ways: list[tuple[str, Sequence[str]]] = []
    for name, added in STEPS.items():
        options += added
        ways.append((name, tuple(options)))
    for name, way in (*ways, ("--optimize-for=gzip", ("--smallest", "--optimize-for=gzip"))):
        module = link(ours, chosen, way, work)
        found[name] = Sizes(module.read_bytes())
        if run(module) != expected:
            raise toolchain.BenchError(f"{chosen.name} {' '.join(way)}: the module behaves differently")
    return found


def table(rows: dict[str, dict[str, Sizes]]) -> str:
    """Format the sizes: a row for each program, a column for each step, with ratios to the reference's size, and the
    geometric means of these."""
    names = list(next(iter(rows.values())))
    lines: list[str] = []
    for what, title in (("raw", "raw"), ("compressed", "gzip -9")):
        lines += [f"| {title} | {' | '.join(names)} |", "|---|" + "--:|" * len(names)]
        ratios: dict[str, list[float]] = {name: [] for name in names}
        for program, sizes in rows.items():
            cells = []
            for name in names:
                value = getattr(sizes[name], what)
                ratio = value / getattr(sizes["wasm-ld"], what)
                ratios[name].append(ratio)
                cells.append(f"{value:,} ({ratio:.3f})")
            lines.append(f"| {program} | {' | '.join(cells)} |")
        means = (math.exp(sum(map(math.log, found)) / len(found)) for found in ratios.values())
        lines += [f"| mean | {' | '.join(f'{mean:.3f}' for mean in means)} |", ""]
    return "\n".join(lines[:-1])


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.sizes", description=__doc__)
    parser.add_argument("--only", action="append", choices=PROGRAMS, metavar="NAME", help=", ".join(PROGRAMS))
    parser.add_argument("--work", type=Path, default=HERE / ".work", help="where what is built is kept")
    options = parser.parse_args(arguments)
    work = options.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    try:
        rows = {name: steps(inputs.INPUTS[name](work), work) for name in options.only or PROGRAMS}
    except ToolchainError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
