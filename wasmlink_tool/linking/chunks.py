"""Chunks: input segments and custom sections, which the linker moves as a whole, and the files that contain them.

Functions are chunks too, but have no objects of their own: a function is (file, index), and the link's decisions about
it are in arrays of its file. An object-local :class:`ObjectFile` is never changed.
"""

from __future__ import annotations

from array import array

from ..binary.constants import MAGIC, VERSION, ComdatKind, SegmentFlag, SymbolKind
from ..binary.reader import FormatError
from ..binary.relocations import Relocations
from ..diagnostics import FatalError
from ..empty_collections import NO_ENTRIES, NO_ITEMS
from ..inputs.object_file import Comdat, Global, ObjectFile, TableType
from ..inputs.object_reader import read_object
from ..inputs.section_columns import Section, is_copied
from ..records import record
from .merged_strings import StringPieces
from .previous_file import PreviousFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

    from ..inputs.input_files import ObjectSource
    from .lazy_sections import LazySections
    from .lazy_symbols import LazySymbols
    from .output_segments import OutputSegment
    from .symbols import Symbol

NO_NUMBER: Final = -1
"""No index is assigned in the output's index space (yet)."""
MANY_SECTIONS: Final = 1000
"""The number of sections of a file from which on its custom sections are lazy."""
_UNNUMBERED: Final = array("i", (NO_NUMBER,))
_NO_NUMBERS: Final = array("i")
_NO_OFFSETS: Final = array("q")
_NO_SEGMENTS: Final[set[int]] = set()
_NO_BYTES: Final = bytearray()
_NO_SHRINKAGE: Final[tuple[list[int], list[int]]] = [], []


class InputSegment:
    """A data segment of an input, or one that the linker creates."""

    __slots__ = (
        "alignment",
        "file",
        "flags",
        "index",
        "live",
        "name",
        "offset",
        "output",
        "pieces",
        "size",
    )

    def __init__(self, file: LinkedFile, index: int, name: bytes, alignment: int, flags: int, size: int) -> None:
        self.file = file
        self.index = index
        self.name = name
        self.alignment = alignment
        """log2 of bytes."""
        self.flags = flags
        self.size = size
        self.live = False
        self.output: OutputSegment | None = None
        self.offset = 0
        """The offset in ``output``, in bytes; for merged strings, that of the merged chunk."""
        self.pieces: StringPieces | None = None

    @property
    def comdat(self) -> bytes:
        """Its COMDAT group."""
        return self.file.segment_comdats.get(self.index, b"")

    @property
    def discarded(self) -> bool:
        """True if it belongs to a COMDAT group that another file provides."""
        return self.index in self.file.discarded_segments

    @property
    def references(self) -> int:
        """The number of references from live relocations; counted for the packed order only."""
        return self.file.segment_references.get(self.index, 0)

    @references.setter
    def references(self, number: int) -> None:
        if self.file.segment_references is NO_ENTRIES:
            self.file.segment_references = {}
        self.file.segment_references[self.index] = number

    @property
    def is_tls(self) -> bool:
        return bool(self.flags & SegmentFlag.TLS)

    @property
    def is_retained(self) -> bool:
        return bool(self.flags & SegmentFlag.RETAIN)

    def contents(self) -> bytes:
        obj = self.file.object
        start = obj.sections.starts[obj.data_section] + obj.segments.offsets[self.index]
        return obj.data[start : start + self.size]

    def split(self) -> None:
        """Split a segment of strings into pieces, for merging.

        :raises FatalError: the last string has no terminating zero.
        """
        previous = self.file.previous
        known = None if previous is None else previous.strings(self.index)
        try:
            self.pieces = StringPieces(self.contents() if known is None else known)
        except ValueError as error:
            raise FatalError(f"{self}: {error}") from None

    def output_offset(self, offset: int) -> int:
        """Return the offset in the output segment of an input offset."""
        if self.pieces is not None:
            return self.offset + self.pieces.output_offset(offset)
        return self.offset + offset

    def address(self, offset: int) -> int:
        """Return the address in linear memory of an input offset."""
        output, pieces = self.output, self.pieces
        assert output is not None
        if pieces is not None:
            offset = pieces.output_offset(offset)
        return output.address + self.offset + offset

    def __str__(self) -> str:
        return f"{self.file.name}:({self.name.decode('utf-8', 'replace')})"


