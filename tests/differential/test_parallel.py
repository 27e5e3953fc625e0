"""Links in which copies of the process relocate: nobody can tell, whatever becomes of the copies."""

from __future__ import annotations

import _thread
import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.differential import harness
from tests.differential.cases import all_cases
from tests.differential.generate import rich_program
from tests.differential.harness import Case
from tests.support.objects import build, relocation, relocations
from wasmlink_tool import LinkError, LinkOptions, fork_pool, link
from wasmlink_tool.cli import main
from wasmlink_tool.linking import parallel
from wasmlink_tool.options import UnresolvedPolicy

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes cannot be copied here")

ROOMS = ("custom", "data", "liveness", "output", "pic", "relocatable", "sections")
CASES = [
    pytest.param(case, id=f"{room}-{case.name}")
    for room, case in all_cases()
    if room in ROOMS and "uuid" not in case.args  # an identity that is another one each time
]
PROGRAMS = [pytest.param(rich_program(seed), id=f"program{seed}") for seed in range(0, 60, 4)]
FILES = 5


class Fork:
    """Counts the copies that are made, and has each do something first."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self.first: Callable[[], object] = lambda: None
        self._fork = os.fork
        monkeypatch.setattr(os, "fork", self)

    def __call__(self) -> int:
        self.count += 1
        copy = self._fork()
        if not copy:
            self.first()
        return copy


@pytest.fixture
def fork(monkeypatch: pytest.MonkeyPatch) -> Fork:
    """Every link is large enough for copies."""
    monkeypatch.setattr(parallel, "WORTH_A_PROCESS", 1)
    return Fork(monkeypatch)


def damaged(number: int) -> bytes:
    """An object that shows what is wrong with it only when debug information is relocated."""
    return build(reloc_debug=relocations(".debug_info", 7, relocation(8, 0, 90 + number, 0)))


def options(directory: Path, damage: tuple[int, ...] = (), **others: object) -> LinkOptions:
    inputs = []
    for number in range(FILES):
        path = directory / f"{number}.o"
        path.write_bytes(damaged(number) if number in damage else build())
        inputs.append(str(path))
    settings: dict[str, Any] = {
        "output": None,
        "entry": None,
        "gc_sections": False,
        "allow_multiple_definition": True,
        "unresolved_symbols": UnresolvedPolicy.IGNORE,
    }
    return LinkOptions(inputs=inputs, **(settings | others))


def open_files() -> int:
    return len(os.listdir("/dev/fd"))


def assert_nothing_left(files: int) -> None:
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
    assert open_files() == files


@pytest.mark.parametrize("case", [*CASES, *PROGRAMS])
@pytest.mark.usefixtures("fork")
def test_same_as_one_process(
    case: Case, tmp_path: Path, objects: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    results = []
    for threads in (1, 3):
        harness.prepare(case, tmp_path / str(threads), objects)
        arguments = [*harness.command_line(case, reference=False), f"--threads={threads}"]
        results.append(harness.run_here(main, arguments, tmp_path / str(threads), capfdbinary.readouterr))
    problems = harness.compare(replace(case, bytewise=True, ignore=""), results[0], results[1])
    assert not problems, "\n\n".join(problems)


def test_copies_take_part(fork: Fork, tmp_path: Path) -> None:
    report = tmp_path / "times"
    files = open_files()
    module = link(options(tmp_path, threads=3, time_report=str(report))).module
    assert fork.count == 2
    assert " 3  processes\n" in report.read_text()
    assert module == link(options(tmp_path, threads=1, time_report=str(report))).module
    assert fork.count == 2
    assert " 1  processes\n" in report.read_text()
    assert_nothing_left(files)


@pytest.mark.usefixtures("fork")
@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="nobody tells of a process's memory here")
def test_memory_is_given_back(tmp_path: Path) -> None:
    """With the result, and not when Python's collector happens to run."""

    def shared() -> int:
        return Path("/proc/self/maps").read_text().count("/dev/zero")

    gc.disable()
    try:
        before = shared()
        result = link(options(tmp_path, threads=2))
        assert shared() == before + 1
        del result
        assert shared() == before
    finally:
        gc.enable()


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process takes its part of the work when all copies have ended."""
    here, read = os.getpid(), os.read

    def read_late(file: int, size: int) -> bytes:
        if os.getpid() == here:
            deadline = time.monotonic() + 60
            while os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None and time.monotonic() < deadline:
                time.sleep(0.001)
        return read(file, size)

    monkeypatch.setattr(os, "read", read_late)


@pytest.mark.usefixtures("late")
def test_what_copies_did_is_done(fork: Fork, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    expected = link(options(tmp_path, threads=1)).module
    added: list[object] = []
    done_here: list[object] = []
    here, add = os.getpid(), fork_pool.SharedWork.add

    def add_and_watch(work: fork_pool.SharedWork, owner: object, cost: int, do: Callable[[], None]) -> None:
        def watched() -> None:
            if os.getpid() == here:
                done_here.append(owner)
            do()

        added.append(owner)
        add(work, owner, cost, watched)

    monkeypatch.setattr(fork_pool.SharedWork, "add", add_and_watch)
    assert link(options(tmp_path, threads=2)).module == expected
    assert fork.count == 1
    assert added and not done_here


def test_what_copies_left_undone_is_done(
    fork: Fork, monkeypatch: pytest.MonkeyPatch, late: None, tmp_path: Path
) -> None:
    expected = link(options(tmp_path, threads=1)).module
    here, read = os.getpid(), os.read

    def take_and_die(file: int, size: int) -> bytes:
        taken = read(file, size)
        if os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        return taken

    monkeypatch.setattr(os, "read", take_and_die)
    assert link(options(tmp_path, threads=2)).module == expected
    assert fork.count == 1


@pytest.mark.parametrize("end", [lambda: os.kill(os.getpid(), signal.SIGKILL), lambda: os._exit(0), lambda: 1 // 0])
def test_copies_that_end_early(end: Callable[[], object], fork: Fork, tmp_path: Path) -> None:
    fork.first = end
    files = open_files()
    assert link(options(tmp_path, threads=3)).module == link(options(tmp_path, threads=1)).module
    assert fork.count == 2
    assert_nothing_left(files)


def test_no_copies_to_be_had(fork: Fork, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    expected = link(options(tmp_path, threads=1)).module
    files = open_files()

    def refuse(*_: object) -> int:
        fork.count += 1
        raise BlockingIOError

    for name in ("fork", "pipe"):
        with monkeypatch.context() as patch:
            patch.setattr(os, name, refuse)
            assert link(options(tmp_path, threads=4)).module == expected
        assert_nothing_left(files)
    assert fork.count == 2


@pytest.mark.parametrize("damage", [(0,), (2,), (4,), (1, 3), (0, 1, 2, 3, 4)])
def test_damaged_objects(damage: tuple[int, ...], fork: Fork, tmp_path: Path) -> None:
    texts = []
    files = open_files()
    for threads in (1, 3):
        with pytest.raises(LinkError) as error:
            link(options(tmp_path, damage, threads=threads))
        texts.append(str(error.value))
    assert fork.count == 2
    assert texts[0] == f"{tmp_path / str(damage[0])}.o: invalid relocation symbol index: {90 + damage[0]}"
    assert texts[0] == texts[1]
    assert_nothing_left(files)


@pytest.mark.parametrize("where", ["read", "waitpid"])
def test_interrupted(where: str, fork: Fork, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    here = os.getpid()
    fork.first = lambda: time.sleep(1000)
    original = getattr(os, where)
    interrupted: list[tuple[int, ...]] = []

    def interrupt(*arguments: int) -> object:
        if os.getpid() == here and not interrupted:
            interrupted.append(arguments)
            raise KeyboardInterrupt
        return original(*arguments)

    files = open_files()
    monkeypatch.setattr(os, where, interrupt)
    with pytest.raises(KeyboardInterrupt):
        link(options(tmp_path, threads=3))
    assert fork.count == 2
    assert_nothing_left(files)


def test_copies_heed_no_signals(fork: Fork, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A terminal's interrupt reaches them, too, and handlers are this process's."""

    def handle(number: int, frame: object) -> None:
        (tmp_path / "handled").touch()

    for number in (signal.SIGINT, signal.SIGTERM):
        fork.first = partial(signal.raise_signal, number)
        before = signal.signal(number, handle)
        try:
            assert link(options(tmp_path, threads=2)).module == link(options(tmp_path, threads=1)).module
        finally:
            signal.signal(number, before)
    assert fork.count == 2
    assert not (tmp_path / "handled").exists()


