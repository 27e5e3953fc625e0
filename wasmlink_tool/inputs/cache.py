"""What an earlier link learned of a file: parsed objects and archive indices, kept by content.

An entry is named by a hash of the bytes that it was made from, so that it serves every link, target and variant that
reads the same bytes, and is never out of date. It holds data only, as JSON and columns of numbers, behind a checksum:
an entry that is damaged, foreign or of another version is as good as none. Entries are written to a temporary file
and renamed, so that any number of processes can share a directory.
"""

from __future__ import annotations

import json
import os
from array import array
from collections.abc import Sequence
from contextlib import suppress
from hashlib import blake2b
from threading import Lock
from typing import Any, Final

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

_MAGIC: Final = b"wasmlink cache 2\n"
"""Its number changes with whatever is stored or how."""
_CHECKSUM_SIZE: Final = 16
_MEMORY_LIMIT: Final = 256 << 20
"""Bytes of input whose parsed form this process keeps."""

ArchiveIndex = list[tuple[str, int, int, "list[bytes] | None"]]
"""Of each member: name, start, end, defined symbols (``None``: no Wasm object, or a damaged one)."""


def content_key(data: bytes | memoryview) -> str:
    """The name of an entry made from ``data``."""
    return blake2b(data, digest_size=20).hexdigest()


class ParseCache:
    """A cache directory, and the objects that this process has parsed already.

    Nothing here raises: a directory that cannot be read or written is a cache that has nothing.
    """

    def __init__(self, directory: str, limit: int) -> None:
        self.directory = directory
        self.limit = limit
        self._objects: dict[str, ObjectFile] = {}
        self._object_bytes = 0
        self._indices: dict[str, ArchiveIndex] = {}
        self._stored: dict[str, frozenset[int]] = {}
        """Of each object's entry on disk, the sections whose relocations it holds."""
        self._touched = 0
        self._lock = Lock()

    def new_link(self) -> ParsedObjects:
        return ParsedObjects(self)

    # Objects

    def load_object(self, data: bytes, start: int, end: int) -> tuple[str, ObjectFile | None]:
        """The entry's key, and the object if it is known."""
        key = content_key(memoryview(data)[start:end])
        known = self._objects.get(key)
        if known is not None:
            if known.data is data and known.start == start:
                return key, known
            # The file was read anew: from here on the object holds these bytes, and the old ones can go.
            self._objects[key] = known = known.moved(data, start)
            return key, known
        payload = self._read(key)
        if payload is None:
            return key, None
        try:
            obj = _decode_object(payload, data, start, end)
        except (ValueError, KeyError, TypeError, IndexError, AssertionError):
            return key, None
        self._stored[key] = frozenset(obj.decoded_sections())
        self._remember(key, obj)
        return key, obj

    def add_object(self, key: str, obj: ObjectFile) -> None:
        """Keep a freshly parsed object for this process; :meth:`save` puts it on disk."""
        self._remember(key, obj)

    def _remember(self, key: str, obj: ObjectFile) -> None:
        size = obj.end - obj.start
        if size > _MEMORY_LIMIT:
            return
        with self._lock:
            while self._objects and self._object_bytes + size > _MEMORY_LIMIT:
                gone = self._objects.pop(next(iter(self._objects)))
                self._object_bytes -= gone.end - gone.start
            self._objects[key] = obj
            self._object_bytes += size

    def save(self, objects: Sequence[tuple[str, ObjectFile]]) -> None:
        """Write entries for objects that have none, or whose entries lack relocations that were decoded since."""
        for key, obj in objects:
            sections = frozenset(obj.decoded_sections())
            if not sections <= self._stored.get(key, frozenset()) or key not in self._stored:
                self._write(key, _encode_object(obj))
                self._stored[key] = sections
        self._prune()

    # Archives

    def load_index(self, data: bytes) -> tuple[str, ArchiveIndex | None]:
        key = content_key(data)
        known = self._indices.get(key)
        if known is None:
            payload = self._read(key)
            if payload is not None:
                try:
                    known = _decode_index(payload, len(data))
                except (ValueError, KeyError, TypeError, IndexError, AssertionError):
                    return key, None
                self._indices[key] = known
        return key, known

    def add_index(self, key: str, index: ArchiveIndex) -> None:
        self._indices[key] = index
        rows = [
            [name, start, end, None if symbols is None else [_text(s) for s in symbols]]
            for name, start, end, symbols in index
        ]
        self._write(key, json.dumps(rows, separators=(",", ":")).encode())

    # Generated objects

    def load_generated(self, key: str) -> bytes | None:
        return self._read(key)

    def add_generated(self, key: str, payload: bytes) -> None:
        self._write(key, payload)
        self._prune()

    # The directory

    def _path(self, key: str) -> str:
        return os.path.join(self.directory, key[:2], key[2:])

    def _read(self, key: str) -> bytes | None:
        try:
            with open(self._path(key), "rb") as file:
                data = file.read()
        except (OSError, ValueError):
            return None
        head = len(_MAGIC) + _CHECKSUM_SIZE
        payload = data[head:]
        if not data.startswith(_MAGIC) or data[len(_MAGIC) : head] != _checksum(key, payload):
            return None
        return payload

    def _write(self, key: str, payload: bytes) -> None:
        path = self._path(key)
        temporary = f"{path}.{os.getpid()}.tmp"
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(temporary, "wb") as file:
                file.writelines((_MAGIC, _checksum(key, payload), payload))
            os.replace(temporary, path)
        except (OSError, ValueError):
            with suppress(OSError, ValueError):
                os.unlink(temporary)
            return
        self._touched += len(payload)

    def _prune(self) -> None:
        """Delete the entries that were written longest ago, once this process has written much."""
        if self._touched < self.limit // 16:
            return
        self._touched = 0
        entries: list[tuple[float, int, str]] = []
        try:
            for shard in os.scandir(self.directory):
                if shard.is_dir(follow_symlinks=False):
                    for entry in os.scandir(shard.path):
                        status = entry.stat(follow_symlinks=False)
                        entries.append((status.st_mtime, status.st_size, entry.path))
            total = sum(size for _, size, _ in entries)
            for _, size, path in sorted(entries):
                if total <= self.limit:
                    break
                os.unlink(path)
                total -= size
        except OSError:
            # Another process prunes too.
            return


