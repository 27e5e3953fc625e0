"""LEB128, the variable-length integers of the WebAssembly binary format (core specification, 5.2.2).

Encoders are memoized if a link encodes equal values many times; the padded forms have the fixed widths that relocations
patch (Linking.md, "Relocation Sections").
"""

from __future__ import annotations

import sys
from array import array

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Final


def uleb(value: int) -> bytes:
    """Return the shortest unsigned encoding of ``value``.

    :raises ValueError: it is negative.
    """
    if value < 0x80:
        if value < 0:
            raise ValueError(f"a negative number has no unsigned encoding: {value}")
        return _ONE_BYTE[value]
    if value < 0x4000:
        return bytes((value & 0x7F | 0x80, value >> 7))
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def sleb(value: int) -> bytes:
    """Return the shortest signed encoding of ``value``."""
    out = bytearray()
    while True:
        byte = value & 0x7F
        value >>= 7
        if (value == 0 and not byte & 0x40) or (value == -1 and byte & 0x40):
            out.append(byte)
            return bytes(out)
        out.append(byte | 0x80)


def padded(value: int, width: int) -> bytes:
    """Return ``value`` as a LEB128 of exactly ``width`` bytes; it must fit.

    The signed encoding of a negative number is the same: the last byte's spare bits repeat the sign, which masking an
    arithmetic shift does by itself.
    """
    out = bytearray(width)
    for i in range(width - 1):
        out[i] = value & 0x7F | 0x80
        value >>= 7
    out[width - 1] = value & 0x7F
    return bytes(out)


class PaddedEncodings(dict[int, bytes]):
    """A memo of padded encodings of one width: ``encodings[value]``."""

    def __init__(self, bits: int, *, signed: bool) -> None:
        super().__init__()
        self._mask = (1 << bits) - 1
        self._sign = 1 << (bits - 1) if signed else 0
        self._width = (bits + 6) // 7

    def __missing__(self, value: int) -> bytes:
        bits = value & self._mask
        if self._sign:
            bits = (bits ^ self._sign) - self._sign
        encoded = self[value] = padded(bits, self._width)
        return encoded

    def of_all(self, values: Sequence[int]) -> Iterable[bytes]:
        """Return the encodings of many values, of which few are equal."""
        if self._width != _WORD_WIDTH or len(values) < _MANY:
            return map(self.__getitem__, values)
        return padded_words([value & self._mask for value in values], signed=bool(self._sign))

    def learn(self, values: Sequence[int]) -> None:
        """Memorize the encodings of values, many of which may be equal."""
        if self._width == _WORD_WIDTH and len(values) >= _MANY:
            new = [value for value in set(values) if value not in self]
            if new:
                self.update(zip(new, self.of_all(new)))


_WORD_WIDTH: Final = 5
"""The width of 32-bit numbers."""
_MANY: Final = 16
"""Numbers, from which on they are encoded together."""


def padded_words(values: Sequence[int], *, signed: bool) -> list[bytes]:
    """Encode many 32-bit numbers in five bytes each: all at once, as lanes of 64 bits in one long integer. That takes
    about 0.15 µs a number, where :class:`PaddedEncodings` takes 0.9 µs for one that it meets for the first time.

    :param values: the numbers modulo 2^32.
    :param signed: whether they are two's complement.
    """
    count = len(values)
    lanes = array("Q", values)
    if sys.byteorder == "big":
        lanes.byteswap()
    bits = int.from_bytes(lanes.tobytes(), "little")
    ones = int.from_bytes(b"\1\0\0\0\0\0\0\0" * count, "little")
    if signed:
        sign = bits >> 31 & ones
        bits |= sign << 32 | sign << 33 | sign << 34
    encoded = ones * 0x80808080
    for digit in range(5):
        encoded |= (bits & ones * (0x7F << 7 * digit)) << digit
    data = encoded.to_bytes(8 * count, "little")
    return [data[start : start + 5] for start in range(0, 8 * count, 8)]


_ONE_BYTE = [bytes([i]) for i in range(0x80)]
