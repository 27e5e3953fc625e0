"""LEB128, the variable-length integers of the WebAssembly binary format (core specification, 5.2.2).

Encoders are memoized where a link writes the same values many times; the padded forms have the fixed widths that
relocations patch (Linking.md, "Relocation Sections").
"""

from __future__ import annotations


def uleb(value: int) -> bytes:
    """The shortest unsigned encoding of ``value``.

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
    """The shortest signed encoding of ``value``."""
    out = bytearray()
    while True:
        byte = value & 0x7F
        value >>= 7
        if (value == 0 and not byte & 0x40) or (value == -1 and byte & 0x40):
            out.append(byte)
            return bytes(out)
        out.append(byte | 0x80)


def padded(value: int, width: int) -> bytes:
    """``value`` as a LEB128 of exactly ``width`` bytes; it must fit.

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


_ONE_BYTE = [bytes([i]) for i in range(0x80)]
