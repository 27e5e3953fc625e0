"""The value of every relocation: a function of its type, its symbol and its addend.

:class:`SymbolValues` is the one policy. What is not in the output has the section's tombstone, if the section has one,
else the addend; a weak reference to nothing is null. Debug information of a folded function describes code that is
not in the output, except in line tables: as in lld, they refer to the function that replaces it, for breakpoints.
"""

from __future__ import annotations

from ..binary.constants import SymbolKind
from ..binary.field_values import LOWEST, NOTHING, REMOVED, SCATTERED, FieldValues
from ..binary.relocation_types import (
    ADDRESS,
    FUNCTION_INDEX,
    FUNCTION_OFFSET,
    FUNCTION_OFFSETS,
    GLOBAL_INDEX,
    NEED_DEFINITION,
    SECTION_OFFSET,
    TABLE_INDICES,
    TABLE_INDICES_FROM_BASE,
    TABLE_NUMBER,
    TAG_INDEX,
    TLS_OFFSETS,
    TYPE_INDEX,
    VALUE,
)
from ..inputs.relocation_checks import check_target
from ..records import record
from .chunks import NO_NUMBER, InputSection, ObjectInput
from .symbols import DEFINED, Symbol
from .synthetic_file import SyntheticFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

NO_TLS: Final = -1
"""The base of thread-local data where the output has none."""


@record(frozen=True)
class Bases:
    """The base values of relative relocations."""

    table: int
    """The first index of the function table that the module uses."""
    tls: int = NO_TLS
    """The address of the output segment of thread-local data."""
    has_folded_functions: bool = False
    """Whether identical code folding replaced functions."""


class SymbolValues(FieldValues):
    """The values of relocations of one file. Every index and address is final before the first lookup."""

    def __init__(self, file: ObjectInput, bases: Bases, *, is_debug: bool = False, drops_folded: bool = False) -> None:
        """
        :param is_debug: the fields are in a custom section: debug information adds ``__tls_base`` to the value of a
            thread-local symbol's address.
        :param drops_folded: a place in a folded function is that of a removed one.
        """
        super().__init__(max(len(file.symbols), len(file.object.types)))
        self._file = file
        self._table_base = bases.table
        self._tls_base = max(bases.tls, 0)
        self._is_debug = is_debug
        self._drops_folded = drops_folded
        self._merged: dict[int, _MergedOffsets] = {}
        self._known: dict[tuple[int, int], int] = {}

    def bases(self, targets: set[tuple[int, int]]) -> dict[tuple[int, int], int]:
        """Return :meth:`base` for each (type, index), cached, since a file's sections share most targets."""
        known = self._known
        for target in targets.difference(known):
            known[target] = self.base(*target)
        return {target: known[target] for target in targets}

    def bases_of_type(self, type_: int, indices: set[int]) -> dict[int, int]:
        """Return :meth:`base` for each index, for a type of relocation in code or data. What most of them name, a
        function or an address, is read directly, which takes a quarter of the time."""
        found: dict[int, int] = {}
        symbols = self._file.symbols
        if VALUE[type_] == FUNCTION_INDEX:
            for index in indices:
                symbol = symbols[index]
                defining = symbol.file
                if defining is not None and symbol.state == DEFINED and symbol.number == NO_NUMBER:
                    number = defining.function_numbers[symbol.index]
                    if number != NO_NUMBER:
                        found[index] = number
        elif VALUE[type_] == ADDRESS and type_ not in TLS_OFFSETS:
            for index in indices:
                symbol = symbols[index]
                segment = symbol.segment
                if segment is not None and segment.live and symbol.state == DEFINED and segment.pieces is None:
                    output = segment.output
                    assert output is not None
                    found[index] = output.address + segment.offset + symbol.value
        for index in indices if not found else indices.difference(found):
            found[index] = self.base(type_, index)
        return found

    @property
    def names_middles(self) -> bool:
        """Return whether a computed value was in the middle of a merged string."""
        return any(merged.names_middles for merged in self._merged.values())

    def check(self, type_: int, index: int) -> None:
        obj = self._file.object
        # The location in the file does not matter for any of the types that reach this code.
        check_target(obj, type_, index, obj.sections[0])

    def base(self, type_: int, index: int) -> int:
        file = self._file
        if VALUE[type_] == TYPE_INDEX:
            return file.type_numbers.get(index, NO_NUMBER)
        symbol = file.symbols[index]
        if VALUE[type_] == SECTION_OFFSET:
            section = symbol.section
            if section is None or section.discarded:
                return REMOVED
            if section.pieces is None and section.moved is None:
                return section.offset
            self._merged[index] = _MergedOffsets(section)
            return SCATTERED
        if not symbol.is_live or (self._drops_folded and symbol.folded_from is not None and type_ in FUNCTION_OFFSETS):
            return REMOVED
        if type_ in NEED_DEFINITION and symbol.state != DEFINED:
            # A weak reference to nothing.
            return NOTHING if symbol.kind == SymbolKind.DATA else REMOVED
        if type_ in TABLE_INDICES:
            slot = symbol.table_slot
            if slot == NO_NUMBER:
                return 0
            return slot - self._table_base if type_ in TABLE_INDICES_FROM_BASE else slot
        value = _BASE_OF[VALUE[type_]](symbol)
        if type_ in TLS_OFFSETS or (self._is_debug and symbol.is_tls and type_ in NEED_DEFINITION):
            value -= self._tls_base
        return value

    def scattered(self, index: int, addend: int) -> int:
        return self._merged[index][addend]

    def merged_offsets(self, index: int) -> dict[int, int]:
        """Return what maps an addend to the value, where the mark is ``SCATTERED``."""
        return self._merged[index]

    def mapping(self, index: int, base: int, tombstone: int | None) -> Callable[[int], int]:
        """Return a function from addend to value, for a result of :meth:`base`."""
        if base >= LOWEST:
            return base.__add__
        if base == SCATTERED:
            return self._merged[index].__getitem__
        if base == NOTHING:
            return lambda _: 0
        return (lambda addend: addend) if tombstone is None else (lambda _: tombstone)


