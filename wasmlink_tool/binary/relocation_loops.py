"""Loops over relocation entries: the compiled package's counterpart of the interpreter's bulk operations.

In the compiled package (see ``setup.py``), a loop over the bytes of a relocation section takes a tenth of the time that
the interpreter needs to split it into columns; interpreted, the loop takes longer. Both give the same bytes. Damaged
and unusual sections are left to the bulk operations, which report the errors: if a function here returns ``None``, they
are used.

Numbers are read in line: a call for each would take as long as the rest of a loop.

The pure package does not import this module: ``librt`` is the run-time library of compiled modules.
"""

from __future__ import annotations

from array import array

from librt.strings import BytesWriter, read_i32_le, read_i64_le, write_i32_le, write_i64_le

from .field_values import LOWEST, NOTHING, REMOVED, UNKNOWN, FieldValues
from .relocation_types import RelocationType as R

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final

    from mypy_extensions import i32, i64, u8

# Compiled code has these types built in, and importing their module imports typing. Interpreted, it calls them; and
# mypyc takes an `else` of TYPE_CHECKING for unreachable.
if __file__.endswith((".py", ".pyc")):
    globals().update(i32=int, i64=int, u8=int)

_LOCREL: Final = R.MEMORY_ADDR_LOCREL_I32


def decode(entries: bytes, count: int, with_addend: bytes) -> tuple[bytes, array[int], array[int], array[int]] | None:
    """Return relocation entries as columns: types, offsets, indices, addends.

    :param with_addend: one byte for each type, 1 if entries of the type have an addend.
    """
    end: i64 = len(entries)
    pos: i64 = 0
    known: i64 = len(with_addend)
    types = BytesWriter()
    offsets = BytesWriter()
    indices = BytesWriter()
    addends = BytesWriter()
    last: i64 = 0
    left: i64 = count
    while left > 0:
        if pos >= end:
            return None
        type_: i64 = entries[pos]
        pos += 1
        if type_ >= known:
            return None
        types.append(u8(type_))
        value: i64 = 0
        shift: i64 = 0
        while True:
            if pos >= end or shift > 28:
                return None
            byte: i64 = entries[pos]
            pos += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
            shift += 7
        if value < last or value > 0x7FFFFFFF:
            return None
        last = value
        write_i32_le(offsets, i32(value))
        value = 0
        shift = 0
        while True:
            if pos >= end or shift > 28:
                return None
            byte = entries[pos]
            pos += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
            shift += 7
        if value > 0x7FFFFFFF:
            return None
        write_i32_le(indices, i32(value))
        value = 0
        if with_addend[type_]:
            shift = 0
            while True:
                # Nine bytes hold 63 bits: larger addends are unusual.
                if pos >= end or shift > 56:
                    return None
                byte = entries[pos]
                pos += 1
                value |= (byte & 0x7F) << shift
                shift += 7
                if byte < 0x80:
                    break
            # Not "1 << shift": compiled, that literal is too narrow to shift.
            sign: i64 = (byte >> 6) & 1
            value -= sign << shift
        write_i64_le(addends, value)
        left -= 1
    if pos != end:
        return None
    return types.getvalue(), _column("I", offsets), _column("I", indices), _column("q", addends)


def _column(code: str, numbers: BytesWriter) -> array[int]:
    column: array[int] = array(code)
    column.frombytes(numbers.getvalue())
    return column


def positions(numbers: array[int], bounds: list[int]) -> list[int]:
    """Return ``bisect_left`` in ascending 32-bit numbers for each of the ascending bounds."""
    data = numbers.tobytes()
    size: i64 = len(data)
    pos: i64 = 0
    found: list[int] = []
    for bound in bounds:
        limit: i64 = bound
        while pos < size and i64(read_i32_le(data, pos)) < limit:
            pos += 4
        found.append(pos >> 2)
    return found


def picked(values: bytes, indices: array[int]) -> bytes:
    """Return the values at the 32-bit indices.

    :raises IndexError: an index is out of range.
    """
    data = indices.tobytes()
    size: i64 = len(data)
    number: i64 = len(values)
    found = BytesWriter()
    pos: i64 = 0
    while pos < size:
        index: i64 = i64(read_i32_le(data, pos))
        if not 0 <= index < number:
            raise IndexError
        found.append(values[index])
        pos += 4
    return found.getvalue()


