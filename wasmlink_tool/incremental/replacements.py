"""Changed objects, linked with the decisions of the last link about their old versions."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping

from ..binary.constants import SymbolFlag, SymbolKind
from ..inputs.input_files import ObjectSource
from ..inputs.object_file import ObjectFile
from ..inputs.parse_cache import ParseCache
from ..inputs.symbol_columns import SymbolInfo
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

_UNDEFINED: Final = SymbolFlag.UNDEFINED


class ChangedObjects:
    """The objects that changed, with their last versions. Each is parsed once, however many ways to link are tried."""

    def __init__(self, last: LastLink, sources: Mapping[int, ObjectSource], cache: ParseCache) -> None:
        """:param sources: the new versions, by link order."""
        self.cache = cache
        self.ordinals = sorted(sources)
        self._last = last
        self._sources = sources
        self._before: dict[int, ObjectFile] = {}
        self._after: dict[int, ObjectFile] = {}

    def before(self, ordinal: int) -> ObjectFile:
        """Return the last version of an object.

        :raises Unusable: it is not in the cache.
        """
        before = self._before.get(ordinal) or self.cache.find_object(self._last.state.files[ordinal].key)
        if before is None:
            raise Unusable("the changed object's last version is not in the cache")
        self._before[ordinal] = before
        return before

    def input(self, ordinal: int) -> ObjectInput:
        """Return the new version of an object, in a link that knows nothing of it yet."""
        file = ObjectInput(self._sources[ordinal], gc_sections=True, parsed=self._after.get(ordinal))
        self._after[ordinal] = file.object
        return file


class NewObjects:
    """The objects that take the place of those in the last module."""

    def __init__(self, last: LastLink) -> None:
        self.last = last
        self.new: dict[int, ObjectInput] = {}
        """By link order."""
        self.merging: set[int] = set()
        """Custom sections whose strings must be merged again."""

    def section(self, ordinal: int, index: int) -> InputSection:
        """Return the new version of the custom section that had this index."""
        raise NotImplementedError

    def function(self, ordinal: int, index: int) -> tuple[ObjectInput, int]:
        """Return the object and the index of what a function of an object is now.

        :raises ValueError: it is no longer there.
        """
        raise NotImplementedError

    def position(self, ordinal: int, segment: int) -> int:
        """Return where in the module the contents of a segment of the new version are; -1 if they are not there."""
        raise NotImplementedError

    def place_section(self, ordinal: int, section: InputSection, old: int) -> None:
        """Place a custom section where its last version was; other strings than those of it are merged again.

        :param old: the index of the last version.
        """
        known = self.last.state.files[ordinal]
        output, offset, _ = known.sections[old]
        section.offset = offset
        if old in known.pieces:
            section.pieces = split(section)
            start = self.last.state.custom[output][2] + offset
            try:
                self.last.check_strings(section.pieces, column(known.pieces[old], "I").tolist(), start)
            except Unusable:
                self.merging.add(output)


class Replacements(NewObjects):
    """The new contents of the changed objects, where no decision differs."""

    def __init__(self, options: LinkOptions, last: LastLink, changed: ChangedObjects) -> None:
        """:raises Unusable: a decision would differ, or might."""
        super().__init__(last)
        self._options = options
        self.matches: dict[int, Match] = {}
        self._more_references = Counter[tuple[int, int]]()
        """The numbers of references, by file and segment, if data is packed by them."""
        self._added_names: set[bytes] = set()
        """Symbols that only the new versions of the changed objects define."""
        for ordinal in changed.ordinals:
            self.new[ordinal] = self._object(ordinal, changed)
        self._check_packed_order()

    def section(self, ordinal: int, index: int) -> InputSection:
        return self.new[ordinal].custom_sections[self.matches[ordinal].sections.index(index)]

    def function(self, ordinal: int, index: int) -> tuple[ObjectInput, int]:
        return self.new[ordinal], self.matches[ordinal].functions.index(index)

    def position(self, ordinal: int, segment: int) -> int:
        old = self.matches[ordinal].segments[segment]
        place = None if old == ADDED else self.last.decisions(ordinal).segments[old]
        return -1 if place is None else place[2]

    def _object(self, ordinal: int, changed: ChangedObjects) -> ObjectInput:
        known = self.last.state.files[ordinal]
        decisions = self.last.decisions(ordinal)
        before, file = changed.before(ordinal), changed.input(ordinal)
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
                self.last.check_strings(segment.pieces, decisions.segment_pieces[old], place[2])
        for index, old in enumerate(match.sections):
            if old in decisions.discarded:
                file.custom_sections[index].discarded = True
            elif old in known.sections:
                self.place_section(ordinal, file.custom_sections[index], old)
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
                place = next(i for i, known in self.last.files.items() if known is segment.file), segment.index
            self._more_references[place] += count

    def _check_packed_order(self) -> None:
        more = self._more_references
        if not any(more.values()):
            return
        for keys in self.last.state.order:
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
        known = {*unpack_strings(self.last.state.names), *self._added_names}
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
        file.function_numbers = array("i", [NO_NUMBER if old == ADDED else numbers[old] for old in match.functions])
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
        rows = column(known.symbols)
        if len(rows) != len(match.before.symbols):
            raise Unusable("an object has symbols that its symbol table does not describe")
        for info, old in zip(file.object.symbols, match.symbols):
            row = -1 if old == ADDED else rows[old]
            if row >= 0:
                file.symbols.append(self.last.symbol(row))
                continue
            if info[1] & _UNDEFINED:
                raise Unusable("the symbol table changed")
            file.symbols.append(own_symbol(file, info))


def own_symbol(file: ObjectInput, info: SymbolInfo) -> Symbol:
    """Return the symbol of a definition of an object."""
    kind, flags, name, index, _, _ = info
    symbol = Symbol(name, kind, DEFINED, flags, file)
    if kind == SymbolKind.SECTION:
        symbol.index = index
        symbol.section = file.custom_sections.get(index)
    else:
        symbol.place_in(file, info)
    return symbol


def split(section: InputSection) -> StringPieces:
    """Split strings for merging.

    :raises Unusable: the section is damaged.
    """
    try:
        return StringPieces(section.contents())
    except ValueError:
        raise Unusable("a section of strings is damaged") from None
