"""The relocation types, by kind of section, that a link without passes supports.

:mod:`..options` has the same for options. Whatever is not listed takes the passes of an ordinary link.
"""

from __future__ import annotations

from ..binary.constants import SectionId
from ..binary.relocation_types import FIXED, FROM_PLACE, MOVES, STAYS, ZERO, types_with
from ..inputs.object_file import ObjectFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_DECIDED: Final = bytes(sorted(types_with(warm=(STAYS,)) - FROM_PLACE))
"""Types whose fields depend on nothing but decisions."""
MOVING: Final = bytes(sorted(types_with(warm=(MOVES,))))
"""Types whose fields move where no decision differs: they name places in the code section and in custom sections."""
ACCEPTED: Final = {
    SectionId.CODE: _DECIDED,
    # Relative to a place in data: neither moves.
    SectionId.DATA: _DECIDED + bytes(sorted(FROM_PLACE)),
    # Fields of four bytes.
    SectionId.CUSTOM: MOVING + bytes(sorted(types_with(encodings=(FIXED,), bases=(ZERO,), warm=(STAYS,)))),
}
"""The types that are understood, by kind of section."""


def has_accepted_relocations(obj: ObjectFile) -> bool:
    """Return whether the relocations of an object's code and data are understood. Those of custom sections are looked
    at where they are decoded."""
    return not any(
        section >= 0 and obj.relocations(section).types.translate(None, ACCEPTED[kind])
        for section, kind in ((obj.code_section, SectionId.CODE), (obj.data_section, SectionId.DATA))
    )
