"""Update the decisions of the last link after some objects changed, without the passes.

Objects that changed are linked again, with all their symbols, functions and segments. What the others are for the link
is in the columns of the state (:mod:`.link_columns`), in numbers. The steps are those of the passes:

1. resolve the symbols of the changed objects among those of the last link (:mod:`.resolve_changed`);
2. mark what is live in the graph of references (:mod:`.mark_again`); an unchanged object of which other functions or
   data are live now is *touched*: it is linked again, too, from its own bytes;
3. place data (:mod:`.place_data`);
4. number functions, types and table entries (:mod:`.number_again`).

:mod:`.update_module` then writes the module. Whatever is not understood raises :class:`.match_objects.Unusable`, with
the reason, before anything is changed.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import accumulate, compress

from ..binary.constants import SectionId, SymbolFlag, SymbolKind
from ..binary.relocation_types import GLOBAL_INDICES, TYPE_INDICES
from ..diagnostics import FatalError
from ..inputs import archive
from ..inputs.input_files import ObjectSource
from ..inputs.object_file import ObjectFile
from ..inputs.section_columns import Section
from ..inputs.shared_sections import parse_types
from ..linking.chunks import InputSection, LinkedFile, ObjectInput
from ..linking.custom_sections import MERGED_CUSTOM_SECTIONS
from ..linking.live_relocations import live_relocations
from ..linking.symbols import DEFINED, UNDEFINED, Symbol
from ..options import LinkOptions
from ..stored import unpack_strings
from .find_changes import Files
from .last_module import read_number
from .link_columns import KINDS, NO_NODE, NO_ROW, LinkColumns, unpack_link
from .mark_again import Marks
from .match_objects import ADDED, Unusable
from .number_again import Numbers
from .place_data import PlacedData
from .previous_link import LastLink, symbol_of_row
from .replacements import ChangedObjects, NewObjects, own_symbol
from .resolve_changed import ChangedSymbols
from .state import INTERNAL, NO_FILE, ROW, column

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .resolved_symbols import ResolvedObjects
    from .undefined_again import Undefined


class LastSymbols:
    """The symbols of the last link's symbol table, by row."""

    def __init__(self, last: LastLink, columns: LinkColumns) -> None:
        self.rows = column(last.state.foreign, "q")
        self.by_name = dict(zip(unpack_strings(last.state.names), columns.name_rows))
        firsts = list(accumulate(columns.counts, initial=0))
        self.first_nodes = [firsts[i : i + KINDS] for i in range(0, len(firsts) - 1, KINDS)]
        """For each file, the linker's own first, the first node of each kind."""
        self.node_count = firsts[-1] + len(self.rows) // ROW
        self._first_row = firsts[-1]
        self._columns = columns
        self._new_rows: dict[int, int] = {}
        self._symbols: dict[int, Symbol] = {}
        self._rows: dict[Symbol, int] = {}

    def add(self, symbol: Symbol, number: int) -> None:
        """Add a row for a new symbol that no object defines.

        :param number: of the name in the symbol table.
        """
        row = len(self.rows) // ROW
        self.rows.extend((symbol.kind, UNDEFINED, symbol.flags, NO_FILE, 0, 0, -1, -1, -1, -1, 0, 0, -1))
        self._new_rows[number] = row
        self._symbols[row] = symbol
        self._rows[symbol] = row
        self._columns.live += b"\0"
        self.node_count += 1

    def row_of(self, number: int) -> int:
        """Return the row of a name by its number in the symbol table, new ones included; -1 without one."""
        row = self._new_rows.get(number, -1)
        if row < 0 and number < len(self._columns.name_rows) and self._columns.name_rows[number] != NO_ROW:
            row = self._columns.name_rows[number]
        return row

    def owner(self, row: int) -> int:
        """Return the file that defines a symbol: an object by link order, ``INTERNAL``, or ``NO_FILE``."""
        return self.rows[ROW * row + 3]

    def owners(self) -> array[int]:
        """Return :meth:`owner` of each row."""
        return self.rows[3::ROW]

    def node_range(self, ordinal: int) -> tuple[int, int]:
        """Return the first node of an object, and where its nodes end."""
        after = self.first_nodes[ordinal + 2][0] if ordinal + 2 < len(self.first_nodes) else self._first_row
        return self.first_nodes[ordinal + 1][0], after

    def symbol(self, row: int) -> Symbol:
        """Return the symbol of a row; its file and segment are not set before :meth:`bind`."""
        found = self._symbols.get(row)
        if found is None:
            found = self._symbols[row] = symbol_of_row(self.rows, row)
            self._rows[found] = row
        return found

    def node(self, row: int) -> int:
        """Return the node of what a symbol was in the last link."""
        kind, state, _, ordinal, index, _, segment = self.rows[ROW * row : ROW * row + 7]
        if state == DEFINED and ordinal != NO_FILE:
            firsts = self.first_nodes[ordinal + 1]
            if kind == SymbolKind.DATA:
                if segment >= 0:
                    return firsts[1] + segment
            elif kind in _KIND_OF:
                return firsts[_KIND_OF[kind]] + index
        return self._first_row + row

    def node_of(self, symbol: Symbol) -> int:
        row = self._rows.get(symbol)
        # An address that nothing asked for in the last link marks nothing.
        return NO_NODE if row is None else self.node(row)

    def used(self) -> list[tuple[int, Symbol]]:
        """Return the symbols that were asked for, with their rows."""
        return list(self._symbols.items())

    def may_be_imported(self, row: int) -> bool:
        """Return whether a symbol is imported, or an error, if something live refers to it."""
        kind, state, flags = self.rows[ROW * row : ROW * row + 3]
        return state == UNDEFINED and (kind != SymbolKind.DATA or not flags & SymbolFlag.BINDING_WEAK)

    def is_function(self, row: int) -> bool:
        return self.rows[ROW * row] == SymbolKind.FUNCTION

    def segment(self, row: int) -> int:
        """Return the index of the segment that a symbol was in; -1 without one."""
        return self.rows[ROW * row + 6]

    def value(self, row: int) -> int:
        """Return the offset in its segment that a symbol had."""
        return self.rows[ROW * row + 5]


