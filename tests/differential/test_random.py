"""Random programs: both linkers give the same module, or the same errors."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.differential import harness
from tests.differential.generate import program, rich_program, without_contradictions
from tests.differential.generate_dynamic import programs
from tests.differential.harness import Case, Result
from tests.support.meaning import describe
from tests.support.module import read_module
from wasmlink_tool.cli import main

PROGRAMS = 60
RICH_PROGRAMS = 60
DYNAMIC_PROGRAMS = 60


LENIENT = "--allow-multiple-definition --no-check-features --no-fatal-warnings --no-entry"
"""Options that allow most errors of the programs."""
STATIC = f"{LENIENT} --unresolved-symbols=ignore-all"
DYNAMIC = f"{LENIENT} --unresolved-symbols=import-dynamic"
UNCOMPARED = ("rich 12", "rich 47", "rich 56")
"""Programs for which the reference crashes, or writes an object whose symbols or relocations are unreadable."""


def link_both(
    name: str, case: Case, directory: Path, objects: Path, capture: pytest.CaptureFixture[bytes], lenient: str = STATIC
) -> tuple[Result, list[str]]:
    """As :func:`_link_both`. A program that is an error is linked again with options that allow most errors, and if it
    still is one, without its contradictions: each program must link in the end, so that modules are compared and not
    just messages."""
    expected, problems = _link_both(name, case, directory, objects, capture)
    if expected.status:
        case = replace(case, args=f"{case.args} {lenient}")
        expected, more = _link_both(name, case, directory / "lenient", objects, capture)
        problems += more
    if expected.status:
        case = without_contradictions(case)
        expected, more = _link_both(name, case, directory / "consistent", objects, capture)
        problems += more
    assert expected.status == 0, expected.stderr
    return expected, problems


def _link_both(
    name: str, case: Case, directory: Path, objects: Path, capture: pytest.CaptureFixture[bytes]
) -> tuple[Result, list[str]]:
    """Return the reference's result, and the differences of this linker's.

    For the programs of :data:`UNCOMPARED`, return this linker's result, which must be a readable module or object.
    """
    for side in ("reference", "ours"):
        harness.prepare(case, directory / side, objects)
    expected = harness.run_reference(case, directory / "reference")
    arguments = harness.command_line(case, reference=False)
    found = harness.run_here(main, arguments, directory / "ours", capture.readouterr)
    assert found.status in (0, 1)
    if is_broken(expected):
        assert name in UNCOMPARED, f"the reference's result cannot be compared: {expected.status} {expected.stderr}"
        assert not is_broken(found), "this linker's result cannot be read"
        return found, []
    return expected, [f"args: {case.args}\n{problem}" for problem in harness.compare(case, expected, found)]


def is_broken(result: Result) -> bool:
    if result.status < 0:
        return True
    if result.module is None:
        return False
    lines = describe(read_module(result.module))
    return any(line.startswith(("custom linking:", "custom reloc.")) for line in lines)


@pytest.mark.parametrize("seed", range(PROGRAMS))
def test_program(seed: int, tmp_path: Path, objects: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    _, problems = link_both(f"plain {seed}", program(seed), tmp_path, objects, capfdbinary)
    assert not problems, "\n\n".join(problems)


@pytest.mark.parametrize("seed", range(RICH_PROGRAMS))
def test_rich_program(seed: int, tmp_path: Path, objects: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    _, problems = link_both(f"rich {seed}", rich_program(seed), tmp_path, objects, capfdbinary)
    assert not problems, "\n\n".join(problems)


@pytest.mark.parametrize("seed", range(DYNAMIC_PROGRAMS))
def test_dynamic_program(seed: int, tmp_path: Path, objects: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    libraries, case = programs(seed)
    made: dict[str, str | bytes] = {}
    problems = []
    for library in libraries:
        expected, found = link_both(f"dynamic {seed}", library, tmp_path / library.name, objects, capfdbinary, DYNAMIC)
        problems += found
        made.update({name: content for name, (content, _) in expected.files.items()})
    whole = replace(case, files={**case.files, **made})
    _, found = link_both(f"dynamic {seed}", whole, tmp_path, objects, capfdbinary, DYNAMIC)
    problems += found
    assert not problems, "\n\n".join(problems)
