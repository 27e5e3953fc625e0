"""Runs trials in child processes that are limited in memory and processor time.

One child runs many trials: it is forked from a process that has imported everything, and says in a pipe which trial it
begins and what came of it. When it dies, or does not answer, the trial that it was at is the finding, and the next
child goes on behind it.
"""

from __future__ import annotations

import gc
import importlib
import io
import os
import pickle
import pkgutil
import resource
import select
import shutil
import signal
import struct
import sys
import tempfile
import time
import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random

import wasmlink_tool
from tests.fuzz import mutate
from tests.fuzz.crafted import craft_states, exchange_states
from tests.fuzz.judge import PREVIOUS, Finding, is_invalid, judge, reference_refuses, stray_file
from tests.fuzz.trials import OUTPUT, Trial
from tests.support.deadline import Endless, processor_time
from wasmlink_tool.cli.command import main as command
from wasmlink_tool.identity import linker_stamp
from wasmlink_tool.incremental import state

for _module in pkgutil.walk_packages(wasmlink_tool.__path__, "wasmlink_tool."):
    # What a link imports when it needs it, each child would import again.
    if not _module.name.startswith(("wasmlink_tool.scons", "wasmlink_tool.site_tools", "wasmlink_tool.__main__")):
        importlib.import_module(_module.name)

SECONDS = 2.0
"""Processor time of one link, which does not depend on what else the machine does."""
WALL_SECONDS = 60.0
TRIALS_OF_A_CHILD = 500
"""A process keeps things in memory for its next links: those of all directories."""
FACTOR, FREE = 20, 64 << 20
"""Memory of one link: so many times its files, and so many bytes."""


_stamp = linker_stamp()
# Each link with a cache looks at all of the linker's files, which no trial changes.
vars(state)["linker_stamp"] = lambda: _stamp


def run_all(trials: Sequence[Trial]) -> Iterator[tuple[Trial, Finding | None, int]]:
    """Run trials one after the other: each with its finding, if there is one, and the exit status of its link."""
    for number, finding, status in run_numbered(trials):
        yield trials[number], finding, status


def run_one(trial: Trial) -> Finding | None:
    return next(iter(run_all([trial])))[1]


def run_numbered(trials: Sequence[Trial], jobs: int = 1) -> Iterator[tuple[int, Finding | None, int]]:
    """Run trials in ``jobs`` children at a time; yield the number of each, with its finding and exit status, as they
    end. Only the children take trials out of the sequence."""
    running: dict[int, _Child] = {}
    try:
        for first in range(min(jobs, len(trials))):
            child = _Child(trials, range(first, len(trials), jobs))
            running[child.pipe] = child
        while running:
            ready, _, _ = select.select(list(running), [], [], 1.0)
            for pipe in [pipe for pipe, child in running.items() if pipe in ready or child.is_late]:
                child = running[pipe]
                for number, (finding, status) in child.answers(is_ready=pipe in ready):
                    yield number, finding, status
                if child.ended:
                    child.close()
                    del running[pipe]
                    if child.numbers:
                        following = _Child(trials, child.numbers)
                        running[following.pipe] = following
    finally:
        for child in running.values():
            child.close()


