"""Read the entries of the cache: a parsed object, or the index of an archive. :mod:`.entry_writer` writes them.

They are stored columns (:mod:`..stored`), and as untrusted as the files that they are read from: the values of an entry
are checked as the parser checks them, in bulk. Data that is not an entry of this version decodes to ``None``.

An object's entry is a record of these columns:

- its numbers: a head, then tables, column after column. The head has the number of rows of the common tables; each
  table that most objects lack is preceded by its own;
- its names, each once: in the tables a name is the number of one of these. Its type section, features and producers are
  such names, too, encoded: they are parsed once for all objects with the same ones;
- for each section whose relocations were decoded, their columns.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence
from itertools import accumulate, chain, pairwise
from operator import le, mul, sub

from ..binary.constants import ComdatKind, SectionId, SymbolFlag, SymbolKind
from ..binary.reader import FormatError, Reader
from ..binary.relocation_types import RELOCATION_NAMES
from ..binary.relocations import Relocations
from ..memo import remember
from ..stored import (
    StoredError,
    unpack_array,
    unpack_columns,
    unpack_record,
    unpack_strings,
    unpack_unsigned,
)
from .object_file import (
    Comdat,
    Global,
    GlobalType,
    Import,
    InitFunctions,
    ObjectFile,
    TableType,
)
from .section_columns import SectionColumns
from .segment_columns import segment_columns
from .shared_sections import parse_features, parse_producers, parse_types
from .symbol_columns import symbol_columns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

ArchiveIndex = list[tuple[str, int, int, "list[bytes] | None"]]
"""For each member: name, start, end, defined symbols (``None``: not a Wasm object, or a damaged one)."""

_NO_ENTRY: Final = (FormatError, ValueError, LookupError, OverflowError)
"""The exceptions for a damaged or foreign entry, such as :exc:`~..stored.StoredError`."""
_HEAD: Final = 15
"""Numbers at the start of an object's entry; the last ones are numbers of rows."""
_WIDTHS: Final = (4, 3, 3, 5, 2, 5, 4, 1)
"""The number of columns of each table. Functions have one number more."""
_PLACE: Final = 4
_KNOWN_TYPES: Final = bytes(RELOCATION_NAMES)
_COLUMNS: Final = 4
"""The columns of relocations: types, offsets, indices, addends."""


def decode_object(payload: bytes, data: bytes, start: int, end: int) -> ObjectFile | None:
    """Return the object whose bytes are ``data[start:end]``, which may be absent."""
    try:
        return _decode_object(payload, data, start, end)
    except _NO_ENTRY:
        return None


