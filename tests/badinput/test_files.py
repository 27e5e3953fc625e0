"""Files that are missing, unreadable or something else, and damaged archives."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.badinput.support import attempt
from tests.support.archives import HEADER, THIN, member
from tests.support.objects import build
from wasmlink_tool.options import Input

GOOD = build()


def index(*offsets: int, count: int | None = None) -> bytes:
    names = b"".join(b"f\0" for _ in offsets)
    numbers = b"".join(offset.to_bytes(4, "big") for offset in (len(offsets) if count is None else count, *offsets))
    return member("/", numbers + names)


ARCHIVES: dict[str, bytes] = {
    "header cut": HEADER[:5],
    "member header cut": HEADER + member("a.o/", GOOD)[:30],
    "member content cut": HEADER + member("a.o/", GOOD)[:100],
    "member size too large": HEADER + member("a.o/", GOOD, size="99999999"),
    "member size absurd": HEADER + member("a.o/", GOOD, size="9999999999"),
    "member size negative": HEADER + member("a.o/", GOOD, size="-5"),
    "member size no number": HEADER + member("a.o/", GOOD, size="many"),
    "member size empty": HEADER + member("a.o/", GOOD, size=""),
    "member size hexadecimal": HEADER + member("a.o/", GOOD, size="0x10"),
    "member size underscored": HEADER + member("a.o/", GOOD, size="1_0"),
    "member end mark wrong": HEADER + member("a.o/", GOOD, end=b"??"),
    "long name beyond the table": HEADER + member("//", b"name.o/\n") + member("/500", GOOD),
    "long name without a table": HEADER + member("/0", GOOD),
    "long name offset no number": HEADER + member("//", b"name.o/\n") + member("/x1", GOOD),
    "long name offset absurd": HEADER + member("//", b"name.o/\n") + member("/99999999999999", GOOD),
    "long name unterminated": HEADER + member("//", b"name.o") + member("/0", GOOD),
    "long name not UTF-8": HEADER + member("//", b"\xff\xfe.o/\n") + member("/0", GOOD),
    "BSD name longer than the member": HEADER + member("#1/9999", GOOD),
    "BSD name length no number": HEADER + member("#1/abc", GOOD),
    "BSD name length negative": HEADER + member("#1/-4", GOOD),
    "two name tables": HEADER + member("//", b"a/\n") + member("//", b"b.o/\n") + member("/0", GOOD),
    "index empty": HEADER + member("/", b"") + member("a.o/", GOOD),
    "index cut": HEADER + member("/", b"\0\0") + member("a.o/", GOOD),
    "index count huge": HEADER + index(80, count=0xFFFFFFFF) + member("a.o/", GOOD),
    "index offset beyond the file": HEADER + index(0x7FFFFFFF) + member("a.o/", GOOD),
    "index offset to itself": HEADER + index(8) + member("a.o/", GOOD),
    "index offset into a member": HEADER + index(90) + member("a.o/", GOOD),
    "index names unterminated": HEADER
    + member("/", (1).to_bytes(4, "big") + (80).to_bytes(4, "big") + b"ffff")
    + member("a.o/", GOOD),
    "index only": HEADER + index(8),
    "index of 64 bits damaged": HEADER + member("/SYM64/", b"\xff" * 8) + member("a.o/", GOOD),
    "BSD index damaged": HEADER + member("#1/12", b"__.SYMDEF\0\0\0" + b"\xff" * 20) + member("a.o/", GOOD),
    "member truncated object": HEADER + member("a.o/", GOOD[:200]),
    "member empty": HEADER + member("a.o/", b""),
    "member of text": HEADER + member("a.txt/", b"hello"),
    "members of the same name": HEADER + member("a.o/", GOOD) + member("a.o/", GOOD),
    "garbage after the last member": HEADER + member("a.o/", GOOD) + b"garbage",
    "thin with a missing member": THIN + member("//", b"nowhere.o/\n") + member("/0", b"", size="100"),
    "thin that names itself": THIN + member("//", b"damaged.a/\n") + member("/0", b"", size="100"),
    "thin that names a directory": THIN + member("//", b"sub/\n") + member("/0", b"", size="100"),
    "thin with a zero in a name": THIN + member("//", b"a\0b/\n") + member("/0", b"", size="100"),
    "thin with an empty name": THIN + member("//", b"/\n") + member("/0", b"", size="100"),
    "thin with a wrong size": THIN + member("//", b"good.o/\n") + member("/0", b"", size="7"),
}


@pytest.mark.parametrize("whole", [False, True], ids=["lazy", "whole"])
@pytest.mark.parametrize("title", ARCHIVES)
def test_damaged_archive(title: str, whole: bool, tmp_path: Path) -> None:
    path = tmp_path / "damaged.a"
    path.write_bytes(ARCHIVES[title])
    (tmp_path / "sub").mkdir()
    (tmp_path / "good.o").write_bytes(GOOD)
    inputs = [Input(str(path), whole_archive=whole)]
    attempt(tmp_path, inputs, ["damaged.a", str(tmp_path)], undefined=["f"], exports_if_defined=["f"])


@pytest.mark.parametrize("title", [title for title in ARCHIVES if title.startswith("index ") and "only" not in title])
def test_a_damaged_index_changes_nothing(title: str, tmp_path: Path) -> None:
    """The members are read instead: the link is that of the archive without an index."""
    (tmp_path / "damaged.a").write_bytes(ARCHIVES[title])
    from wasmlink_tool import LinkOptions, link

    (tmp_path / "plain.a").write_bytes(HEADER + member("a.o/", GOOD))
    modules = [
        link(
            LinkOptions(inputs=[str(tmp_path / name)], output=None, entry=None, exports=["f"], import_undefined=True)
        ).module
        for name in ("damaged.a", "plain.a")
    ]
    assert modules[0] == modules[1]


def directory(path: Path) -> None:
    path.mkdir()


def dangling(path: Path) -> None:
    path.symlink_to("nowhere")


def circular(path: Path) -> None:
    path.symlink_to(path.name)


def unreadable(path: Path) -> None:
    path.write_bytes(GOOD)
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")


FILES: dict[str, Callable[[Path], object]] = {
    "missing": lambda path: None,
    "directory": directory,
    "dangling link": dangling,
    "circular link": circular,
    "unreadable": unreadable,
    "empty": lambda path: path.write_bytes(b""),
    "one byte": lambda path: path.write_bytes(b"\0"),
    "text": lambda path: path.write_bytes(b"int main() {}"),
    "ELF": lambda path: path.write_bytes(b"\x7fELF\2\1\1" + bytes(60)),
    "bitcode": lambda path: path.write_bytes(b"BC\xc0\xde" + bytes(60)),
    "zeros": lambda path: path.write_bytes(bytes(1000)),
}


@pytest.mark.parametrize("title", FILES)
def test_input_that_is_no_object(title: str, tmp_path: Path) -> None:
    path = tmp_path / "odd.o"
    FILES[title](path)
    assert attempt(tmp_path, [str(path)], ["odd.o"]) is not None


@pytest.mark.parametrize("title", ["missing", "directory", "circular link", "unreadable"])
def test_file_with_allowed_symbols(title: str, tmp_path: Path) -> None:
    path = tmp_path / "names.txt"
    FILES[title](path)
    (tmp_path / "good.o").write_bytes(GOOD)
    assert attempt(tmp_path, [str(tmp_path / "good.o")], ["names.txt"], allow_undefined_files=[str(path)]) is not None


def test_names_that_are_not_text(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_bytes(b"\xff\xfe\n\x80\n")
    (tmp_path / "good.o").write_bytes(GOOD)
    attempt(tmp_path, [str(tmp_path / "good.o")], ["names.txt"], allow_undefined_files=[str(tmp_path / "names.txt")])


@pytest.mark.parametrize("name", ["a\0b.o", "x" * 5000 + ".o", "odd\udcff.o", "new\nline.o", ""])
def test_odd_input_names(name: str, tmp_path: Path) -> None:
    assert attempt(tmp_path, [name], [name]) is not None


@pytest.mark.parametrize("name", ["nothing", ":nothing.a", "a/b", "", ":", "x" * 5000])
def test_missing_libraries(name: str, tmp_path: Path) -> None:
    error = attempt(
        tmp_path, [Input(name, library=True)], [f"-l{name}", str(tmp_path)], library_paths=[str(tmp_path), "nowhere"]
    )
    assert error is not None


def test_library_that_is_a_directory(tmp_path: Path) -> None:
    (tmp_path / "libx.a").mkdir()
    assert attempt(tmp_path, [Input("x", library=True)], ["libx.a", "-lx"], library_paths=[str(tmp_path)]) is not None
