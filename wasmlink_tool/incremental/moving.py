"""Fields of debug information that a link must correct when something before their target grows.

They tell where functions and custom sections stand in the output; whatever else relocations write stays as long as no
decision changes.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence, Set
from itertools import compress, repeat
from struct import Struct

from ..binary.constants import RelocationType as R
from ..linking.chunks import InputSection, LinkedFile, ObjectInput
from ..linking.symbols import DEFINED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

HEAD: Final = 2
"""Numbers before the columns of a section."""
UNKNOWABLE: Final = b""
"""The note of a section of which a field would move in a way that its value does not tell."""
_U32: Final = Struct("<I")
_FUNCTION_OFFSETS: Final = (R.FUNCTION_OFFSET_I32, R.FUNCTION_OFFSET_I64)


class MovingFields:
    """Notes where in a custom section the fields that move are.

    A note is columns of 32-bit numbers. How many fields name the file's own functions, and how many numbers tell of
    others; the offsets of the first, and their values; the offsets of the others, each followed by the file and number
    of its function; then, for each custom section that is named, its number, how many fields name it, their offsets,
    and their values.
    """

    def __init__(self, ordinals: Mapping[LinkedFile, int], outputs: Set[bytes]) -> None:
        """:param ordinals: the number of each file in the output, less than 0 for those that do not move.
        :param outputs: the names of the custom sections in the output.
        """
        self._ordinals = ordinals
        self._outputs = outputs
        self._file: ObjectInput | None = None
        """The one that was looked at last, and two things about it."""
        self._own: set[int] = set()
        """Its symbols that are live and its own."""
        self._starts: dict[int, set[int]] = {}
        """Merged section to the offsets of its strings."""

    def most(self, file: ObjectInput, section: int) -> int:
        """No relocation takes more than four numbers."""
        _, _, count = file.object.relocation_sections()[section]
        return (HEAD + 4 * count) * array("I").itemsize

    def note(self, file: ObjectInput, section: int, contents: bytes | bytearray) -> bytes:
        """:param contents: of the section, relocated."""
        if file is not self._file:
            self._file = file
            self._own = {
                index
                for index, symbol in enumerate(file.symbols)
                if symbol.file is file and symbol.state == DEFINED and symbol.is_live
            }
            self._starts = {}
        relocs = file.relocations(section)
        own: list[int] = []
        others: list[int] = []
        for type_ in _FUNCTION_OFFSETS:
            if type_ in relocs.types:
                offsets, indices = _select(type_, relocs.types, relocs.offsets, relocs.indices)
                own += compress(offsets, map(self._own.__contains__, indices))
                others += self._other_functions(file, offsets, indices)
        columns = array("I", (len(own), len(others)))
        columns.extend(own)
        columns.extend(fields(contents, own))
        columns.extend(others)
        if R.SECTION_OFFSET_I32 in relocs.types:
            of = relocs.offsets, relocs.indices, relocs.addends
            offsets, indices, addends = _select(R.SECTION_OFFSET_I32, relocs.types, *of)
            if not self._add_sections(columns, contents, file, offsets, indices, addends):
                return UNKNOWABLE
        return columns.tobytes()

    def _other_functions(self, file: ObjectInput, offsets: list[int], indices: list[int]) -> list[int]:
        symbols = file.symbols
        foreign = {}
        for index in set(indices) - self._own:
            symbol = symbols[index]
            if symbol.file is not None and symbol.state == DEFINED and symbol.is_live:
                ordinal = self._ordinals.get(symbol.file, -1)
                if ordinal >= 0:
                    foreign[index] = ordinal, symbol.index
        if not foreign:
            return []
        return [
            number
            for offset, index in zip(offsets, indices)
            if index in foreign
            for number in (offset, *foreign[index])
        ]

    def _add_sections(
        self,
        columns: array[int],
        contents: bytes | bytearray,
        file: ObjectInput,
        offsets: list[int],
        indices: list[int],
        addends: list[int],
    ) -> bool:
        """Whether each field tells what it names."""
        targets: dict[int, InputSection] = {}
        for index in set(indices):
            target = file.symbols[index].section
            if target is not None and target.size and not target.discarded and target.name in self._outputs:
                targets[index] = target
        if len(targets) > 255:
            return False
        numbers = {index: number for number, index in enumerate(targets)}
        marks = bytes([numbers.get(index, 255) for index in indices])
        for index, target in targets.items():
            selected = marks.translate(_only(numbers[index]))
            if target.pieces is not None:
                starts = self._starts.get(target.index)
                if starts is None:
                    starts = self._starts[target.index] = set(target.pieces.starts)
                if not starts.issuperset(compress(addends, selected)):
                    # It is the middle of a string.
                    return False
            named = list(compress(offsets, selected))
            columns.extend((target.index, len(named)))
            columns.extend(named)
            columns.extend(fields(contents, named))
        return True


def fields(section: bytes | bytearray | memoryview, offsets: Sequence[int]) -> list[int]:
    """The 32-bit fields at these offsets."""
    return [value for (value,) in map(_U32.unpack_from, repeat(section), offsets)]


def tells_of_places(file: ObjectInput) -> bool:
    """Whether an object's code or data have such fields, which no compiler makes and nothing corrects."""
    obj = file.object
    return any(
        type_ in file.relocations(section).types
        for section in (obj.code_section, obj.data_section)
        for type_ in (*_FUNCTION_OFFSETS, R.SECTION_OFFSET_I32)
    )


def _only(number: int) -> bytes:
    """A translation table to 1 for one byte, and to 0 for the others."""
    return bytes(number) + b"\1" + bytes(255 - number)


def _select(type_: int, types: bytes, *columns: Sequence[int]) -> list[list[int]]:
    """What of each column belongs to the relocations of one type."""
    selected = types.translate(_only(type_))
    return [list(compress(column, selected)) for column in columns]