class InputSection:
    """A custom section of an input that is copied to the output."""

    __slots__ = ("discarded", "file", "index", "moved", "offset", "pieces", "section", "size")

    def __init__(self, file: LinkedFile, index: int, section: Section) -> None:
        self.file = file
        self.index = index
        """The index in the file's list of sections."""
        self.section = section
        self.size = section.size
        self.discarded = False
        self.offset = 0
        """The offset in the output section's contents, after its name; for merged strings, that of the merged chunk."""
        self.pieces: StringPieces | None = None
        self.moved: Callable[[int], int] | None = None
        """Maps an offset in the object's section to that in the section as it is written, if they differ."""

    @property
    def name(self) -> bytes:
        return self.section.name

    def contents(self) -> bytes:
        obj = self.file.object
        return obj.data[self.section.start : self.section.end]

    def split(self) -> None:
        """Split a section of strings into pieces, for merging.

        :raises FatalError: the last string has no terminating zero.
        """
        try:
            self.pieces = StringPieces(self.contents())
        except ValueError as error:
            raise FatalError(f"{self}: {error}") from None

    def output_offset(self, offset: int) -> int:
        if self.pieces is not None:
            return self.offset + self.pieces.output_offset(offset)
        if self.moved is not None:
            return self.offset + self.moved(offset)
        return self.offset + offset

    def __str__(self) -> str:
        return f"{self.file.name}:({self.name.decode('utf-8', 'replace')})"


@record(frozen=True)
class RewrittenSections:
    """The custom sections of an object that refers to compressed functions."""

    contents: Callable[[int], bytes]
    """Returns the contents of a custom section before relocation."""
    relocations: Callable[[int, Relocations], Relocations]
    """Returns the relocations of a custom section, given those of the object."""


NO_OBJECT: Final = read_object(MAGIC + VERSION + b"\0\x09\7linking\2")


