"""Random programs: whatever both linkers make of them, it is the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.differential import harness
from tests.differential.generate import program, rich_program
from tests.differential.generate_dynamic import programs
from tests.differential.harness import Case, Result
from tests.support.meaning import describe
from tests.support.module import read_module
from wasmlink_tool.cli import main

PROGRAMS = 60
RICH_PROGRAMS = 60
DYNAMIC_PROGRAMS = 60


def link_both(
    case: Case, directory: Path, objects: Path, capture: pytest.CaptureFixture[bytes]
) -> tuple[Result, list[str]]:
    """The reference's result, and how this linker's differs; not at all where the reference crashes, or writes an
    object whose symbols or relocations nobody can read."""
    for side in ("reference", "ours"):
        harness.prepare(case, directory / side, objects)
    expected = harness.run_reference(case, directory / "reference")
    arguments = harness.command_line(case, reference=False)
    found = harness.run_here(main, arguments, directory / "ours", capture.readouterr)
    assert found.status in (0, 1)
    if is_broken(expected):
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
    _, problems = link_both(program(seed), tmp_path, objects, capfdbinary)
    assert not problems, "\n\n".join(problems)


@pytest.mark.parametrize("seed", range(RICH_PROGRAMS))
def test_rich_program(seed: int, tmp_path: Path, objects: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    _, problems = link_both(rich_program(seed), tmp_path, objects, capfdbinary)
    assert not problems, "\n\n".join(problems)


@pytest.mark.parametrize("seed", range(DYNAMIC_PROGRAMS))
def test_dynamic_program(seed: int, tmp_path: Path, objects: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    libraries, case = programs(seed)
    made: dict[str, str | bytes] = {}
    problems = []
    for library in libraries:
        expected, found = link_both(library, tmp_path / library.name, objects, capfdbinary)
        problems += found
        made.update({name: content for name, (content, _) in expected.files.items()})
    problems += link_both(replace(case, files={**case.files, **made}), tmp_path, objects, capfdbinary)[1]
    assert not problems, "\n\n".join(problems)