def marked(numbers: array[int], marks: bytes, mark: int) -> array[int]:
    """Return the numbers, of 32 bits, at the positions where ``marks`` has ``mark``."""
    data = numbers.tobytes()
    count: i64 = min(len(marks), len(data) >> 2)
    wanted: i64 = mark
    found = BytesWriter()
    k: i64 = 0
    while k < count:
        if marks[k] == wanted:
            write_i32_le(found, read_i32_le(data, 4 * k))
        k += 1
    return _column("I", found)


def fields(section: bytes, offsets: array[int]) -> array[int]:
    """Return the 32-bit fields at 32-bit offsets.

    :raises IndexError: a field is out of range.
    """
    data = offsets.tobytes()
    size: i64 = len(data)
    found = BytesWriter()
    pos: i64 = 0
    while pos < size:
        write_i32_le(found, read_i32_le(section, i64(read_i32_le(data, pos))))
        pos += 4
    return _column("I", found)


def relocate(
    contents: bytes,
    entries: bytes,
    count: int,
    values: FieldValues,
    ranges: list[int],
    formats: tuple[bytes, bytes, bytes],
    tombstone: int | None,
) -> bytes | None:
    """Return a section with its relocations applied.

    :param ranges: the ranges to relocate, as ascending pairs of start and end; entries elsewhere are skipped.
    :param formats: for each type of relocation the width of its field, whether it has an addend, whether it is signed.
    :param tombstone: the value for targets that are not in the output; ``None`` for the addend.
    """
    end: i64 = len(entries)
    size: i64 = len(contents)
    pos: i64 = 0
    widths, with_addend, signed = formats
    known: i64 = len(widths)
    out = BytesWriter()
    out.write(contents)
    tables = values.tables
    range_count: i64 = len(ranges)
    if not range_count:
        return contents
    next_range: i64 = 2
    range_start: i64 = ranges[0]
    range_end: i64 = ranges[1]
    last: i64 = 0
    left: i64 = count
    while left > 0:
        left -= 1
        if pos >= end:
            return None
        type_: i64 = entries[pos]
        pos += 1
        if type_ >= known:
            return None
        offset: i64 = 0
        shift: i64 = 0
        while True:
            if pos >= end or shift > 28:
                return None
            byte: i64 = entries[pos]
            pos += 1
            offset |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
            shift += 7
        if offset < last:
            return None
        last = offset
        index: i64 = 0
        shift = 0
        while True:
            if pos >= end or shift > 28:
                return None
            byte = entries[pos]
            pos += 1
            index |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
            shift += 7
        addend: i64 = 0
        if with_addend[type_]:
            shift = 0
            while True:
                if pos >= end or shift > 56:
                    return None
                byte = entries[pos]
                pos += 1
                addend |= (byte & 0x7F) << shift
                shift += 7
                if byte < 0x80:
                    break
            sign: i64 = (byte >> 6) & 1
            addend -= sign << shift

        while offset >= range_end:
            if next_range == range_count:
                range_start = range_end = 1 << 62
                break
            range_start = ranges[next_range]
            range_end = ranges[next_range + 1]
            next_range += 2
        if offset < range_start:
            continue

        table = tables[type_]
        if index >= len(table):
            # Place-relative relocations are too few to be worth code here.
            if table or index >= values.number or type_ == _LOCREL:
                return None
            table = values.open(type_)
        value: i64 = table[index]
        if value < LOWEST:
            if value == UNKNOWN:
                values.check(type_, index)
                value = values.base(type_, index)
                table[index] = value
            if value >= LOWEST:
                value += addend
            elif value == REMOVED:
                value = addend if tombstone is None else tombstone
            elif value == NOTHING:
                value = 0
            else:
                value = values.scattered(index, addend)
        else:
            value += addend

        width: i64 = widths[type_]
        if offset + width > size:
            return None
        if width == 4:
            out[offset] = u8(value & 0xFF)
            out[offset + 1] = u8((value >> 8) & 0xFF)
            out[offset + 2] = u8((value >> 16) & 0xFF)
            out[offset + 3] = u8((value >> 24) & 0xFF)
        elif width == 5:
            # The spare bits of the last byte repeat the sign, or are 0.
            out[offset] = u8(value & 0x7F | 0x80)
            out[offset + 1] = u8((value >> 7) & 0x7F | 0x80)
            out[offset + 2] = u8((value >> 14) & 0x7F | 0x80)
            out[offset + 3] = u8((value >> 21) & 0x7F | 0x80)
            top: i64 = (value >> 28) & 0x0F
            if top & 0x08 and signed[type_]:
                top |= 0x70
            out[offset + 4] = u8(top)
        elif width == 8:
            shift = 0
            while shift < 64:
                out[offset] = u8((value >> shift) & 0xFF)
                offset += 1
                shift += 8
        else:
            shift = 0
            while shift < 63:
                out[offset] = u8((value >> shift) & 0x7F | 0x80)
                offset += 1
                shift += 7
            out[offset] = u8((value >> 63) & (0x7F if signed[type_] else 0x01))
    if pos != end:
        return None
    return out.getvalue()


