"""Every case of ``cases/``, linked by the reference and by this linker."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.differential import harness
from tests.differential.cases import all_cases
from tests.differential.harness import Case, Result

SELF_CHECK = bool(os.environ.get("WASMLINK_SELF_CHECK"))
"""Compare the reference with itself: shows that the cases mean something where this linker is not at hand."""


def ours(case: Case, directory: Path, capture: pytest.CaptureFixture[bytes]) -> Result:
    if SELF_CHECK:
        return harness.run_reference(case, directory)
    from wasmlink_tool.cli import main

    return harness.run_here(main, harness.command_line(case, reference=False), directory, capture.readouterr)


@pytest.mark.parametrize("case", [pytest.param(case, id=f"{point}-{case.name}") for point, case in all_cases()])
def test_case(case: Case, tmp_path: Path, objects: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    harness.prepare(case, tmp_path / "reference", objects)
    harness.prepare(case, tmp_path / "ours", objects)
    expected = harness.run_reference(case, tmp_path / "reference")
    harness.check_expectations(case, expected)
    found = ours(case, tmp_path / "ours", capfdbinary)
    problems = harness.compare(case, expected, found)
    assert not problems, "\n\n".join([f"args: {case.args}", *problems])
    if found.module is not None and case.validate:
        harness.validate(found.module)
    if case.calls:
        assert expected.module is not None
        assert found.module is not None
        results, heard = harness.run_module(expected.module, case.calls)
        assert results == case.calls
        assert case.heard is None or heard == list(case.heard)
        assert harness.run_module(found.module, case.calls) == (results, heard)


def test_names_are_unique() -> None:
    names = [f"{point}-{case.name}" for point, case in all_cases()]
    assert len(names) == len(set(names))
