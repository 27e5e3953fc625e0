"""Fields of debug information that a link must correct when something before their target grows.

They tell where functions and custom sections stand in the output; whatever else relocations write stays as long as no
decision changes.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Set
from contextlib import suppress
from itertools import compress

from ..binary.constants import SectionId, SymbolKind
from ..binary.relocation_types import RelocationType as R
from ..binary.relocations import Relocations, fields, picked
from ..linking.chunks import InputSection, LinkedFile, ObjectInput
from ..linking.relocate import Relocated
from ..linking.symbols import DEFINED
from .accepted import ACCEPTED, MOVING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

HEAD: Final = 2
"""Numbers before the columns of a section."""
UNKNOWABLE: Final = b""
"""The note of a section of which a field would move in a way that its value does not tell."""
_PLAIN: Final = MOVING + bytes((R.MEMORY_ADDR_I32,))
"""The types of relocations whose fields move, and one that names neither functions nor sections."""
_STAYS: Final = 0
_OWN: Final = 1
_OTHER: Final = 2
"""A live function of another file."""
_FIRST_SECTION: Final = 3
_TOO_MANY: Final = 255
_NOTHING: Final = array("I"), array("I")


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
        """The one that was looked at last."""
        self._classes = b""
        """What each of its symbols is: see the constants; or a section, by its place in ``targets`` behind them."""
        self._targets: list[InputSection] = []

    def most(self, file: ObjectInput, section: int) -> int:
        """No relocation takes more than four numbers."""
        _, _, count = file.object.relocation_sections()[section]
        return (HEAD + 4 * count) * array("I").itemsize

    def note(self, file: ObjectInput, section: int, made: Relocated) -> bytes:
        if made.names_middles:
            return UNKNOWABLE
        if file is not self._file:
            self._file = file
            self._classify(file)
        relocs = file.relocations(section)
        if relocs.types.translate(None, ACCEPTED[SectionId.CUSTOM]):
            return UNKNOWABLE
        symbols = picked(self._classes, relocs.indices)
        if relocs.types.translate(None, _PLAIN):
            # Some may name what moves in a way that does not, or are indices of something else.
            symbols = bytes([of if type_ in MOVING else _STAYS for of, type_ in zip(symbols, relocs.types)])
        classes = set(symbols)
        own, own_values = self._select(relocs, made, symbols, _OWN) if _OWN in classes else _NOTHING
        others = self._other_functions(file, relocs, symbols) if _OTHER in classes else []
        columns = array("I", (len(own), len(others)))
        columns += own
        columns += own_values
        columns.extend(others)
        for of in sorted(classes):
            if of == _TOO_MANY:
                return UNKNOWABLE
            if of >= _FIRST_SECTION:
                offsets, values = self._select(relocs, made, symbols, of)
                columns.extend((self._targets[of - _FIRST_SECTION].index, len(offsets)))
                columns += offsets
                columns += values
        return columns.tobytes()

    def _classify(self, file: ObjectInput) -> None:
        classes = bytearray(max(len(file.symbols), len(file.object.types)))
        self._targets = []
        places: dict[int, int] = {}
        for index, symbol in enumerate(file.symbols):
            if symbol.kind == SymbolKind.FUNCTION:
                if symbol.state == DEFINED and symbol.is_live:
                    classes[index] = _OWN if symbol.file is file else _OTHER
            elif symbol.kind == SymbolKind.SECTION:
                target = symbol.section
                if target is not None and target.size and not target.discarded and target.name in self._outputs:
                    place = places.setdefault(target.index, len(places))
                    if place == len(self._targets):
                        self._targets.append(target)
                    classes[index] = min(_FIRST_SECTION + place, _TOO_MANY)
        self._classes = bytes(classes)

    @staticmethod
    def _select(relocs: Relocations, made: Relocated, symbols: bytes, of: int) -> tuple[array[int], array[int]]:
        """Offsets and values of the fields of one class."""
        selected = symbols.translate(_only(of))
        offsets = array("I", compress(relocs.offsets, selected))
        if made.values is not None:
            with suppress(OverflowError):
                return offsets, array("I", compress(made.values, selected))
        return offsets, array("I", fields(made.contents, offsets))

    def _other_functions(self, file: ObjectInput, relocs: Relocations, symbols: bytes) -> list[int]:
        selected = symbols.translate(_only(_OTHER))
        found: list[int] = []
        for offset, index in zip(compress(relocs.offsets, selected), compress(relocs.indices, selected)):
            symbol = file.symbols[index]
            assert symbol.file is not None
            ordinal = self._ordinals.get(symbol.file, -1)
            if ordinal >= 0:
                found += (offset, ordinal, symbol.index)
        return found


def _only(number: int) -> bytes:
    """A translation table to 1 for one byte, and to 0 for the others."""
    return bytes(number) + b"\1" + bytes(255 - number)
