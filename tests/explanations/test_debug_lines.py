"""The reader of line tables: what compilers write, what they could write, and what is damaged."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.explanations.conftest import Compile
from tests.support.deadline import processor_time
from tests.support.objects import build, custom, leb, relocation, relocations, sleb
from wasmlink_tool.inputs.object_file import ObjectFile
from wasmlink_tool.inputs.object_reader import read_object
from wasmlink_tool.linking.explain.line_table import SourceLine, debug_line_size, read_line_table

SOURCE = """#include "twice.h"
extern int first(int);
extern int second(int);

int run(int x) {
    if (x)
        return first(x)
            + second(x);
    return twice(x);
}

#line 1000 "elsewhere/generated.c"
int generated(void) { return first(1); }
"""
HEADER = """int third(int);
static inline int twice(int x) {
    return third(x) * 2;
}
"""


@pytest.mark.parametrize("version", ["2", "3", "4", "5"])
@pytest.mark.parametrize("optimize", ["-O0", "-O1"])
def test_compiled(compile_at: Compile, tmp_path: Path, version: str, optimize: str) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "twice.h").write_text(HEADER, encoding="utf-8")
    flags = (f"-gdwarf-{version}", "-gstrict-dwarf", optimize)
    obj = read_object(Path(compile_at("src/main.c", SOURCE, *flags)).read_bytes())
    table = read_line_table(obj)
    relocs = obj.relocations(obj.code_section)
    calls = {
        (obj.symbols[index][2].decode(), table.find(offset))
        for type_, offset, index in zip(relocs.types, relocs.offsets, relocs.indices)
        if type_ == 0 and obj.symbols[index][2] in (b"first", b"second", b"third")
    }
    assert calls == {
        ("first", SourceLine("src/main.c", 7)),
        ("second", SourceLine("src/main.c", 8)),
        ("third", SourceLine("src/twice.h", 3)),
        ("first", SourceLine("elsewhere/generated.c", 1000)),
    }
    assert table.find(0) is None
    assert table.find(obj.function_offsets[-1] + 1) is None


def test_without_debug_information(compile_at: Compile) -> None:
    obj = read_object(Path(compile_at("plain.c", "int run(void) { return 1; }")).read_bytes())
    assert debug_line_size(obj) == 0
    assert read_line_table(obj).find(obj.function_offsets[0] + 3) is None


# Written by hand


def unit(version: int, tables: bytes, program: bytes, *, wide: bool = False, **header: int) -> bytes:
    """A unit with opcodes from 10 on special, and lines advancing by -3 to 8."""
    values = {"minimum_length": 1, "operations": 1, "line_base": 0xFD, "line_range": 12, "opcode_base": 10} | header
    rest = bytes((values["minimum_length"],))
    if version >= 4:
        rest += bytes((values["operations"],))
    rest += bytes((1, values["line_base"], values["line_range"], values["opcode_base"]))
    rest += bytes((0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1)[: max(values["opcode_base"] - 1, 0)]) + tables
    size = 8 if wide else 4
    body = version.to_bytes(2, "little") + (b"\4\0" if version >= 5 else b"")
    body += len(rest).to_bytes(size, "little") + rest + program
    return (b"\xff\xff\xff\xff" if wide else b"") + len(body).to_bytes(size, "little") + body


def table_of(*units: bytes, extra: bytes = b"", relocs: bytes = b"") -> ObjectFile:
    return read_object(build(debug=custom(".debug_line", b"".join(units)) + extra, reloc_debug=relocs))


def set_address(address: int, size: int = 4) -> bytes:
    return b"\0" + leb(size + 1) + b"\2" + address.to_bytes(size, "little")


def special(lines: int, addresses: int) -> bytes:
    return bytes((10 + lines + 3 + 12 * addresses,))


END = b"\0\1\1"
OLD_TABLES = (
    b"dir\0/abs\0\0" + b"a.c\0\0\0\0" + b"b.c\0\1\0\0" + b"c.c\0\2\0\0" + b"/d.c\0\1\0\0" + b"e.c\0\7\0\0" + b"\0"
)
"""Directories dir and /abs; files a.c, dir/b.c, /abs/c.c, /d.c, and one of a directory that there isn't."""


