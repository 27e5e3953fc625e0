"""Numbers of the binary format (core specification, chapter 5) and of its linking conventions (Linking.md)."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

MAGIC: Final = b"\0asm"
BITCODE_MAGIC = b"BC\xc0\xde"
BITCODE_WRAPPER_MAGIC = b"\xde\xc0\x17\x0b"
VERSION: Final = b"\1\0\0\0"
LINKING_VERSION: Final = 2


class SectionId(IntEnum):
    CUSTOM = 0
    TYPE = 1
    IMPORT = 2
    FUNCTION = 3
    TABLE = 4
    MEMORY = 5
    GLOBAL = 6
    EXPORT = 7
    START = 8
    ELEMENT = 9
    CODE = 10
    DATA = 11
    DATA_COUNT = 12
    TAG = 13


class ExternalKind(IntEnum):
    """What an import or export names."""

    FUNCTION = 0
    TABLE = 1
    MEMORY = 2
    GLOBAL = 3
    TAG = 4


class ValueType(IntEnum):
    I32 = 0x7F
    I64 = 0x7E
    F32 = 0x7D
    F64 = 0x7C
    V128 = 0x7B
    FUNCREF = 0x70
    EXTERNREF = 0x6F
    EXNREF = 0x69


FUNCTION_TYPE: Final = 0x60

LIMITS_HAS_MAX: Final = 0x1
LIMITS_SHARED: Final = 0x2
LIMITS_IS_64: Final = 0x4
LIMITS_HAS_PAGE_SIZE: Final = 0x8


class Opcode(IntEnum):
    """The instructions that a linker writes or reads in constant expressions."""

    UNREACHABLE = 0x00
    BLOCK = 0x02
    END = 0x0B
    BR = 0x0C
    BR_TABLE = 0x0E
    CALL = 0x10
    DROP = 0x1A
    LOCAL_GET = 0x20
    GLOBAL_GET = 0x23
    GLOBAL_SET = 0x24
    LOCAL_SET = 0x21
    LOCAL_TEE = 0x22
    I32_STORE = 0x36
    I64_STORE = 0x37
    I32_CONST = 0x41
    I64_CONST = 0x42
    F32_CONST = 0x43
    F64_CONST = 0x44
    I32_ADD = 0x6A
    I32_SUB = 0x6B
    I32_MUL = 0x6C
    I64_ADD = 0x7C
    I64_SUB = 0x7D
    I64_MUL = 0x7E
    REF_NULL = 0xD0
    REF_FUNC = 0xD2


MEMORY_INIT: Final = b"\xfc\x08"
DATA_DROP: Final = b"\xfc\x09"
MEMORY_FILL: Final = b"\xfc\x0b"

ATOMIC_NOTIFY: Final = b"\xfe\x00"
I32_ATOMIC_WAIT: Final = b"\xfe\x01"
I32_ATOMIC_STORE: Final = b"\xfe\x17"
I32_ATOMIC_RMW_CMPXCHG: Final = b"\xfe\x48"

NO_RESULT: Final = 0x40
"""The type of a block that leaves nothing on the stack."""


class LinkingSubsection(IntEnum):
    SEGMENT_INFO = 5
    INIT_FUNCS = 6
    COMDAT_INFO = 7
    SYMBOL_TABLE = 8


class NameSubsection(IntEnum):
    MODULE = 0
    FUNCTION = 1
    GLOBAL = 7
    DATA_SEGMENT = 9


class SymbolKind(IntEnum):
    FUNCTION = 0
    DATA = 1
    GLOBAL = 2
    SECTION = 3
    TAG = 4
    TABLE = 5


class SymbolFlag:
    """Bits; plain integers, since every symbol of every object is tested for several."""

    BINDING_WEAK: Final = 0x1
    BINDING_LOCAL: Final = 0x2
    VISIBILITY_HIDDEN: Final = 0x4
    UNDEFINED: Final = 0x10
    EXPORTED: Final = 0x20
    EXPLICIT_NAME: Final = 0x40
    NO_STRIP: Final = 0x80
    TLS: Final = 0x100
    ABSOLUTE: Final = 0x200


class SegmentFlag:
    """Bits."""

    STRINGS: Final = 0x1
    TLS: Final = 0x2
    RETAIN: Final = 0x4


class ComdatKind(IntEnum):
    DATA = 0
    FUNCTION = 1
    GLOBAL = 2
    TAG = 3
    TABLE = 4
    SECTION = 5


class RelocationType(IntEnum):
    """Linking.md, "Relocation Sections"; the numbers of tool-conventions and LLVM."""

    FUNCTION_INDEX_LEB = 0
    TABLE_INDEX_SLEB = 1
    TABLE_INDEX_I32 = 2
    MEMORY_ADDR_LEB = 3
    MEMORY_ADDR_SLEB = 4
    MEMORY_ADDR_I32 = 5
    TYPE_INDEX_LEB = 6
    GLOBAL_INDEX_LEB = 7
    FUNCTION_OFFSET_I32 = 8
    SECTION_OFFSET_I32 = 9
    TAG_INDEX_LEB = 10
    MEMORY_ADDR_REL_SLEB = 11
    TABLE_INDEX_REL_SLEB = 12
    GLOBAL_INDEX_I32 = 13
    MEMORY_ADDR_LEB64 = 14
    MEMORY_ADDR_SLEB64 = 15
    MEMORY_ADDR_I64 = 16
    MEMORY_ADDR_REL_SLEB64 = 17
    TABLE_INDEX_SLEB64 = 18
    TABLE_INDEX_I64 = 19
    TABLE_NUMBER_LEB = 20
    MEMORY_ADDR_TLS_SLEB = 21
    FUNCTION_OFFSET_I64 = 22
    MEMORY_ADDR_LOCREL_I32 = 23
    TABLE_INDEX_REL_SLEB64 = 24
    MEMORY_ADDR_TLS_SLEB64 = 25
    FUNCTION_INDEX_I32 = 26
