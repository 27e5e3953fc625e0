"""LEB128 against the tests' own reader: what is written reads back, and padding changes no value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import module, objects
from wasmlink_tool.binary.leb128 import PaddedEncodings, padded, padded_words, sleb, uleb
from wasmlink_tool.binary.reader import FormatError, Reader

UNSIGNED_32 = st.integers(0, 2**32 - 1)
SIGNED_32 = st.integers(-(2**31), 2**31 - 1)
UNSIGNED_64 = st.integers(0, 2**64 - 1)
SIGNED_64 = st.integers(-(2**63), 2**63 - 1)


def reader(data: bytes) -> Reader:
    return Reader(data, 0, len(data))


@given(UNSIGNED_64)
def test_unsigned(value: int) -> None:
    encoded = uleb(value)
    assert encoded == objects.leb(value)
    assert module.Reader(encoded).unsigned() == value
    assert reader(encoded).uleb(64) == value


@given(SIGNED_64)
def test_signed(value: int) -> None:
    encoded = sleb(value)
    assert encoded == objects.sleb(value)
    assert module.Reader(encoded).signed() == value
    assert reader(encoded).sleb(64) == value


@given(UNSIGNED_32)
def test_padded_unsigned(value: int) -> None:
    encoded = padded(value, 5)
    assert len(encoded) == 5
    assert module.Reader(encoded).unsigned() == value


@given(SIGNED_32)
def test_padded_signed(value: int) -> None:
    encoded = padded(value, 5)
    assert len(encoded) == 5
    assert module.Reader(encoded).signed() == value


@given(SIGNED_64)
def test_padded_signed_64(value: int) -> None:
    encoded = padded(value, 10)
    assert len(encoded) == 10
    assert module.Reader(encoded).signed() == value


@given(st.lists(UNSIGNED_32))
def test_many_padded_numbers(values: list[int]) -> None:
    unsigned = padded_words(values, signed=False)
    assert [module.Reader(encoded).unsigned() for encoded in unsigned] == values
    signed = padded_words(values, signed=True)
    assert [module.Reader(encoded).signed() & 0xFFFFFFFF for encoded in signed] == values
    assert {len(encoded) for encoded in (*unsigned, *signed)} <= {5}


@given(st.integers(-(2**40), 2**40))
def test_memo_wraps_as_addresses_do(value: int) -> None:
    """The value in code is the value modulo 2**32, in five bytes."""
    unsigned, signed = PaddedEncodings(32, signed=False)[value], PaddedEncodings(32, signed=True)[value]
    assert len(unsigned) == len(signed) == 5
    assert module.Reader(unsigned).unsigned() == value % 2**32
    assert module.Reader(signed).signed() % 2**32 == value % 2**32
    assert -(2**31) <= module.Reader(signed).signed() < 2**31


@given(st.lists(st.integers(-(2**40), 2**40), max_size=40), st.booleans(), st.sampled_from((32, 64)))
def test_many_numbers_are_encoded_as_one_is(values: list[int], signed: bool, bits: int) -> None:
    single, together, learned = (PaddedEncodings(bits, signed=signed) for _ in range(3))
    learned.learn(values)
    assert list(together.of_all(values)) == [single[value] for value in values] == [learned[value] for value in values]


@given(UNSIGNED_64)
def test_too_large_for_32_bits(value: int) -> None:
    encoded = uleb(value)
    if value < 2**32:
        assert reader(encoded).uleb() == value
    else:
        with pytest.raises(FormatError):
            reader(encoded).uleb()


@given(SIGNED_64)
def test_too_large_for_32_signed_bits(value: int) -> None:
    if -(2**31) <= value < 2**31:
        assert reader(sleb(value)).sleb() == value
    else:
        with pytest.raises(FormatError):
            reader(sleb(value)).sleb()


@given(st.binary(max_size=30))
def test_any_bytes(data: bytes) -> None:
    """A number or a FormatError, never past the end."""
    for method in ("uleb", "sleb"):
        cursor = reader(data)
        try:
            getattr(cursor, method)()
        except FormatError:
            continue
        assert 0 < cursor.pos <= len(data)


@given(st.binary(max_size=60))
def test_any_bytes_as_larger_things(data: bytes) -> None:
    for method in ("name", "count", "value_type", "limits", "constant_expression", "u8"):
        cursor = reader(data)
        try:
            getattr(cursor, method)()
        except FormatError:
            continue
        assert 0 < cursor.pos <= len(data)


@given(UNSIGNED_32, st.binary(max_size=20))
def test_count_that_does_not_fit(count: int, rest: bytes) -> None:
    cursor = reader(uleb(count) + rest)
    if count <= len(rest):
        assert cursor.count() == count
    else:
        with pytest.raises(FormatError):
            cursor.count()
