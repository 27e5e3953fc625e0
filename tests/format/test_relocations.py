"""Relocation entries decode to what was encoded, however many new numbers they have."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import objects
from wasmlink_tool.binary import relocations
from wasmlink_tool.binary.reader import FormatError
from wasmlink_tool.binary.relocation_types import RELOCATION_NAMES as R_NAMES
from wasmlink_tool.binary.relocation_types import RelocationType as R

ADDENDS = st.one_of(
    st.integers(-(2**6), 2**6),
    st.integers(-(2**13) - 2, 2**13 + 2),
    st.integers(-(2**20) - 2, 2**20 + 2),
    st.integers(-(2**27) - 2, 2**27 + 2),
    st.integers(-(2**63), 2**63 - 1),
)


def entry(offset: int, addend: bytes) -> bytes:
    return bytes((R.SECTION_OFFSET_I32,)) + objects.leb(offset) + objects.leb(3) + addend


@given(st.lists(ADDENDS, min_size=100, max_size=400, unique=True))
def test_hundreds_of_new_addends_are_decoded_together(addends: list[int]) -> None:
    entries = b"".join(entry(4 * i, objects.sleb(addend)) for i, addend in enumerate(addends))
    found = relocations.decode(entries, len(addends))
    assert list(found.addends) == addends
    assert list(found.offsets) == [4 * i for i in range(len(addends))]
    assert list(found.indices) == [3] * len(addends)
    assert found.types == bytes((R.SECTION_OFFSET_I32,)) * len(addends)


def test_needlessly_long_addends_have_their_value() -> None:
    """Assemblers may pad: the same number in three and in four bytes."""
    numbers = range(200)
    padded = [
        b"".join(bytes((number >> 7 * i & 0x7F | 0x80,)) for i in range(size - 1)) + b"\0"
        for number in numbers
        for size in (3, 4)
    ]
    entries = b"".join(entry(4 * i, token) for i, token in enumerate(padded))
    assert list(relocations.decode(entries, len(padded)).addends) == [n for n in numbers for _ in (3, 4)]


@pytest.mark.parametrize("wrong", [objects.sleb(2**63), b"\x80" * 11 + b"\0"])
def test_one_addend_of_hundreds_does_not_fit(wrong: bytes) -> None:
    tokens = [*map(objects.sleb, range(300, 600)), wrong]
    entries = b"".join(entry(4 * i, token) for i, token in enumerate(tokens))
    with pytest.raises(FormatError, match="64 bits"):
        relocations.decode(entries, len(tokens))


@pytest.mark.parametrize("after", [b"\xff", b"\x09\x80", b"\x09\x01\x02"])
def test_what_is_no_entry_is_reported(after: bytes) -> None:
    good = entry(0, b"\5")
    with pytest.raises(FormatError):
        relocations.decode(good + after, 2)
    with pytest.raises(FormatError):
        relocations.decode(good + after, 1)


@given(st.lists(st.sampled_from(sorted(R_NAMES)), max_size=200), st.integers(0, 60))
def test_relocations_of_a_type_are_selected_whether_few_or_many(mixed: list[int], frequent: int) -> None:
    types = bytes([*mixed, *[R.MEMORY_ADDR_LEB] * frequent])
    numbers = list(range(len(types)))
    assert sorted(relocations.present_types(types)) == sorted(set(types))
    for type_ in (*set(types), R.TAG_INDEX_LEB):
        named, doubled = relocations.of_type(types, type_, numbers, [2 * number for number in numbers])
        assert list(named) == [number for number in numbers if types[number] == type_]
        assert list(doubled) == [2 * number for number in named]
