"""Entries of the cache: a parsed object, or the index of an archive, as bytes.

They are plain values and columns of numbers, which load with one copy, in the format of :mod:`marshal`. Whoever keeps
them vouches for their bytes; what is no entry of this version decodes to ``None`` all the same.
"""

from __future__ import annotations

import marshal
import sys
from array import array
from collections.abc import Sequence

from ..binary.relocations import Relocations
from .object_file import (
    Comdat,
    Global,
    GlobalType,
    Import,
    InitFunction,
    ObjectFile,
    Section,
    Segment,
    TableType,
)
from .packs import PLAIN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

ArchiveIndex = list[tuple[str, int, int, "list[bytes] | None"]]
"""Of each member: name, start, end, defined symbols (``None``: no Wasm object, or a damaged one)."""

_PLAIN: Final = (
    "types",
    "is_64",
    "functions",
    "function_offsets",
    "tags",
    "symbols",
    "function_names",
    "features",
    "producers",
    "export_names",
    "debug_names",
    "code_section",
    "data_section",
)
"""The attributes of an object file that are stored as they are."""
_NO_ENTRY: Final = (ValueError, TypeError, EOFError, LookupError, AssertionError)


def stored_sections(obj: ObjectFile) -> list[int]:
    """The sections whose relocations an entry holds: those of code and data that were asked for. Those of debug
    information take more room than all else, and only links that keep it read them, once."""
    return [section for section in obj.decoded_sections() if obj.sections[section].id]


def encode_object(obj: ObjectFile) -> bytes:
    origin = obj.start
    imports = obj.imported_functions, obj.imported_tables, obj.imported_globals, obj.imported_tags
    return marshal.dumps(
        (
            [getattr(obj, name) for name in _PLAIN],
            [(s.id, s.name, s.start - origin, s.end - origin) for s in obj.sections],
            [[(i.module, i.field, plain_type(i.type)) for i in entries] for entries in imports],
            [plain_type(table) for table in obj.tables],
            [(plain_type(g.type), g.initializer) for g in obj.globals],
            [(s.name, s.alignment, s.flags, s.offset, s.size) for s in obj.segments],
            [(f.priority, f.symbol) for f in obj.init_functions],
            [(c.name, c.members) for c in obj.comdats],
            {s: (a - origin, b - origin, count) for s, (a, b, count) in obj.relocation_sections().items()},
            {section: _columns(obj.relocations(section)) for section in stored_sections(obj)},
        ),
        PLAIN,
    )


def decode_object(payload: bytes, data: bytes, start: int, end: int) -> ObjectFile | None:
    """The object whose bytes are ``data[start:end]``."""
    try:
        plain, sections, imports, tables, globals_, segments, init_functions, comdats, places, decoded = marshal.loads(
            payload
        )
        obj = ObjectFile(data, start, end, read=False)
        obj.is_cached = True
        for name, value in zip(_PLAIN, plain):
            setattr(obj, name, value)
        obj.sections = [Section(id_, name, start + first, start + after) for id_, name, first, after in sections]
        obj.imported_functions, obj.imported_tables, obj.imported_globals, obj.imported_tags = (
            [Import(module, field, _decoded_type(type_)) for module, field, type_ in entries] for entries in imports
        )
        obj.tables = [TableType(*table) for table in tables]
        obj.globals = [Global(GlobalType(*type_), initializer) for type_, initializer in globals_]
        obj.segments = [Segment(*segment) for segment in segments]
        obj.init_functions = [InitFunction(*function) for function in init_functions]
        obj.comdats = [Comdat(*comdat) for comdat in comdats]
        obj.set_relocations(
            {section: (start + first, start + after, count) for section, (first, after, count) in places.items()},
            {section: _relocations(*columns) for section, columns in decoded.items()},
        )
    except _NO_ENTRY:
        return None
    return obj


def encode_index(index: ArchiveIndex) -> bytes:
    return marshal.dumps(index, PLAIN)


def decode_index(payload: bytes, size: int = sys.maxsize) -> ArchiveIndex | None:
    """The index of an archive of ``size`` bytes."""
    try:
        index: ArchiveIndex = marshal.loads(payload)
        return index if all(0 <= start <= end <= size for _, start, end, _ in index) else None
    except _NO_ENTRY:
        return None


def plain_type(type_: int | GlobalType | TableType) -> Any:
    """A type as numbers and bytes."""
    if isinstance(type_, GlobalType):
        return type_.value_type, type_.mutable
    if isinstance(type_, TableType):
        return type_.element_type, type_.flags, type_.minimum, type_.maximum
    return type_


def _decoded_type(value: Any) -> int | GlobalType | TableType:
    if isinstance(value, tuple):
        return GlobalType(*value) if len(value) == 2 else TableType(*value)
    assert isinstance(value, int)
    return value


def _columns(relocs: Relocations) -> tuple[bytes, bytes, bytes, str, bytes]:
    try:
        code, addends = "i", array("i", relocs.addends)
    except OverflowError:
        code, addends = "q", array("q", relocs.addends)
    return (
        relocs.types,
        array("I", relocs.offsets).tobytes(),
        array("I", relocs.indices).tobytes(),
        code,
        addends.tobytes(),
    )


def _relocations(types: bytes, offsets: bytes, indices: bytes, code: str, addends: bytes) -> Relocations:
    columns: list[Sequence[int]] = []
    for column_code, packed in (("I", offsets), ("I", indices), (code, addends)):
        column = array(column_code)
        column.frombytes(packed)
        assert len(column) == len(types)
        columns.append(column)
    return Relocations(types, *columns)
