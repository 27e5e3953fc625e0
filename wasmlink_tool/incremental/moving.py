"""Fields of debug information that a link must correct when something before their target grows.

They tell where functions and custom sections stand in the output; whatever else relocations write stays as long as no
decision changes. Those of one file depend on nothing but the file and where its targets are, so that files can be
looked at in any order.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence, Set
from itertools import compress

from ..binary.constants import RelocationType as R
from ..linking.chunks import InputSection, LinkedFile, ObjectInput
from ..linking.symbols import DEFINED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

END: Final = (1 << 32) - 1
"""Behind the last section of a run of columns."""
NO_FILE: Final = -1
_FUNCTION_OFFSETS: Final = (R.FUNCTION_OFFSET_I32, R.FUNCTION_OFFSET_I64)
_IS: Final = tuple(bytes(i == number for i in range(256)) for number in range(256))
"""Translation tables: of each byte, which are equal to it."""


class Unknowable(Exception):  # noqa: N818  (no error: the link leaves no state)
    """Where a field would move, its value does not tell."""


class MovingFields:
    """Of a file, where the fields that move are, section by section."""

    def __init__(self, file: ObjectInput, ordinals: Mapping[LinkedFile, int], outputs: Set[bytes]) -> None:
        """:param ordinals: the number of each file in the output.
        :param outputs: the names of the custom sections in the output.
        :raises Unknowable: a merged string is named by something else than its start.
        """
        self._file = file
        self._ordinals = ordinals
        self._outputs = outputs
        self._starts: dict[int, set[int]] = {}
        self._own = {
            index
            for index, symbol in enumerate(file.symbols)
            if symbol.file is file and symbol.state == DEFINED and symbol.is_live
        }
        self.columns = array("I")
        """For each section, the offsets of fields: of those that name the file's own functions; of others, each
        followed by the file and number of its function; of those that name a custom section, by section, each run
        behind the section's number and how many there are; then :data:`END`."""
        self.sections: dict[int, tuple[int, int, int]] = {}
        """Section to where its columns start, and how many numbers there are of functions of its own, and of others."""
        obj = file.object
        for index in (obj.code_section, obj.data_section):
            types = file.relocations(index).types
            if any(type_ in types for type_ in (*_FUNCTION_OFFSETS, R.SECTION_OFFSET_I32)):
                raise Unknowable("code or data tell of places that move")
        for section in file.custom_sections.values():
            if self._is_written(section) and section.pieces is None:
                self._add(section)

    def _is_written(self, section: InputSection) -> bool:
        return bool(not section.discarded and section.size and section.name in self._outputs)

    def _add(self, section: InputSection) -> None:
        relocs = self._file.relocations(section.index)
        columns = self.columns
        first = len(columns)
        others: list[int] = []
        for type_ in _FUNCTION_OFFSETS:
            if type_ in relocs.types:
                offsets, indices = _select(type_, relocs.types, relocs.offsets, relocs.indices)
                others += self._add_functions(offsets, indices)
        own = len(columns) - first
        columns.extend(others)
        after = len(columns)
        if R.SECTION_OFFSET_I32 in relocs.types:
            columns_of = relocs.offsets, relocs.indices, relocs.addends
            offsets, indices, addends = _select(R.SECTION_OFFSET_I32, relocs.types, *columns_of)
            self._add_sections(offsets, indices, addends)
        if len(columns) > first:
            self.sections[section.index] = first, own, after - first - own
            columns.append(END)

    def _add_functions(self, offsets: list[int], indices: list[int]) -> list[int]:
        """Add the fields that name the file's own; what there is to tell of the others."""
        symbols, own = self._file.symbols, self._own
        self.columns.extend(compress(offsets, map(own.__contains__, indices)))
        foreign = {
            index: (self._ordinals.get(symbol.file, NO_FILE), symbol.index)
            for index in set(indices) - own
            if (symbol := symbols[index]).file is not None and symbol.state == DEFINED and symbol.is_live
        }
        others: list[int] = []
        for offset, index in zip(offsets, indices) if foreign else ():
            if index in foreign:
                ordinal, function = foreign[index]
                if ordinal >= 0:
                    others += (offset, ordinal, function)
        return others

    def _add_sections(self, offsets: list[int], indices: list[int], addends: list[int]) -> None:
        symbols = self._file.symbols
        targets: dict[int, InputSection] = {}
        for index in set(indices):
            target = symbols[index].section
            if target is not None and self._is_written(target):
                targets[index] = target
        if len(targets) > 255:
            raise Unknowable("a section names more sections than there are in any object")
        numbers = {index: number for number, index in enumerate(targets)}
        marks = bytes([numbers.get(index, 255) for index in indices])
        for index, target in targets.items():
            selected = marks.translate(_IS[numbers[index]])
            if target.pieces is not None:
                starts = self._starts.get(target.index)
                if starts is None:
                    starts = self._starts[target.index] = set(target.pieces.starts)
                if not starts.issuperset(compress(addends, selected)):
                    raise Unknowable("something names the middle of a string")
            self.columns.extend((target.index, selected.count(1)))
            self.columns.extend(compress(offsets, selected))


def _select(type_: int, types: bytes, *columns: Sequence[int]) -> list[list[int]]:
    """What of each column belongs to the relocations of one type."""
    selected = types.translate(_IS[type_])
    return [list(compress(column, selected)) for column in columns]
