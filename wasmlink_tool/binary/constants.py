"""Numbers of the binary format (core specification, chapter 5) and of its linking conventions (Linking.md)."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

MAGIC: Final = b"\0asm"
BITCODE_MAGIC = b"BC\xc0\xde"
BITCODE_WRAPPER_MAGIC = b"\xde\xc0\x17\x0b"
VERSION: Final = b"\1\0\0\0"
LINKING_VERSION: Final = 2


def _names(numbers: type) -> dict[int, str]:
    """Return a map from number to name, for a class of numbers."""
    return {number: name for name, number in vars(numbers).items() if name.isupper()}


class SectionId:
    CUSTOM: Final = 0
    TYPE: Final = 1
    IMPORT: Final = 2
    FUNCTION: Final = 3
    TABLE: Final = 4
    MEMORY: Final = 5
    GLOBAL: Final = 6
    EXPORT: Final = 7
    START: Final = 8
    ELEMENT: Final = 9
    CODE: Final = 10
    DATA: Final = 11
    DATA_COUNT: Final = 12
    TAG: Final = 13


SECTION_NAMES: Final = _names(SectionId)
SECTION_LABELS: Final = {**SECTION_NAMES, SectionId.ELEMENT: "ELEM", SectionId.DATA_COUNT: "DATACOUNT"}
"""The names of sections in lld's verbose output and maps."""


class ExternalKind:
    """The kind of an import or export."""

    FUNCTION: Final = 0
    TABLE: Final = 1
    MEMORY: Final = 2
    GLOBAL: Final = 3
    TAG: Final = 4


class ValueType:
    I32: Final = 0x7F
    I64: Final = 0x7E
    F32: Final = 0x7D
    F64: Final = 0x7C
    V128: Final = 0x7B
    FUNCREF: Final = 0x70
    EXTERNREF: Final = 0x6F
    EXNREF: Final = 0x69


VALUE_TYPE_NAMES: Final = _names(ValueType)


FUNCTION_TYPE: Final = 0x60

LIMITS_HAS_MAX: Final = 0x1
LIMITS_SHARED: Final = 0x2
LIMITS_IS_64: Final = 0x4
LIMITS_HAS_PAGE_SIZE: Final = 0x8


class Opcode:
    """The instructions that a linker writes or reads in constant expressions."""

    UNREACHABLE: Final = 0x00
    BLOCK: Final = 0x02
    LOOP: Final = 0x03
    END: Final = 0x0B
    BR: Final = 0x0C
    BR_IF: Final = 0x0D
    BR_TABLE: Final = 0x0E
    CALL: Final = 0x10
    DROP: Final = 0x1A
    LOCAL_GET: Final = 0x20
    GLOBAL_GET: Final = 0x23
    GLOBAL_SET: Final = 0x24
    LOCAL_SET: Final = 0x21
    LOCAL_TEE: Final = 0x22
    I32_STORE: Final = 0x36
    I64_STORE: Final = 0x37
    I32_CONST: Final = 0x41
    I64_CONST: Final = 0x42
    F32_CONST: Final = 0x43
    F64_CONST: Final = 0x44
    I32_ADD: Final = 0x6A
    I32_SUB: Final = 0x6B
    I32_MUL: Final = 0x6C
    I64_ADD: Final = 0x7C
    I64_SUB: Final = 0x7D
    I64_MUL: Final = 0x7E
    REF_NULL: Final = 0xD0
    REF_FUNC: Final = 0xD2


MEMORY_INIT: Final = b"\xfc\x08"
DATA_DROP: Final = b"\xfc\x09"
MEMORY_FILL: Final = b"\xfc\x0b"

ATOMIC_NOTIFY: Final = b"\xfe\x00"
I32_ATOMIC_WAIT: Final = b"\xfe\x01"
I32_ATOMIC_STORE: Final = b"\xfe\x17"
I32_ATOMIC_RMW_CMPXCHG: Final = b"\xfe\x48"

NO_RESULT: Final = 0x40
"""The type of a block that leaves nothing on the stack."""


class LinkingSubsection:
    SEGMENT_INFO: Final = 5
    INIT_FUNCS: Final = 6
    COMDAT_INFO: Final = 7
    SYMBOL_TABLE: Final = 8


class NameSubsection:
    MODULE: Final = 0
    FUNCTION: Final = 1
    GLOBAL: Final = 7
    DATA_SEGMENT: Final = 9


class SymbolKind:
    FUNCTION: Final = 0
    DATA: Final = 1
    GLOBAL: Final = 2
    SECTION: Final = 3
    TAG: Final = 4
    TABLE: Final = 5


class SymbolFlag:
    """Bits; plain integers, since several are tested for every symbol of every object."""

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


class ComdatKind:
    DATA: Final = 0
    FUNCTION: Final = 1
    GLOBAL: Final = 2
    TAG: Final = 3
    TABLE: Final = 4
    SECTION: Final = 5