def found(obj: ObjectFile, *offsets: int) -> list[str | None]:
    table = read_line_table(obj)
    places = [table.find(offset) for offset in offsets]
    return [f"{place.file}:{place.line}" if place else None for place in places]


def test_special_opcodes() -> None:
    program = set_address(16) + special(5, 0) + special(-2, 3) + special(1, 4) + b"\2" + leb(200) + END
    assert found(table_of(unit(3, OLD_TABLES, program)), 15, 16, 18, 19, 22, 23, 222, 223) == [
        None, "a.c:6", "a.c:6", "a.c:4", "a.c:4", "a.c:5", "a.c:5", None,
    ]  # fmt: skip


def test_standard_opcodes() -> None:
    program = (
        set_address(100)
        + b"\4\2\1"  # file 2, a row
        + b"\3" + sleb(1000) + b"\5" + leb(70) + b"\6\7\1"  # column, marks; a row at the same address
        + b"\x08" + b"\4\3\1"  # the advance of special opcode 255
        + b"\x09\x34\x12" + b"\3" + sleb(-990) + b"\4\4\1"
        + b"\2\1" + b"\4\5\1" + b"\2\1" + END
    )  # fmt: skip
    step = (255 - 10) // 12
    later = 100 + step + 0x1234
    assert found(table_of(unit(2, OLD_TABLES, program)), 100, 100 + step, later, later + 1, later + 2) == [
        "dir/b.c:1001", "/abs/c.c:1001", "/d.c:11", None, None,
    ]  # fmt: skip


def test_defined_file_and_unknown_opcodes() -> None:
    define = b"\3late.c\0\1\0\0"
    program = b"\0" + leb(len(define)) + define + b"\0\3\x80ab" + b"\x0c\x85\1" + set_address(5) + b"\4\6\1\2\3" + END
    assert found(table_of(unit(4, OLD_TABLES, program, opcode_base=13)), 5, 8) == ["dir/late.c:1", None]


def test_minimum_length_and_operations() -> None:
    program = set_address(0) + special(0, 0) + special(1, 2) + special(1, 5) + b"\2\3" + END
    assert found(table_of(unit(4, OLD_TABLES, program, minimum_length=4)), 7, 8, 28) == ["a.c:1", "a.c:2", "a.c:3"]
    # Three operations in an instruction of four bytes: operations 2, 7, 10 are in instructions 0, 2, 3.
    obj = table_of(unit(4, OLD_TABLES, program, minimum_length=4, operations=3))
    assert found(obj, 0, 8, 11, 12) == ["a.c:2", "a.c:3", "a.c:3", None]


@pytest.mark.parametrize("wide", [False, True])
def test_forms(wide: bool) -> None:
    size = 8 if wide else 4
    strings = custom(".debug_line_str", b"\0comp\0inc\0a.c\0") + custom(".debug_str", b"x\0other\0")
    directories = b"\1" + b"\1\x1f" + b"\2" + (1).to_bytes(size, "little") + (6).to_bytes(size, "little")
    files = b"\5" + b"\1\x0e" + b"\2\x0b" + b"\5\x1e" + b"\x04\x06" + b"\x83\x40\x09" + b"\3"
    for offset, directory in ((2, 0), (2, 1), (99, 0)):
        files += offset.to_bytes(size, "little") + bytes((directory,)) + bytes(16) + bytes(4) + b"\2zz"
    program = set_address(4) + b"\4\0\1\2\1\4\1\1\2\1\4\2\1\2\1" + END
    obj = table_of(unit(5, directories + files, program, wide=wide), extra=strings)
    assert found(obj, 4, 5, 6) == ["other:1", "inc/other:1", None]


