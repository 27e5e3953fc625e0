"""Inputs that the reference rejects as malformed do not become invalid modules: each byte of each section is replaced.

An object that the reference accepts may give an invalid module, since no linker validates code and types. One that the
reference rejects must be an error, or the damage must not get into the module.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.fuzz.judge import is_invalid
from tests.fuzz.mutate import join, split
from tests.support.objects import (
    DATA,
    FUNCTION,
    GLOBAL,
    MAGIC,
    SEGMENT_INFO,
    SYMBOL_TABLE,
    TABLE,
    TAG,
    UNDEFINED,
    blob,
    custom,
    leb,
    linking,
    name,
    section,
    subsection,
    symbol,
    vector,
)
from tests.support.toolchain import reference_command
from wasmlink_tool.binary.reader import FormatError
from wasmlink_tool.cli.command import main
from wasmlink_tool.inputs.object_reader import read_object
from wasmlink_tool.inputs.shared_library import SharedLibrary

TYPES = section(1, vector(b"\x60\0\0", b"\x60\1\x7f\1\x7f"))
FUNCTIONS = section(3, vector(b"\0", b"\1"))
BODIES = (blob(b"\2\1\x7f\x83\1\x7c\x0b"), blob(b"\1\3\x7e\x20\0\x0b"))
FUNCTION_SYMBOLS = linking(
    subsection(SYMBOL_TABLE, vector(*(symbol(FUNCTION, 0, leb(i), name(f"f{i}")) for i in range(2))))
)
SECTIONS = (
    TYPES,
    section(
        2,
        vector(
            name("env") + name("m") + b"\2\0\1",
            name("env") + name("f") + b"\0\0",
            name("env") + name("g") + b"\3\x7f\0",
            name("env") + name("e") + b"\4\0\0",
            name("env") + name("t") + b"\1\x70\0\0",
        ),
    ),
    FUNCTIONS,
    section(4, vector(b"\x70\0\1", b"\x6f\1\1\2")),
    section(13, vector(b"\0\0")),
    section(
        6,
        vector(
            b"\x7f\1\x41\7\x0b",
            b"\x7e\0\x42\7\x0b",
            b"\x7d\0\x43\0\0\0\0\x0b",
            b"\x70\0\xd0\x70\x0b",
            b"\x7f\0\x41\7\x41\1\x6a\x0b",
        ),
    ),
    section(7, vector(name("x") + b"\0\2", name("y") + b"\3\1")),
    section(10, vector(*BODIES)),
    section(
        11,
        vector(b"\0\x41\0\x0b" + blob(b"12345678"), b"\1" + blob(b"abc"), b"\2\0\x41\x08\x0b" + blob(b"text\0")),
    ),
    custom("notes", b"1234"),
    linking(
        subsection(
            SYMBOL_TABLE,
            vector(
                symbol(FUNCTION, 0, leb(1), name("f1")),
                symbol(FUNCTION, UNDEFINED, leb(0)),
                symbol(FUNCTION, 0, leb(2), name("f2")),
                symbol(GLOBAL, UNDEFINED, leb(0)),
                *(symbol(GLOBAL, 0, leb(1 + number), name(f"g{number}")) for number in range(5)),
                symbol(TABLE, UNDEFINED, leb(0)),
                symbol(TABLE, 0, leb(1), name("t1")),
                symbol(TABLE, 0, leb(2), name("t2")),
                symbol(TAG, UNDEFINED, leb(0)),
                symbol(TAG, 0, leb(1), name("e1")),
                symbol(DATA, 0, name("d"), leb(0), leb(0), leb(8)),
            ),
        ),
        subsection(SEGMENT_INFO, vector(*[name(".data.d") + leb(2) + leb(0)] * 3)),
    ),
)
"""An object with something of everything that has an encoding of its own, without relocations."""
OPTIONS = ("-o", "out.wasm", "--no-entry", "--allow-undefined", "--no-gc-sections", "--export-all")
COMMAND = (*OPTIONS, "--no-check-features", "a.o")
LONG = (b"\x80\x80\x80\x80\x40", b"\xff\xff\xff\xff\x7f", b"\x80\x80\x80\x80\x80\0")


def replacements(byte: int) -> set[bytes]:
    return {bytes([value]) for value in (byte ^ 1, byte ^ 0x40, 0x0B, 0x7F, 0x80, 0xFF)}.union(LONG, (b"",))


@pytest.mark.parametrize("identity", [1, 2, 3, 4, 6, 10, 11, 13])
def test_no_malformed_object_becomes_an_invalid_module(
    identity: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    sections, _ = split(MAGIC + b"".join(SECTIONS))
    at = next(number for number, found in enumerate(sections) if found[0] == identity)
    contents = sections[at][1]
    linked = 0
    for position, byte in enumerate(contents):
        for text in replacements(byte):
            damaged = contents[:position] + text + contents[position + 1 :]
            (tmp_path / "a.o").write_bytes(join([*sections[:at], (identity, damaged), *sections[at + 1 :]]))
            if main(list(COMMAND)) != 0:
                continue
            linked += 1
            why = is_invalid((tmp_path / "out.wasm").read_bytes())
            if why:
                done = subprocess.run([*reference_command(), *COMMAND], capture_output=True, text=True)
                assert done.returncode == 0, f"byte {position} -> {text.hex()}: {why}\n{done.stderr[:200]}"
    assert linked


def with_body(body: bytes) -> bytes:
    return MAGIC + TYPES + FUNCTIONS + section(10, vector(BODIES[1], blob(body))) + FUNCTION_SYMBOLS


@pytest.mark.parametrize(
    "body",
    [
        b"\0\x0b",
        b"\1\1\x7f\x0b",
        b"\4\1\x7f\2\x7e\3\x7d\4\x7c\x0b",
        b"\1\x80\1\x7f\x0b",
        b"\1\x80\x80\x80\x80\0\x7f\x0b",
        b"\x81\x80\x80\x80\0\1\x7f\x0b",
        b"\1\1\x63\x6f\x0b",
        b"\2\xff\xff\xff\xff\7\x7f\xff\xff\xff\xff\7\x7f\x0b",
    ],
)
def test_locals_of_a_function(body: bytes) -> None:
    assert len(read_object(with_body(body)).functions) == 2


@pytest.mark.parametrize(
    "body",
    [
        b"\1",
        b"\1\1",
        b"\2\1\x7f\x0b",
        b"\x80",
        b"\1\x80\x80",
        b"\1\xff\xff\xff\xff\x7f\x7f\x0b",
        b"\xff\xff\xff\xff\x0f\1\x7f\x0b",
        b"\2\xff\xff\xff\xff\x0f\x7f\1\x7f\x0b",
    ],
)
def test_locals_that_do_not_fit(body: bytes) -> None:
    with pytest.raises(FormatError):
        read_object(with_body(body))


TABLE_IMPORT = section(2, vector(name("env") + name("__indirect_function_table") + b"\1\x70\0\0"))


def with_sections(**replaced: bytes) -> bytes:
    parts = {
        "type": section(1, vector(b"\x60\0\0")),
        "import_": TABLE_IMPORT,
        "function": section(3, vector(b"\0")),
        "global_": b"",
        "export": b"",
        "element": b"",
        "code": section(10, vector(blob(b"\0\x0b"))),
        "linking": linking(
            subsection(SYMBOL_TABLE, vector(symbol(FUNCTION, 0, leb(0), name("f")), symbol(TABLE, UNDEFINED, leb(0))))
        ),
    }
    return MAGIC + b"".join({**parts, **replaced}.values())


@pytest.mark.parametrize(
    ("replaced", "why"),
    [
        ({"export": section(7, vector(name("x") + bytes((kind, 0))))}, f"unexpected export kind: {kind}")
        for kind in (5, 6, 64, 128, 255)
    ]
    + [
        ({"export": section(7, vector(name("x") + b"\0\1"))}, "invalid function export"),
        ({"export": section(7, vector(name("x") + b"\3\0"))}, "invalid global export"),
        ({"export": section(7, vector(name("x") + b"\4\0"))}, "invalid tag export"),
    ],
)
def test_exports_of_an_object(replaced: dict[str, bytes], why: str, tmp_path: Path) -> None:
    read_object(with_sections())
    path = tmp_path / "a.o"
    path.write_bytes(with_sections(**replaced))
    done = subprocess.run(
        [*reference_command(), "-r", str(path), "-o", str(tmp_path / "out")], capture_output=True, text=True
    )
    assert done.returncode != 0
    with pytest.raises(FormatError, match=why):
        read_object(path.read_bytes())


def test_exports_of_a_shared_library() -> None:
    for kind in (5, 64, 255):
        with pytest.raises(FormatError, match=f"unexpected export kind: {kind}"):
            SharedLibrary("a.so", MAGIC + section(7, vector(name("x") + bytes((kind, 0)))))


@pytest.mark.parametrize("kind", [0, 1, 0x20, 0x3F, 0x40, 0x80, 0xFF])
def test_bytes_that_are_no_value_type(kind: int) -> None:
    """The reference copies some of them, or writes 0xff in their place: no engine takes either."""
    with pytest.raises(FormatError, match="invalid value type"):
        read_object(with_sections(global_=section(6, vector(bytes((kind, 0)) + b"\x41\0\x0b"))))
    with pytest.raises(FormatError, match="invalid value type"):
        read_object(with_sections(type=section(1, vector(b"\x60\0\0", b"\x60\1" + bytes((kind, 0))))))


def test_elements_that_name_no_function() -> None:
    def elements(index: int) -> bytes:
        return with_sections(element=section(9, vector(b"\0\x41\1\x0b" + vector(leb(index)))))

    read_object(elements(0))
    with pytest.raises(FormatError, match="invalid function index"):
        read_object(elements(1))


def test_numbers_of_segments_may_be_padded() -> None:
    """Any number may take five bytes, the alignment of a segment too."""
    short = MAGIC + section(11, vector(b"\0\x41\0\x0b" + blob(b"text")))
    for alignment in (b"\2", b"\x82\0", b"\x82\x80\x80\x80\0"):
        for flags in (b"\1", b"\x81\0", b"\x81\x80\x80\x80\0"):
            info = subsection(SEGMENT_INFO, vector(name(".rodata.s") + alignment + flags))
            obj = read_object(short + linking(info))
            assert (obj.segments[0].alignment, obj.segments[0].flags) == (2, 1)
    with pytest.raises(FormatError, match="invalid alignment of a data segment: 2\\^32"):
        read_object(short + linking(subsection(SEGMENT_INFO, vector(name("s") + b"\xa0\0\1"))))
