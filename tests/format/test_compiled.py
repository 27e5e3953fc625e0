"""The package under test is the requested one: the pure one, or the compiled one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import wasmlink_tool
from wasmlink_tool.binary import relocations

EXPECTED = os.environ.get("WASMLINK_EXPECT")
"""``pure`` or ``compiled`` where the tests run on an installed wheel."""


def test_compiled_or_not() -> None:
    assert (EXPECTED == "compiled") == relocations.COMPILED


def test_installed_or_not() -> None:
    """The tests of an installed wheel must not import a checkout."""
    tests = Path(__file__).resolve().parents[2]
    assert (tests == Path(wasmlink_tool.__file__).resolve().parents[1]) == (EXPECTED is None)


def test_version_says_which() -> None:
    command = [sys.executable, "-m", "wasmlink_tool", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.rstrip().endswith(f"; {EXPECTED or 'pure'})")
