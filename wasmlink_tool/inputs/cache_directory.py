"""Cache directories: private, marked, and kept within their limits.

A directory that the linker creates is private to the user. It is marked: ``CACHEDIR.TAG`` makes backups skip it, and
another file permits the linker to create and remove files there. A directory with other contents gets a subdirectory,
which is created and marked in the same way: so the linker removes only files that a linker created.

::

    .wasmlink-cache   the mark
    CACHEDIR.TAG
    packs/            parsed objects and indices of archives, many in a file
    links/            states of finished links
    generated/        objects that were generated from bitcode
    sizes/            the sizes of the last links' parts, for a build tool's notes on changes

Whoever can write to a cache decides the contents of modules that are linked with it. So a directory that other users
can write to is refused, unless the user trusts them.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Sequence

from .. import host
from ..diagnostics import FatalError
from ..files import open_regular, replace_file
from ..options import CachePolicy
from ..temporary_files import is_abandoned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

MARK: Final = ".wasmlink-cache"
SUBDIRECTORY: Final = "wasmlink-cache"
PACKS: Final = "packs"
LINKS: Final = "links"
GENERATED: Final = "generated"
SIZES: Final = "sizes"
OPTIMIZED: Final = "optimized"
MAGIC: Final = b"wasmlink "
"""The first bytes of every cache file."""
_MARK_TEXT: Final = b"This directory is a cache of wasmlink, format 1. It may be removed at any time.\n"
_TAG: Final = "CACHEDIR.TAG"
_TAG_TEXT: Final = (
    b"Signature: 8a477f597d28d172789f06886806bc55\n"
    b"# This file is a cache directory tag created by wasmlink.\n"
    b"# For information about cache directory tags see https://bford.info/cachedir/\n"
)
_PRUNED: Final = ".pruned"
"""Its modification time is the time of the last pruning."""
_ROOMS: Final = {
    PACKS: range(9, 17),
    LINKS: range(40, 41),
    GENERATED: range(40, 41),
    SIZES: range(40, 41),
    OPTIMIZED: range(40, 41),
}
"""The directories, with the lengths of the linker's file names in them, which are hexadecimal numbers."""
_DIGITS: Final = frozenset("0123456789abcdef")
_MOST_LINKS: Final = 500
"""The maximum number of states. Each checkout and each set of options has its own, and few are used again."""


def cache_root(path: str, *, shared: bool = False) -> str | None:
    """Return the directory in which a cache at ``path`` has its files; ``None`` if it cannot be created.

    :param shared: other users may be able to write to it.
    :raises FatalError: other users can write to it without ``shared``.
    """
    try:
        root = os.path.abspath(path)
        for candidate, look in ((root, os.stat), (os.path.join(root, SUBDIRECTORY), os.lstat)):
            try:
                status = look(candidate)
            except FileNotFoundError:
                return candidate
            if not stat.S_ISDIR(status.st_mode):
                return None
            if _is_marked(candidate) or _is_empty(candidate):
                if not shared:
                    _refuse_others(candidate, status)
                return candidate
    except (OSError, ValueError):
        # One reason is a deleted working directory.
        return None
    return None


def _is_marked(root: str) -> bool:
    try:
        return stat.S_ISREG(os.lstat(os.path.join(root, MARK)).st_mode)
    except OSError:
        return False


def _is_empty(root: str) -> bool:
    """Return whether a directory is empty, or contains only the first files of another process that creates the
    cache."""
    with os.scandir(root) as entries:
        return all(entry.name == _TAG or entry.name.startswith(MARK) for entry in entries)


def _refuse_others(root: str, status: os.stat_result) -> None:
    if not host.HAS_OWNERS:
        return
    if status.st_uid and not host.is_own(status):
        problem = "it belongs to another user"
    elif status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        problem = f"other users can write to it (mode {stat.S_IMODE(status.st_mode):03o})"
    else:
        return
    raise FatalError(
        f"cannot use cache directory {root}: {problem}, and could decide what is linked; "
        "remove their permission (chmod go-w), or trust them with --shared-cache"
    )


def is_file_name(room: str, name: str) -> bool:
    """Return whether the linker creates files of that name in that subdirectory."""
    return len(name) in _ROOMS[room] and _DIGITS.issuperset(name)


def store_file(root: str, room: str, name: str, chunks: Sequence[bytes | bytearray | memoryview]) -> int:
    """Write a file of the cache; return its size in bytes, 0 if it cannot be written."""
    directory = os.path.join(root, room)
    try:
        _make(root)
        _make_directory(directory)
        if stat.S_ISDIR(os.lstat(directory).st_mode):
            replace_file(os.path.join(directory, name), chunks, mode=0o600)
            return sum(map(len, chunks))
    except (OSError, ValueError):
        pass
    return 0


