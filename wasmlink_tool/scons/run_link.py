"""Run links and scans: in this process, or in workers if SCons builds several targets at the same time."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..cli.reporter import stream_has_colors
from ..temporary_files import remove_temporaries
from . import worker, workers
from .progress import progress


def run(program: str, arguments: list[str], name: str, env: Any) -> int:
    """Link as the command would, and print its output; return its exit status. ``name`` is for the progress line."""
    jobs = env.GetOption("num_jobs") or 1
    with progress(name):
        if jobs > 1 and hasattr(sys.stderr, "isatty"):
            outcome = workers.pool().run(program, arguments)
        else:
            # While SCons runs the checks of Configure, one at a time, standard error is not a file but an object that
            # writes its log.
            outcome = _run_here(program, arguments)
    return outcome.show()


def _run_here(program: str, arguments: list[str]) -> workers.Outcome:
    if hasattr(sys.stderr, "isatty") and stream_has_colors(sys.stderr):
        arguments = ["--color-diagnostics", *arguments]
    try:
        with interruptible():
            return workers.Outcome(**worker.link(program, arguments))
    except KeyboardInterrupt:
        remove_temporaries()
        return workers.interrupted(program)


def extract(program: str, arguments: list[str]) -> dict[str, Any]:
    """Scan a link: return what :func:`.worker.extract` does, but nothing after a defect of the linker, which is printed
    as a warning.

    :raises KeyboardInterrupt: a signal ends the build.
    """
    if threading.current_thread() is not threading.main_thread():
        found = workers.pool().extract(arguments)
    else:
        with interruptible():
            found = worker.extract(arguments)
    defect = found.get("defect")
    if defect is None:
        return found
    if defect not in _reported:
        _reported.add(defect)
        workers.Outcome(0, errors=f"{program}: warning: cannot determine dependencies: {defect}\n").show()
    return {}


_reported: set[str] = set()
"""Defects that were printed: SCons scans a module several times."""


@contextmanager
def interruptible() -> Iterator[None]:
    """Make the signals that end a build raise ``KeyboardInterrupt`` in this process.

    SCons's own handlers let a job run to its end and start no further one.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    process = os.getpid()
    handlers = {number: signal.getsignal(number) for number in workers.ENDING_SIGNALS}

    def interrupt(number: int, frame: Any) -> None:
        if os.getpid() != process:
            # A child process of the link.
            os._exit(128 + number)
        handler = handlers[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)
        raise KeyboardInterrupt

    for number, handler in handlers.items():
        if handler not in (signal.SIG_IGN, None):
            signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            if handler is not None:
                signal.signal(number, handler)
