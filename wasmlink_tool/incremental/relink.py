"""A link that begins with the module of the last one, where a few objects changed and no decision with them.

An object may change its code, the contents of its data and its custom sections. What it defines and asks for must be
the same, and whatever it newly refers to must be in the output already; then every index and every address stays. What
moves is where functions and custom sections stand, which debug information alone tells: the fields that do are
corrected in place, by what their target moved.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Final

from ..binary.constants import RelocationType as R
from ..binary.constants import SectionId, SymbolFlag, SymbolKind
from ..binary.leb128 import uleb
from ..binary.reader import FormatError
from ..binary.relocations import Relocations
from ..diagnostics import Diagnostics, FatalError, LinkError
from ..inputs.cache import ParseCache, cache_at, content_key
from ..inputs.files import InputFiles, ObjectSource
from ..inputs.object_file import ObjectFile, Section, is_wasm
from ..linking.chunks import NO_NUMBER, InputSegment, LinkedFile, ObjectInput, OutputSegment, SyntheticFile
from ..linking.live_relocations import live_function_runs
from ..linking.mark_live import TABLE_RELOCATIONS
from ..linking.relocate import Relocator
from ..linking.strings import StringPieces
from ..linking.symbols import DEFINED, UNDEFINED, Symbol
from ..options import DataOrder, Input, LinkOptions
from ..output.encoding import Chunk
from ..output.writer import check_writable
from . import state as states
from .record import END, INTERNAL, NO_FILE, ROW, is_recorded
from .stamps import is_unchanged
from .state import State, column

MOST_CHANGED: Final = 8
"""Objects. Where more changed than that since the state was recorded, it is time for a new one."""

_U32: Final = Struct("<I")
_ABSOLUTE: Final = SymbolFlag.ABSOLUTE
_UNDEFINED_FLAG: Final = SymbolFlag.UNDEFINED
_FUNCTION: Final = int(SymbolKind.FUNCTION)
_DATA: Final = int(SymbolKind.DATA)
_SECTION: Final = int(SymbolKind.SECTION)
_TYPE_INDEX: Final = R.TYPE_INDEX_LEB.value
_CALL: Final = R.FUNCTION_INDEX_LEB.value
_PLAIN: Final = frozenset(
    r.value for r in R if r.name.startswith(("FUNCTION_INDEX", "MEMORY_ADDR")) and "TLS" not in r.name
)
"""References that ask for nothing but that their target is in the output."""
_COUNTED: Final = frozenset(r.value for r in R if r.name.startswith("MEMORY_ADDR"))


class Unusable(Exception):  # noqa: N818  (no error: the ordinary link runs)
    """The state does not do; the text says why."""


@dataclass(frozen=True, slots=True)
class Relinked:
    """The chunks of the module, and what was read."""

    chunks: list[Chunk]
    files_read: tuple[str, ...]
    reused: int
    """Objects whose bytes were taken from the last module."""


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
        changed = _changed(options, state)
        chunks: list[Chunk] = [state.module]
        if changed:
            cache = cache_at(options.cache_directory, options.cache_limit)
            chunks = _Relink(options, state, changed, cache).chunks()
    except (Unusable, FatalError, FormatError, LinkError) as why:
        # Whatever is wrong, the ordinary link finds it again and says so.
        return str(why)
    return Relinked(chunks, tuple(path for path, _, _ in state.read), len(state.files) - len(changed))


def _changed(options: LinkOptions, state: State) -> dict[str, bytes]:
    """The contents of the objects that changed.

    :raises Unusable: something else did.
    """
    files = InputFiles(Diagnostics(), tuple(options.library_paths))
    paths = []
    for item in options.inputs:
        assert isinstance(item, Input)
        path = files.find_library(item.path, dynamic=item.shared) if item.library else item.path
        paths.append(path)
    if paths != state.inputs:
        raise Unusable("the list of input files differs")
    known = {path for path, _, _ in state.read}
    changed: dict[str, bytes] = {}
    for path, stamp, key in state.read:
        # Beside an archive there may be a list of what may stay undefined.
        imports = os.path.splitext(path)[0] + ".imports"
        if not is_unchanged(path, stamp):
            try:
                with open(path, "rb") as file:
                    data = file.read()
            except (OSError, ValueError):
                raise Unusable("a file cannot be read") from None
            if content_key(data) != key:
                if len(changed) == MOST_CHANGED or paths.count(path) != 1 or not is_wasm(data):
                    raise Unusable("too much changed")
                changed[path] = data
        if path not in changed and not path.endswith(".o") and (imports in known) != os.path.exists(imports):
            raise Unusable("a list of undefined symbols came or went")
    return changed


class _Relink:
    def __init__(self, options: LinkOptions, state: State, changed: dict[str, bytes], cache: ParseCache) -> None:
        self.options = options
        self.state = state
        self.module = state.module
        self.relocator = Relocator(state.table_base)
        self.cache = cache
        self.stand_ins: dict[int, LinkedFile] = {}
        self.foreign_rows = column(state.foreign, "q")
        self.foreign: dict[int, Symbol] = {}
        self.new: dict[int, ObjectInput] = {}
        by_path = {file.path: i for i, file in enumerate(state.files) if not file.member}
        for path, data in changed.items():
            ordinal = by_path.get(path)
            if ordinal is None:
                raise Unusable("a changed object was not linked")
            self.new[ordinal] = self._object(ordinal, path, data)

    # The changed objects

    def _object(self, ordinal: int, path: str, data: bytes) -> ObjectInput:
        known = self.state.files[ordinal]
        before = self.cache.find_object(known.key)
        if before is None:
            raise Unusable("the changed object's last version is not in the cache")
        file = ObjectInput(ObjectSource(data, 0, len(data), path), gc_sections=True)
        if not _same_interface(before, file.object):
            raise Unusable("what an object defines or asks for changed")
        file.function_live = bytearray(known.function_live)
        file.function_numbers = column(known.function_numbers).tolist()
        file.function_slots = known.slots
        file.type_numbers = known.types
        file.global_numbers = known.globals
        file.global_live = bytearray(number != NO_NUMBER for number in known.globals)
        file.tag_numbers = known.tags
        file.tag_live = bytearray(number != NO_NUMBER for number in known.tags)
        file.table_numbers = known.tables
        file.table_live = bytearray(number != NO_NUMBER for number in known.tables)
        for segment, place in zip(file.segments, known.segments):
            self._place(segment, place)
            if segment.index in known.segment_pieces:
                assert place is not None
                segment.split()
                self._check_strings(segment.pieces, known.segment_pieces[segment.index], place[2])
        for index in known.discarded:
            file.custom_sections[index].discarded = True
        for index, (output, offset, _) in known.sections.items():
            section = file.custom_sections[index]
            section.offset = offset
            if index in known.pieces:
                try:
                    section.pieces = StringPieces(section.contents())
                except ValueError:
                    raise Unusable("a merged section changed") from None
                start = self.state.custom[output][2] + offset
                self._check_strings(section.pieces, column(known.pieces[index], "I").tolist(), start)
        self._resolve(ordinal, file)
        _check_references(before, file, self.options)
        return file

    @staticmethod
    def _place(segment: InputSegment, place: tuple[int, int, int] | None) -> None:
        if place is not None:
            segment.live = True
            segment.output = OutputSegment(b"")
            segment.output.address, segment.offset = place[:2]

    def _check_strings(self, pieces: StringPieces | None, offsets: list[int], start: int) -> None:
        """Whether strings are those that were merged: then each is found where it was put."""
        assert pieces is not None
        if len(pieces.strings) != len(offsets) or start < 0:
            raise Unusable("strings changed")
        module = self.module
        for string, offset in zip(pieces.strings, offsets):
            end = start + offset + len(string)
            if module[start + offset : end] != string or module[end]:
                raise Unusable("strings changed")
        pieces.offsets = offsets

    def _resolve(self, ordinal: int, file: ObjectInput) -> None:
        """The symbols of a changed object: those of the last link, which defines the same."""
        obj = file.object
        rows = column(self.state.files[ordinal].symbols)
        if len(rows) != len(obj.symbols):
            raise Unusable("the symbol table changed")
        for info, row in zip(obj.symbols, rows):
            if row >= 0:
                file.symbols.append(self._symbol(row))
                continue
            if info.flags & _UNDEFINED_FLAG:
                raise Unusable("the symbol table changed")
            symbol = Symbol(info.name, info.kind, DEFINED, info.flags, file)
            if info.kind == _DATA:
                symbol.value = info.offset
                if not info.flags & _ABSOLUTE:
                    symbol.segment = file.segments[info.index]
            elif info.kind == _SECTION:
                symbol.index = info.index
                symbol.section = file.custom_sections.get(info.index)
            else:
                symbol.index = info.index - _imported(obj, info.kind)
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
        if stub >= 0:
            symbol.stub = Symbol(b"", _FUNCTION, UNDEFINED, 0, None)
            symbol.stub.number = stub
        return symbol

    def file(self, ordinal: int) -> LinkedFile:
        """A file of the last link, as far as symbols in it are asked for their places."""
        file = self.stand_ins.get(ordinal)
        if file is not None:
            return file
        if ordinal == INTERNAL:
            known = self.state.internal
            file = SyntheticFile("", gc_sections=True)
        else:
            known = self.state.files[ordinal]
            file = ObjectInput.__new__(ObjectInput)
            LinkedFile.__init__(file, known.path, gc_sections=True)
            # Its functions stand in the module, as in an object.
            file.object = ObjectFile.__new__(ObjectFile)
            file.object.data = self.module
            file.object.sections = [Section(int(SectionId.CODE), b"", *self.state.code)]
            file.object.code_section = 0
            file.object.function_offsets = column(known.function_offsets).tolist()
        self.stand_ins[ordinal] = file
        file.function_live = bytearray(known.function_live)
        file.function_numbers = column(known.function_numbers).tolist()
        file.function_offsets = column(known.function_offsets).tolist()
        file.function_slots = known.slots
        file.global_numbers, file.tag_numbers, file.table_numbers = known.globals, known.tags, known.tables
        for numbers, live in (
            (known.globals, file.global_live),
            (known.tags, file.tag_live),
            (known.tables, file.table_live),
        ):
            live += bytes(number != NO_NUMBER for number in numbers)
        for index, place in enumerate(known.segments):
            segment = InputSegment(file, index, b"", 0, 0, 0)
            self._place(segment, place)
            pieces = known.segment_pieces.get(index)
            if pieces is not None:
                # Nobody but the object itself names its strings.
                segment.pieces = StringPieces(b"\0")
                segment.pieces.offsets = pieces
            file.segments.append(segment)
        return file

    # The module

    def chunks(self) -> list[Chunk]:
        buffer = bytearray(self.module)
        self._move_functions()
        moved = self._move_sections()
        if any(moved[i] or self.shifts[i] for i in range(len(moved))):
            self._correct(buffer, moved)
        pieces: list[tuple[int, int, list[Chunk]]] = []
        self._replace_code(pieces)
        self._replace_data(buffer)
        self._replace_sections(pieces)
        out: list[Chunk] = []
        view = memoryview(buffer)
        position = 0
        for start, end, chunks in sorted(pieces, key=lambda piece: piece[0]):
            out.append(view[position:start])
            out += chunks
            position = end
        out.append(view[position:])
        return out

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
            if ordinal != INTERNAL and self.shifts[ordinal]:
                stand_in.function_offsets = [offset + self.shifts[ordinal] for offset in stand_in.function_offsets]

    def _move_sections(self) -> list[dict[int, int]]:
        """How much later each custom section stands in its output section, by file; 0 is left out."""
        growth = [0] * len(self.state.custom)
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
                    section = file.custom_sections[index]
                    section.offset += growth[output]
                    growth[output] += section.size - size
            moved.append(own)
        self.section_growth = growth
        return moved

    def _correct(self, buffer: bytearray, moved: list[dict[int, int]]) -> None:
        """Correct what the unchanged objects tell of places that moved."""
        columns, shifts = self.state.columns, self.shifts
        last = Counter[tuple[int, int]]()
        for ordinal, sections in enumerate(self.state.moving):
            if ordinal in self.new:
                continue
            known = self.state.files[ordinal]
            shift = shifts[ordinal]
            own_sections = moved[ordinal]
            for index, (first, own, others) in sections.items():
                output, offset, _ = known.sections[index]
                start = self.state.custom[output][2] + offset
                position = first + own
                if shift and own:
                    _add(buffer, start, columns[first:position], shift)
                if others:
                    triples = columns[position : position + others]
                    for at, target, function in zip(triples[::3], triples[1::3], triples[2::3]):
                        change = self._function_shift(last, target, function)
                        if change:
                            _add(buffer, start, (at,), change)
                    position += others
                if own_sections:
                    while columns[position] != END:
                        target, count = columns[position], columns[position + 1]
                        position += 2
                        if target in own_sections:
                            _add(buffer, start, columns[position : position + count], own_sections[target])
                        position += count

    def _function_shift(self, known: dict[tuple[int, int], int], ordinal: int, function: int) -> int:
        """How much later the body of a function of another file stands."""
        file = self.new.get(ordinal)
        if file is None:
            return self.shifts[ordinal]
        key = ordinal, function
        if key not in known:
            before = column(self.state.files[ordinal].function_offsets)[function]
            old = _size_bytes(self.module, self.state.code[0] + before) + before
            obj = file.object
            new = _size_bytes(obj.data, obj.sections[obj.code_section].start + obj.function_offsets[function])
            known[key] = file.function_offsets[function] + new - old
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

    def _replace_data(self, buffer: bytearray) -> None:
        for ordinal, file in self.new.items():
            data = None
            for segment, place in zip(file.segments, self.state.files[ordinal].segments):
                if place is None or place[2] < 0 or segment.pieces is not None or not segment.size:
                    continue
                if data is None:
                    data = self.relocator.data(file)
                start = file.object.segments[segment.index].offset
                buffer[place[2] : place[2] + segment.size] = data[start : start + segment.size]

    def _replace_sections(self, pieces: list[tuple[int, int, list[Chunk]]]) -> None:
        for ordinal, file in self.new.items():
            known = self.state.files[ordinal]
            for index, (output, offset, size) in known.sections.items():
                if index not in known.pieces:
                    start = self.state.custom[output][2] + offset
                    pieces.append((start, start + size, [self.relocator.section(file.custom_sections[index])]))
        for (_, header, _, end), growth in zip(self.state.custom, self.section_growth):
            if growth:
                # The id, then the size.
                size = end - header - 1
                length = len(uleb(size))
                while len(uleb(size - length)) < length:
                    length -= 1
                size -= length
                pieces.append((header + 1, header + 1 + length, [uleb(size + growth)]))


def _add(buffer: bytearray, start: int, offsets: Sequence[int], change: int) -> None:
    """Add to the 32-bit fields at ``offsets`` behind ``start``."""
    read, write = _U32.unpack_from, _U32.pack_into
    for offset in offsets:
        place = start + offset
        write(buffer, place, (read(buffer, place)[0] + change) & 0xFFFFFFFF)


def _size_bytes(data: bytes, position: int) -> int:
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
        int(SymbolKind.GLOBAL): obj.imported_globals,
        int(SymbolKind.TAG): obj.imported_tags,
        int(SymbolKind.TABLE): obj.imported_tables,
    }
    return len(imports[kind])


def _same_interface(before: ObjectFile, after: ObjectFile) -> bool:
    """Whether two versions of an object define and ask for the same, in the same order and of the same sizes."""
    return (
        all(getattr(before, name) == getattr(after, name) for name in _INTERFACE)
        and [(s.id, s.name) for s in before.sections] == [(s.id, s.name) for s in after.sections]
        and [s._replace(offset=0) for s in before.segments] == [s._replace(offset=0) for s in after.segments]
    )


_INTERFACE: Final = (
    "types",
    "imported_functions",
    "imported_tables",
    "imported_globals",
    "imported_tags",
    "is_64",
    "functions",
    "tables",
    "globals",
    "tags",
    "symbols",
    "init_functions",
    "comdats",
    "features",
    "producers",
    "export_names",
    "debug_names",
)


def _check_references(before: ObjectFile, file: ObjectInput, options: LinkOptions) -> None:
    """Whether what is live refers to the same, and to nothing more than is in the output.

    :raises Unusable: it does not, or it is not certain.
    """
    after = file.object
    old, new = before.relocations(before.code_section), file.relocations(after.code_section)
    old_calls, new_calls = ({i for t, i in set(zip(r.types, r.indices)) if t == _CALL} for r in (old, new))
    if any(after.symbols[i].flags & _UNDEFINED_FLAG for i in old_calls ^ new_calls):
        # Whether a function is called decides what a wrong signature means.
        raise Unusable("what is called directly changed")
    old_chunks = list(_chunks(before, file))
    new_chunks = list(_chunks(after, file))
    known = {pair for chunk in old_chunks for pair in chunk}
    for one, other in zip(old_chunks, new_chunks):
        if one == other:
            continue
        had, has = set(one), set(other)
        if {index for type_, index in had if type_ != _TYPE_INDEX} - {i for t, i in has if t != _TYPE_INDEX}:
            raise Unusable("a reference is gone")
        for type_, index in has - had:
            symbol = None if type_ == _TYPE_INDEX else file.symbols[index]
            if (type_, index) in known and (symbol is None or not symbol.is_stub):
                continue
            if symbol is None or type_ not in _PLAIN or symbol.state != DEFINED or not symbol.is_live or symbol.is_stub:
                raise Unusable("a reference is new")
    if _first_uses(old_chunks, file) != _first_uses(new_chunks, file):
        raise Unusable("the order of first references changed")
    if options.data_order is DataOrder.PACKED:
        counts = [
            Counter(index for chunk in chunks for type_, index in chunk if type_ in _COUNTED)
            for chunks in (old_chunks, new_chunks)
        ]
        if counts[0] != counts[1]:
            raise Unusable("references to data changed in number")


def _chunks(obj: ObjectFile, file: ObjectInput) -> Iterator[list[tuple[int, int]]]:
    """The relocations (type, index) of each live function, then of each live segment."""
    relocs = obj.relocations(obj.code_section)
    bounds = [bisect_left(relocs.offsets, start) for start in obj.function_offsets]
    for function, live in enumerate(bytes(file.function_live)):
        if live:
            yield _pairs(relocs, bounds[function], bounds[function + 1])
    relocs = obj.relocations(obj.data_section)
    for segment, info in zip(file.segments, obj.segments):
        if segment.live:
            first = bisect_left(relocs.offsets, info.offset)
            yield _pairs(relocs, first, bisect_left(relocs.offsets, info.offset + info.size, first))


def _pairs(relocs: Relocations, first: int, after: int) -> list[tuple[int, int]]:
    return list(zip(relocs.types[first:after], relocs.indices[first:after]))


def _first_uses(chunks: list[list[tuple[int, int]]], file: ObjectInput) -> list[tuple[str, int]]:
    """What takes places in the order in which it is first seen: types, table entries, entries of the global offset
    table."""
    found: dict[tuple[str, int], None] = {}
    for chunk in chunks:
        for type_, index in chunk:
            if type_ == _TYPE_INDEX:
                found["type", index] = None
            elif type_ in TABLE_RELOCATIONS:
                found["table", index] = None
            elif type_ in (R.GLOBAL_INDEX_LEB, R.GLOBAL_INDEX_I32) and file.symbols[index].kind != SymbolKind.GLOBAL:
                found["got", index] = None
    return list(found)
