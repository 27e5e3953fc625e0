"""The interface of each object of a finished link, for resolution, in columns: global symbols and COMDAT groups.

A later link resolves names again from these columns (:mod:`.resolve_again`) and parses only objects that changed. A
name is a number in the order of the symbol table; what else resolution knows of a symbol is a *key*, of which a
program has few.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence

from ..binary.constants import ComdatKind, SymbolFlag, SymbolKind
from ..binary.signature import parameters_and_results
from ..inputs.object_file import GlobalType, ObjectFile, TableType
from ..inputs.symbol_columns import SymbolInfo
from ..linking.chunks import ObjectInput
from ..records import record
from ..stored import (
    StoredError,
    pack_array,
    pack_groups,
    pack_record,
    pack_strings,
    unpack_array,
    unpack_columns,
    unpack_groups,
    unpack_record,
    unpack_strings,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    Buffer = bytes | memoryview

Key = tuple[int, int, bytes, bytes]
"""Kind, flags, type and import of a global symbol; the last two are empty where a symbol has none.

The import is the module, a zero and, where an object sets the name of the import, "=" and that name.
"""

_LOCAL: Final = SymbolFlag.BINDING_LOCAL
_SECTION: Final = SymbolKind.SECTION
_FUNCTION: Final = SymbolKind.FUNCTION
_IN_GROUP: Final = {
    ComdatKind.FUNCTION: SymbolKind.FUNCTION,
    ComdatKind.DATA: SymbolKind.DATA,
    ComdatKind.TAG: SymbolKind.TAG,
}


@record()
class Interfaces:
    """See the module's description. The symbols of an object are adjacent."""

    builds: list[bytes]
    """The distinct features and producers of objects."""
    build_numbers: array[int]
    """For each object, its features and producers."""
    keys: list[Key]
    counts: array[int]
    """For each object, its number of global symbols."""
    names: array[int]
    """For each global symbol, the number of its name."""
    key_numbers: array[int]
    """For each global symbol, the number of its key."""
    symbol_groups: array[int]
    """For each global symbol, the number of the COMDAT group that it is defined in, counted from 1; or 0."""
    groups: list[list[int]]
    """For each object with COMDAT groups, its number and those of the groups, from 0."""
    constructors: list[list[int]]
    """For each object with constructors, its number, then the priority, the node and the number of results of each."""

    def packed(self) -> bytes:
        return pack_record(
            [
                pack_strings(self.builds),
                pack_array("I", self.build_numbers),
                pack_groups([[kind, flags] for kind, flags, _, _ in self.keys]),
                pack_strings([type_ for _, _, type_, _ in self.keys]),
                pack_strings([import_ for _, _, _, import_ in self.keys]),
                pack_array("I", self.counts),
                pack_array("I", self.names),
                pack_array("I", self.key_numbers),
                pack_array("I", self.symbol_groups),
                pack_groups(self.groups),
                pack_groups(self.constructors),
            ]
        )


def unpack_interfaces(packed: Buffer) -> Interfaces:
    """:raises StoredError: the columns do not fit together."""
    parts = unpack_record(packed, 11)
    heads = unpack_groups(parts[2])
    found = Interfaces(
        builds=unpack_strings(parts[0]),
        build_numbers=unpack_array("I", parts[1]),
        keys=[
            (kind, flags, type_, import_)
            for (kind, flags), type_, import_ in zip(heads, unpack_strings(parts[3]), unpack_strings(parts[4]))
        ],
        counts=unpack_array("I", parts[5]),
        names=unpack_array("I", parts[6]),
        key_numbers=unpack_array("I", parts[7]),
        symbol_groups=unpack_array("I", parts[8]),
        groups=unpack_groups(parts[9]),
        constructors=unpack_groups(parts[10]),
    )
    objects = len(found.counts)
    if (
        len(found.build_numbers) != objects
        or not len(found.names) == len(found.key_numbers) == len(found.symbol_groups) == sum(found.counts)
        or len(found.keys) != len(heads)
        or max(found.key_numbers, default=-1) >= len(found.keys)
        or max(found.build_numbers, default=-1) >= len(found.builds)
        or any(not of or not 0 <= of[0] < objects for of in (*found.groups, *found.constructors))
        or any(len(of) % 3 != 1 for of in found.constructors)
    ):
        raise StoredError("columns of symbols that do not fit together")
    return found


def global_symbols(obj: ObjectFile) -> Iterator[tuple[SymbolInfo, Key]]:
    """Yield the global symbols of an object, each with its key."""
    imported, types, functions = len(obj.imported_functions), obj.types, obj.functions
    for info in obj.symbols:
        kind, flags, _, index, _, _ = info
        if flags & _LOCAL or kind == _SECTION:
            continue
        if kind == _FUNCTION and index >= imported:
            # Most are defined functions.
            yield info, (kind, flags, types[functions[index - imported]], b"")
        else:
            yield info, _key(obj, info)


