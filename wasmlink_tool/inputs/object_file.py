"""Relocatable object files (Linking.md): one parse, to data that depends on the file alone.

Function bodies, data and custom sections stay slices of the input; relocations are decoded when a pass asks for them.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import NamedTuple

from ..binary import relocations
from ..binary.constants import (
    FUNCTION_TYPE,
    LIMITS_IS_64,
    LINKING_VERSION,
    MAGIC,
    VERSION,
    ComdatKind,
    ExternalKind,
    LinkingSubsection,
    NameSubsection,
    SectionId,
    SegmentFlag,
    SymbolFlag,
    SymbolKind,
)
from ..binary.constants import RelocationType as R
from ..binary.leb128 import uleb
from ..binary.reader import FormatError, Reader
from ..binary.relocations import NO_RELOCATIONS, WIDTH, Relocations

_FUNCTION = int(SymbolKind.FUNCTION)
_DATA = int(SymbolKind.DATA)
_GLOBAL = int(SymbolKind.GLOBAL)
_SECTION = int(SymbolKind.SECTION)
_TAG = int(SymbolKind.TAG)
_TABLE = int(SymbolKind.TABLE)
_WEAK = SymbolFlag.BINDING_WEAK
_LOCAL = SymbolFlag.BINDING_LOCAL
_TYPE_INDEX = R.TYPE_INDEX_LEB.value
_UNDEFINED = SymbolFlag.UNDEFINED
_EXPLICIT_NAME = SymbolFlag.EXPLICIT_NAME
_ABSOLUTE = SymbolFlag.ABSOLUTE


class GlobalType(NamedTuple):
    value_type: bytes
    mutable: bool


class TableType(NamedTuple):
    element_type: bytes
    flags: int
    minimum: int
    maximum: int | None


class Import(NamedTuple):
    module: bytes
    field: bytes
    type: int | GlobalType | TableType | None
    """A type index for functions and tags; ``None`` for memories."""


class Global(NamedTuple):
    type: GlobalType
    initializer: bytes
    """A constant expression with its ``end``."""


class Section(NamedTuple):
    """Where a section's contents stand in the file. For a custom section, ``start`` is behind its name, and so is
    the origin of the offsets of relocations that apply to it."""

    id: int
    name: bytes
    start: int
    end: int


class Segment(NamedTuple):
    name: bytes
    alignment: int
    """log2 of bytes."""
    flags: int
    offset: int
    """Of the contents, in bytes from the start of the data section's contents."""
    size: int


class SymbolInfo(NamedTuple):
    """One entry of the symbol table.

    ``index`` is the element's index in its kind's index space (imports first), the segment's for data, the section's
    for section symbols; ``offset`` and ``size`` are those of defined data. ``name`` is that of the import where the
    entry has none of its own.
    """

    kind: int
    flags: int
    name: bytes
    index: int  # type: ignore[assignment]
    offset: int
    size: int


class Comdat(NamedTuple):
    name: bytes
    members: list[tuple[int, int]]
    """(:class:`ComdatKind`, index); the index of a function, global, tag or table counts from the imports on."""


class InitFunction(NamedTuple):
    priority: int
    symbol: int


Producers = dict[str, list[tuple[bytes, bytes]]]
"""Field name (``language``, ``processed-by``, ``sdk``) to (name, version) pairs."""


def is_wasm(data: bytes, start: int = 0) -> bool:
    """Whether a Wasm binary starts at ``start``."""
    return data[start : start + 4] == MAGIC


