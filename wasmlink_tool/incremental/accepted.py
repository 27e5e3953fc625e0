"""The relocation types, by kind of section, that a link without passes supports.

:mod:`..options` has the same for options. For any other type, the passes of an ordinary link run.
"""

from __future__ import annotations

from itertools import compress

from ..binary.constants import SectionId, SymbolKind
from ..binary.relocation_types import FIXED, FROM_PLACE, GLOBAL_INDICES, MOVES, STAYS, ZERO, types_with
from ..binary.relocation_types import RelocationType as R
from ..inputs.object_file import ObjectFile
from .number_fields import FIELD_TYPES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_DECIDED: Final = bytes(sorted(types_with(warm=(STAYS,)) - FROM_PLACE))
"""Types whose fields depend only on decisions."""
MOVING: Final = bytes(sorted(types_with(warm=(MOVES,))))
"""Types whose fields may change although no decision does: their targets are in the code section or in custom sections.
"""
ACCEPTED: Final = {
    SectionId.CODE: _DECIDED,
    # Place-relative in data: neither moves.
    SectionId.DATA: _DECIDED + bytes(sorted(FROM_PLACE)),
    # Fields of four bytes.
    SectionId.CUSTOM: MOVING + bytes(sorted(types_with(encodings=(FIXED,), bases=(ZERO,), warm=(STAYS,)))),
}
"""The supported types, by kind of section."""
UNDERSTOOD: Final = bytes(
    (
        *FIELD_TYPES,
        R.MEMORY_ADDR_LEB,
        R.MEMORY_ADDR_SLEB,
        R.MEMORY_ADDR_I32,
        R.MEMORY_ADDR_REL_SLEB,
        R.MEMORY_ADDR_TLS_SLEB,
        R.MEMORY_ADDR_LOCREL_I32,
        R.GLOBAL_INDEX_LEB,
        R.TAG_INDEX_LEB,
        R.TABLE_NUMBER_LEB,
    )
)
"""The types of relocations in code and data whose fields a later link finds, or whose values it leaves as they are."""

_IS_GLOBAL_INDEX: Final = bytes([type_ in GLOBAL_INDICES for type_ in range(256)])
"""A translation table."""


def has_accepted_relocations(obj: ObjectFile) -> bool:
    """Return whether a link without passes supports the relocations of an object's code and data. Those of custom
    sections are checked where they are decoded."""
    return not any(
        section >= 0 and obj.relocations(section).types.translate(None, ACCEPTED[kind])
        for section, kind in ((obj.code_section, SectionId.CODE), (obj.data_section, SectionId.DATA))
    )


def has_understood_relocations(obj: ObjectFile) -> bool:
    """Return whether the fields of an object's code and data are of a class that has columns, or keep their values.

    A reference to the global offset table does neither: the first live one to a symbol adds an entry, the last one that
    goes removes it, and later globals move.
    """
    kinds = obj.symbols.kinds
    for section in (obj.code_section, obj.data_section):
        if section >= 0:
            relocs = obj.relocations(section)
            if relocs.types.translate(None, UNDERSTOOD):
                return False
            named = set(compress(relocs.indices, relocs.types.translate(_IS_GLOBAL_INDEX)))
            if any(kinds[index] != SymbolKind.GLOBAL for index in named):
                return False
    return True