def test_no_line() -> None:
    program = set_address(4) + b"\3\x7f\1\2\1" + END
    assert found(table_of(unit(4, OLD_TABLES, program)), 4) == ["a.c:0"]


def test_relocated() -> None:
    """Relocations replace the bytes of their fields."""
    one = unit(4, OLD_TABLES, set_address(0x7777) + b"\1\2\4" + END)
    obj = table_of(one, relocs=relocations(".debug_line", 7, relocation(8, len(one) - 10, 0, 2)))
    body = obj.function_offsets[0] + 1
    assert found(obj, body + 1, body + 2, body + 5, body + 6) == [None, "a.c:1", "a.c:1", None]


def test_damage_stays_in_its_unit() -> None:
    """The lengths of units lead past a damaged one; a sequence that was complete before the damage counts."""
    good = unit(4, OLD_TABLES, set_address(16) + b"\1\2\4" + END)
    half = unit(4, OLD_TABLES, set_address(32) + b"\1\2\4" + END + set_address(64) + b"\1\2\xff")
    for bad in (
        unit(6, OLD_TABLES, b""),
        unit(4, OLD_TABLES, b"\1", line_range=0),
        unit(4, OLD_TABLES, b"\1", operations=0),
        unit(4, OLD_TABLES, b"\1", opcode_base=0),
        unit(4, b"unfinished", b""),
        unit(5, b"\0" + b"\xff\xff\xff\xff\x0f" + b"\0\0", b""),
        unit(5, b"\1\1\x7e\1" + b"\0\0", b""),
    ):
        assert found(table_of(bad, half, good), 16, 19, 32, 64) == ["a.c:1", "a.c:1", "a.c:1", None]
    assert found(table_of(good, b"\xf0\xff\xff\xff"), 16) == ["a.c:1"]
    assert found(table_of(b"\xff\xff\xff\x7f", good), 16) == [None]
    assert found(table_of(good, relocs=relocations(".debug_line", 7, relocation(8, 9999, 0, 0))), 16) == [None]


def test_control_characters() -> None:
    """A name cannot begin lines of its own in a diagnostic."""
    tables = b"\0" + b"a\nerror: b\0\0\0\0" + b"\0"
    assert found(table_of(unit(4, tables, set_address(4) + b"\1\2\1" + END)), 4) == [
        "a\N{REPLACEMENT CHARACTER}error: b:1"
    ]


# Anything


@settings(max_examples=150)
@given(version=st.integers(2, 5), tables=st.binary(max_size=40), program=st.binary(max_size=60), wide=st.booleans())
def test_arbitrary(version: int, tables: bytes, program: bytes, wide: bool) -> None:
    for contents in (unit(version, tables, program, wide=wide), unit(4, OLD_TABLES, program), program):
        table = read_line_table(table_of(contents))
        for offset in (0, 1, 5, 1 << 31):
            table.find(offset)


def test_mutated(compile_at: Compile) -> None:
    content = Path(
        compile_at("main.c", SOURCE.replace('#include "twice.h"', "int twice(int);"), "-gdwarf-5")
    ).read_bytes()
    random_source = random.Random(5)
    sections = 0
    for section in read_object(content).sections:
        if section.name in (b".debug_line", b".debug_line_str"):
            sections += 1
            for _ in range(400):
                damaged = bytearray(content)
                for _ in range(random_source.randint(1, 4)):
                    position = random_source.randrange(section.start, section.end)
                    damaged[position] = random_source.choice((0, 1, 0x7F, 0x80, 0xFF, random_source.randrange(256)))
                obj = read_object(bytes(damaged))
                with processor_time(10):
                    table = read_line_table(obj)
                    for offset in range(0, obj.function_offsets[-1], 7):
                        table.find(offset)
    assert sections == 2
