"""Relocatable object files (Linking.md): one parse, to data that depends on the file alone.

Function bodies, data and custom sections stay slices of the input; relocations are decoded when a pass asks for them.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from functools import lru_cache
from itertools import compress

from ..binary import relocations
from ..binary.constants import (
    FUNCTION_TYPE,
    LIMITS_IS_64,
    LINKING_VERSION,
    MAGIC,
    SECTION_NAMES,
    VERSION,
    ComdatKind,
    ExternalKind,
    LinkingSubsection,
    NameSubsection,
    Opcode,
    SectionId,
    SegmentFlag,
    SymbolFlag,
    SymbolKind,
)
from ..binary.leb128 import uleb
from ..binary.reader import FormatError, Reader, uleb_at
from ..binary.relocation_types import FROM_PLACE, RELOCATION_NAMES, TARGETS, VALUE, WIDTH, type_name
from ..binary.relocation_types import RelocationType as R
from ..binary.relocations import NO_RELOCATIONS, Relocations
from .known_files import UnreadFile
from .section_order import SectionOrder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_FUNCTION: Final = SymbolKind.FUNCTION
_DATA: Final = SymbolKind.DATA
_GLOBAL: Final = SymbolKind.GLOBAL
_SECTION: Final = SymbolKind.SECTION
_TAG: Final = SymbolKind.TAG
_TABLE: Final = SymbolKind.TABLE
_WEAK: Final = SymbolFlag.BINDING_WEAK
_LOCAL: Final = SymbolFlag.BINDING_LOCAL
_TYPE_INDEX: Final = R.TYPE_INDEX_LEB
_UNDEFINED: Final = SymbolFlag.UNDEFINED
_EXPLICIT_NAME: Final = SymbolFlag.EXPLICIT_NAME
_ABSOLUTE: Final = SymbolFlag.ABSOLUTE
_ENV: Final = b"\3env"
_FUNCTION_TABLE: Final = b"__indirect_function_table"
_TLS_NAMES: Final = (b".tdata", b".tbss")
_KIND_TEXTS: Final = {_FUNCTION: "function", _GLOBAL: "global", _TAG: "tag", _TABLE: "table"}


class GlobalType:
    __slots__ = ("mutable", "value_type")

    def __init__(self, value_type: bytes, mutable: bool) -> None:
        self.value_type = value_type
        self.mutable = mutable

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GlobalType) and (self.value_type, self.mutable) == (other.value_type, other.mutable)

    def __hash__(self) -> int:
        return hash((self.value_type, self.mutable))


class TableType:
    __slots__ = ("element_type", "flags", "maximum", "minimum")

    def __init__(self, element_type: bytes, flags: int, minimum: int, maximum: int | None) -> None:
        self.element_type = element_type
        self.flags = flags
        self.minimum = minimum
        self.maximum = maximum

    def _fields(self) -> tuple[bytes, int, int, int | None]:
        return self.element_type, self.flags, self.minimum, self.maximum

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TableType) and self._fields() == other._fields()

    def __hash__(self) -> int:
        return hash(self._fields())


class Import:
    """``type`` is a type index for functions and tags."""

    __slots__ = ("field", "module", "type")

    def __init__(self, module: bytes, field: bytes, type_: int | GlobalType | TableType) -> None:
        self.module = module
        self.field = field
        self.type = type_


class Global:
    """``initializer`` is a constant expression with its ``end``."""

    __slots__ = ("initializer", "type")

    def __init__(self, type_: GlobalType, initializer: bytes) -> None:
        self.type = type_
        self.initializer = initializer


class Section:
    """Where a section's contents stand in the file. For a custom section, ``start`` is behind its name, and so is
    the origin of the offsets of relocations that apply to it."""

    __slots__ = ("end", "id", "name", "start")

    def __init__(self, id_: int, name: bytes, start: int, end: int) -> None:
        self.id = id_
        self.name = name
        self.start = start
        self.end = end


class Segment:
    """A data segment: ``alignment`` is log2 of bytes, ``offset`` that of the contents, in bytes from the start of the
    data section's contents."""

    __slots__ = ("alignment", "flags", "name", "offset", "size")

    def __init__(self, name: bytes, alignment: int, flags: int, offset: int, size: int) -> None:
        self.name = name
        self.alignment = alignment
        self.flags = flags
        self.offset = offset
        self.size = size


SymbolInfo = tuple[int, int, bytes, int, int, int]
"""One entry of the symbol table: (kind, flags, name, index, offset, size).

``index`` is the element's index in its kind's index space (imports first), the segment's for data, the section's for
section symbols; ``offset`` and ``size`` are those of defined data. ``name`` is that of the import where the entry has
none of its own.
"""


class Comdat:
    """``members`` are (:class:`ComdatKind`, index); the index of a function, global, tag or table counts from the
    imports on."""

    __slots__ = ("members", "name")

    def __init__(self, name: bytes, members: list[tuple[int, int]]) -> None:
        self.name = name
        self.members = members