class LinkedFile:
    """A file in the link, with the link's decisions about its functions, globals, tags and tables as arrays.

    All arrays count defined elements only, from 0. Linker-defined functions and globals are in files whose ``object``
    is empty; see :class:`.synthetic_file.SyntheticFile`.
    """

    __slots__ = (
        "_name",
        "at_turn",
        "compressed",
        "custom_sections",
        "discarded_segments",
        "export_names",
        "function_comdats",
        "function_debug_names",
        "function_discarded",
        "function_live",
        "function_names",
        "function_numbers",
        "function_offsets",
        "function_signatures",
        "function_slots",
        "gc_sections",
        "global_live",
        "global_names",
        "global_numbers",
        "globals",
        "live",
        "object",
        "previous",
        "rewritten",
        "segment_comdats",
        "segment_references",
        "segments",
        "shrinkage",
        "source",
        "started",
        "symbols",
        "table_live",
        "table_names",
        "table_numbers",
        "tables",
        "tag_discarded",
        "tag_live",
        "tag_names",
        "tag_numbers",
        "tag_signatures",
        "type_numbers",
    )

    def __init__(self, name: str, *, gc_sections: bool) -> None:
        self._name = name
        self.gc_sections = gc_sections
        self.object = NO_OBJECT
        self.source: ObjectSource | None = None
        self.previous: PreviousFile | None = None
        """The positions of the object's parts in the last module, if this link may copy from it."""
        self.started = 0
        """The rank of the file in the order in which resolution began with the objects."""
        self.at_turn = False
        """Whether it is an archive's member that was extracted when it was the archive's turn, since its symbols were
        undefined by then, and not later for a reference to a lazy symbol."""
        self.live = True
        """Whether the file's constructors and retained segments count: a file from an archive must first have
        something live in it."""
        self.symbols: list[Symbol] | LazySymbols = []
        self.function_names: list[bytes] = NO_ITEMS
        self.function_debug_names: dict[int, bytes] = NO_ENTRIES
        self.function_signatures: list[bytes] = NO_ITEMS
        self.function_live = _NO_BYTES
        self.function_discarded = _NO_BYTES
        self.function_numbers = _NO_NUMBERS
        """Indices in the output's function index space."""
        self.function_slots: dict[int, int] = NO_ENTRIES
        """The index in the indirect function table of each function."""
        self.export_names: dict[int, bytes] = NO_ENTRIES
        self.function_comdats: dict[int, bytes] = NO_ENTRIES
        """The COMDAT group of each function."""
        self.globals: list[Global] = NO_ITEMS
        self.global_names: list[bytes] = NO_ITEMS
        self.global_live = _NO_BYTES
        self.global_numbers = _NO_NUMBERS
        self.tag_names: list[bytes] = NO_ITEMS
        self.tag_signatures: list[bytes] = NO_ITEMS
        self.tag_live = _NO_BYTES
        self.tag_discarded = _NO_BYTES
        self.tag_numbers = _NO_NUMBERS
        self.tables: list[TableType] = NO_ITEMS
        self.table_names: list[bytes] = NO_ITEMS
        self.table_live = _NO_BYTES
        self.table_numbers = _NO_NUMBERS
        self.segments: list[InputSegment] = NO_ITEMS
        self.segment_comdats: dict[int, bytes] = NO_ENTRIES
        """The COMDAT group of each segment."""
        self.segment_references: dict[int, int] = NO_ENTRIES
        """The number of references to each segment; counted for the packed order only."""
        self.discarded_segments = _NO_SEGMENTS
        """The segments in COMDAT groups that another file provides."""
        self.custom_sections: dict[int, InputSection] | LazySections = NO_ENTRIES
        """Custom sections, by index in the object's list of sections."""
        self.function_offsets = _NO_OFFSETS
        """The offset of each function's entry in the output code section's contents, in bytes."""
        self.type_numbers: dict[int, int] = NO_ENTRIES
        self.compressed: dict[int, bytes] = NO_ENTRIES
        """The entry of each live function, if relocations are compressed."""
        self.shrinkage: tuple[list[int], list[int]] = _NO_SHRINKAGE
        """For each relocated number of compressed functions, its end in the input code section's contents, and the
        total number of bytes saved up to there."""
        self.rewritten: RewrittenSections | None = None
        """The custom sections, where they refer to compressed functions."""

    @property
    def name(self) -> str:
        """Its name in diagnostics. A path for each of an archive's members would take more than tiny members do."""
        return self._name if self.source is None else self.source.name

    @property
    def input(self) -> ObjectSource:
        """The source of an input file; synthetic files have none."""
        assert self.source is not None
        return self.source

    def set_slot(self, index: int, slot: int) -> None:
        """Record a function's index in the indirect function table."""
        if self.function_slots is NO_ENTRIES:
            self.function_slots = {}
        self.function_slots[index] = slot

    def set_type_number(self, index: int, number: int) -> None:
        """Record the index in the output's type section of a type that the object uses."""
        if self.type_numbers is NO_ENTRIES:
            self.type_numbers = {}
        self.type_numbers[index] = number

    def function_size(self, index: int) -> int:
        """Return the size of a function's entry, including its size field, in bytes."""
        raise NotImplementedError

    def relocations(self, section: int) -> Relocations:
        """Return the relocations of a section of the file's object.

        :raises FatalError: they are damaged.
        """
        try:
            relocs = self.object.relocations(section)
        except FormatError as error:
            raise FatalError(f"{self.name}: {error}") from None
        if self.rewritten is not None and not self.object.sections.ids[section]:
            return self.rewritten.relocations(section, relocs)
        return relocs

    def section_contents(self, section: int) -> bytes:
        """Return the contents of a section before relocation."""
        place = self.object.sections[section]
        if self.rewritten is not None and not place.id:
            return self.rewritten.contents(section)
        return self.object.data[place.start : place.end]

    def describe_function(self, index: int) -> str:
        return f"{self.name}:({self.function_names[index].decode('utf-8', 'backslashreplace')})"


