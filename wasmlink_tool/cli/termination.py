"""Signals that end the command: first it removes what it was about to write, then it ends by the signal."""

from __future__ import annotations

import signal

from wasmlink_tool.files import remove_temporaries

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn

_NAMES = ("SIGTERM", "SIGHUP")
"""Of SIGINT Python makes an exception by itself."""


class Terminated(BaseException):
    """The process shall end by a signal."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def catch_signals() -> None:
    """Make an exception of signals that would end the process. One that is ignored stays so, as ``nohup`` asks."""
    for name in _NAMES:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, _terminate)


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    # A second one must not interrupt what the first one has begun.
    signal.signal(number, signal.SIG_IGN)
    raise Terminated(number)


def end_by_signal(number: int) -> int:
    """End the process as the signal does that it got; an exit status where that does not end it."""
    remove_temporaries()
    signal.signal(number, signal.SIG_DFL)
    signal.raise_signal(number)
    return 128 + number
