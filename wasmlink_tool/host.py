"""Differences between operating systems: the only module that calls functions which not all of them have.

Linux and macOS are POSIX systems. Windows has no ``fork`` (links run in one process) and no file owners (files of
another user's dead process are recognised by their age), and it neither replaces nor removes a file that a program has
open.
"""

from __future__ import annotations

import errno
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

IS_WINDOWS: Final = sys.platform == "win32"

CREATE_FLAGS: Final = (
    os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
)  # O_CLOEXEC is Python's own default.
"""Flags with which ``os.open`` creates a new file and follows no link."""
READ_FLAGS: Final = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
"""Flags with which ``os.open`` opens a file for reading and waits for no pipe; Windows paths are none."""
NO_FOLLOW: Final = getattr(os, "O_NOFOLLOW", 0)
"""The flag with which ``os.open`` follows no link."""
UNNAMED_FLAG: Final = getattr(os, "O_TMPFILE", 0)
"""Flags with which ``os.open`` creates an unnamed file in a directory; 0 if the system has none (only Linux does)."""
HAS_OWNERS: Final = hasattr(os, "geteuid")
"""Files have an owner and permissions that decide who else may write to them."""
CAN_FORK: Final = hasattr(os, "fork")

LONGEST_PATH: Final = 259
"""The maximum number of characters of a path on Windows, unless long paths are enabled there."""

_REPLACE_PAUSES: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4)
"""Seconds. On Windows an indexer or a virus scanner opens a new file for a moment."""


def usable_processors() -> int:
    """Return how many processors this process may use; 1 if the system does not report it (macOS, Windows)."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1


def machine_name() -> str:
    """Return the host's name."""
    return os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "")


def is_own(status: os.stat_result) -> bool:
    """Return whether a file belongs to this user. Windows does not report it: there, a directory's location makes it
    private."""
    return not HAS_OWNERS or status.st_uid == os.geteuid()


def is_too_long(path: str) -> bool:
    """Return whether Windows may refuse a path for its length alone, which it reports as a missing file."""
    return IS_WINDOWS and len(os.path.abspath(path)) > LONGEST_PATH and not path.startswith("\\\\?\\")


def free_space(path: str) -> int:
    """Return how many bytes this user may still write to a file system.

    :raises OSError: the system does not report it.
    """
    import shutil

    return shutil.disk_usage(path).free


def is_read_only(path: str) -> bool:
    """Return whether the file system of a path is mounted read-only; ``False`` if the system does not report it."""
    return bool(hasattr(os, "statvfs") and os.statvfs(path).f_flag & os.ST_RDONLY)


def is_running(process: int) -> bool | None:
    """Return whether a process of this host exists; ``None`` if the system cannot be asked (on Windows, ``os.kill``
    would end the process)."""
    if not HAS_OWNERS:
        return None
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def has_change_times() -> bool:
    """Return whether ``st_ctime`` is the time of a file's last change, which no program can set. On Windows it is that
    of its creation."""
    return os.name == "posix" and not IS_WINDOWS


def has_writer(path: str) -> bool:
    """Return whether a program has one of this user's files open for writing: stores through a mapping may leave the
    file's times unchanged. ``False`` if the system does not report it: only Linux does, by refusing a read lease."""
    try:
        from fcntl import F_RDLCK, F_SETLEASE, F_SETSIG, fcntl
        from signal import SIGURG
    except ImportError:
        return False
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        # If a program opens the file for writing at this moment, the kernel sends a signal, which is ignored by
        # default.
        fcntl(descriptor, F_SETSIG, SIGURG)
        fcntl(descriptor, F_SETLEASE, F_RDLCK)
    except OSError as error:
        return error.errno == errno.EAGAIN
    finally:
        os.close(descriptor)
    return False


def read_at(descriptor: int, start: int, size: int) -> bytes | None:
    """Read at a position, independent of what other threads do with the file; ``None`` if the system cannot
    (Windows)."""
    return os.pread(descriptor, size, start) if hasattr(os, "pread") else None


def replace(source: str, target: str) -> None:
    """Rename a file over another.

    Windows does not replace an open file: if one is open for a moment only, wait for it.

    :raises OSError: it cannot be renamed.
    """
    for pause in _REPLACE_PAUSES if IS_WINDOWS else ():
        try:
            return os.replace(source, target)
        except PermissionError:
            import time

            time.sleep(pause)
    return os.replace(source, target)


def large_memory(size: int) -> memoryview | None:
    """Return new memory in large pages, without touching it; ``None`` if the system has none."""
    import mmap

    if not hasattr(mmap, "MADV_HUGEPAGE"):
        return None
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    try:
        memory.madvise(mmap.MADV_HUGEPAGE)
    except OSError:
        return memoryview(memory)
    return memoryview(memory)
