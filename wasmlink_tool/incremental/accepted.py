"""What a link that keeps every decision of the last one understands: the relocation types of each kind of section.

:mod:`..options` has the same for options. Whatever is not listed takes the passes of an ordinary link.
"""

from __future__ import annotations

from ..binary.constants import RelocationType as R
from ..binary.constants import SectionId
from ..inputs.object_file import ObjectFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_DECIDED: Final = bytes(
    (
        R.FUNCTION_INDEX_LEB,
        R.FUNCTION_INDEX_I32,
        R.TABLE_INDEX_SLEB,
        R.TABLE_INDEX_I32,
        R.TABLE_INDEX_REL_SLEB,
        R.MEMORY_ADDR_LEB,
        R.MEMORY_ADDR_SLEB,
        R.MEMORY_ADDR_I32,
        R.MEMORY_ADDR_REL_SLEB,
        R.MEMORY_ADDR_TLS_SLEB,
        R.TYPE_INDEX_LEB,
        R.GLOBAL_INDEX_LEB,
        R.GLOBAL_INDEX_I32,
        R.TAG_INDEX_LEB,
        R.TABLE_NUMBER_LEB,
    )
)
"""Types whose fields depend on nothing but decisions."""
MOVING: Final = bytes((R.FUNCTION_OFFSET_I32, R.SECTION_OFFSET_I32))
"""Types whose fields move where no decision differs: they name places in the code section and in custom sections."""
ACCEPTED: Final = {
    SectionId.CODE: _DECIDED,
    # Relative to a place in data: neither moves.
    SectionId.DATA: _DECIDED + bytes((R.MEMORY_ADDR_LOCREL_I32,)),
    SectionId.CUSTOM: _DECIDED + MOVING,
}
"""The types that are understood, by kind of section."""


def has_accepted_relocations(obj: ObjectFile) -> bool:
    """Return whether the relocations of an object's code and data are understood. Those of custom sections are looked
    at where they are decoded."""
    return not any(
        section >= 0 and obj.relocations(section).types.translate(None, ACCEPTED[kind])
        for section, kind in ((obj.code_section, SectionId.CODE), (obj.data_section, SectionId.DATA))
    )
