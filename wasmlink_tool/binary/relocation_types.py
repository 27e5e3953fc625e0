"""The relocation types (Linking.md, "Relocation Sections"): the value, the field and the base of each.

A new type is a number in :class:`RelocationType` and a row in ``_ROWS``. Code that treats types by kind selects from
these rows; no other module lists types with a common property.
"""

from __future__ import annotations

from .constants import SymbolKind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final


class RelocationType:
    """The numbers of tool-conventions and LLVM."""

    FUNCTION_INDEX_LEB: Final = 0
    TABLE_INDEX_SLEB: Final = 1
    TABLE_INDEX_I32: Final = 2
    MEMORY_ADDR_LEB: Final = 3
    MEMORY_ADDR_SLEB: Final = 4
    MEMORY_ADDR_I32: Final = 5
    TYPE_INDEX_LEB: Final = 6
    GLOBAL_INDEX_LEB: Final = 7
    FUNCTION_OFFSET_I32: Final = 8
    SECTION_OFFSET_I32: Final = 9
    TAG_INDEX_LEB: Final = 10
    MEMORY_ADDR_REL_SLEB: Final = 11
    TABLE_INDEX_REL_SLEB: Final = 12
    GLOBAL_INDEX_I32: Final = 13
    MEMORY_ADDR_LEB64: Final = 14
    MEMORY_ADDR_SLEB64: Final = 15
    MEMORY_ADDR_I64: Final = 16
    MEMORY_ADDR_REL_SLEB64: Final = 17
    TABLE_INDEX_SLEB64: Final = 18
    TABLE_INDEX_I64: Final = 19
    TABLE_NUMBER_LEB: Final = 20
    MEMORY_ADDR_TLS_SLEB: Final = 21
    FUNCTION_OFFSET_I64: Final = 22
    MEMORY_ADDR_LOCREL_I32: Final = 23
    TABLE_INDEX_REL_SLEB64: Final = 24
    MEMORY_ADDR_TLS_SLEB64: Final = 25
    FUNCTION_INDEX_I32: Final = 26


RELOCATION_NAMES: Final = {number: name for name, number in vars(RelocationType).items() if name.isupper()}

# The value
FUNCTION_INDEX: Final = 0
TABLE_INDEX: Final = 1
"""The index of a function in the indirect function table."""
ADDRESS: Final = 2
TYPE_INDEX: Final = 3
GLOBAL_INDEX: Final = 4
"""The index of a global, or of the entry of a function or data symbol in the global offset table."""
FUNCTION_OFFSET: Final = 5
"""The offset of a function's body in the code section's contents."""
SECTION_OFFSET: Final = 6
"""The offset of a byte in a custom section's contents."""
TAG_INDEX: Final = 7
TABLE_NUMBER: Final = 8

# The encoding of the field
ULEB: Final = 0
SLEB: Final = 1
FIXED: Final = 2
"""Little-endian."""

# The base of the value
ZERO: Final = 0
MODULE: Final = 1
"""``__memory_base`` or ``__table_base``."""
THREAD: Final = 2
"""``__tls_base``."""
PLACE: Final = 3
"""The address of the field itself."""

# A warm link's treatment of the field
STAYS: Final = 0
"""The value does not change as long as no decision of the link does."""
MOVES: Final = 1
"""The value is an offset in the code section or in a custom section, which may change although no decision does."""
UNKNOWN: Final = 2
"""A warm link does not support objects with such a relocation."""

_R = RelocationType
_ROWS: Final[tuple[tuple[int, int, int, int, int, int], ...]] = (
    (_R.FUNCTION_INDEX_LEB, FUNCTION_INDEX, ULEB, 5, ZERO, STAYS),
    (_R.FUNCTION_INDEX_I32, FUNCTION_INDEX, FIXED, 4, ZERO, STAYS),
    (_R.TABLE_INDEX_SLEB, TABLE_INDEX, SLEB, 5, ZERO, STAYS),
    (_R.TABLE_INDEX_SLEB64, TABLE_INDEX, SLEB, 10, ZERO, UNKNOWN),
    (_R.TABLE_INDEX_I32, TABLE_INDEX, FIXED, 4, ZERO, STAYS),
    (_R.TABLE_INDEX_I64, TABLE_INDEX, FIXED, 8, ZERO, UNKNOWN),
    (_R.TABLE_INDEX_REL_SLEB, TABLE_INDEX, SLEB, 5, MODULE, STAYS),
    (_R.TABLE_INDEX_REL_SLEB64, TABLE_INDEX, SLEB, 10, MODULE, UNKNOWN),
    (_R.MEMORY_ADDR_LEB, ADDRESS, ULEB, 5, ZERO, STAYS),
    (_R.MEMORY_ADDR_LEB64, ADDRESS, ULEB, 10, ZERO, UNKNOWN),
    (_R.MEMORY_ADDR_SLEB, ADDRESS, SLEB, 5, ZERO, STAYS),
    (_R.MEMORY_ADDR_SLEB64, ADDRESS, SLEB, 10, ZERO, UNKNOWN),
    (_R.MEMORY_ADDR_I32, ADDRESS, FIXED, 4, ZERO, STAYS),
    (_R.MEMORY_ADDR_I64, ADDRESS, FIXED, 8, ZERO, UNKNOWN),
    (_R.MEMORY_ADDR_REL_SLEB, ADDRESS, SLEB, 5, MODULE, STAYS),
    (_R.MEMORY_ADDR_REL_SLEB64, ADDRESS, SLEB, 10, MODULE, UNKNOWN),
    (_R.MEMORY_ADDR_TLS_SLEB, ADDRESS, SLEB, 5, THREAD, STAYS),
    (_R.MEMORY_ADDR_TLS_SLEB64, ADDRESS, SLEB, 10, THREAD, UNKNOWN),
    (_R.MEMORY_ADDR_LOCREL_I32, ADDRESS, FIXED, 4, PLACE, STAYS),
    (_R.TYPE_INDEX_LEB, TYPE_INDEX, ULEB, 5, ZERO, STAYS),
    (_R.GLOBAL_INDEX_LEB, GLOBAL_INDEX, ULEB, 5, ZERO, STAYS),
    (_R.GLOBAL_INDEX_I32, GLOBAL_INDEX, FIXED, 4, ZERO, STAYS),
    (_R.FUNCTION_OFFSET_I32, FUNCTION_OFFSET, FIXED, 4, ZERO, MOVES),
    (_R.FUNCTION_OFFSET_I64, FUNCTION_OFFSET, FIXED, 8, ZERO, UNKNOWN),
    (_R.SECTION_OFFSET_I32, SECTION_OFFSET, FIXED, 4, ZERO, MOVES),
    (_R.TAG_INDEX_LEB, TAG_INDEX, ULEB, 5, ZERO, STAYS),
    (_R.TABLE_NUMBER_LEB, TABLE_NUMBER, ULEB, 5, ZERO, STAYS),
)
"""Type, what the value is, the field's encoding and width in bytes, what the value counts from, and what a warm link
knows of it.

The annotation leaves the number of rows open: mypyc keeps a tuple of known length in a C struct and unrolls each loop
over it, which gcc would compile for minutes."""

