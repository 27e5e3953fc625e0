"""The end of the command's process.

- By a signal: the command removes its temporary files, then ends by the signal.
- With a status: the process ends at once (:func:`leave`). The interpreter would free all modules and objects one by
  one first, which takes 2.4 of the 46 ms in which the compiled package links a small program.
"""

from __future__ import annotations

import os
import sys

from wasmlink_tool.temporary_files import remove_temporaries

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from types import FrameType
    from typing import NoReturn
else:
    # The module without the underscore makes enumerations of all numbers first.
    import _signal as signal

_NAMES = ("SIGTERM", "SIGHUP")
"""Python itself raises an exception for SIGINT."""


class Terminated(BaseException):
    """The process must end by a signal."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def catch_signals() -> None:
    """Raise an exception for signals that would end the process. An ignored signal stays ignored, as ``nohup``
    needs."""
    for name in _NAMES:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, _terminate)


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    # A second signal must not interrupt the clean-up of the first.
    signal.signal(number, signal.SIG_IGN)
    raise Terminated(number)


def end_by_signal(number: int) -> int:
    """End the process as the received signal would; return an exit status if that does not end it."""
    remove_temporaries()
    signal.signal(number, signal.SIG_DFL)
    signal.raise_signal(number)
    return 128 + number


def leave(status: int) -> NoReturn:
    """End the process with an exit status: at once, unless something else has work to do when the interpreter ends."""
    if not _is_observed():
        try:
            for stream in (sys.stdout, sys.stderr):
                # Windows programs without a console have no streams.
                if stream is not None:
                    stream.flush()
        except (OSError, ValueError):
            pass  # The interpreter reports it.
        else:
            os._exit(status)
    sys.exit(status)


def _is_observed() -> bool:
    """Return whether there are other threads, functions to call at exit, a debugger or a profiler."""
    import _thread
    import atexit

    monitoring = getattr(sys, "monitoring", None)
    return bool(
        _thread._count()
        or atexit._ncallbacks()
        or sys.gettrace() is not None
        or sys.getprofile() is not None
        or (monitoring is not None and any(map(monitoring.get_tool, range(6))))
        or sys.flags.inspect
        or os.environ.get("PYTHONINSPECT")
    )
