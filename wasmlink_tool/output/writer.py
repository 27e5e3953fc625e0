"""The output file: written whole or not at all."""

from __future__ import annotations

import os
import stat
import sys

from ..diagnostics import Diagnostics, FatalError
from .encoding import Chunk


def check_writable(path: str, what: str, diagnostics: Diagnostics) -> None:
    """Report before the link that an output cannot be written, without leaving a trace of the attempt."""
    if path in ("", "-"):
        return
    reason = _why_unwritable(path)
    if reason:
        diagnostics.error(f"cannot open {what} file {path}: {reason}")


def _why_unwritable(path: str) -> str:
    try:
        if os.path.isdir(path):
            return "Is a directory"
        if os.path.exists(path) and not os.path.isfile(path):
            return "" if os.access(path, os.W_OK) else "Permission denied"
        # A file, like a link that leads nowhere, is replaced: that asks for nothing but its directory.
        directory = os.path.dirname(path) or "."
        if not os.path.isdir(directory):
            return "Not a directory" if os.path.exists(directory) else "No such file or directory"
        if not os.access(directory, os.W_OK | os.X_OK):
            return "Permission denied"
    except ValueError as error:
        return str(error)
    return ""


def write_output(path: str, chunks: list[Chunk], *, executable: bool) -> None:
    """Write the module.

    A regular or absent file is replaced by a rename, so that a failure leaves the old one; anything else (a device, a
    pipe) is written to as it is; ``-`` is standard output.

    :raises FatalError: the file cannot be written.
    """
    try:
        if path == "-":
            stream = getattr(sys.stdout, "buffer", None)
            if stream is None:
                raise FatalError("failed to write output '-': standard output takes no bytes")
            stream.writelines(chunks)
            stream.flush()
            return
        try:
            regular = stat.S_ISREG(os.stat(path).st_mode)
        except FileNotFoundError:
            regular = True
        if not regular:
            with open(path, "wb") as file:
                file.writelines(chunks)
            return
        _replace(path, chunks, executable=executable)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise FatalError(f"failed to write output '{path}': {reason}") from None


def _replace(path: str, chunks: list[Chunk], *, executable: bool) -> None:
    temporary = f"{path}.tmp{os.getpid()}"
    mode = 0o777 if executable else 0o666
    number = 0
    while True:
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
            break
        except FileExistsError:
            # Another link in this process, or what a killed one left behind.
            number += 1
            temporary = f"{path}.tmp{os.getpid()}-{number}"
    try:
        with open(descriptor, "wb") as file:
            file.writelines(chunks)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
