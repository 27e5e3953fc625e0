"""Damaged objects: one thing wrong in each, and truncations at every byte."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from tests.badinput.support import attempt
from tests.support.objects import (
    COMDAT_INFO,
    DATA,
    EXPLICIT_NAME,
    FUNCTION,
    GLOBAL,
    INIT_FUNCTIONS,
    LOCAL,
    MAGIC,
    PAD,
    PARTS,
    SECTION,
    SEGMENT_INFO,
    SYMBOL_TABLE,
    TABLE,
    TAG,
    UNDEFINED,
    WEAK,
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

MEGABYTE = 1 << 20
HUGE = leb(0xFFFFFFFF)
GOOD = build()
FUNCTION_SYMBOL = symbol(FUNCTION, 0, leb(1), name("f"))
WITHOUT_RELOCATIONS = {key: part for key, part in PARTS.items() if not key.startswith("reloc")}


def with_symbols(*symbols: bytes) -> bytes:
    return build(WITHOUT_RELOCATIONS, linking=linking(subsection(SYMBOL_TABLE, vector(*symbols))))


def with_linking(*subsections: bytes) -> bytes:
    return build(WITHOUT_RELOCATIONS, linking=linking(*subsections))


def with_section(extra: bytes) -> bytes:
    """An object with one more section, in its place, and nothing that refers to sections by number."""
    parts = {key: part for key, part in WITHOUT_RELOCATIONS.items() if key not in ("data count", "data", "debug")}
    place = "global" if extra[0] in (5, 13) else "code"
    symbols = linking(subsection(SYMBOL_TABLE, vector(FUNCTION_SYMBOL)))
    return build({key: extra + part if key == place else part for key, part in parts.items()}, linking=symbols)


def with_code(*relocs: bytes) -> bytes:
    return build(reloc_CODE=relocations("CODE", 5, *relocs))


def with_data(*relocs: bytes) -> bytes:
    return build(reloc_DATA=relocations("DATA", 6, *relocs))


OBJECTS: dict[str, bytes] = {
    # The file
    "magic only": MAGIC[:4],
    "magic and version only": MAGIC,
    "version 0": b"\0asm\0\0\0\0" + GOOD[8:],
    "version 2": b"\0asm\2\0\0\0" + GOOD[8:],
    "a component": b"\0asm\x0d\0\1\0" + GOOD[8:],
    "no linking section": build({key: part for key, part in WITHOUT_RELOCATIONS.items() if key != "linking"}),
    "linking version 1": build(WITHOUT_RELOCATIONS, linking=linking(version=1)),
    "linking version 3": build(WITHOUT_RELOCATIONS, linking=linking(version=3)),
    "linking section empty": build(WITHOUT_RELOCATIONS, linking=custom("linking", b"")),
    "linking section twice": build(linking=PARTS["linking"] * 2),
    "section id unknown": GOOD + section(99, b""),
    "section out of order": MAGIC + PARTS["function"] + PARTS["type"],
    "section longer than the file": GOOD + b"\0" + leb(1000) + b"\1a",
    "section size huge": GOOD + b"\0" + HUGE,
    "section size no LEB": GOOD + b"\0" + b"\xff" * 12,
    "section size cut": GOOD + b"\0\xff",
    "custom section without a name": GOOD + section(0, b""),
    "custom section name too long": GOOD + section(0, leb(50) + b"abc"),
    "custom section name not UTF-8": GOOD + section(0, blob(b"\xff\xfe\x80") + b"x"),
    "bytes after the last section": GOOD + b"\0",
    # Type
    "type twice": build(type=PARTS["type"] * 2),
    "type count huge": build(type=section(1, HUGE)),
    "type form wrong": build(type=section(1, vector(b"\x5f\0\0", b"\x60\0\0"))),
    "type of unknown value": build(type=section(1, vector(b"\x60\0\0", b"\x60\1\x11\0"))),
    "type params huge": build(type=section(1, vector(b"\x60\0\0", b"\x60" + HUGE))),
    "type section with leftovers": build(type=section(1, vector(b"\x60\0\0", b"\x60\1\x7f\1\x7f") + b"xx")),
    "type section empty": build(type=section(1, b"")),
    # Imports
    "import count huge": build(import_=section(2, HUGE)),
    "import kind unknown": build(import_=section(2, vector(name("a") + name("b") + b"\x09\0"))),
    "import type out of range": build(import_=section(2, vector(name("a") + name("b") + b"\0\x63"))),
    "import name not UTF-8": build(import_=section(2, vector(blob(b"\xff\xff") + blob(b"\xc0") + b"\0\0"))),
    "import limits cut": build(import_=section(2, vector(name("env") + name("m") + b"\2\1\1"))),
    "import of nothing": build(import_=section(2, vector())),
    # Functions and code
    "function type out of range": build(function=section(3, vector(b"\x63", b"\1"))),
    "function count huge": build(function=section(3, HUGE)),
    "more functions than bodies": build(function=section(3, vector(b"\0", b"\1", b"\0"))),
    "fewer functions than bodies": build(function=section(3, vector(b"\0"))),
    "code without functions": build(function=section(3, vector())),
    "functions without code": build(code=section(10, vector())),
    "code count huge": build(code=section(10, HUGE)),
    "body longer than the section": build(code=section(10, leb(2) + leb(400) + b"\0\x0b")),
    "body size huge": build(code=section(10, leb(2) + HUGE)),
    "body empty": build(WITHOUT_RELOCATIONS, code=section(10, vector(leb(0), blob(b"\0\x0b")))),
    # Globals, tables, memories, tags, exports, elements, start
    "global count huge": build(global_=section(6, HUGE)),
    "global expression unending": build(global_=section(6, vector(b"\x7f\1\x41\7"))),
    "global expression opcode": build(global_=section(6, vector(b"\x7f\1\x10\0\x0b"))),
    "global of unknown type": build(global_=section(6, vector(b"\x33\1\x41\7\x0b"))),
    "export kind unknown": with_section(section(7, vector(name("e") + b"\x0a\0"))),
    "export index out of range": with_section(section(7, vector(name("e") + b"\0\x63"))),
    "start out of range": with_section(section(8, b"\x63")),
    "element function out of range": with_section(section(9, vector(b"\0\x41\0\x0b" + vector(b"\x63")))),
    "element count huge": with_section(section(9, HUGE)),
    "tag type out of range": with_section(section(13, vector(b"\0\x63"))),
    "two memories": with_section(section(5, vector(b"\0\1", b"\0\1"))),
    "memory maximum below minimum": with_section(section(5, vector(b"\1\5\1"))),
    "memory limits flags": with_section(section(5, vector(b"\x7f\1"))),
    # Data
    "data count too large": build(data_count=section(12, leb(3))),
    "data count huge": build(data_count=section(12, HUGE)),
    "data segments huge": build(data=section(11, HUGE)),
    "data segment longer than the section": build(data=section(11, leb(2) + b"\0\x41\0\x0b" + leb(900))),
    "data segment flags": build(
        data=section(11, vector(b"\x07\x41\0\x0b" + blob(b"12345678"), b"\0\x41\0\x0b" + blob(b"")))
    ),
    "data offset unending": build(data=section(11, leb(2) + b"\0\x41\xff")),
    "fewer segments than named": build(
        WITHOUT_RELOCATIONS,
        data=section(11, vector(b"\0\x41\0\x0b" + blob(b"12345678"))),
        data_count=section(12, leb(1)),
    ),
    # Symbols
    "symbol table twice": with_linking(
        subsection(SYMBOL_TABLE, vector(FUNCTION_SYMBOL)), subsection(SYMBOL_TABLE, vector(FUNCTION_SYMBOL))
    ),
    "symbol count huge": with_linking(subsection(SYMBOL_TABLE, HUGE)),
    "symbol kind unknown": with_symbols(symbol(9, 0, leb(1), name("f"))),
    "symbol flags unknown": with_symbols(symbol(FUNCTION, 0xFFFF00, leb(1), name("f"))),
    "symbol flags contradict": with_symbols(symbol(FUNCTION, LOCAL | 1 | UNDEFINED, leb(0))),
    "symbol function out of range": with_symbols(symbol(FUNCTION, 0, leb(77), name("f"))),
    "symbol function huge": with_symbols(symbol(FUNCTION, 0, HUGE, name("f"))),
    "symbol function undefined but defined": with_symbols(symbol(FUNCTION, UNDEFINED, leb(1))),
    "symbol function defined but imported": with_symbols(symbol(FUNCTION, 0, leb(0), name("f"))),
    "symbol data segment out of range": with_symbols(symbol(DATA, 0, name("d"), leb(9), leb(0), leb(4))),
    "symbol data offset out of range": with_symbols(symbol(DATA, 0, name("d"), leb(0), leb(900), leb(4))),
    "symbol data size out of range": with_symbols(symbol(DATA, 0, name("d"), leb(0), leb(0), HUGE)),
    "symbol global out of range": with_symbols(symbol(GLOBAL, 0, leb(9), name("g"))),
    "symbol tag out of range": with_symbols(symbol(TAG, 0, leb(9), name("t"))),
    "symbol table out of range": with_symbols(symbol(TABLE, 0, leb(9), name("t"))),
    "symbol section out of range": with_symbols(symbol(SECTION, LOCAL, leb(99))),
    "symbol section that is not custom": with_symbols(symbol(SECTION, LOCAL, leb(0))),
    "symbol name too long": with_symbols(symbol(FUNCTION, 0, leb(1), leb(200) + b"f")),
    "symbol name not UTF-8": with_symbols(
        symbol(FUNCTION, 0, leb(1), blob(b"\xff\x80\xfe")), symbol(FUNCTION, 0, leb(2), blob(b"\xff"))
    ),
    "symbol name empty": with_symbols(symbol(FUNCTION, 0, leb(1), name(""))),
    "symbol name with a zero": with_symbols(symbol(FUNCTION, 0, leb(1), name("a\0b"))),
    "symbol undefined name not UTF-8": with_symbols(
        symbol(FUNCTION, UNDEFINED | EXPLICIT_NAME, leb(0), blob(b"\xc3\x28"))
    ),
    "symbol twice": with_symbols(FUNCTION_SYMBOL, FUNCTION_SYMBOL),
    "symbol table longer than its subsection": with_linking(subsection(SYMBOL_TABLE, leb(5) + FUNCTION_SYMBOL)),
    "symbol table shorter than its subsection": with_linking(
        subsection(SYMBOL_TABLE, vector(FUNCTION_SYMBOL) + b"more")
    ),
    "subsection longer than the section": with_linking(bytes([SYMBOL_TABLE]) + leb(500) + vector(FUNCTION_SYMBOL)),
    "subsection unknown": with_linking(subsection(77, b"abc")),
    "segment info too many": with_linking(subsection(SEGMENT_INFO, vector(*[name("x") + leb(0) + leb(0)] * 5))),
    "segment info too few": with_linking(subsection(SEGMENT_INFO, vector(name("x") + leb(0) + leb(0)))),
    "segment info huge": with_linking(subsection(SEGMENT_INFO, HUGE)),
    "segment alignment absurd": with_linking(
        subsection(SEGMENT_INFO, vector(name("x") + leb(63) + leb(0), name("y") + HUGE + leb(0)))
    ),
    "segment flags unknown": with_linking(
        subsection(SEGMENT_INFO, vector(name("x") + leb(0) + leb(0xFFF0), name("y") + leb(0) + leb(8)))
    ),
    "segment name not UTF-8": with_linking(
        subsection(SEGMENT_INFO, vector(blob(b"\xff") + leb(0) + leb(0), name("y") + leb(0) + leb(0)))
    ),
    "relocations for the globals": build(reloc_CODE=relocations("CODE", 3, relocation(7, 2, 2))),
    "strings without a terminator": build(
        WITHOUT_RELOCATIONS,
        data=section(11, vector(b"\0\x41\0\x0b" + blob(b"12345678"), b"\0\x41\0\x0b" + blob(b"text!"))),
    ),
    "init function symbol out of range": with_linking(
        subsection(SYMBOL_TABLE, vector(FUNCTION_SYMBOL)), subsection(INIT_FUNCTIONS, vector(leb(1) + leb(50)))
    ),
    "init function is data": with_linking(
        subsection(SYMBOL_TABLE, vector(symbol(DATA, 0, name("d"), leb(0), leb(0), leb(8)))),
        subsection(INIT_FUNCTIONS, vector(leb(1) + leb(0))),
    ),
    "init functions before symbols": with_linking(
        subsection(INIT_FUNCTIONS, vector(leb(1) + leb(0))), subsection(SYMBOL_TABLE, vector(FUNCTION_SYMBOL))
    ),
    "init functions huge": with_linking(
        subsection(SYMBOL_TABLE, vector(FUNCTION_SYMBOL)), subsection(INIT_FUNCTIONS, HUGE)
    ),
    "init priority huge": with_linking(
        subsection(SYMBOL_TABLE, vector(FUNCTION_SYMBOL)), subsection(INIT_FUNCTIONS, vector(HUGE + leb(0)))
    ),
    "comdat kind unknown": with_linking(subsection(COMDAT_INFO, vector(name("g") + leb(0) + vector(leb(44) + leb(0))))),
    "comdat function out of range": with_linking(
        subsection(COMDAT_INFO, vector(name("g") + leb(0) + vector(leb(1) + leb(70))))
    ),
    "comdat function imported": with_linking(
        subsection(COMDAT_INFO, vector(name("g") + leb(0) + vector(leb(1) + leb(0))))
    ),
    "comdat data out of range": with_linking(
        subsection(COMDAT_INFO, vector(name("g") + leb(0) + vector(leb(0) + leb(70))))
    ),
    "comdat section out of range": with_linking(
        subsection(COMDAT_INFO, vector(name("g") + leb(0) + vector(leb(5) + leb(70))))
    ),
    "comdat twice": with_linking(subsection(COMDAT_INFO, vector(*[name("g") + leb(0) + vector(leb(1) + leb(1))] * 2))),
    "comdat flags": with_linking(subsection(COMDAT_INFO, vector(name("g") + leb(5) + vector(leb(1) + leb(1))))),
    "comdat count huge": with_linking(subsection(COMDAT_INFO, HUGE)),
    "comdat members huge": with_linking(subsection(COMDAT_INFO, leb(1) + name("g") + leb(0) + HUGE)),
    # Relocations
    "relocations huge": build(reloc_CODE=custom("reloc.CODE", leb(5) + HUGE)),
    "relocations twice": build(reloc_CODE=PARTS["reloc.CODE"] * 2),
    "relocation section out of range": build(reloc_CODE=relocations("CODE", 90, relocation(0, 4, 1))),
    "relocation section without relocations": build(reloc_CODE=relocations("CODE", 0, relocation(0, 4, 1))),
    "relocation section of itself": build(reloc_CODE=relocations("CODE", 9, relocation(0, 0, 1))),
    "relocations before the symbols": MAGIC
    + b"".join([*(PARTS[k] for k in ("type", "import", "function", "code", "reloc.CODE", "linking"))]),
    "relocation type unknown": with_code(relocation(200, 4, 1)),
    "relocation type high bit": with_code(b"\x87\x01" + leb(4) + leb(1)),
    "relocation symbol out of range": with_code(relocation(0, 4, 99)),
    "relocation symbol huge": with_code(bytes([0]) + leb(4) + HUGE),
    "relocation type index out of range": with_code(relocation(6, 4, 99)),
    "relocation offset beyond the section": with_code(relocation(0, 4000, 1)),
    "relocation offset huge": with_code(bytes([0]) + HUGE + leb(1)),
    "relocation in the section's head": with_code(relocation(0, 0, 1)),
    "relocation across the end of a body": with_code(relocation(0, 21, 1)),
    "relocation across the end of the section": with_code(relocation(0, 33, 1)),
    "relocation across the end of data": with_data(relocation(2, 12, 0)),
    "relocation in a data segment's head": with_data(relocation(2, 2, 0)),
    "relocation in data without segments": MAGIC
    + b"".join([PARTS[key] for key in ("type", "import", "function", "code")])
    + section(11, b"\x80\x80\x80\x80\0")
    + linking(subsection(SYMBOL_TABLE, vector(FUNCTION_SYMBOL)))
    + relocations("DATA", 4, relocation(2, 0, 0)),
    "relocation across two segments": with_data(relocation(2, 11, 0)),
    "relocations out of order": with_code(relocation(7, 10, 2), relocation(0, 4, 1)),
    "relocations overlap": with_code(relocation(0, 4, 1), relocation(0, 5, 1), relocation(0, 6, 1)),
    "relocation of a function against data": with_code(relocation(0, 4, 3)),
    "relocation of an address against a function": with_code(relocation(3, 29, 0, 0)),
    "relocation of a global against a function": with_code(relocation(7, 10, 0)),
    "relocation of a table against data": with_code(relocation(20, 4, 3)),
    "relocation of a tag against a global": with_code(relocation(10, 4, 2)),
    "relocation of a table index against data": with_data(relocation(2, 6, 3)),
    "relocation of a section offset against a function": build(
        reloc_debug=relocations(".debug_info", 7, relocation(9, 4, 0, 1))
    ),
    "relocation of 64 bits": with_data(relocation(16, 6, 3, 0)),
    "relocation of 64 bits in code": with_code(relocation(14, 4, 3, 0)),
    "relocation relative to a thread": with_code(relocation(21, 4, 3, 0)),
    "relocation of a global in 32 bits": with_data(relocation(13, 6, 2)),
    "relocation of a global in 32 bits against a function": with_data(relocation(13, 6, 0)),
    "relocation of a global in 32 bits against data": with_data(relocation(13, 6, 3)),
    "symbol of an undefined weak global": with_symbols(symbol(GLOBAL, UNDEFINED | WEAK, leb(0))),
    "symbol of an undefined weak table": with_symbols(symbol(TABLE, UNDEFINED | WEAK, leb(0))),
    "relocation addend huge": with_code(bytes([4]) + leb(17) + leb(3) + b"\xff" * 9 + b"\x01"),
    "relocation without its addend": build(
        reloc_CODE=custom("reloc.CODE", leb(5) + leb(1) + bytes([4]) + leb(17) + leb(3))
    ),
    "relocations with leftovers": build(reloc_CODE=custom("reloc.CODE", leb(5) + vector(relocation(0, 4, 1)) + b"zz")),
    "no relocations, with leftovers": build(reloc_CODE=custom("reloc.CODE", leb(5) + vector() + b"zz")),
    "relocations of the linking section": build(reloc_debug=relocations("linking", 8, relocation(8, 0, 0, 2))),
    "relocations of the linking section with leftovers": build(reloc_debug=custom("reloc.x", leb(8) + vector() + b"z")),
    "relocations of relocations": build(reloc_debug=relocations("reloc.CODE", 9, relocation(8, 0, 0, 2))),
    "relocations of types with leftovers": build(reloc_debug=custom("reloc.TYPE", leb(0) + vector() + b"z")),
    "relocation against what is no LEB": build(
        code=section(
            10, vector(blob(b"\0\x10\xff\xff\xff\xff\xff\x0b" + b"\1" * 14), blob(b"\0\x20\0\x28\2" + PAD + b"\x0b"))
        )
    ),
    # Producers and features
    "producers cut": build(producers=custom("producers", leb(3) + name("language"))),
    "producers huge": build(producers=custom("producers", HUGE)),
    "producers field twice": build(
        producers=custom("producers", vector(*[name("language") + vector(name("C") + name(""))] * 2))
    ),
    "producers field unknown": build(
        producers=custom("producers", vector(name("colour") + vector(name("C") + name(""))))
    ),
    "producers not UTF-8": build(
        producers=custom("producers", vector(name("language") + vector(blob(b"\xff") + blob(b"\xfe"))))
    ),
    "producers twice": build(producers=PARTS["producers"] * 2),
    "producers with leftovers": build(producers=custom("producers", vector() + b"zz")),
    "features cut": build(target_features=custom("target_features", leb(2) + b"+" + name("x"))),
    "features huge": build(target_features=custom("target_features", HUGE)),
    "features prefix": build(target_features=custom("target_features", vector(b"!" + name("x")))),
    "features repeated": build(target_features=custom("target_features", vector(b"+" + name("x"), b"+" + name("x")))),
    "features not UTF-8": build(target_features=custom("target_features", vector(b"+" + blob(b"\xff\xff")))),
    "features with leftovers": build(target_features=custom("target_features", vector() + b"zz")),
    "features twice": build(target_features=PARTS["target_features"] * 2),
}
ACCEPTED = {
    "custom section name not UTF-8",
    "type of unknown value",
    "global of unknown type",
    "two memories",
    "memory maximum below minimum",
    "symbol table twice",
    "symbol flags unknown",
    "symbol flags contradict",
    "symbol data size out of range",
    "symbol name not UTF-8",
    "symbol name empty",
    "symbol name with a zero",
    "symbol undefined name not UTF-8",
    "subsection unknown",
    "segment info too few",
    "segment alignment absurd",
    "segment flags unknown",
    "segment name not UTF-8",
    "init priority huge",
    "relocations twice",
    "relocation section without relocations",
    "relocations overlap",
    "relocation of a global against a function",
    "relocation of 64 bits",
    "relocation of 64 bits in code",
    "relocation relative to a thread",
    "relocation of a global in 32 bits",
    "relocation against what is no LEB",
    "producers not UTF-8",
    "features not UTF-8",
    "features twice",
}
"""Harmless oddities, and objects that wasm-ld links too: these may link."""
NOT_READ = {
    "export kind unknown",
    "start out of range",
    "element function out of range",
    "element count huge",
    "memory limits flags",
}
"""Damage in sections that no relocatable object needs and the linker passes over: these may link."""


@pytest.mark.parametrize("title", OBJECTS)
@pytest.mark.parametrize("gc", [False, True], ids=["all", "live"])
def test_damaged_object(title: str, gc: bool, tmp_path: Path) -> None:
    path = tmp_path / "damaged.o"
    path.write_bytes(OBJECTS[title])
    tracemalloc.start()
    try:
        error = attempt(tmp_path, [str(path)], ["damaged.o"], gc_sections=gc, exports_if_defined=["f", "h", "d", "g"])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert error is not None or title in ACCEPTED | NOT_READ or gc
    assert peak < 64 * MEGABYTE


@pytest.mark.parametrize("options", [{"emit_relocs": True}, {"relocatable": True}], ids=["emit-relocs", "relocatable"])
def test_custom_section_without_a_name(options: dict[str, bool], tmp_path: Path) -> None:
    """It is not one of the sections that have no name."""
    path = tmp_path / "a.o"
    path.write_bytes(build() + custom("", b"\1\2\3"))
    assert attempt(tmp_path, [str(path)], ["a.o"], **options) is None


def test_undamaged_object(tmp_path: Path) -> None:
    path = tmp_path / "good.o"
    path.write_bytes(GOOD)
    assert attempt(tmp_path, [str(path)], []) is None


@pytest.mark.parametrize("part", range(8))
def test_truncated_at_every_byte(part: int, tmp_path: Path) -> None:
    path = tmp_path / "damaged.o"
    for size in range(part, len(GOOD), 8):
        path.write_bytes(GOOD[:size])
        attempt(tmp_path, [str(path)], ["damaged.o"])


@pytest.mark.parametrize("part", range(8))
def test_every_byte_replaced(part: int, tmp_path: Path) -> None:
    path = tmp_path / "damaged.o"
    for position in range(part, len(GOOD), 8):
        for value in (0x00, 0x7F, 0x80, 0xFF):
            path.write_bytes(GOOD[:position] + bytes([value]) + GOOD[position + 1 :])
            attempt(tmp_path, [str(path)], ["damaged.o"])
