"""A link that begins with the module of the last one, where a few objects changed and no decision with them.

An object may change its code, the contents of its data and its custom sections. What it defines and asks for must be
the same, and whatever it newly refers to must be in the output already; then every index and every address stays. What
moves is where functions and custom sections stand, which debug information alone tells: the fields that do are
corrected in place, by what their target moved.
"""

from __future__ import annotations

import marshal
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import repeat
from struct import Struct, error

from ..binary.constants import RELOCATION_NAMES, SectionId, SymbolFlag, SymbolKind
from ..binary.constants import RelocationType as R
from ..binary.leb128 import uleb
from ..binary.reader import FormatError
from ..binary.relocations import Relocations
from ..diagnostics import Diagnostics, FatalError, LinkError
from ..inputs.cache import ParseCache, cache_at
from ..inputs.files import ObjectSource
from ..inputs.object_file import ObjectFile, Section
from ..linking.chunks import (
    NO_NUMBER,
    InputSection,
    InputSegment,
    LinkedFile,
    ObjectInput,
    OutputSegment,
    SyntheticFile,
)
from ..linking.live_relocations import live_function_runs
from ..linking.mark_live import TABLE_RELOCATIONS
from ..linking.relocate import Relocator
from ..linking.strings import StringPieces
from ..linking.symbols import DEFINED, UNDEFINED, Symbol
from ..options import DataOrder, LinkOptions
from ..output.encoding import Chunk
from ..output.writer import check_writable
from ..records import record
from ..shared_work import SharedWork, allowed_processes
from . import state as states
from .changes import changed_objects
from .matching import ADDED, Match, Unusable
from .moving import HEAD
from .record import INTERNAL, NO_FILE, ROW, is_recorded
from .state import Decisions, State, column
from .strings import Remerged

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

WORTH_A_PROCESS = 40_000
"""Fields that take several times as long to correct as it takes to start a process."""
_U32: Final = Struct("<I")
_ABSOLUTE: Final = SymbolFlag.ABSOLUTE
_UNDEFINED_FLAG: Final = SymbolFlag.UNDEFINED
_FUNCTION: Final = SymbolKind.FUNCTION
_DATA: Final = SymbolKind.DATA
_SECTION: Final = SymbolKind.SECTION
_TYPE_INDEX: Final = R.TYPE_INDEX_LEB
_CALL: Final = R.FUNCTION_INDEX_LEB
_PLAIN: Final = frozenset(
    type_
    for type_, name in RELOCATION_NAMES.items()
    if name.startswith(("FUNCTION_INDEX", "MEMORY_ADDR")) and "TLS" not in name
)
"""References that ask for nothing but that their target is in the output."""
_COUNTED: Final = frozenset(type_ for type_, name in RELOCATION_NAMES.items() if name.startswith("MEMORY_ADDR"))


@record(frozen=True)
class Relinked:
    """The chunks of the module, and what was read."""

    chunks: list[Chunk]
    files_read: tuple[str, ...]
    reused: int
    """Objects whose bytes were taken from the last module."""
    changed: int
    """Objects that were linked anew."""


def relink(options: LinkOptions) -> Relinked | str:
    """The module of a link with checked options, or why the ordinary link has to find it."""
    if options.cache_directory is None or not is_recorded(options):
        return "the options ask for a whole link"
    diagnostics = Diagnostics()
    if options.output is not None:
        check_writable(options.output, "output", diagnostics)
    if diagnostics.entries:
        return "the output cannot be written"
    state = states.load(options.cache_directory, states.state_key(options))
    if state is None:
        return "no state"
    try:
        cache = cache_at(options.cache_directory, options.cache_limit)
        changed = changed_objects(options, state, cache)
        chunks = state.module
        if changed:
            chunks = _Relink(options, state, changed, cache).chunks()
    except (Unusable, FatalError, FormatError, LinkError) as why:
        # Whatever is wrong, the ordinary link finds it again and says so.
        return str(why)
    except (AssertionError, LookupError, OverflowError, TypeError, ValueError, error) as why:
        # Nothing but a checksum stands between a state and a file that something else wrote.
        return f"the state does not fit: {why!r}"
    return Relinked(chunks, tuple(path for path, _, _ in state.read), len(state.files) - len(changed), len(changed))


