"""Packs: files of a cache directory that hold many entries each, found by name.

The new entries of one link go into one new pack, since writing hundreds of small files takes longer than computing
their contents. A pack is written to a temporary file and renamed, and never changed, so that any number of processes
can share a directory. The index at its start and each entry have checksums: a pack that is damaged, truncated or of
another version is ignored, and so is anything but a regular file.
"""

from __future__ import annotations

import os
from _thread import allocate_lock
from collections.abc import Mapping, Sequence
from itertools import accumulate, repeat
from zlib import crc32

from .. import host
from ..files import frame, open_regular
from ..stored import (
    StoredError,
    pack_numbers,
    pack_record,
    pack_strings,
    unpack_record,
    unpack_strings,
    unpack_unsigned,
)
from ..version import __version__
from .cache_directory import PACKS, is_file_name, remove_file, store_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from io import BufferedReader
    from typing import Final

_MAGIC: Final = f"wasmlink {__version__} pack 3\n".encode()
"""Increase the number when the stored data or its encoding changes."""
_MOST_PACKS: Final = 24
"""The maximum number of packs; beyond that, all but the largest are merged."""

_Place = tuple[str, int, int, int]
"""An entry's location: its pack, its offset there, its size in bytes, its checksum."""


class _OpenPack:
    """A pack that is open for reading, until nothing refers to it."""

    def __init__(self, path: str) -> None:
        """:raises OSError: it cannot be opened, or is no file."""
        self._path = path
        self._file = open_regular(path)
        self._size = os.fstat(self._file.fileno()).st_size

    def read(self, start: int, size: int) -> bytes:
        """Read from the opened file, even if another file replaced it since."""
        if start + size > self._size:
            return b""
        data = host.read_at(self._file.fileno(), start, size)
        if data is not None:
            return data
        with open_regular(self._path) as file:
            file.seek(start)
            return file.read(size)

    def __del__(self) -> None:
        if hasattr(self, "_file"):
            self._file.close()


class Packs:
    """The packs of one cache. No method raises: a directory that cannot be read or written is treated as empty."""

    def __init__(self, root: str) -> None:
        self._root = root
        self.directory = os.path.join(root, PACKS)
        self._places: dict[str, _Place] = {}
        self._seen: set[str] = set()
        """The directory's entries when it was last listed."""
        self._known: set[str] = set()
        """The packs among them."""
        self._open: dict[str, _OpenPack] = {}
        """Open packs, since a link reads many entries of each."""
        self._lock = allocate_lock()

    def refresh(self) -> None:
        """List the directory again, for packs of other processes."""
        self.close()
        try:
            names = sorted(os.listdir(self.directory))
        except OSError:
            return
        for name in names:
            if name not in self._seen and is_file_name(PACKS, name):
                self._seen.add(name)
                places = _index(os.path.join(self.directory, name))
                if places:
                    self._known.add(name)
                    self._places.update(places)

    def read(self, key: str) -> bytes | None:
        """Return the entry with that name."""
        place = self._places.get(key)
        if place is None:
            return None
        path, start, size, checksum = place
        try:
            pack = self._open.get(path)
            if pack is None:
                pack = self._open[path] = _OpenPack(path)
            data = pack.read(start, size)
        except (OSError, ValueError):
            data = b""
        if len(data) != size or crc32(data) != checksum:
            del self._places[key]
            return None
        return data

    def close(self) -> None:
        """Close the files, once a reader is done with each."""
        self._open.clear()

    def write(self, entries: Mapping[str, bytes]) -> int:
        """Add a pack of these entries; return its size in bytes."""
        with self._lock:
            size = self._write(entries)
            return size + self._merge() if len(self._known) > _MOST_PACKS else size

    def _write(self, entries: Mapping[str, bytes]) -> int:
        keys = [*entries]
        sizes = [*map(len, entries.values())]
        checksums = [*map(crc32, entries.values())]
        names = pack_strings([key.encode("ascii") for key in keys])
        index = pack_record([names, pack_numbers(sizes), pack_numbers(checksums)])
        head = b"".join(frame(_MAGIC, [index]))
        # Any process that writes these entries gives the pack this name.
        name = f"{crc32(index):08x}{len(entries):x}"
        path = os.path.join(self.directory, name)
        size = store_file(self._root, PACKS, name, [head, *entries.values()])
        if size:
            self._seen.add(name)
            self._known.add(name)
            self._places.update(_placed(path, len(head), keys, sizes, checksums))
        return size

    def _merge(self) -> int:
        """Merge all packs but the largest into one."""
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
                remove_file(path)
                self._known.discard(os.path.basename(path))
        return size


def write_file(path: str, chunks: Sequence[bytes | bytearray | memoryview]) -> int:
    """Write a file of a cache atomically; return its size in bytes, 0 if it cannot be written."""
    directory, name = os.path.split(path)
    root, room = os.path.split(directory)
    return store_file(root, room, name, chunks)


def _index(path: str) -> dict[str, _Place]:
    try:
        with open_regular(path) as file:
            return _read_index(file, path)
    except (OSError, ValueError):
        return {}


def _read_index(file: BufferedReader, path: str) -> dict[str, _Place]:
    """Return the index of a pack.

    :raises ValueError: it is damaged.
    """
    if file.read(len(_MAGIC)) != _MAGIC:
        return {}
    size, checksum = (int.from_bytes(file.read(width), "little") for width in (8, 4))
    whole = os.fstat(file.fileno()).st_size
    if size > whole - file.tell():
        return {}
    index = file.read(size)
    if crc32(index) != checksum:
        return {}
    names, *columns = unpack_record(index, 3)
    keys = [name.decode("ascii") for name in unpack_strings(names)]
    sizes, checksums = map(unpack_unsigned, columns)
    start = file.tell()
    if not len(keys) == len(sizes) == len(checksums) or start + sum(sizes) != whole:
        raise StoredError("an index that is not that of its entries")
    return _placed(path, start, keys, sizes, checksums)


def _placed(
    path: str, start: int, keys: Sequence[str], sizes: Sequence[int], checksums: Sequence[int]
) -> dict[str, _Place]:
    starts = accumulate(sizes, initial=start)
    return dict(zip(keys, zip(repeat(path), starts, sizes, checksums)))
