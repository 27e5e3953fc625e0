"""What operating systems do differently: the one place that calls what not all of them have.

Linux and macOS are POSIX systems. Windows has no ``fork`` (links run in one process), no owners of files (what another
user's process left is found by its age), and neither replaces nor removes a file that a program has open.
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
"""``os.open`` makes a new file, and follows no link."""
READ_FLAGS: Final = (
    os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
)
"""``os.open`` opens a file for reading, follows no link and waits for no pipe; Windows has neither at a path."""
UNNAMED_FLAG: Final = getattr(os, "O_TMPFILE", 0)
"""``os.open`` makes a file without a name in a directory; 0 where the system has no such files (only Linux has)."""
HAS_OWNERS: Final = hasattr(os, "geteuid")
"""Files have an owner and permissions that say who else may write to them."""
CAN_FORK: Final = hasattr(os, "fork")

_REPLACE_PAUSES: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4)
"""Seconds. On Windows an indexer or a virus scanner opens a new file for a moment."""


def usable_processors() -> int:
    """Return how many processors this process may use; 1 where the system does not say (macOS, Windows)."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1


def machine_name() -> str:
    """Return the host's name."""
    return os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "")


def is_own(status: os.stat_result) -> bool:
    """Return whether a file belongs to this user. Windows does not say: directories are private there by where they
    are."""
    return not HAS_OWNERS or status.st_uid == os.geteuid()


def free_space(path: str) -> int:
    """Return how many bytes this user may still write to a file system.

    :raises OSError: the system does not say.
    """
    import shutil

    return shutil.disk_usage(path).free


def is_read_only(path: str) -> bool:
    """Return whether nobody can write to the file system of a path; ``False`` where the system does not say."""
    return bool(hasattr(os, "statvfs") and os.statvfs(path).f_flag & os.ST_RDONLY)


def is_running(process: int) -> bool | None:
    """Return whether a process of this host exists; ``None`` where that cannot be asked (on Windows, where
    ``os.kill`` would end it)."""
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
    """Return whether ``st_ctime`` is the time of a file's last change, which nobody can set. On Windows it is that of
    its creation."""
    return os.name == "posix" and not IS_WINDOWS


def has_writer(path: str) -> bool:
    """Return whether a program has one of this user's files open for writing. What it stores through a mapping may give
    the file no new time. ``False`` where the system does not say: only Linux does, which gives no read lease then."""
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
        # Whoever opens the file for writing in this moment has the system send a signal, which is ignored by default.
        fcntl(descriptor, F_SETSIG, SIGURG)
        fcntl(descriptor, F_SETLEASE, F_RDLCK)
    except OSError as error:
        return error.errno == errno.EAGAIN
    finally:
        os.close(descriptor)
    return False


def read_at(descriptor: int, start: int, size: int) -> bytes | None:
    """Read at a position, whatever other threads do with the file; ``None`` where the system cannot (Windows)."""
    return os.pread(descriptor, size, start) if hasattr(os, "pread") else None


def replace(source: str, target: str) -> None:
    """Rename a file, which takes the place of another one.

    On Windows a file that is open is not replaced: what opens it for a moment only is waited for.

    :raises OSError: it cannot be done.
    """
    for pause in _REPLACE_PAUSES if IS_WINDOWS else ():
        try:
            return os.replace(source, target)
        except PermissionError:
            import time

            time.sleep(pause)
    return os.replace(source, target)


def large_memory(size: int) -> memoryview | None:
    """Return new memory in large pages, which is not touched page by page; ``None`` where the system has none."""
    import mmap

    if not hasattr(mmap, "MADV_HUGEPAGE"):
        return None
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    try:
        memory.madvise(mmap.MADV_HUGEPAGE)
    except OSError:
        return memoryview(memory)
    return memoryview(memory)