def _decode_object(payload: bytes, data: bytes, start: int, end: int) -> ObjectFile:
    """Decode an entry. The code is unrolled: most objects of a library are small, and calls would double the time."""
    packed_numbers, packed_names, *packed_relocations = unpack_columns(memoryview(payload))
    numbers, names = unpack_unsigned(packed_numbers), unpack_strings(packed_names)
    name = names.__getitem__
    (size, is_64, code_section, data_section, types, features, producers) = numbers[:7]
    (sections, imports, functions, segments, sorts, symbols, places, decoded) = counts = numbers[7:_HEAD]
    if data and size != end - start:
        raise StoredError("an entry of another object")
    pos = _HEAD
    if pos + sum(map(mul, counts, _WIDTHS)) + 1 > len(numbers):
        raise StoredError("tables that are cut short")
    obj = ObjectFile(data, start, end)
    obj.is_cached = True
    obj.is_64 = bool(is_64)
    obj.types = parse_types(name(types))
    obj.features = parse_features(name(features))
    obj.producers = parse_producers(name(producers))

    ids = numbers[pos : pos + sections]
    pos += sections
    section_names = map(name, numbers[pos : pos + sections])
    pos += sections
    bounds = numbers[pos : pos + 2 * sections]
    pos += 2 * sections
    if bounds != sorted(bounds) or (bounds and bounds[-1] > size):
        raise StoredError("sections that are not one after the other")
    obj.code_section = code = code_section - 1
    obj.data_section = data_ = data_section - 1
    if (code >= 0 and ids[code] != SectionId.CODE) or (data_ >= 0 and ids[data_] != SectionId.DATA):
        raise StoredError("a section that is another")
    size_of_code = bounds[2 * code + 1] - bounds[2 * code] if code >= 0 else 0
    size_of_data = bounds[2 * data_ + 1] - bounds[2 * data_] if data_ >= 0 else 0
    if start:
        bounds = [start + bound for bound in bounds]
    obj.sections = SectionColumns(ids, section_names, bounds[::2], bounds[1::2])

    modules = numbers[pos : pos + imports]
    pos += imports
    fields = numbers[pos : pos + imports]
    pos += imports
    import_types = numbers[pos : pos + imports]
    pos += imports
    obj.imported_functions = list(map(Import, map(name, modules), map(name, fields), import_types))
    obj.functions = numbers[pos : pos + functions]
    pos += functions
    if max(max(import_types, default=-1), max(obj.functions, default=-1)) >= len(obj.types):
        raise StoredError("a function without a type")
    obj.function_names = list(map(name, numbers[pos : pos + functions]))
    pos += functions
    offsets = numbers[pos : pos + functions + 1]
    pos += functions + 1
    if offsets != sorted(offsets) or offsets[-1] > size_of_code:
        raise StoredError("functions that are not one after the other")
    if code >= 0:
        obj.function_offsets = array("I", offsets)
    elif functions:
        raise StoredError("functions without bodies")

    segment_names = map(name, numbers[pos : pos + segments])
    pos += segments
    alignments = numbers[pos : pos + segments]
    pos += segments
    segment_flags = numbers[pos : pos + segments]
    pos += segments
    bounds = numbers[pos : pos + 2 * segments]
    pos += 2 * segments
    if bounds != sorted(bounds) or (bounds and bounds[-1] > size_of_data) or max(alignments, default=0) > 31:
        raise StoredError("segments that are not one after the other")
    starts = bounds[::2]
    sizes = list(map(sub, bounds[1::2], starts))
    obj.segments = segment_columns(list(segment_names), alignments, segment_flags, starts, sizes)

    kinds = numbers[pos : pos + sorts]
    pos += sorts
    flags = numbers[pos : pos + sorts]
    pos += sorts
    sort = numbers[pos : pos + symbols]
    pos += symbols
    symbol_names = map(name, numbers[pos : pos + symbols])
    pos += symbols
    indices = numbers[pos : pos + symbols]
    pos += symbols
    values = numbers[pos : pos + symbols]
    pos += symbols
    sizes = numbers[pos : pos + symbols]
    pos += symbols
    obj.symbols = symbol_columns(
        map(kinds.__getitem__, sort), map(flags.__getitem__, sort), symbol_names, indices, values, sizes
    )

    at = pos + _PLACE * places
    columns = [numbers[first : first + places] for first in range(pos, at, places)] if places else [[]] * _PLACE
    decoded_sections = numbers[at : at + decoded]
    pos = at + decoded
    _decode_rare_tables(obj, _TableReader(numbers, pos + 1, names), numbers[pos])
    _check_symbols(obj, kinds, flags, sort, indices)
    _set_relocations(obj, columns, size, decoded_sections, packed_relocations)
    return obj


class _TableReader:
    """Reads tables after their numbers of rows."""

    def __init__(self, numbers: list[int], pos: int, names: list[bytes]) -> None:
        self._numbers = numbers
        self._names = names
        self.pos = pos

    def columns(self, width: int) -> list[list[int]]:
        """Return the columns of the next table."""
        numbers = self._numbers
        start = self.pos + 1
        count = numbers[start - 1]
        end = self.pos = start + width * count
        if end > len(numbers):
            raise StoredError("a table that is cut short")
        return [numbers[at : at + count] for at in range(start, end, count)] if count else [[] for _ in range(width)]

    def is_at_end(self) -> bool:
        return self.pos == len(self._numbers)

    def names(self, numbers: list[int]) -> list[bytes]:
        return list(map(self._names.__getitem__, numbers))

    def imports(self, width: int) -> tuple[list[bytes], list[bytes], list[list[int]]]:
        modules, fields, *types = self.columns(2 + width)
        return self.names(modules), self.names(fields), types

    def table_types(self, columns: list[list[int]]) -> list[TableType]:
        elements, flags, minima, bounded, maxima = columns
        limits = [maximum if has else None for maximum, has in zip(maxima, bounded)]
        return list(map(TableType, map(_value_type, self.names(elements)), flags, minima, limits))

    def global_types(self, columns: list[list[int]]) -> list[GlobalType]:
        value_types, mutable = columns
        return list(map(GlobalType, map(_value_type, self.names(value_types)), map(bool, mutable)))


