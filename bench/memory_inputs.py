"""Inputs of very many small symbols, segments, functions and relocations, each with the options of its link.

:mod:`.memory` measures them. An input here is an object; like those of :mod:`.memory`, it has little but one kind of
thing, in as few bytes as the format allows.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.support.objects import (
    DATA,
    EXPLICIT_NAME,
    EXPORTED,
    FUNCTION,
    LOCAL,
    MAGIC,
    SEGMENT_INFO,
    SYMBOL_TABLE,
    UNDEFINED,
    WEAK,
    blob,
    leb,
    linking,
    name,
    relocation,
    relocations,
    section,
    subsection,
    symbol,
)

Make = Callable[[int], bytes]
PLAIN = ("--no-entry", "--allow-undefined", "--no-gc-sections")
GC = ("--no-entry",)
PIC = ("--experimental-pic", "--allow-undefined")
TYPE = section(1, b"\1\x60\0\0")
POINTER, FUNCTION_INDEX = 5, 26
"""Relocation types of a field in data: the one of an address has an addend."""
_DATUM = symbol(DATA, 0, name("d"), leb(0), leb(0), leb(4))


def _hex(number: int) -> bytes:
    return blob(b"%x" % number)


def _vector(count: int, entry: Callable[[int], bytes]) -> bytes:
    return leb(count) + b"".join(map(entry, range(count)))


def _table(count: int, entry: Callable[[int], bytes]) -> bytes:
    return linking(subsection(SYMBOL_TABLE, _vector(count, entry)))


def _functions(count: int, body: bytes = b"\0\x0b") -> bytes:
    return TYPE + section(3, leb(count) + bytes(count)) + section(10, leb(count) + blob(body) * count)


def _segments(count: int, size: int = 1) -> bytes:
    return section(11, leb(count) + (b"\0\x41\0\x0b" + blob(bytes(size))) * count)


def _named_segments(title: Callable[[int], bytes], flags: int, named: bool = True) -> Make:
    """Return an object of segments with these names and flags, each with a local symbol if they are named."""

    def make(count: int) -> bytes:
        info = subsection(SEGMENT_INFO, _vector(count, lambda i: blob(title(i)) + b"\0" + leb(flags)))
        entry = _vector(count, lambda i: symbol(DATA, LOCAL, name(""), leb(i), leb(0), leb(1)))
        symbols = [subsection(SYMBOL_TABLE, entry)] if named else []
        return MAGIC + _segments(count) + linking(info, *symbols)

    return make


def _imported_functions(flags: int = UNDEFINED) -> Make:
    def make(count: int) -> bytes:
        imports = section(2, _vector(count, lambda i: name("env") + _hex(i) + b"\0\0"))
        own = _hex if flags & EXPLICIT_NAME else lambda _: b""
        return MAGIC + TYPE + imports + _table(count, lambda i: symbol(FUNCTION, flags, leb(i), own(i)))

    return make


def _called(count: int) -> bytes:
    """Return an object with one function that calls each of so many undefined ones."""
    imports = section(2, _vector(count, lambda i: name("env") + _hex(i) + b"\0\0"))
    body = b"\0" + (b"\x10" + b"\x80\x80\x80\x80\0") * count + b"\x0b"
    first = 1 + len(leb(len(body))) + 2
    code = section(3, b"\1\0") + section(10, b"\1" + blob(body))
    symbols = _table(
        count + 1,
        lambda i: symbol(FUNCTION, UNDEFINED, leb(i)) if i < count else symbol(FUNCTION, EXPORTED, leb(i), name("z")),
    )
    entries = [relocation(0, first + 6 * i, i) for i in range(count)]
    return MAGIC + TYPE + imports + code + symbols + relocations("CODE", 3, *entries)


def _defined_functions(flags: int = 0) -> Make:
    return lambda count: MAGIC + _functions(count) + _table(count, lambda i: symbol(FUNCTION, flags, leb(i), _hex(i)))


def _defined_data(flags: int = 0) -> Make:
    return lambda count: (
        MAGIC + _segments(1, 8) + _table(count, lambda i: symbol(DATA, flags, _hex(i), leb(0), leb(0), leb(8)))
    )


def _aliases(count: int) -> bytes:
    return MAGIC + _functions(1) + _table(count, lambda i: symbol(FUNCTION, WEAK, leb(0), _hex(i)))


def _chain(count: int) -> bytes:
    """Return an object of functions of which each calls the next; the first is exported."""
    body = b"\0\x10" + b"\x80\x80\x80\x80\0" + b"\x0b"
    start = len(leb(count)) + 3
    code = TYPE + section(3, leb(count) + bytes(count)) + section(10, leb(count) + blob(body) * count)
    symbols = _table(count, lambda i: symbol(FUNCTION, LOCAL if i else EXPORTED, leb(i), name("" if i else "f")))
    entries = [relocation(0, start + (len(body) + 1) * i, min(i + 1, count - 1)) for i in range(count)]
    return MAGIC + code + symbols + relocations("CODE", 2, *entries)


def _overlapping(kind: int, addend: int | None) -> Make:
    """Return an object with many relocations for the same field."""

    def make(count: int) -> bytes:
        table = _table(2, lambda i: symbol(FUNCTION, 0, leb(0), name("f")) if i else _DATUM)
        index = 0 if kind == POINTER else 1
        entries = [relocation(kind, 6, index, addend)] * count
        return MAGIC + _functions(1) + _segments(1, 8) + table + relocations("DATA", 3, *entries)

    return make


def _got(count: int) -> bytes:
    """Return an object whose code reads the addresses of so many data symbols from the global offset table."""
    body = b"\0" + (b"\x23" + b"\x80\x80\x80\x80\0" + b"\x1a") * count + b"\x0b"
    first = 1 + len(leb(len(body))) + 2
    code = TYPE + section(3, b"\1\0") + section(10, b"\1" + blob(body))
    symbols = _table(
        count + 1,
        lambda i: symbol(DATA, UNDEFINED, _hex(i)) if i < count else symbol(FUNCTION, EXPORTED, leb(0), name("z")),
    )
    entries = [relocation(7, first + 7 * i, i) for i in range(count)]
    return MAGIC + code + symbols + relocations("CODE", 2, *entries)


KINDS: dict[str, tuple[int, Make, tuple[str, ...]]] = {
    "weak functions": (9, _aliases, PLAIN),
    "defined functions": (12, _defined_functions(), PLAIN),
    "exported functions": (12, _defined_functions(), (*PLAIN, "--export-all")),
    "exported data": (11, _defined_data(), (*PLAIN, "--export-all")),
    "global data": (11, _defined_data(), PLAIN),
    "weak data": (11, _defined_data(WEAK), PLAIN),
    "undefined functions": (14, _imported_functions(), PLAIN),
    "weak undefined functions": (14, _imported_functions(UNDEFINED | WEAK), PLAIN),
    "import names": (20, _imported_functions(UNDEFINED | EXPLICIT_NAME), PLAIN),
    "called undefined functions": (30, _called, PLAIN),
    "undefined function errors": (30, _called, ("--no-entry", "--error-limit=0")),
    "undefined function warnings": (30, _called, ("--no-entry", "--warn-unresolved-symbols")),
    "dead segments": (6, lambda count: MAGIC + _segments(count) + linking(), GC),
    "segments of a byte": (6, lambda count: MAGIC + _segments(count) + linking(), PLAIN),
    "data in segments": (17, _named_segments(lambda _: b"", 0), PLAIN),
    "string segments": (9, _named_segments(lambda _: b"", 1, named=False), (*PLAIN, "-O2")),
    "thread-local segments": (9, _named_segments(lambda _: b"", 2, named=False), (*PLAIN, "--no-check-features")),
    "retained segments": (9, _named_segments(lambda _: b"", 4, named=False), GC),
    "zero segments": (13, _named_segments(lambda _: b".bss", 0, named=False), PLAIN),
    "output segments": (14, _named_segments(lambda i: b"%x" % i, 0, named=False), PLAIN),
    "dead functions": (4, lambda count: MAGIC + _functions(count) + linking(), GC),
    "functions with locals": (6, lambda count: MAGIC + _functions(count, b"\1\1\x7f\x0b") + linking(), PLAIN),
    "chain of calls": (17, _chain, GC),
    "overlapping relocations": (4, _overlapping(POINTER, 0), PLAIN),
    "overlapping relocations, addends": (4, _overlapping(POINTER, 1), PLAIN),
    "overlapping relocations without addends": (3, _overlapping(FUNCTION_INDEX, None), PLAIN),
    "relocatable functions": (12, _defined_functions(), ("-r",)),
    "relocatable undefined": (14, _imported_functions(), ("-r",)),
    "relocatable segments": (17, _named_segments(lambda _: b"", 0), ("-r",)),
    "relocatable calls": (30, _called, ("-r",)),
    "emitted relocations": (17, _chain, (*GC, "--emit-relocs")),
    "shared functions": (12, _defined_functions(), (*PIC, "-shared")),
    "shared data": (11, _defined_data(), (*PIC, "-shared")),
    "position-independent": (12, _defined_functions(), (*PIC, "-pie", "--no-entry")),
    "global offset table": (22, _got, (*PIC, "-shared")),
    "global offset table, static": (22, _got, PLAIN),
    "map of functions": (12, _defined_functions(), (*PLAIN, "-Map=out.map")),
    "map of segments": (17, _named_segments(lambda _: b"", 0), (*PLAIN, "-Map=out.map")),
    "removed functions": (12, _defined_functions(), (*GC, "--print-gc-sections")),
}
"""By name, the bytes that each takes, the input with so many, and the options of the link."""
