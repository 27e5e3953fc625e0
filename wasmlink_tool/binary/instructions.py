"""Function bodies as instructions: their references, and the bytes between.

:func:`scan_body` reads a body once and cuts it at each index, so that it can be written again with other indices;
overlong encodings of numbers are shortened.
"""

from __future__ import annotations

from .leb128 import sleb, uleb
from .reader import FormatError, Reader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final


class Space:
    """The index spaces that instructions refer to."""

    FUNCTION: Final = 0
    TYPE: Final = 1
    GLOBAL: Final = 2
    TABLE: Final = 3
    BLOCK_TYPE: Final = 4
    """A type, such as that of a block, which is encoded as a signed number."""


class _Immediate:
    """The operands after an opcode."""

    NONE: Final = 0
    INDEX: Final = 1
    """A number that is copied: of a local or a label."""
    MEMORY_ACCESS: Final = 2
    SIGNED_32: Final = 3
    BLOCK: Final = 4
    FUNCTION: Final = 5
    GLOBAL: Final = 6
    TABLE: Final = 7
    MEMORY: Final = 8
    INDIRECT: Final = 9
    SIGNED_64: Final = 10
    BYTES_4: Final = 11
    BYTES_8: Final = 12
    LABELS: Final = 13
    TYPES: Final = 14
    HEAP_TYPE: Final = 15
    PREFIX: Final = 16
    TYPE: Final = 17
    CATCHES: Final = 18
    UNKNOWN: Final = 19


def _immediates() -> bytes:
    table = bytearray([_Immediate.UNKNOWN] * 256)

    def put(kind: int, *opcodes: int) -> None:
        for opcode in opcodes:
            table[opcode] = kind

    put(_Immediate.NONE, 0x00, 0x01, 0x05, 0x0A, 0x0B, 0x0F, 0x19, 0x1A, 0x1B, 0xD1, *range(0x45, 0xC5))
    put(_Immediate.BLOCK, 0x02, 0x03, 0x04, 0x06)
    put(_Immediate.INDEX, 0x09, 0x0C, 0x0D, 0x18, 0x20, 0x21, 0x22, 0xD4, 0xD5, 0xD6)
    put(_Immediate.LABELS, 0x0E)
    put(_Immediate.FUNCTION, 0x10, 0x12, 0xD2)
    put(_Immediate.INDIRECT, 0x11, 0x13)
    put(_Immediate.TYPE, 0x14, 0x15)
    put(_Immediate.TYPES, 0x1C)
    put(_Immediate.CATCHES, 0x1F)
    put(_Immediate.GLOBAL, 0x23, 0x24)
    put(_Immediate.TABLE, 0x25, 0x26)
    put(_Immediate.MEMORY_ACCESS, *range(0x28, 0x3F))
    put(_Immediate.MEMORY, 0x3F, 0x40)
    put(_Immediate.SIGNED_32, 0x41)
    put(_Immediate.SIGNED_64, 0x42)
    put(_Immediate.BYTES_4, 0x43)
    put(_Immediate.BYTES_8, 0x44)
    put(_Immediate.HEAP_TYPE, 0xD0)
    put(_Immediate.PREFIX, 0xFC, 0xFD, 0xFE)
    return bytes(table)


_IMMEDIATES: Final = _immediates()

_EXPLICIT_MEMORY: Final = 0x40
"""The bit of an access's alignment that announces the memory's index."""


