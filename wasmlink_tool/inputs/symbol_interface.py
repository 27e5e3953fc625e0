"""The interface of an object to symbol resolution."""

from __future__ import annotations

from array import array
from hashlib import sha256

from ..binary.constants import ComdatKind, SymbolFlag, SymbolKind
from ..binary.reader import FormatError, Reader
from ..binary.relocations import Relocations
from ..diagnostics import FatalError
from .input_files import ObjectSource
from .object_file import GlobalType, ObjectFile, TableType, is_wasm
from .object_reader import ObjectReader, read_object
from .segment_columns import segment_columns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class SymbolFile(ObjectFile):
    """An object whose code and data were counted, not read."""

    def relocations(self, section: int) -> Relocations:
        # Needed only if declarations of a function disagree, which is rare.
        return read_object(self.data, self.start, self.end).relocations(section)


class SymbolReader(ObjectReader):
    """Skips everything that resolution does not read."""

    def read_code(self, reader: Reader) -> None:
        self.obj.code_section = len(self.obj.sections) - 1
        self.obj.function_offsets = array("I", bytes(4 * (reader.count() + 1)))
        reader.pos = reader.end

    def read_data(self, reader: Reader) -> None:
        self.obj.data_section = len(self.obj.sections) - 1
        # The size is unknown, and large enough for every symbol.
        count = reader.count(2)
        zeros, sizes = [0] * count, [(1 << 64) - 1] * count
        self.obj.segments = segment_columns([b""] * count, zeros, zeros, zeros, sizes)
        reader.pos = reader.end

    def read_exports(self, reader: Reader) -> None:
        reader.pos = reader.end

    def read_producers(self, reader: Reader) -> None:
        pass

    def read_features(self, reader: Reader) -> None:
        pass

    def read_names(self, reader: Reader) -> None:
        pass


def read_symbols(data: bytes, start: int = 0, end: int | None = None) -> ObjectFile:
    """Parse an object file as far as resolution looks at it.

    :raises FormatError: the file is damaged, or uses what a linker does not know.
    """
    obj = SymbolFile(data, start, end)
    SymbolReader(obj).read()
    return obj


class SymbolSource(ObjectSource):
    """A source whose object is read for resolution only."""

    __slots__ = ()

    def __init__(self, source: ObjectSource) -> None:
        super().__init__(
            source.data,
            source.start,
            source.end,
            source.member,
            archive_path=source.archive,
            lazy=source.lazy,
            symbols=source.known_symbols,
        )

    def parse(self) -> ObjectFile:
        try:
            return read_symbols(self.data, self.start, self.end)
        except FormatError as error:
            raise FatalError(f"{self.name}: {error}") from None


def interface_digest(obj: ObjectFile) -> str:
    """Return a digest of an object's definitions and references: its global symbols in order, with their types, import
    names and COMDAT groups. Local symbols do not affect resolution."""
    first = len(obj.imported_functions)
    groups = {(kind, index): comdat.name for comdat in obj.comdats for kind, index in comdat.members}
    imports = obj.imported_functions
    rows: list[object] = []
    for kind, flags, name, index, _, _ in obj.symbols:
        if flags & SymbolFlag.BINDING_LOCAL:
            continue
        if kind == SymbolKind.FUNCTION:
            origin = (imports[index].module, imports[index].field) if index < first else None
            group = groups.get((ComdatKind.FUNCTION, index)) if groups else None
            rows.append((kind, flags, name, obj.function_signature(index), origin, group))
        elif kind == SymbolKind.DATA:
            rows.append((kind, flags, name, groups.get((ComdatKind.DATA, index)) if groups else None))
        else:
            rows.append((kind, flags, name, index, groups.get((ComdatKind.TAG, index))))
    others = [*obj.imported_globals, *obj.imported_tables, *obj.imported_tags]
    types: list[object] = [
        (i.module, i.field, obj.types[i.type] if isinstance(i.type, int) else _plain(i.type)) for i in others
    ]
    types += [_plain(g.type) for g in obj.globals]
    types += [*map(_plain, obj.tables), *(obj.types[tag] for tag in obj.tags)]
    names = [comdat.name for comdat in obj.comdats]
    return sha256(repr((obj.is_64, rows, types, names)).encode()).hexdigest()[:32]


def _plain(type_: int | GlobalType | TableType) -> Any:
    """Return a type as numbers and bytes."""
    if isinstance(type_, GlobalType):
        return type_.value_type, type_.mutable
    if isinstance(type_, TableType):
        return type_.element_type, type_.flags, type_.minimum, type_.maximum
    return type_


def interface_of(path: str) -> str | None:
    """Return the digest of the object in a file; ``None`` if it is not an object."""
    try:
        with open(path, "rb") as file:
            data = file.read()
        return interface_digest(read_symbols(data)) if is_wasm(data) else None
    except (OSError, ValueError, FormatError):
        return None
