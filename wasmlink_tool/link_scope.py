"""The scope around every use of the linker: no garbage collection, and every failure becomes a :class:`LinkError`.

Damaged inputs, full disks and unreadable files are reported where they are found. What arrives here besides is
exhausted memory, a system call that failed unexpectedly, or a defect of the linker. In each case the caller gets an
error that names a file; the exception itself is the ``__cause__`` of the :class:`LinkError`.
"""

from __future__ import annotations

import gc
import os

from .diagnostics import Diagnostics, FatalError, LinkError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Literal

_PACKAGE = os.path.dirname(os.path.abspath(__file__))


class LinkScope:
    """``with LinkScope(diagnostics, output):`` around the work on one set of options.

    :param output: the file that an error names if no input was being read.
    """

    def __init__(self, diagnostics: Diagnostics, output: str) -> None:
        self._diagnostics = diagnostics
        self._output = output
        self._collecting = False

    def __enter__(self) -> None:
        # A link creates many small objects that live until its end: searching them for reference cycles again and again
        # would take a third of its time.
        self._collecting = gc.isenabled()
        gc.disable()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> Literal[False]:
        if self._collecting:
            gc.enable()
        if error is None or isinstance(error, LinkError) or not isinstance(error, Exception):
            return False
        diagnostics = self._diagnostics
        if isinstance(error, FatalError):
            diagnostics.error(str(error), error.hints)
            raise LinkError(tuple(diagnostics.entries)) from None
        diagnostics.error(*describe_failure(error, diagnostics.file or self._output))
        raise LinkError(tuple(diagnostics.entries)) from error


def is_defect(error: LinkError) -> bool:
    """Return whether the linker itself is at fault, rather than its inputs, the disk or the memory."""
    cause = error.__cause__
    return isinstance(cause, Exception) and not isinstance(cause, (MemoryError, OSError))


def describe_failure(error: Exception, place: str) -> tuple[str, tuple[str, ...]]:
    """Return the text and the hints of the diagnostic for an unexpected exception.

    :param place: the file that was being processed.
    """
    if isinstance(error, MemoryError):
        return f"{place}: out of memory", ()
    if isinstance(error, OSError):
        if isinstance(error.filename, (str, bytes)):
            place = os.fsdecode(error.filename)
        return f"{place}: {error.strerror or error}", ()
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    advice = "this is a defect of the linker: please report it with the archive that --reproduce=FILE writes"
    return f"{place}: internal error: {what}", (*_origin(error.__traceback__), advice)


def _origin(traceback: TracebackType | None) -> tuple[str, ...]:
    """Return where in the linker's own code an exception was raised."""
    found: tuple[str, ...] = ()
    while traceback is not None:
        code = traceback.tb_frame.f_code
        # Compiled modules have relative names.
        file = code.co_filename.removeprefix(_PACKAGE + os.sep)
        if not os.path.isabs(file):
            found = (f"in {file}, line {traceback.tb_lineno} ({code.co_name})",)
        traceback = traceback.tb_next
    return found
