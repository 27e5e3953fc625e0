"""Makes this Python lack what Windows lacks: put this directory on ``PYTHONPATH``.

Calls that Windows does not have are gone; an open file is neither replaced nor removed; names that Windows refuses are
refused, and so are paths of more than 259 characters; a file is found whatever the case of its name; the console has
another encoding than UTF-8. Paths keep their slashes.
"""

from __future__ import annotations

import builtins
import mmap
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from windows_calls import MODULES, OS_CALLS, SIGNALS  # type: ignore[import-not-found]

sys.path.pop(0)

# What needs the calls at import has them.
LOADED = (subprocess, tempfile)

LONGEST_PATH = 259
RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10))}

_statvfs = os.statvfs
for name in OS_CALLS:
    if hasattr(os, name):
        delattr(os, name)
for name in SIGNALS:
    if hasattr(signal, name):
        delattr(signal, name)
for name in [name for name in vars(mmap) if name.startswith(("MAP_", "MADV_", "PROT_"))]:
    delattr(mmap, name)
for name in MODULES:
    sys.modules[name] = None  # type: ignore[assignment]
shutil._use_fd_functions = False  # type: ignore[attr-defined]


def _open_files() -> set[str]:
    found = set()
    for entry in os.listdir("/proc/self/fd"):
        try:
            found.add(os.readlink(f"/proc/self/fd/{entry}"))
        except OSError:
            continue
    return found


def _check_closed(path: Any) -> None:
    if isinstance(path, (str, bytes, os.PathLike)) and os.path.realpath(os.fsdecode(path)) in _open_files():
        raise PermissionError(13, "Permission denied", os.fsdecode(path))


def _check_name(path: Any) -> None:
    if not isinstance(path, (str, bytes, os.PathLike)):
        return
    text = os.fsdecode(path)
    name = os.path.basename(text)
    if text.startswith(("/dev/", "/proc/")) and text not in ("/dev/null", "/proc/self/fd"):
        raise FileNotFoundError(2, "No such file or directory", text)
    if set(name) & set('<>:"|?*') or name.split(".")[0].lower() in RESERVED:
        raise OSError(22, "Invalid argument", text)


def _check_length(path: Any) -> None:
    if isinstance(path, (str, bytes, os.PathLike)):
        text = os.fsdecode(path)
        if len(os.path.abspath(text)) > LONGEST_PATH:
            raise FileNotFoundError(2, "No such file or directory", text)


def _in_its_case(path: Any) -> Any:
    """The path of the file that has this name, in any case; the path itself if there is none."""
    if not isinstance(path, (str, os.PathLike)) or _exists(path):
        return path
    head, name = os.path.split(os.fspath(path))
    directory = _in_its_case(head) if head else os.curdir
    try:
        entries = _list_directory(directory)
    except OSError:
        return path
    same = [entry for entry in entries if entry.lower() == name.lower()]
    return os.path.join(directory if head else "", same[0] if same else name)


def _exists(path: Any) -> bool:
    try:
        _lstat(path)
    except (OSError, ValueError):
        return False
    return True


def _without_case(original: Any, arguments: int = 1) -> Any:
    def call(*values: Any, **named: Any) -> Any:
        return original(*map(_in_its_case, values[:arguments]), *values[arguments:], **named)

    return call


def _checking(original: Any, *checks: Any, arguments: int = 1) -> Any:
    def call(*values: Any, **named: Any) -> Any:
        for value in values[:arguments]:
            for check in checks:
                check(value)
        return original(*values, **named)

    return call


def _kill(process: int, number: int, kill: Any = os.kill) -> None:
    if number not in (signal.SIGTERM, signal.SIGKILL, signal.SIGINT):
        raise AssertionError(f"os.kill({process}, {number}) ends a process on Windows")
    kill(process, number)


def _map_memory(descriptor: int, size: int, tagname: str | None = None, access: int = 0, offset: int = 0) -> mmap.mmap:
    return _mmap(descriptor, size, access=access, offset=offset)


def _disk_usage(path: str) -> shutil._ntuple_diskusage:
    status = _statvfs(path)
    total, free = (blocks * status.f_frsize for blocks in (status.f_blocks, status.f_bavail))
    return shutil._ntuple_diskusage(total, total - free, free)


_mmap = mmap.mmap
_lstat, _list_directory = os.lstat, os.listdir
shutil.disk_usage = _disk_usage  # type: ignore[assignment]
os.kill = _kill
os.replace = _checking(os.replace, _check_closed, arguments=2)
os.rename = _checking(os.rename, _check_closed, arguments=2)
os.unlink = _checking(os.unlink, _check_closed)
os.remove = _checking(os.remove, _check_closed)
os.open = _checking(os.open, _check_name)
os.mkdir = _checking(os.mkdir, _check_name)
builtins.open = _checking(builtins.open, _check_name)
mmap.mmap = _map_memory  # type: ignore[assignment,misc]
for name, arguments in {"replace": 2, "rename": 2, **dict.fromkeys(("unlink", "remove", "open", "mkdir"), 1)}.items():
    setattr(os, name, _without_case(getattr(os, name), arguments))
for name in ("stat", "lstat", "listdir", "scandir", "access", "utime"):
    setattr(os, name, _without_case(getattr(os, name)))
builtins.open = _without_case(builtins.open)
for name in ("replace", "rename"):
    setattr(os, name, _checking(getattr(os, name), _check_length, arguments=2))
for name in ("open", "mkdir", "unlink", "remove", "stat", "lstat", "listdir", "scandir", "access", "utime"):
    setattr(os, name, _checking(getattr(os, name), _check_length))
builtins.open = _checking(builtins.open, _check_length)
assert Path("/proc/self/fd").is_dir(), "this is played on Linux"
