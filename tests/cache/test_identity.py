"""A changed linker is another linker; what has no part in a link does not count."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import wasmlink_tool

PROGRAM = """
from wasmlink_tool import identity
print(identity.linker_identity(), identity.linker_stamp(), identity.identity_stamp(), sep="\\n")
"""


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
        ("linker.py", [True, True, True]),
        ("linking/explain/undefined.py", [True, True, True]),
        ("new/module.py", [True, True, True]),
        ("cli/interpret.py", [True, False, True]),
        ("scons/link.py", [False, False, False]),
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


def test_a_remembered_identity_is_not_computed(checkout: Path) -> None:
    code = "from wasmlink_tool import identity as i; i.remember_identity('known'); print(i.linker_identity())"
    done = subprocess.run([sys.executable, "-B", "-c", code], cwd=checkout, capture_output=True, text=True, check=True)
    assert done.stdout == "known\n"


def test_files_of_the_same_contents_with_other_times_are_looked_at_again(checkout: Path) -> None:
    before = identities(checkout)
    os.utime(checkout / "wasmlink_tool" / "linker.py", (1, 1))
    after = identities(checkout)
    assert [one != other for one, other in zip(before, after)] == [False, True, True]
