"""The benchmark runs, on a project small enough for a test."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from bench import growth, null_build, page, rebuild, start_up
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


def test_measures_the_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures = tmp_path / "figures.json"
    assert start_up.main(["--rounds", "1", "--work", str(tmp_path), "--json", str(figures)]) == 0
    rows = {row["command"]: row for row in json.loads(figures.read_text())}
    assert {start_up.REFERENCE, start_up.MODULE, start_up.PYTHON} <= rows.keys()
    assert rows[start_up.REFERENCE]["clock_ratio"] == 1
    assert all(row["processor"] > 0 for row in rows.values())
    assert start_up.main(["--rounds", "1", "--work", str(tmp_path), "--imports"]) == 0
    assert "wasmlink_tool.linker" in capsys.readouterr().out


def test_growth_is_that_of_the_time_to_that_of_the_objects(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    command = ["--objects", "2", "6", "--functions", "9", "--rounds", "1", "--work", str(tmp_path)]
    assert growth.main([*command, "--build"]) == 0
    assert not figures.exists()
    assert growth.main([*command, "--json", str(figures)]) == 0
    rows = json.loads(figures.read_text())
    assert [(row["variant"], row["kind"]) for row in rows] == list(itertools.product(("-S", "-g"), ("cold", "warm")))
    assert all(row["ratio"] == pytest.approx(row["large"] / row["small"] / row["input_growth"]) for row in rows)
    assert 1 < rows[0]["input_growth"] < 3


def test_builds_and_null_builds_are_measured(tmp_path: Path) -> None:
    """Both projects, in turn."""
    builds, nothing = tmp_path / "builds.json", tmp_path / "null.json"
    command = ["--objects", "3", "--rounds", "1", "--work", str(tmp_path)]
    assert rebuild.main([*command, "--functions", "9", "--json", str(builds)]) == 0
    assert [row["variant"] for row in json.loads(builds.read_text())] == ["-S", "-g"]
    assert null_build.main([*command, "--json", str(nothing)]) == 0
    rows = {row["program"]: row for row in json.loads(nothing.read_text())}
    assert rows["WasmProgram"]["processor"] > 0 and rows["Program"]["clock"] > 0


def test_the_page_has_the_figures_of_both_packages() -> None:
    link = {"name": "hello", "variant": "-S", "input_size": 2_000_000, "our_peak": 30, "reference_peak": 60}
    link |= {"reference": 40.0, "ours": 80.0, "in_process": 20.0, "warm": 10.0, "warm_peak": 15, "identical": True}
    bare = {**link, "name": "libc", "ours": 320.0, "warm": None, "warm_peak": None}
    start = {"command": "wasmlink", "clock": 60.0, "processor": 50.0, "clock_ratio": 2.0, "processor_ratio": 1.5}
    edit = {"program": "c", "variant": "-g", "edit": "a constant", "ratio": 0.5, "how": "fast"}
    other = {**edit, "edit": "a name", "ratio": 1.5, "how": "whole"}
    builds = [{"variant": "-S", "ratio": 0.75}, {"variant": "-g", "ratio": 0.5}]
    nothing = [{"program": "WasmProgram", "clock": 1.5}, {"program": "Program", "clock": 1.0}]
    growing = [{"variant": "-S", "kind": "cold", "ratio": 0.9}, {"variant": "-S", "kind": "warm", "ratio": 0.4}]
    figures: page.Figures = {
        "pure": {
            "links": [link, bare],
            "start": [start],
            "edits": [edit, other],
            "builds": builds,
            "null-builds": nothing,
            "growth": growing,
        },
        "compiled": {name: [] for name in page.RUNS}
        | {"links": [{**link, "ours": 50.0}], "start": [start], "edits": [{**edit, "ratio": 0.25}]},
    }
    text = page.page(figures, "a machine")
    assert "| hello -S | 2.0 | 40 | 80 | 50 | 2.00 | 1.25 | 0.50 | 0.50 | 0.25 | 0.25 | 0.50 | yes |" in text
    assert "| pure | `wasmlink` | 60.0 | 2.00 | 50.0 | 1.50 |" in text
    assert "| a constant | 0.50 fast | 0.25 fast |" in text
    assert "| **median** | 1.00 | 0.25 |" in text
    summary = dict(line[2:].split(" | ", 1) for line in text.splitlines() if line.startswith("| "))
    assert summary["edits whose link reuses the last one"] == "50% | 100% |"
    assert summary["after an edit, with debug information: median; 90th percentile"] == "1.00; 1.50 | 0.25; 0.25 |"
    assert summary["first link by the command: geometric mean; worst"] == "4.00; 8.00 | 1.25; 1.25 |"
    assert summary["`scons` after one of 400 objects changed: stripped; with debug information"] == "0.75; 0.50 |  |"
    assert summary["`scons` with nothing to do, to SCons's own `Program`"] == "1.50 |  |"
    assert summary["peak memory, after an edit: geometric mean; worst"] == "0.25; 0.25 | 0.25; 0.25 |"
    assert summary["growth, after an edit: stripped; with debug information"] == "0.40 |  |"
    tables = [line.count("|") for line in text.splitlines() if line.startswith("|")]
    assert sorted(set(tables)) == [4, 7, 14]