class _Relink:
    def __init__(self, options: LinkOptions, state: State, changed: dict[int, ObjectSource], cache: ParseCache) -> None:
        self.options = options
        self.state = state
        self.module = memoryview(state.module[0])
        """That of the last link: it becomes the next one where it stands."""
        first, after = state.code
        self.code = bytes(self.module[first:after])
        self.relocator = Relocator(state.table_base)
        self.cache = cache
        self.stand_ins: dict[int, LinkedFile] = {}
        self._decisions: dict[int, Decisions] = {}
        self._function_shifts: dict[tuple[int, int], int] = {}
        self.merging: set[int] = set()
        """Custom sections whose strings must be merged anew."""
        self.merged: dict[int, Remerged] = {}
        self.more_references = Counter[tuple[int, int]]()
        """By file and segment, where data is packed by their number."""
        self.foreign_rows = column(state.foreign, "q")
        self.foreign: dict[int, Symbol] = {}
        self.new: dict[int, ObjectInput] = {}
        self.matches: dict[int, Match] = {}
        self.added_names: set[bytes] = set()
        """What the changed objects newly define for others."""
        for ordinal, source in sorted(changed.items()):
            self.new[ordinal] = self._object(ordinal, source)
        self._check_packed_order()

    def decisions(self, ordinal: int) -> Decisions:
        found = self._decisions.get(ordinal)
        if found is None:
            known = self.state.internal if ordinal == INTERNAL else self.state.files[ordinal]
            found = self._decisions[ordinal] = known.decisions()
        return found

    # The changed objects

    def _object(self, ordinal: int, source: ObjectSource) -> ObjectInput:
        known = self.state.files[ordinal]
        decisions = self.decisions(ordinal)
        before = self.cache.find_object(known.key)
        if before is None:
            raise Unusable("the changed object's last version is not in the cache")
        file = ObjectInput(source, gc_sections=True)
        match = Match(before, file.object)
        self._check_added(match)
        self._place_functions(file, decisions, match)
        for segment, old in zip(file.segments, match.segments):
            place = None if old == ADDED else decisions.segments[old]
            self._place(segment, place)
            if old in decisions.segment_pieces:
                assert place is not None
                segment.split()
                self._check_strings(segment.pieces, decisions.segment_pieces[old], place[2])
        for index, old in enumerate(match.sections):
            if old in decisions.discarded:
                file.custom_sections[index].discarded = True
            elif old in known.sections:
                output, offset, _ = known.sections[old]
                section = file.custom_sections[index]
                section.offset = offset
                if old in known.pieces:
                    section.pieces = _split(section)
                    start = self.state.custom[output][2] + offset
                    try:
                        self._check_strings(section.pieces, column(known.pieces[old], "I").tolist(), start)
                    except Unusable:
                        self.merging.add(output)
        self._resolve(decisions, file, match)
        self._check_order(ordinal, file, match, _check_references(match, file))
        self.matches[ordinal] = match
        return file

    def _check_order(self, ordinal: int, file: ObjectInput, match: Match, counts: Counter[int]) -> None:
        """With packed data, whether segments keep their places where references to them came or went; ``counts`` are
        by symbol of the old version."""
        if self.options.data_order is not DataOrder.PACKED or not any(counts.values()):
            return
        symbols = {old: symbol for symbol, old in zip(file.symbols, match.symbols)}
        for target, count in counts.items():
            segment = symbols[target].segment
            if segment is None or not count:
                continue
            if segment.file is file:
                place = ordinal, match.segments[segment.index]
            else:
                place = next(i for i, known in self.stand_ins.items() if known is segment.file), segment.index
            self.more_references[place] += count

    def _check_packed_order(self) -> None:
        more = self.more_references
        if not any(more.values()):
            return
        for keys in marshal.loads(self.state.packed):
            now = [
                (category, prefix, alignment, references - more.get((of, index), 0), suffix, of, index)
                for category, prefix, alignment, references, suffix, of, index in keys
            ]
            if now != sorted(now):
                raise Unusable("the order of packed data changed")

    def _check_added(self, match: Match) -> None:
        """Whether nobody can ask for what an object newly defines."""
        names = [name for _, flags, name, _, _, _ in match.added if not flags & SymbolFlag.BINDING_LOCAL]
        if not names:
            return
        options = self.options
        if options.export_all or options.export_dynamic:
            raise Unusable("a new definition is exported")
        known = {*marshal.loads(self.state.names), *self.added_names}
        asked = {*options.exports, *options.exports_if_defined, *options.undefined, options.entry, options.start}
        for name in names:
            if name in known or name.startswith(b"__") or name.decode("utf-8", "surrogateescape") in asked:
                raise Unusable("a new definition is asked for")
        self.added_names.update(names)

    @staticmethod
    def _place_functions(file: ObjectInput, known: Decisions, match: Match) -> None:
        """And whatever else is numbered, as in the last link."""
        numbers = column(known.function_numbers)
        file.function_live = bytearray(old != ADDED and known.function_live[old] for old in match.functions)
        file.function_numbers = [NO_NUMBER if old == ADDED else numbers[old] for old in match.functions]
        file.function_slots = {
            index: known.slots[old] for index, old in enumerate(match.functions) if old in known.slots
        }
        old_types = {signature: index for index, signature in reversed(list(enumerate(match.before.types)))}
        file.type_numbers = {
            index: known.types[old]
            for index, signature in enumerate(file.object.types)
            if (old := old_types.get(signature)) in known.types
        }
        _number_others(file, known)

    @staticmethod
    def _place(segment: InputSegment, place: tuple[int, int, int, int] | None) -> None:
        if place is not None:
            segment.live = True
            segment.output = OutputSegment(b"")
            segment.output.address, segment.offset = place[:2]

    def _check_strings(self, pieces: StringPieces | None, offsets: list[int], start: int) -> None:
        """Whether strings are those that were merged: then each is found where it was put."""
        assert pieces is not None
        strings = [string[::-1] for string in pieces.backwards]
        if len(strings) != len(offsets) or start < 0:
            raise Unusable("strings changed")
        module = self.module
        for string, offset in zip(strings, offsets):
            end = start + offset + len(string)
            if module[start + offset : end] != string or module[end]:
                raise Unusable("strings changed")
        pieces.offsets = offsets

    def _resolve(self, known: Decisions, file: ObjectInput, match: Match) -> None:
        """The symbols of a changed object: those of the last link, which defines the same."""
        obj = file.object
        rows = column(known.symbols)
        if len(rows) != len(match.before.symbols):
            raise Unusable("an object has symbols that its symbol table does not tell of")
        for (kind, flags, name, index, offset, _), old in zip(obj.symbols, match.symbols):
            row = -1 if old == ADDED else rows[old]
            if row >= 0:
                file.symbols.append(self._symbol(row))
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

    def _symbol(self, row: int) -> Symbol:
        """A symbol that the object does not define."""
        symbol = self.foreign.get(row)
        if symbol is not None:
            return symbol
        (kind, state, flags, ordinal, index, value, segment, number, slot, got, referenced, is_stub, stub) = (
            self.foreign_rows[ROW * row : ROW * row + ROW]
        )
        symbol = self.foreign[row] = Symbol(b"", kind, state, flags, None)
        if ordinal != NO_FILE:
            symbol.file = self.file(ordinal)
        symbol.index, symbol.value, symbol.number, symbol.slot, symbol.got_number = index, value, number, slot, got
        symbol.referenced, symbol.is_stub = bool(referenced), bool(is_stub)
        if segment >= 0:
            assert symbol.file is not None
            symbol.segment = symbol.file.segments[segment]
            if symbol.segment.pieces is not None:
                raise Unusable("another object's merged string is named")
        if stub >= 0:
            symbol.stub = Symbol(b"", _FUNCTION, UNDEFINED, 0, None)
            symbol.stub.number = stub
        return symbol

    def file(self, ordinal: int) -> LinkedFile:
        """A file of the last link, as far as symbols in it are asked for their places."""
        file = self.stand_ins.get(ordinal)
        if file is not None:
            return file
        known = self.decisions(ordinal)
        if ordinal == INTERNAL:
            file = SyntheticFile("", gc_sections=True)
        else:
            # Its functions stand in the module, as in an object.
            obj = ObjectFile(self.code, read=False)
            obj.sections = [Section(SectionId.CODE, b"", 0, len(self.code))]
            obj.code_section = 0
            obj.function_offsets = column(known.function_offsets).tolist()
            source = ObjectSource(self.code, 0, len(self.code), self.state.files[ordinal].path)
            file = ObjectInput(source, gc_sections=True, parsed=obj)
        self.stand_ins[ordinal] = file
        file.function_live = bytearray(known.function_live)
        file.function_numbers = column(known.function_numbers).tolist()
        file.function_offsets = column(known.function_offsets).tolist()
        file.function_slots = known.slots
        _number_others(file, known)
        for index, place in enumerate(known.segments):
            segment = InputSegment(file, index, b"", 0, place[3] if place is not None else 0, 0)
            self._place(segment, place)
            pieces = known.segment_pieces.get(index)
            if pieces is not None:
                # Where the strings start in the object is not recorded: symbols in them are refused.
                segment.pieces = StringPieces(b"\0")
                segment.pieces.offsets = pieces
            file.segments.append(segment)
        return file

    # The module

    def chunks(self) -> list[Chunk]:
        for output in self.merging:
            self._merge(output)
        self._move_functions()
        moved = self._move_sections()
        pieces: list[tuple[int, int, list[Chunk]]] = []
        self._correct(moved, pieces)
        self._replace_code(pieces)
        self._replace_data()
        self._replace_sections(pieces)
        out: list[Chunk] = []
        position = 0
        for start, end, chunks in sorted(pieces, key=lambda piece: piece[0]):
            out.append(self.module[position:start])
            out += chunks
            position = end
        out.append(self.module[position:])
        return out

    def _merge(self, output: int) -> None:
        """Merge the strings of a custom section again: those of the unchanged objects, which stand in the module, and
        those of the changed ones."""
        _, _, start, end = self.state.custom[output]
        contents = bytes(self.module[start:end])
        kept: set[int] = set()
        before: set[int] = set()
        changed: list[InputSection] = []
        for ordinal, known in enumerate(self.state.files):
            for index in [index for index, (of, _, _) in known.sections.items() if of == output]:
                packed = known.pieces.get(index)
                if packed is None:
                    raise Unusable("a section of strings is empty")
                file = self.new.get(ordinal)
                if file is None:
                    kept.update(column(packed, "I"))
                    continue
                section = file.custom_sections[self.matches[ordinal].sections.index(index)]
                section.pieces = _split(section)
                changed.append(section)
                before.update(column(packed, "I"))
        strings_of = [
            (section.pieces, [string[::-1] for string in section.pieces.backwards])
            for section in changed
            if section.pieces is not None
        ]
        wanted = {string for _, strings in strings_of for string in strings}
        known_places = {contents[offset : contents.index(0, offset)]: offset for offset in before}
        stay = {string: offset for string, offset in known_places.items() if string in wanted}
        kept.update(stay.values())
        merged = self.merged[output] = Remerged(contents, kept, before - kept, wanted - stay.keys())
        places = merged.placed
        places.update((string, merged.moved[offset]) for string, offset in stay.items())
        for pieces, strings in strings_of:
            pieces.offsets = [places[string] for string in strings]

    def _move_functions(self) -> None:
        """Where each file's functions stand now: ``shifts`` counts how much later, by file."""
        shift = 0
        self.shifts: list[int] = []
        self.code_sizes: dict[int, int] = {}
        for ordinal, known in enumerate(self.state.files):
            self.shifts.append(shift)
            file = self.new.get(ordinal)
            if file is None:
                continue
            starts = file.object.function_offsets
            offsets = [0] * len(file.function_live)
            position = known.code_start + shift
            for first, after in live_function_runs(file):
                distance = position - starts[first]
                offsets[first:after] = [start + distance for start in starts[first:after]]
                position += starts[after] - starts[first]
            file.function_offsets = offsets
            self.code_sizes[ordinal] = position - known.code_start - shift
            shift += self.code_sizes[ordinal] - known.code_size
        self.code_growth = shift
        for ordinal, stand_in in self.stand_ins.items():
            if ordinal in self.new:
                # Its functions moved one by one; a changed object's debug information may name those of another.
                for index in {s.index for s in self.foreign.values() if s.file is stand_in and s.kind == _FUNCTION}:
                    if stand_in.function_live[index]:
                        stand_in.function_offsets[index] += self._function_shift(ordinal, index)
            elif ordinal != INTERNAL and self.shifts[ordinal]:
                stand_in.function_offsets = [offset + self.shifts[ordinal] for offset in stand_in.function_offsets]

    def _move_sections(self) -> list[dict[int, int]]:
        """How much later each custom section stands in its output section, by file; 0 is left out."""
        growth = [0] * len(self.state.custom)
        for output, strings in self.merged.items():
            _, _, start, end = self.state.custom[output]
            growth[output] = len(strings.contents) - (end - start)
        moved: list[dict[int, int]] = []
        for ordinal, known in enumerate(self.state.files):
            file = self.new.get(ordinal)
            if file is None and not any(growth):
                moved.append({})
                continue
            own: dict[int, int] = {}
            for index, (output, _, size) in known.sections.items():
                if index in known.pieces:
                    continue
                if growth[output]:
                    own[index] = growth[output]
                if file is not None:
                    section = file.custom_sections[self.matches[ordinal].sections.index(index)]
                    section.offset += growth[output]
                    growth[output] += section.size - size
            moved.append(own)
        self.section_growth = growth
        return moved

    def _correct(self, moved: list[dict[int, int]], pieces: list[tuple[int, int, list[Chunk]]]) -> None:
        """Correct what the unchanged objects tell of places that moved: in the module, or in pieces of it that several
        processes fill."""
        columns = self.state.columns
        sections: list[tuple[int, int, int, int, int]] = []
        cost = room = 0
        for ordinal, of_file in enumerate(self.state.moving):
            if ordinal in self.new:
                continue
            for index, (first, after) in of_file.items():
                if self.shifts[ordinal] or columns[first + 1] or moved[ordinal] or self.merged:
                    output, offset, size = self.state.files[ordinal].sections[index]
                    sections.append((ordinal, first, after, self.state.custom[output][2] + offset, size))
                    cost += after - first
                    room += size
        processes = allowed_processes(self.options.threads)
        work = None
        if processes > 1 and cost >= 2 * WORTH_A_PROCESS:
            with suppress(OSError):
                work = SharedWork(processes, room, WORTH_A_PROCESS)
        if work is None:
            for ordinal, first, after, start, size in sections:
                self._correct_section(self.module[start : start + size], moved[ordinal], ordinal, first, after)
            return
        for ordinal, first, after, start, size in sections:
            memory = work.memory(size)
            pieces.append((start, start + size, [memory]))
            work.add(
                ordinal, after - first, partial(self._corrected, memory, start, moved[ordinal], ordinal, first, after)
            )
        with work:
            pass

    def _corrected(self, memory: memoryview, start: int, moved: dict[int, int], *place: int) -> None:
        memory[:] = self.module[start : start + len(memory)]
        self._correct_section(memory, moved, *place)

    def _correct_section(
        self, section: memoryview, own_sections: dict[int, int], ordinal: int, first: int, after: int
    ) -> None:
        """
        :param own_sections: the file's custom sections that moved, and how far.
        :param first: where the columns of the section's fields start, and ``after`` where they end.
        """
        columns, shift, known = self.state.columns, self.shifts[ordinal], self.state.files[ordinal]
        own, others = columns[first : first + HEAD]
        position = first + HEAD + own
        if shift and own:
            _add(section, columns[first + HEAD : position], repeat(shift))
        if others:
            triples = columns[position : position + others]
            position += others
            changes = [
                self._function_shift(target, function) if target in self.new else self.shifts[target]
                for target, function in zip(triples[1::3], triples[2::3])
            ]
            if any(changes):
                _add(section, triples[::3], changes)
        while position < after:
            target, count = columns[position : position + 2]
            position += 2
            offsets = columns[position : position + count]
            position += count
            if target in known.pieces:
                strings = self.merged.get(known.sections[target][0])
                if strings is not None:
                    _write(section, offsets, map(strings.moved.__getitem__, _fields(section, offsets)))
            elif target in own_sections:
                _add(section, offsets, repeat(own_sections[target]))

    def _function_shift(self, ordinal: int, function: int) -> int:
        """How much later the body of a changed object's function stands."""
        file = self.new[ordinal]
        known = self._function_shifts
        key = ordinal, function
        if key not in known:
            before = column(self.decisions(ordinal).function_offsets)[function]
            old = _size_bytes(self.code, before) + before
            obj = file.object
            now = self.matches[ordinal].functions.index(function)
            new = _size_bytes(obj.data, obj.sections[obj.code_section].start + obj.function_offsets[now])
            known[key] = file.function_offsets[now] + new - old
        return known[key]

    def _replace_code(self, pieces: list[tuple[int, int, list[Chunk]]]) -> None:
        start, end = self.state.code
        if self.code_growth:
            size = uleb(end - start)
            pieces.append((start - len(size), start, [uleb(end - start + self.code_growth)]))
        for ordinal, file in self.new.items():
            known = self.state.files[ordinal]
            if known.code_size:
                first = start + known.code_start
                pieces.append((first, first + known.code_size, list(self.relocator.code(file))))

    def _replace_data(self) -> None:
        for ordinal, file in self.new.items():
            data = None
            places = self.decisions(ordinal).segments
            for segment, old in zip(file.segments, self.matches[ordinal].segments):
                place = None if old == ADDED else places[old]
                if place is None or place[2] < 0 or segment.pieces is not None or not segment.size:
                    continue
                if data is None:
                    data = self.relocator.data(file)
                start = file.object.segments[segment.index].offset
                self.module[place[2] : place[2] + segment.size] = data[start : start + segment.size]

    def _replace_sections(self, pieces: list[tuple[int, int, list[Chunk]]]) -> None:
        for ordinal, file in self.new.items():
            known = self.state.files[ordinal]
            for index, (output, offset, size) in known.sections.items():
                if index not in known.pieces:
                    section = file.custom_sections[self.matches[ordinal].sections.index(index)]
                    start = self.state.custom[output][2] + offset
                    pieces.append((start, start + size, [self.relocator.section(section)]))
        for output, strings in self.merged.items():
            _, _, start, end = self.state.custom[output]
            pieces.append((start, end, [strings.contents]))
        for (_, header, _, end), growth in zip(self.state.custom, self.section_growth):
            if growth:
                # The id, then the size.
                size = end - header - 1
                length = len(uleb(size))
                while len(uleb(size - length)) < length:
                    length -= 1
                size -= length
                pieces.append((header + 1, header + 1 + length, [uleb(size + growth)]))