_NOT_COPIED = frozenset((b"linking", b"name", b"producers", b"target_features", b".llvmbc", b".llvmcmd"))
_KIND_OF = {SymbolKind.FUNCTION: 0, SymbolKind.GLOBAL: 2, SymbolKind.TAG: 3, SymbolKind.TABLE: 4}


class Update(NewObjects):
    """The decisions of this link."""

    def __init__(
        self,
        options: LinkOptions,
        last: LastLink,
        files: Files,
        changed: ChangedObjects,
        *,
        resolve_all: bool = False,
    ) -> None:
        """
        :param resolve_all: resolve the names of all objects again; ``changed`` may leave some out then.
        :raises Unusable: a decision is not understood.
        """
        super().__init__(last)
        self.options = options
        self.files = files
        self.cache = changed.cache
        if not last.state.link:
            raise Unusable("the last link has relocations that only the passes understand")
        self.columns = unpack_link(last.state.link)
        if len(self.columns.eager) != len(last.state.files):
            raise ValueError("columns of another link")
        self.before: dict[int, ObjectFile] = {}
        """The last versions of the objects that are linked again."""
        self._ordinals: dict[LinkedFile, int] = {}
        self._signatures: list[bytes] | None = None
        self.resolved: ResolvedObjects | None = None
        """All objects, where their names were resolved again."""
        self.order: Sequence[int] = range(len(last.state.files))
        """The objects in the order of the output, by their number in the last link."""
        self._section_matches: dict[int, list[int]] = {}
        self._gone_sections: dict[tuple[int, int], InputSection] = {}
        """Empty sections in place of those that changed objects no longer have."""
        self.touched: dict[str, str] = {}
        """The objects that did not change, but are linked again, and why."""
        if resolve_all:
            from .resolved_symbols import ResolvedObjects, ResolvedSymbols

            self.resolved = resolved = ResolvedObjects(options, last, self.columns, files, changed)
            self.before, self.new, self.order = resolved.before, resolved.new, resolved.order
            self.touched |= resolved.reasons
        else:
            for ordinal in changed.ordinals:
                self.before[ordinal] = changed.before(ordinal)
                self.new[ordinal] = changed.input(ordinal)
        self.changed = set(self.new)
        self._ordinals = {file: ordinal for ordinal, file in self.new.items()}
        self.symbols = LastSymbols(last, self.columns)
        self.layout_symbols: dict[bytes, Symbol] = {}
        """Addresses that the linker chooses, and that nothing asked for in the last link."""
        symbols = None
        if self.resolved is None:
            ChangedSymbols(self)
        else:
            symbols = ResolvedSymbols(self, self.resolved)
            self.layout_symbols = symbols.layout_symbols
        self.finds_undefined = symbols is not None and symbols.is_understood
        """True if functions that no object defines may be others than in the last link."""
        self.marks = Marks(self)
        self.undefined: Undefined | None = None
        """These functions; ``None`` if they are the same."""
        if symbols is not None and symbols.is_understood:
            from .undefined_again import Undefined

            self.undefined = Undefined(self, symbols.stubs)
        for ordinal in self.marks.touched:
            self._touch(ordinal)
        for file in self.new.values():
            _refer_to_addresses(file)
        for ordinal in self.new:
            self._check_global_offsets(ordinal)
        if self.resolved is not None:
            self._check_order_of_global_offsets(self.resolved)
        self.numbers = Numbers(self)
        self._bind()
        self.data = PlacedData(self)
        for ordinal in self.new:
            self._place_sections(ordinal)

    @property
    def last_signatures(self) -> list[bytes]:
        """Return the types of the last link."""
        if self._signatures is None:
            self._signatures = parse_types(self.last.sections.contents(SectionId.TYPE))
        return self._signatures

    # What is written asks for

    def section(self, ordinal: int, index: int) -> InputSection:
        gone = self._gone_sections.get((ordinal, index))
        if gone is not None:
            return gone
        return self.new[ordinal].custom_sections[self._section_matches[ordinal].index(index)]

    def outputs_of(self, ordinal: int) -> list[int]:
        """Return the output sections of the custom sections that an object has now, in its order."""
        known = self.last.state.files[ordinal].sections
        file = self.new.get(ordinal)
        if file is None:
            return [output for output, _, _ in known.values()]
        matches = self._section_matches[ordinal]
        placed = [matches[index] for index, section in file.custom_sections.items() if section.size]
        return [known[old][0] for old in placed if old in known]

    def function(self, ordinal: int, index: int) -> tuple[ObjectInput, int]:
        if ordinal not in self.changed:
            return self.new[ordinal], index
        symbol = self.marks.function_at(ordinal, index)
        if symbol is None or not isinstance(symbol.file, ObjectInput) or symbol.file not in self._ordinals:
            raise ValueError("a function that is no longer there")
        return symbol.file, symbol.index

    def position(self, ordinal: int, segment: int) -> int:
        return self.data.position(ordinal, segment)

    def is_again(self, file: LinkedFile) -> bool:
        """Return whether an object is one of those that are linked again."""
        return file in self._ordinals

    def ordinal(self, file: LinkedFile) -> int:
        """Return the place in link order of an object that is linked again."""
        return self._ordinals[file]

    # Objects

    def _touch(self, ordinal: int) -> None:
        """Link an unchanged object again."""
        file = self.new[ordinal] = ObjectInput(self._source(ordinal), gc_sections=True)
        self.before[ordinal] = file.object
        self._ordinals[file] = ordinal
        self.marks.set_live(ordinal, file)
        decisions = self.last.decisions(ordinal)
        for index in decisions.discarded:
            file.custom_sections[index].discarded = True
        rows = column(decisions.symbols)
        infos = file.object.symbols
        for info, row in zip(infos, rows):
            file.symbols.append(own_symbol(file, info) if row < 0 else self.symbols.symbol(row))
        # The table of functions has a symbol after all others if an object imports it without one.
        for row in rows[len(infos) :]:
            file.symbols.append(self.symbols.symbol(row))
        self.touched[file.name] = "other functions of it are in the output"

    def _source(self, ordinal: int) -> ObjectSource:
        """Return the source of an unchanged object."""
        if self.resolved is not None:
            return self.resolved.sources[ordinal]
        known = self.last.state.files[ordinal]
        unread = self.files.known.get(known.path)
        data = self.files.changed.get(known.path)
        if unread is not None:
            try:
                data = unread.file.contents()
            except FatalError:
                data = None
        if data is None:
            raise Unusable("an object's file is not at hand")
        if not archive.is_archive(data):
            return ObjectSource(data, 0, len(data), known.path)
        if unread is None:
            raise Unusable("an archive changed of which another member is needed")
        for member in archive.members(data, known.path):
            if member.start == known.start:
                return ObjectSource(data, member.start, member.end, member.name, archive_path=known.path)
        raise Unusable("an object's archive is not the one that it was")

    def _bind(self) -> None:
        """Set the files of the symbols that the loaded objects name, now that it is known which objects those are."""
        for row, symbol in self.symbols.used():
            ordinal = self.symbols.owner(row)
            if symbol.file is not None or symbol.state != DEFINED or ordinal == NO_FILE:
                continue
            file = self.new.get(ordinal)
            if ordinal in self.changed:
                raise Unusable("a definition is gone")
            symbol.file = file if file is not None else self.last.file(ordinal)
            segment = self.symbols.segment(row)
            if segment >= 0:
                symbol.segment = symbol.file.segments[segment]
                if file is None and symbol.segment.pieces is not None:
                    raise Unusable("another object's merged string is named")
        for _, symbol in self.symbols.used():
            if symbol.is_stub and symbol.file is None:
                symbol.file = self.last.file(INTERNAL)
        for ordinal, stand_in in self.last.files.items():
            if ordinal not in self.new:
                self.numbers.renumber(ordinal, stand_in)

    def _check_global_offsets(self, ordinal: int) -> None:
        """Check that an object uses the same entries of the global offset table, which are numbered by first use."""
        live = self.last.decisions(ordinal).function_live
        file = self.new[ordinal]
        if _global_offsets(self.before[ordinal], live) != _global_offsets(file.object, file.function_live):
            raise Unusable("other entries of the global offset table are used")

    def _check_order_of_global_offsets(self, resolved: ResolvedObjects) -> None:
        """Check that no object that was in the last link moved past another if there are several entries of the global
        offset table."""
        last_count = len(self.last.state.files) - resolved.added
        kept = [ordinal for ordinal in self.order if ordinal < last_count and ordinal in resolved.sources]
        if kept == sorted(kept):
            return
        globals_ = self.last.sections.contents(SectionId.GLOBAL)
        defined = read_number(globals_, 0)[0] if globals_ else 0
        own = sum(self.columns.live.count(1, firsts[2], firsts[3]) for firsts in self.symbols.first_nodes)
        # The others are entries, or addresses that are exported.
        if defined - own > 1:
            raise Unusable("entries of the global offset table may come in another order")

    def _place_sections(self, ordinal: int) -> None:
        """Match the custom sections of the two versions of an object, and place them as they were."""
        known, file = self.last.state.files[ordinal], self.new[ordinal]
        matches = self._section_matches[ordinal] = self._match_sections(ordinal, file)
        for index, old in enumerate(matches):
            section = file.custom_sections.get(index)
            if section is not None and old in known.sections:
                self.place_section(ordinal, section, old)
        kept = [old for old in matches if old in known.sections and old < len(self.before[ordinal].sections)]
        if self.resolved is None and kept != sorted(kept):
            raise Unusable("an object's sections come in another order")

    def _match_sections(self, ordinal: int, file: ObjectInput) -> list[int]:
        """Return for each section the custom section that it takes the place of; others match nothing.

        A section that only one version has is in the output's list of the object's sections all the same, without
        bytes in one of the two.
        """
        before, after = self.before[ordinal], file.object
        was_discarded = self.last.decisions(ordinal).discarded
        is_discarded = [index for index, section in file.custom_sections.items() if section.discarded]
        old, new = self._copied_sections(before, was_discarded), self._copied_sections(after, is_discarded)
        found = [ADDED] * len(after.sections)
        for name in sorted(old.keys() | new.keys()):
            mine, theirs = new.get(name, []), old.get(name, [])
            for index, match in zip(mine, theirs):
                found[index] = match
            if len(mine) == len(theirs):
                continue
            if len(mine) + len(theirs) > 1 and self.resolved is None:
                raise Unusable("an object has another number of sections of a name")
            for index in mine[len(theirs) :]:
                found[index] = self._add_section(ordinal, name, len(before.sections) + index)
            for index in theirs[len(mine) :]:
                if index not in self.last.state.files[ordinal].sections:
                    raise ValueError("a section that is not in the output")
                output, _ = self._find_output(ordinal, name)
                if index in self.last.state.files[ordinal].pieces:
                    self.merging.add(output)
                self._gone_sections[ordinal, index] = InputSection(file, 0, Section(0, name, 0, 0))
        return found

    def _copied_sections(self, obj: ObjectFile, discarded: Sequence[int]) -> dict[bytes, list[int]]:
        """Return the custom sections of an object that a link copies, by name."""
        strip_debug = self.options.strip_debug or self.options.strip_all
        found: dict[bytes, list[int]] = {}
        for index, section in enumerate(obj.sections):
            name = section.name
            if (
                section.id
                or section.start == section.end
                or index in discarded
                or name in _NOT_COPIED
                or name.startswith(b"reloc.")
                or (strip_debug and name.startswith(b".debug_"))
            ):
                continue
            found.setdefault(name, []).append(index)
        return found

    def _find_output(self, ordinal: int, name: bytes) -> tuple[int, int]:
        """Return the number of an output section, and where in it the sections of the objects before one end.

        :raises Unusable: there is none, or its place may depend on the object.
        """
        state = self.last.state
        output = next((i for i, (known, _, _, _) in enumerate(state.custom) if known == name), -1)
        if self.resolved is not None and output >= 0:
            # All sections get new places.
            return output, 0
        ends = [
            offset + size
            for known in state.files[:ordinal]
            for of, offset, size in known.sections.values()
            if of == output
        ]
        if not ends or name in MERGED_CUSTOM_SECTIONS:
            raise Unusable("the first section of a name, or strings, came or went")
        return output, max(ends)

    def _add_section(self, ordinal: int, name: bytes, number: int) -> int:
        """Let the last version have had an empty section of the new one's name, of a number that it does not have."""
        output, end = self._find_output(ordinal, name)
        known = self.last.state.files[ordinal]
        known.sections[number] = output, end, 0
        if self.options.optimize and name in MERGED_CUSTOM_SECTIONS:
            known.pieces[number] = b""
        return number


