"""The fields of code and data that hold numbers of functions, types and table entries, in classes by relocation type,
and their correction where these numbers differ. Those that hold addresses are in :mod:`.address_fields`."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Container, Sequence
from itertools import compress, count, repeat
from operator import ne
from struct import Struct

from ..binary.leb128 import padded_words
from ..binary.relocation_types import (
    FIXED,
    FUNCTION_INDEX,
    MODULE,
    SLEB,
    STAYS,
    TABLE_INDEX,
    TYPE_INDEX,
    ULEB,
    ZERO,
    types_with,
)
from ..linking.chunks import NO_NUMBER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from .link_columns import LinkColumns
    from .number_again import Numbers

FUNCTION_FIELDS: Final = 0
TYPE_FIELDS: Final = 1
SLOT_FIELDS: Final = 2
"""Table indices in code."""
DATA_SLOT_FIELDS: Final = 3
"""Table indices of 32 bits."""
SLOT_FROM_BASE_FIELDS: Final = 4
"""Table indices in position-independent code, which count from the base of the table."""
_CLASSES: Final = [
    (FUNCTION_INDEX, ULEB, ZERO),
    (TYPE_INDEX, ULEB, ZERO),
    (TABLE_INDEX, SLEB, ZERO),
    (TABLE_INDEX, FIXED, ZERO),
    (TABLE_INDEX, SLEB, MODULE),
]
FIELD_TYPES: Final = [
    type_ for value, encoding, base in _CLASSES for type_ in types_with((value,), (encoding,), (base,), warm=(STAYS,))
]
"""The relocation type of each class of fields, which is the only one with its properties."""

_FIVE: Final = Struct("5s").pack_into
_U32: Final = Struct("<I").pack_into


class NumberFields:
    """Corrects the fields of the objects that are not linked again."""

    def __init__(self, columns: LinkColumns, module: memoryview, new: Container[int]) -> None:
        """:param new: the objects that are linked again, by link order."""
        self._columns = columns
        self._module = module
        self._new = new

    def correct(self, numbers: Numbers, table_base: int) -> None:
        """Write the numbers of this link over those of the last one."""
        self._correct(FUNCTION_FIELDS, _FIVE, numbers.functions, 0)
        if numbers.types_differ:
            self._correct(TYPE_FIELDS, _FIVE, numbers.types, 0)
        if numbers.slots_differ:
            self._correct(SLOT_FIELDS, _FIVE, numbers.slots, table_base)
            self._correct(DATA_SLOT_FIELDS, _U32, numbers.slots, table_base)
            self._correct(SLOT_FROM_BASE_FIELDS, _FIVE, numbers.slots, 0)

    def _correct(self, number: int, pack: Callable[..., None], mapping: Sequence[int], base: int) -> None:
        """Correct the fields of a class, but for those of objects whose values all stay."""
        columns = self._columns
        positions, values = columns.field_positions[number], columns.field_values[number]
        differing = list(compress(count(), map(ne, mapping, count())))
        # No unchanged object has a field with a number that is gone.
        if all(mapping[old] == NO_NUMBER for old in differing):
            return
        stays = differing[0]
        now = [NO_NUMBER if new == NO_NUMBER else base + new for new in mapping] if base else mapping
        encoded: list[object] = [*now]
        if pack is _FIVE:
            encoded = [*padded_words([new & 0xFFFFFFFF for new in now], signed=True)]
        if NO_NUMBER in mapping:
            encoded = [None if new == NO_NUMBER else field for new, field in zip(mapping, encoded)]
        module = self._module
        start = 0
        for ordinal, size in enumerate(columns.field_counts[number]):
            end = start + size
            if size and ordinal not in self._new:
                own: Sequence[int] = values[start:end]
                if max(own) >= stays + base:
                    if base:
                        own = [value - base for value in own]
                    deque(map(pack, repeat(module), positions[start:end], map(encoded.__getitem__, own)), maxlen=0)
            start = end