class ParsedObjects:
    """The objects of one link, from its cache or freshly parsed."""

    def __init__(self, cache: ParseCache) -> None:
        self._cache = cache
        self._used: list[tuple[str, ObjectFile]] = []

    def parse(self, data: bytes, start: int, end: int) -> ObjectFile:
        """:raises FormatError: the object is damaged."""
        key, obj = self._cache.load_object(data, start, end)
        if obj is None:
            obj = ObjectFile(data, start, end)
            # Also where it is too large to be kept in memory: its relocations go to the disk.
            obj.is_cached = True
            self._cache.add_object(key, obj)
        self._used.append((key, obj))
        return obj

    def save(self) -> None:
        self._cache.save(self._used)


_caches: dict[tuple[str, int], ParseCache] = {}


def cache_at(directory: str, limit: int) -> ParseCache:
    """This process's cache of a directory: all its links share what is parsed."""
    key = (os.path.abspath(directory), limit)
    cache = _caches.get(key)
    if cache is None:
        cache = _caches.setdefault(key, ParseCache(*key))
    return cache


def forget() -> None:
    """Drop what this process holds in memory of all caches; their directories stay as they are."""
    _caches.clear()


def _checksum(key: str, payload: bytes) -> bytes:
    return blake2b(payload, digest_size=_CHECKSUM_SIZE, key=key.encode()).digest()


# Bytes are text of one character a byte in JSON.


def _text(data: bytes) -> str:
    return data.decode("latin-1")


def _bytes(text: str) -> bytes:
    return text.encode("latin-1")


def _encode_object(obj: ObjectFile) -> bytes:
    """A line of JSON, then the columns of relocations."""
    columns: list[bytes] = []
    relocations: list[tuple[int, int, bool]] = []
    for section in sorted(obj.decoded_sections()):
        relocs = obj.relocations(section)
        wide = any(not -(1 << 31) <= addend < 1 << 31 for addend in relocs.addends)
        relocations.append((section, len(relocs.types), wide))
        columns += [
            relocs.types,
            array("I", relocs.offsets).tobytes(),
            array("I", relocs.indices).tobytes(),
            array("q" if wide else "i", relocs.addends).tobytes(),
        ]

    def imports(entries: list[Import]) -> list[Any]:
        return [[_text(i.module), _text(i.field), _encode_type(i.type)] for i in entries]

    header = {
        "sections": [[s.id, _text(s.name), s.start - obj.start, s.end - obj.start] for s in obj.sections],
        "types": [_text(t) for t in obj.types],
        "imports": [
            imports(entries)
            for entries in (obj.imported_functions, obj.imported_tables, obj.imported_globals, obj.imported_tags)
        ],
        "memory64": obj.is_64,
        "functions": obj.functions,
        "function_offsets": obj.function_offsets,
        "tables": [_encode_type(t) for t in obj.tables],
        "globals": [[_encode_type(g.type), _text(g.initializer)] for g in obj.globals],
        "tags": obj.tags,
        "segments": [[_text(s.name), s.alignment, s.flags, s.offset, s.size] for s in obj.segments],
        "symbols": [[kind, flags, _text(name), i, offset, size] for kind, flags, name, i, offset, size in obj.symbols],
        "function_names": [_text(name) for name in obj.function_names],
        "init_functions": [[f.priority, f.symbol] for f in obj.init_functions],
        "comdats": [[_text(c.name), c.members] for c in obj.comdats],
        "features": [[prefix, _text(name)] for prefix, name in obj.features],
        "producers": {f: [[_text(n), _text(v)] for n, v in pairs] for f, pairs in obj.producers.items()},
        "export_names": [[i, _text(name)] for i, name in obj.export_names.items()],
        "debug_names": [[i, _text(name)] for i, name in obj.debug_names.items()],
        "code": obj.code_section,
        "data": obj.data_section,
        "relocation_sections": [
            [section, start - obj.start, end - obj.start, count]
            for section, (start, end, count) in obj.relocation_sections().items()
        ],
        "relocations": relocations,
        "endian": array("H", [1]).tobytes()[0],
    }
    return json.dumps(header, separators=(",", ":")).encode() + b"\n" + b"".join(columns)