def _decode_rare_tables(obj: ObjectFile, tables: _TableReader, present: int) -> None:
    """Decode the tables that most objects lack.

    :param present: the tables that exist, as bits.
    """
    tags: list[int] = []
    if present & 1:
        modules, fields, columns = tables.imports(2)
        obj.imported_globals = list(map(Import, modules, fields, tables.global_types(columns)))
    if present & 2:
        modules, fields, columns = tables.imports(5)
        obj.imported_tables = list(map(Import, modules, fields, tables.table_types(columns)))
    if present & 4:
        modules, fields, (tags,) = tables.imports(1)
        obj.imported_tags = list(map(Import, modules, fields, tags))
    if present & 8:
        *columns, initializers = tables.columns(3)
        obj.globals = list(map(Global, tables.global_types(columns), map(_initializer, tables.names(initializers))))
    if present & 16:
        obj.tables = tables.table_types(tables.columns(5))
    if present & 32:
        (obj.tags,) = tables.columns(1)
    if max(max(tags, default=-1), max(obj.tags, default=-1)) >= len(obj.types):
        raise StoredError("a tag without a type")
    if present & 64:
        priorities, symbols = tables.columns(2)
        if any(obj.symbols[symbol][0] != SymbolKind.FUNCTION for symbol in symbols):
            raise StoredError("a constructor that is no function")
        obj.init_functions = InitFunctions(priorities, symbols)
    if present & 128:
        comdats, counts = tables.columns(2)
        members = list(zip(*tables.columns(2)))
        _check_comdats(obj, members)
        if sum(counts) != len(members):
            raise StoredError("COMDAT groups that do not make up their members")
        bounds = pairwise(accumulate(counts, initial=0))
        obj.comdats = [
            Comdat(name, members[first:after]) for name, (first, after) in zip(tables.names(comdats), bounds)
        ]
    obj.export_names, obj.debug_names = {}, {}
    for bit, given in ((256, obj.export_names), (512, obj.debug_names)):
        if present & bit:
            functions, names = tables.columns(2)
            if max(functions, default=-1) >= len(obj.functions):
                raise StoredError("a name of a function that is not there")
            given.update(zip(functions, tables.names(names)))
    if not tables.is_at_end():
        raise StoredError("more tables than there should be")


def _set_relocations(
    obj: ObjectFile,
    columns: list[list[int]],
    size: int,
    decoded: list[int],
    stored: Sequence[bytes | memoryview],
) -> None:
    """Set the ranges of relocations and the decoded ones, with the checks that decoding makes."""
    sections, starts, ends, counts = columns
    if max(sections, default=-1) >= len(obj.sections) or max(ends, default=0) > size or not all(map(le, starts, ends)):
        raise StoredError("relocations outside of the object")
    start = obj.start
    places = {
        section: (start + first, start + after, count)
        for section, first, after, count in zip(sections, starts, ends, counts)
    }
    if len(stored) != _COLUMNS * len(decoded):
        raise StoredError("columns of relocations that are not all there")
    found = {}
    for number, section in enumerate(decoded):
        relocs = _relocations(*stored[_COLUMNS * number : _COLUMNS * (number + 1)])
        if len(relocs.types) != places[section][2]:
            raise StoredError("relocations of no section")
        found[section] = relocs
    obj.set_relocations(places, found)


def _relocations(
    types: bytes | memoryview, offsets: bytes | memoryview, indices: bytes | memoryview, addends: bytes | memoryview
) -> Relocations:
    types = bytes(types)
    if not addends:
        # All are 0.
        addends = bytes(4 * len(types))
    columns: list[array[int]] = [
        unpack_array("I", offsets),
        unpack_array("I", indices),
        unpack_array("i" if len(addends) == 4 * len(types) else "q", addends),
    ]
    if any(len(column) != len(types) for column in columns) or types.translate(None, _KNOWN_TYPES):
        raise StoredError("columns of relocations that are not equally long")
    numbers = columns[0].tolist()
    if numbers != sorted(numbers):
        raise StoredError("relocations that are not one after the other")
    return Relocations(types, *columns)


# Checks


