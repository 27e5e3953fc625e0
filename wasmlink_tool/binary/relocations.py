"""Decode relocation entries in bulk into parallel columns (Linking.md, "Relocation Sections").

A debug build has a million relocations, so none is a Python object for long. A regular expression splits the section
into entries of LEB128 tokens and a memo turns tokens into integers; both run many times faster than a loop over bytes.
"""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_left
from itertools import compress, repeat
from struct import Struct

from .reader import FormatError
from .relocation_types import FORMATS, RELOCATION_NAMES, WITH_ADDEND

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Final

COMPILED: Final = not __file__.endswith((".py", ".pyc"))
"""Whether mypyc compiled this package: loops then replace bulk operations."""
if COMPILED:
    from . import relocation_loops as loops

_U32: Final = Struct("<I")
_KNOWN: Final = bytes(RELOCATION_NAMES)


def _one_of(types: frozenset[int] | set[int]) -> bytes:
    return b"[" + b"".join(b"\\x%02x" % t for t in sorted(types)) + b"]"


_SOON: Final = 12000
"""The number of relocations that a process decodes one by one, before it imports ``re``: to import that and to make the
pattern takes as long as the pattern saves then."""


class _Entries:
    """The pattern of an entry: its type (twice if it has an addend), offset, index and addend, which is empty if it
    has none. From the first byte that begins no entry on, the rest is one match without a type."""

    def __init__(self) -> None:
        self._split: Callable[[bytes, int], list[bytes]] | None = None
        self._soon = _SOON

    def split(self, entries: bytes, most: int = 0) -> list[bytes]:
        """Return one flat list of what is before each entry, which is nothing, and its groups: to split takes less than
        half the time of ``findall``, which makes a tuple of each entry.

        :param most: the maximum number of entries, after which the rest is the last element; 0 for all.
        """
        if self._split is None:
            import re

            pattern = rb"((%(with)b)|%(plain)b)(%(token)b)(%(token)b)((?(2)%(token)b))|.+" % {
                b"with": _one_of(WITH_ADDEND),
                b"plain": _one_of(RELOCATION_NAMES.keys() - WITH_ADDEND),
                b"token": rb"[\x80-\xff]*[\x00-\x7f]",
            }
            self._split = re.compile(pattern, re.DOTALL).split
        return self._split(entries, most)

    def are_few(self, count: int) -> bool:
        """Return whether ``count`` more entries are to be decoded one by one."""
        self._soon -= count
        return self._split is None and self._soon >= 0


_entries: Final = _Entries()
_BLOCK: Final = 1 << 16
"""The number of entries up to which all are split at once."""
_UNSORTED: Final = "relocations are not in offset order"
_STRIDE: Final = 6
"""The items for each entry in a list of :meth:`_Entries.split`."""

_MEMO_LIMIT: Final = 1 << 18
"""The maximum size of the memo. Numbers repeat within an object and between objects, so that most tokens are in the
memo; the limit bounds its memory."""


class _Unsigned(dict[bytes, int]):
    """Maps LEB128 tokens to unsigned 32-bit numbers."""

    def __missing__(self, token: bytes) -> int:
        value = 0
        for i, byte in enumerate(token):
            value |= (byte & 0x7F) << (7 * i)
        if len(token) > 10 or value >> 32:
            raise FormatError("a number in a relocation does not fit in 32 bits")
        if len(self) < _MEMO_LIMIT:
            self[token] = value
        return value


class _Signed(dict[bytes, int]):
    """Maps LEB128 tokens to signed 64-bit numbers."""

    def __missing__(self, token: bytes) -> int:
        size = len(token)
        if size == 3 and token[2] < 0x40:
            # Most new tokens are offsets in the sections of debug information.
            value = token[0] + (token[1] << 7) + (token[2] << 14) - 0x4080
        else:
            value = 0
            for i, byte in enumerate(token):
                value |= (byte & 0x7F) << (7 * i)
            if token[-1] & 0x40:
                value -= 1 << (7 * size)
            if size > 10 or not -(1 << 63) <= value < 1 << 63:
                raise FormatError("an addend does not fit in 64 bits")
        if len(self) < _MEMO_LIMIT:
            self[token] = value
        return value


