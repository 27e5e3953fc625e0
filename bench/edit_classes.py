"""A link after each class of edit, against the reference's whole process: ``python -m bench.edit_classes``.

Three programs: one in C with libc, one in C++ with libc++, and a generated project of many objects in C; each is linked
stripped (``-S``) and with its debug information (``-g``). For each class of edit the objects that it changes are
compiled, then the program is linked with what the link before the edit has left, by a new Python that calls
``wasmlink_tool.link`` in process; in turn with it the reference links by itself. Every module is compared with that of
a link without a cache. The table shows the ratio of the medians, and how the link began: ``fast`` where it repeated no
decision, ``updated`` where it updated some, ``passes`` where it ran the passes and copied unaffected bytes, ``whole``
where it copied nothing.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import toolchain
from bench.measure import VARIANTS, WORK, our_environment, percentile, run_process, write_response_file
from bench.toolchain import BenchError
from tests.support.wasi_objects import compile_all
from tests.warm.program import EDITS, OF_CXX, Program, program

TIERS = {"used": "fast", "decisions updated": "updated", "decided again": "passes", "not used": "whole"}


@dataclass(frozen=True, slots=True)
class Subject:
    """A program to edit."""

    name: str
    make: Callable[[], Program]
    libraries: str
    """``c`` or ``cxx``; empty: none."""


SUBJECTS = (
    Subject("c", lambda: program(".c", 40, hosted=True, functions=40), "c"),
    Subject("c++", lambda: program(".cpp", 40, hosted=True, functions=20), "cxx"),
    Subject("many", lambda: program(".c", 400, hosted=False, functions=60), ""),
)


@dataclass(frozen=True, slots=True)
class Measured:
    """One class of edit of one program: milliseconds, medians."""

    program: str
    variant: str
    edit: str
    how: str
    seconds: float
    reference: float
    why: str

    @property
    def ratio(self) -> float:
        return self.seconds / self.reference


def compiled_objects(made: Program, store: Path) -> dict[str, Path]:
    """Compile what is not in the store yet; return the object of each source, those of the library last."""
    sources = {name: _source(made, name, store) for name in (*made.order, *made.members)}
    for level in sorted({level for _, level in sources.values()}):
        pairs = [(source, source.with_suffix(".o")) for source, own in sources.values() if own == level]
        compile_all(pairs, optimize=level, flags=("-w",))
    return {name: source.with_suffix(".o") for name, (source, _) in sources.items()}


def _source(made: Program, name: str, store: Path) -> tuple[Path, str]:
    """A source by its contents, so that each version is compiled once; and its level of optimization."""
    level = made.optimize.get(name, "-O1")
    text = made.texts[name]
    digest = hashlib.sha256(f"{level}\0{text}".encode()).hexdigest()[:24]
    path = store / digest / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return path, level


def build(subject: Subject, work: Path) -> None:
    """Compile a program as it is after each edit."""
    for edit in edits_of(subject):
        made = subject.make()
        EDITS[edit](made)
        compiled_objects(made, _store(work))
    compiled_objects(subject.make(), _store(work))


def edits_of(subject: Subject) -> list[str]:
    return [edit for edit in EDITS if subject.name == "c++" or edit not in OF_CXX]


def _store(work: Path) -> Path:
    return work / "edit-classes" / "objects"


class Bench:
    """One program in one variant, with the cache that the link before any edit has left."""

    def __init__(self, subject: Subject, variant: str, rounds: int, work: Path) -> None:
        self.subject = subject
        self.variant = variant
        self.rounds = rounds
        self.libraries = work
        self.store = _store(work)
        self.work = work / "edit-classes" / subject.name.replace("+", "x") / variant.strip("-")
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(parents=True)
        self.environment = our_environment()
        self.base = subject.make()
        self._write(self.base)
        self._settle()
        self._link("cache")

    def _write(self, made: Program) -> None:
        """Put the program's objects and its library in place, and their names into the response file."""
        objects = []
        for name, compiled in compiled_objects(made, self.store).items():
            target = self.work / f"{name}.o"
            contents = compiled.read_bytes()
            if not target.exists() or target.read_bytes() != contents:
                target.write_bytes(contents)
            if name in made.order:
                objects.append(str(target))
        members = [(f"{Path(name).stem}.o", (self.work / f"{name}.o").read_bytes()) for name in made.members]
        library = self.work / "library.a"
        archive = _archive(members)
        if not library.exists() or library.read_bytes() != archive:
            library.write_bytes(archive)
        own = [*objects, str(library)]
        arguments: Sequence[str] = own
        if self.subject.libraries:
            libraries = toolchain.libraries(self.libraries, cxx=self.subject.libraries == "cxx")
            arguments = libraries.around(own)
        self.arguments = write_response_file(self.work / "link.rsp", [*VARIANTS[self.variant], *arguments])

    @staticmethod
    def _settle() -> None:
        """Make the inputs older than the resolution of a stamp."""
        time.sleep(0.1)

    def _link(self, cache: str = "", report: Path | None = None) -> tuple[float, bytes]:
        output = self.work / "out" / "module.wasm"
        output.parent.mkdir(exist_ok=True)
        flags = ["--no-demangle"]
        if cache:
            flags.append(f"--cache-dir={self.work / cache}")
        if report is not None:
            flags.append(f"--time-report={report}")
        command = [sys.executable, "-m", "bench.in_process", *flags, "-o", str(output), f"@{self.arguments}"]
        made = run_process(command, self.environment)
        return float(made.output.split()[-1]), output.read_bytes()

    def _reference(self) -> float:
        command = [*toolchain.reference_command(), "--no-demangle", "-o", str(self.work / "reference.wasm")]
        return run_process([*command, f"@{self.arguments}"], self.environment).seconds

    def measure(self, edit: str) -> Measured:
        made = self.subject.make()
        EDITS[edit](made)
        self._write(made)
        self._settle()
        _, clean = self._link()
        report = self.work / "report.json"
        ours, reference = [], []
        try:
            for number in range(self.rounds + 1):
                shutil.rmtree(self.work / "warm", ignore_errors=True)
                shutil.copytree(self.work / "cache", self.work / "warm")
                # The first round shows how the link began, and is not counted.
                seconds, module = self._link("warm", report if not number else None)
                if module != clean:
                    raise BenchError(f"{self.subject.name} {self.variant}, {edit}: not the module of a clean link")
                if number:
                    ours.append(seconds)
                    reference.append(self._reference())
                else:
                    self._reference()
        finally:
            self._write(self.base)
            self._settle()
        how, _, why = json.loads(report.read_text())["last_link"].partition(": ")
        times = statistics.median(ours), statistics.median(reference)
        return Measured(self.subject.name, self.variant, edit, TIERS[how], *times, why)


