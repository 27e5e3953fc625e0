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
import traceback
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random
from types import FrameType

import wasmlink_tool
from tests.fuzz import mutate
from tests.fuzz.judge import PREVIOUS, Finding, is_invalid, judge, reference_refuses
from tests.fuzz.trials import OUTPUT, Trial
from wasmlink_tool.cli.command import main as command

for _module in pkgutil.walk_packages(wasmlink_tool.__path__, "wasmlink_tool."):
    # What a link imports when it needs it, each child would import again.
    if not _module.name.startswith(("wasmlink_tool.scons", "wasmlink_tool.site_tools", "wasmlink_tool.__main__")):
        importlib.import_module(_module.name)

SECONDS = 2.0
"""Processor time of one link, which does not depend on what else the machine does."""
WALL_SECONDS = 60.0
FACTOR, FREE = 20, 64 << 20
"""Memory of one link: so many times its files, and so many bytes."""


class Hang(BaseException):
    """The time is up."""


def run_all(trials: Sequence[Trial]) -> Iterator[tuple[Trial, Finding | None, int]]:
    """Run trials one after the other: each with its finding, if there is one, and the exit status of its link."""
    done = 0
    while done < len(trials):
        for finding, status in _run_in_child(trials[done:]):
            yield trials[done], finding, status
            done += 1


def run_one(trial: Trial) -> Finding | None:
    return next(iter(run_all([trial])))[1]


def _run_in_child(trials: Sequence[Trial]) -> Iterator[tuple[Finding | None, int]]:
    """The outcomes of the trials up to the first that ends the child."""
    reading, writing = os.pipe()
    place = tempfile.mkdtemp(prefix="wasmlink-fuzz-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        os.close(reading)
        status = 1
        try:
            _serve(trials, Path(place), writing)
            status = 0
        except BaseException:
            os.write(2, traceback.format_exc().encode())
        finally:
            os._exit(status)
    os.close(writing)
    answered = 0
    try:
        with open(reading, "rb") as pipe:
            while answered < len(trials):
                ready, _, _ = select.select([pipe], [], [], WALL_SECONDS)
                head = pipe.read(4) if ready else b""
                if len(head) < 4:
                    if not ready:
                        os.kill(child, signal.SIGKILL)
                        yield Finding("hang", "no answer"), -1
                    else:
                        _, status = os.waitpid(child, 0)
                        child = 0
                        yield Finding("crash", f"status {status}"), -1
                    return
                finding, status = pickle.loads(pipe.read(struct.unpack("<I", head)[0]))
                yield finding, status
                answered += 1
                if finding is not None and finding.kind == "hang":
                    return
    finally:
        if child:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(child, 0)
        shutil.rmtree(place, ignore_errors=True)


def _serve(trials: Sequence[Trial], place: Path, pipe: int) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    gc.freeze()

    def expire(number: int, frame: FrameType | None) -> None:
        raise Hang

    signal.signal(signal.SIGPROF, expire)
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
    except Hang:
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

    :raises Hang: it takes too long.
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
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        try:
            status = command(arguments)
        except Exception:
            status = 70
            said.write(traceback.format_exc())
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
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