_TARGETS: Final[dict[int, tuple[int, ...]]] = {
    FUNCTION_INDEX: (SymbolKind.FUNCTION,),
    TABLE_INDEX: (SymbolKind.FUNCTION,),
    ADDRESS: (SymbolKind.DATA,),
    TYPE_INDEX: (),
    GLOBAL_INDEX: (SymbolKind.GLOBAL, SymbolKind.FUNCTION, SymbolKind.DATA),
    FUNCTION_OFFSET: (SymbolKind.FUNCTION,),
    SECTION_OFFSET: (SymbolKind.SECTION,),
    TAG_INDEX: (SymbolKind.TAG,),
    TABLE_NUMBER: (SymbolKind.TABLE,),
}
"""The kinds of symbols that a relocation may name, by value. Only code refers to entries of the global offset table, by
a function or data symbol."""

VALUE: Final = {row[0]: row[1] for row in _ROWS}
ENCODING: Final = {row[0]: row[2] for row in _ROWS}
WIDTH: Final = {row[0]: row[3] for row in _ROWS}
"""The number of bytes that each relocation type patches."""
TARGETS: Final = {
    type_: (SymbolKind.GLOBAL,) if value == GLOBAL_INDEX and encoding == FIXED else _TARGETS[value]
    for type_, value, encoding, _, _, _ in _ROWS
}
"""The kinds of symbols that each relocation type may name."""


def types_with(
    values: tuple[int, ...] = (),
    encodings: tuple[int, ...] = (),
    bases: tuple[int, ...] = (),
    warm: tuple[int, ...] = (),
) -> frozenset[int]:
    """Return the types with the given properties; an empty tuple allows all."""
    return frozenset(
        [
            type_
            for type_, value, encoding, _, base, knowledge in _ROWS
            if (not values or value in values)
            and (not encodings or encoding in encodings)
            and (not bases or base in bases)
            and (not warm or knowledge in warm)
        ]
    )


WITH_ADDEND: Final = types_with((ADDRESS, FUNCTION_OFFSET, SECTION_OFFSET))
"""Types whose entries have an addend."""
NEED_DEFINITION: Final = types_with((ADDRESS, FUNCTION_OFFSET))
"""Types whose value is a location, which a symbol without a definition does not have."""
SIGNED: Final = types_with(encodings=(SLEB,))
TABLE_INDICES: Final = types_with((TABLE_INDEX,))
"""Types whose value is a function's address."""
TABLE_INDICES_FROM_BASE: Final = types_with((TABLE_INDEX,), bases=(MODULE,))
ADDRESSES: Final = types_with((ADDRESS,))
TLS_OFFSETS: Final = types_with(bases=(THREAD,))
FUNCTION_OFFSETS: Final = types_with((FUNCTION_OFFSET,))
GLOBAL_INDICES: Final = types_with((GLOBAL_INDEX,))
TYPE_INDICES: Final = types_with((TYPE_INDEX,))
FROM_PLACE: Final = types_with(bases=(PLACE,))

FORMATS: Final = (
    bytes([WIDTH[type_] for type_ in RELOCATION_NAMES]),
    bytes([type_ in WITH_ADDEND for type_ in RELOCATION_NAMES]),
    bytes([type_ in SIGNED for type_ in RELOCATION_NAMES]),
)
"""For each type: the width, whether there is an addend, whether the field is a signed LEB128 number."""


def type_name(type_: int) -> str:
    """Return the name of a relocation type as LLVM's tools print it."""
    return "R_WASM_" + RELOCATION_NAMES[type_]
