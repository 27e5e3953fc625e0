"""Packs: files of a cache directory that hold many entries each, found by name.

What one link adds goes into one new pack, since to write hundreds of small files takes longer than to make what is in
them. A pack is written to a temporary file and renamed, and never changed, so that any number of processes can share a
directory. The index at its start and each entry have checksums: what is damaged, cut short or of another version is as
good as none.
"""

from __future__ import annotations

import marshal
import os
import sys
from _thread import allocate_lock
from collections.abc import Mapping, Sequence
from contextlib import suppress
from zlib import crc32

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO, Final

_MAGIC: Final = f"wasmlink pack 1 {sys.implementation.cache_tag} {sys.byteorder}\n".encode()
"""Its number changes with whatever is stored or how; entries are written as this Python and machine have them."""
_NUMBER: Final = 8
"""Bytes of a number in the head: of the index, its checksum and its size."""
PLAIN: Final = 2
"""The version of ``marshal`` that gives the same bytes for the same values, whoever else refers to them."""
_MOST: Final = 24
"""Packs; beyond that, all but the largest become one."""

_Place = tuple[str, int, int, int]
"""Of an entry: its pack, where it starts there, its size in bytes, its checksum."""


class Packs:
    """The packs of one directory. Nothing here raises: a directory that cannot be read or written has nothing."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self._places: dict[str, _Place] = {}
        self._known: set[str] = set()
        self._lock = allocate_lock()

    def refresh(self) -> None:
        """See what others have written."""
        try:
            names = sorted(os.listdir(self.directory))
        except OSError:
            return
        for name in names:
            if name not in self._known and not name.endswith(".tmp"):
                self._known.add(name)
                self._places.update(_index(os.path.join(self.directory, name)))

    def read(self, key: str) -> bytes | None:
        """The entry of that name."""
        place = self._places.get(key)
        if place is None:
            return None
        path, start, size, checksum = place
        try:
            with open(path, "rb") as file:
                file.seek(start)
                data = file.read(size)
        except OSError:
            data = b""
        if len(data) != size or crc32(data) != checksum:
            del self._places[key]
            return None
        return data

    def write(self, entries: Mapping[str, bytes]) -> int:
        """Add a pack of these entries; the bytes that it takes."""
        with self._lock:
            size = self._write(entries)
            return size + self._merge() if len(self._known) > _MOST else size

    def _write(self, entries: Mapping[str, bytes]) -> int:
        rows = [(key, len(data), crc32(data)) for key, data in entries.items()]
        index = marshal.dumps(rows, PLAIN)
        head = _MAGIC + crc32(index).to_bytes(_NUMBER, "little") + len(index).to_bytes(_NUMBER, "little") + index
        # Whoever writes these entries gives them this name.
        name = f"{crc32(index):08x}{len(entries):x}"
        path = os.path.join(self.directory, name)
        size = write_file(path, [head, *entries.values()])
        if size:
            self._known.add(name)
            self._places.update(_placed(path, len(head), rows))
        return size

    def _merge(self) -> int:
        """Make all packs but the largest one."""
        sizes: dict[str, int] = {}
        for name in sorted(self._known):
            path = os.path.join(self.directory, name)
            try:
                sizes[path] = os.stat(path).st_size
            except OSError:
                # Another process has merged it.
                self._known.discard(name)
        merged = sorted(sizes, key=sizes.__getitem__)[:-1]
        entries: dict[str, bytes] = {}
        for key in [key for key, place in self._places.items() if place[0] in merged]:
            data = self.read(key)
            if data is not None:
                entries[key] = data
        size = self._write(entries) if entries else 0
        if size:
            for path in {*merged} - {self._places[next(iter(entries))][0]}:
                with suppress(OSError):
                    os.unlink(path)
                self._known.discard(os.path.basename(path))
        return size


def write_file(path: str, chunks: Sequence[bytes | bytearray | memoryview]) -> int:
    """Write a file of a cache, which has its name only when it is whole. The bytes that it takes; none if it cannot be
    written."""
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(temporary, "wb") as file:
            file.writelines(chunks)
        os.replace(temporary, path)
    except (OSError, ValueError):
        with suppress(OSError, ValueError):
            os.unlink(temporary)
        return 0
    return sum(map(len, chunks))


def _index(path: str) -> dict[str, _Place]:
    try:
        with open(path, "rb") as file:
            return _read_index(file, path)
    except (OSError, ValueError, TypeError, EOFError):
        return {}


def _read_index(file: BinaryIO, path: str) -> dict[str, _Place]:
    if file.read(len(_MAGIC)) != _MAGIC:
        return {}
    checksum, size = (int.from_bytes(file.read(_NUMBER), "little") for _ in range(2))
    if size > os.fstat(file.fileno()).st_size:
        return {}
    index = file.read(size)
    if crc32(index) != checksum:
        return {}
    return _placed(path, file.tell(), marshal.loads(index))


def _placed(path: str, start: int, rows: list[tuple[str, int, int]]) -> dict[str, _Place]:
    places = {}
    for key, size, checksum in rows:
        places[key] = path, start, size, checksum
        start += size
    return places
