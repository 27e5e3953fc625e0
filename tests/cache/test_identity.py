"""A changed linker is another linker; what has no part in a link does not count."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import wasmlink_tool

PROGRAM = "from wasmlink_tool import identity; print(identity.linker_identity()); print(identity.linker_stamp())"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    source = Path(wasmlink_tool.__file__).parent
    shutil.copytree(source, tmp_path / "wasmlink_tool", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def identities(checkout: Path) -> list[str]:
    command = [sys.executable, "-B", "-c", PROGRAM]
    return subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.mark.parametrize(
    ("file", "differ"),
    [
        ("linker.py", [True, True]),
        ("linking/explain/undefined.py", [True, True]),
        ("new/module.py", [True, True]),
        ("cli/interpret.py", [True, False]),
        ("scons/link.py", [False, False]),
    ],
)
def test_what_counts(checkout: Path, file: str, differ: list[bool]) -> None:
    before = identities(checkout)
    path = checkout / "wasmlink_tool" / file
    path.parent.mkdir(exist_ok=True)
    with open(path, "a") as module:
        module.write("# changed\n")
    after = identities(checkout)
    assert [one != other for one, other in zip(before, after)] == differ


def test_the_identity_does_not_depend_on_the_place(checkout: Path) -> None:
    elsewhere = checkout / "elsewhere"
    elsewhere.mkdir()
    shutil.copytree(checkout / "wasmlink_tool", elsewhere / "wasmlink_tool")
    assert identities(checkout)[0] == identities(elsewhere)[0]
