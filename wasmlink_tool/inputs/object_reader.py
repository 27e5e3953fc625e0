"""Parsing of relocatable object files (Linking.md).

The loops read LEB128 numbers in line: a number below 128 is its byte, and only a longer one calls ``uleb_at``. With a
call for each number a loop takes 1.7 times as long (CPython 3.11), and there are several numbers for each symbol,
function and segment.
"""

from __future__ import annotations

from array import array

from ..binary.constants import (
    LIMITS_IS_64,
    MAGIC,
    SECTION_NAMES,
    VERSION,
    ComdatKind,
    ExternalKind,
    Opcode,
    SectionId,
    SymbolKind,
)
from ..binary.reader import FormatError, Reader, uleb_at
from ..memo import remember
from .linking_reader import LinkingReader
from .names_reader import read_names
from .object_file import (
    Global,
    GlobalType,
    Import,
    ObjectFile,
    TableType,
)
from .section_columns import is_copied
from .section_order import SectionOrder
from .segment_columns import unnamed_segments
from .shared_sections import parse_features, parse_producers, parse_types

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_SECTION: Final = SymbolKind.SECTION
_ENV: Final = b"\3env"
_FUNCTION_TABLE: Final = b"__indirect_function_table"
_TABLE: Final = SymbolKind.TABLE
_NUMBERS: Final = frozenset((b"\x7f", b"\x7e", b"\x7d", b"\x7c", b"\x7b"))
"""The types i32, i64, f32, f64 and v128."""


def read_object(data: bytes, start: int = 0, end: int | None = None) -> ObjectFile:
    """Parse the object file in ``data[start:end]``.

    :raises FormatError: the file is damaged, or uses what a linker does not know.
    """
    obj = ObjectFile(data, start, end)
    ObjectReader(obj).read()
    return obj