class Body:
    """A function body with its locals, cut at each index: ``pieces`` has one element more than ``spaces`` and
    ``indices``. ``memories`` are the memories that it uses."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.spaces: list[int] = []
        self.indices: list[int] = []
        self.memories: set[int] = set()

    def encode(self, numbers: Sequence[dict[int, int]]) -> bytes:
        """Return the body with its indices replaced; ``numbers`` has a map for each index space."""
        parts = [self.pieces[0]]
        for space, index, piece in zip(self.spaces, self.indices, self.pieces[1:]):
            if space == Space.BLOCK_TYPE:
                parts.append(sleb(numbers[Space.TYPE][index]))
            else:
                parts.append(uleb(numbers[space][index]))
            parts.append(piece)
        return b"".join(parts)


class _Scanner:
    """Reads one body."""

    def __init__(self, data: bytes, pos: int, end: int) -> None:
        self.reader = Reader(data, pos, end)
        self.data = data
        self.body = Body()
        self.run: list[bytes] = []
        """The pieces since the last index, except the bytes from ``start`` on."""
        self.start = pos

    def replace(self, pos: int, encoded: bytes) -> None:
        """Replace the number that began at ``pos`` and has been read by ``encoded``."""
        self.run += (self.data[self.start : pos], encoded)
        self.start = self.reader.pos

    def refer(self, space: int, pos: int, index: int) -> None:
        """Cut at an index that began at ``pos`` and has been read."""
        body = self.body
        piece = self.data[self.start : pos]
        if self.run:
            piece = b"".join([*self.run, piece])
            self.run = []
        body.pieces.append(piece)
        body.spaces.append(space)
        body.indices.append(index)
        self.start = self.reader.pos

    def unsigned(self, bits: int = 32) -> int:
        """Read a number that is copied; shorten it."""
        reader = self.reader
        pos = reader.pos
        value = reader.uleb(bits)
        if reader.pos - pos > 1 and not self.data[reader.pos - 1]:
            self.replace(pos, uleb(value))
        return value

    def signed(self, bits: int) -> int:
        reader = self.reader
        pos = reader.pos
        value = reader.sleb(bits)
        if reader.pos - pos > 1 and self.data[reader.pos - 1] in (0, 0x7F):
            encoded = sleb(value)
            if len(encoded) != reader.pos - pos:
                self.replace(pos, encoded)
        return value

    def index(self, space: int) -> None:
        pos = self.reader.pos
        self.refer(space, pos, self.reader.uleb())

    def memory(self) -> None:
        self.body.memories.add(self.unsigned())

    def access(self) -> None:
        """Read the operand of a memory access."""
        memory = 0
        if self.unsigned() & _EXPLICIT_MEMORY:
            memory = self.unsigned()
        self.unsigned(64)
        self.body.memories.add(memory)

    def block_type(self) -> None:
        reader = self.reader
        pos = reader.pos
        code = self.data[pos] if pos < reader.end else 0
        if code in (0x63, 0x64):
            reader.u8()
            self.heap_type()
            return
        number = reader.sleb(33)
        if number >= 0:
            self.refer(Space.BLOCK_TYPE, pos, number)

    def value_type(self) -> None:
        if self.reader.u8() in (0x63, 0x64):
            self.heap_type()

    def heap_type(self) -> None:
        if self.signed(33) >= 0:
            raise FormatError("a reference to a defined type is not supported")

    def scan(self) -> Body:
        reader = self.reader
        for _ in range(self.vector()):
            self.unsigned()
            self.value_type()
        data, end = self.data, reader.end
        opcode = -1
        while reader.pos < end:
            opcode = data[reader.pos]
            reader.pos += 1
            kind = _IMMEDIATES[opcode]
            if kind == _Immediate.NONE:
                continue
            if kind == _Immediate.INDEX:
                self.unsigned()
            elif kind == _Immediate.SIGNED_32:
                self.signed(32)
            elif kind == _Immediate.MEMORY_ACCESS:
                self.access()
            else:
                self.immediate(opcode, kind)
        if opcode != 0x0B:
            raise FormatError("a function body does not end with 'end'")
        self.body.pieces.append(b"".join([*self.run, data[self.start : end]]))
        return self.body

    def vector(self) -> int:
        """Read the length of a vector, which is copied; each element takes at least one byte."""
        count = self.unsigned()
        if count > self.reader.end - self.reader.pos:
            raise FormatError(f"a vector of {count} elements does not fit in its function")
        return count

    def immediate(self, opcode: int, kind: int) -> None:
        """Read the operands of one of the rarer opcodes."""
        reader = self.reader
        if kind == _Immediate.BLOCK:
            self.block_type()
        elif kind == _Immediate.FUNCTION:
            self.index(Space.FUNCTION)
        elif kind == _Immediate.GLOBAL:
            self.index(Space.GLOBAL)
        elif kind == _Immediate.TABLE:
            self.index(Space.TABLE)
        elif kind == _Immediate.TYPE:
            self.index(Space.TYPE)
        elif kind == _Immediate.MEMORY:
            self.memory()
        elif kind == _Immediate.INDIRECT:
            self.index(Space.TYPE)
            self.index(Space.TABLE)
        elif kind == _Immediate.SIGNED_64:
            self.signed(64)
        elif kind == _Immediate.BYTES_4:
            reader.take(4)
        elif kind == _Immediate.BYTES_8:
            reader.take(8)
        elif kind == _Immediate.LABELS:
            for _ in range(self.vector() + 1):
                self.unsigned()
        elif kind == _Immediate.TYPES:
            for _ in range(self.vector()):
                self.value_type()
        elif kind == _Immediate.HEAP_TYPE:
            self.heap_type()
        elif kind == _Immediate.CATCHES:
            self.block_type()
            for _ in range(self.vector()):
                if reader.u8() < 2:
                    raise FormatError("a catch of a tag is not supported")
                self.unsigned()
        elif kind == _Immediate.PREFIX:
            self.prefixed(opcode, self.unsigned())
        else:
            raise FormatError(f"unknown instruction {opcode:#04x}")

    def prefixed(self, prefix: int, opcode: int) -> None:
        """Read the rest of an opcode of two parts, and its operands."""
        reader = self.reader
        if prefix == 0xFE:
            if opcode == 3:
                reader.u8()
            else:
                self.access()
        elif prefix == 0xFD:
            if opcode <= 11 or opcode in (92, 93):
                self.access()
            elif opcode in (12, 13):
                reader.take(16)
            elif 21 <= opcode <= 34:
                reader.u8()
            elif 84 <= opcode <= 91:
                self.access()
                reader.u8()
        elif opcode <= 7 or 0x13 <= opcode <= 0x16:  # saturating conversions, wide arithmetic
            pass
        elif opcode == 10:
            self.memory()
            self.memory()
        elif opcode == 11:
            self.memory()
        elif opcode == 14:
            self.index(Space.TABLE)
            self.index(Space.TABLE)
        elif opcode in (15, 16, 17):
            self.index(Space.TABLE)
        else:
            raise FormatError(f"unsupported instruction {prefix:#04x} {opcode}: it uses a data or element segment")


def scan_body(data: bytes, pos: int, end: int) -> Body:
    """Read a function body, from its locals to its end.

    :raises FormatError: it is damaged, or has an instruction that cannot be rewritten.
    """
    return _Scanner(data, pos, end).scan()
