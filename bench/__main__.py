"""The benchmark's command: ``python -m bench --help``."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench import growth, inputs, rebuild, toolchain
from bench.inputs import BenchInput
from bench.measure import VARIANTS, WORK, Run, in_turn, our_environment, run_process, write_response_file
from bench.warm import WarmLinks
from tests.support.toolchain import ToolchainError

HERE = Path(__file__).resolve().parent
HISTORY = HERE / "history.md"
OURS, IN_PROCESS, REFERENCE = "ours", "in process", "reference"
WARM = {"warm": (), "warm packed": ("--data-order=packed",)}
"""Links after one object changed, in both orders of data."""


@dataclass(frozen=True, slots=True)
class Row:
    """The cost of one link: milliseconds (medians), bytes of peak memory, bytes of output."""

    name: str
    variant: str
    objects: int
    input_size: int
    ours: float
    in_process: float
    """With an empty cache, which it fills."""
    warm: float | None
    warm_packed: float | None
    """After one object changed; ``None`` where no edit is known."""
    reference: float
    our_peak: int
    warm_peak: int | None
    reference_peak: int
    our_size: int
    reference_size: int
    identical: bool

    @property
    def ratio(self) -> float:
        """Our whole process against the reference's."""
        return self.ours / self.reference

    @property
    def in_process_ratio(self) -> float:
        """Our link inside a running Python against the reference's whole process."""
        return self.in_process / self.reference


GOALS = (
    "goals: (a) 1.0, (b) 0.5 where the reference takes 100 ms and never more than (a), (c) 1.5 and hello 2.5, (d) 1.0"
)
HEADER = (
    "| input | | objects | MB in | reference ms | (a) in process ms | ratio | (b) warm ms | ratio | packed ms | ratio "
    "| (c) process ms | ratio | reference MiB | (d) ours MiB | ratio | output bytes | same bytes |\n"
    "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|"
)


def format_row(row: Row) -> str:
    mebibyte = 1 << 20

    def against_reference(time: float | None) -> list[str]:
        return ["", ""] if time is None else [f"{time:.0f}", f"{time / row.reference:.2f}"]

    cells = [
        row.name,
        row.variant,
        f"{row.objects}",
        f"{row.input_size / 1e6:.1f}",
        f"{row.reference:.0f}",
        *against_reference(row.in_process),
        *against_reference(row.warm),
        *against_reference(row.warm_packed),
        *against_reference(row.ours),
        f"{row.reference_peak / mebibyte:.0f}",
        f"{row.our_peak / mebibyte:.0f}",
        f"{row.our_peak / row.reference_peak:.2f}",
        f"{row.our_size}" if row.our_size == row.reference_size else f"{row.our_size} / {row.reference_size}",
        "yes" if row.identical else "no",
    ]
    return "| " + " | ".join(cells) + " |"


def measure(chosen: BenchInput, variant: str, work: Path, rounds: int) -> Row:
    """Link one input with ours and with the reference, in turn."""
    outputs = work / "outputs"
    outputs.mkdir(parents=True, exist_ok=True)
    stem = f"{chosen.name}{variant}"
    arguments = write_response_file(outputs / f"{stem}.rsp", [*VARIANTS[variant], *chosen.arguments])
    environment = our_environment()
    # The name section has the file's name: the same one, so that the modules can be compared.
    files = {name: outputs / name.replace(" ", "-") / f"{stem}.wasm" for name in (OURS, IN_PROCESS, REFERENCE)}
    for file in files.values():
        file.parent.mkdir(exist_ok=True)

    def whole(command: Sequence[str], output: Path) -> Run:
        return run_process([*command, "-o", str(output), f"@{arguments}"], environment)

    def inside() -> Run:
        cache = outputs / "cache"
        shutil.rmtree(cache, ignore_errors=True)
        made = whole([sys.executable, "-m", "bench.in_process", "--cache-dir", str(cache)], files[IN_PROCESS])
        return Run(float(made.output.split()[-1]), made.peak, made.output)

    tasks = {
        OURS: lambda: whole([sys.executable, "-m", "wasmlink_tool"], files[OURS]),
        REFERENCE: lambda: whole(toolchain.reference_command(), files[REFERENCE]),
        IN_PROCESS: inside,
    }
    if chosen.edited is not None:
        for name, flags in WARM.items():
            place = outputs / f"{stem}-{name}".replace(" ", "-")
            tasks[name] = WarmLinks(chosen, (*VARIANTS[variant], *flags), place, environment).run
    figures = in_turn(tasks, rounds)
    warm, warm_packed = (figures[name].seconds * 1000 if name in figures else None for name in WARM)
    return Row(
        name=chosen.name,
        variant=variant,
        objects=sum(path.suffix == ".o" for path in chosen.files),
        input_size=chosen.size,
        ours=figures[OURS].seconds * 1000,
        in_process=figures[IN_PROCESS].seconds * 1000,
        warm=warm,
        warm_packed=warm_packed,
        reference=figures[REFERENCE].seconds * 1000,
        our_peak=figures[OURS].peak,
        warm_peak=figures["warm"].peak if "warm" in figures else None,
        reference_peak=figures[REFERENCE].peak,
        our_size=files[OURS].stat().st_size,
        reference_size=files[REFERENCE].stat().st_size,
        identical=files[OURS].read_bytes() == files[REFERENCE].read_bytes(),
    )