def _refer_to_addresses(file: ObjectInput) -> None:
    """Mark the absolute symbols that live parts of an object refer to: they are in no chunk that could be live."""
    absolute = {
        index
        for index, symbol in enumerate(file.symbols)
        if symbol.kind == SymbolKind.DATA
        and symbol.state == DEFINED
        and symbol.segment is None
        and not symbol.referenced
    }
    if absolute:
        for relocs, first, after in live_relocations(file):
            for type_, index in zip(relocs.types[first:after], relocs.indices[first:after]):
                if index in absolute and type_ not in TYPE_INDICES:
                    file.symbols[index].referenced = True


def _global_offsets(obj: ObjectFile, live: bytes | bytearray) -> list[bytes]:
    """Return the symbols of functions and data whose entries in the global offset table live code uses, in order.

    :raises Unusable: one of them is local, so that its name does not tell which it is, or data may use one.
    """
    names: dict[bytes, None] = {}
    section = obj.data_section
    if section >= 0 and not GLOBAL_INDICES.isdisjoint(obj.relocations(section).types):
        raise Unusable("data has numbers of globals")
    section = obj.code_section
    if section >= 0 and not GLOBAL_INDICES.isdisjoint(obj.relocations(section).types):
        relocs, ranges = obj.relocations(section), obj.relocation_ranges(section)
        for function in compress(range(len(live)), live):
            first, after = ranges[function : function + 2]
            for type_, index in zip(relocs.types[first:after], relocs.indices[first:after]):
                if type_ in GLOBAL_INDICES and obj.symbols[index][0] != SymbolKind.GLOBAL:
                    if obj.symbols[index][1] & SymbolFlag.BINDING_LOCAL:
                        raise Unusable("a local symbol has an entry in the global offset table")
                    names.setdefault(obj.symbols[index][2])
    return list(names)