class _MergedOffsets(dict[int, int]):
    """Maps an offset in a section of merged strings, or one whose parts move, to the offset in the output section.
    Nearly all references point to a string's start."""

    def __init__(self, section: InputSection) -> None:
        pieces = section.pieces
        # Many short strings are looked up one by one.
        is_listed = pieces is not None and not pieces.is_dense
        known = zip(pieces.starts, map(section.offset.__add__, pieces.offsets)) if pieces and is_listed else ()
        super().__init__(known)
        self._section = section
        self._pieces = pieces

        self.names_middles = False

    def __missing__(self, offset: int) -> int:
        pieces = self._pieces
        self.names_middles = self.names_middles or not (pieces and pieces.is_dense and pieces.has_start(offset))
        return self._section.output_offset(offset)


def drops_folded(section: bytes) -> bool:
    """Return whether a custom section has tombstones for places in folded functions."""
    return section.startswith(b".debug_") and section != b".debug_line"


def _function_offset(symbol: Symbol) -> int:
    """Return the start of a function's body, after its size, in the output code section's contents."""
    file = symbol.file
    assert file is not None
    index = symbol.index
    offset = file.function_offsets[index]
    if isinstance(file, SyntheticFile):
        return offset + 1
    assert isinstance(file, ObjectInput)
    if file.compressed:
        return offset + compressed_body_start(file, index)
    return offset + body_start(file, index) - file.object.function_offsets[index]


def body_start(file: ObjectInput, index: int) -> int:
    """Return the start of a function's body, after its size, in the input code section's contents."""
    obj = file.object
    previous = file.previous
    if previous is not None and previous.function_live[index]:
        return obj.function_offsets[index] + previous.body_distance(index)
    origin = obj.sections.starts[obj.code_section]
    position = obj.function_offsets[index]
    while obj.data[origin + position] >= 0x80:
        position += 1
    return position + 1


def compressed_body_start(file: ObjectInput, index: int) -> int:
    """Return the start of the body in a compressed function's entry."""
    entry = file.compressed[index]
    return next(i for i, byte in enumerate(entry) if byte < 0x80) + 1


def _address(symbol: Symbol) -> int:
    return symbol.address


def _global_number(symbol: Symbol) -> int:
    return symbol.global_number if symbol.kind == SymbolKind.GLOBAL else symbol.got_number


_BASE_OF: Final[dict[int, Callable[[Symbol], int]]] = {
    FUNCTION_INDEX: lambda symbol: symbol.function_number,
    FUNCTION_OFFSET: _function_offset,
    ADDRESS: _address,
    GLOBAL_INDEX: _global_number,
    TAG_INDEX: lambda symbol: symbol.tag_number,
    TABLE_NUMBER: lambda symbol: symbol.table_number,
}
"""The function that returns a symbol's value without the addend, by what the relocation's value is."""
