"""The output file: written completely or not at all."""

from __future__ import annotations

import os
import sys

from ..diagnostics import Diagnostics, FatalError
from ..files import (
    StagedFile,
    directory_entry,
    is_replaced,
    open_unreplaced,
    reason,
    replacing,
    takes_name,
    why_unwritable,
)
from ..temporary_files import remove_abandoned
from .encoding import Chunk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType


def check_writable(path: str, what: str, diagnostics: Diagnostics) -> None:
    """Report before the link if an output cannot be written, without leaving a trace of the attempt."""
    if path == "-":
        return
    why = why_unwritable(path) if path else "its name is empty"
    if why:
        diagnostics.error(f"cannot open {what} file {path}: {why}")


def check_distinct(outputs: Sequence[tuple[str, str]], diagnostics: Diagnostics) -> None:
    """Report before the link if an output would replace another one.

    :param outputs: each with its name in diagnostics.
    """
    if len(outputs) < 2:
        # As a rule: nothing need be looked up.
        return
    taken: dict[str, str] = {}
    for path, what in replacing(outputs):
        other = taken.setdefault(directory_entry(path), what)
        if other != what:
            diagnostics.error(f"{what} file {path} would replace the {other} file: give them different names")


def check_inputs_stay(
    outputs: Sequence[tuple[str, str]], read: Mapping[str, os.stat_result], diagnostics: Diagnostics
) -> None:
    """Report before the link if an output would replace a file that the link reads.

    :param read: these files, with their status.
    """
    for path, what in replacing(outputs):
        replaced = _replaced_file(path, read)
        if replaced is not None:
            diagnostics.error(f"{what} file {path} would replace an input of the link: {replaced}")


def _replaced_file(path: str, read: Mapping[str, os.stat_result]) -> str | None:
    """Return the file, of those that the link reads, whose name is given to what is written to ``path``."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return next((file for file in read if os.path.samestat(status, read[file]) and takes_name(path, file)), None)


class OutputFile:
    """``with OutputFile(path, chunks):`` writes the module, and gives it its name at the end: if anything fails until
    then, the old file stays.

    A regular or absent file is replaced by a rename; anything else (a device, a pipe) and standard output (``-``) is
    written to directly, at the end. ``None`` writes no file.

    :raises FatalError: the file cannot be written.
    """

    def __init__(self, path: str | None, chunks: list[Chunk]) -> None:
        self._path = path
        self._chunks = chunks
        self._staged: StagedFile | None = None

    def __enter__(self) -> None:
        path = self._path
        try:
            if path is not None and path != "-" and is_replaced(path):
                self._staged = StagedFile(path, self._chunks, mode=0o777)
        except (OSError, ValueError) as error:
            raise self._failure(error) from None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        path, staged = self._path, self._staged
        if error is not None:
            if staged is not None:
                staged.discard()
            return
        try:
            if staged is not None and path is not None:
                staged.commit()
                remove_abandoned(os.path.dirname(path), os.path.basename(path))
            elif path == "-":
                self._print()
            elif path is not None:
                with open_unreplaced(path) as file:
                    file.writelines(self._chunks)
        except (OSError, ValueError) as failure:
            raise self._failure(failure) from None

    def _print(self) -> None:
        stream = getattr(sys.stdout, "buffer", None)
        if stream is None:
            raise FatalError("failed to write output '-': standard output cannot be written")
        stream.writelines(self._chunks)
        stream.flush()

    def _failure(self, error: BaseException) -> FatalError:
        return FatalError(f"failed to write output '{self._path}': {reason(error)}")