def relocate_columns(
    contents: bytes,
    columns: tuple[bytes, Sequence[int], Sequence[int], Sequence[int]],
    values: FieldValues,
    ranges: list[int],
    formats: tuple[bytes, bytes, bytes],
    tombstone: int | None,
) -> bytes | None:
    """Return what :func:`relocate` does, for relocations that are decoded already: types, offsets, indices, addends."""
    types, of_offsets, of_indices, of_addends = columns
    if not ranges:
        return contents
    if not isinstance(of_offsets, array) or not isinstance(of_indices, array) or not isinstance(of_addends, array):
        return None
    if of_offsets.itemsize != 4 or of_indices.itemsize != 4 or of_addends.itemsize not in (4, 8):
        return None
    offsets, indices, addends = of_offsets.tobytes(), of_indices.tobytes(), of_addends.tobytes()
    wide: bool = of_addends.itemsize == 8
    size: i64 = len(contents)
    widths, _, signed = formats
    known: i64 = len(widths)
    out = BytesWriter()
    out.write(contents)
    tables = values.tables
    range_count: i64 = len(ranges)
    next_range: i64 = 2
    range_start: i64 = ranges[0]
    range_end: i64 = ranges[1]
    count: i64 = len(types)
    k: i64 = 0
    while k < count:
        type_: i64 = types[k]
        offset: i64 = i64(read_i32_le(offsets, 4 * k))
        index: i64 = i64(read_i32_le(indices, 4 * k))
        addend: i64 = read_i64_le(addends, 8 * k) if wide else i64(read_i32_le(addends, 4 * k))
        k += 1
        while offset >= range_end:
            if next_range == range_count:
                range_start = range_end = 1 << 62
                break
            range_start = ranges[next_range]
            range_end = ranges[next_range + 1]
            next_range += 2
        if offset < range_start:
            continue
        if type_ >= known:
            return None
        table = tables[type_]
        if index >= len(table):
            if table or index >= values.number or type_ == _LOCREL:
                return None
            table = values.open(type_)
        value: i64 = table[index]
        if value < LOWEST:
            if value == UNKNOWN:
                values.check(type_, index)
                value = values.base(type_, index)
                table[index] = value
            if value >= LOWEST:
                value += addend
            elif value == REMOVED:
                value = addend if tombstone is None else tombstone
            elif value == NOTHING:
                value = 0
            else:
                value = values.scattered(index, addend)
        else:
            value += addend
        width: i64 = widths[type_]
        if offset < 0 or offset + width > size:
            return None
        _write_field(out, offset, width, signed[type_] != 0, value)
    return out.getvalue()


def _write_field(out: BytesWriter, offset: i64, width: i64, signed: bool, value: i64) -> None:
    """Write a field of 4 or 8 bytes, or a padded number of 5 or 10."""
    shift: i64 = 0
    last: i64 = width - 1
    k: i64 = 0
    if width == 4 or width == 8:
        while k < width:
            out[offset + k] = u8((value >> shift) & 0xFF)
            shift += 8
            k += 1
        return
    while k < last:
        out[offset + k] = u8((value >> shift) & 0x7F | 0x80)
        shift += 7
        k += 1
    if width == 5:
        top: i64 = (value >> 28) & 0x0F
        if top & 0x08 and signed:
            top |= 0x70
    else:
        top = (value >> 63) & (0x7F if signed else 0x01)
    out[offset + last] = u8(top)
