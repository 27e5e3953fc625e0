"""Notes of fields of debug information, from which a later link can correct the fields in the module.

A field's value is its target's value plus an addend: if the target's value changed by an amount, so does the field's.
So a note of a section lists its distinct targets with their values, and the fields that refer to each; a later link
compares the targets, which are few, and corrects the fields of those that differ.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterable, Mapping, Set
from itertools import compress, repeat
from struct import Struct

from ..binary.constants import SectionId, SymbolKind
from ..binary.field_values import LOWEST
from ..binary.relocation_types import ADDRESSES
from ..binary.relocation_types import RelocationType as R
from ..binary.relocations import Relocations, fields, marked, marks_of, picked
from ..linking.chunks import InputSection, LinkedFile, ObjectInput
from ..linking.relocate import Relocated
from ..linking.relocation_values import SymbolValues
from ..linking.symbols import DEFINED
from ..records import record
from .accepted import ACCEPTED, MOVING
from .data_columns import Locations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

UNKNOWABLE: Final = b""
"""The note of a section with a field that cannot be corrected in this way."""
HEAD: Final = 5
"""The number of numbers before the columns of a note."""
TARGET: Final = 6
"""The number of numbers for a target."""
SECTION: Final = 3
"""The number of numbers before the offsets of the fields that refer to a section."""
NO_ORDINAL: Final = 0xFFFFFFFF
NO_LOCATION: Final = 0xFFFFFFFF
VALUE: Final = 0
"""The mark of a target that has a value; higher numbers stand for the marks of :mod:`..binary.field_values`."""
_PLAIN: Final = MOVING + bytes((R.MEMORY_ADDR_I32,))
"""Relocation types whose symbols are all of one kind, and that no other type shares."""
_STAYS: Final = 0
_OWN: Final = 1
_TARGET: Final = 2
_FIRST_SECTION: Final = 3
_TOO_MANY: Final = 255
_IS_OWN: Final = bytes([of in (_STAYS, _OWN) for of in range(256)])
_FUNCTION_OFFSET: Final = R.FUNCTION_OFFSET_I32
_U32: Final = Struct("<I")


@record(frozen=True)
class _Classes:
    """The treatment of a file's symbols in the notes of its sections."""

    classes: bytes
    """The class of each symbol: one of the constants or, after those, the index of a section in ``targets``."""
    targets: list[InputSection]
    own_names: set[int]
    """The symbols of own functions that are not local."""


class MovingFields:
    """Takes notes of custom sections. A note is a column of 32-bit numbers:

    - how many fields name the file's own live functions; how many symbols of own functions may become another file's;
      how many other targets there are; how many fields name those; how many sections of the file are named;
    - the offsets of the fields that name own functions, which all move alike;
    - the indices of those symbols of own functions, live or not, that are named and not local;
    - of each target: relocation type, index, mark, value; for the place of a function of another object the number of
      that object in the output and of the function in it; for an address :data:`NO_ORDINAL` and the location, if it has
      one (:mod:`.data_columns`);
    - the offsets of the fields that name targets with values; of each the number of its target;
    - of each section that is named: its number, its offset in the output section, how many fields name it, and their
      offsets.
    """

    def __init__(self, ordinals: Mapping[LinkedFile, int], outputs: Set[bytes], locations: Locations) -> None:
        """:param ordinals: the number of each file in the output, less than 0 for those that do not move.
        :param outputs: the names of the custom sections in the output.
        """
        self._ordinals = ordinals
        self._locations = locations
        self._outputs = outputs
        self._known: dict[ObjectInput, _Classes] = {}

    def most(self, file: ObjectInput, section: int) -> int:
        """Return the maximum size of a note of a section, in bytes."""
        _, _, count = file.object.relocation_sections()[section]
        return (HEAD + (TARGET + 2) * count) * array("I").itemsize

    def note(self, file: ObjectInput, section: int, made: Relocated, values: SymbolValues) -> bytes:
        """Return the note of a section, or :data:`UNKNOWABLE`."""
        if made.names_middles:
            return UNKNOWABLE
        known = self._known.get(file)
        if known is None:
            known = self._known[file] = self._classify(file)
        relocs = file.relocations(section)
        if relocs.types.translate(None, ACCEPTED[SectionId.CUSTOM]):
            return UNKNOWABLE
        symbols = picked(known.classes, relocs.indices)
        if relocs.types.translate(None, _PLAIN):
            symbols = bytes([of if type_ in _PLAIN else _TARGET for of, type_ in zip(symbols, relocs.types)])
        classes = set(symbols)
        if _TOO_MANY in classes:
            return UNKNOWABLE
        columns = array("I", (0,) * HEAD)
        if _OWN in classes:
            columns += marked(relocs.offsets, symbols, _OWN)
            columns[0] = len(columns) - HEAD
        if not classes.isdisjoint((_OWN, _STAYS)):
            named = set(compress(relocs.indices, symbols.translate(_IS_OWN)))
            columns.extend(sorted(named.intersection(known.own_names)))
            columns[1] = len(columns) - HEAD - columns[0]
        if _TARGET in classes:
            self._add_targets(columns, file, relocs, symbols, values)
        for of in sorted(classes):
            if of >= _FIRST_SECTION:
                target = known.targets[of - _FIRST_SECTION]
                offsets = marked(relocs.offsets, symbols, of)
                columns.extend((target.index, target.offset, len(offsets)))
                columns += offsets
                columns[4] += 1
        return columns.tobytes()

    def _classify(self, file: ObjectInput) -> _Classes:
        classes = bytearray([_TARGET]) * max(len(file.symbols), len(file.object.types))
        targets: list[InputSection] = []
        own_names: set[int] = set()
        places: dict[int, int] = {}
        for index, symbol in enumerate(file.symbols):
            if symbol.kind == SymbolKind.FUNCTION:
                if symbol.file is file and symbol.state == DEFINED and symbol.folded_from is None:
                    # As long as the same functions of the file are live, the others are as good as constant.
                    classes[index] = _OWN if file.function_live[symbol.index] else _STAYS
                    if not symbol.is_local:
                        own_names.add(index)
            elif symbol.kind == SymbolKind.SECTION:
                target = symbol.section
                if target is not None and target.size and not target.discarded and target.name in self._outputs:
                    place = places.setdefault(target.index, len(places))
                    if place == len(targets):
                        targets.append(target)
                    classes[index] = min(_FIRST_SECTION + place, _TOO_MANY)
        return _Classes(bytes(classes), targets, own_names)

    def _add_targets(
        self, columns: array[int], file: ObjectInput, relocs: Relocations, symbols: bytes, values: SymbolValues
    ) -> None:
        """Add the targets that are listed one by one, and the fields that refer to those with a value."""
        selected = symbols.translate(marks_of((_TARGET,)))
        pairs = list(zip(compress(relocs.types, selected), compress(relocs.indices, selected)))
        bases = values.bases(set(pairs))
        numbers: dict[tuple[int, int], int] = {}
        for pair in sorted(bases):
            base = bases[pair]
            mark = VALUE if base >= LOWEST else LOWEST - base
            if not mark:
                numbers[pair] = columns[2]
            place = place_of_target(file, *pair, self._ordinals, self._locations)
            columns.extend((*pair, mark, 0 if mark else base & 0xFFFFFFFF, *place))
            columns[2] += 1
        named = [number for number in map(numbers.get, pairs) if number is not None]
        if len(named) == len(pairs):
            columns += marked(relocs.offsets, symbols, _TARGET)
        else:
            offsets = compress(relocs.offsets, selected)
            columns.extend([offset for offset, pair in zip(offsets, pairs) if pair in numbers])
        columns.extend(named)
        columns[3] = len(named)


