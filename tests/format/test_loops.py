"""Walking relocation entries one by one gives what the bulk operations give, interpreted as well as compiled."""

from __future__ import annotations

from array import array
from bisect import bisect_left

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import objects
from wasmlink_tool.binary import field_values, relocation_types, relocations
from wasmlink_tool.binary.reader import FormatError
from wasmlink_tool.binary.relocation_types import RELOCATION_NAMES
from wasmlink_tool.binary.relocation_types import RelocationType as R

loops = pytest.importorskip(
    "wasmlink_tool.binary.relocation_loops", reason="needs the run-time library of compiled modules"
)

SIZE = 400
SYMBOLS = 9
TYPES = sorted(RELOCATION_NAMES.keys() - {R.MEMORY_ADDR_LOCREL_I32})
BASES = st.one_of(
    st.integers(0, 2**33),
    st.sampled_from([field_values.REMOVED, field_values.NOTHING, field_values.SCATTERED]),
)


@st.composite
def entries(draw: st.DrawFn) -> list[tuple[int, int, int, int]]:
    """Relocations whose fields do not overlap."""
    found: list[tuple[int, int, int, int]] = []
    offset = 0
    while True:
        offset += draw(st.integers(0, 30))
        type_ = draw(st.sampled_from(TYPES))
        if offset + relocation_types.WIDTH[type_] > SIZE:
            return found
        addend = draw(st.integers(-(2**40), 2**40)) if type_ in relocation_types.WITH_ADDEND else 0
        found.append((type_, offset, draw(st.integers(0, SYMBOLS - 1)), addend))
        offset += relocation_types.WIDTH[type_]


def encode(found: list[tuple[int, int, int, int]]) -> bytes:
    return b"".join(
        bytes([type_])
        + objects.leb(offset)
        + objects.leb(index)
        + (objects.sleb(addend) if type_ in relocation_types.WITH_ADDEND else b"")
        for type_, offset, index, addend in found
    )


interpreted = pytest.mark.skipif(relocations.COMPILED, reason="what is compiled has no subclasses that are not")


class Values(field_values.FieldValues):
    def __init__(self, bases: list[int]) -> None:
        super().__init__(SYMBOLS)
        self.bases = bases

    def check(self, type_: int, index: int) -> None:
        pass

    def base(self, type_: int, index: int) -> int:
        return self.bases[index]

    def scattered(self, index: int, addend: int) -> int:
        return addend * 3 % 1000 + index


@given(entries())
def test_columns(found: list[tuple[int, int, int, int]]) -> None:
    encoded = encode(found)
    columns = loops.decode(encoded, len(found), relocation_types.FORMATS[1])
    assert columns is not None
    types, *others = columns
    assert list(zip(types, *others)) == found
    if found:
        decoded = relocations.decode(encoded, len(found))
        assert (decoded.types, *map(list, (decoded.offsets, decoded.indices, decoded.addends))) == (
            types,
            *map(list, others),
        )


@interpreted
@given(entries(), st.lists(BASES, min_size=SYMBOLS, max_size=SYMBOLS), st.sampled_from([None, -1, -2]), st.data())
def test_fields(
    found: list[tuple[int, int, int, int]], bases: list[int], tombstone: int | None, data: st.DataObject
) -> None:
    contents = data.draw(st.binary(min_size=SIZE, max_size=SIZE))
    cuts = sorted(data.draw(st.lists(st.integers(0, SIZE), max_size=6).filter(lambda cuts: len(cuts) % 2 == 0)))
    expected = bytearray(contents)
    values = Values(bases)
    for type_, offset, index, addend in found:
        if any(start <= offset < end for start, end in zip(cuts[::2], cuts[1::2])):
            base = bases[index]
            if base >= field_values.LOWEST:
                value = base + addend
            elif base == field_values.REMOVED:
                value = addend if tombstone is None else tombstone
            elif base == field_values.NOTHING:
                value = 0
            else:
                value = values.scattered(index, addend)
            expected[offset : offset + relocation_types.WIDTH[type_]] = field(type_, value)
    done = loops.relocate(contents, encode(found), len(found), values, cuts, relocation_types.FORMATS, tombstone)
    assert done == expected


def field(type_: int, value: int) -> bytes:
    """The format's own words: fixed numbers, or LEB128 padded to its greatest length."""
    width = relocation_types.WIDTH[type_]
    if width in (4, 8):
        return (value & ((1 << (8 * width)) - 1)).to_bytes(width, "little")
    bits = 32 if width == 5 else 64
    value &= (1 << bits) - 1
    if "SLEB" in RELOCATION_NAMES[type_] and value >> (bits - 1):
        value -= 1 << bits
    return bytes([*((value >> 7 * i & 0x7F | 0x80) for i in range(width - 1)), value >> 7 * (width - 1) & 0x7F])


@interpreted
@given(entries(), st.data())
def test_damage(found: list[tuple[int, int, int, int]], data: st.DataObject) -> None:
    """The loops accept nothing that the bulk operations reject."""
    damaged = bytearray(encode(found) or b"\0")
    damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    del damaged[data.draw(st.integers(0, len(damaged))) :]
    try:
        decoded = relocations.decode(bytes(damaged), len(found))
    except FormatError:
        decoded = None
    columns = loops.decode(bytes(damaged), len(found), relocation_types.FORMATS[1])
    if decoded is None:
        assert columns is None
    elif columns is not None:
        assert list(map(list, columns)) == list(
            map(list, (decoded.types, decoded.offsets, decoded.indices, decoded.addends))
        )
    values = Values([0] * SYMBOLS)
    done = loops.relocate(bytes(SIZE), bytes(damaged), len(found), values, [0, SIZE], relocation_types.FORMATS, None)
    assert done is None or decoded is not None


@given(st.lists(st.integers(0, 2**31 - 1)), st.lists(st.integers(0, 2**31)))
def test_positions(numbers: list[int], bounds: list[int]) -> None:
    numbers.sort()
    bounds.sort()
    assert loops.positions(array("I", numbers), bounds) == [bisect_left(numbers, bound) for bound in bounds]


@given(st.binary(min_size=1, max_size=300), st.lists(st.integers(0, 299)))
def test_picked(values: bytes, indices: list[int]) -> None:
    known = [index for index in indices if index < len(values)]
    assert loops.picked(values, array("I", known)) == bytes([values[index] for index in known])
    with pytest.raises(IndexError):
        loops.picked(values, array("I", [*known, len(values)]))


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 3))), st.integers(0, 3))
def test_marked(pairs: list[tuple[int, int]], mark: int) -> None:
    column, marks = array("I", [number for number, _ in pairs]), bytes([given_mark for _, given_mark in pairs])
    expected = array("I", [number for number, given_mark in pairs if given_mark == mark])
    assert loops.marked(column, marks, mark) == expected
    assert relocations.marked(list(column), marks, mark) == expected
