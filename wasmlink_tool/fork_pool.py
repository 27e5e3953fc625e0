"""Share work among several processors, with child processes made by ``fork``.

Each task fills memory that all processes see, and reads nothing that another task writes. Once all tasks are known, the
children are started; each process does one part of the tasks after another until none are left.

The result does not depend on the children: the parent does whatever no child finished. A task that fails is part of
that, so its error is raised as in a link without children.
"""

from __future__ import annotations

import _thread
import os

from . import host

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Final

MOST_PROCESSES: Final = 8
"""The maximum number of processes. Each repeats some of the work, and copies the memory that it writes to."""
_PARTS: Final = 64
"""The work is divided into about this many parts."""
_MOST_PARTS_OF_OWNER: Final = 4
"""The maximum number of parts with tasks of one owner."""
_NONE_LEFT: Final = 255


def allowed_processes(threads: int | None) -> int:
    """Return the maximum number of processes for a link.

    :param threads: the number that the user allows; ``None`` for all processors that this process may use, if it has no
        other threads.
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
    """Tasks to share. All of them are added before the ``with`` statement, and done when it ends."""

    def __init__(self, processes: int, size: int, worth_a_process: int) -> None:
        """Reserve the memory that the tasks fill.

        :param processes: the maximum number of processes, this one included.
        :param size: the size of all memory that will be requested, in bytes; pages that are not written to take none.
        :param worth_a_process: cost of tasks that take several times as long as starting a process.
        :raises OSError: the system does not provide that much.
        """
        import mmap

        self.processes = 1
        """The number of processes that share the work."""
        self._most = processes
        self._worth = worth_a_process
        self._shared = memoryview(mmap.mmap(-1, _PARTS + 1 + size))
        """One byte for each part, set when it is done; then the memory that was requested."""
        self._used = _PARTS + 1
        self._tasks: list[_Task] = []
        """The tasks in the order in which a single process would do them."""
        self._parts: list[list[_Task]] = []
        self._queue = -1
        """A pipe from which each process reads the number of its next part, or that none is left."""
        self._copies: list[int] = []
        """The children's process identifiers."""

    def memory(self, size: int) -> memoryview:
        """Return zero-filled memory of this size in bytes that every process sees."""
        start = self._used
        self._used += size
        return self._shared[start : self._used]

    def add(self, owner: object, cost: int, do: Callable[[], None]) -> None:
        """Add a task. One process does all tasks of one owner, in order, unless they are a large part of the whole
        work.

        :param do: writes only to memory of this work that no other task uses.
        """
        self._tasks.append(_Task(owner, cost, do))

    def __enter__(self) -> SharedWork:
        """Start the child processes."""
        cost = sum([task.cost for task in self._tasks])
        try:
            if cost >= 2 * self._worth:
                self._parts = _split(self._tasks, cost)
                self._fill_queue()
                for _ in range(min(self._most, cost // self._worth) - 1):
                    self._start_copy()
        except (OSError, RuntimeError):
            # The limit of processes or files is reached, or this interpreter must not fork.
            pass
        except BaseException:
            self._end_copies(kill=True)
            raise
        self.processes = 1 + len(self._copies)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Do the remaining work, unless there was an error; in any case, end all children."""
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
        # The tasks refer back to this object. Break the reference cycle so the memory is freed without a GC pass.
        self._tasks.clear()
        self._parts.clear()

    def _take_part(self) -> None:
        try:
            self._do_parts(0)
        except Exception:
            # A single process might have met another error first.
            return

    def _fill_queue(self) -> None:
        self._queue, end = os.pipe()
        os.write(end, bytes(range(len(self._parts))) + bytes((_NONE_LEFT,)) * self._most)
        os.close(end)

    def _start_copy(self) -> None:
        import signal

        parent = os.getpid()
        # The handlers are the parent's. The child blocks all signals and exits when its parent does.
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
        """Do part after part until none is left or, in a child, its parent is gone."""
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
                # It has ended, and its status was collected elsewhere.
                pass
            self._copies.pop()
        if self._queue >= 0:
            os.close(self._queue)
            self._queue = -1


def _split(tasks: list[_Task], cost: int) -> list[list[_Task]]:
    """Divide the tasks into parts of about equal cost, the largest first."""
    by_owner: dict[object, list[_Task]] = {}
    for task in tasks:
        by_owner.setdefault(task.owner, []).append(task)
    enough = cost // _PARTS + 1
    groups: list[tuple[int, list[_Task]]] = []
    for of_owner in by_owner.values():
        cost_of_owner = sum([task.cost for task in of_owner])
        if cost_of_owner > _MOST_PARTS_OF_OWNER * enough:
            groups += [(task.cost, [task]) for task in of_owner]
        else:
            groups.append((cost_of_owner, of_owner))
    parts: list[list[_Task]] = []
    room = 0
    for cost_of_group, group in sorted(groups, key=lambda group: group[0], reverse=True):
        if room <= 0:
            parts.append([])
            room = enough
        parts[-1] += group
        room -= cost_of_group
    return parts
