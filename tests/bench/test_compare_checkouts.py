"""The comparison of two checkouts finds modules and messages that differ, and nothing where none do."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

import wasmlink_tool
from bench.compare_checkouts import main

ROOT = Path(wasmlink_tool.__file__).resolve().parents[1]
"""The directory of the package that is tested: the checkout, or where it is installed."""

OTHER_LINKER = '''
"""A linker that writes an empty module, whatever its inputs."""
from dataclasses import dataclass
from enum import Enum

class LinkError(Exception):
    pass

@dataclass
class Input:
    path: str
    whole_archive: bool

class LinkOptions:
    def __init__(self, inputs, output):
        self.inputs = inputs

    def __getattr__(self, name):
        return None

    def __post_init__(self):
        pass

class link:
    module = b"other"
    diagnostics = ()

    def __init__(self, options):
        pass
'''


def compare(old: Path, new: Path, *more: str) -> int:
    return main([str(old), str(new), "--only", "edits", "--edits", "3", *more])


def test_a_checkout_links_as_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert compare(ROOT, ROOT) == 0
    assert capsys.readouterr().out == "0 links of inputs and 0 of edits differ (seed 1)\n"


def test_names_the_edits_after_which_modules_differ(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "wasmlink_tool").mkdir()
    (tmp_path / "wasmlink_tool" / "__init__.py").write_text(OTHER_LINKER)
    assert compare(ROOT, tmp_path) == 1
    printed = capsys.readouterr().out
    assert "edit 0, with flags" in printed
    assert "0 links of inputs and 3 of edits differ" in printed


def test_refuses_a_directory_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It leaves no process."""
    started: list[subprocess.Popen[str]] = []
    original = subprocess.Popen.__init__

    def note(process: subprocess.Popen[str], *arguments: Any, **options: Any) -> None:
        started.append(process)
        original(process, *arguments, **options)

    monkeypatch.setattr(subprocess.Popen, "__init__", note)
    with pytest.raises(SystemExit, match="has no package wasmlink_tool"):
        compare(ROOT, tmp_path)
    assert len(started) == 2
    assert all(process.returncode is not None for process in started)