class InitFunction:
    """A constructor: ``symbol`` is an index into the symbol table."""

    __slots__ = ("priority", "symbol")

    def __init__(self, priority: int, symbol: int) -> None:
        self.priority = priority
        self.symbol = symbol


Producers = dict[str, list[tuple[bytes, bytes]]]
"""Field name (``language``, ``processed-by``, ``sdk``) to (name, version) pairs."""


def is_wasm(data: bytes, start: int = 0) -> bool:
    """Whether a Wasm binary starts at ``start``."""
    return data[start : start + 4] == MAGIC


PARSED: Final = (
    "types",
    "imported_functions",
    "imported_tables",
    "imported_globals",
    "imported_tags",
    "is_64",
    "functions",
    "function_offsets",
    "tables",
    "globals",
    "tags",
    "segments",
    "symbols",
    "function_names",
    "init_functions",
    "comdats",
    "features",
    "producers",
    "export_names",
    "debug_names",
    "code_section",
    "data_section",
    "_relocations",
    "_ranges",
    "is_cached",
    "_data_count",
    "_memories",
    "_filled_table",
)
"""The attributes of an object file that do not tell where its bytes stand."""


class ObjectFile:
    """A parsed object: ``data[start:end]`` holds the file.

    :raises FormatError: the file is damaged, or uses what a linker does not know.
    """

    def __init__(self, data: bytes, start: int = 0, end: int | None = None, *, read: bool = True) -> None:
        """:param read: leave it empty otherwise: the cache knows what is in the file."""
        self._data = data
        self._unread: UnreadFile | None = None
        self.start = start
        self.end = len(data) if end is None else end
        self.sections: list[Section] = []
        self.types: list[bytes] = []
        """Function signatures: parameter and result vectors, encoded as in the type section."""
        self.imported_functions: list[Import] = []
        self.imported_tables: list[Import] = []
        self.imported_globals: list[Import] = []
        self.imported_tags: list[Import] = []
        self.is_64 = False
        """Whether its memory has 64-bit addresses."""
        self.functions: list[int] = []
        """The type index of each defined function."""
        self.function_offsets: list[int] = []
        """Where each defined function's entry (its size first) starts, in bytes from the start of the code section's
        contents; one more element marks the end of the last."""
        self.tables: list[TableType] = []
        self.globals: list[Global] = []
        self.tags: list[int] = []
        self.segments: list[Segment] = []
        self.symbols: list[SymbolInfo] = []
        self.function_names: list[bytes] = []
        """Of each defined function, that of its first symbol."""
        self.init_functions: list[InitFunction] = []
        self.comdats: list[Comdat] = []
        self.features: list[tuple[int, bytes]] = []
        """(prefix character, feature)."""
        self.producers: Producers = {}
        self.export_names: dict[int, bytes] = {}
        """Defined function (counted from 0) to the name that it is exported under."""
        self.debug_names: dict[int, bytes] = {}
        """Defined function to its name in the name section, where the object has one."""
        self.code_section = -1
        self.data_section = -1
        self._memories = 0
        self._filled_table = -1
        self._relocation_sections: dict[int, tuple[int, int, int]] = {}
        self._relocations: dict[int, Relocations] = {}
        self._ranges: dict[int, list[int]] = {}
        self.is_cached = False
        """Whether decoded relocations of code and data outlive the link."""
        self._data_count: int | None = None
        if read:
            self._read()

    @property
    def data(self) -> bytes:
        """The bytes that hold the file, and others around it where it is a member of an archive."""
        if self._unread is not None:
            self._data = self._unread.contents()
            self._unread = None
        return self._data

    @property
    def is_unread(self) -> bool:
        """Whether nothing asked for its bytes so far."""
        return self._unread is not None

    # What the passes ask for

    def function_signature(self, index: int) -> bytes:
        """The signature of function ``index`` of the function index space."""
        imported = len(self.imported_functions)
        if index < imported:
            type_ = self.imported_functions[index].type
            assert isinstance(type_, int)
            return self.types[type_]
        return self.types[self.functions[index - imported]]

    def relocations(self, section: int) -> Relocations:
        """The relocations that apply to section ``section``, checked against it and the symbol table."""
        found = self._relocations.get(section)
        if found is None:
            entry = self._relocation_sections.get(section)
            if entry is None:
                found = NO_RELOCATIONS
            else:
                found = relocations.decode(self.data[entry[0] : entry[1]], entry[2])
                self._check_relocations(found, section)
            self._relocations[section] = found
        return found

    def relocation_ranges(self, section: int) -> list[int]:
        """Where among the relocations of the code or data section those of each function or segment begin; one more
        element marks the end of the last."""
        return self._ranges.get(section) or self._find_ranges(section, self.relocations(section))

    def _find_ranges(self, section: int, relocs: Relocations) -> list[int]:
        starts = self.function_offsets[:-1] if section == self.code_section else [s.offset for s in self.segments]
        ranges = relocations.first_from(relocs, starts)
        ranges.append(len(relocs.offsets))
        # Whole, since other threads look there.
        self._ranges[section] = ranges
        return ranges

    def release_relocations(self, section: int) -> None:
        """Forget decoded relocations: the link has no more use for them, and there are many."""
        if not self.is_cached or not self.sections[section].id:
            self._relocations.pop(section, None)
            self._ranges.pop(section, None)

    # What the cache asks for

    def leave_unread(self, file: UnreadFile) -> None:
        """Let the bytes be read when something asks for them."""
        self._unread = file

    def is_at(self, data: bytes | UnreadFile, start: int) -> bool:
        """Return whether the object's bytes are at ``data[start:]``."""
        return self.start == start and data is (self._unread or self._data)

    def moved(self, data: bytes | UnreadFile, start: int) -> ObjectFile:
        """The same object where its bytes stand at ``data[start:]``."""
        shift = start - self.start
        other = ObjectFile(b"" if isinstance(data, UnreadFile) else data, start, self.end + shift, read=False)
        if isinstance(data, UnreadFile):
            other._unread = data
        for name in PARSED:
            setattr(other, name, getattr(self, name))
        other.sections = [Section(s.id, s.name, s.start + shift, s.end + shift) for s in self.sections]
        other._relocation_sections = {
            section: (first + shift, after + shift, count)
            for section, (first, after, count) in self._relocation_sections.items()
        }
        return other

    def relocation_entries(self, section: int) -> tuple[bytes, int]:
        """The encoded relocations of a section, and their number."""
        start, end, count = self._relocation_sections.get(section, (0, 0, 0))
        return self.data[start:end], count

    def relocation_sections(self) -> dict[int, tuple[int, int, int]]:
        """Section to where in ``data`` the entries of its relocations are (start, end), and their number."""
        return self._relocation_sections

    def decoded_sections(self) -> list[int]:
        """The sections whose relocations were asked for, and exist."""
        return [section for section in self._relocations if section in self._relocation_sections]

    def set_relocations(self, sections: dict[int, tuple[int, int, int]], decoded: dict[int, Relocations]) -> None:
        """:raises FormatError: those of a section are not its own."""
        self._relocation_sections = sections
        self._relocations = decoded
        for section, relocs in decoded.items():
            self._check_relocations(relocs, section)

    # Reading

    def _read(self) -> None:
        reader = Reader(self.data, self.start, self.end)
        if reader.end - reader.pos < 4 or reader.take(4) != MAGIC:
            raise FormatError("not a WebAssembly file")
        if reader.end - reader.pos < 4:
            raise FormatError("missing version number")
        version = reader.take(4)
        if version != VERSION:
            raise FormatError(f"invalid version number: {int.from_bytes(version, 'little')}")
        try:
            self._read_sections(reader)
        except IndexError:
            # Loops that read much look at the end of their section after each entry, where they may be behind it.
            raise FormatError("unexpected end of data") from None

    def _read_sections(self, reader: Reader) -> None:
        handlers = {
            SectionId.TYPE: self._read_types,
            SectionId.IMPORT: self._read_imports,
            SectionId.FUNCTION: self._read_functions,
            SectionId.TABLE: self._read_tables,
            SectionId.MEMORY: self._read_memories,
            SectionId.GLOBAL: self._read_globals,
            SectionId.EXPORT: self._read_exports,
            SectionId.START: self._refuse_start,
            SectionId.ELEMENT: self._read_elements,
            SectionId.CODE: self._read_code,
            SectionId.DATA: self._read_data,
            SectionId.TAG: self._read_tags,
            SectionId.DATA_COUNT: self._read_data_count,
        }
        linking: Section | None = None
        order = SectionOrder()
        while reader.pos < reader.end:
            id_ = reader.u8()
            size = reader.uleb()
            start = reader.pos
            end = start + size
            if end > reader.end:
                raise FormatError("section too large")
            name = b""
            contents = Reader(self.data, start, end)
            if id_ == SectionId.CUSTOM:
                name = contents.name()
                start = contents.pos
            elif id_ > SectionId.TAG:
                raise FormatError(f"invalid section type: {id_}")
            order.check(id_, name)
            section = Section(id_, name, start, end)
            self.sections.append(section)
            if id_ == SectionId.CUSTOM:
                if name == b"linking":
                    linking = section
                    self._read_linking(contents)
                elif name.startswith(b"reloc."):
                    self._read_relocation_section(contents)
                elif name == b"producers":
                    self._read_producers(contents)
                elif name == b"target_features":
                    self._read_features(contents)
                elif name == b"name":
                    self._read_names(contents)
            elif id_ in handlers:
                handlers[id_](contents)
                if contents.pos != end:
                    raise FormatError(f"data after the end of section {SECTION_NAMES[id_]}")
            reader.pos = end
        if linking is None:
            raise FormatError("not a relocatable wasm file")
        if self._data_count is not None and self._data_count != len(self.segments):
            raise FormatError("number of data segments does not match DataCount section")
        if len(self.functions) != max(len(self.function_offsets) - 1, 0):
            raise FormatError("function and code section have inconsistent lengths")
        self._check_section_references()
        self._check_filled_table()

    def _check_filled_table(self) -> None:
        names = [name for kind, _, name, index, _, _ in self.symbols if (kind, index) == (_TABLE, self._filled_table)]
        if self._filled_table >= 0 and names != [_FUNCTION_TABLE]:
            raise FormatError("an object whose element segment fills a table of its own cannot be linked")

    def _check_section_references(self) -> None:
        """Symbols and COMDATs may name sections behind the linking section, so this waits for the end of the file."""
        named = [index for kind, _, _, index, _, _ in self.symbols if kind == _SECTION]
        for comdat in self.comdats:
            named += [index for kind, index in comdat.members if kind == ComdatKind.SECTION]
        for index in named:
            if index >= len(self.sections) or self.sections[index].id != SectionId.CUSTOM:
                raise FormatError(f"invalid section index: {index}")

    def _type_index(self, reader: Reader) -> int:
        index = reader.uleb()
        if index >= len(self.types):
            raise FormatError(f"invalid type index: {index}")
        return index

    def _read_data_count(self, reader: Reader) -> None:
        self._data_count = reader.uleb()

    def _read_types(self, reader: Reader) -> None:
        self.types = parse_types(self.data[reader.pos : reader.end])
        reader.pos = reader.end

    def _read_imports(self, reader: Reader) -> None:
        count = reader.count(4)
        data, pos, end = self.data, reader.pos, reader.end
        functions = self.imported_functions
        number_of_types = len(self.types)
        for _ in range(count):
            if data.startswith(_ENV, pos):
                module = b"env"
                pos += len(_ENV)
            else:
                reader.pos = pos
                module = reader.name()
                pos = reader.pos
            length = data[pos]
            pos += 1
            if length >= 0x80:
                length, pos = uleb_at(data, pos - 1, end)
            field = data[pos : pos + length]
            pos += length
            if data[pos] == ExternalKind.FUNCTION:
                index = data[pos + 1]
                pos += 2
                if index >= 0x80:
                    index, pos = uleb_at(data, pos - 1, end)
                if pos > end:
                    raise FormatError("unexpected end of data")
                if index >= number_of_types:
                    raise FormatError(f"invalid type index: {index}")
                functions.append(Import(module, field, index))
            else:
                reader.pos = pos
                self._read_import(reader, module, field)
                pos = reader.pos
        reader.pos = pos

    def _read_import(self, reader: Reader, module: bytes, field: bytes) -> None:
        """The kind and type of an import of anything but a function."""
        kind = reader.u8()
        if kind == ExternalKind.GLOBAL:
            self.imported_globals.append(Import(module, field, _global_type(reader)))
        elif kind == ExternalKind.TABLE:
            self.imported_tables.append(Import(module, field, _table_type(reader)))
        elif kind == ExternalKind.MEMORY:
            self._has_memory(reader)
        elif kind == ExternalKind.TAG:
            reader.u8()
            self.imported_tags.append(Import(module, field, self._type_index(reader)))
        else:
            raise FormatError(f"unexpected import kind: {kind}")

    def _read_functions(self, reader: Reader) -> None:
        count = reader.count()
        indices = self.data[reader.pos : reader.end]
        if len(indices) == count and (not count or max(indices) < min(0x80, len(self.types))):
            self.functions = list(indices)
            reader.pos = reader.end
        else:
            self.functions = [self._type_index(reader) for _ in range(count)]
        self.function_names = [b""] * count

    def _read_tables(self, reader: Reader) -> None:
        self.tables = [_table_type(reader) for _ in range(reader.count(3))]

    def _read_memories(self, reader: Reader) -> None:
        # Compilers' objects import their memory; what a linker made with -r defines it.
        for _ in range(reader.count(2)):
            self._has_memory(reader)

    def _has_memory(self, reader: Reader) -> None:
        if self._memories:
            raise FormatError("an object with several memories cannot be linked: the output has one")
        self._memories += 1
        self.is_64 = bool(reader.limits()[0] & LIMITS_IS_64)

    def _refuse_start(self, reader: Reader) -> None:
        function = reader.uleb()
        if function >= len(self.imported_functions) + len(self.functions):
            raise FormatError("invalid start function")
        raise FormatError(
            "an object with a start section cannot be linked: make its function a constructor, or name it with --start="
        )

    def _read_elements(self, reader: Reader) -> None:
        """Read past the element section, which old compilers write beside relocations that say the same: the linker
        fills the function table from those. What would be lost is an error."""
        tables = len(self.imported_tables)
        for _ in range(reader.count(3)):
            flags = reader.uleb()
            if flags > 7:
                raise FormatError(f"invalid flags of an element segment: {flags}")
            if flags & 1:
                raise FormatError("an object with a passive or declared element segment cannot be linked")
            table = reader.uleb() if flags & 2 else 0
            if table >= tables or self.imported_tables[table].field != _FUNCTION_TABLE:
                self._filled_table = table
            reader.skip_constant_expression()
            if flags & 2:
                # The kind of elements, or their type.
                reader.u8()
            for _ in range(reader.count()):
                if flags & 4:
                    reader.skip_constant_expression()
                else:
                    reader.uleb()

    def _read_globals(self, reader: Reader) -> None:
        for _ in range(reader.count(4)):
            # Globals have no relocations: an index would be another's in the output.
            self.globals.append(Global(_global_type(reader), reader.constant_expression(indices=False)))

    def _read_tags(self, reader: Reader) -> None:
        for _ in range(reader.count(2)):
            if reader.u8() != 0:
                raise FormatError("invalid attribute of a tag")
            self.tags.append(self._type_index(reader))

    def _read_exports(self, reader: Reader) -> None:
        imported = len(self.imported_functions)
        for _ in range(reader.count(3)):
            name = reader.name()
            kind = reader.u8()
            index = reader.uleb()
            if kind == ExternalKind.FUNCTION:
                if index >= imported + len(self.functions):
                    raise FormatError("invalid function export")
                if index >= imported:
                    self.export_names[index - imported] = name

    def _read_code(self, reader: Reader) -> None:
        self.code_section = len(self.sections) - 1
        start = reader.pos
        count = reader.count()
        data, pos, end = self.data, reader.pos, reader.end
        offsets = self.function_offsets
        append = offsets.append
        for _ in range(count):
            append(pos - start)
            if pos >= end:
                raise FormatError("unexpected end of the code section")
            size = data[pos]
            pos += 1
            if size >= 0x80:
                if data[pos] < 0x80:
                    size += (data[pos] - 1) << 7
                    pos += 1
                else:
                    size, pos = uleb_at(data, pos - 1, end)
            if not 0 < size <= end - pos:
                raise FormatError("a function body extends past the end of its section")
            pos += size
        append(pos - start)
        reader.pos = pos

    def _read_data(self, reader: Reader) -> None:
        self.data_section = len(self.sections) - 1
        start = reader.pos
        count = reader.count(2)
        data, pos, end = self.data, reader.pos, reader.end
        append = self.segments.append
        for _ in range(count):
            # Where the segment is in the object means nothing to a link.
            if data[pos] == 0 and data[pos + 1] == Opcode.I32_CONST:
                after = pos + 2
                while data[after] >= 0x80:
                    after += 1
                after += 1
            else:
                after = 0
            if after and data[after] == Opcode.END:
                pos = after + 1
            else:
                reader.pos = pos
                self._skip_segment_head(reader)
                pos = reader.pos
            size = data[pos]
            pos += 1
            if size >= 0x80:
                size, pos = uleb_at(data, pos - 1, end)
            if size > end - pos:
                raise FormatError("unexpected end of data")
            append(Segment(b"", 0, 0, pos - start, size))
            pos += size
        reader.pos = pos

    def _skip_segment_head(self, reader: Reader) -> None:
        """What stands before the size of a data segment."""
        flags = reader.uleb()
        if flags > 2:
            raise FormatError(f"invalid flags of a data segment: {flags}")
        if flags == 2:
            reader.uleb()
        if flags != 1:
            reader.skip_constant_expression()

    def _read_linking(self, reader: Reader) -> None:
        version = reader.uleb()
        if version != LINKING_VERSION:
            raise FormatError(f"unexpected metadata version: {version} (Expected: {LINKING_VERSION})")
        handlers = {
            LinkingSubsection.SEGMENT_INFO: self._read_segment_info,
            LinkingSubsection.INIT_FUNCS: self._read_init_functions,
            LinkingSubsection.COMDAT_INFO: self._read_comdats,
            LinkingSubsection.SYMBOL_TABLE: self._read_symbols,
        }
        while reader.pos < reader.end:
            kind = reader.u8()
            size = reader.uleb()
            end = reader.pos + size
            if end > reader.end:
                raise FormatError("a subsection of the linking section is too large")
            handler = handlers.get(kind)
            if handler is not None:
                contents = Reader(self.data, reader.pos, end)
                handler(contents)
                if contents.pos != end:
                    raise FormatError("a subsection of the linking section ended prematurely")
            reader.pos = end

    def _read_segment_info(self, reader: Reader) -> None:
        count = reader.count(3)
        if count > len(self.segments):
            raise FormatError("segment info for more segments than there are")
        data, pos, end = self.data, reader.pos, reader.end
        for segment in self.segments[:count]:
            length = data[pos]
            pos += 1
            if length >= 0x80:
                length, pos = uleb_at(data, pos - 1, end)
            name = segment.name = data[pos : pos + length]
            pos += length
            alignment, flags = data[pos], data[pos + 1]
            pos += 2
            if alignment > 31:
                raise FormatError(f"invalid alignment of a data segment: 2^{uleb_at(data, pos - 2, end)[0]}")
            if flags >= 0x80:
                flags, pos = uleb_at(data, pos - 1, end)
            if pos > end:
                raise FormatError("unexpected end of data")
            if not flags & SegmentFlag.TLS and name.startswith(_TLS_NAMES):
                # Objects older than the flag rely on the name.
                flags |= SegmentFlag.TLS
            segment.alignment = alignment
            segment.flags = flags
        reader.pos = pos

    def _read_init_functions(self, reader: Reader) -> None:
        imported = len(self.imported_functions)
        for _ in range(reader.count(2)):
            priority = reader.uleb()
            symbol = reader.uleb()
            if symbol >= len(self.symbols):
                raise FormatError(f"invalid function symbol: {symbol}")
            kind, flags, _, index, _, _ = self.symbols[symbol]
            if kind != _FUNCTION or (index < imported and not flags & _UNDEFINED):
                raise FormatError(f"invalid function symbol: {symbol}")
            self.init_functions.append(InitFunction(priority, symbol))

    def _read_comdats(self, reader: Reader) -> None:
        limits: dict[int, tuple[int, int, str]] = {
            ComdatKind.DATA: (0, len(self.segments), "data"),
            ComdatKind.FUNCTION: (len(self.imported_functions), len(self.functions), "function"),
            ComdatKind.GLOBAL: (len(self.imported_globals), len(self.globals), "global"),
            ComdatKind.TAG: (len(self.imported_tags), len(self.tags), "tag"),
            ComdatKind.TABLE: (len(self.imported_tables), len(self.tables), "table"),
            ComdatKind.SECTION: (0, 0, "section"),
        }
        names: set[bytes] = set()
        for _ in range(reader.count(3)):
            name = reader.name()
            if not name or name in names:
                raise FormatError(f"bad or duplicate COMDAT name: {_text(name)}")
            names.add(name)
            if reader.uleb() != 0:
                raise FormatError("unsupported COMDAT flags")
            members = []
            for _ in range(reader.count(2)):
                kind = reader.uleb()
                index = reader.uleb()
                if kind not in limits:
                    raise FormatError(f"invalid COMDAT entry type: {kind}")
                first, number, what = limits[kind]
                if kind != ComdatKind.SECTION and not first <= index < first + number:
                    raise FormatError(f"COMDAT {what} index out of range")
                members.append((kind, index))
            self.comdats.append(Comdat(name, members))

    def _read_symbols(self, reader: Reader) -> None:
        functions = len(self.imported_functions)
        others = {
            _GLOBAL: (self.imported_globals, len(self.globals)),
            _TAG: (self.imported_tags, len(self.tags)),
            _TABLE: (self.imported_tables, len(self.tables)),
        }
        last_function = functions + len(self.functions)
        function_names = self.function_names
        segments = self.segments
        symbols = self.symbols
        global_names: list[bytes] = []
        count = reader.count(3)
        data, pos, end = self.data, reader.pos, reader.end
        for _ in range(count):
            kind = data[pos]
            flags = data[pos + 1]
            pos += 2
            if flags >= 0x80:
                flags, pos = uleb_at(data, pos - 1, end)
            if flags & _LOCAL and flags & (_WEAK | _UNDEFINED):
                raise FormatError("a symbol with an invalid binding")
            index = offset = size = 0
            if kind == _DATA:
                length = data[pos]
                pos += 1
                if length >= 0x80:
                    length, pos = uleb_at(data, pos - 1, end)
                name = data[pos : pos + length]
                pos += length
                if not flags & _UNDEFINED:
                    index = data[pos]
                    pos += 1
                    if index >= 0x80:
                        if data[pos] < 0x80:
                            index += (data[pos] - 1) << 7
                            pos += 1
                        else:
                            index, pos = uleb_at(data, pos - 1, end)
                    offset, size = data[pos], data[pos + 1]
                    pos += 2
                    if offset >= 0x80 or size >= 0x80:
                        offset, pos = uleb_at(data, pos - 2, end, 64)
                        size, pos = uleb_at(data, pos, end, 64)
                    if not flags & _ABSOLUTE and pos <= end:
                        if index >= len(segments):
                            raise FormatError(f"invalid data segment index: {index}")
                        if offset > segments[index].size:
                            raise FormatError(
                                f"invalid data symbol offset: `{_text(name)}` "
                                f"(offset: {offset} segment size: {segments[index].size})"
                            )
            elif kind == _SECTION:
                if not flags & _LOCAL:
                    raise FormatError("section symbols must have local binding")
                index, pos = uleb_at(data, pos, end)
                name = b""
            else:
                index = data[pos]
                pos += 1
                if index >= 0x80:
                    if data[pos] < 0x80:
                        index += (data[pos] - 1) << 7
                        pos += 1
                    else:
                        index, pos = uleb_at(data, pos - 1, end)
                if kind == _FUNCTION:
                    imports, imported, last = self.imported_functions, functions, last_function
                else:
                    if kind not in others:
                        raise FormatError(f"invalid symbol type: {kind}")
                    imports, last = others[kind]
                    imported = len(imports)
                    last += imported
                if index >= last or (index < imported) != bool(flags & _UNDEFINED):
                    raise FormatError(f"invalid {_KIND_TEXTS[kind]} symbol index: {index}")
                if flags & (_UNDEFINED | _EXPLICIT_NAME) == _UNDEFINED:
                    name = imports[index].field
                else:
                    length = data[pos]
                    pos += 1
                    if length >= 0x80:
                        length, pos = uleb_at(data, pos - 1, end)
                    name = data[pos : pos + length]
                    pos += length
                    if kind == _FUNCTION and index >= imported and not function_names[index - imported]:
                        # Aliases: the first name is the function's own.
                        function_names[index - imported] = name
            if pos > end:
                raise FormatError("unexpected end of data")
            symbols.append((kind, flags, name, index, offset, size))
            if not flags & _LOCAL:
                global_names.append(name)
        reader.pos = pos
        if len(global_names) != len(set(global_names)):
            seen: set[bytes] = set()
            for name in global_names:
                if name in seen:
                    raise FormatError(f"duplicate symbol name {_text(name)}")
                seen.add(name)

    def _read_relocation_section(self, reader: Reader) -> None:
        section = reader.uleb()
        count = reader.count(3)
        if section >= len(self.sections) - 1:
            raise FormatError("invalid section index of relocations")
        if section in self._relocation_sections:
            raise FormatError("a section has two relocation sections")
        target = self.sections[section]
        if count and target.id not in (SectionId.CODE, SectionId.DATA, SectionId.CUSTOM):
            # No pass would ask for them.
            raise FormatError(f"relocations for section {section_name(target)}, which cannot have any")
        self._relocation_sections[section] = (reader.pos, reader.end, count)

    def _read_producers(self, reader: Reader) -> None:
        self.producers = parse_producers(self.data[reader.pos : reader.end])

    def _read_features(self, reader: Reader) -> None:
        self.features = parse_features(self.data[reader.pos : reader.end])

    def _read_names(self, reader: Reader) -> None:
        imported = len(self.imported_functions)
        while reader.pos < reader.end:
            kind = reader.u8()
            size = reader.uleb()
            end = reader.pos + size
            if end > reader.end:
                raise FormatError("a subsection of the name section is too large")
            if kind == NameSubsection.FUNCTION:
                names = Reader(self.data, reader.pos, end)
                for _ in range(names.count(2)):
                    index = names.uleb()
                    name = names.name()
                    if index >= imported + len(self.functions):
                        raise FormatError("invalid function name entry")
                    if index >= imported:
                        self.debug_names[index - imported] = name
            reader.pos = end

    # Checking relocations

    def _check_relocations(self, relocs: Relocations, number: int) -> None:
        """Every index must name what its type is for, and every patched byte must lie in section ``number``."""
        section = self.sections[number]
        size = section.end - section.start
        where = section_name(section)
        if not self._names_what_it_may(relocs):
            for type_, index in zip(relocs.types, relocs.indices):
                self.check_target(type_, index, section)
        widest = max(map(WIDTH.__getitem__, set(relocs.types)), default=0)
        last = len(relocs.offsets)
        while last and relocs.offsets[last - 1] + widest > size:
            last -= 1
            if relocs.offsets[last] + WIDTH[relocs.types[last]] > size:
                raise FormatError(f"invalid relocation offset: {relocs.offsets[last]} in section {where}")
        if section.id == SectionId.CODE:
            self._check_chunk_bounds(relocs, number, self.function_offsets[1:], widest)
        elif section.id == SectionId.DATA:
            self._check_chunk_bounds(relocs, number, [s.offset + s.size for s in self.segments], widest)

    def _names_what_it_may(self, relocs: Relocations) -> bool:
        """Whether every index is one of a type, or of a symbol of the right kind. False: each must be looked at."""
        types, indices = relocs.types, relocs.indices
        if _TYPE_INDEX in types:
            if max(compress(indices, types.translate(_IS_TYPE_INDEX))) >= len(self.types):
                return False
            indices = array("I", compress(indices, types.translate(_IS_NO_TYPE_INDEX)))
            types = types.replace(bytes((_TYPE_INDEX,)), b"")
        try:
            named = relocations.picked(bytes([info[0] for info in self.symbols]), indices)
        except IndexError:
            return False
        # All but relocations against entries of the global offset table name symbols of one kind.
        return named == types.translate(_USUAL_KIND) or all(
            _MAY_NAME[type_][kind] for type_, kind in set(zip(types, named))
        )

    def check_target(self, type_: int, index: int, section: Section) -> None:
        """Whether a relocation in ``section`` may name symbol (or type) ``index``.

        :raises FormatError: there is none, or it is of a kind that the relocation cannot name.
        """
        if type_ == _TYPE_INDEX:
            if index >= len(self.types):
                raise FormatError(f"invalid relocation type index: {index}")
        elif type_ in FROM_PLACE and section.id != SectionId.DATA:
            where = section_name(section)
            raise FormatError(f"relocation {type_name(type_)} in section {where}, which has no address")
        elif index >= len(self.symbols):
            raise FormatError(f"invalid relocation symbol index: {index}")
        elif self.symbols[index][0] not in TARGETS[VALUE[type_]]:
            where = section_name(section)
            raise FormatError(
                f"relocation {type_name(type_)} in section {where} against a symbol of another kind: {index}"
            )

    def _check_chunk_bounds(self, relocs: Relocations, section: int, ends: list[int], widest: int) -> None:
        """A relocation may not straddle two functions or segments, nor lie between them. ``widest`` is the number of
        bytes that any of them patches at most."""
        offsets, types = relocs.offsets, relocs.types
        ranges = self._find_ranges(section, relocs)
        outside = range(ranges[0])
        for first, after, end in zip(ranges, ranges[1:], ends):
            if first != after and offsets[after - 1] + widest > end:
                behind = bisect_left(offsets, end, first, after)
                for k in range(first, behind):
                    if offsets[k] + WIDTH[types[k]] > end:
                        raise FormatError(f"relocation at offset {offsets[k]} extends past its function or segment")
                outside = outside or range(behind, after)
            if outside:
                break
        if outside:
            raise FormatError(f"relocation at offset {offsets[outside[0]]} is in no function or segment")


