"""Work that several processors share, by copies of this process.

Each task fills memory that all processes see, and takes nothing from another task. When all are known, copies of this
process are made, and each process does one part of the tasks after the other until there are no more.

Nothing depends on how a copy fares: what none of them finished is done here. A task that fails is among that, so that
its error comes as if there had been no copies.
"""

from __future__ import annotations

import _thread
import os
from collections.abc import Callable
from operator import itemgetter

from . import host

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Final

MOST_PROCESSES: Final = 8
"""Each does some of the work anew, and makes a copy of the memory that it writes to."""
_PARTS: Final = 64
"""The work is handed out in about so many parts."""
_MUCH: Final = 4
"""Parts that one owner may fill."""
_NONE_LEFT: Final = 255


def allowed_processes(threads: int | None) -> int:
    """
    :param threads: how many there may be; ``None`` for all that this process may use, if it has no other threads.
    """
    if not host.CAN_FORK:
        return 1
    if threads is None:
        # fork() keeps only the calling thread; locks held by the others would stay locked in the child.
        if _thread._count():
            return 1
        threads = host.usable_processors()
    return min(threads, MOST_PROCESSES)


class _Task:
    __slots__ = ("cost", "do", "owner")

    def __init__(self, owner: object, cost: int, do: Callable[[], None]) -> None:
        self.owner = owner
        self.cost = cost
        self.do = do


class SharedWork:
    """All tasks are added before ``with`` the work, and done behind it."""

    def __init__(self, processes: int, size: int, worth_a_process: int) -> None:
        """
        :param processes: how many there may be, this one included.
        :param size: of all memory that is asked for, in bytes; what is not written to takes none.
        :param worth_a_process: cost of tasks that take several times as long as it takes to start a process.
        :raises OSError: the system does not give that much.
        """
        import mmap

        self.processes = 1
        """How many share the work."""
        self._most = processes
        self._worth = worth_a_process
        self._shared = memoryview(mmap.mmap(-1, _PARTS + 1 + size))
        """Of each part of the work whether it is done; then what was asked for."""
        self._used = _PARTS + 1
        self._tasks: list[_Task] = []
        """In the order in which one process alone would do them."""
        self._parts: list[list[_Task]] = []
        self._queue = -1
        """A pipe from which each process reads which part is the next, or that there is none."""
        self._copies: list[int] = []
        """Their process identifiers."""

    def memory(self, size: int) -> memoryview:
        """So many bytes, all zero, that every process sees."""
        start = self._used
        self._used += size
        return self._shared[start : self._used]

    def add(self, owner: object, cost: int, do: Callable[[], None]) -> None:
        """Add a task. Those of one owner are done by one process, in order, unless they are much of the whole work.

        :param do: writes to nothing but memory of this work that is the task's own.
        """
        self._tasks.append(_Task(owner, cost, do))

    def __enter__(self) -> SharedWork:
        """Start the copies."""
        cost = sum([task.cost for task in self._tasks])
        try:
            if cost >= 2 * self._worth:
                self._parts = _split(self._tasks, cost)
                self._fill_queue()
                for _ in range(min(self._most, cost // self._worth) - 1):
                    self._start_copy()
        except (OSError, RuntimeError):
            # There are as many processes or files as there may be, or this interpreter must not make any.
            pass
        except BaseException:
            self._end_copies(kill=True)
            raise
        self.processes = 1 + len(self._copies)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Do what is left, unless there was an error; and in any case no copy is left."""
        try:
            if error is None and self._copies:
                self._take_part()
                self._end_copies(kill=False)
        finally:
            self._end_copies(kill=True)
        if error is None:
            marks = bytes(self._shared[: len(self._parts)])
            done = {task for part, mark in zip(self._parts, marks) if mark for task in part}
            for task in self._tasks:
                if task not in done:
                    task.do()
        # What they do leads back here: the memory would be kept until the collector looks for reference cycles.
        self._tasks.clear()
        self._parts.clear()

    def _take_part(self) -> None:
        try:
            self._do_parts(0)
        except Exception:
            # One process alone might have met with another error first.
            return

    def _fill_queue(self) -> None:
        self._queue, end = os.pipe()
        os.write(end, bytes(range(len(self._parts))) + bytes((_NONE_LEFT,)) * self._most)
        os.close(end)

    def _start_copy(self) -> None:
        import signal

        parent = os.getpid()
        # The handlers are this process's. The child blocks all signals and ends when its parent does.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            copy = os.fork()
            if not copy:
                self._do_parts(parent)
            self._copies.append(copy)
        finally:
            if os.getpid() != parent:
                os._exit(0)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def _do_parts(self, parent: int) -> None:
        """Do part after part until there are no more, or, in a copy, the process that it was made for is gone."""
        while (number := os.read(self._queue, 1)[0]) != _NONE_LEFT:
            for task in self._parts[number]:
                if parent and os.getppid() != parent:
                    return
                task.do()
            self._shared[number] = 1

    def _end_copies(self, *, kill: bool) -> None:
        while self._copies:
            try:
                if kill:
                    import signal

                    os.kill(self._copies[-1], signal.SIGKILL)
                os.waitpid(self._copies[-1], 0)
            except (ChildProcessError, ProcessLookupError):
                # It ended, and somebody else took note.
                pass
            self._copies.pop()
        if self._queue >= 0:
            os.close(self._queue)
            self._queue = -1


def _split(tasks: list[_Task], cost: int) -> list[list[_Task]]:
    """Parts of about equal cost; the largest are the first."""
    by_owner: dict[object, list[_Task]] = {}
    for task in tasks:
        by_owner.setdefault(task.owner, []).append(task)
    enough = cost // _PARTS + 1
    groups: list[tuple[int, list[_Task]]] = []
    for of_owner in by_owner.values():
        cost_of_owner = sum([task.cost for task in of_owner])
        if cost_of_owner > _MUCH * enough:
            groups += [(task.cost, [task]) for task in of_owner]
        else:
            groups.append((cost_of_owner, of_owner))
    parts: list[list[_Task]] = []
    room = 0
    for cost_of_group, group in sorted(groups, key=itemgetter(0), reverse=True):
        if room <= 0:
            parts.append([])
            room = enough
        parts[-1] += group
        room -= cost_of_group
    return parts