def place_of_target(
    file: ObjectInput, type_: int, index: int, ordinals: Mapping[LinkedFile, int], locations: Locations
) -> tuple[int, int]:
    """Return which object, by its number in the output, and which function of it a target is, if its value is the place
    of one that may move; of an address :data:`NO_ORDINAL` and the location."""
    if type_ in ADDRESSES:
        location = locations.symbol(file.symbols[index])
        return NO_ORDINAL, location if location >= 0 else NO_LOCATION
    if type_ == _FUNCTION_OFFSET:
        symbol = file.symbols[index]
        if symbol.file is not None and symbol.state == DEFINED:
            ordinal = ordinals.get(symbol.file, -1)
            if ordinal >= 0:
                return ordinal, symbol.index
    return NO_ORDINAL, 0


class Note:
    """A note, split into its columns."""

    __slots__ = (
        "field_count",
        "fields",
        "own",
        "own_count",
        "own_symbols",
        "section_count",
        "sections",
        "target_count",
        "targets",
    )

    def __init__(self, columns: array[int], first: int = 0) -> None:
        """:param first: the start of the note in ``columns``.
        :raises ValueError: it is longer than ``columns``: it is forged."""
        self.own_count, symbol_count, self.target_count, self.field_count, self.section_count = columns[
            first : first + HEAD
        ]
        self.own = first + HEAD
        """The start of the offsets of the fields that refer to own functions."""
        self.own_symbols = self.own + self.own_count
        self.targets = self.own_symbols + symbol_count
        self.fields = self.targets + TARGET * self.target_count
        """The start of the offsets of the fields that refer to targets; the targets' numbers follow."""
        self.sections = self.fields + 2 * self.field_count
        if self.sections > len(columns):
            raise ValueError("a note of another size")

    def own_offsets(self, columns: array[int]) -> array[int]:
        return columns[self.own : self.own_symbols]

    def field_offsets(self, columns: array[int]) -> array[int]:
        return columns[self.fields : self.fields + self.field_count]

    def field_targets(self, columns: array[int]) -> array[int]:
        return columns[self.fields + self.field_count : self.sections]


def add_to_fields(section: bytearray | memoryview, offsets: array[int], amounts: Iterable[int]) -> None:
    """Add one amount each to 32-bit fields, each at its offset."""
    values = [(value + amount) & 0xFFFFFFFF for value, amount in zip(fields(section, offsets), amounts)]
    deque(map(_U32.pack_into, repeat(section), offsets, values), maxlen=0)
