"""Stored columns: what was packed is unpacked, and anything else is refused without allocating what is not there."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmlink_tool import stored
from wasmlink_tool.stored import StoredError

INTEGERS = st.one_of(st.integers(0, 300), st.integers(0, 1 << 20), st.integers(-(1 << 63), (1 << 63) - 1))
UNSIGNED = st.one_of(st.integers(0, 300), st.integers(0, (1 << 64) - 1))
UNPACK: list[Callable[[bytes], object]] = [
    lambda data: stored.unpack_record(data, 2),
    stored.unpack_numbers,
    stored.unpack_groups,
    stored.unpack_strings,
    lambda data: stored.unpack_array("I", data),
]


@given(st.one_of(st.lists(INTEGERS), st.lists(UNSIGNED)))
def test_numbers(numbers: list[int]) -> None:
    packed = stored.pack_numbers(numbers)
    assert stored.unpack_numbers(packed) == numbers
    assert stored.unpack_numbers(memoryview(packed)) == numbers


def test_numbers_are_little_endian_and_narrow() -> None:
    assert stored.pack_numbers([1, 255]) == b"B\x01\xff"
    assert stored.pack_numbers([1, 256]) == b"H\x01\0\0\x01"
    assert stored.pack_numbers(bytes((1, 2))) == b"B\x01\x02"
    assert stored.pack_array("I", [1]) == b"\x01\0\0\0"
    assert stored.pack_array("i", [-1]) == b"\xff" * 4
    with pytest.raises(StoredError):
        stored.pack_numbers([-1, 1 << 63])
    with pytest.raises(StoredError):
        stored.pack_array("I", [1 << 32])


@given(st.lists(st.one_of(st.binary(max_size=4), st.sampled_from([b"", b"\0", b"\0\xff\xfe", b"a\0"]))))
def test_strings(strings: list[bytes]) -> None:
    packed = stored.pack_strings(strings)
    assert stored.unpack_strings(packed) == strings
    assert stored.unpack_strings(memoryview(packed)) == strings


@given(st.lists(st.lists(INTEGERS)))
def test_groups(groups: list[list[int]]) -> None:
    assert stored.unpack_groups(stored.pack_groups(groups)) == groups


@given(st.lists(st.binary()))
def test_records(columns: list[bytes]) -> None:
    packed = stored.pack_record(columns)
    assert b"".join(stored.record_chunks([[column[:1], column[1:]] for column in columns])) == packed
    assert stored.unpack_record(packed, len(columns)) == columns
    assert stored.unpack_record(memoryview(packed), len(columns)) == columns
    for number in (len(columns) + 1, max(0, len(columns) - 1)):
        if number != len(columns):
            with pytest.raises(StoredError):
                stored.unpack_record(packed, number)


@given(st.binary())
def test_nothing_but_the_one_error(data: bytes) -> None:
    for unpack in UNPACK:
        try:
            unpack(data)
        except StoredError:
            continue


@given(st.lists(st.sampled_from([b"", b"\0", b"\0\xff\xfe", b"long enough"])), st.data())
def test_cut_short_or_changed(strings: list[bytes], data: st.DataObject) -> None:
    packed = bytearray(stored.pack_record([stored.pack_strings(strings), stored.pack_groups([[1, 2], [300]])]))
    del packed[data.draw(st.integers(1, len(packed))) :]
    packed[data.draw(st.integers(0, len(packed) - 1))] = data.draw(st.integers(0, 255))
    try:
        first, second = stored.unpack_record(bytes(packed), 2)
        stored.unpack_strings(first)
        stored.unpack_groups(second)
    except StoredError:
        pass


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xff\xff\xff" + b"\xff" * 16,
        b"\x02\0\0\0" + b"\xff" * 16,
        b"\x01\xff\xff\xff\xff",
        b"\x01\xff\xff\xff\x3f" + b"\xff" * 64,
        stored.pack_record([b"B\xff\xff\xff\xff", b"B"]),
        stored.pack_record([b"Q" + b"\xff" * 64, b"B"]),
        stored.pack_record([b"q" + (-1 & (1 << 64) - 1).to_bytes(8, "little") + b"\x01" + bytes(7), b"B"]),
    ],
)
def test_a_huge_count_allocates_nothing(data: bytes) -> None:
    tracemalloc.start()
    try:
        for unpack in UNPACK:
            try:
                unpack(data)
            except StoredError:
                continue
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
