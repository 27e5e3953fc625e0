"""The relocation types, by kind of section, that a link without passes supports.

:mod:`..options` has the same for options. For any other type, the passes of an ordinary link run.
"""

from __future__ import annotations

from ..binary.constants import SectionId
from ..binary.relocation_types import (
    ADDRESS,
    FIXED,
    FROM_PLACE,
    GLOBAL_INDEX,
    MOVES,
    STAYS,
    TABLE_NUMBER,
    TAG_INDEX,
    ULEB,
    ZERO,
    types_with,
)
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
    sorted(
        types_with((ADDRESS,), warm=(STAYS,))
        | types_with((GLOBAL_INDEX, TAG_INDEX, TABLE_NUMBER), (ULEB,), warm=(STAYS,))
        | {*FIELD_TYPES}
    )
)
"""The types of relocations in code and data whose fields a later link finds, or whose values it leaves as they are."""


def has_accepted_relocations(obj: ObjectFile) -> bool:
    """Return whether a link without passes supports the relocations of an object's code and data. Those of custom
    sections are checked where they are decoded."""
    return not any(
        section >= 0 and obj.relocations(section).types.translate(None, ACCEPTED[kind])
        for section, kind in ((obj.code_section, SectionId.CODE), (obj.data_section, SectionId.DATA))
    )


def has_understood_relocations(obj: ObjectFile) -> bool:
    """Return whether the fields of an object's code and data are of a class that has columns, or keep their values.

    A reference to the global offset table keeps its value as long as live code refers to the same entries in the same
    order, which :class:`.update.Update` checks.
    """
    return not any(
        section >= 0 and obj.relocations(section).types.translate(None, UNDERSTOOD)
        for section in (obj.code_section, obj.data_section)
    )
