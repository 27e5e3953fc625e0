"""Inputs that change in other ways than by what is in a file of the same name."""

from __future__ import annotations

import mmap
import os
import time
from pathlib import Path

import pytest

from tests.cache.again import compiled, linked, thin_archive, write_archive
from wasmlink_tool.diagnostics import LinkError
from wasmlink_tool.linker import link
from wasmlink_tool.options import Input, LinkOptions, UnresolvedPolicy

MAIN = "extern int a(int); void _start(void) { a(1); }"
VERSIONS = ("int a(int x) { return x; }", "int a(int x) { return x * 7; }")


@pytest.fixture
def versions(tmp_path: Path) -> list[Path]:
    """Two objects that define the same."""
    names = ("one.c", "two.c")
    return [Path(path) for path in compiled(tmp_path, dict(zip(names, VERSIONS)), flags=["-g0"])]


@pytest.fixture
def main(tmp_path: Path) -> str:
    return compiled(tmp_path, {"main.c": MAIN})[0]


def test_a_link_to_a_file_that_comes_to_lead_to_another(tmp_path: Path, main: str, versions: list[Path]) -> None:
    link = tmp_path / "a.o"
    modules = set()
    for version in (*versions, versions[0]):
        link.unlink(missing_ok=True)
        link.symlink_to(version)
        modules.add(linked(tmp_path, [main, str(link)]))
    assert len(modules) == 2


def test_a_file_whose_times_say_that_it_is_old(tmp_path: Path, main: str, versions: list[Path]) -> None:
    path = tmp_path / "a.o"
    contents = [version.read_bytes() for version in versions]
    size = max(map(len, contents))
    modules = set()
    for data in contents:
        # A custom section makes both as large.
        padding = size - len(data) + 8
        path.write_bytes(data + b"\0" + bytes([padding]) + b"\1x" + bytes(padding - 2))
        os.utime(path, (1_000_000_000, 1_000_000_000))
        modules.add(linked(tmp_path, [main, str(path)]))
    assert len(modules) == 2


def test_a_file_becomes_a_directory(tmp_path: Path, main: str, versions: list[Path]) -> None:
    path = tmp_path / "a.o"
    path.write_bytes(versions[0].read_bytes())
    assert isinstance(linked(tmp_path, [main, str(path)]), bytes)
    path.unlink()
    assert "a.o" in str(linked(tmp_path, [main, str(path)]))
    path.mkdir()
    assert "a.o" in str(linked(tmp_path, [main, str(path)]))


def test_an_object_becomes_an_archive_and_back(tmp_path: Path, main: str, versions: list[Path]) -> None:
    path = tmp_path / "a.o"
    modules = set()
    for number, version in enumerate((*versions, *versions)):
        if number % 2:
            write_archive(path, version)
        else:
            path.write_bytes(version.read_bytes())
        modules.add(linked(tmp_path, [main, str(path)]))
    assert len(modules) == 2


def test_a_library_that_is_found_earlier(tmp_path: Path, main: str, versions: list[Path]) -> None:
    directories = [tmp_path / "first", tmp_path / "second"]
    modules = set()
    for directory, version in zip(reversed(directories), versions):
        directory.mkdir()
        write_archive(directory / "liba.a", version)
        paths = [str(directory) for directory in directories]
        modules.add(linked(tmp_path, [main, Input("a", library=True)], library_paths=paths))
    assert len(modules) == 2


def test_a_list_of_undefined_symbols_comes_and_goes(tmp_path: Path, versions: list[Path]) -> None:
    main = compiled(tmp_path, {"user.c": "extern int a(int), host(int); void _start(void) { a(host(1)); }"})[0]
    archive, imports = tmp_path / "liba.a", tmp_path / "liba.imports"
    write_archive(archive, versions[0])
    found = []
    for names in ("host\n", None, "host\n", "other\n"):
        imports.unlink(missing_ok=True)
        if names is not None:
            imports.write_text(names)
        found.append(isinstance(linked(tmp_path, [main, str(archive)]), bytes))
    assert found == [True, False, True, False]


def test_a_list_of_undefined_symbols_comes_beside_a_thin_archive(tmp_path: Path) -> None:
    sources = {"main.c": MAIN, "a.c": "extern int host(int); int a(int x) { return host(x); }"}
    main, member = compiled(tmp_path, dict(sources), flags=["-g0"])
    archive = tmp_path / "liba.a"
    thin_archive(archive, Path(member))
    modules = set()
    for names in ("", "host\n"):
        if names:
            (tmp_path / "liba.imports").write_text(names)
        modules.add(linked(tmp_path, [main, str(archive)], unresolved_symbols=UnresolvedPolicy.IGNORE))
    assert len(modules) == 2


def test_an_archive_that_is_given_twice(tmp_path: Path) -> None:
    # The second time all of it is linked, and its constructors once more.
    archive = tmp_path / "liba.a"
    modules = set()
    for value in (1, 2):
        constructor = f"static volatile int n; __attribute__((constructor)) static void start(void) {{ n = {value}; }}"
        source = f"__attribute__((weak)) int a(int x) {{ return x; }} {constructor}"
        main, member = compiled(tmp_path, {"main.c": MAIN, "a.c": source}, flags=["-g0"])
        write_archive(archive, Path(member))
        modules.add(linked(tmp_path, [main, str(archive), Input(str(archive), whole_archive=True)]))
    assert len(modules) == 2


def test_the_working_directory(
    tmp_path: Path, main: str, versions: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    modules = set()
    for version in versions:
        directory = tmp_path / f"in-{version.stem}"
        directory.mkdir()
        (directory / "a.o").write_bytes(version.read_bytes())
        monkeypatch.chdir(directory)
        modules.add(linked(tmp_path, [main, "a.o"]))
    assert len(modules) == 2


@pytest.mark.skipif(not os.path.exists("/dev/fd"), reason="the system has no names for open files")
def test_a_pipe_can_be_read_only_once(tmp_path: Path, main: str, versions: list[Path]) -> None:
    other = compiled(
        tmp_path, {"other.c": "extern int a(int), b; int c(int x) { return b; } int a(int x) { return x; }"}
    )
    for contents in (versions[0].read_bytes(), Path(other[0]).read_bytes()):
        said: list[bytes | str] = []
        for directory in (str(tmp_path / "cache"), None):
            reader, writer = os.pipe()
            os.write(writer, contents)
            os.close(writer)
            inputs = [main, f"/dev/fd/{reader}"]
            try:
                said.append(link(LinkOptions(inputs=inputs, output=None, cache_directory=directory)).module)
            except LinkError as error:
                said.append(str(error))
            os.close(reader)
        assert said[0] == said[1]


def test_an_object_that_a_program_has_mapped(tmp_path: Path) -> None:
    """The system gives a file no new time for a store to a page that is to be written back already."""
    (path,) = compiled(tmp_path, {"a.c": 'const char text[] = "one"; const char *go(void) { return text; }'})
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), 0) as mapped:
        place = mapped.find(b"one")
        modules = set()
        for letter in b"XYZ":
            mapped[place] = letter
            time.sleep(0.1)
            for _ in range(2):
                modules.add(linked(tmp_path, [path], entry=None, exports=["go"]))
    assert len(modules) == 3
