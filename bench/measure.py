"""Running one process and saying what it cost."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.toolchain import BenchError

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "bench" / ".work"
"""The directory of what is built."""
VARIANTS = {"-S": ("-S",), "-g": ()}
"""Stripped, and with the debug information of the inputs."""
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes in a unit of ``ru_maxrss``."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a process: wall-clock seconds, peak resident memory in bytes, what it printed, and the seconds that
    processors worked for it, on which other work on the machine has less influence."""

    seconds: float
    peak: int
    output: str
    processor_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Figures:
    """Several runs of the same process."""

    runs: tuple[Run, ...]

    @property
    def seconds(self) -> float:
        """The median."""
        return statistics.median(run.seconds for run in self.runs)

    @property
    def fastest(self) -> float:
        return min(run.seconds for run in self.runs)

    @property
    def processor_seconds(self) -> float:
        """The least: what the process takes where nothing disturbs it."""
        return min(run.processor_seconds for run in self.runs)

    @property
    def peak(self) -> int:
        """The median of the peaks, in bytes."""
        return int(statistics.median(run.peak for run in self.runs))


def our_environment() -> dict[str, str]:
    """The environment in which ``-m wasmlink_tool`` is this checkout's."""
    environment = dict(os.environ)
    # Without it, every start would compile the package again, which no installed one does.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    paths = [str(ROOT), environment.get("PYTHONPATH", "")]
    environment["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    return environment


def run_process(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Run:
    """Run a command to its end; an exit status other than 0 is a :class:`BenchError`."""
    with tempfile.TemporaryFile() as output:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode(errors="replace")
    if process.returncode:
        raise BenchError(f"{' '.join(command)[:300]} ended with status {process.returncode}:\n{text[-4000:]}")
    return Run(seconds, usage.ru_maxrss * _RSS_UNIT, text, usage.ru_utime + usage.ru_stime)


def in_turn(tasks: Mapping[str, Callable[[], Run]], rounds: int) -> dict[str, Figures]:
    """Run every task once a round, so that a machine that gets slower or faster meanwhile changes all of them alike.

    A first round that is not counted brings the files into the system's cache.
    """
    for task in tasks.values():
        task()
    runs: dict[str, list[Run]] = {name: [] for name in tasks}
    for _ in range(rounds):
        for name, task in tasks.items():
            runs[name].append(task())
    return {name: Figures(tuple(made)) for name, made in runs.items()}


def percentile(ratios: Sequence[float]) -> float:
    """The 90th percentile."""
    return sorted(ratios)[min(len(ratios) - 1, round(0.9 * (len(ratios) - 1)))]


def write_response_file(path: Path, arguments: Sequence[str]) -> Path:
    """The arguments as a response file: a command line of a thousand objects is too long for some systems."""
    quoted = ('"' + argument.replace("\\", "\\\\").replace('"', '\\"') + '"' for argument in arguments)
    text = "\n".join(quoted) + "\n"
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
    return path
