"""Temporary files and directories, which are in a registry while they exist.

A handler that ends the process on a signal calls :func:`remove_temporaries`. What a killed process left is recognised
by its name, which identifies the process, and removed by the next process that works in the directory
(:func:`remove_abandoned`).
"""

from __future__ import annotations

import os
import stat

from . import host

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Final, TypeVar

    _Made = TypeVar("_Made")

_DAY: Final = 86_400
_temporaries: dict[str, int] = {}
"""Maps each path to the process that created it: after a fork both processes know it, and only its creator may remove
it."""


def remove_temporaries() -> None:
    """Remove the temporary files and directories that this process has at the moment. For signal handlers, and for code
    that interrupts links on other threads."""
    me = os.getpid()
    for path, owner in list(_temporaries.items()):
        if owner == me:
            discard(path)


def create(path: str, make: Callable[[str], _Made]) -> tuple[str, _Made]:
    """Make a temporary file or directory beside ``path``; return its path, and what ``make`` returned for that.

    :raises OSError: it cannot be made.
    """
    temporary = reserve(path)
    try:
        return temporary, make(temporary)
    except OSError:
        release(temporary)
        raise
    except BaseException:
        # An interrupt, which may have come when it was made already.
        discard(temporary)
        raise


def reserve(path: str) -> str:
    """Return a path beside ``path`` for a temporary file or directory, which is in the registry from now on."""
    directory, name = os.path.split(path)
    temporary = os.path.join(directory, temporary_name(name))
    _temporaries[temporary] = os.getpid()
    return temporary


def release(path: str) -> None:
    """Take a path from the registry: what had it was never made, or has another name now."""
    _temporaries.pop(path, None)


def discard(path: str) -> None:
    """Remove a temporary file or directory, if it was made."""
    _remove(path)
    release(path)


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except (IsADirectoryError, PermissionError):
        import shutil

        shutil.rmtree(path, ignore_errors=True)
    except OSError:
        return


def _place() -> str:
    """Return an identifier of the process number space: a host, and on it a namespace of processes."""
    names = [host.machine_name()]
    try:  # noqa: SIM105
        names.append(os.readlink("/proc/self/ns/pid"))
    except (OSError, AttributeError):
        pass  # The system has none.
    # FNV-1a: importing a module with a hash function takes longer than hashing a few dozen bytes.
    value = 0x811C9DC5
    for byte in repr(names).encode("utf-8", "surrogateescape"):
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return f"{value:08x}"


def temporary_name(stem: str) -> str:
    """Return an unpredictable name for a temporary file or directory that identifies the process."""
    encoded = os.fsencode(stem)
    if len(encoded) > 180:
        # Most systems limit a name to 255 bytes.
        stem = os.fsdecode(encoded[:180])
    return f"{stem}.tmp{os.getpid()}-{_place()}{os.urandom(8).hex()}"


def is_abandoned(name: str, status: os.stat_result) -> bool:
    """Return whether :func:`temporary_name` made the name of a file or directory, and its process no longer exists.

    The file must belong to this user. A process of another host or container is assumed to have ended after a day.
    """
    head, _, mark = name.rpartition(".tmp")
    number, _, tail = mark.partition("-")
    if not head or not number.isdecimal() or len(tail) != 24 or tail.strip("0123456789abcdef"):
        return False
    if not host.is_own(status):
        return False
    running = host.is_running(int(number)) if tail[:8] == _place() else None
    if running is not None:
        return not running
    import time

    return time.time() - status.st_mtime > _DAY


def remove_abandoned(directory: str, stem: str = "") -> None:
    """Remove files and directories that killed processes left in a directory, if their names begin with ``stem``."""
    try:
        names = [name for name in os.listdir(directory or ".") if ".tmp" in name and name.startswith(stem)]
    except OSError:
        return
    for name in names:
        path = os.path.join(directory, name)
        try:
            status = os.lstat(path)
            if not stat.S_ISLNK(status.st_mode) and is_abandoned(name, status):
                _remove(path)
        except OSError:
            continue


class TemporaryDirectory:
    """A directory that only this user can access; it is removed with its contents."""

    def __init__(self, stem: str) -> None:
        """:raises OSError: it cannot be created; the error names it."""
        import tempfile

        parent = tempfile.gettempdir()
        remove_abandoned(parent, stem)
        self.path, _ = create(os.path.join(parent, stem), lambda path: os.mkdir(path, 0o700))

    def __enter__(self) -> str:
        return self.path

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        import shutil

        shutil.rmtree(self.path, ignore_errors=True)
        release(self.path)
