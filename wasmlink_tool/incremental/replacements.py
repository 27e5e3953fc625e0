"""Changed objects, linked with the decisions of the last link about their old versions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from ..binary.constants import SymbolFlag, SymbolKind
from ..inputs.input_files import ObjectSource
from ..inputs.object_file import ObjectFile
from ..inputs.parse_cache import ParseCache
from ..linking.chunks import NO_NUMBER, InputSection, ObjectInput
from ..linking.merged_strings import StringPieces
from ..linking.symbols import DEFINED, Symbol
from ..options import DataOrder, LinkOptions
from ..stored import unpack_strings
from .compare_references import check_references
from .match_objects import ADDED, Match, Unusable
from .previous_link import LastLink, number_others, place_segment
from .state import Decisions, column

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_ABSOLUTE: Final = SymbolFlag.ABSOLUTE
_UNDEFINED_FLAG: Final = SymbolFlag.UNDEFINED
_FUNCTION: Final = SymbolKind.FUNCTION
_DATA: Final = SymbolKind.DATA
_SECTION: Final = SymbolKind.SECTION


class NewObjects:
    """The objects that take the place of those in the last module."""

    def __init__(self) -> None:
        self.new: dict[int, ObjectInput] = {}
        """By link order."""
        self.merging: set[int] = set()
        """Custom sections whose strings must be merged again."""

    def section(self, ordinal: int, index: int) -> InputSection:
        """Return the new version of the custom section that had this index."""
        raise NotImplementedError

    def function(self, ordinal: int, index: int) -> int:
        """Return the new index of a function that had this one.

        :raises ValueError: it is no longer there.
        """
        raise NotImplementedError

    def position(self, ordinal: int, segment: int) -> int:
        """Return where in the module the contents of a segment of the new version are; -1 if they are not there."""
        raise NotImplementedError


class Replacements(NewObjects):
    """The new contents of the changed objects, where no decision differs."""

    def __init__(
        self, options: LinkOptions, last: LastLink, changed: Mapping[int, ObjectSource], cache: ParseCache
    ) -> None:
        """:raises Unusable: a decision would differ, or might."""
        super().__init__()
        self._options = options
        self._last = last
        self._cache = cache
        self.matches: dict[int, Match] = {}
        self._more_references = Counter[tuple[int, int]]()
        """The numbers of references, by file and segment, if data is packed by them."""
        self._added_names: set[bytes] = set()
        """Symbols that only the new versions of the changed objects define."""
        for ordinal, source in sorted(changed.items()):
            self.new[ordinal] = self._object(ordinal, source)
        self._check_packed_order()

    def section(self, ordinal: int, index: int) -> InputSection:
        return self.new[ordinal].custom_sections[self.matches[ordinal].sections.index(index)]

    def function(self, ordinal: int, index: int) -> int:
        return self.matches[ordinal].functions.index(index)

    def position(self, ordinal: int, segment: int) -> int:
        old = self.matches[ordinal].segments[segment]
        place = None if old == ADDED else self._last.decisions(ordinal).segments[old]
        return -1 if place is None else place[2]

    def _object(self, ordinal: int, source: ObjectSource) -> ObjectInput:
        known = self._last.state.files[ordinal]
        decisions = self._last.decisions(ordinal)
        before = self._cache.find_object(known.key)
        if before is None:
            raise Unusable("the changed object's last version is not in the cache")
        file = ObjectInput(source, gc_sections=True)
        live_segments = bytes(place is not None for place in decisions.segments)
        match = Match(before, file.object, decisions.function_live, live_segments)
        self._check_added(match)
        self._place_functions(file, decisions, match)
        for segment, old in zip(file.segments, match.segments):
            place = None if old == ADDED else decisions.segments[old]
            place_segment(segment, place)
            if old in decisions.segment_pieces:
                assert place is not None
                segment.split()
                self._last.check_strings(segment.pieces, decisions.segment_pieces[old], place[2])
        for index, old in enumerate(match.sections):
            if old in decisions.discarded:
                file.custom_sections[index].discarded = True
            elif old in known.sections:
                output, offset, _ = known.sections[old]
                section = file.custom_sections[index]
                section.offset = offset
                if old in known.pieces:
                    section.pieces = split(section)
                    start = self._last.state.custom[output][2] + offset
                    try:
                        self._last.check_strings(section.pieces, column(known.pieces[old], "I").tolist(), start)
                    except Unusable:
                        self.merging.add(output)
        self._resolve(decisions, file, match)
        self._check_order(ordinal, file, match, check_references(match, file))
        self.matches[ordinal] = match
        return file

    def _check_order(self, ordinal: int, file: ObjectInput, match: Match, counts: Counter[int]) -> None:
        """Check that packed segments keep their order although the number of references to them changed; ``counts`` are
        by symbol of the old version."""
        if self._options.data_order is not DataOrder.PACKED or not any(counts.values()):
            return
        symbols = {old: symbol for symbol, old in zip(file.symbols, match.symbols)}
        for target, count in counts.items():
            segment = symbols[target].segment
            if segment is None or not count:
                continue
            if segment.file is file:
                place = ordinal, match.segments[segment.index]
            else:
                place = next(i for i, known in self._last.files.items() if known is segment.file), segment.index
            self._more_references[place] += count

    def _check_packed_order(self) -> None:
        more = self._more_references
        if not any(more.values()):
            return
        for keys in self._last.state.order:
            now = [
                (category, prefix, alignment, references - more.get((of, index), 0), suffix, of, index)
                for category, prefix, alignment, references, suffix, of, index in keys
            ]
            if now != sorted(now):
                raise Unusable("the order of packed data changed")

    def _check_added(self, match: Match) -> None:
        """Check that no other file can refer to the new definitions of an object."""
        names = [name for _, flags, name, _, _, _ in match.added if not flags & SymbolFlag.BINDING_LOCAL]
        if not names:
            return
        options = self._options
        if options.export_all or options.export_dynamic:
            raise Unusable("a new definition is exported")
        known = {*unpack_strings(self._last.state.names), *self._added_names}
        requested = {*options.exports, *options.exports_if_defined, *options.undefined, options.entry, options.start}
        for name in names:
            if name in known or name.startswith(b"__") or name.decode("utf-8", "surrogateescape") in requested:
                raise Unusable("a new definition is referred to")
        self._added_names.update(names)

    @staticmethod
    def _place_functions(file: ObjectInput, known: Decisions, match: Match) -> None:
        """Number functions and all other entities as in the last link."""
        numbers = column(known.function_numbers)
        file.function_live = bytearray(old != ADDED and known.function_live[old] for old in match.functions)
        file.function_numbers = [NO_NUMBER if old == ADDED else numbers[old] for old in match.functions]
        file.function_slots = {
            index: known.slots[old] for index, old in enumerate(match.functions) if old in known.slots
        }
        types = {match.before.types[index]: number for index, number in known.types.items()}
        file.type_numbers = {
            index: types[signature] for index, signature in enumerate(file.object.types) if signature in types
        }
        number_others(file, known)

    def _resolve(self, known: Decisions, file: ObjectInput, match: Match) -> None:
        """Give a changed object the symbols of the last link, which had the same definitions."""
        obj = file.object
        rows = column(known.symbols)
        if len(rows) != len(match.before.symbols):
            raise Unusable("an object has symbols that its symbol table does not describe")
        for (kind, flags, name, index, offset, _), old in zip(obj.symbols, match.symbols):
            row = -1 if old == ADDED else rows[old]
            if row >= 0:
                file.symbols.append(self._last.symbol(row))
                continue
            if flags & _UNDEFINED_FLAG:
                raise Unusable("the symbol table changed")
            symbol = Symbol(name, kind, DEFINED, flags, file)
            if kind == _DATA:
                symbol.value = offset
                if not flags & _ABSOLUTE:
                    symbol.segment = file.segments[index]
            elif kind == _SECTION:
                symbol.index = index
                symbol.section = file.custom_sections.get(index)
            else:
                symbol.index = index - _imported(obj, kind)
            file.symbols.append(symbol)


def _imported(obj: ObjectFile, kind: int) -> int:
    """Return the number of imports of a kind."""
    imports = {
        _FUNCTION: obj.imported_functions,
        SymbolKind.GLOBAL: obj.imported_globals,
        SymbolKind.TAG: obj.imported_tags,
        SymbolKind.TABLE: obj.imported_tables,
    }
    return len(imports[kind])


def split(section: InputSection) -> StringPieces:
    """Split strings for merging.

    :raises Unusable: the section is damaged.
    """
    try:
        return StringPieces(section.contents())
    except ValueError:
        raise Unusable("a section of strings is damaged") from None
