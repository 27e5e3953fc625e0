"""What relocations write into their fields, as seen by the code that walks relocation entries."""

from __future__ import annotations

from .relocation_types import RELOCATION_NAMES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

LOWEST: Final = -(1 << 62)
"""The lowest number that is a value; what is below is one of these marks:"""
UNKNOWN: Final = LOWEST - 1
"""Not asked for yet."""
REMOVED: Final = LOWEST - 2
"""What the relocation names is not in the output: its field gets the section's tombstone, or the addend."""
NOTHING: Final = LOWEST - 3
"""A weak reference to nothing: 0, whatever the addend."""
SCATTERED: Final = LOWEST - 4
"""The value is no sum: it has to be looked up by the addend."""

_TYPES: Final = len(RELOCATION_NAMES)


class FieldValues:
    """Of one object: each (relocation type, index) has a value that the addend is added to, or a mark.

    The linker defines :meth:`check`, :meth:`base` and :meth:`scattered`. ``tables[type][index]`` remembers what they
    said, for those who ask for one entry after the other.
    """

    def __init__(self, number: int) -> None:
        """:param number: of indices that exist."""
        self.number = number
        unopened: list[int] = []
        self.tables: list[list[int]] = [unopened] * _TYPES

    def open(self, type_: int) -> list[int]:
        """Make the table of one type."""
        table = self.tables[type_] = [UNKNOWN] * self.number
        return table

    def check(self, type_: int, index: int) -> None:
        """:raises FormatError: relocations of this type cannot name ``index``."""
        raise NotImplementedError

    def base(self, type_: int, index: int) -> int:
        """The value or mark."""
        raise NotImplementedError

    def scattered(self, index: int, addend: int) -> int:
        """The value where the mark is ``SCATTERED``."""
        raise NotImplementedError
