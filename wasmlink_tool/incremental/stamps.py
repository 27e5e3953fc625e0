"""Decide whether a file is unchanged: by its stamp where that is reliable, otherwise by content."""

from __future__ import annotations

import os
import stat

from .. import host

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

Stamp = tuple[int, ...]
"""Device, inode, size, time of modification and of change; empty where the next look must read the file."""

_COARSE: Final = 2_000_000_000
_FINE: Final = 50_000_000
"""Nanoseconds within which a file may change twice without a new time: in file systems that count seconds, and in those
that count the kernel's ticks."""


def stamp(path: str, status: os.stat_result, opened: int) -> Stamp:
    """Return the stamp of a file that was read after the time ``opened``, in nanoseconds: later writes change it.
    Stores through an existing mapping may not: the system records the first store to a page, and the next one only
    after the page was written back."""
    if not stat.S_ISREG(status.st_mode):
        return ()
    if opened - status.st_ctime_ns <= _resolution(status) or host.has_writer(path):
        return ()
    return _stamp(status)


def unchanged_status(path: str, known: Stamp) -> os.stat_result | None:
    """Return the status of a file that was not modified, else ``None``. The kernel sets the change time, and no program
    can; other systems have no such time."""
    if not known or not host.has_change_times():
        return None
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status if _stamp(status) == known else None


def is_unchanged(path: str, known: Stamp) -> bool:
    """Return whether a file cannot have been modified."""
    return unchanged_status(path, known) is not None


def is_same(one: os.stat_result, other: os.stat_result) -> bool:
    """Return whether a file was not written to between two calls of stat()."""
    return _stamp(one) == _stamp(other)


def _stamp(status: os.stat_result) -> Stamp:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _resolution(status: os.stat_result) -> int:
    return _FINE if status.st_ctime_ns % 1_000_000 else _COARSE