class ObjectFile:
    """A parsed object: ``data[start:end]`` holds the file.

    :raises FormatError: the file is damaged, or uses what a linker does not know.
    """

    def __init__(self, data: bytes, start: int = 0, end: int | None = None) -> None:
        self.data = data
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
        self._relocation_sections: dict[int, tuple[int, int, int]] = {}
        self._relocations: dict[int, Relocations] = {}
        self._data_count: int | None = None
        self._read()

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
                self._check_relocations(found, self.sections[section])
            self._relocations[section] = found
        return found

    # What the cache asks for

    def moved(self, data: bytes, start: int) -> ObjectFile:
        """The same object where its bytes stand at ``data[start:]``."""
        other = ObjectFile.__new__(ObjectFile)
        other.__dict__.update(self.__dict__)
        shift = start - self.start
        other.data, other.start, other.end = data, start, self.end + shift
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
        self._relocation_sections = sections
        self._relocations = decoded

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
        handlers = {
            SectionId.TYPE: self._read_types,
            SectionId.IMPORT: self._read_imports,
            SectionId.FUNCTION: self._read_functions,
            SectionId.TABLE: self._read_tables,
            SectionId.MEMORY: self._read_memories,
            SectionId.GLOBAL: self._read_globals,
            SectionId.EXPORT: self._read_exports,
            SectionId.CODE: self._read_code,
            SectionId.DATA: self._read_data,
            SectionId.TAG: self._read_tags,
            SectionId.DATA_COUNT: self._read_data_count,
        }
        linking: Section | None = None
        last = 0
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
            place = _ORDER.get(b"reloc." if name.startswith(b"reloc.") else name or id_)
            if place is not None:
                if place < last or (place == last and not name.startswith(b"reloc.")):
                    raise FormatError(f"out of order section type: {id_}")
                last = place
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
                handlers[SectionId(id_)](contents)
                if contents.pos != end:
                    raise FormatError(f"data after the end of section {SectionId(id_).name}")
            reader.pos = end
        if linking is None:
            raise FormatError("not a relocatable wasm file")
        if self._data_count is not None and self._data_count != len(self.segments):
            raise FormatError("number of data segments does not match DataCount section")
        if len(self.functions) != max(len(self.function_offsets) - 1, 0):
            raise FormatError("function and code section have inconsistent lengths")
        self._check_section_references()

    def _check_section_references(self) -> None:
        """Symbols and COMDATs may name sections behind the linking section, so this waits for the end of the file."""
        named = [info.index for info in self.symbols if info.kind == SymbolKind.SECTION]
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
        for _ in range(reader.count(3)):
            form = reader.u8()
            if form != FUNCTION_TYPE:
                raise FormatError(f"unsupported form of type: {form:#04x}")
            parameters = [reader.value_type() for _ in range(reader.count())]
            results = [reader.value_type() for _ in range(reader.count())]
            self.types.append(uleb(len(parameters)) + b"".join(parameters) + uleb(len(results)) + b"".join(results))

    def _read_imports(self, reader: Reader) -> None:
        for _ in range(reader.count(4)):
            module = reader.name()
            field = reader.name()
            kind = reader.u8()
            if kind == ExternalKind.FUNCTION:
                self.imported_functions.append(Import(module, field, self._type_index(reader)))
            elif kind == ExternalKind.GLOBAL:
                self.imported_globals.append(Import(module, field, _global_type(reader)))
            elif kind == ExternalKind.TABLE:
                self.imported_tables.append(Import(module, field, _table_type(reader)))
            elif kind == ExternalKind.MEMORY:
                self.is_64 = bool(reader.limits()[0] & LIMITS_IS_64)
            elif kind == ExternalKind.TAG:
                reader.u8()
                self.imported_tags.append(Import(module, field, self._type_index(reader)))
            else:
                raise FormatError(f"unexpected import kind: {kind}")

    def _read_functions(self, reader: Reader) -> None:
        self.functions = [self._type_index(reader) for _ in range(reader.count())]

    def _read_tables(self, reader: Reader) -> None:
        self.tables = [_table_type(reader) for _ in range(reader.count(3))]

    def _read_memories(self, reader: Reader) -> None:
        # Compilers' objects import their memory; what a linker made with -r defines it.
        for _ in range(reader.count(2)):
            self.is_64 = bool(reader.limits()[0] & LIMITS_IS_64)

    def _read_globals(self, reader: Reader) -> None:
        for _ in range(reader.count(4)):
            self.globals.append(Global(_global_type(reader), reader.constant_expression()))

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
        offsets = self.function_offsets
        data, pos, end = self.data, reader.pos, reader.end
        append = offsets.append
        for _ in range(count):
            append(pos - start)
            if pos >= end:
                raise FormatError("unexpected end of the code section")
            size = data[pos]
            pos += 1
            if size >= 0x80:
                reader.pos = pos - 1
                size = reader.uleb()
                pos = reader.pos
            if not 0 < size <= end - pos:
                raise FormatError("a function body extends past the end of its section")
            pos += size
        append(pos - start)
        reader.pos = pos

    def _read_data(self, reader: Reader) -> None:
        self.data_section = len(self.sections) - 1
        start = reader.pos
        for _ in range(reader.count(2)):
            flags = reader.uleb()
            if flags > 2:
                raise FormatError(f"invalid flags of a data segment: {flags}")
            if flags == 2:
                reader.uleb()
            if flags != 1:
                # Where the segment is in the object means nothing to a link.
                reader.skip_constant_expression()
            size = reader.uleb()
            offset = reader.pos - start
            reader.take(size)
            self.segments.append(Segment(b"", 0, 0, offset, size))

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
            handler = handlers.get(kind)  # type: ignore[call-overload]
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
        for i in range(count):
            name = reader.name()
            alignment = reader.uleb()
            if alignment > 31:
                raise FormatError(f"invalid alignment of a data segment: 2^{alignment}")
            flags = reader.uleb()
            if not flags & SegmentFlag.TLS and name.startswith((b".tdata", b".tbss")):
                # Objects older than the flag rely on the name.
                flags |= SegmentFlag.TLS
            segment = self.segments[i]
            self.segments[i] = Segment(name, alignment, flags, segment.offset, segment.size)

    def _read_init_functions(self, reader: Reader) -> None:
        imported = len(self.imported_functions)
        for _ in range(reader.count(2)):
            priority = reader.uleb()
            symbol = reader.uleb()
            if symbol >= len(self.symbols) or self.symbols[symbol].kind != SymbolKind.FUNCTION:
                raise FormatError(f"invalid function symbol: {symbol}")
            info = self.symbols[symbol]
            if info.index < imported and not info.flags & SymbolFlag.UNDEFINED:
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
        imports = {
            _FUNCTION: (self.imported_functions, len(self.functions)),
            _GLOBAL: (self.imported_globals, len(self.globals)),
            _TAG: (self.imported_tags, len(self.tags)),
            _TABLE: (self.imported_tables, len(self.tables)),
        }
        segments = self.segments
        symbols = self.symbols
        uleb = reader.uleb
        name = reader.name
        for _ in range(reader.count(3)):
            kind = reader.u8()
            flags = uleb()
            if flags & _LOCAL and flags & (_WEAK | _UNDEFINED):
                raise FormatError("a symbol with an invalid binding")
            if kind == _DATA:
                own_name = name()
                if flags & _UNDEFINED:
                    symbols.append(SymbolInfo(kind, flags, own_name, 0, 0, 0))
                    continue
                info = SymbolInfo(kind, flags, own_name, uleb(), uleb(64), uleb(64))
                if not flags & _ABSOLUTE:
                    if info.index >= len(segments):
                        raise FormatError(f"invalid data segment index: {info.index}")
                    if info.offset > segments[info.index].size:
                        raise FormatError(
                            f"invalid data symbol offset: `{_text(own_name)}` "
                            f"(offset: {info.offset} segment size: {segments[info.index].size})"
                        )
                symbols.append(info)
            elif kind in imports:
                index = uleb()
                imported, defined = imports[kind]
                undefined = flags & _UNDEFINED
                if index >= len(imported) + defined or (index < len(imported)) != bool(undefined):
                    raise FormatError(f"invalid {SymbolKind(kind).name.lower()} symbol index: {index}")
                own_name = imported[index].field if undefined and not flags & _EXPLICIT_NAME else name()
                symbols.append(SymbolInfo(kind, flags, own_name, index, 0, 0))
            elif kind == _SECTION:
                if not flags & _LOCAL:
                    raise FormatError("section symbols must have local binding")
                symbols.append(SymbolInfo(kind, flags, b"", uleb(), 0, 0))
            else:
                raise FormatError(f"invalid symbol type: {kind}")
        self._check_symbol_names()

    def _check_symbol_names(self) -> None:
        names = [name for _, flags, name, _, _, _ in self.symbols if not flags & _LOCAL]
        if len(names) != len(set(names)):
            seen: set[bytes] = set()
            for name in names:
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
        self._relocation_sections[section] = (reader.pos, reader.end, count)

    def _read_producers(self, reader: Reader) -> None:
        for _ in range(reader.count(2)):
            field = reader.name().decode("utf-8", "backslashreplace")
            if field not in ("language", "processed-by", "sdk"):
                raise FormatError("producers section field is not named one of language, processed-by, or sdk")
            if field in self.producers:
                raise FormatError("producers section does not have unique fields")
            pairs = [(reader.name(), reader.name()) for _ in range(reader.count(2))]
            if len({name for name, _ in pairs}) != len(pairs):
                raise FormatError("producers section contains repeated producer")
            self.producers[field] = pairs
        if reader.pos != reader.end:
            raise FormatError("producers section ended prematurely")

    def _read_features(self, reader: Reader) -> None:
        names: set[bytes] = set()
        for _ in range(reader.count(2)):
            prefix = reader.u8()
            if chr(prefix) not in "+-":
                raise FormatError("unknown feature policy prefix")
            name = reader.name()
            if name in names:
                raise FormatError(f'target features section contains repeated feature "{_text(name)}"')
            names.add(name)
            self.features.append((prefix, name))
        if reader.pos != reader.end:
            raise FormatError("target features section ended prematurely")

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

    def _check_relocations(self, relocs: Relocations, section: Section) -> None:
        """Every index must name what its type is for, and every patched byte must lie in the section."""
        size = section.end - section.start
        where = section_name(section)
        targets = set(zip(relocs.types, relocs.indices))
        kinds = [info.kind for info in self.symbols]
        try:
            # As a list, which takes less time than a generator.
            sound = False not in [_MAY_NAME[type_][kinds[index]] for type_, index in targets if type_ != _TYPE_INDEX]
        except IndexError:
            sound = False
        for type_, index in targets:
            if type_ == _TYPE_INDEX or not sound:
                self.check_target(type_, index, section)
        if relocs.offsets:
            widest = max(map(WIDTH.__getitem__, set(relocs.types)))
            last = len(relocs.offsets)
            while last and relocs.offsets[last - 1] + widest > size:
                last -= 1
                if relocs.offsets[last] + WIDTH[relocs.types[last]] > size:
                    raise FormatError(f"invalid relocation offset: {relocs.offsets[last]} in section {where}")
        if section.id == SectionId.CODE:
            self._check_chunk_bounds(relocs, self.function_offsets[:-1], self.function_offsets[1:])
        elif section.id == SectionId.DATA:
            self._check_chunk_bounds(
                relocs, [s.offset for s in self.segments], [s.offset + s.size for s in self.segments]
            )
        elif section.id != SectionId.CUSTOM:
            raise FormatError(f"relocations for section {where}, which cannot have any")

    def check_target(self, type_: int, index: int, section: Section) -> None:
        """Whether a relocation in ``section`` may name symbol (or type) ``index``.

        :raises FormatError: there is none, or it is of a kind that the relocation cannot name.
        """
        if type_ == R.TYPE_INDEX_LEB:
            if index >= len(self.types):
                raise FormatError(f"invalid relocation type index: {index}")
        elif type_ == R.MEMORY_ADDR_LOCREL_I32 and section.id != SectionId.DATA:
            where = section_name(section)
            raise FormatError(f"relocation {type_name(type_)} in section {where}, which has no address")
        elif index >= len(self.symbols):
            raise FormatError(f"invalid relocation symbol index: {index}")
        elif self.symbols[index].kind not in _TARGET_KINDS[type_]:
            where = section_name(section)
            raise FormatError(
                f"relocation {type_name(type_)} in section {where} against a symbol of another kind: {index}"
            )

    def _check_chunk_bounds(self, relocs: Relocations, starts: list[int], ends: list[int]) -> None:
        """A relocation may not straddle two functions or segments, nor lie between them."""
        i = 0
        offsets, types = relocs.offsets, relocs.types
        number = len(offsets)
        for start, end in zip(starts, ends):
            if i == number:
                return
            if offsets[i] < start:
                break
            after = bisect_left(offsets, end, i)
            k = after - 1
            while k >= i and offsets[k] + 10 > end:
                if offsets[k] + WIDTH[types[k]] > end:
                    raise FormatError(f"relocation at offset {offsets[k]} extends past its function or segment")
                k -= 1
            i = after
        if i != number:
            raise FormatError(f"relocation at offset {offsets[i]} is in no function or segment")


