"""Parts of an object that wasm-ld drops, or copies with indices that mean something else: each is an error here."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.objects import (
    FUNCTION,
    MAGIC,
    SYMBOL_TABLE,
    TABLE,
    blob,
    leb,
    linking,
    name,
    section,
    subsection,
    symbol,
    vector,
)
from wasmlink_tool import LinkError, LinkOptions, link

MEMORY = name("env") + name("__linear_memory") + b"\2\0\1"
FUNCTIONS = name("env") + name("__indirect_function_table") + b"\1\x70\0\0"
OFFSET = b"\x41\1\x0b"
BASE = {
    "type": section(1, vector(b"\x60\0\0")),
    "import": section(2, vector(MEMORY, FUNCTIONS)),
    "function": section(3, vector(b"\0")),
    "table": b"",
    "memory": b"",
    "global": b"",
    "start": b"",
    "element": b"",
    "code": section(10, vector(blob(b"\0\x0b"))),
    "linking": linking(
        subsection(
            SYMBOL_TABLE,
            vector(symbol(FUNCTION, 0, leb(0), name("_start")), symbol(TABLE, 0x10, leb(0))),
        )
    ),
}
OWN_TABLE = {
    "table": section(4, vector(b"\x70\0\1")),
    "linking": linking(
        subsection(
            SYMBOL_TABLE,
            vector(
                symbol(FUNCTION, 0, leb(0), name("_start")),
                symbol(TABLE, 0x10, leb(0)),
                symbol(TABLE, 0, leb(1), name("mine")),
            ),
        )
    ),
}
ELEMENT = b"\0" + OFFSET + vector(leb(0))
LOST = {
    "start section": ({"start": section(8, leb(0))}, "start section"),
    "passive elements": ({"element": section(9, vector(b"\1\0" + vector(leb(0))))}, "passive or declared"),
    "declared elements": ({"element": section(9, vector(b"\3\0" + vector(leb(0))))}, "passive or declared"),
    "elements of a table of its own": (
        {**OWN_TABLE, "element": section(9, vector(b"\2" + leb(1) + OFFSET + b"\0" + vector(leb(0))))},
        "fills its own table",
    ),
    "two memories": ({"import": section(2, vector(MEMORY, FUNCTIONS, MEMORY))}, "several memories"),
    "a memory beside the imported one": ({"memory": section(5, vector(b"\0\1"))}, "several memories"),
    "global that copies another": (
        {"global": section(6, vector(b"\x7f\0\x41\1\x0b", b"\x7f\0\x23\0\x0b"))},
        "index of a global or function",
    ),
    "global that names a function": (
        {"global": section(6, vector(b"\x70\0\xd2\0\x0b"))},
        "index of a global or function",
    ),
    "global that is computed from another": (
        {"global": section(6, vector(b"\x7f\0\x41\1\x0b", b"\x7f\0\x41\1\x23\0\x6a\x0b"))},
        "index of a global or function",
    ),
}
KEPT = {
    "nothing more": {},
    "elements beside relocations": {"element": section(9, vector(ELEMENT))},
    "elements with a table number": {"element": section(9, vector(b"\2" + leb(0) + OFFSET + b"\0" + vector(leb(0))))},
    "elements as expressions": {"element": section(9, vector(b"\4" + OFFSET + vector(b"\xd2\0\x0b")))},
    "a table of its own that is empty": OWN_TABLE,
    "global with a value": {"global": section(6, vector(b"\x7f\0\x41\1\x0b"))},
}


def attempt(directory: Path, parts: dict[str, bytes]) -> str:
    path = directory / "a.o"
    path.write_bytes(MAGIC + b"".join({**BASE, **parts}.values()))
    try:
        link(LinkOptions(inputs=[str(path)], output=None))
    except LinkError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("kind", LOST)
def test_what_would_be_lost_is_an_error(kind: str, tmp_path: Path) -> None:
    parts, says = LOST[kind]
    error = attempt(tmp_path, parts)
    assert says in error
    assert "a.o: " in error


@pytest.mark.parametrize("kind", KEPT)
def test_what_means_the_same_without_it_is_linked(kind: str, tmp_path: Path) -> None:
    assert attempt(tmp_path, KEPT[kind]) == ""