def symbol_groups(obj: ObjectFile) -> dict[tuple[int, int], int]:
    """Return the COMDAT group of each function, segment and tag in one, by the kind of symbols and the index; groups
    count from 1."""
    found: dict[tuple[int, int], int] = {}
    for number, comdat in enumerate(obj.comdats, 1):
        for kind, index in comdat.members:
            if kind in _IN_GROUP:
                found[_IN_GROUP[kind], index] = number
    return found


class SymbolNumbers:
    """Columns of global symbols: the number of each name, of its key and of the COMDAT group that it is defined in."""

    def __init__(self, keys: dict[Key, int], number_of: Callable[[bytes], int]) -> None:
        """
        :param keys: the number of each key; new ones are added.
        :param number_of: returns the number of a name.
        """
        self.names, self.key_numbers, self.groups = array("I"), array("I"), array("I")
        self._keys = keys
        self._number_of = number_of

    def add(self, obj: ObjectFile, own: Sequence[int]) -> None:
        """Add the global symbols of an object.

        :param own: the numbers of its COMDAT groups, from 0.
        """
        members = symbol_groups(obj) if own else {}
        keys = self._keys
        for info, key in global_symbols(obj):
            self.names.append(self._number_of(info[2]))
            self.key_numbers.append(keys.setdefault(key, len(keys)))
            member = members.get((info[0], info[3]), 0)
            self.groups.append(own[member - 1] + 1 if member else 0)


def build_of(obj: ObjectFile) -> bytes:
    """Return what an object contributes to the features and the producers of the output."""
    producers = obj.producers
    return pack_record(
        [
            pack_strings(list(obj.features)),
            pack_strings([field.encode() for field in producers]),
            *(pack_strings([part for pair in pairs for part in pair]) for pairs in producers.values()),
        ]
    )


def read_build(build: bytes) -> tuple[list[bytes], dict[str, list[tuple[bytes, bytes]]]]:
    """Return the features and the producers of an object, as it has them."""
    features, fields, *columns = unpack_columns(build)
    producers = {}
    for field, column in zip(unpack_strings(fields), columns):
        parts = unpack_strings(column)
        producers[field.decode()] = list(zip(parts[::2], parts[1::2]))
    return unpack_strings(features), producers


def constructor_calls(file: ObjectInput, nodes: Sequence[int]) -> list[int]:
    """Return the priority, the node and the number of results of each constructor of an object.

    :param nodes: those of its symbols.
    """
    found: list[int] = []
    for init in file.object.init_functions:
        symbol = file.symbols[init.symbol]
        if not symbol.is_discarded:
            assert symbol.signature is not None
            found += (init.priority, nodes[init.symbol], len(parameters_and_results(symbol.signature)[1]))
    return found


def interfaces(
    objects: Sequence[ObjectFile],
    names: Mapping[bytes, int],
    groups: Mapping[bytes, int],
    constructors: list[list[int]],
) -> Interfaces:
    """Return the columns of the objects of a link.

    :param names: the numbers of names, and ``groups`` those of COMDAT groups.
    :param constructors: as in :class:`Interfaces`.
    """
    builds: dict[bytes, int] = {}
    keys: dict[Key, int] = {}
    symbols = SymbolNumbers(keys, names.__getitem__)
    counts, build_numbers = array("I"), array("I")
    own_groups: list[list[int]] = []
    for ordinal, obj in enumerate(objects):
        build_numbers.append(builds.setdefault(build_of(obj), len(builds)))
        before = len(symbols.names)
        own = [groups[comdat.name] for comdat in obj.comdats]
        if own:
            own_groups.append([ordinal, *own])
        symbols.add(obj, own)
        counts.append(len(symbols.names) - before)
    return Interfaces(
        builds=list(builds),
        build_numbers=build_numbers,
        keys=list(keys),
        counts=counts,
        names=symbols.names,
        key_numbers=symbols.key_numbers,
        symbol_groups=symbols.groups,
        groups=own_groups,
        constructors=constructors,
    )


def _key(obj: ObjectFile, info: SymbolInfo) -> Key:
    kind, flags, _, index, _, _ = info
    if kind == SymbolKind.DATA:
        return kind, flags, b"", b""
    if kind == SymbolKind.FUNCTION:
        imports, type_ = obj.imported_functions, obj.function_signature(index)
    elif kind == SymbolKind.GLOBAL:
        imports = obj.imported_globals
        own = imports[index].type if index < len(imports) else obj.globals[index - len(imports)].type
        assert isinstance(own, GlobalType)
        type_ = own.value_type + bytes((own.mutable,))
    elif kind == SymbolKind.TAG:
        imports = obj.imported_tags
        number = imports[index].type if index < len(imports) else obj.tags[index - len(imports)]
        assert isinstance(number, int)
        type_ = obj.types[number]
    else:
        imports = obj.imported_tables
        table = imports[index].type if index < len(imports) else obj.tables[index - len(imports)]
        assert isinstance(table, TableType)
        type_ = table.element_type
    if index >= len(imports):
        return kind, flags, type_, b""
    import_ = imports[index]
    own_name = b"=" + import_.field if flags & SymbolFlag.EXPLICIT_NAME else b""
    return kind, flags, type_, import_.module + b"\0" + own_name
