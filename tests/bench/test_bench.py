"""The benchmark runs, on a project small enough for a test."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.__main__ import main
from tests.support import generated_project


def test_smaller_projects_are_parts_of_larger_ones() -> None:
    assert generated_project.unit_source(3, 9) == generated_project.unit_source(3, 9)
    for unit in range(6):
        source = generated_project.unit_source(unit, 9)
        assert not any(f"counter_{other};" in source for other in range(unit + 1, 8))


def test_measures_a_generated_project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures = tmp_path / "figures.json"
    command = ["--only", "generated", "--objects", "4", "--functions", "9", "--rounds", "1"]
    assert main([*command, "--work", str(tmp_path), "--json", str(figures)]) == 0
    rows = json.loads(figures.read_text())
    assert [row["variant"] for row in rows] == ["-S", "-g"]
    assert all(row["objects"] == 6 and row["ours"] > 0 and row["our_peak"] > 0 for row in rows)
    assert all(row["our_size"] == row["reference_size"] for row in rows)
    assert capsys.readouterr().out.count("generated-4x9") == 2


def test_profiles_a_generated_project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["--only", "generated", "--objects", "2", "--functions", "5", "--profile", "--variant=-S"]
    assert main([*command, "--work", str(tmp_path)]) == 0
    assert "cumulative" in capsys.readouterr().out


def test_reports_a_missing_response_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--response", str(tmp_path / "none.args"), "--work", str(tmp_path)]) == 1
    assert "cannot open" in capsys.readouterr().err
