"""The inputs of the benchmark: each the arguments of a link, built on first use and kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench import toolchain
from bench.toolchain import BenchError
from tests.support import generated_project
from tests.support.wasi_objects import compile_all

SOURCES = Path(__file__).parent / "sources"
STACK = ("-z", "stack-size=1048576")


_STATEMENT = (
    "  return total;",
    "  for (int turn = 0; turn < (total & 7); turn++) total += turn * total ^ 3;\n  return total;",
)
"""An edit of a generated unit: a loop, and so a local variable more."""


@dataclass(frozen=True, slots=True)
class BenchInput:
    """A link to measure: its name and the linker's arguments without ``-o`` and ``-S``."""

    name: str
    arguments: tuple[str, ...]
    edited: tuple[Path, Path] | None = None
    """An object, and what becomes of it by an edit of its source: a statement more in a function."""

    @property
    def files(self) -> list[Path]:
        return [Path(argument) for argument in self.arguments if argument.endswith((".o", ".a"))]

    @property
    def size(self) -> int:
        """Bytes of all input files, archives whole."""
        return sum(path.stat().st_size for path in self.files)


def _write(path: Path, text: str) -> Path:
    """Write a generated source; one that did not change keeps its time, and so its object."""
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
    return path


def _program(
    name: str, work: Path, sources: list[Path], *, cxx: bool, optimize: str, edit: tuple[Path, str, str]
) -> BenchInput:
    """Compile and name a program; ``edit`` is a source, and a text in it and what takes its place."""
    directory = work / name
    directory.mkdir(parents=True, exist_ok=True)
    pairs = [(source, directory / f"{source.stem}.o") for source in sources]
    source, old, new = edit
    # With the same name, and beside a copy of its headers, so that debug information differs only by the edit.
    place = work / f"{name}-edited"
    place.mkdir(exist_ok=True)
    text = source.read_text()
    if old not in text:
        raise BenchError(f"{source} has no such text to edit: {old}")
    head, _, tail = text.rpartition(old)
    for header in source.parent.glob("*.h"):
        _write(place / header.name, header.read_text())
    edited = _write(place / source.name, head + new + tail), place / f"{source.stem}.o"
    compile_all([*pairs, edited], optimize=optimize)
    objects = [str(target) for _, target in pairs]
    arguments = (*STACK, *toolchain.libraries(work, cxx=cxx).around(objects))
    return BenchInput(name, arguments, (directory / f"{source.stem}.o", edited[1]))


def hello(work: Path) -> BenchInput:
    """A C program of one object with libc."""
    edit = SOURCES / "hello.c", "  return 0;", "  return argc > 7;"
    return _program("hello", work, [SOURCES / "hello.c"], cxx=False, optimize="-O2", edit=edit)


def words(work: Path) -> BenchInput:
    """A C++ program of one object: iostream, map, regex and sort with libc++."""
    edit = SOURCES / "words.cpp", "  return 0;", "  return words.size() > 7777;"
    return _program("words", work, [SOURCES / "words.cpp"], cxx=True, optimize="-O2", edit=edit)


def tables(work: Path) -> BenchInput:
    """A C program of one object whose tables are mostly zeros."""
    edit = SOURCES / "tables.c", "  return 0;", "  return alive > 7777;"
    return _program("tables", work, [SOURCES / "tables.c"], cxx=False, optimize="-O2", edit=edit)


def libc(work: Path) -> BenchInput:
    """A large C library: all of the toolchain's libc, every member linked and every symbol exported."""
    libraries = toolchain.libraries(work, cxx=False)
    archive = libraries.named("libc.a")
    others = [path for path in (*libraries.before, *libraries.after) if path.endswith(".a") and path != archive]
    flags = ("--no-entry", "--export-all", "--allow-undefined", "--allow-multiple-definition")
    return BenchInput("libc", (*flags, "--whole-archive", archive, "--no-whole-archive", *others))


def engine(work: Path, functions: int = 4000) -> BenchInput:
    """Two large objects, as an amalgamated C library and its driver are: about 4 MB."""
    source = work / "engine-source"
    source.mkdir(parents=True, exist_ok=True)
    _write(source / "project.h", generated_project.HEADER)
    sources = [
        _write(source / "engine.c", generated_project.unit_source(0, functions)),
        _write(source / "main.c", generated_project.main_source(1)),
    ]
    edit = sources[0], *_STATEMENT
    return _program("engine", work, sources, cxx=False, optimize="-O1", edit=edit)


def classes(work: Path, units: int = 40) -> BenchInput:
    """A C++ program of 40 objects with libc++: about 19 MB of objects."""
    source = work / "classes-source"
    source.mkdir(parents=True, exist_ok=True)
    sources = [_write(source / f"unit{unit}.cpp", generated_project.cxx_unit_source(unit)) for unit in range(units)]
    sources.append(_write(source / "main.cpp", generated_project.cxx_main_source(units)))
    edit = sources[units // 2], "sum += item % 7;", "sum += item % 7 + (item ^ sum);"
    return _program("classes", work, sources, cxx=True, optimize="-O1", edit=edit)


def generated(work: Path, objects: int = 400, functions: int = 100) -> BenchInput:
    """The generated project; one of fewer objects reuses those of a larger one."""
    source = work / f"generated-{functions}-source"
    source.mkdir(parents=True, exist_ok=True)
    _write(source / "project.h", generated_project.HEADER)
    texts = [generated_project.unit_source(unit, functions) for unit in range(objects)]
    sources = [_write(source / f"unit{unit}.c", text) for unit, text in enumerate(texts)]
    sources.append(_write(source / f"main{objects}.c", generated_project.main_source(objects)))
    edit = sources[objects // 2], *_STATEMENT
    built = _program(f"generated-{functions}", work, sources, cxx=False, optimize="-O1", edit=edit)
    return BenchInput(f"generated-{objects}x{functions}", built.arguments, built.edited)


def from_response_file(path: Path) -> BenchInput:
    """Any link that is at hand: a file with the linker's arguments, one a line."""
    if not path.exists():
        raise BenchError(f"cannot open {path}")
    name = path.parent.name if path.name == "link.args" else path.stem
    return BenchInput(name, tuple(line for line in path.read_text().splitlines() if line))


INPUTS: dict[str, Callable[[Path], BenchInput]] = {
    "hello": hello,
    "words": words,
    "tables": tables,
    "libc": libc,
    "engine": engine,
    "classes": classes,
    "generated": generated,
}
SCALING = (100, 200, 400, 800, 1600)
"""The numbers of objects that ``--scaling`` links."""
