"""The last link for the links that start from it: its decisions, and stand-ins for its files."""

from __future__ import annotations

from array import array

from ..binary.constants import SectionId, SymbolKind
from ..inputs.input_files import ObjectSource
from ..inputs.object_file import ObjectFile
from ..linking.chunks import NO_NUMBER, InputSegment, LinkedFile, ObjectInput
from ..linking.merged_strings import StringPieces
from ..linking.output_segments import OutputSegment
from ..linking.symbols import UNDEFINED, Symbol
from ..linking.synthetic_file import SyntheticFile
from .last_module import LastSections
from .match_objects import Unusable
from .state import INTERNAL, NO_FILE, ROW, Decisions, State, column


class LastLink:
    """A state, unpacked on demand."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.module = memoryview(state.module[0])
        """The module, which is patched in place."""
        self._code: bytes | None = None
        self._sections: LastSections | None = None
        self.files: dict[int, LinkedFile] = {}
        """The files that were looked up, by link order."""
        self.symbols: dict[int, Symbol] = {}
        """The symbols that were looked up, by row."""
        self._decisions: dict[int, Decisions] = {}
        self._rows = column(state.foreign, "q")

    @property
    def code(self) -> bytes:
        """Return the contents of the code section; of functions, only the sizes are certain to be the original ones."""
        if self._code is None:
            first, after = self.state.code
            self._code = bytes(self.module[first:after])
        return self._code

    @property
    def sections(self) -> LastSections:
        """Return where the sections are in the module."""
        if self._sections is None:
            self._sections = LastSections(self.module)
        return self._sections

    def forget(self) -> None:
        """Forget the files and symbols that were looked up."""
        self.files.clear()
        self.symbols.clear()

    def decisions(self, ordinal: int) -> Decisions:
        found = self._decisions.get(ordinal)
        if found is None:
            known = self.state.internal if ordinal == INTERNAL else self.state.files[ordinal]
            found = self._decisions[ordinal] = known.decisions()
        return found

    def symbol(self, row: int) -> Symbol:
        """Return a symbol that an object does not define itself."""
        symbol = self.symbols.get(row)
        if symbol is not None:
            return symbol
        symbol = self.symbols[row] = symbol_of_row(self._rows, row)
        ordinal, segment = self._rows[ROW * row + 3], self._rows[ROW * row + 6]
        if ordinal != NO_FILE:
            symbol.file = self.file(ordinal)
        if segment >= 0:
            assert symbol.file is not None
            symbol.segment = symbol.file.segments[segment]
            if symbol.segment.pieces is not None:
                raise Unusable("a reference to another object's merged string")
        return symbol

    def check_strings(self, pieces: StringPieces | None, offsets: list[int], start: int) -> None:
        """Check that the merged strings are unchanged, so that each keeps its position."""
        assert pieces is not None
        strings = pieces.strings()
        if len(strings) != len(offsets) or start < 0:
            raise Unusable("strings changed")
        module = self.module
        for string, offset in zip(strings, offsets):
            end = start + offset + len(string)
            if module[start + offset : end] != string or module[end]:
                raise Unusable("strings changed")
        pieces.offsets = offsets

    def file(self, ordinal: int) -> LinkedFile:
        """Return a file of the last link, with the data needed to locate its symbols."""
        file = self.files.get(ordinal)
        if file is not None:
            return file
        known = self.decisions(ordinal)
        if ordinal == INTERNAL:
            file = SyntheticFile("", gc_sections=True)
        else:
            # Its functions are in the module, as in an object.
            obj = ObjectFile(self.code)
            obj.sections.append(SectionId.CODE, b"", 0, len(self.code))
            obj.code_section = 0
            obj.function_offsets = array("q", column(known.function_offsets))
            source = ObjectSource(self.code, 0, len(self.code), self.state.files[ordinal].path)
            file = ObjectInput(source, gc_sections=True, parsed=obj)
        self.files[ordinal] = file
        file.function_live = bytearray(known.function_live)
        file.function_numbers = array("i", column(known.function_numbers))
        file.function_offsets = array("q", column(known.function_offsets))
        file.function_slots = known.slots
        number_others(file, known)
        file.segments = []
        for index, place in enumerate(known.segments):
            segment = InputSegment(file, index, b"", 0, place[3] if place is not None else 0, 0)
            place_segment(segment, place)
            pieces = known.segment_pieces.get(index)
            if pieces is not None:
                # The offset of the strings in the object is not recorded: symbols in them are not supported.
                segment.pieces = StringPieces(b"\0")
                segment.pieces.offsets = pieces
            file.segments.append(segment)
        return file


def symbol_of_row(rows: array[int], row: int) -> Symbol:
    """Return a symbol of the last link, without its file and segment."""
    kind, state, flags, _, index, value, _, number, slot, got, referenced, is_stub, stub = rows[
        ROW * row : ROW * row + ROW
    ]
    symbol = Symbol(b"", kind, state, flags, None)
    symbol.index, symbol.value, symbol.number, symbol.slot, symbol.got_number = index, value, number, slot, got
    symbol.referenced, symbol.is_stub = bool(referenced), bool(is_stub)
    if stub >= 0:
        symbol.stub = Symbol(b"", SymbolKind.FUNCTION, UNDEFINED, 0, None)
        symbol.stub.number = stub
    return symbol


def place_segment(segment: InputSegment, place: tuple[int, int, int, int] | None) -> None:
    if place is not None:
        segment.live = True
        segment.output = OutputSegment(b"")
        segment.output.address, segment.offset = place[:2]


def number_others(file: LinkedFile, known: Decisions) -> None:
    """Number globals, tags and tables, which a changed object cannot add or remove."""
    file.global_numbers = array("i", known.globals)
    file.tag_numbers = array("i", known.tags)
    file.table_numbers = array("i", known.tables)
    file.global_live, file.tag_live, file.table_live = (
        bytearray(number != NO_NUMBER for number in numbers) for numbers in (known.globals, known.tags, known.tables)
    )
