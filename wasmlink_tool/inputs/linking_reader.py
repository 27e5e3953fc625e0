"""Parsing of the linking section of an object: segment names, constructors, COMDAT groups, the symbol table."""

from __future__ import annotations

from itertools import islice
from operator import eq

from ..binary.constants import LINKING_VERSION, ComdatKind, LinkingSubsection, SegmentFlag, SymbolFlag, SymbolKind
from ..binary.reader import FormatError, Reader, uleb_at
from .object_file import Comdat, InitFunctions, ObjectFile
from .symbol_columns import symbol_columns

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
_UNDEFINED: Final = SymbolFlag.UNDEFINED
_EXPLICIT_NAME: Final = SymbolFlag.EXPLICIT_NAME
_ABSOLUTE: Final = SymbolFlag.ABSOLUTE
_TLS_NAMES: Final = (b".tdata", b".tbss")
_MANY: Final = 1 << 16
_KIND_TEXTS: Final = {_FUNCTION: "function", _GLOBAL: "global", _TAG: "tag", _TABLE: "table"}


class LinkingReader:
    """Fills in the contents of an object's linking section; numbers are read in line as in :mod:`.object_reader`."""

    def __init__(self, obj: ObjectFile) -> None:
        self.obj = obj

    def read(self, reader: Reader) -> None:
        version = reader.uleb()
        if version != LINKING_VERSION:
            raise FormatError(f"unexpected metadata version: {version} (Expected: {LINKING_VERSION})")
        handlers = {
            LinkingSubsection.SEGMENT_INFO: self.read_segment_info,
            LinkingSubsection.INIT_FUNCS: self.read_init_functions,
            LinkingSubsection.COMDAT_INFO: self.read_comdats,
            LinkingSubsection.SYMBOL_TABLE: self.read_symbols,
        }
        while reader.pos < reader.end:
            kind = reader.u8()
            size = reader.uleb()
            end = reader.pos + size
            if end > reader.end:
                raise FormatError("a subsection of the linking section is too large")
            handler = handlers.get(kind)
            if handler is not None:
                contents = Reader(self.obj.data, reader.pos, end)
                handler(contents)
                if contents.pos != end:
                    raise FormatError("a subsection of the linking section ended prematurely")
            reader.pos = end

    def read_segment_info(self, reader: Reader) -> None:
        count = reader.count(3)
        if count > len(self.obj.segments):
            raise FormatError("segment info for more segments than there are")
        data, pos, end = self.obj.data, reader.pos, reader.end
        segments = self.obj.segments
        for number in range(count):
            length = data[pos]
            pos += 1
            if length >= 0x80:
                length, pos = uleb_at(data, pos - 1, end)
            name = segments.names[number] = data[pos : pos + length]
            pos += length
            alignment, flags = data[pos], data[pos + 1]
            pos += 2
            if alignment > 31:
                alignment, pos = uleb_at(data, pos - 2, end)
                if alignment > 31:
                    raise FormatError(f"invalid alignment of a data segment: 2^{alignment}")
                flags = data[pos]
                pos += 1
            if flags >= 0x80:
                flags, pos = uleb_at(data, pos - 1, end)
            if pos > end:
                raise FormatError("unexpected end of data")
            if not flags & SegmentFlag.TLS and name.startswith(_TLS_NAMES):
                # Objects from before the flag rely on the name.
                flags |= SegmentFlag.TLS
            segments.alignments[number] = alignment
            segments.flags[number] = flags
        reader.pos = pos

    def read_init_functions(self, reader: Reader) -> None:
        imported = len(self.obj.imported_functions)
        # Most objects share the empty ones. There may be several tables.
        found = self.obj.init_functions if len(self.obj.init_functions) else InitFunctions()
        for _ in range(reader.count(2)):
            priority = reader.uleb()
            symbol = reader.uleb()
            if symbol >= len(self.obj.symbols):
                raise FormatError(f"invalid function symbol: {symbol}")
            kind, flags, _, index, _, _ = self.obj.symbols[symbol]
            if kind != _FUNCTION or (index < imported and not flags & _UNDEFINED):
                raise FormatError(f"invalid function symbol: {symbol}")
            found.append(priority, symbol)
        self.obj.init_functions = found

    def read_comdats(self, reader: Reader) -> None:
        limits: dict[int, tuple[int, int, str]] = {
            ComdatKind.DATA: (0, len(self.obj.segments), "data"),
            ComdatKind.FUNCTION: (len(self.obj.imported_functions), len(self.obj.functions), "function"),
            ComdatKind.GLOBAL: (len(self.obj.imported_globals), len(self.obj.globals), "global"),
            ComdatKind.TAG: (len(self.obj.imported_tags), len(self.obj.tags), "tag"),
            ComdatKind.TABLE: (len(self.obj.imported_tables), len(self.obj.tables), "table"),
            ComdatKind.SECTION: (0, 0, "section"),
        }
        names: set[bytes] = set()
        grouped: set[tuple[int, int]] = set()
        comdats = self.obj.comdats or []
        self.obj.comdats = comdats
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
                if kind in (ComdatKind.DATA, ComdatKind.FUNCTION):
                    if (kind, index) in grouped:
                        raise FormatError(f"{what}{' segment' * (kind == ComdatKind.DATA)} in two COMDATs")
                    grouped.add((kind, index))
                members.append((kind, index))
            comdats.append(Comdat(name, members))

    def read_symbols(self, reader: Reader) -> None:
        functions = len(self.obj.imported_functions)
        others = {
            _GLOBAL: (self.obj.imported_globals, len(self.obj.globals)),
            _TAG: (self.obj.imported_tags, len(self.obj.tags)),
            _TABLE: (self.obj.imported_tables, len(self.obj.tables)),
        }
        last_function = functions + len(self.obj.functions)
        function_names = self.obj.function_names
        segment_sizes = self.obj.segments.sizes
        global_names: list[bytes] = []
        count = reader.count(3)
        data, pos, end = self.obj.data, reader.pos, reader.end
        columns = self.obj.symbols if len(self.obj.symbols) else symbol_columns()
        self.obj.symbols = columns
        first = columns.grow(count)
        kinds, names, all_flags, indices = columns.kinds, columns.names, columns.flags, columns.indices
        for number in range(first, first + count):
            kind = data[pos]
            flags = data[pos + 1]
            pos += 2
            if flags >= 0x80:
                flags, pos = uleb_at(data, pos - 1, end)
            if flags & _LOCAL and flags & (_WEAK | _UNDEFINED):
                raise FormatError("a symbol with an invalid binding")
            index = 0
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
                        if index >= len(segment_sizes):
                            raise FormatError(f"invalid data segment index: {index}")
                        if offset > segment_sizes[index]:
                            raise FormatError(
                                f"invalid data symbol offset: `{_text(name)}` "
                                f"(offset: {offset} segment size: {segment_sizes[index]})"
                            )
                    try:
                        columns.offsets[number] = offset
                        columns.sizes[number] = size
                    except OverflowError:
                        columns.widen(max(offset, size))
                        columns.offsets[number] = offset
                        columns.sizes[number] = size
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
                    imports, imported, last = self.obj.imported_functions, functions, last_function
                else:
                    if kind not in others:
                        raise FormatError(f"invalid symbol type: {kind}")
                    if flags & _UNDEFINED and flags & _WEAK:
                        # A null address stands for a function or data; nothing stands for these.
                        raise FormatError(f"undefined weak {_KIND_TEXTS[kind]} symbol")
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
            kinds[number] = kind
            all_flags[number] = flags
            names[number] = name
            indices[number] = index
            if not flags & _LOCAL:
                global_names.append(name)
        reader.pos = pos
        if len(global_names) > _MANY:
            # A set of them would take several times the memory of sorting them.
            ordered = sorted(global_names)
            is_distinct = not any(map(eq, ordered, islice(ordered, 1, None)))
        else:
            is_distinct = len(global_names) == len(set(global_names))
        if not is_distinct:
            seen: set[bytes] = set()
            for name in global_names:
                if name in seen:
                    raise FormatError(f"duplicate symbol name {_text(name)}")
                seen.add(name)


def _text(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")