def _check_symbols(obj: ObjectFile, kinds: list[int], flags: list[int], sorts: list[int], indices: list[int]) -> None:
    """Check that indices are in the symbols' index spaces, and are imports if and only if the symbol is undefined."""
    first: list[int] = []
    last: list[int] = []
    for kind, bits in zip(kinds, flags):
        undefined = bits & SymbolFlag.UNDEFINED
        if kind == SymbolKind.DATA and (undefined or bits & SymbolFlag.ABSOLUTE):
            # It is in no segment.
            first.append(0)
            last.append(sys.maxsize)
            continue
        imported, own = _index_space(obj, kind)
        first.append(0 if undefined else imported)
        last.append((imported if undefined else imported + own) - 1)
    if not all(map(le, map(first.__getitem__, sorts), indices)) or not all(
        map(le, indices, map(last.__getitem__, sorts))
    ):
        raise StoredError("a symbol of what is not there")
    if SymbolKind.SECTION in kinds:
        _check_custom(obj, [index for index, sort in zip(indices, sorts) if kinds[sort] == SymbolKind.SECTION])


def _index_space(obj: ObjectFile, kind: int) -> tuple[int, int]:
    """Return the sizes of a kind's index space: imports, and the object's own entries."""
    if kind == SymbolKind.FUNCTION:
        return len(obj.imported_functions), len(obj.functions)
    if kind == SymbolKind.DATA:
        return 0, len(obj.segments)
    if kind == SymbolKind.SECTION:
        return 0, len(obj.sections)
    if kind == SymbolKind.GLOBAL:
        return len(obj.imported_globals), len(obj.globals)
    if kind == SymbolKind.TAG:
        return len(obj.imported_tags), len(obj.tags)
    return (len(obj.imported_tables), len(obj.tables)) if kind == SymbolKind.TABLE else (0, 0)


def _check_comdats(obj: ObjectFile, members: list[tuple[int, int]]) -> None:
    spaces: dict[int, tuple[int, int]] = {
        ComdatKind.DATA: (0, len(obj.segments)),
        ComdatKind.FUNCTION: (len(obj.imported_functions), len(obj.functions)),
        ComdatKind.GLOBAL: (len(obj.imported_globals), len(obj.globals)),
        ComdatKind.TAG: (len(obj.imported_tags), len(obj.tags)),
        ComdatKind.TABLE: (len(obj.imported_tables), len(obj.tables)),
        ComdatKind.SECTION: (0, len(obj.sections)),
    }
    for kind, index in members:
        first, number = spaces.get(kind, (0, 0))
        if not first <= index < first + number:
            raise StoredError("a member of a COMDAT group that is not there")
    _check_custom(obj, [index for kind, index in members if kind == ComdatKind.SECTION])


def _check_custom(obj: ObjectFile, sections: list[int]) -> None:
    if any(obj.sections.ids[section] != SectionId.CUSTOM for section in sections):
        raise StoredError("a custom section that is none")


@remember(256)
def _value_type(value_type: bytes) -> bytes:
    """Return a value type, after checking it."""
    reader = Reader(value_type, 0, len(value_type))
    if reader.value_type() != value_type:
        raise StoredError("no value type")
    return value_type


@remember(256)
def _initializer(expression: bytes) -> bytes:
    reader = Reader(expression, 0, len(expression))
    if reader.constant_expression() != expression:
        raise StoredError("no constant expression")
    return expression


# Archive indices


def decode_index(payload: bytes, size: int = sys.maxsize) -> ArchiveIndex | None:
    """Return the index of an archive of ``size`` bytes."""
    try:
        packed_names, packed_numbers, packed_symbols = unpack_record(memoryview(payload), 3)
        names = [name.decode("utf-8", "surrogateescape") for name in unpack_strings(packed_names)]
        numbers, defined = unpack_unsigned(packed_numbers), unpack_strings(packed_symbols)
        number = len(names)
        starts, ends, counts = numbers[:number], numbers[number : 2 * number], numbers[2 * number :]
        bounds = list(chain.from_iterable(zip(starts, ends)))
        last = list(accumulate([max(0, count - 1) for count in counts], initial=0))
        if len(counts) != number or last[-1] != len(defined) or bounds != sorted(bounds) or max(ends, default=0) > size:
            return None
    except _NO_ENTRY:
        return None
    return [
        (name, start, end, defined[first:after] if count else None)
        for name, start, end, count, first, after in zip(names, starts, ends, counts, last, last[1:])
    ]