class ObjectInput(LinkedFile):
    """An object file in the link."""

    __slots__ = ()

    def __init__(self, source: ObjectSource, *, gc_sections: bool, parsed: ObjectFile | None = None) -> None:
        """:param parsed: the parsed object, if it is known."""
        super().__init__("", gc_sections=gc_sections)
        obj = parsed or source.parse()
        self.object = obj
        self.source = source
        self.live = source.eager
        all_live = b"\0" if gc_sections else b"\1"
        types = obj.types
        # Nearly all objects lack one kind of element or another: theirs remain the shared empty collections.
        if obj.functions:
            count = len(obj.functions)
            self.function_signatures = [types[i] for i in obj.functions]
            self.function_live = bytearray(all_live * count)
            self.function_discarded = bytearray(count)
            self.function_numbers = _UNNUMBERED * count
            self.function_names = obj.function_names
            self.function_debug_names = obj.debug_names
            self.export_names = obj.export_names
        if obj.globals:
            count = len(obj.globals)
            self.globals = obj.globals
            self.global_names = _own_names(obj, SymbolKind.GLOBAL, len(obj.imported_globals), count)
            self.global_live = bytearray(all_live * count)
            self.global_numbers = _UNNUMBERED * count
        if obj.tags:
            count = len(obj.tags)
            self.tag_names = _own_names(obj, SymbolKind.TAG, len(obj.imported_tags), count)
            self.tag_signatures = [types[i] for i in obj.tags]
            self.tag_live = bytearray(all_live * count)
            self.tag_discarded = bytearray(count)
            self.tag_numbers = _UNNUMBERED * count
        if obj.tables:
            count = len(obj.tables)
            self.tables = obj.tables
            self.table_names = _own_names(obj, SymbolKind.TABLE, len(obj.imported_tables), count)
            self.table_live = bytearray(all_live * count)
            self.table_numbers = _UNNUMBERED * count
        if obj.segments:
            columns = obj.segments
            fields = zip(columns.names, bytes(columns.alignments), columns.flags, columns.sizes)
            self.segments = [
                InputSegment(self, i, name, alignment, flags, size)
                for i, (name, alignment, flags, size) in enumerate(fields)
            ]
            if not gc_sections:
                for segment in self.segments:
                    segment.live = True
        self._add_custom_sections()

    def _add_custom_sections(self) -> None:
        sections = self.object.sections
        if len(sections) >= MANY_SECTIONS:
            from .lazy_sections import LazySections  # Few files have very many.

            self.custom_sections = LazySections(sections, self._custom_section)
            return
        copied = {i: InputSection(self, i, section) for i, section in enumerate(sections) if is_copied(section)}
        if copied:
            self.custom_sections = copied

    def _custom_section(self, index: int) -> InputSection:
        return InputSection(self, index, self.object.sections[index])

    def join_group(self, comdat: Comdat, *, discarded: bool) -> None:
        """Note a COMDAT group that the file has.

        :param discarded: whether another file provides it.
        """
        obj = self.object
        for kind, index in comdat.members:
            if kind == ComdatKind.DATA:
                if self.segment_comdats is NO_ENTRIES:
                    self.segment_comdats = {}
                self.segment_comdats[index] = comdat.name
                if discarded:
                    self.discard_segment(index)
            elif kind == ComdatKind.FUNCTION:
                number = index - len(obj.imported_functions)
                if self.function_comdats is NO_ENTRIES:
                    self.function_comdats = {}
                self.function_comdats[number] = comdat.name
                self.function_discarded[number] = discarded
            elif kind == ComdatKind.TAG:
                self.tag_discarded[index - len(obj.imported_tags)] = discarded
            elif kind == ComdatKind.SECTION and index in self.custom_sections:
                self.custom_sections[index].discarded = discarded

    def discard_segment(self, index: int) -> None:
        """Discard a segment with its COMDAT group."""
        if self.discarded_segments is _NO_SEGMENTS:
            self.discarded_segments = set()
        self.discarded_segments.add(index)

    def forget_rewritten(self) -> None:
        """Make custom sections those of the object again, before functions are compressed otherwise."""
        if self.rewritten is not None:
            self.rewritten = None
            for section in self.custom_sections.values():
                if section.moved is not None:
                    section.moved = None
                    section.size = section.section.size

    def function_size(self, index: int) -> int:
        if self.compressed:
            return len(self.compressed[index])
        offsets = self.object.function_offsets
        return offsets[index + 1] - offsets[index]


def _own_names(obj: ObjectFile, kind: int, imported: int, defined: int) -> list[bytes]:
    """Return the names of an object's own globals, tags or tables: for each, the name of its first symbol."""
    names = [b""] * defined
    for of_kind, _, name, index, _, _ in obj.symbols:
        if of_kind == kind and index >= imported and not names[index - imported]:
            names[index - imported] = name
    return names
