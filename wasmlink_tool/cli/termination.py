"""Signals that end the command: it removes its temporary files, then ends by the signal."""

from __future__ import annotations

from wasmlink_tool.files import remove_temporaries

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
