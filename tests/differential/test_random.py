"""Random programs: whatever both linkers make of them, it is the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.differential import harness
from tests.differential.generate import program
from wasmlink_tool.cli import main

PROGRAMS = 60


@pytest.mark.parametrize("seed", range(PROGRAMS))
def test_program(seed: int, tmp_path: Path, objects: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    case = program(seed)
    for side in ("reference", "ours"):
        harness.prepare(case, tmp_path / side, objects)
    expected = harness.run_reference(case, tmp_path / "reference")
    arguments = harness.command_line(case, reference=False)
    found = harness.run_here(main, arguments, tmp_path / "ours", capfdbinary.readouterr)
    problems = harness.compare(case, expected, found)
    assert not problems, "\n\n".join([f"args: {case.args}", *problems])