_unsigned: Final = _Unsigned()
_signed: Final = _Signed({b"": 0})
_MANY: Final = 64
"""New addends, from which on they are decoded together."""


class _Lanes:
    """Decodes LEB128 tokens of one size, 2 to 4 bytes: all at once, as lanes of 32 bits in one long integer."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._gap = bytes(4 - size)
        self._number = 0
        self._continued = self._ended = 0
        self._digits: list[int] = []

    def _grow(self, number: int) -> None:
        """Make masks for at least this many lanes: a mask that is longer than the lanes does no harm."""
        self._number = number = max(number, 2 * self._number)
        size = self._size

        def mask(lane: int) -> int:
            return int.from_bytes(lane.to_bytes(4, "little") * number, "little")

        self._continued = mask(sum(0x80 << 8 * i for i in range(size - 1)))
        self._ended = mask(0x80 << 8 * (size - 1) | (0xFFFFFFFF << 8 * size & 0xFFFFFFFF))
        self._digits = [mask(0x7F << 7 * i) for i in range(size)]

    def decode(self, tokens: Sequence[bytes]) -> array[int] | None:
        """Return the numbers; ``None`` if not all tokens have the size."""
        number = len(tokens)
        if number > self._number:
            self._grow(number)
        gap = self._gap
        data = gap.join(tokens) + gap
        lanes = int.from_bytes(data, "little")
        if (
            len(data) != 4 * number
            or lanes & self._ended
            or (lanes & self._continued).bit_count() != number * (self._size - 1)
        ):
            return None
        numbers = 0
        for i, digit in enumerate(self._digits):
            numbers |= lanes >> i & digit
        column: array[int] = array("I")
        column.frombytes(numbers.to_bytes(4 * number, sys.byteorder))
        if sys.byteorder == "big":
            column.reverse()
        return column


_LANES: Final = (_Lanes(2), _Lanes(3), _Lanes(4))


def _ascending(tokens: Sequence[bytes]) -> Sequence[int]:
    """Return the numbers of tokens, which must ascend, so that equal lengths are adjacent.

    :raises FormatError: one is smaller than its predecessor, or does not fit in 32 bits.
    """
    numbers: array[int] = array("I")
    start = bisect_left(tokens, 2, key=len)
    numbers.extend(b"".join(tokens[:start]))
    whole = len(numbers) == start and (not start or max(numbers) < 0x80)
    for size, lanes in enumerate(_LANES, 2):
        if not whole or start == len(tokens):
            break
        after = bisect_left(tokens, size + 1, start, key=len)
        if after != start:
            run = lanes.decode(tokens[start:after])
            whole = run is not None
            if run is not None:
                numbers += run
            start = after
    ascending = numbers.tolist()
    if not whole or start != len(tokens):
        # Numbers of five bytes, or overlong ones.
        ascending = list(map(_unsigned.__getitem__, tokens))
        numbers = array("I", ascending)
    if ascending != sorted(ascending):
        raise FormatError(_UNSORTED)
    return numbers


def _addends(tokens: Sequence[bytes]) -> list[int]:
    """The numbers of addends' tokens.

    :raises FormatError: one does not fit in 64 bits.
    """
    if len(tokens) >= _MANY and len(_signed) + len(tokens) < _MEMO_LIMIT:
        # Not the difference of sets: of a subclass of dictionaries, that would walk all that is known.
        new = [token for token in set(tokens) if token not in _signed]
        if len(new) >= _MANY:
            _learn(sorted(new, key=len))
    return list(map(_signed.__getitem__, tokens))


def _learn(tokens: list[bytes]) -> None:
    """Memorize addends, of ascending size: those of two to four bytes, which most are, all at once."""
    for size, lanes in enumerate(_LANES, 2):
        alike = tokens[bisect_left(tokens, size, key=len) : bisect_left(tokens, size + 1, key=len)]
        numbers = lanes.decode(alike) if alike else None
        if numbers is not None:
            half, modulus = 1 << (7 * size - 1), 1 << (7 * size)
            _signed.update(zip(alike, [number if number < half else number - modulus for number in numbers]))


class Relocations:
    """The relocations of one section, sorted by offset, as parallel columns.

    ``types`` are :class:`RelocationType` numbers; ``offsets`` count bytes from the start of the section's contents;
    ``indices`` are indices into the object's symbol table, or of a type for TYPE_INDEX_LEB; ``addends`` are 0 where
    the type has none.
    """

    __slots__ = ("addends", "indices", "offsets", "types")

    def __init__(self, types: bytes, offsets: Sequence[int], indices: Sequence[int], addends: Sequence[int]) -> None:
        self.types = types
        self.offsets = offsets
        self.indices = indices
        self.addends = addends


NO_RELOCATIONS: Final = Relocations(b"", [], [], [])


def marks_of(values: Iterable[int]) -> bytes:
    """Return the translation table that makes 1 of some bytes and 0 of all others."""
    table = bytearray(256)
    for value in values:
        table[value] = 1
    return bytes(table)


def present_types(types: bytes) -> list[int]:
    """Return the distinct types of a column, which are few: each scan for one takes less time than a set of all."""
    found: list[int] = []
    while types:
        found.append(types[0])
        types = types.translate(None, types[:1])
    return found


def of_type(types: bytes, type_: int, *columns: Sequence[int]) -> list[Sequence[int]]:
    """Return what columns hold at the positions of one of the types."""
    count = types.count(type_)
    if count == len(types):
        return [*columns]
    if count * _WORTH_SCANNING > len(types):
        marks = types.translate(marks_of((type_,)))
        return [list(compress(column, marks)) for column in columns]
    places: list[int] = []
    place = types.find(type_)
    while place >= 0:
        places.append(place)
        place = types.find(type_, place + 1)
    return [[column[place] for place in places] for column in columns]


_WORTH_SCANNING: Final = 32
"""Relocations for each of a type, up to which a scan of all takes less time than to find one after the other."""


def first_from(relocs: Relocations, starts: list[int]) -> list[int]:
    """Return the number of the first relocation at or after each of the ascending offsets."""
    offsets = relocs.offsets
    if COMPILED and isinstance(offsets, array):
        return loops.positions(offsets, starts)
    if not offsets:
        return [0] * len(starts)
    if len(starts) * _COMPARED > len(offsets):
        # As a list, which is read faster: each start is compared with many elements.
        offsets = list(offsets)
    return [bisect_left(offsets, start) for start in starts]


_COMPARED: Final = 16
"""The number of elements that each start is compared with, about."""


def picked(values: bytes, indices: Sequence[int]) -> bytes:
    """Return the values at the indices.

    :raises IndexError: an index is out of range.
    """
    if COMPILED and isinstance(indices, array):
        return loops.picked(values, indices)
    # From a list, since it holds the numbers ready-made; and into one, which takes less time than a generator.
    numbers = list(values)
    return bytes([numbers[index] for index in indices])


def marked(column: Sequence[int], marks: bytes, mark: int) -> array[int]:
    """Return the numbers of a column of 32 bits at the positions where ``marks`` has ``mark``."""
    if COMPILED and isinstance(column, array):
        return loops.marked(column, marks, mark)
    # From a list, which takes less time than to append each.
    return array("I", list(compress(column, marks.translate(marks_of((mark,))))))


def decode(entries: bytes, count: int) -> Relocations:
    """Decode ``count`` relocation entries.

    :raises FormatError: the entries are truncated, followed by more, of an unknown type, or not sorted by offset.
    """
    if not count:
        if entries:
            raise FormatError("data after the last relocation")
        return NO_RELOCATIONS
    if COMPILED:
        columns = loops.decode(entries, count, FORMATS[1])
        if columns is not None:
            return Relocations(*columns)
    # The compiled loops leave damaged and unusual entries, of which a compiled loop says more.
    if COMPILED or _entries.are_few(count):
        return _decode_one_by_one(entries, count)
    if count > _BLOCK:
        return _decode_in_blocks(entries, count)
    found = _entries.split(entries)
    if len(found) != _STRIDE * count + 1 or found[-_STRIDE] is None:
        raise FormatError(_why_broken(entries, count))
    return Relocations(
        b"".join(found[1::_STRIDE]),
        _ascending(found[3::_STRIDE]),
        list(map(_unsigned.__getitem__, found[4::_STRIDE])),
        _addends(found[5::_STRIDE]),
    )


def _decode_in_blocks(entries: bytes, count: int) -> Relocations:
    """Decode very many entries, with the list of a sixteenth of them at a time: it takes 16 times their size."""
    types, addends = bytearray(), array("q")
    offsets, indices = array("I"), array("I")
    rest, left = entries, count
    most = max(_BLOCK, -(-count // 16))
    while left:
        number = min(most, left)
        found = _entries.split(rest, number)
        if len(found) != _STRIDE * number + 1 or found[-_STRIDE] is None:
            raise FormatError(_why_broken(entries, count))
        rest = found.pop()
        left -= number
        types += b"".join(found[1::_STRIDE])
        block = _ascending(found[3::_STRIDE])
        if offsets and block[0] < offsets[-1]:
            raise FormatError(_UNSORTED)
        offsets.extend(block)
        indices.extend(map(_unsigned.__getitem__, found[4::_STRIDE]))
        addends.extend(_addends(found[5::_STRIDE]))
    if rest:
        raise FormatError(_why_broken(entries, count))
    return Relocations(bytes(types), offsets, indices, addends)


def fields(section: bytes | bytearray | memoryview, offsets: Sequence[int]) -> Sequence[int]:
    """Return the 32-bit fields at these offsets."""
    if COMPILED and isinstance(section, bytes) and isinstance(offsets, array):
        return loops.fields(section, offsets)
    return [value for (value,) in map(_U32.unpack_from, repeat(section), offsets)]


def _decode_one_by_one(entries: bytes, count: int) -> Relocations:
    offsets: list[bytes] = []
    indices: list[bytes] = []
    addends: list[bytes] = []
    columns = ((offsets, indices), (offsets, indices, addends))
    types = bytearray()
    pos = 0
    try:
        for _ in range(count):
            type_ = entries[pos]
            types.append(type_)
            pos += 1
            for column in columns[type_ in WITH_ADDEND]:
                start = pos
                while entries[pos] >= 0x80:
                    pos += 1
                pos += 1
                column.append(entries[start:pos])
            if len(addends) != len(indices):
                addends.append(b"")
    except IndexError:
        raise FormatError(_why_broken(entries, count)) from None
    if pos != len(entries) or types.translate(None, _KNOWN):
        raise FormatError(_why_broken(entries, count))
    return Relocations(
        bytes(types),
        _ascending(offsets),
        [_unsigned[index] for index in indices],
        [_signed[addend] for addend in addends],
    )


def _why_broken(entries: bytes, count: int) -> str:
    """Walk damaged entries one by one, and return the error."""
    pos = 0
    for i in range(count):
        if pos >= len(entries):
            return f"a relocation section ends after {i} of {count} relocations"
        type_ = entries[pos]
        if type_ not in _KNOWN:
            return f"invalid relocation type: {type_}"
        pos += 1
        for _ in range(3 if type_ in WITH_ADDEND else 2):
            while pos < len(entries) and entries[pos] >= 0x80:
                pos += 1
            if pos >= len(entries):
                return "a relocation section ends within a number"
            pos += 1
    return "data after the last relocation"
