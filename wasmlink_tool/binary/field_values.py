"""The values of relocated fields, as the loops over relocation entries get them."""

from __future__ import annotations

from .relocation_types import RELOCATION_NAMES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

LOWEST: Final = -(1 << 62)
"""The lowest number that is a value; lower numbers are these marks:"""
UNKNOWN: Final = LOWEST - 1
"""Not computed yet."""
REMOVED: Final = LOWEST - 2
"""The target is not in the output: the field gets the section's tombstone, or the addend."""
NOTHING: Final = LOWEST - 3
"""A weak reference to nothing: 0, whatever the addend."""
SCATTERED: Final = LOWEST - 4
"""The value is not a sum: it must be looked up by the addend."""

_TYPES: Final = len(RELOCATION_NAMES)


class FieldValues:
    """The values of one object's fields: each (relocation type, index) has a value to which the addend is added, or a
    mark.

    The linker defines :meth:`check`, :meth:`base` and :meth:`scattered`. ``tables[type][index]`` caches their results
    for loops over entries.
    """

    def __init__(self, number: int) -> None:
        """:param number: the number of indices."""
        self.number = number
        unopened: list[int] = []
        self.tables: list[list[int]] = [unopened] * _TYPES

    def open(self, type_: int) -> list[int]:
        """Create the table of one type."""
        table = self.tables[type_] = [UNKNOWN] * self.number
        return table

    def check(self, type_: int, index: int) -> None:
        """:raises FormatError: relocations of this type cannot name ``index``."""
        raise NotImplementedError

    def base(self, type_: int, index: int) -> int:
        """Return the value or mark."""
        raise NotImplementedError

    def scattered(self, index: int, addend: int) -> int:
        """Return the value for an addend, if the mark is ``SCATTERED``."""
        raise NotImplementedError
