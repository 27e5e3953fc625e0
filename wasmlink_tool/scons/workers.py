"""Processes that link at the same time, for ``scons -j``.

SCons runs its jobs on threads, of which one at a time executes Python. So each link is handed to a process of its own,
kept for the next link. Workers are started when they are needed, up to the number of jobs. An interrupt from the
terminal ends them as it ends compilers; otherwise they end when the pipe to SCons does, however that came about.
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

from .. import host
from ..cli.reporter import stream_has_colors
from .rephrase import in_variables

_ROOT = str(Path(__file__).resolve().parents[2])
_SCRIPT = str(Path(__file__).with_name("worker.py"))


ENDING_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
"""What ends a build, and with it the links that are under way."""


@dataclass(frozen=True)
class Outcome:
    """A finished link: what it printed, as bytes in latin-1, and its exit status."""

    status: int
    output: str = ""
    errors: str = ""

    def show(self) -> int:
        """Print it in one piece, so that no other link's lines get between; the status."""
        with _PRINTING:
            for text, stream in ((self.output, sys.stdout), (in_variables(self.errors), sys.stderr)):
                if text:
                    encoding = getattr(stream, "encoding", None) or "utf-8"
                    stream.write(text.encode("latin-1").decode(encoding, "backslashreplace"))
                    stream.flush()
        return self.status


_PRINTING = threading.Lock()


def interrupted(program: str) -> Outcome:
    """The outcome of a link that an interrupt ended."""
    return Outcome(128 + signal.SIGINT, errors=f"{program}: error: interrupted\n")


class Worker:
    """One process, doing one link at a time."""

    def __init__(self) -> None:
        # Isolated: the worker reads no variable of Python's but what is passed on here.
        flags = ["-S", "-E", "-s", *(["-B"] if sys.dont_write_bytecode else [])]
        if sys.pycache_prefix:
            flags += ["-X", f"pycache_prefix={sys.pycache_prefix}"]
        self._process = subprocess.Popen(
            [sys.executable, *flags, _SCRIPT, _ROOT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def run(self, program: str, arguments: list[str]) -> Outcome | None:
        """The outcome; ``None`` if the worker ended instead of answering."""
        assert self._process.stdin is not None and self._process.stdout is not None
        job = {"directory": os.getcwd(), "program": program, "arguments": arguments}
        try:
            self._process.stdin.write(json.dumps(job).encode("ascii") + b"\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except OSError:
            answer = b""
        return Outcome(**json.loads(answer)) if answer.endswith(b"\n") else None

    def end(self) -> int:
        """Close the pipes; the process's status."""
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with contextlib.suppress(OSError):
                pipe.close()
        return self._process.wait()


class Pool:
    """The workers that wait for a link, and those at work."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[Worker] = []
        self._at_work = 0

    def run(self, program: str, arguments: list[str]) -> Outcome:
        # Jobs are threads of SCons's, so there are never more workers than jobs.
        with self._lock:
            worker = self._idle.pop() if self._idle else None
            self._at_work += 1
            options = _processors(self._at_work)
        try:
            if worker is None:
                worker = Worker()
            if stream_has_colors(sys.stderr):
                options.append("--color-diagnostics")
            outcome = worker.run(program, options + arguments)
        finally:
            with self._lock:
                self._at_work -= 1
        if outcome is None:
            status = worker.end()
            if any(abs(status) in (number, 128 + number) for number in ENDING_SIGNALS):
                return interrupted(program)
            reason = f"signal {-status}" if status < 0 else f"status {status}"
            return Outcome(1, errors=f"{program}: error: the linking process ended unexpectedly ({reason})\n")
        with self._lock:
            self._idle.append(worker)
        return outcome


def _processors(links: int) -> list[str]:
    """The option that gives a link its part of the processors, where so many links are at work.

    The thread that reads a worker's jobs does not keep the worker from being copied, which an option has to say.
    """
    return [f"--threads={max(1, host.usable_processors() // links)}"]


@functools.cache
def pool() -> Pool:
    """The workers of this process."""
    return Pool()