class ObjectReader:
    """Fills in an object from its bytes. A subclass may read less of some sections: it overrides ``read_code`` and
    similar methods, each of which gets a reader of the section's contents and leaves it at their end."""

    def __init__(self, obj: ObjectFile) -> None:
        self.obj = obj
        self._data_count: int | None = None
        self._memories = 0
        self._filled_table = -1

    def read(self) -> None:
        reader = Reader(self.obj.data, self.obj.start, self.obj.end)
        if reader.end - reader.pos < 4 or reader.take(4) != MAGIC:
            raise FormatError("not a WebAssembly file")
        if reader.end - reader.pos < 4:
            raise FormatError("missing version number")
        version = reader.take(4)
        if version != VERSION:
            raise FormatError(f"invalid version number: {int.from_bytes(version, 'little')}")
        try:
            self.read_sections(reader)
        except IndexError:
            # Loops over many entries check for the end of their section after each entry, and may be past it then.
            raise FormatError("unexpected end of data") from None

    def read_sections(self, reader: Reader) -> None:
        handlers = {
            SectionId.TYPE: self.read_types,
            SectionId.IMPORT: self.read_imports,
            SectionId.FUNCTION: self.read_functions,
            SectionId.TABLE: self.read_tables,
            SectionId.MEMORY: self.read_memories,
            SectionId.GLOBAL: self.read_globals,
            SectionId.EXPORT: self.read_exports,
            SectionId.START: self.refuse_start,
            SectionId.ELEMENT: self.read_elements,
            SectionId.CODE: self.read_code,
            SectionId.DATA: self.read_data,
            SectionId.TAG: self.read_tags,
            SectionId.DATA_COUNT: self.read_data_count,
        }
        has_linking = False
        names: dict[bytes, bytes] = {}
        order = SectionOrder()
        data, pos, end_of_file = self.obj.data, reader.pos, reader.end
        sections = self.obj.sections
        while pos < end_of_file:
            id_ = data[pos]
            # Compilers pad it, so that it is no single byte.
            size, start = uleb_at(data, pos + 1, end_of_file)
            pos = start + size
            if pos > end_of_file:
                raise FormatError("section too large")
            if id_ != SectionId.CUSTOM:
                if id_ > SectionId.TAG:
                    raise FormatError(f"invalid section type: {id_}")
                order.check(id_, b"")
                sections.append(id_, b"", start, pos)
                handler = handlers.get(id_)
                if handler is not None:
                    contents = Reader(data, start, pos)
                    handler(contents)
                    if contents.pos != pos:
                        raise FormatError(f"data after the end of section {SECTION_NAMES[id_]}")
                continue
            contents = Reader(data, start, pos)
            name = contents.name()
            order.check(id_, name)
            # Very many may have one name.
            sections.append(id_, names.setdefault(name, name), contents.pos, pos)
            if name.startswith(b"reloc."):
                self.read_relocation_section(contents)
            elif name == b"linking":
                has_linking = True
                self.read_linking(contents)
            elif name == b"producers":
                self.read_producers(contents)
            elif name == b"target_features":
                self.read_features(contents)
            elif name == b"name":
                self.read_names(contents)
        reader.pos = pos
        if not has_linking:
            raise FormatError("not a relocatable wasm file")
        if self._data_count is not None and self._data_count != len(self.obj.segments):
            raise FormatError("number of data segments does not match DataCount section")
        if len(self.obj.functions) != max(len(self.obj.function_offsets) - 1, 0):
            raise FormatError("function and code section have inconsistent lengths")
        self._check_section_references()
        self._check_filled_table()

    def _check_filled_table(self) -> None:
        if self._filled_table < 0:
            return
        filled = (_TABLE, self._filled_table)
        names = [name for kind, _, name, index, _, _ in self.obj.symbols if (kind, index) == filled]
        if names != [_FUNCTION_TABLE]:
            raise FormatError("an object whose element segment fills its own table cannot be linked")

    def _check_section_references(self) -> None:
        """Check that symbols and COMDATs refer to existing sections, at the end of the file: sections may follow the
        linking section."""
        symbols = self.obj.symbols
        # Not with `zip`, of which mypyc compiles none of a bytearray.
        named = {index for i, index in enumerate(symbols.indices) if symbols.kinds[i] == _SECTION}
        for comdat in self.obj.comdats:
            named.update([index for kind, index in comdat.members if kind == ComdatKind.SECTION])
        for index in sorted(named):
            if index >= len(self.obj.sections) or self.obj.sections.ids[index] != SectionId.CUSTOM:
                raise FormatError(f"invalid section index: {index}")

    def _type_index(self, reader: Reader) -> int:
        index = reader.uleb()
        if index >= len(self.obj.types):
            raise FormatError(f"invalid type index: {index}")
        return index

    def _tag_type(self, reader: Reader) -> int:
        if reader.u8() != 0:
            raise FormatError("invalid attribute of a tag")
        return self._type_index(reader)

    def read_data_count(self, reader: Reader) -> None:
        self._data_count = reader.uleb()

    def read_types(self, reader: Reader) -> None:
        self.obj.types = parse_types(self.obj.data[reader.pos : reader.end])
        reader.pos = reader.end

    def read_imports(self, reader: Reader) -> None:
        count = reader.count(4)
        data, pos, end = self.obj.data, reader.pos, reader.end
        functions: list[Import] = []
        self.obj.imported_functions = functions
        self.obj.imported_globals, self.obj.imported_tables, self.obj.imported_tags = [], [], []
        number_of_types = len(self.obj.types)
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
                self.read_import(reader, module, field)
                pos = reader.pos
        reader.pos = pos

    def read_import(self, reader: Reader, module: bytes, field: bytes) -> None:
        """Read the kind and type of an import other than a function."""
        kind = reader.u8()
        if kind == ExternalKind.GLOBAL:
            self.obj.imported_globals.append(Import(module, field, _global_type(reader)))
        elif kind == ExternalKind.TABLE:
            self.obj.imported_tables.append(Import(module, field, _table_type(reader)))
        elif kind == ExternalKind.MEMORY:
            self._has_memory(reader)
        elif kind == ExternalKind.TAG:
            self.obj.imported_tags.append(Import(module, field, self._tag_type(reader)))
        else:
            raise FormatError(f"unexpected import kind: {kind}")

    def read_functions(self, reader: Reader) -> None:
        count = reader.count()
        indices = self.obj.data[reader.pos : reader.end]
        if len(indices) == count and (not count or max(indices) < min(0x80, len(self.obj.types))):
            self.obj.functions = list(indices)
            reader.pos = reader.end
        else:
            self.obj.functions = [self._type_index(reader) for _ in range(count)]
        self.obj.function_names = [b""] * count

    def read_tables(self, reader: Reader) -> None:
        self.obj.tables = [_table_type(reader) for _ in range(reader.count(3))]

    def read_memories(self, reader: Reader) -> None:
        # Compilers' objects import their memory; objects that a linker wrote with -r define it.
        for _ in range(reader.count(2)):
            self._has_memory(reader)

    def _has_memory(self, reader: Reader) -> None:
        if self._memories:
            raise FormatError("an object with several memories cannot be linked: the output has one")
        self._memories += 1
        self.obj.is_64 = bool(reader.limits()[0] & LIMITS_IS_64)

    def refuse_start(self, reader: Reader) -> None:
        function = reader.uleb()
        if function >= len(self.obj.imported_functions) + len(self.obj.functions):
            raise FormatError("invalid start function")
        raise FormatError(
            "an object with a start section cannot be linked: make its function a constructor, or name it with --start="
        )

    def read_elements(self, reader: Reader) -> None:
        """Skip the element section, which old compilers write beside equivalent relocations: the linker fills the
        function table from those. An element that would be lost is an error."""
        tables = len(self.obj.imported_tables)
        functions = len(self.obj.imported_functions) + len(self.obj.functions)
        for _ in range(reader.count(3)):
            flags = reader.uleb()
            if flags > 7:
                raise FormatError(f"invalid flags of an element segment: {flags}")
            if flags & 1:
                raise FormatError("an object with a passive or declared element segment cannot be linked")
            table = reader.uleb() if flags & 2 else 0
            if table >= tables or self.obj.imported_tables[table].field != _FUNCTION_TABLE:
                self._filled_table = table
            reader.skip_constant_expression()
            if flags & 2:
                # The kind of the elements, or their type.
                reader.u8()
            for _ in range(reader.count()):
                if flags & 4:
                    reader.skip_constant_expression()
                elif reader.uleb() >= functions:
                    raise FormatError("invalid function index in an element segment")

    def read_globals(self, reader: Reader) -> None:
        initializers: dict[bytes, bytes] = {}
        self.obj.globals = []
        for _ in range(reader.count(4)):
            # Globals have no relocations: an index would refer to another global in the output.
            type_, initializer = _global_type(reader), reader.constant_expression(indices=False)
            self.obj.globals.append(Global(type_, initializers.setdefault(initializer, initializer)))

    def read_tags(self, reader: Reader) -> None:
        self.obj.tags = [self._tag_type(reader) for _ in range(reader.count(2))]

    def read_exports(self, reader: Reader) -> None:
        imported = len(self.obj.imported_functions)
        others = {
            ExternalKind.GLOBAL: len(self.obj.imported_globals) + len(self.obj.globals),
            ExternalKind.TAG: len(self.obj.imported_tags) + len(self.obj.tags),
        }
        self.obj.export_names = {}
        for _ in range(reader.count(3)):
            name = reader.name()
            kind = reader.u8()
            index = reader.uleb()
            if kind == ExternalKind.FUNCTION:
                if index >= imported + len(self.obj.functions):
                    raise FormatError("invalid function export")
                if index >= imported:
                    self.obj.export_names[index - imported] = name
            elif kind > ExternalKind.TAG:
                raise FormatError(f"unexpected export kind: {kind}")
            elif kind in others and index >= others[kind]:
                raise FormatError(f"invalid {'global' if kind == ExternalKind.GLOBAL else 'tag'} export")

    def read_code(self, reader: Reader) -> None:
        self.obj.code_section = len(self.obj.sections) - 1
        start = reader.pos
        count = reader.count()
        data, pos, end = self.obj.data, reader.pos, reader.end
        offsets: list[int] = []
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
            locals_ = data[pos]
            if locals_:
                # A count and a type, each of one byte in nearly all declarations.
                after = pos + 1 + 2 * locals_
                if after > pos + size or not data[pos:after].isascii():
                    _check_locals(Reader(data, pos, pos + size))
            pos += size
        append(pos - start)
        self.obj.function_offsets = array("I", offsets)
        reader.pos = pos

    def read_data(self, reader: Reader) -> None:
        self.obj.data_section = len(self.obj.sections) - 1
        start = reader.pos
        count = reader.count(2)
        data, pos, end = self.obj.data, reader.pos, reader.end
        offsets: list[int] = []
        sizes: list[int] = []
        add_offset, add_size = offsets.append, sizes.append
        for _ in range(count):
            # A segment's address in the object does not affect a link.
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
            add_offset(pos - start)
            add_size(size)
            pos += size
        self.obj.segments = unnamed_segments(offsets, sizes)
        reader.pos = pos

    def _skip_segment_head(self, reader: Reader) -> None:
        """Skip the fields before the size of a data segment."""
        flags = reader.uleb()
        if flags > 2:
            raise FormatError(f"invalid flags of a data segment: {flags}")
        if flags == 2:
            reader.uleb()
        if flags != 1:
            reader.skip_constant_expression()

    def read_linking(self, reader: Reader) -> None:
        LinkingReader(self.obj).read(reader)

    def read_relocation_section(self, reader: Reader) -> None:
        section = reader.uleb()
        count = reader.count(3)
        if section >= len(self.obj.sections) - 1:
            raise FormatError("invalid section index of relocations")
        if section in self.obj.relocation_sections():
            raise FormatError("a section has two relocation sections")
        if not count and reader.pos < reader.end:
            raise FormatError("data after the last relocation")
        target = self.obj.sections[section]
        if reader.pos < reader.end and not (target.id in (SectionId.CODE, SectionId.DATA) or is_copied(target)):
            # No pass would ask for them, and so none would see whether they are damaged.
            raise FormatError(f"relocations for section {target}, which cannot have any")
        self.obj.add_relocation_section(section, reader.pos, reader.end, count)

    def read_producers(self, reader: Reader) -> None:
        self.obj.producers = parse_producers(self.obj.data[reader.pos : reader.end])

    def read_features(self, reader: Reader) -> None:
        self.obj.features = parse_features(self.obj.data[reader.pos : reader.end])

    def read_names(self, reader: Reader) -> None:
        self.obj.debug_names = read_names(self.obj, reader)


def _global_type(reader: Reader) -> GlobalType:
    value_type = reader.value_type()
    mutable = reader.u8()
    if mutable > 1:
        raise FormatError("invalid mutability of a global")
    return _shared_global_type((value_type, bool(mutable)))


@remember(256)
def _shared_global_type(fields: tuple[bytes, bool]) -> GlobalType:
    return GlobalType(*fields)


def _table_type(reader: Reader) -> TableType:
    element_type = reader.value_type()
    if element_type in _NUMBERS:
        raise FormatError("invalid table element type")
    flags, minimum, maximum, _ = reader.limits()
    return _shared_table_type((element_type, flags, minimum, maximum))


@remember(256)
def _shared_table_type(fields: tuple[bytes, int, int, int | None]) -> TableType:
    return TableType(*fields)


def _check_locals(body: Reader) -> None:
    """Check the declarations of local variables at the start of a function body."""
    total = 0
    for _ in range(body.uleb()):
        total += body.uleb()
        body.value_type()
    if total >> 32:
        raise FormatError(f"a function with {total} local variables")