def _encode_type(type_: int | GlobalType | TableType) -> Any:
    if isinstance(type_, GlobalType):
        return [_text(type_.value_type), type_.mutable]
    if isinstance(type_, TableType):
        return [_text(type_.element_type), type_.flags, type_.minimum, type_.maximum]
    return type_


def _decode_type(value: Any) -> int | GlobalType | TableType:
    if isinstance(value, list):
        if len(value) == 2:
            return GlobalType(_bytes(value[0]), value[1])
        return TableType(_bytes(value[0]), *value[1:])
    assert isinstance(value, int)
    return value


def _decode_object(payload: bytes, data: bytes, start: int, end: int) -> ObjectFile:
    """:raises ValueError: (and what comes with it) the entry is not what :func:`_encode_object` writes."""
    split = payload.index(b"\n")
    header = json.loads(payload[:split])
    if header["endian"] != array("H", [1]).tobytes()[0]:
        raise ValueError("written by a machine of the other byte order")
    obj = ObjectFile.__new__(ObjectFile)
    obj.data, obj.start, obj.end = data, start, end
    obj.is_cached = True
    obj.sections = [Section(i, _bytes(name), start + a, start + b) for i, name, a, b in header["sections"]]
    obj.types = [_bytes(t) for t in header["types"]]
    obj.imported_functions, obj.imported_tables, obj.imported_globals, obj.imported_tags = (
        [Import(_bytes(m), _bytes(f), _decode_type(t)) for m, f, t in entries] for entries in header["imports"]
    )
    obj.is_64 = header["memory64"]
    obj.functions = header["functions"]
    obj.function_offsets = header["function_offsets"]
    obj.tables = [TableType(_bytes(t[0]), *t[1:]) for t in header["tables"]]
    obj.globals = [Global(GlobalType(_bytes(t[0]), t[1]), _bytes(init)) for t, init in header["globals"]]
    obj.tags = header["tags"]
    obj.segments = [Segment(_bytes(s[0]), *s[1:]) for s in header["segments"]]
    obj.symbols = [(k, f, _bytes(n), i, o, s) for k, f, n, i, o, s in header["symbols"]]
    obj.function_names = [_bytes(name) for name in header["function_names"]]
    obj.init_functions = [InitFunction(*f) for f in header["init_functions"]]
    obj.comdats = [Comdat(_bytes(n), [(kind, i) for kind, i in members]) for n, members in header["comdats"]]
    obj.features = [(prefix, _bytes(name)) for prefix, name in header["features"]]
    obj.producers = {f: [(_bytes(n), _bytes(v)) for n, v in pairs] for f, pairs in header["producers"].items()}
    obj.export_names = {i: _bytes(name) for i, name in header["export_names"]}
    obj.debug_names = {i: _bytes(name) for i, name in header["debug_names"]}
    obj.code_section = header["code"]
    obj.data_section = header["data"]
    relocations: dict[int, Relocations] = {}
    pos = split + 1
    view = memoryview(payload)
    for section, count, wide in header["relocations"]:
        types = payload[pos : pos + count]
        pos += count
        columns = []
        for code in ("I", "I", "q" if wide else "i"):
            column = array(code)
            size = count * column.itemsize
            column.frombytes(view[pos : pos + size])
            if len(column) != count:
                raise ValueError("a column is cut short")
            columns.append(column)
            pos += size
        relocations[section] = Relocations(types, *columns)
    obj.set_relocations(
        {s: (start + a, start + b, count) for s, a, b, count in header["relocation_sections"]}, relocations
    )
    return obj


def _decode_index(payload: bytes, size: int) -> ArchiveIndex:
    index: ArchiveIndex = []
    for name, start, end, symbols in json.loads(payload):
        if not 0 <= start <= end <= size:
            raise ValueError("a member outside of its archive")
        index.append((name, start, end, None if symbols is None else [_bytes(s) for s in symbols]))
    return index