def _add(section: memoryview, offsets: Sequence[int], changes: Iterable[int]) -> None:
    """Add to 32-bit fields."""
    values = [(value + change) & 0xFFFFFFFF for value, change in zip(_fields(section, offsets), changes)]
    _write(section, offsets, values)


def _fields(section: memoryview, offsets: Sequence[int]) -> list[int]:
    """The 32-bit fields at these offsets."""
    return [value for (value,) in map(_U32.unpack_from, repeat(section), offsets)]


def _write(section: memoryview, offsets: Sequence[int], values: Iterable[int]) -> None:
    """Fill 32-bit fields."""
    deque(map(_U32.pack_into, repeat(section), offsets, values), maxlen=0)


def _size_bytes(data: bytes | memoryview, position: int) -> int:
    """How many bytes a size takes."""
    length = 1
    while data[position] >= 0x80:
        position += 1
        length += 1
    return length


def _imported(obj: ObjectFile, kind: int) -> int:
    """How many elements of a kind an object imports."""
    imports = {
        _FUNCTION: obj.imported_functions,
        SymbolKind.GLOBAL: obj.imported_globals,
        SymbolKind.TAG: obj.imported_tags,
        SymbolKind.TABLE: obj.imported_tables,
    }
    return len(imports[kind])


def _split(section: InputSection) -> StringPieces:
    try:
        return StringPieces(section.contents())
    except ValueError:
        raise Unusable("a section of strings is damaged") from None


