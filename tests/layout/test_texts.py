"""Rules for every text in the checkout."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SUFFIXES = {"", ".c", ".cpp", ".h", ".md", ".py", ".s", ".toml", ".txt", ".wit", ".yml"}
MADE = {".cache", ".git", ".hypothesis", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".venv", ".work", "__pycache__"}
"""Directories that tools make, at the top and below."""
MARKER = re.compile(r"^(<{7}|\|{7}|>{7})( |$)|^={7}$", re.MULTILINE)


def texts() -> Iterator[tuple[str, str]]:
    for directory, inner, names in os.walk(ROOT):
        inner[:] = [name for name in inner if name not in MADE and not name.endswith(".egg-info")]
        for path in (Path(directory, name) for name in names if Path(name).suffix in SUFFIXES):
            try:
                yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue


def test_no_text_has_a_conflict_marker() -> None:
    assert [name for name, text in texts() if MARKER.search(text)] == []


def test_markers_are_found() -> None:
    assert MARKER.search("a\n" + "<" * 7 + " HEAD\n")
    assert MARKER.search("a\n" + "=" * 7 + "\nb")
    assert not MARKER.search("Title\n" + "=" * 9 + "\n")
