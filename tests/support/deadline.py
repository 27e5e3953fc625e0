"""An end for what might never end: a test of a hang fails at it, instead of holding up all that come after."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Endless(BaseException):
    """Not an ``Exception``, so that no handler between the loop and the test takes it for a failure of its own."""


@contextmanager
def processor_time(seconds: float) -> Iterator[None]:
    """Interrupt the body with :class:`Endless` once it has used so many seconds of the processor.

    The limit says that something ends, not how fast it is: choose it a hundred times what the body needs.
    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise Endless(f"still at work after {seconds} seconds of processor time")

    previous = signal.signal(signal.SIGPROF, interrupt)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, previous)
