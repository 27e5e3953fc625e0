"""Links of several files, or with other options, for :mod:`bench.memory`: archives of each kind, lists, libraries.

Each function returns what a link of about so many bytes of input has: its files and its arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tests.support.archives import HEADER, THIN, member
from tests.support.objects import (
    FUNCTION,
    LOCAL,
    MAGIC,
    PAD,
    SYMBOL_TABLE,
    UNDEFINED,
    blob,
    build,
    custom,
    leb,
    linking,
    name,
    relocation,
    relocations,
    section,
    subsection,
    symbol,
    vector,
)

NOTHING = MAGIC + linking()
_TYPE = section(1, b"\1\x60\0\0")
_FUNCTION = section(3, b"\1\0")
_BODY = section(10, vector(blob(b"\0\x0b")))


class Link(NamedTuple):
    files: dict[str, bytes]
    arguments: tuple[str, ...]

    @property
    def size(self) -> int:
        return sum(map(len, self.files.values()))


def _of(contents: bytes, *arguments: str, path: str = "a.o") -> Link:
    return Link({path: contents}, (*arguments, path))


def _function(title: str, *extra: bytes) -> bytes:
    """Return an object with one function."""
    symbols = subsection(SYMBOL_TABLE, vector(symbol(FUNCTION, 0, leb(0), name(title))))
    return MAGIC + _TYPE + _FUNCTION + _BODY + linking(symbols) + b"".join(extra)


def _calling(title: str, called: str) -> bytes:
    """Return an object with one function, which calls another."""
    imports = section(2, vector(name("env") + name(called) + b"\0\0"))
    code = section(10, vector(blob(b"\0\x10" + PAD + b"\x0b")))
    symbols = vector(symbol(FUNCTION, 0, leb(1), name(title)), symbol(FUNCTION, UNDEFINED, leb(0)))
    table = linking(subsection(SYMBOL_TABLE, symbols))
    return MAGIC + _TYPE + imports + _FUNCTION + code + table + relocations("CODE", 3, relocation(0, 4, 1))


def _gnu_names(size: int, length: int = 60) -> Link:
    count = size // (60 + len(NOTHING) + length)
    names = b"".join(b"%0*d.o/\n" % (length - 4, number) for number in range(count))
    members = b"".join(member(f"/{length * number}", NOTHING) for number in range(count))
    return _of(HEADER + member("//", names) + members, path="lib.a")


def _bsd_names(size: int, length: int = 60) -> Link:
    count = size // (60 + len(NOTHING) + length)
    members = [member(f"#1/{length}", b"%0*d.o" % (length - 2, i) + NOTHING) for i in range(count)]
    return _of(HEADER + b"".join(members), path="lib.a")


def _thin(size: int, length: int = 30) -> Link:
    """Return an archive whose members are all the same two files."""
    paths = ["x" * (length - 3) + f"{number}.o" for number in range(2)]
    names = "".join(f"{path}/\n" for path in paths).encode()
    header = member("//", names)
    entries = b"".join(
        member(f"/{number % 2 * (len(paths[0]) + 2)}", b"", str(len(NOTHING))) for number in range(size // 60)
    )
    return Link({"lib.a": THIN + header + entries, **dict.fromkeys(paths, NOTHING)}, ("lib.a",))


def _lazy(size: int) -> Link:
    """Return an archive of which nothing is needed."""
    each = 60 + len(_function(" " * 6))
    members = (member(f"{number:x}/", _function(f"{number:6x}")) for number in range(size // each))
    return _of(HEADER + b"".join(members), "--no-whole-archive", path="lib.a")


def _chain(size: int) -> Link:
    """Return an archive of which each member needs the next one."""
    each = 61 + len(_calling(" " * 6, " " * 6))
    members = (member(f"{i:x}/", _calling(f"{i:6x}", f"{i + 1:6x}")) for i in range(size // each))
    return _of(HEADER + b"".join(members), "--no-whole-archive", "--undefined=     0", path="lib.a")


def _whole(size: int) -> Link:
    each = 60 + len(_function(" " * 6))
    members = (member(f"{number:x}/", _function(f"{number:6x}")) for number in range(size // each))
    return _of(HEADER + b"".join(members), path="lib.a")


def _objects(size: int) -> Link:
    """Return very many object files, in a response file."""
    files = {f"{number:x}.o": NOTHING for number in range(size // (len(NOTHING) + 8))}
    return Link({**files, "list.rsp": "\n".join(files).encode()}, ("@list.rsp",))


def _exports(size: int) -> Link:
    """Return a shared library with very many exports."""
    count = size // 9
    exports = section(7, leb(count) + b"".join(name(f"{number:x}") + b"\0\0" for number in range(count)))
    dylink = custom("dylink.0", subsection(1, bytes(4)))
    return _of(
        MAGIC + dylink + _TYPE + _FUNCTION + exports + _BODY, "-pie", "--experimental-pic", "-Bdynamic", path="l.so"
    )


def _needed(size: int) -> Link:
    count = size // 6
    dylink = custom("dylink.0", subsection(2, leb(count) + b"".join(name(f"{number:x}") for number in range(count))))
    return _of(MAGIC + dylink, "-pie", "--experimental-pic", "-Bdynamic", path="l.so")


def _stub(size: int) -> Link:
    return _of(b"#STUB\n" + b"".join(b"%x\n" % number for number in range(size // 6)), path="l.so")


def _stub_needs(size: int) -> Link:
    return _of(b"#STUB\na:" + b",".join(b"%x" % number for number in range(size // 6)), path="l.so")


def _allowed(size: int) -> Link:
    lines = b"".join(b"%x\n" % number for number in range(size // 6))
    return Link({"a.o": build(), "list": lines}, ("--allow-undefined-file=list", "a.o"))


def _options(option: str) -> Callable[[int], Link]:
    """Return links with an option for each of very many names."""

    def make(size: int) -> Link:
        lines = b"".join(b"%b%x\n" % (option.encode(), number) for number in range(size // (len(option) + 6)))
        return Link({"a.o": build(), "list.rsp": lines}, ("@list.rsp", "a.o"))

    return make


def _producers(size: int) -> Link:
    count = size // 7
    values = leb(count) + b"".join(name(f"{number:x}") + name("") for number in range(count))
    return _of(NOTHING + custom("producers", b"\1" + name("language") + values))


def _relocation_sections(size: int) -> Link:
    """Return an object with a relocation section for each of very many custom sections."""
    symbols = subsection(SYMBOL_TABLE, vector(symbol(FUNCTION, 0, leb(0), name("f"))))
    relocs = b""
    for number in range(size // 30):
        relocs += relocations("", 3 + number, relocation(8, 0, 0, 0))
    parts = custom("n", bytes(4)) * (size // 30)
    return _of(MAGIC + _TYPE + _FUNCTION + _BODY + parts + linking(symbols) + relocs)


def _named_functions(size: int) -> Link:
    count = size // 12
    names = leb(count) + b"".join(leb(number) + name(f"{number:x}") for number in range(count))
    code = section(3, leb(count) + bytes(count)) + section(10, leb(count) + blob(b"\0\x0b") * count)
    return _of(MAGIC + _TYPE + code + linking() + custom("name", subsection(1, names)))


def _components(size: int) -> Link:
    parts = [custom(f"component-type:{number:x}", b"x") for number in range(size // 23)]
    return _of(MAGIC + b"".join(parts) + linking())


def _sections(size: int) -> Link:
    return _of(MAGIC + custom("x", b"x") * (size // 5) + linking())


def _named_sections(size: int) -> Link:
    parts = [custom(f"{number:x}", b"x") for number in range(size // 9)]
    return _of(MAGIC + b"".join(parts) + linking())


def _mangled(size: int) -> Link:
    """Return functions whose names are nested templates."""
    names = [f"_Z1fI1AIS_I{number:x}EEEvv" for number in range(size // 36)]
    count = len(names)
    code = section(3, leb(count) + bytes(count)) + section(10, leb(count) + blob(b"\0\x0b") * count)
    symbols = b"".join(symbol(FUNCTION, 0, leb(i), name(text)) for i, text in enumerate(names))
    return _of(MAGIC + _TYPE + code + linking(subsection(SYMBOL_TABLE, leb(count) + symbols)))


def _globals_with(*arguments: str) -> Callable[[int], Link]:
    """Return links of very many global functions with other options."""

    def make(size: int) -> Link:
        count = size // 16
        code = section(3, leb(count) + bytes(count)) + section(10, leb(count) + blob(b"\0\x0b") * count)
        symbols = b"".join(symbol(FUNCTION, LOCAL * (i & 1), leb(i), name(f"{i:x}")) for i in range(count))
        table = linking(subsection(SYMBOL_TABLE, leb(count) + symbols))
        return _of(MAGIC + _TYPE + code + table, *arguments)

    return make


LINKS: dict[str, Callable[[int], Link]] = {
    "members with GNU names": _gnu_names,
    "members with BSD names": _bsd_names,
    "members of a thin archive": _thin,
    "members that nothing needs": _lazy,
    "members that need each other": _chain,
    "members with functions": _whole,
    "object files": _objects,
    "exports of a library": _exports,
    "needed libraries": _needed,
    "lines of a stub library": _stub,
    "needs of a stub library": _stub_needs,
    "lines of --allow-undefined-file": _allowed,
    "--export-if-defined=": _options("--export-if-defined="),
    "--undefined=": _options("-u"),
    "--wrap=": _options("--wrap="),
    "--trace-symbol=": _options("--trace-symbol="),
    "producers": _producers,
    "relocation sections": _relocation_sections,
    "names of functions": _named_functions,
    "component types": _components,
    "custom sections of a byte": _sections,
    "custom sections with names": _named_sections,
    "mangled names": _mangled,
    "functions": _globals_with(),
    "functions and a map": _globals_with("-Map=map"),
    "functions and reports": _globals_with("--time-report=time.json"),
    "functions, removed": _globals_with("--gc-sections", "--print-gc-sections"),
    "functions with -r": _globals_with("-r"),
    "functions with --emit-relocs": _globals_with("--emit-relocs"),
    "functions with a cache": _globals_with("--cache-dir=cache"),
    "functions, exported": _globals_with("--export-all"),
    "functions, reproduced": _globals_with("--reproduce=r.tar"),
}
"""By name, the link of about so many bytes."""

SLOW_REFERENCE = frozenset(("producers",))
"""The links that take the reference linker an hour."""