def _make_directory(path: str) -> None:
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        return


def _make(root: str) -> None:
    if _is_marked(root):
        return
    os.makedirs(os.path.dirname(root), exist_ok=True)
    _make_directory(root)
    # The mark is first, so that other processes always find the directory empty or marked.
    replace_file(os.path.join(root, MARK), [_MARK_TEXT], mode=0o600)
    replace_file(os.path.join(root, _TAG), [_TAG_TEXT], mode=0o600)


# Pruning


class _File:
    """A file of the cache, with the properties that pruning uses."""

    __slots__ = ("path", "room", "size", "used")

    def __init__(self, path: str, room: str, status: os.stat_result) -> None:
        self.path = path
        self.room = room
        self.size = status.st_size
        self.used = status.st_mtime


def prune(root: str, policy: CachePolicy) -> None:
    """Remove files that are no longer used, then the least recently used, until the cache is within its limits; also
    remove files of processes that were killed while writing.

    Only regular files are removed, in a marked directory, with the location, the name and the first bytes of a file of
    the linker's.
    """
    if not _is_marked(root) or not _is_due(root, policy):
        return
    files = sorted(_files(root), key=lambda file: file.used)
    limit = _byte_limit(root, policy, sum(file.size for file in files))
    if policy.expiration:
        oldest = time.time() - policy.expiration
        files = _without([file for file in files if file.used < oldest], files)
    links = [file for file in files if file.room == LINKS]
    files = _without(links[: max(0, len(links) - _MOST_LINKS)], files)
    if policy.files:
        files = _without(files[: max(0, len(files) - policy.files)], files)
    size = sum(file.size for file in files)
    for file in files:
        if size <= limit:
            break
        remove_file(file.path)
        size -= file.size


def _without(unwanted: list[_File], files: list[_File]) -> list[_File]:
    """Remove the unwanted files; return the others."""
    for file in unwanted:
        remove_file(file.path)
    return [file for file in files if file not in unwanted] if unwanted else files


def _is_due(root: str, policy: CachePolicy) -> bool:
    if not policy.interval:
        return True
    stamp = os.path.join(root, _PRUNED)
    try:
        if time.time() - os.lstat(stamp).st_mtime < policy.interval:
            return False
    except OSError:
        pass
    try:
        replace_file(stamp, [MAGIC], mode=0o600)
    except OSError:
        return True  # It is due at the next link again.
    return True


def _byte_limit(root: str, policy: CachePolicy, used: int) -> float:
    limit = float(policy.size or "inf")
    if not policy.percentage:
        return limit
    try:
        return min(limit, (host.free_space(root) + used) * policy.percentage / 100)
    except OSError:
        return limit


def _files(root: str) -> list[_File]:
    """Return the cache's files, recognised by location and name. Remove files that killed processes left."""
    found: list[_File] = []
    for room in _ROOMS:
        directory = os.path.join(root, room)
        try:
            if stat.S_ISDIR(os.lstat(directory).st_mode):
                with os.scandir(directory) as entries:
                    for entry in entries:
                        _look_at(entry, room, found)
        except OSError:
            pass
    return found


def _look_at(entry: os.DirEntry[str], room: str, found: list[_File]) -> None:
    try:
        if not entry.is_file(follow_symlinks=False):
            return
        status = entry.stat(follow_symlinks=False)
        if is_file_name(room, entry.name):
            found.append(_File(entry.path, room, status))
        elif is_abandoned(entry.name, status):
            os.unlink(entry.path)
    except OSError:
        pass


def remove_file(path: str) -> None:
    """Remove a file of the cache. It may be gone already: another process may have removed it."""
    try:
        if _first_bytes(path) == MAGIC:
            os.unlink(path)
    except OSError:
        pass


def store_beside(path: str, chunks: Sequence[bytes | bytearray | memoryview]) -> None:
    """Write a file that is not in a cache directory, and that the next run can do without: if the file that is there
    may be somebody else's, or if it cannot be written, nothing happens. The first bytes must be :data:`MAGIC`."""
    try:
        if not os.path.lexists(path) or _first_bytes(path) in (MAGIC, b""):
            replace_file(path, chunks)
    except (OSError, ValueError):
        pass


def _first_bytes(path: str) -> bytes:
    """:raises OSError: it is not a regular file, or cannot be read."""
    with open_regular(path) as file:
        return file.read(len(MAGIC))
