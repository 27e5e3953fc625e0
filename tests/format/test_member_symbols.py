"""The symbols of a member that is not linked: the sections before its symbol table are skipped by their sizes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import objects
from tests.support.objects import FUNCTION, LOCAL, MAGIC, SYMBOL_TABLE, UNDEFINED
from wasmlink_tool.binary.reader import FormatError
from wasmlink_tool.inputs.archive import defined_symbols

SYMBOLS = objects.vector(
    objects.symbol(FUNCTION, 0, b"\1", objects.name("first")),
    objects.symbol(FUNCTION, UNDEFINED, b"\0"),
    objects.symbol(FUNCTION, LOCAL, b"\2", objects.name("hidden")),
    objects.symbol(FUNCTION, 0, b"\3", objects.name("second")),
)
DEFINED = [b"first", b"second"]


def padded(number: int, width: int) -> bytes:
    """Return a number in ``width`` bytes, or in as many as it needs."""
    encoded = objects.leb(number)
    if len(encoded) < width:
        encoded = bytes([*encoded[:-1], encoded[-1] | 0x80, *[0x80] * (width - len(encoded) - 1), 0])
    return encoded


def section(identity: int, content: bytes, width: int) -> bytes:
    return bytes([identity]) + padded(len(content), width) + content


@given(
    st.lists(
        st.tuples(st.sampled_from([1, 127, 128, 129, 255, 256, 16383, 16384, 16385, 70000]), st.integers(1, 5)),
        max_size=6,
    ),
    st.integers(1, 5),
    st.booleans(),
)
def test_sections_of_every_size_and_padding(sizes: list[tuple[int, int]], width: int, named: bool) -> None:
    """No section is taken for the linking section because of its contents."""
    content = objects.name("linking") + b"\2" if named else b""
    before = b"".join(section(10 if named else 0, content.ljust(size, b"\0"), own) for size, own in sizes)
    table = bytes([SYMBOL_TABLE]) + padded(len(SYMBOLS), width) + SYMBOLS
    data = b"front" + MAGIC + before + section(0, objects.name("linking") + b"\2" + table, width) + b"behind"
    assert defined_symbols(data, len(b"front"), len(data) - len(b"behind")) == DEFINED


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\2" + bytes([SYMBOL_TABLE]) + b"\0",
        b"\2" + bytes([SYMBOL_TABLE]) + b"\x80",
        b"\2" + bytes([SYMBOL_TABLE]) + b"\1\1",
    ],
    ids=["no version", "no symbol count", "no end of a size", "no symbols"],
)
def test_what_follows_the_section_is_not_read(content: bytes) -> None:
    """The bytes after a section that is too short would complete it."""
    data = MAGIC + section(0, objects.name("linking") + content, 5)
    with pytest.raises(FormatError):
        defined_symbols(data + b"\2" * 64, 0, len(data))