LINK_AND_BE_KILLED = """\
import os, signal, time
from wasmlink_tool import LinkOptions, link
from wasmlink_tool import fork_pool
from wasmlink_tool.linking import parallel
from wasmlink_tool.options import UnresolvedPolicy

def read(file, size, original=os.read, here=os.getpid()):
    if os.getpid() == here:
        os.kill(here, signal.SIGKILL)
    while os.getppid() == here:
        time.sleep(0.001)
    return b"\\0"

os.read = read
parallel.WORTH_A_PROCESS = 1
link(LinkOptions(inputs={inputs}, output=None, entry=None, gc_sections=False, allow_multiple_definition=True,
                 unresolved_symbols=UnresolvedPolicy.IGNORE, threads=3))
"""


def test_copies_do_not_outlive_the_process(tmp_path: Path) -> None:
    """There would be work for them without end."""
    program = LINK_AND_BE_KILLED.format(inputs=options(tmp_path).inputs)
    # Their standard output is this pipe, which ends when all of them have ended.
    done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL


def test_when_there_are_copies(fork: Fork, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def copies(threads: int | None, processors: int, others: int) -> int:
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(processors)), raising=False)
        monkeypatch.setattr(_thread, "_count", lambda: others)
        before = fork.count
        link(options(tmp_path, threads=threads))
        return fork.count - before

    assert copies(None, 3, 0) == 2
    assert copies(None, 1, 0) == 0
    # Of a process with other threads none is made, unless that is asked for.
    assert copies(None, 3, 1) == 0
    assert copies(2, 1, 1) == 1
    assert copies(1, 3, 0) == 0
    assert copies(1000, 3, 0) == fork_pool.MOST_PROCESSES - 1
    # Small links are not worth it.
    monkeypatch.setattr(parallel, "WORTH_A_PROCESS", 1000)
    assert copies(3, 3, 0) == 0
