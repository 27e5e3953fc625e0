"""Relocation on several processors, by copies of this process.

After layout nothing is left to decide, and no object needs another to be relocated. So what is given to who asks for a
section is memory that several processes can share. When all have been asked for, copies of this process are made, and
each process fills the sections of one object after the other until there are no more.

Nothing depends on how a copy fares: what none of them finished is done here. An object that cannot be relocated is
among that, so that its error comes as if there had been no copies.
"""

from __future__ import annotations

import _thread
import os
from collections.abc import Sequence

from ..binary.relocations import COMPILED
from .chunks import ObjectInput
from .relocate import Contents, Relocator

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Final

WORTH_A_PROCESS = 200_000 if COMPILED else 20_000
"""Relocations that take several times as long as it takes to start a process."""
MOST_PROCESSES: Final = 8
"""Each does some of the work anew, and makes a copy of the memory that it writes to."""
_PARTS: Final = 64
"""The work is handed out in about so many parts."""
_NONE_LEFT: Final = 255


def make_relocator(objects: Sequence[ObjectInput], table_base: int, threads: int | None) -> Relocator:
    """One that uses as many processors as the relocations of these objects are worth.

    :param threads: how many there may be; ``None`` for all that this process may use, if it has no other threads.
    """
    processes = min(_allowed(threads), MOST_PROCESSES)
    if processes > 1:
        number = size = 0
        for file in objects:
            obj = file.object
            for section, (_, _, count) in obj.relocation_sections().items():
                number += count
                size += obj.sections[section].end - obj.sections[section].start
        if number >= 2 * WORTH_A_PROCESS:
            try:
                return ParallelRelocator(table_base, processes, size)
            except OSError:
                pass
    return Relocator(table_base)


def _allowed(threads: int | None) -> int:
    if not hasattr(os, "fork"):
        return 1
    if threads is not None:
        return threads
    # A copy would not have the other threads, and nobody knows what they were in the middle of.
    if not hasattr(os, "sched_getaffinity") or _thread._count():
        return 1
    return len(os.sched_getaffinity(0))


class _Request:
    """A section that was asked for, and the memory for it."""

    __slots__ = ("cost", "file", "memory", "ranges", "section", "tombstone")

    def __init__(
        self,
        file: ObjectInput,
        section: int,
        ranges: list[tuple[int, int]],
        tombstone: int | None,
        memory: memoryview,
        cost: int,
    ) -> None:
        self.file = file
        self.section = section
        self.ranges = ranges
        self.tombstone = tombstone
        self.memory = memory
        self.cost = cost
        """In relocations."""


class ParallelRelocator(Relocator):
    """Each section can be asked for once, before ``with`` the relocator."""

    def __init__(self, table_base: int, processes: int, size: int) -> None:
        """
        :param processes: how many there may be, this one included.
        :param size: of all sections that have relocations, in bytes. Those that nobody asks for take no memory.
        :raises OSError: the system does not give that much.
        """
        super().__init__(table_base)
        import mmap

        self._most = processes
        self._shared = memoryview(mmap.mmap(-1, _PARTS + 1 + size))
        """Of each part of the work whether it is done; then the sections."""
        self._used = _PARTS + 1
        self._requests: list[_Request] = []
        """In the order in which one process alone would fill them."""
        self._parts: list[list[_Request]] = []
        self._queue = -1
        """A pipe from which each process reads which part is the next, or that there is none."""
        self._copies: list[int] = []
        """Their process identifiers."""

    def _relocated(
        self, file: ObjectInput, section: int, ranges: list[tuple[int, int]], tombstone: int | None
    ) -> Contents:
        obj = file.object
        cost = obj.relocation_sections().get(section, (0, 0, 0))[2]
        # What the cache is to keep is decoded here.
        if not cost or (obj.is_cached and not COMPILED and section not in obj.decoded_sections()):
            return super()._relocated(file, section, ranges, tombstone)
        start = self._used
        self._used += obj.sections[section].end - obj.sections[section].start
        memory = self._shared[start : self._used]
        self._requests.append(_Request(file, section, ranges, tombstone, memory, cost))
        return memory

    def _fill(self, request: _Request) -> None:
        request.memory[:] = super()._relocated(request.file, request.section, request.ranges, request.tombstone)

    def __enter__(self) -> Relocator:
        """Start the copies."""
        cost = sum([request.cost for request in self._requests])
        try:
            if cost >= 2 * WORTH_A_PROCESS:
                self._parts = _split(self._requests, cost)
                self._fill_queue()
                for _ in range(min(self._most, cost // WORTH_A_PROCESS) - 1):
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
        """Fill what was asked for, unless there was an error; and in any case no copy is left."""
        try:
            if error is None and self._copies:
                self._take_part()
                self._end_copies(kill=False)
        finally:
            self._end_copies(kill=True)
        if error is None:
            marks = bytes(self._shared[: len(self._parts)])
            done = {request for part, mark in zip(self._parts, marks) if mark for request in part}
            for request in self._requests:
                if request not in done:
                    self._fill(request)

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
        # The handlers are this process's. A copy ends when this process does, and until then heeds nothing.
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
        """Fill part after part until there are no more, or, in a copy, the process that it was made for is gone."""
        while (number := os.read(self._queue, 1)[0]) != _NONE_LEFT:
            for request in self._parts[number]:
                if parent and os.getppid() != parent:
                    return
                self._fill(request)
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


def _split(requests: list[_Request], cost: int) -> list[list[_Request]]:
    """Parts of about equal cost, an object's requests in one; the largest are the first."""
    by_file: dict[ObjectInput, list[_Request]] = {}
    for request in requests:
        by_file.setdefault(request.file, []).append(request)
    costs = {file: sum([request.cost for request in of_file]) for file, of_file in by_file.items()}
    enough = cost // _PARTS + 1
    parts: list[list[_Request]] = []
    room = 0
    for file in sorted(by_file, key=costs.__getitem__, reverse=True):
        if room <= 0:
            parts.append([])
            room = enough
        parts[-1] += by_file[file]
        room -= costs[file]
    return parts