def chosen_inputs(options: argparse.Namespace) -> Iterator[BenchInput]:
    """Build what was asked for, one after the other."""
    work: Path = options.work
    for path in options.response:
        yield inputs.from_response_file(path)
    if options.scaling:
        # The largest first: all others are parts of it.
        for objects in sorted(inputs.SCALING, reverse=True):
            _progress(f"building the generated project of {objects} objects")
            yield inputs.generated(work, objects, options.functions)
    names = options.only or ([] if options.scaling or options.response else list(inputs.INPUTS))
    for name in names:
        _progress(f"building {name}")
        if name == "generated":
            yield inputs.generated(work, options.objects, options.functions)
        else:
            yield inputs.INPUTS[name](work)


def print_rebuild(work: Path, objects: int, functions: int, rounds: int) -> None:
    """(f): builds after one object changed."""
    chosen = inputs.generated(work, objects, functions)
    for variant, flags in VARIANTS.items():
        ours, command = (run.seconds * 1000 for run in rebuild.measure(chosen, flags, work, rounds).values())
        print(f"(f) scons, one object of {objects} changed, {variant}: WasmProgram {ours:.0f} ms, command "
              f"{command:.0f} ms, ratio {ours / command:.2f} (goal 0.8)", flush=True)  # fmt: skip


def _progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def profile(chosen: BenchInput, variant: str, work: Path) -> None:
    """Print where our link of one input spends its time."""
    work.mkdir(parents=True, exist_ok=True)
    arguments = write_response_file(work / "profile.rsp", [*VARIANTS[variant], *chosen.arguments])
    output = work / "profile.wasm"
    command = [sys.executable, "-m", "bench.in_process", "--profile", "-o", str(output), f"@{arguments}"]
    print(run_process(command, our_environment()).output)


def record(rows: Sequence[Row]) -> None:
    """Append the figures to the history, under the subject of the current commit."""
    done = subprocess.run(
        ["git", "log", "-1", "--format=%cs | %s"], cwd=HERE, capture_output=True, text=True, check=False
    )
    commit = done.stdout.strip() or " | "
    with HISTORY.open("a", encoding="utf-8") as history:
        for row in rows:
            history.write(
                f"| {commit} | {row.name} {row.variant} | {row.ours:.0f} | {row.in_process:.0f} | {row.reference:.0f} "
                f"| {row.ratio:.2f} | {row.in_process_ratio:.2f} | {row.our_peak / row.reference_peak:.2f} |\n"
            )


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(
        prog="python -m bench", description="Measure wasmlink against the reference linker."
    )
    result.add_argument(
        "--only", action="append", choices=list(inputs.INPUTS), metavar="NAME", help=", ".join(inputs.INPUTS)
    )
    result.add_argument("--variant", action="append", choices=list(VARIANTS), help="stripped or with debug information")
    result.add_argument("--rounds", type=int, default=5, help="measured runs of each linker (default 5)")
    result.add_argument("--objects", type=int, default=400, help="objects of the generated project")
    result.add_argument("--functions", type=int, default=100, help="functions of each of them")
    result.add_argument("--scaling", action="store_true", help="the generated project in growing sizes")
    result.add_argument(
        "--response",
        action="append",
        type=Path,
        default=[],
        metavar="FILE",
        help="measure the link whose arguments stand in FILE, one a line",
    )
    result.add_argument("--whole", action="store_true", help="growth and builds too, as without --only and the like")
    result.add_argument("--profile", action="store_true", help="profile our link of the chosen inputs instead")
    result.add_argument("--build", action="store_true", help="build the inputs and stop")
    result.add_argument("--record", action="store_true", help="append the figures to history.md")
    result.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON too")
    result.add_argument("--work", type=Path, default=WORK, help="where what is built is kept")
    return result


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    options.work = options.work.resolve()
    variants = options.variant or list(VARIANTS)
    rows: list[Row] = []
    try:
        if not (options.build or options.profile):
            print(f"reference: {toolchain.reference_version()}; Python {platform.python_version()}, "
                  f"{os.cpu_count()} cores; medians of {options.rounds}\n\n{HEADER}", flush=True)  # fmt: skip
        for chosen in chosen_inputs(options):
            if options.build:
                print(f"{chosen.name}: {len(chosen.files)} files, {chosen.size / 1e6:.1f} MB")
                continue
            for variant in variants:
                if options.profile:
                    profile(chosen, variant, options.work)
                    continue
                rows.append(measure(chosen, variant, options.work, options.rounds))
                print(format_row(rows[-1]), flush=True)
        if options.whole or not (
            options.only or options.response or options.scaling or options.build or options.profile
        ):
            print(f"\n{GOALS}", flush=True)
            rounds = max(options.rounds // 2, 1)
            sizes = max(options.objects // 4, 1), options.objects * 4
            growth.print_rows(growth.measure(options.work, sizes, options.functions, rounds), sizes)
            print_rebuild(options.work, options.objects, options.functions, rounds)
    except ToolchainError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    if options.record:
        record(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
