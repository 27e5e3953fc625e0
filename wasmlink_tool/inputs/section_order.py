"""The order of sections in an object file, as LLVM's reader checks it.

Known sections have the order of the specification, and after them come ``linking``, then ``name``, ``producers`` and
``target_features``; each at most once. ``dylink`` comes before them all. Relocation sections may be repeated, anywhere
after ``linking``: a tool that strips or appends sections may have put ``name`` or ``producers`` before them. All other
custom sections may be anywhere.

So the forbidden predecessors of a section are itself and the sections with a later position; for ``dylink``, the known
sections and ``linking``, relocation sections too; for a relocation section, none (one before ``linking`` is detected at
``linking``).
"""

from __future__ import annotations

from ..binary.constants import SectionId
from ..binary.reader import FormatError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_IN_ORDER: Final[tuple[tuple[int | bytes, ...], ...]] = (
    (b"dylink", b"dylink.0"),
    (SectionId.TYPE,),
    (SectionId.IMPORT,),
    (SectionId.FUNCTION,),
    (SectionId.TABLE,),
    (SectionId.MEMORY,),
    (SectionId.TAG,),
    (SectionId.GLOBAL,),
    (SectionId.EXPORT,),
    (SectionId.START,),
    (SectionId.ELEMENT,),
    (SectionId.DATA_COUNT,),
    (SectionId.CODE,),
    (SectionId.DATA,),
    (b"linking",),
    (b"name",),
    (b"producers",),
    (b"target_features",),
)
_PLACES: Final = {kind: place for place, kinds in enumerate(_IN_ORDER, 1) for kind in kinds}
_LINKING: Final = _PLACES[b"linking"]


class SectionOrder:
    """Checks the order of the sections of one file."""

    __slots__ = ("_has_relocations", "_last")

    def __init__(self) -> None:
        self._last = 0
        self._has_relocations = False

    def check(self, id_: int, name: bytes) -> None:
        """Check the next section; ``name`` is a custom section's.

        :raises FormatError: it must not follow an earlier section.
        """
        if name.startswith(b"reloc."):
            self._has_relocations = True
            return
        place = _PLACES.get(name if id_ == SectionId.CUSTOM else id_)
        if place is None:
            return
        if place <= self._last or (self._has_relocations and place <= _LINKING):
            raise FormatError(f"out of order section type: {id_}")
        self._last = place