def _text(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")


def section_name(section: Section) -> str:
    """For messages."""
    return section.name.decode("utf-8", "replace") or SECTION_NAMES[section.id]


def _global_type(reader: Reader) -> GlobalType:
    value_type = reader.value_type()
    mutable = reader.u8()
    if mutable > 1:
        raise FormatError("invalid mutability of a global")
    return GlobalType(value_type, bool(mutable))


def _table_type(reader: Reader) -> TableType:
    element_type = reader.value_type()
    flags, minimum, maximum, _ = reader.limits()
    return TableType(element_type, flags, minimum, maximum)


# Sections that are the same in many objects of a program


@lru_cache(maxsize=4096)
def parse_types(contents: bytes) -> list[bytes]:
    """The signatures of a type section."""
    reader = Reader(contents, 0, len(contents))
    types: list[bytes] = []
    for _ in range(reader.count(3)):
        form = reader.u8()
        if form != FUNCTION_TYPE:
            raise FormatError(f"unsupported form of type: {form:#04x}")
        parameters = [reader.value_type() for _ in range(reader.count())]
        results = [reader.value_type() for _ in range(reader.count())]
        types.append(uleb(len(parameters)) + b"".join(parameters) + uleb(len(results)) + b"".join(results))
    if reader.pos != reader.end:
        raise FormatError("data after the end of section TYPE")
    return types


@lru_cache(maxsize=256)
def parse_producers(contents: bytes) -> Producers:
    reader = Reader(contents, 0, len(contents))
    producers: Producers = {}
    for _ in range(reader.count(2)):
        field = reader.name().decode("utf-8", "backslashreplace")
        if field not in ("language", "processed-by", "sdk"):
            raise FormatError("producers section field is not named one of language, processed-by, or sdk")
        if field in producers:
            raise FormatError("producers section does not have unique fields")
        pairs = [(reader.name(), reader.name()) for _ in range(reader.count(2))]
        if len({name for name, _ in pairs}) != len(pairs):
            raise FormatError("producers section contains repeated producer")
        producers[field] = pairs
    if reader.pos != reader.end:
        raise FormatError("producers section ended prematurely")
    return producers


@lru_cache(maxsize=256)
def parse_features(contents: bytes) -> list[tuple[int, bytes]]:
    reader = Reader(contents, 0, len(contents))
    features: list[tuple[int, bytes]] = []
    names: set[bytes] = set()
    for _ in range(reader.count(2)):
        prefix = reader.u8()
        if chr(prefix) not in "+-":
            raise FormatError("unknown feature policy prefix")
        name = reader.name()
        if name in names:
            raise FormatError(f'target features section contains repeated feature "{_text(name)}"')
        names.add(name)
        features.append((prefix, name))
    if reader.pos != reader.end:
        raise FormatError("target features section ended prematurely")
    return features


_IS_TYPE_INDEX: Final = bytes([type_ == _TYPE_INDEX for type_ in range(256)])
_IS_NO_TYPE_INDEX: Final = bytes([type_ != _TYPE_INDEX for type_ in range(256)])
_MAY_NAME: Final[tuple[list[bool], ...]] = tuple(
    [
        [kind in TARGETS[VALUE[type_]] and type_ not in FROM_PLACE for kind in range(_TABLE + 1)]
        for type_ in RELOCATION_NAMES
    ]
)
"""By type and kind: whether nothing but the kind has to be looked at."""
_USUAL_KIND: Final = bytes(
    [max([kind for kind, may in enumerate(row) if may], default=255) for row in _MAY_NAME]
).ljust(256)
"""A translation table from type to the kind that may be named; of several, that which is named most."""
