"""Links where the calls that Windows lacks are gone, and what it refuses is refused."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import wasmlink_tool
from tests.platforms.windows_calls import POSIX_ONLY
from tests.support.toolchain import make_archive, reference_command, zig
from wasmlink_tool import LinkError, LinkOptions, host, link
from wasmlink_tool.toolchain import programs

PACKAGE = Path(wasmlink_tool.__file__).resolve().parent
SITE = Path(__file__).resolve().parent / "windows_site"
HOST_MODULES = {"host.py", "fork_pool.py"}
"""The modules that may make such calls: the one for all, and the child processes that there are only where fork is."""
SOURCES = {
    "main": "int area(int); int twice(int); int values[300] = {1};\n"
    "int run(void) { return area(3) + twice(values[2]); }\n",
    "area": "int area(int radius) { return 3 * radius * radius; }\n",
    "twice": "int twice(int number) { return 2 * number; }\n",
}

OPTIONS = ("--no-entry", "--export=run", "--strip-debug", "--data-order=input")

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="is played with the help of /proc")


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("objects")
    for name, text in SOURCES.items():
        compile_object(directory, name, text)
    return directory


def compile_object(directory: Path, name: str, text: str) -> None:
    source = directory / f"{name}.c"
    source.write_text(text)
    command = [zig(), "cc", "--target=wasm32-freestanding", "-O1", "-c", source.name, "-o", f"{name}.o"]
    subprocess.run(command, cwd=directory, check=True, capture_output=True)


def windows(directory: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
    """Run Python as it is on Windows."""
    paths = os.pathsep.join([str(SITE), str(PACKAGE.parent)])
    environment = {**os.environ, "PYTHONPATH": paths, "PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0", **variables}
    return subprocess.run(
        [sys.executable, *arguments], cwd=directory, env=environment, capture_output=True, check=False
    )


def linked(directory: Path, *arguments: str) -> bytes:
    done = windows(directory, "-m", "wasmlink_tool", *OPTIONS, "-o", "app.wasm", *arguments)
    assert (done.stderr, done.stdout, done.returncode) == (b"", b"", 0)
    return (directory / "app.wasm").read_bytes()


def reference(directory: Path, *arguments: str) -> bytes:
    """The reference's module, which is named after its file."""
    subprocess.run([*reference_command(), *OPTIONS[:3], "-o", "app.wasm", *arguments], cwd=directory, check=True)
    return (directory / "app.wasm").read_bytes()


@linux
def test_calls_are_gone(tmp_path: Path) -> None:
    """The other tests rely on this."""
    done = windows(tmp_path, "-c", "import os, mmap; print([hasattr(os, n) for n in ('fork', 'pread', 'geteuid')])")
    assert done.stdout.strip() == b"[False, False, False]", done.stderr
    done = windows(tmp_path, "-c", "import os; f = open('held', 'w'); os.replace('held', 'other')")
    assert b"PermissionError" in done.stderr


@linux
def test_links_cold_and_warm(objects: Path, tmp_path: Path) -> None:
    for name in SOURCES:
        (tmp_path / f"{name}.o").write_bytes((objects / f"{name}.o").read_bytes())
    files = ["main.o", "area.o", "twice.o"]
    expected = reference(tmp_path, *files)
    assert linked(tmp_path, *files) == expected
    for _ in range(2):
        assert linked(tmp_path, "--cache-dir=cache", *files) == expected
    compile_object(tmp_path, "area", SOURCES["area"].replace("3 *", "5 *"))
    expected = reference(tmp_path, *files)
    for _ in range(2):
        assert linked(tmp_path, "--cache-dir=cache", *files) == expected
    assert not [path for path in tmp_path.rglob("*") if ".tmp" in path.name]


@linux
def test_side_files(objects: Path, tmp_path: Path) -> None:
    options = ["--Map=app.map", "--dependency-file=app.d", "--time-report=app.txt", "--reproduce=app.tar"]
    linked(tmp_path, *options, *(str(objects / f"{name}.o") for name in SOURCES))
    assert all((tmp_path / option.partition("=")[2]).stat().st_size for option in options)


@linux
def test_output_that_is_open(objects: Path, tmp_path: Path) -> None:
    """Windows does not replace it: the link fails, says so, and leaves it as it was."""
    (tmp_path / "app.wasm").write_bytes(b"old")
    text = "import sys\nfile = open('app.wasm', 'rb')\nfrom wasmlink_tool.cli import main\nsys.exit(main())"
    inputs = [str(objects / f"{name}.o") for name in SOURCES]
    done = windows(tmp_path, "-c", text, "--no-entry", "--export=run", "-o", "app.wasm", *inputs)
    assert done.returncode == 1
    assert b"app.wasm" in done.stderr
    assert b"Permission denied" in done.stderr
    assert (tmp_path / "app.wasm").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["app.wasm"]


@linux
def test_response_file_with_carriage_returns(objects: Path, tmp_path: Path) -> None:
    inputs = [str(objects / f"{name}.o") for name in SOURCES]
    expected = linked(tmp_path, *inputs)
    (tmp_path / "inputs.rsp").write_bytes("\r\n".join(inputs).encode() + b"\r\n")
    assert linked(tmp_path, "@inputs.rsp") == expected
    assert linked(tmp_path, "--rsp-quoting=windows", "@inputs.rsp") == expected


@linux
def test_list_with_carriage_returns(objects: Path, tmp_path: Path) -> None:
    """The reference reads it in the same way."""
    (tmp_path / "allowed.txt").write_bytes(b"# comment\r\narea\r\ntwice\r\n")
    arguments = ["--allow-undefined-file=allowed.txt", str(objects / "main.o")]
    assert linked(tmp_path, *arguments) == reference(tmp_path, *arguments)


