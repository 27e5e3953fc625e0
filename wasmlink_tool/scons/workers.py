"""Processes that link at the same time, for ``scons -j``.

SCons runs its jobs on threads, of which one at a time executes Python. So each link is given to a separate process,
which is kept for the next link; so is a scan that is not on the main thread, since no other thread can be interrupted.
Workers are started on demand, up to the number of jobs. An interrupt from the terminal ends them like compilers;
otherwise they end when the pipe to SCons does, for whatever reason.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import host
from ..cli.reporter import stream_has_colors
from .rephrase import in_variables

_ROOT = str(Path(__file__).resolve().parents[2])
_SCRIPT = str(Path(__file__).with_name("worker.py"))


ENDING_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Signals that end a build, and the running links with it."""


@dataclass(frozen=True)
class Outcome:
    """A finished link: its output, as bytes in latin-1, and its exit status."""

    status: int
    output: str = ""
    errors: str = ""

    def show(self) -> int:
        """Print the output in one piece, so that no other link's lines get between; return the status."""
        with _PRINTING:
            for text, stream in ((self.output, sys.stdout), (in_variables(self.errors), sys.stderr)):
                if text:
                    encoding = getattr(stream, "encoding", None) or "utf-8"
                    stream.write(text.encode("latin-1").decode(encoding, "backslashreplace"))
                    stream.flush()
        return self.status


_PRINTING = threading.Lock()


def interrupted(program: str) -> Outcome:
    """Return the outcome of a link that an interrupt ended."""
    return Outcome(128 + signal.SIGINT, errors=f"{program}: error: interrupted\n")


class Worker:
    """One process, which runs one link at a time."""

    def __init__(self) -> None:
        # Isolated: the worker reads no Python environment variables but those passed on here.
        flags = ["-S", "-E", "-s", *(["-B"] if sys.dont_write_bytecode else [])]
        if sys.pycache_prefix:
            flags += ["-X", f"pycache_prefix={sys.pycache_prefix}"]
        self._process = subprocess.Popen(
            [sys.executable, *flags, _SCRIPT, _ROOT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def run(self, program: str, arguments: list[str]) -> dict[str, Any] | None:
        """Return the outcome of a link, or of a scan if no program is named; ``None`` if the worker ended instead of
        answering."""
        assert self._process.stdin is not None and self._process.stdout is not None
        job = {"directory": os.getcwd(), "program": program, "arguments": arguments}
        try:
            self._process.stdin.write(json.dumps(job).encode("ascii") + b"\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except OSError:
            answer = b""
        return dict(json.loads(answer)) if answer.endswith(b"\n") else None

    def end(self) -> int:
        """Close the pipes; return the process's status."""
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with contextlib.suppress(OSError):
                pipe.close()
        return self._process.wait()


class Pool:
    """The idle workers, and the busy ones."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[Worker] = []
        self._at_work = 0

    def run(self, program: str, arguments: list[str]) -> Outcome:
        """Link in a worker."""
        with self._lock:
            self._at_work += 1
            options = _processors(self._at_work)
        if stream_has_colors(sys.stderr):
            options.append("--color-diagnostics")
        try:
            outcome = self._ask(program, options + arguments)
        finally:
            with self._lock:
                self._at_work -= 1
        if isinstance(outcome, int):
            if _is_interrupt(outcome):
                return interrupted(program)
            reason = f"signal {-outcome}" if outcome < 0 else f"status {outcome}"
            return Outcome(1, errors=f"{program}: error: the linking process ended unexpectedly ({reason})\n")
        return Outcome(**outcome)

    def extract(self, arguments: list[str]) -> dict[str, Any]:
        """Scan a link in a worker: return what :func:`.worker.extract` does.

        :raises KeyboardInterrupt: an interrupt ended the worker.
        """
        outcome = self._ask("", arguments)
        if isinstance(outcome, int):
            if _is_interrupt(outcome):
                raise KeyboardInterrupt
            return {}
        return outcome

    def _ask(self, program: str, arguments: list[str]) -> dict[str, Any] | int:
        """Return the answer of a worker, or its status if it ended."""
        # Jobs are threads of SCons's, so there are never more workers than jobs.
        with self._lock:
            worker = self._idle.pop() if self._idle else None
        if worker is None:
            worker = Worker()
        outcome = worker.run(program, arguments)
        if outcome is None:
            return worker.end()
        with self._lock:
            self._idle.append(worker)
        return outcome


def _is_interrupt(status: int) -> bool:
    """Return whether a worker ended by a signal that ends a build."""
    return any(abs(status) in (number, 128 + number) for number in ENDING_SIGNALS)


def _processors(links: int) -> list[str]:
    """Return the option that gives a link its share of the processors, with this many running links.

    The option must be explicit: the thread that reads a worker's jobs would otherwise prevent child processes, but does
    not get in their way.
    """
    return [f"--threads={max(1, host.usable_processors() // links)}"]


@functools.cache
def pool() -> Pool:
    """Return the workers of this process."""
    return Pool()
