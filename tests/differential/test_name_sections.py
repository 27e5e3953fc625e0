"""The name section and COMDAT groups of an object: what LLVM's reader takes is taken, and nothing else."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.objects import COMDAT_INFO, PARTS, build, custom, leb, name, subsection, vector
from tests.support.toolchain import reference_command
from wasmlink_tool.binary.reader import FormatError
from wasmlink_tool.inputs.object_reader import read_object


def entry(index: int, text: str) -> bytes:
    return leb(index) + name(text)


def agree(content: bytes, directory: Path) -> None:
    path = directory / "a.o"
    path.write_bytes(content)
    command = [*reference_command(), "-r", str(path), "-o", str(directory / "out")]
    taken = not subprocess.run(command, capture_output=True, check=False, timeout=60).returncode
    try:
        read_object(content)
    except FormatError:
        assert not taken
    else:
        assert taken


VECTORS = {
    "one": vector(entry(1, "x")),
    "none": vector(),
    "twice": vector(entry(1, "x"), entry(1, "y")),
    "empty": vector(entry(1, "")),
    "absent": vector(entry(99, "x")),
    "just absent": vector(entry(2, "x")),
    "after the last": vector(entry(3, "x")),
    "bytes behind": vector(entry(1, "x")) + b"\0",
}


@pytest.mark.parametrize("kind", [0, 1, 2, 4, 7, 9, 11, 77])
@pytest.mark.parametrize("what", VECTORS)
def test_names(kind: int, what: str, tmp_path: Path) -> None:
    parts = {key: part for key, part in PARTS.items() if key not in ("producers", "target_features")}
    agree(build(parts) + custom("name", subsection(kind, VECTORS[what])), tmp_path)


@pytest.mark.parametrize("kind", [1, 7, 9])
def test_two_subsections_of_one_kind(kind: int, tmp_path: Path) -> None:
    for second in (0, 1):
        names = subsection(kind, vector(entry(1, "x"))) + subsection(kind, vector(entry(second, "y")))
        parts = {key: part for key, part in PARTS.items() if key not in ("producers", "target_features")}
        agree(build(parts) + custom("name", names), tmp_path)


@pytest.mark.parametrize("kind", [0, 1])
@pytest.mark.parametrize("groups", ["one", "twice in one", "two"])
def test_a_member_of_two_groups(kind: int, groups: str, tmp_path: Path) -> None:
    member = leb(kind) + leb(kind)
    one = name("g") + leb(0) + vector(member)
    found = {
        "one": vector(one),
        "twice in one": vector(name("g") + leb(0) + vector(member, member)),
        "two": vector(one, name("h") + leb(0) + vector(member)),
    }
    known = subsection(COMDAT_INFO, vector(name("group") + leb(0) + vector(leb(1) + leb(2))))
    content = PARTS["linking"]
    assert content.endswith(known)
    inner = content.split(name("linking"), 1)[1].removesuffix(known)
    agree(build(linking=custom("linking", inner + subsection(COMDAT_INFO, found[groups]))), tmp_path)