def _text(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")


def section_name(section: Section) -> str:
    """For messages."""
    return section.name.decode("utf-8", "replace") or SectionId(section.id).name


def type_name(type_: int) -> str:
    """The name of a relocation type as LLVM's tools print it."""
    return "R_WASM_" + R(type_).name


_SECTIONS_IN_ORDER: tuple[int | bytes, ...] = (
    SectionId.TYPE,
    SectionId.IMPORT,
    SectionId.FUNCTION,
    SectionId.TABLE,
    SectionId.MEMORY,
    SectionId.TAG,
    SectionId.GLOBAL,
    SectionId.EXPORT,
    SectionId.START,
    SectionId.ELEMENT,
    SectionId.DATA_COUNT,
    SectionId.CODE,
    SectionId.DATA,
    b"linking",
    b"reloc.",
    b"name",
    b"producers",
    b"target_features",
)
_ORDER: dict[int | bytes, int] = {kind: place for place, kind in enumerate(_SECTIONS_IN_ORDER, 1)}
"""Where in a file sections may stand; other custom sections may stand anywhere."""


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


def _target_kinds(type_: R) -> frozenset[int]:
    name = type_.name
    if name.startswith(("FUNCTION_", "TABLE_INDEX")):
        return frozenset((SymbolKind.FUNCTION,))
    if name.startswith("MEMORY_ADDR"):
        return frozenset((SymbolKind.DATA,))
    if name.startswith("GLOBAL_INDEX"):
        # Against a function or data symbol it names the symbol's entry in the global offset table.
        return frozenset((SymbolKind.GLOBAL, SymbolKind.FUNCTION, SymbolKind.DATA))
    if name.startswith("SECTION_OFFSET"):
        return frozenset((SymbolKind.SECTION,))
    if name.startswith("TAG_"):
        return frozenset((SymbolKind.TAG,))
    return frozenset((SymbolKind.TABLE,))


_TARGET_KINDS = {type_.value: _target_kinds(type_) for type_ in R if type_ != R.TYPE_INDEX_LEB}
_MAY_NAME: tuple[list[bool], ...] = tuple(
    [kind in _TARGET_KINDS.get(type_, ()) and type_ != R.MEMORY_ADDR_LOCREL_I32 for kind in SymbolKind] for type_ in R
)
"""By type and kind: whether nothing but the kind has to be looked at."""
