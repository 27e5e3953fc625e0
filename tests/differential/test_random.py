"""Random programs: whatever both linkers make of them, it is the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.differential import harness
from tests.differential.generate import program, rich_program
from tests.support.meaning import describe
from tests.support.module import read_module
from wasmlink_tool.cli import main

PROGRAMS = 60
RICH_PROGRAMS = 60


def check(
    case: harness.Case, tmp_path: Path, objects: Path, capfdbinary: pytest.CaptureFixture[bytes], *, may_break: bool
) -> None:
    for side in ("reference", "ours"):
        harness.prepare(case, tmp_path / side, objects)
    expected = harness.run_reference(case, tmp_path / "reference")
    arguments = harness.command_line(case, reference=False)
    found = harness.run_here(main, arguments, tmp_path / "ours", capfdbinary.readouterr)
    assert found.status in (0, 1)
    if may_break and is_broken(expected):
        return
    problems = harness.compare(case, expected, found)
    assert not problems, "\n\n".join([f"args: {case.args}", *problems])


def is_broken(result: harness.Result) -> bool:
    """Whether the reference crashed, or wrote an object whose symbols or relocations nobody can read."""
    if result.status < 0:
        return True
    if result.module is None:
        return False
    lines = describe(read_module(result.module))
    return any(line.startswith(("custom linking:", "custom reloc.")) for line in lines)


@pytest.mark.parametrize("seed", range(PROGRAMS))
def test_program(seed: int, tmp_path: Path, objects: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    check(program(seed), tmp_path, objects, capfdbinary, may_break=False)


@pytest.mark.parametrize("seed", range(RICH_PROGRAMS))
def test_rich_program(seed: int, tmp_path: Path, objects: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    check(rich_program(seed), tmp_path, objects, capfdbinary, may_break=True)
