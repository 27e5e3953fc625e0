"""Write the entries of the cache, which :mod:`.entries` reads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import count

from ..binary.constants import SectionId
from ..binary.relocations import Relocations
from ..stored import StoredError, pack_array, pack_numbers, pack_record, pack_strings
from .entries import ArchiveIndex
from .object_file import GlobalType, Import, ObjectFile, TableType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final


def stored_sections(obj: ObjectFile) -> list[int]:
    """Return the sections whose relocations an entry holds: code and data, if they were decoded. Relocations of debug
    information would be larger than everything else, and only links that keep it read them, once."""
    return [section for section in obj.decoded_sections() if obj.sections[section].id]


class _Tables:
    """The numbers and names of an object's entry while it is written."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.names: dict[bytes, int] = defaultdict(count().__next__)
        """Name to its number, which it gets when it is first looked up."""

    def name(self, name: bytes) -> int:
        return self.names[name]

    def add(self, rows: Sequence[tuple[int, ...]]) -> None:
        """Add the columns of rows of equal length."""
        for column in zip(*rows):
            self.numbers += column

    def add_counted(self, rows: Sequence[tuple[int, ...]]) -> None:
        """Add the number of rows, and their columns."""
        self.numbers.append(len(rows))
        self.add(rows)

    def imports(self, imports: Sequence[Import]) -> list[tuple[int, ...]]:
        return [(self.name(i.module), self.name(i.field), *self.type(i.type)) for i in imports]

    def type(self, type_: int | GlobalType | TableType) -> tuple[int, ...]:
        if isinstance(type_, GlobalType):
            return self.name(type_.value_type), int(type_.mutable)
        if isinstance(type_, TableType):
            maximum = type_.maximum
            return self.name(type_.element_type), type_.flags, type_.minimum, int(maximum is not None), maximum or 0
        return (type_,)


def encode_object(obj: ObjectFile) -> bytes:
    """Return an object as an entry.

    :raises StoredError: the object has values that an entry cannot hold.
    """
    origin = obj.start
    tables = _Tables()
    names = tables.names
    sorts: dict[tuple[int, ...], int] = defaultdict(count().__next__)
    symbols = obj.symbols
    columns: list[Iterable[int]] = [
        list(map(sorts.__getitem__, zip(symbols.kinds, symbols.flags))),
        list(map(names.__getitem__, symbols.names)),
        symbols.indices,
        symbols.offsets,
        symbols.sizes,
    ]
    places = obj.relocation_sections()
    decoded = stored_sections(obj)
    tables.numbers += [
        obj.end - origin,
        int(obj.is_64),
        # No section is -1.
        obj.code_section + 1,
        obj.data_section + 1,
        *[names[contents] for contents in _shared_contents(obj)],
        len(obj.sections),
        len(obj.imported_functions),
        len(obj.functions),
        len(obj.segments),
        len(sorts),
        len(symbols),
        len(places),
        len(decoded),
    ]
    tables.numbers += [section.id for section in obj.sections]
    tables.numbers += [names[section.name] for section in obj.sections]
    for section in obj.sections:
        tables.numbers += (section.start - origin, section.end - origin)
    tables.add(tables.imports(obj.imported_functions))
    tables.numbers += obj.functions
    tables.numbers += [names[function] for function in obj.function_names]
    # Without a code section there is not even an end of the last one.
    tables.numbers += obj.function_offsets or [0]
    tables.numbers += [names[segment] for segment in obj.segments.names]
    tables.numbers += bytes(obj.segments.alignments)
    tables.numbers += obj.segments.flags
    for bounds in zip(obj.segments.offsets, obj.segments.ends()):
        tables.numbers += bounds
    tables.add([*sorts])
    for column in columns:
        tables.numbers += column
    tables.add([(s, first - origin, after - origin, count) for s, (first, after, count) in places.items()])
    tables.numbers += decoded
    rare = _rare_tables(obj, tables)
    tables.numbers.append(sum(1 << bit for bit, (first, *_) in enumerate(rare) if first))
    for group in rare:
        for rows in group:
            if group[0]:
                tables.add_counted(rows)
    decoded_columns = [column for section in decoded for column in _columns(obj.relocations(section))]
    return pack_record([pack_numbers(tables.numbers), pack_strings([*names]), *decoded_columns])


def _rare_tables(obj: ObjectFile, tables: _Tables) -> list[tuple[list[tuple[int, ...]], ...]]:
    """Return the tables that most objects lack: one or two each."""
    name = tables.name
    return [
        (tables.imports(obj.imported_globals),),
        (tables.imports(obj.imported_tables),),
        (tables.imports(obj.imported_tags),),
        ([(*tables.type(g.type), name(g.initializer)) for g in obj.globals],),
        ([tables.type(table) for table in obj.tables],),
        ([(tag,) for tag in obj.tags],),
        ([(f.priority, f.symbol) for f in obj.init_functions],),
        (
            [(name(c.name), len(c.members)) for c in obj.comdats],
            [member for c in obj.comdats for member in c.members],
        ),
        ([(function, name(given)) for function, given in obj.export_names.items()],),
        ([(function, name(given)) for function, given in obj.debug_names.items()],),
    ]


def _shared_contents(obj: ObjectFile) -> tuple[bytes, bytes, bytes]:
    """Return the contents of the sections of types, features and producers, as the object has them."""
    types = features = producers = _EMPTY_VECTOR
    for section in obj.sections:
        if section.id == SectionId.TYPE:
            types = obj.data[section.start : section.end]
        elif section.name == b"target_features":
            features = obj.data[section.start : section.end]
        elif section.name == b"producers":
            producers = obj.data[section.start : section.end]
    return types, features, producers


_EMPTY_VECTOR: Final = b"\0"


def _columns(relocs: Relocations) -> tuple[bytes, ...]:
    addends = b""
    if any(relocs.addends):
        try:
            addends = pack_array("i", relocs.addends)
        except StoredError:
            addends = pack_array("q", relocs.addends)
    return relocs.types, pack_array("I", relocs.offsets), pack_array("I", relocs.indices), addends


def encode_index(index: ArchiveIndex) -> bytes:
    names = [name.encode("utf-8", "surrogateescape") for name, _, _, _ in index]
    counts = [0 if symbols is None else len(symbols) + 1 for _, _, _, symbols in index]
    numbers = [*(start for _, start, _, _ in index), *(end for _, _, end, _ in index), *counts]
    defined = [symbol for _, _, _, symbols in index if symbols is not None for symbol in symbols]
    return pack_record([pack_strings(names), pack_numbers(numbers), pack_strings(defined)])
