"""Checked reading of the binary format: every offset and count is checked against the data."""

from __future__ import annotations

from .constants import LIMITS_HAS_MAX, LIMITS_HAS_PAGE_SIZE, LIMITS_IS_64, Opcode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final


_CONTINUED: Final = bytes(range(0x80, 0x100))
"""The bytes of a LEB128 number but the last."""


class FormatError(Exception):
    """The bytes violate the format; the text has no file name (the caller knows it)."""


_CONTINUATIONS: Final = sum(0x80 << 7 * i for i in range(4))
"""The sum of the bits that tell that more bytes of a number follow, in one of five bytes."""


def uleb_at(data: bytes, pos: int, end: int, bits: int = 32) -> tuple[int, int]:
    """Return the unsigned LEB128 at ``pos``, which must fit in ``bits`` bits, and the position after it.

    :raises FormatError: it does not fit, or does not end before ``end``.
    """
    if pos < end and data[pos] < 0x80:
        return data[pos], pos + 1
    if end - pos >= 5 and data[pos + 3] >= 0x80:
        # Compilers pad the sizes of sections to five bytes.
        a, b, c, d, e = data[pos : pos + 5]
        if a & b & c & 0x80 and e < 0x10:
            return a + (b << 7) + (c << 14) + (d << 21) + (e << 28) - _CONTINUATIONS, pos + 5
    result = shift = 0
    while True:
        if pos >= end:
            raise FormatError("unexpected end of data in a LEB128 number")
        byte = data[pos]
        pos += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
        shift += 7
        if shift >= 70:
            raise FormatError("a LEB128 number is too long")
    if result >> bits:
        raise FormatError(f"a LEB128 number does not fit in {bits} bits")
    return result, pos


class Reader:
    """A cursor over ``data[pos:end]``. Every method raises :class:`FormatError` rather than read past ``end``."""

    __slots__ = ("data", "end", "pos")

    def __init__(self, data: bytes, pos: int, end: int) -> None:
        self.data = data
        self.pos = pos
        self.end = end

    def u8(self) -> int:
        pos = self.pos
        if pos >= self.end:
            raise FormatError("unexpected end of data")
        self.pos = pos + 1
        return self.data[pos]

    def uleb(self, bits: int = 32) -> int:
        """Read an unsigned LEB128 that fits in ``bits`` bits."""
        data, pos, end = self.data, self.pos, self.end
        if pos >= end:
            raise FormatError("unexpected end of data in a LEB128 number")
        result = data[pos]
        pos += 1
        if result < 0x80:
            self.pos = pos
            return result
        result, self.pos = uleb_at(data, pos - 1, end, bits)
        return result

    def sleb(self, bits: int = 32) -> int:
        """Read a signed LEB128 that fits in ``bits`` bits."""
        data, pos, end = self.data, self.pos, self.end
        result = shift = 0
        while True:
            if pos >= end:
                raise FormatError("unexpected end of data in a LEB128 number")
            byte = data[pos]
            pos += 1
            result |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
            if shift >= 70:
                raise FormatError("a LEB128 number is too long")
        if byte & 0x40:
            result -= 1 << shift
        if not -(1 << (bits - 1)) <= result < 1 << (bits - 1):
            raise FormatError(f"a LEB128 number does not fit in {bits} bits")
        self.pos = pos
        return result

    def take(self, size: int) -> bytes:
        pos = self.pos
        if size > self.end - pos:
            raise FormatError("unexpected end of data")
        self.pos = pos + size
        return self.data[pos : pos + size]

    def name(self) -> bytes:
        """Read a length-prefixed name, as bytes: whether it is UTF-8 matters only for display."""
        size = self.uleb()
        pos = self.pos
        if size > self.end - pos:
            raise FormatError("unexpected end of data")
        self.pos = pos + size
        return self.data[pos : pos + size]

    def count(self, smallest: int = 1) -> int:
        """Read the length of a vector whose elements take at least ``smallest`` bytes: an absurd length is rejected
        here, before memory is allocated for it."""
        count = self.uleb()
        if count * smallest > self.end - self.pos:
            raise FormatError(f"a vector of {count} elements does not fit in its section")
        return count

    def value_type(self) -> bytes:
        """Read one value type; reference types with a heap type take several bytes."""
        start = self.pos
        first = self.u8()
        if not 0x40 < first < 0x80:
            # Types have negative numbers; 0x40 is that of a block without results.
            raise FormatError(f"invalid value type: {first:#04x}")
        if first in (0x63, 0x64):
            self._skip_heap_type()
        return self.data[start : self.pos]

    def _skip_heap_type(self) -> None:
        start = self.pos
        if self.sleb(33) >= 0:
            raise FormatError("a reference to a type index is not supported")
        if self.pos - start > 1:
            raise FormatError("invalid heap type")

    def limits(self) -> tuple[int, int, int | None, int | None]:
        """Read (flags, minimum, maximum, log2 of the page size)."""
        flags = self.u8()
        if flags >= 0x80:
            raise FormatError(f"invalid flags of limits: {flags:#04x}")
        bits = 64 if flags & LIMITS_IS_64 else 32
        minimum = self.uleb(bits)
        maximum = self.uleb(bits) if flags & LIMITS_HAS_MAX else None
        page = self.uleb() if flags & LIMITS_HAS_PAGE_SIZE else None
        return flags, minimum, maximum, page

    def constant_expression(self, *, indices: bool = True) -> bytes:
        """Read a constant expression, its ``end`` included.

        :param indices: whether it may refer to a global or a function.
        """
        start = self.pos
        self.skip_constant_expression(indices=indices)
        return self.data[start : self.pos]

    def skip_constant_expression(self, *, indices: bool = True) -> None:
        # What nearly all are: i32.const, a number of at most five bytes, end.
        data, pos = self.data, self.pos
        if pos < self.end and data[pos] == Opcode.I32_CONST:
            end = data.find(b"\x0b", pos + 2, min(self.end, pos + 7))
            if end > 0 and data[end - 1] < 0x80 and not data[pos + 1 : end - 1].translate(None, _CONTINUED):
                if end == pos + 6 and (data[end - 1] + 8) & 0x70:
                    raise FormatError("a LEB128 number does not fit in 32 bits")
                self.pos = end + 1
                return
        while True:
            opcode = self.u8()
            if opcode == Opcode.END:
                return
            if opcode == Opcode.I32_CONST:
                self.sleb()
            elif opcode == Opcode.I64_CONST:
                self.sleb(64)
            elif opcode == Opcode.F32_CONST:
                self.take(4)
            elif opcode == Opcode.F64_CONST:
                self.take(8)
            elif opcode in (Opcode.GLOBAL_GET, Opcode.REF_FUNC):
                self.uleb()
                if not indices:
                    raise FormatError("a constant expression with the index of a global or function cannot be linked")
            elif opcode == Opcode.REF_NULL:
                self._skip_heap_type()
            elif opcode not in _ARITHMETIC:
                raise FormatError(f"invalid opcode {opcode:#04x} in a constant expression")


_ARITHMETIC: Final = frozenset(
    (Opcode.I32_ADD, Opcode.I32_SUB, Opcode.I32_MUL, Opcode.I64_ADD, Opcode.I64_SUB, Opcode.I64_MUL)
)