class _Child:
    """A child that runs trials, up to the first that ends it."""

    def __init__(self, trials: Sequence[Trial], numbers: range) -> None:
        self.numbers = numbers
        """Those that have no answer yet."""
        self.ended = False
        self._left = min(len(numbers), TRIALS_OF_A_CHILD)
        self._received = b""
        self._answered_at = time.monotonic()
        self._place = tempfile.mkdtemp(prefix="wasmlink-fuzz-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
        self.pipe, writing = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        self._process = os.fork()
        if self._process == 0:
            os.close(self.pipe)
            status = 1
            try:
                _serve((trials[number] for number in numbers[: self._left]), Path(self._place), writing)
                status = 0
            except BaseException:
                os.write(2, traceback.format_exc().encode())
            finally:
                os._exit(status)
        os.close(writing)

    @property
    def is_late(self) -> bool:
        return time.monotonic() > self._answered_at + WALL_SECONDS

    def answers(self, *, is_ready: bool) -> Iterator[tuple[int, tuple[Finding | None, int]]]:
        """Yield the answers that have come, by number; for a child that says nothing any more, what became of it."""
        data = os.read(self.pipe, 1 << 16) if is_ready else b""
        if not data:
            self.ended = True
            if self._left:
                yield self._next(), (self._last_words(is_late=not is_ready), -1)
            return
        self._answered_at = time.monotonic()
        self._received += data
        while len(self._received) >= 4:
            end = 4 + struct.unpack_from("<I", self._received)[0]
            if len(self._received) < end:
                return
            finding, status = pickle.loads(self._received[4:end])
            self._received = self._received[end:]
            yield self._next(), (finding, status)
            if not self._left or (finding is not None and finding.kind == "hang"):
                self.ended = True
                return

    def _next(self) -> int:
        number, self.numbers = self.numbers[0], self.numbers[1:]
        self._left -= 1
        return number

    def _last_words(self, *, is_late: bool) -> Finding:
        if is_late:
            return Finding("hang", "no answer")
        _, status = os.waitpid(self._process, 0)
        self._process = 0
        return Finding("crash", f"status {status}")

    def close(self) -> None:
        os.close(self.pipe)
        if self._process:
            with suppress(ProcessLookupError):
                os.kill(self._process, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(self._process, 0)
        shutil.rmtree(self._place, ignore_errors=True)


def _serve(trials: Iterable[Trial], place: Path, pipe: int) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    gc.freeze()

    for number, trial in enumerate(trials):
        directory = place / str(number)
        directory.mkdir()
        os.chdir(directory)
        outcome = _attempt(trial, directory)
        os.chdir(place)
        shutil.rmtree(directory, ignore_errors=True)
        answer = pickle.dumps(outcome)
        os.write(pipe, struct.pack("<I", len(answer)) + answer)
        if outcome[0] is not None and outcome[0].kind == "hang":
            return


def _attempt(trial: Trial, directory: Path) -> tuple[Finding | None, int]:
    for name, contents in trial.files.items():
        (directory / name).write_bytes(contents)
    given = frozenset(trial.files)
    finding, status, module = _link(trial, directory, given)
    if finding is None and status == 0 and module:
        finding = _validity(trial, directory, module)
    if finding is None and trial.warm and status == 0 and module:
        finding = _warm(trial, directory, given, module)
    return finding, status


def _link(trial: Trial, directory: Path, given: frozenset[str], *more: str) -> tuple[Finding | None, int, bytes]:
    output = directory / OUTPUT
    with suppress(OSError):
        output.write_bytes(PREVIOUS)
    try:
        status, said = _guarded(["-o", OUTPUT, *trial.arguments, *more], trial.size)
    except Endless:
        return Finding("hang", _deepest(), ""), -1, b""
    finding = judge(directory, status, said, given)
    module = output.read_bytes() if output.is_file() else b""
    return finding, status, module if module != PREVIOUS else b""


def _deepest() -> str:
    """The linker's innermost function when the time was up."""
    entries = [entry for entry in traceback.extract_tb(sys.exc_info()[2]) if "wasmlink_tool" in entry.filename]
    return f"{entries[-1].filename.rpartition('wasmlink_tool/')[2]}:{entries[-1].name}" if entries else ""


def _guarded(arguments: list[str], size: int) -> tuple[int, str]:
    """Run the command under the limits: its status, and what it printed on standard error.

    :raises Endless: it takes too long.
    """
    out, err = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = io.TextIOWrapper(io.BytesIO()), io.TextIOWrapper(io.BytesIO())
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if sys.platform == "linux" else 0
    unlimited = resource.getrlimit(resource.RLIMIT_AS)
    said = sys.stderr
    try:
        if pages:
            limit = pages * resource.getpagesize() + FREE + FACTOR * size
            resource.setrlimit(resource.RLIMIT_AS, (limit, unlimited[1]))
        try:
            with processor_time(SECONDS):
                status = command(arguments)
        except Exception:
            status = 70
            said.write(traceback.format_exc())
    finally:
        resource.setrlimit(resource.RLIMIT_AS, unlimited)
        sys.stdout, sys.stderr = out, err
    said.flush()
    buffer = said.buffer
    assert isinstance(buffer, io.BytesIO)
    return status, buffer.getvalue().decode("utf-8", "replace")


def _validity(trial: Trial, directory: Path, module: bytes) -> Finding | None:
    """A module that is not valid is a finding where the reference refuses the inputs."""
    if not module.startswith(mutate.MAGIC) or any(word in ("-r", "--relocatable") for word in trial.arguments):
        return None
    why = is_invalid(module)
    # Engines do not know pages of other sizes yet.
    if not why or "custom page sizes" in why or not reference_refuses(directory, _inputs(trial)):
        return None
    return Finding("invalid module", why.split("\n")[0].split("(at")[0][:90], why)


def _inputs(trial: Trial) -> list[str]:
    """The files that the link reads as inputs by their names, or by those of a response file."""
    words = " ".join(trial.arguments) + trial.files.get("r.rsp", b"").decode("utf-8", "replace")
    return [name for name in trial.files if name in words]


def _warm(trial: Trial, directory: Path, given: frozenset[str], clean: bytes) -> Finding | None:
    """Link with a cache, in which each link finds what the ones before it left."""
    random = Random(trial.seed)
    files, status = dict(trial.files), 0
    for step in ("cold", "warm", "changed", "changed", "damaged", "changed and damaged"):
        if "changed" in step:
            found, status, clean = _change(random, trial, directory, given, files)
            if found is not None:
                return found
        if "damaged" in step:
            for path in sorted((directory / "cache").rglob("*")):
                if path.is_file() and random.random() < 0.7:
                    with suppress(OSError):
                        path.chmod(0o600)
                        path.write_bytes(mutate.mutate_bytes(random, path.read_bytes()))
        finding, warm_status, module = _link(trial, directory, given, "--cache-dir=cache")
        if finding is not None:
            return Finding(finding.kind, f"{step}: {finding.where}", finding.text)
        if warm_status != status or module != clean:
            return Finding("other module", step, f"status {warm_status}, without a cache {status}")
    last = random.choice((_two_at_once, _crafted))
    return last(random, trial, directory, given, (status, clean))


def _crafted(
    random: Random, trial: Trial, directory: Path, given: frozenset[str], clean: tuple[int, bytes]
) -> Finding | None:
    """Link with states that were made up: a module may be what they say, and nothing worse happens."""
    other = random.choice(("--strip-all", "--export-all", "-O0", "--no-gc-sections", "--global-base=4096"))
    _link(trial, directory, given, "--cache-dir=cache", other)
    for craft in (exchange_states, craft_states, craft_states):
        craft(random, directory / "cache")
        finding, _, _ = _link(trial, directory, given, "--cache-dir=cache")
        if finding is not None:
            return Finding(finding.kind, f"{craft.__name__}: {finding.where}", finding.text)
    return None


def _two_at_once(
    random: Random, trial: Trial, directory: Path, given: frozenset[str], clean: tuple[int, bytes]
) -> Finding | None:
    """Link twice at the same time, with one cache that is empty at first now and then."""
    if random.random() < 0.5:
        shutil.rmtree(directory / "cache", ignore_errors=True)
    twin = directory / "twin" / OUTPUT
    twin.parent.mkdir()
    process = os.fork()
    if process == 0:
        status = 99
        try:
            status, _ = _guarded([*trial.arguments, "-o", str(twin), "--cache-dir=cache"], trial.size)
        finally:
            os._exit(status)
    finding, status, module = _link(trial, directory, given, "--cache-dir=cache")
    _, ended = os.waitpid(process, 0)
    if finding is not None and finding.kind == "stray file":
        # It may have been the other link's, which was still at work.
        finding = stray_file(directory, finding.text, given)
    if finding is not None:
        return Finding(finding.kind, f"two at once: {finding.where}", finding.text)
    twin_status = os.waitstatus_to_exitcode(ended)
    twin_module = twin.read_bytes() if twin.is_file() else b""
    if (status, module) != clean or twin_status != status or twin_module != (module if status == 0 else b""):
        return Finding("other module", "two at once", f"status {status} and {twin_status}, without a cache {clean[0]}")
    return None


def _change(
    random: Random, trial: Trial, directory: Path, given: frozenset[str], files: dict[str, bytes]
) -> tuple[Finding | None, int, bytes]:
    """Change an input, preferably to one that links; return the outcome of a link without a cache.

    :param files: the inputs before, and after it.
    """
    names = [name for name in _inputs(trial) if name.endswith((".o", ".a", ".so"))] or list(files)
    for _ in range(5):
        name = random.choice(names)
        changed = mutate.mutate(random, files[name])
        (directory / name).write_bytes(changed)
        finding, status, module = _link(trial, directory, given)
        if finding is not None or status == 0:
            break
        (directory / name).write_bytes(files[name])
    else:
        name = random.choice(names)
        changed = mutate.mutate(random, files[name])
        (directory / name).write_bytes(changed)
        finding, status, module = _link(trial, directory, given)
    files[name] = changed
    return finding, status, module