def _number_others(file: LinkedFile, known: Decisions) -> None:
    """Globals, tags and tables: a changed object has the same."""
    file.global_numbers, file.tag_numbers, file.table_numbers = known.globals, known.tags, known.tables
    file.global_live, file.tag_live, file.table_live = (
        bytearray(number != NO_NUMBER for number in numbers) for numbers in (known.globals, known.tags, known.tables)
    )


def _check_references(match: Match, file: ObjectInput) -> Counter[int]:
    """Whether what is live refers to the same, and to nothing more than is in the output. By symbol of the old version,
    how many more references to data there are.

    :raises Unusable: it does not, or it is not certain.
    """
    before, after = match.before, match.after
    calls = set(_references(before, before.relocations(before.code_section)))
    new_calls = set(_references(after, file.relocations(after.code_section), match.symbols))
    for type_, target in calls ^ new_calls:
        if type_ == _CALL and target != ADDED:
            assert isinstance(target, int)
            if before.symbols[target][1] & _UNDEFINED_FLAG:
                # Whether a function is called decides what a wrong signature means.
                raise Unusable("what is called directly changed")
    old_live = [bool(live) for live in _live_before(match, file)]
    old_chunks = list(_chunks(before, old_live, None))
    new_live = [*map(bool, bytes(file.function_live)), *(segment.live for segment in file.segments)]
    new_chunks = list(_chunks(after, new_live, match.symbols))
    known = {pair for chunk in old_chunks for pair in chunk}
    by_old = {old: file.symbols[index] for index, old in enumerate(match.symbols) if old != ADDED}
    for one, other in zip(old_chunks, new_chunks):
        if one == other:
            continue
        had, has = set(one), set(other)
        if {i for t, i in had if t != _TYPE_INDEX} - {i for t, i in has if t != _TYPE_INDEX}:
            raise Unusable("a reference is gone")
        if any(isinstance(target, int) and target != ADDED and by_old[target].is_stub for _, target in had ^ has):
            # Whether its body is in the output depends on how it is referred to.
            raise Unusable("a reference to a stub changed")
        for type_, target in has - had:
            if target == ADDED:
                raise Unusable("something new is referred to")
            symbol = by_old[target] if isinstance(target, int) else None
            if (type_, target) in known and (symbol is None or not symbol.is_stub):
                continue
            if symbol is None or type_ not in _PLAIN or symbol.state != DEFINED or not symbol.is_live or symbol.is_stub:
                raise Unusable("a reference is new")
    if _first_uses(old_chunks, by_old) != _first_uses(new_chunks, by_old):
        raise Unusable("the order of first references changed")
    counts = Counter[int]()
    for chunks, sign in ((old_chunks, -1), (new_chunks, 1)):
        for chunk in chunks:
            for type_, target in chunk:
                if type_ in _COUNTED and isinstance(target, int):
                    counts[target] += sign
    return counts


