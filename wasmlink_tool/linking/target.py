"""The differences between 32-bit and 64-bit memories: the type and the encoding of pointers."""

from __future__ import annotations

from ..binary.constants import Opcode, ValueType
from ..binary.leb128 import sleb


class Target:
    """The architecture of a link."""

    def __init__(self, *, is_64: bool) -> None:
        self.is_64 = is_64
        self.bits = 64 if is_64 else 32
        self.pointer_type = bytes((ValueType.I64 if is_64 else ValueType.I32,))
        self.max_memory = 1 << 34 if is_64 else 1 << 32
        """The maximum size of a module's memory, in bytes."""

    @property
    def add(self) -> bytes:
        """Return the instruction that adds two pointers."""
        return bytes((Opcode.I64_ADD if self.is_64 else Opcode.I32_ADD,))

    def const(self, value: int) -> bytes:
        """Return an instruction that pushes a pointer; ``value`` is taken modulo the size of the address space."""
        return (i64_const if self.is_64 else i32_const)(value)

    def const_expression(self, value: int) -> bytes:
        """Return a constant expression for a pointer."""
        return self.const(value) + bytes((Opcode.END,))


def i32_const(value: int) -> bytes:
    """Return ``i32.const``; ``value`` is taken modulo 2^32."""
    value &= 0xFFFFFFFF
    return bytes((Opcode.I32_CONST,)) + sleb(value - (1 << 32) if value >> 31 else value)


def i64_const(value: int) -> bytes:
    """Return ``i64.const``; ``value`` is taken modulo 2^64."""
    value &= 0xFFFFFFFFFFFFFFFF
    return bytes((Opcode.I64_CONST,)) + sleb(value - (1 << 64) if value >> 63 else value)
