"""A cache of parsed objects and archive indices, stored by content.

An entry is named by a hash of the bytes that it was made from, so that it serves every link, target and variant with
the same bytes, and is never out of date.
"""

from __future__ import annotations

from _thread import allocate_lock
from collections.abc import Sequence

from ..options import CachePolicy
from ..stored import StoredError
from .cache_directory import prune
from .entries import ArchiveIndex, decode_index, decode_object
from .entry_writer import encode_index, encode_object, stored_sections
from .known_files import UnreadFile
from .object_file import ObjectFile
from .object_reader import read_object
from .packs import Packs

try:
    # A hash without the cryptography library, which hashlib imports and which takes longer than a small link.
    from _blake2 import blake2b
except ImportError:
    from hashlib import blake2b

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_MEMORY_LIMIT: Final = 256 << 20
"""The number of input bytes whose parsed form this process keeps."""


def content_key(data: bytes | memoryview) -> str:
    """Return the key of the entry for ``data``."""
    return blake2b(data, digest_size=20).hexdigest()


class ParseCache:
    """A cache directory, with the objects that this process has parsed already.

    No method raises: a directory that cannot be read or written is treated as empty.
    """

    def __init__(self, directory: str, limit: int) -> None:
        self.directory = directory
        self.limit = limit
        self._packs = Packs(directory)
        self._objects: dict[str, ObjectFile] = {}
        self._object_bytes = 0
        self._indices: dict[str, ArchiveIndex] = {}
        self._new_indices: dict[str, bytes] = {}
        """Encoded entries that are not on disk yet."""
        self._stored: dict[str, frozenset[int]] = {}
        """For each object's entry on disk, the sections whose relocations it contains."""
        self._lock = allocate_lock()

    def new_link(self) -> ParsedObjects:
        self._packs.refresh()
        return ParsedObjects(self)

    # Objects

    def load_object(self, data: bytes, start: int, end: int) -> tuple[str, ObjectFile | None]:
        """Return the entry's key, and the object if it is cached."""
        key = content_key(memoryview(data)[start:end])
        known = self._objects.get(key)
        if known is not None:
            if known.is_at(data, start):
                return key, known
            # The file was read again: the object uses the new bytes from here on, so that the old ones can be freed.
            self._objects[key] = known = known.moved(data, start)
            return key, known
        payload = self._packs.read(key)
        obj = None if payload is None else decode_object(payload, data, start, end)
        if obj is None:
            return key, None
        self._stored[key] = frozenset(stored_sections(obj))
        self._remember(key, obj)
        return key, obj

    def known_object(self, key: str, data: bytes | UnreadFile, start: int, end: int) -> ObjectFile | None:
        """Return the object of an entry, whose bytes are ``data[start:end]``."""
        obj = self._objects.get(key)
        if obj is not None:
            if not obj.is_at(data, start):
                self._objects[key] = obj = obj.moved(data, start)
            return obj
        payload = self._packs.read(key)
        obj = None if payload is None else decode_object(payload, data if isinstance(data, bytes) else b"", start, end)
        if obj is not None:
            if isinstance(data, UnreadFile):
                obj.leave_unread(data)
            self._stored[key] = frozenset(stored_sections(obj))
            self._remember(key, obj)
        return obj

    def find_object(self, key: str) -> ObjectFile | None:
        """Return the object of an entry without its bytes, with the relocations that an earlier link decoded."""
        self._packs.refresh()
        payload = self._packs.read(key)
        return None if payload is None else decode_object(payload, b"", 0, 0)

    def add_object(self, key: str, obj: ObjectFile) -> None:
        """Keep a newly parsed object for this process; :meth:`save` writes it to disk."""
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
        """Write entries for objects that have none, or whose entries lack relocations that were decoded since, and
        the new indices of archives."""
        entries, self._new_indices = self._new_indices, {}
        for key, obj in objects:
            sections = frozenset(stored_sections(obj))
            if key not in self._stored or not sections <= self._stored[key]:
                self._stored[key] = sections
                try:
                    entries[key] = encode_object(obj)
                except StoredError:
                    continue
        if entries:
            self._packs.write(entries)
        self._packs.close()
        self.prune()

    # Archives

    def load_index(self, data: bytes) -> tuple[str, ArchiveIndex | None]:
        key = content_key(data)
        known = self._indices.get(key)
        if known is None:
            payload = self._packs.read(key)
            known = None if payload is None else decode_index(payload, len(data))
            if known is not None:
                self._indices[key] = known
        return key, known

    def known_index(self, key: str, size: int) -> ArchiveIndex | None:
        """Return the index of an archive of that entry and size."""
        known = self._indices.get(key)
        if known is None:
            payload = self._packs.read(key)
            known = None if payload is None else decode_index(payload, size)
            if known is not None:
                self._indices[key] = known
        return known

    def find_index(self, key: str) -> ArchiveIndex | None:
        """Return the index of an archive that an earlier link read."""
        self._packs.refresh()
        payload = self._packs.read(key)
        return None if payload is None else decode_index(payload)

    def add_index(self, key: str, index: ArchiveIndex) -> None:
        """Keep the index of an archive for this process; :meth:`save` writes it to disk."""
        self._indices[key] = index
        self._new_indices[key] = encode_index(index)

    # The directory

    def prune(self) -> None:
        """Prune the directory to its limit."""
        prune(self.directory, CachePolicy(size=self.limit))

    def wrote(self, size: int) -> None:
        """Prune the directory after this many bytes were written to it, if necessary."""
        if size:
            self.prune()


class ParsedObjects:
    """The objects of one link, from its cache or freshly parsed."""

    def __init__(self, cache: ParseCache) -> None:
        self._cache = cache
        self._used: list[tuple[str, ObjectFile]] = []

    def parse(self, data: bytes, start: int, end: int) -> ObjectFile:
        """:raises FormatError: the object is damaged."""
        key, obj = self._cache.load_object(data, start, end)
        if obj is None:
            obj = read_object(data, start, end)
            # Also if it is too large to be kept in memory: its relocations are written to disk.
            obj.is_cached = True
            self._cache.add_object(key, obj)
        self._used.append((key, obj))
        return obj

    def find(self, key: str, data: bytes | UnreadFile, start: int, end: int) -> ObjectFile | None:
        """Return the object of an entry, or ``None`` if it is no longer in the cache."""
        obj = self._cache.known_object(key, data, start, end)
        if obj is not None:
            self._used.append((key, obj))
        return obj

    def keys(self) -> dict[int, str]:
        return {id(obj): key for key, obj in self._used}

    def save(self) -> None:
        """Write new entries to disk."""
        self._cache.save(self._used)


_caches: dict[tuple[str, int], ParseCache] = {}


def cache_at(directory: str, limit: int) -> ParseCache:
    """Return this process's cache of a directory; all its links share the parsed objects."""
    key = (directory, limit)
    cache = _caches.get(key)
    if cache is None:
        cache = _caches.setdefault(key, ParseCache(*key))
    return cache


def forget() -> None:
    """Drop all caches from this process's memory; their directories are unchanged."""
    _caches.clear()