_Reference = tuple[int, "int | bytes"]
"""A relocation's type, and what it names: a symbol of the old version, or :data:`ADDED`; a type's signature."""


def _references(obj: ObjectFile, relocs: Relocations, matches: Sequence[int] | None = None) -> list[_Reference]:
    indices = (
        relocs.indices
        if matches is None
        else [-1 if type_ == _TYPE_INDEX else matches[index] for type_, index in zip(relocs.types, relocs.indices)]
    )
    if _TYPE_INDEX not in relocs.types:
        return list(zip(relocs.types, indices))
    types = obj.types
    return [
        (type_, types[index] if type_ == _TYPE_INDEX else target)
        for type_, index, target in zip(relocs.types, relocs.indices, indices)
    ]


def _live_before(match: Match, file: ObjectInput) -> Iterator[int]:
    """The marks of the old version's functions, then of its segments."""
    functions, segments = [0] * len(match.before.functions), [0] * len(match.before.segments)
    for index, old in enumerate(match.functions):
        if old != ADDED:
            functions[old] = file.function_live[index]
    for segment, old in zip(file.segments, match.segments):
        if old != ADDED:
            segments[old] = segment.live
    yield from functions
    yield from segments


def _chunks(obj: ObjectFile, live: Sequence[bool], matches: Sequence[int] | None) -> Iterator[list[_Reference]]:
    """The references of each live function, then of each live segment."""
    relocs = obj.relocations(obj.code_section)
    found = _references(obj, relocs, matches)
    bounds = [bisect_left(relocs.offsets, start) for start in obj.function_offsets]
    functions = len(obj.functions)
    for function in range(functions):
        if live[function]:
            yield found[bounds[function] : bounds[function + 1]]
    relocs = obj.relocations(obj.data_section)
    found = _references(obj, relocs, matches)
    for is_live, segment in zip(live[functions:], obj.segments):
        if is_live:
            first = bisect_left(relocs.offsets, segment.offset)
            yield found[first : bisect_left(relocs.offsets, segment.offset + segment.size, first)]


def _first_uses(chunks: list[list[_Reference]], symbols: dict[int, Symbol]) -> list[tuple[str, int | bytes]]:
    """What takes places in the order in which it is first seen: types, stubs, table entries, entries of the global
    offset table."""
    found: dict[tuple[str, int | bytes], None] = {}
    for chunk in chunks:
        for type_, target in chunk:
            if isinstance(target, bytes):
                found["type", target] = None
                continue
            if symbols[target].stub is not None:
                # It is made where the function is first seen, and from there on the function takes no table entry.
                found["stub" if type_ not in TABLE_RELOCATIONS else "stub by address", target] = None
            if type_ in TABLE_RELOCATIONS:
                found["table", target] = None
            elif type_ in (R.GLOBAL_INDEX_LEB, R.GLOBAL_INDEX_I32) and symbols[target].kind != SymbolKind.GLOBAL:
                found["got", target] = None
    return list(found)