def _archive(members: Sequence[tuple[str, bytes]]) -> bytes:
    from tests.support.archives import archive_of

    return archive_of(members)


def print_table(rows: Sequence[Measured]) -> None:
    """One row a class of edit, one column a program and variant; then medians and shares."""
    columns = list(dict.fromkeys((row.program, row.variant) for row in rows))
    print("| edit | " + " | ".join(f"{name} {variant}" for name, variant in columns) + " |")
    print("|---|" + "--:|" * len(columns))
    found = {(row.program, row.variant, row.edit): row for row in rows}
    for edit in dict.fromkeys(row.edit for row in rows):
        cells = [found.get((*column, edit)) for column in columns]
        shown = ["" if row is None else f"{row.ratio:.2f} {row.how}" for row in cells]
        print(f"| {edit} | " + " | ".join(shown) + " |")
    ratios = [[row.ratio for row in rows if (row.program, row.variant) == column] for column in columns]
    print("| **median** | " + " | ".join(f"{statistics.median(each):.2f}" for each in ratios) + " |")
    print("| **90th percentile** | " + " | ".join(f"{percentile(each):.2f}" for each in ratios) + " |")
    shares = [[row.how != "whole" for row in rows if (row.program, row.variant) == column] for column in columns]
    print("| **re-use the last link** | " + " | ".join(f"{sum(used) / len(used):.0%}" for used in shares) + " |")
    milliseconds = [
        statistics.median(row.reference for row in rows if (row.program, row.variant) == column) * 1000
        for column in columns
    ]
    print("| reference, ms | " + " | ".join(f"{each:.0f}" for each in milliseconds) + " |")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.edit_classes", description=__doc__.split("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", action="append", choices=[subject.name for subject in SUBJECTS])
    parser.add_argument("--variant", action="append", choices=VARIANTS)
    parser.add_argument("--edit", action="append", choices=EDITS)
    parser.add_argument("--build", action="store_true", help="compile all programs and stop")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    parser.add_argument("--work", type=Path, default=WORK, help="where what is built is kept")
    options = parser.parse_args(arguments)
    rows: list[Measured] = []
    for subject in SUBJECTS:
        if options.only and subject.name not in options.only:
            continue
        if options.build:
            build(subject, options.work.resolve())
            continue
        for variant in options.variant or VARIANTS:
            bench = Bench(subject, variant, options.rounds, options.work.resolve())
            for edit in edits_of(subject):
                if options.edit and edit not in options.edit:
                    continue
                rows.append(bench.measure(edit))
                row = rows[-1]
                times = f"{row.seconds * 1000:7.1f} of {row.reference * 1000:.1f} ms"
                print(
                    f"{row.program:5} {row.variant} {row.edit:34} {row.ratio:5.2f} {row.how:6} {times}  {row.why}",
                    file=sys.stderr,
                    flush=True,
                )
    if options.build:
        return 0
    print_table(rows)
    if options.json:
        options.json.write_text(json.dumps([{**_fields(row), "ratio": row.ratio} for row in rows], indent=1))
    return 0


def _fields(row: Measured) -> dict[str, object]:
    return {name: getattr(row, name) for name in Measured.__slots__}


if __name__ == "__main__":
    raise SystemExit(main())
