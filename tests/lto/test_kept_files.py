"""``--save-temps`` writes files whose names the user did not choose: it replaces those of earlier links only."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.support.toolchain import compile_object
from wasmlink_tool import LinkError, LinkOptions, link

KEPT = "out.wasm.resolution.txt"
"""A file that is kept whatever the compiler is."""


@pytest.fixture
def bitcode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "some.o"
    path.write_bytes(compile_object("// flags: -flto -O2\nint run(int x) { return x; }\n", ".c", tmp_path))
    return path.name


def _link(*inputs: str) -> None:
    link(LinkOptions(inputs=[*inputs], output="out.wasm", entry=None, exports=["run"], save_temps=True))


def _refusal(*inputs: str) -> str:
    with pytest.raises(LinkError) as caught:
        _link(*inputs)
    return str(caught.value)


def test_a_file_of_the_last_link_is_replaced(bitcode: str) -> None:
    _link(bitcode)
    first = Path(KEPT).read_bytes()
    Path(KEPT).write_bytes(b"old")
    _link(bitcode)
    assert Path(KEPT).read_bytes() == first


@pytest.mark.skipif(os.name != "posix", reason="needs a POSIX system")
def test_a_planted_link_is_replaced_and_not_followed(bitcode: str) -> None:
    Path("victim").write_bytes(b"precious")
    Path(KEPT).symlink_to("victim")
    _link(bitcode)
    assert Path("victim").read_bytes() == b"precious"
    assert not Path(KEPT).is_symlink()


@pytest.mark.skipif(os.name != "posix", reason="needs a POSIX system")
def test_nobody_waits_for_a_planted_pipe(bitcode: str) -> None:
    os.mkfifo(KEPT)
    assert f"--save-temps: cannot write {KEPT}: not a regular file" in _refusal(bitcode)


def test_a_directory_of_that_name(bitcode: str) -> None:
    Path(KEPT).mkdir()
    assert f"--save-temps: cannot write {KEPT}: " in _refusal(bitcode)


def test_no_input_is_replaced(bitcode: str) -> None:
    """An object that an earlier link kept, and that is linked now."""
    _link(bitcode)
    kept = "out.wasm.lto.o"
    contents = Path(kept).read_bytes()
    shutil.copy(bitcode, "other.o")
    Path("other.o").write_bytes(Path(bitcode).read_bytes().replace(b"run", b"cun"))
    text = _refusal("other.o", kept)
    assert f"--save-temps: {kept} would replace an input of the link: {kept}" in text
    assert Path(kept).read_bytes() == contents
