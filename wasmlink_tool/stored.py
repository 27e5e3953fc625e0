"""The format of stored data: flat columns, whose lengths are all checked before they are used.

Files that the linker keeps (caches, states, scan results) are untrusted when they are read back. They are therefore
neither ``marshal`` nor ``pickle`` but in this format, which holds numbers and bytes only, does not nest by itself, and
allocates in proportion to the bytes that are there. It does not check meaning: that an index is in range is for the
caller to check, in bulk, once the columns are lists.

A *record* is a number of columns, known to writer and reader alike. To nest, a record is a column of another::

    record    u32 number of columns; u64 size of each; the columns, without gaps
    numbers   one byte, a width ("B", "H", "I": unsigned; "q": signed; "Q"); numbers of that width
    array     numbers of a width that both sides know
    strings   one byte, a separator that is in no string; each string followed by a separator. Or one byte 1;
              u32 number; u32 size of each; the strings
    groups    a record of two columns of numbers: the size of each group; the members of all

Everything is little-endian. ``memoryview`` columns are split without being copied::

    data = pack_record([pack_strings(names), pack_numbers(sizes)])
    names, sizes = unpack_record(data, 2)
    names, sizes = unpack_strings(names), unpack_numbers(sizes)

Every function that unpacks raises :exc:`StoredError`, and nothing else, for data that is not in this format.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence
from itertools import accumulate, pairwise
from struct import Struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    Buffer = bytes | bytearray | memoryview

_U32: Final = Struct("<I")
_WIDTHS: Final = "BHIqQ"
_CODES: Final = {code.encode(): code for code in _WIDTHS}
_SEPARATORS: Final = (b"\0", b"\xff", b"\xfe")
"""Bytes that few names hold: the last two never occur in UTF-8."""
_SIZES: Final = b"\1"
_IS_BIG_ENDIAN: Final = sys.byteorder == "big"


class StoredError(ValueError):
    """Bytes that are not in the format, or a value that it cannot hold."""


# Records


def record_chunks(columns: Sequence[Buffer | Sequence[Buffer]]) -> list[Buffer]:
    """Return a record in pieces, to be written one after the other. A column may be in pieces itself."""
    sizes: list[int] = []
    chunks: list[Buffer] = [b""]
    for column in columns:
        if isinstance(column, (bytes, bytearray, memoryview)):
            sizes.append(len(column))
            chunks.append(column)
        else:
            sizes.append(sum(map(len, column)))
            chunks += column
    chunks[0] = _U32.pack(len(sizes)) + pack_array("Q", sizes)
    return chunks


def pack_record(columns: Sequence[Buffer | Sequence[Buffer]]) -> bytes:
    return b"".join(record_chunks(columns))


def unpack_columns(data: bytes | memoryview) -> list[bytes | memoryview]:
    """Return the columns of a record of any number of columns, as slices of ``data``."""
    number = _U32.unpack_from(data)[0] if len(data) >= 4 else 0
    head = 4 + 8 * number
    if len(data) < head:
        raise StoredError("a record that is cut short")
    sizes = unpack_array("Q", data[4:head])
    if sum(sizes) != len(data) - head:
        raise StoredError("a record whose columns are not as long as its bytes")
    columns = []
    end = head
    for size in sizes:
        start = end
        end += size
        columns.append(data[start:end])
    return columns


def unpack_record(data: bytes | memoryview, number: int) -> list[bytes | memoryview]:
    """Return the columns of a record of ``number`` columns, as slices of ``data``."""
    columns = unpack_columns(data)
    if len(columns) != number:
        raise StoredError("a record of another kind")
    return columns


# Numbers


def pack_array(code: str, values: Sequence[int]) -> bytes:
    """Return numbers of the width of :mod:`array`'s ``code``, packed.

    :raises StoredError: one does not fit.
    """
    try:
        # array interprets bytes as the numbers' own encoding.
        if isinstance(values, array) and values.typecode == code:
            numbers = values
        else:
            numbers = array(code, values if isinstance(values, list) else list(values))
    except OverflowError:
        raise StoredError("a number that does not fit") from None
    if _IS_BIG_ENDIAN:
        numbers = array(code, numbers)
        numbers.byteswap()
    return numbers.tobytes()


def unpack_array(code: str, column: bytes | memoryview) -> array[int]:
    numbers: array[int] = array(code)
    try:
        numbers.frombytes(column)
    except ValueError:
        raise StoredError("a column that ends within a number") from None
    if _IS_BIG_ENDIAN:
        numbers.byteswap()
    return numbers


def pack_numbers(values: Sequence[int]) -> bytes:
    """Return integers in the narrowest width that holds all of them."""
    for code in _WIDTHS:
        try:
            return code.encode() + pack_array(code, values)
        except StoredError:
            continue
    raise StoredError("numbers that do not fit in 64 bits")


def unpack_numbers(column: bytes | memoryview) -> list[int]:
    first = bytes(column[:1])
    if first == b"B":
        return list(column[1:])
    code = _CODES.get(first)
    if code is None:
        raise StoredError("not a column of numbers")
    return unpack_array(code, column[1:]).tolist()


def unpack_unsigned(column: bytes | memoryview) -> list[int]:
    """Return numbers after checking that none is negative: counts and indices."""
    numbers = unpack_numbers(column)
    if bytes(column[:1]) == b"q" and min(numbers, default=0) < 0:
        raise StoredError("a negative number")
    return numbers


def pack_groups(groups: Sequence[Sequence[int]]) -> bytes:
    """Return lists of integers, packed."""
    return pack_record(
        [pack_numbers([*map(len, groups)]), pack_numbers([number for group in groups for number in group])]
    )


def unpack_groups(column: bytes | memoryview) -> list[list[int]]:
    packed_sizes, packed_members = unpack_record(column, 2)
    sizes, members = unpack_unsigned(packed_sizes), unpack_numbers(packed_members)
    if sum(sizes) != len(members):
        raise StoredError("groups that do not make up their members")
    ends = list(accumulate(sizes, initial=0))
    return [members[start:end] for start, end in pairwise(ends)]


# Byte strings


def pack_strings(strings: Sequence[bytes]) -> bytes:
    if not strings:
        return b""
    together = b"".join(strings)
    for separator in _SEPARATORS:
        if separator not in together:
            return separator + separator.join(strings) + separator
    return b"".join((_SIZES, pack_array("I", [len(strings), *map(len, strings)]), together))


def unpack_strings(column: bytes | memoryview) -> list[bytes]:
    if not column:
        return []
    column = bytes(column)
    kind = column[:1]
    if kind in _SEPARATORS:
        if len(column) < 2 or not column.endswith(kind):
            raise StoredError("a column of strings that is cut short")
        return column[1:-1].split(kind)
    if kind != _SIZES or len(column) < 5:
        raise StoredError("not a column of strings")
    start = 5 + 4 * _U32.unpack_from(column, 1)[0]
    sizes = unpack_array("I", column[5:start])
    if start > len(column) or sum(sizes) != len(column) - start:
        raise StoredError("strings that do not make up their column")
    ends = list(accumulate(sizes, initial=start))
    return [column[start:end] for start, end in pairwise(ends)]