@linux
def test_console_without_unicode(objects: Path, tmp_path: Path) -> None:
    """A name that the console cannot show does not end in a traceback."""
    compile_object(tmp_path, "main", 'int there(void) __asm__("\u6771\u4eac"); int run(void) { return there(); }\n')
    done = windows(tmp_path, "-m", "wasmlink_tool", "--no-entry", "--export=run", "-o", "app.wasm", "main.o")
    assert done.returncode == 1
    assert b"undefined symbol" in done.stderr
    assert b"Traceback" not in done.stderr


@linux
def test_names_in_another_case(objects: Path, tmp_path: Path) -> None:
    """The same file is found, in every directory that is searched, and the cache is one directory."""
    (tmp_path / "Main.o").write_bytes((objects / "main.o").read_bytes())
    for directory, member in (("First", "area"), ("Second", "twice")):
        (tmp_path / directory).mkdir()
        (tmp_path / directory / f"{member}.o").write_bytes((objects / f"{member}.o").read_bytes())
        make_archive(tmp_path / directory / f"lib{directory}.a", [f"{member}.o"])
    (tmp_path / "Second" / "libFirst.a").write_bytes(b"not the first that is found")
    expected = reference(tmp_path, "Main.o", "-LFirst", "-LSecond", "-lFirst", "-lSecond")
    others = ["MAIN.O", "-Lfirst", "-LSECOND", "-lfirst", "-lSecond"]
    assert linked(tmp_path, *others) == expected
    assert linked(tmp_path, "--cache-dir=Cache", *others) == expected
    assert linked(tmp_path, "--cache-dir=cache", "main.o", *others[1:]) == expected
    assert sorted(path.name for path in tmp_path.iterdir()) == ["Cache", "First", "Main.o", "Second", "app.wasm"]


@linux
def test_output_that_is_an_input_in_another_case(objects: Path, tmp_path: Path) -> None:
    inputs = [str(objects / f"{name}.o") for name in ("area", "twice")]
    (tmp_path / "Main.o").write_bytes((objects / "main.o").read_bytes())
    expected = linked(tmp_path, "main.o", *inputs)
    (tmp_path / "app.wasm").unlink()
    done = windows(tmp_path, "-m", "wasmlink_tool", *OPTIONS, "-o", "MAIN.O", "main.o", *inputs)
    assert (done.stderr, done.returncode) == (b"", 0)
    assert [path.name for path in tmp_path.iterdir()] == ["Main.o"]
    assert len((tmp_path / "Main.o").read_bytes()) == len(expected) - len("app.wasm") + len("MAIN.O")


@linux
@pytest.mark.parametrize("room", range(60, 160, 20))
def test_cache_whose_paths_are_too_long(room: int, objects: Path, tmp_path: Path) -> None:
    """The links are those without a cache: a file is in the cache, or its path is too long and it is not. The output
    takes some room, too: it has a longer name until it is complete."""
    project = tmp_path / ("d" * (259 - room - len(str(tmp_path)) - 1))
    project.mkdir()
    for name in SOURCES:
        (project / f"{name}.o").write_bytes((objects / f"{name}.o").read_bytes())
    files = [f"{name}.o" for name in SOURCES]
    expected = reference(project, *files)
    for _ in range(3):
        assert linked(project, "--cache-dir=cache", *files) == expected
    assert not [path for path in project.rglob("*") if ".tmp" in path.name]


def test_a_path_that_is_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows says of it that there is no such file."""
    monkeypatch.setattr(host, "IS_WINDOWS", True)
    long = str(tmp_path / "/".join(["directory"] * 30) / "a.o")
    (tmp_path / "b.o").write_bytes(b"\0asm\1\0\0\0" + b"\0\x09\x07linking\2")
    for options in (LinkOptions(inputs=[long]), LinkOptions(inputs=[str(tmp_path / "b.o")], entry=None, output=long)):
        with pytest.raises(LinkError, match=r"the path has \d+ characters; Windows opens at most 259"):
            link(options)
    with pytest.raises(LinkError) as caught:
        link(LinkOptions(inputs=[str(tmp_path / "a.o")]))
    assert "characters" not in str(caught.value)


@pytest.mark.parametrize(("suffix", "program"), [("", "zig"), (".exe", "zig.exe")], ids=["macos", "windows"])
def test_zig_is_found_as_its_wheels_have_it(
    suffix: str, program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wheels of ziglang for macOS and Windows have the program and ``lib`` beside ``__init__.py``."""
    package = tmp_path / "ziglang"
    (package / "lib").mkdir(parents=True)
    for name in ("__init__.py", "__main__.py", program):
        (package / name).write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "ziglang", raising=False)
    monkeypatch.setattr(programs, "EXECUTABLE_SUFFIX", suffix)
    assert programs.find_zig(path="") == str(package / program)


def posix_only_calls(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            name = f"{node.value.id}.{node.attr}"
            if name in POSIX_ONLY:
                yield f"{name}, line {node.lineno}"
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            yield from (f"import {name}, line {node.lineno}" for name in names if name in POSIX_ONLY)


def test_one_place_knows_the_systems() -> None:
    """Calls that Windows does not have are made where it is said what stands in for them."""
    found = {
        path.relative_to(PACKAGE).as_posix(): calls
        for path in PACKAGE.rglob("*.py")
        if path.relative_to(PACKAGE).as_posix() not in HOST_MODULES and (calls := list(posix_only_calls(path)))
    }
    assert found == {}
