"""Keys of the relocations of candidates for folding: two are equal if the relocations resolve to the same targets.

A reference that may be to any member of a class (see :mod:`.icf`) has the key of a class, which says no more than the
offset; the candidate that it names is compared by its class.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import add

from ..binary.constants import SymbolKind
from ..binary.relocation_types import ADDRESS, FUNCTION_INDEX, TYPE_INDICES, ULEB, VALUE, types_with
from ..options import IcfLevel, LinkOptions
from .chunks import InputSegment, ObjectInput
from .output_segments import is_merged, output_name
from .resolution import Resolution
from .symbols import DEFINED, Symbol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from .icf import Candidates

ACCESSES: Final = types_with(values=(ADDRESS,), encodings=(ULEB,))
"""The offset of a load or store: the address is used, and nothing has it."""

_FUNCTION: Final = SymbolKind.FUNCTION
_DATA: Final = SymbolKind.DATA
_CLASS: Final = 0
"""The number of all targets that count by their class."""
_NONE: Final = -1
"""No candidate."""
_STRING: Final = -2
"""No candidate, but a merged string: the number and the offset depend on the addend."""
_Target = tuple[int, int, int]
"""Number, offset, and candidate where the target counts by its class."""


class Keys:
    """The keys of all candidates of a link."""

    def __init__(
        self, candidates: Candidates, by_index: set[int], resolution: Resolution, options: LinkOptions
    ) -> None:
        """:param by_index: functions whose index in the function index space is a value of the program."""
        self._candidates = candidates
        self._by_index = by_index
        self._options = options
        self._is_dynamic = resolution.is_dynamic(options)
        self._folds_addresses = options.icf is IcfLevel.ALL
        self._numbers: dict[object, int] = {}

    def initial(self) -> tuple[list[int], list[tuple[int, ...]]]:
        """Return the class of each candidate by all that cannot change, and the candidates that each refers to."""
        candidates = self._candidates
        owners, indices, groups = candidates.owners, candidates.indices, candidates.groups
        classes: dict[object, int] = {}
        found: list[int] = []
        targets: list[tuple[int, ...]] = []
        known: dict[ObjectInput, _Targets] = {}
        count, functions = len(owners), candidates.function_count
        first = 0
        while first < count:
            # Those of one section are adjacent.
            file, is_code = owners[first], first < functions
            last = functions if is_code else count
            after = first + 1
            while after < last and owners[after] is file:
                after += 1
            looked_up = known.get(file)
            if looked_up is None:
                looked_up = known[file] = _Targets(self, file)
            for group, (key, named) in zip(groups[first:after], looked_up.keys_of(indices[first:after], is_code)):
                found.append(classes.setdefault((group, key), len(classes)))
                targets.append(named)
            first = after
        return found, targets

    def target(self, file: ObjectInput, type_: int, index: int) -> _Target:
        """Return what a relocation resolves to, addend apart."""
        if type_ in TYPE_INDICES:
            return self._number(file.object.types[index]), 0, _NONE
        symbol = file.symbols[index]
        if symbol.state != DEFINED or (self._is_dynamic and self._is_found_by_name(symbol, type_)):
            return self._number(symbol), 0, _NONE
        segment = symbol.segment
        candidate = self._candidates.named_by(file).get(index, _NONE)
        if candidate >= 0 and self._counts_by_class(candidate, type_):
            return _CLASS, 0 if segment is None else symbol.value, candidate
        if symbol.kind == _DATA:
            if segment is None:
                return self._number(symbol), 0, _NONE
            if self._options.optimize and is_merged(segment):
                return 0, symbol.value, _STRING
            return self._number(segment), symbol.value, _NONE
        return self._number((symbol.kind, symbol.file, symbol.index)), 0, _NONE

    def _is_found_by_name(self, symbol: Symbol, type_: int) -> bool:
        """Return whether another module may have the symbol's definition, or the symbol's entry in the global offset
        table."""
        if symbol.is_hidden or symbol.is_local:
            return False
        if VALUE[type_] == FUNCTION_INDEX:
            return self._options.shared and symbol.is_weak
        return symbol.kind in (_FUNCTION, _DATA)

    def _counts_by_class(self, candidate: int, type_: int) -> bool:
        """Return whether a reference may be to any member of a class."""
        if self._folds_addresses:
            return True
        return type_ in ACCESSES or (VALUE[type_] == FUNCTION_INDEX and candidate not in self._by_index)

    def string(self, segment: InputSegment, offset: int) -> tuple[int, int]:
        """Return number and offset of a place in a mergeable string: equal strings of one output segment have one
        address."""
        if not 0 <= offset < segment.size:
            return self._number(segment), offset
        contents = segment.contents()
        start = contents.rfind(b"\0", 0, offset) + 1
        string = contents[start : contents.find(b"\0", offset)]
        return self._number((output_name(segment, self._options), segment.flags, string)), offset - start

    def _number(self, identity: object) -> int:
        return self._numbers.setdefault(identity, len(self._numbers) + 1)


class _Targets(dict[int, _Target]):
    """Maps a relocation of a file, as its symbol's index and its type, to its target."""

    def __init__(self, keys: Keys, file: ObjectInput) -> None:
        super().__init__()
        self._keys = keys
        self._file = file

    def __missing__(self, entry: int) -> _Target:
        found = self[entry] = self._keys.target(self._file, entry & 0xFF, entry >> 8)
        return found

    def keys_of(self, chunks: list[int], is_code: bool) -> list[tuple[object, tuple[int, ...]]]:
        """Return for each function or segment its relocations, as far as they do not depend on classes, and the
        candidates that they name."""
        file = self._file
        obj = file.object
        section = obj.code_section if is_code else obj.data_section
        relocs, ranges = file.relocations(section), obj.relocation_ranges(section)
        starts = obj.function_offsets if is_code else obj.segments.offsets
        out: list[tuple[object, tuple[int, ...]]] = []
        look_up = self.__getitem__
        for chunk in chunks:
            first, after = ranges[chunk], ranges[chunk + 1]
            if first == after:
                out.append(((), ()))
                continue
            start = starts[chunk]
            types, indices = relocs.types[first:after], relocs.indices[first:after]
            entries = [index << 8 | type_ for type_, index in zip(types, indices)]
            numbers, offsets, named = zip(*map(look_up, entries))
            offsets = tuple(map(add, offsets, relocs.addends[first:after]))
            if _STRING in named:
                numbers, offsets = self._with_strings(indices, numbers, offsets, named)
            places = tuple([offset - start for offset in relocs.offsets[first:after]])
            out.append(((types, places, numbers, offsets), tuple([candidate for candidate in named if candidate >= 0])))
        return out

    def _with_strings(
        self, indices: Sequence[int], numbers: tuple[int, ...], offsets: tuple[int, ...], named: tuple[int, ...]
    ) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the numbers and offsets of targets, with those in merged strings."""
        found = []
        for index, number, offset, candidate in zip(indices, numbers, offsets, named):
            if candidate == _STRING:
                segment = self._file.symbols[index].segment
                assert segment is not None
                number, offset = self._keys.string(segment, offset)
            found.append((number, offset))
        return tuple([number for number, _ in found]), tuple([offset for _, offset in found])
