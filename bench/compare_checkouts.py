"""Compare the modules of two checkouts: ``python -m bench.compare_checkouts OLD NEW --edits 1000 --seed 1``.

A change that only moves code changes no byte of any module and no message. Each input of the benchmark, and a project
after each of many random edits (:mod:`tests.support.random_edits`), is linked by both checkouts, without a cache. Links
that differ are printed; the exit status is 1 if there are any. ``OLD`` and ``NEW`` are directories with a
``wasmlink_tool`` folder, such as ``git worktree add ../old HEAD~1`` makes.
"""

from __future__ import annotations

import argparse
import enum
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType

from bench.inputs import INPUTS
from tests.support.edit_sources import UNITS, VARIANTS
from tests.support.random_edits import Project
from wasmlink_tool.options import Input

HERE = Path(__file__).resolve().parent
VARIANTS_OF_INPUTS = ("-S", "-g", "-O2 -S", "--no-gc-sections", "--data-order=packed -S", "--compress-relocations -S")
"""The options that each input of the benchmark is linked with; ``-g`` stands for no option."""


def _environment(checkout: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(checkout.resolve())}


class Checkout:
    """One checkout, and a process that links with it: ``with Checkout(path) as checkout``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        command = [sys.executable, str(HERE / "checkout_worker.py")]
        self.process = subprocess.Popen(
            command, env=_environment(path), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        try:
            package = Path(str(self._answer()))
            if package.resolve().parent.parent != path.resolve():
                raise SystemExit(f"{path} has no package wasmlink_tool: Python imports {package}")
        except BaseException:
            self._end()
            raise

    def __enter__(self) -> Checkout:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end()

    def _end(self) -> None:
        self.process.terminate()
        self.process.wait()

    def _answer(self) -> object:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.path}: the process that links has ended")
        return json.loads(line)

    def link(self, fields: Mapping[str, object]) -> object:
        """Return the digest of the module and the diagnostics of a link with these fields of ``LinkOptions``."""
        assert self.process.stdin is not None
        print(json.dumps(fields), file=self.process.stdin, flush=True)
        return self._answer()

    def run(self, arguments: Sequence[str], output: Path) -> tuple[int, str, bytes]:
        """Run the command, and return its exit status, what it printed, and the module."""
        output.unlink(missing_ok=True)
        done = subprocess.run(
            [sys.executable, "-m", "wasmlink_tool", *arguments, "-o", str(output)],
            env=_environment(self.path),
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr, output.read_bytes() if output.exists() else b""


def _link_fields(inputs: Sequence[str | Input], project: Project) -> dict[str, object]:
    """Return a link of the project as JSON values."""
    pairs = [(entry, False) if isinstance(entry, str) else (entry.path, entry.whole_archive) for entry in inputs]
    flags = {name: flag.value if isinstance(flag, enum.Enum) else flag for name, flag in project.flags.items()}
    return {"inputs": pairs, "allow_multiple_definition": any(project.whole), **flags}


def compare_inputs(old: Checkout, new: Checkout, work: Path, names: Sequence[str]) -> Iterator[str]:
    """Yield the inputs of the benchmark that the checkouts link differently."""
    output = work / "module.wasm"
    for name in names:
        arguments = INPUTS[name](work).arguments
        for variant in VARIANTS_OF_INPUTS:
            options = [] if variant == "-g" else variant.split()
            if old.run([*options, *arguments], output) != new.run([*options, *arguments], output):
                yield f"{name} {variant}"


def compare_edits(old: Checkout, new: Checkout, work: Path, edits: int, seed: int) -> Iterator[str]:
    """Yield the edits after which the checkouts link the project differently."""
    project = Project(work, seed)
    project.variants = [project.random.randrange(VARIANTS) for _ in range(UNITS)]
    for number in range(edits):
        what = project.edit()
        fields = _link_fields(project.write(), project)
        before, after = old.link(fields), new.link(fields)
        if before != after:
            yield f"edit {number}, with flags {project.flags}: {what}\n  old: {before}\n  new: {after}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.compare_checkouts",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("old", type=Path, metavar="OLD")
    parser.add_argument("new", type=Path, metavar="NEW")
    parser.add_argument("--edits", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--only", action="append", choices=[*INPUTS, "edits"], help="compare only this; may be repeated"
    )
    parser.add_argument("--work", type=Path, default=HERE / ".work", help="where inputs are built and kept")
    options = parser.parse_args(arguments)
    chosen = options.only or [*INPUTS, "edits"]
    counts: Counter[str] = Counter()
    options.work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as directory, Checkout(options.old) as old, Checkout(options.new) as new:
        for line in compare_inputs(old, new, options.work, [name for name in INPUTS if name in chosen]):
            counts["inputs"] += 1
            print(line, flush=True)
        if "edits" in chosen:
            for line in compare_edits(old, new, Path(directory), options.edits, options.seed):
                counts["edits"] += 1
                print(line, flush=True)
    print(f"{counts['inputs']} links of inputs and {counts['edits']} of edits differ (seed {options.seed})")
    return 1 if counts else 0


if __name__ == "__main__":
    raise SystemExit(main())
