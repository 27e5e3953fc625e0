"""Relocate in several processes.

After layout nothing is left to decide, and relocating an object does not depend on the others. So callers receive
shared memory for each section, which the processes fill once every section has been requested.
"""

from __future__ import annotations

from ..binary.relocations import COMPILED
from ..fork_pool import SharedWork, allowed_processes
from .chunks import ObjectInput
from .relocate import Contents, Relocator, Watcher
from .relocation_values import Bases

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence, Set
    from types import TracebackType
    from typing import Final

WORTH_A_PROCESS = 500_000 if COMPILED else 20_000
"""The number of relocations that take several times as long as starting a process."""
_SIZE: Final = 4
"""The size of the length field of a note, in bytes."""


def make_relocator(
    objects: Sequence[ObjectInput],
    outputs: Set[bytes],
    bases: Bases,
    threads: int | None,
    watcher: Watcher | None = None,
) -> Relocator:
    """Return a relocator with as many processes as the relocations of these objects justify.

    :param outputs: the names of the custom sections in the output.
    :param threads: see :func:`..fork_pool.allowed_processes`.
    """
    processes = allowed_processes(threads)
    if processes > 1:
        number = size = notes = 0
        for file in objects:
            obj = file.object
            for index, (_, _, count) in obj.relocation_sections().items():
                section = obj.sections[index]
                if section.id or section.name in outputs:
                    number += count
                    size += section.end - section.start
                    if watcher is not None:
                        notes += _SIZE + watcher.most(file, index)
        if number >= 2 * WORTH_A_PROCESS:
            try:
                work = SharedWork(processes, size + notes, WORTH_A_PROCESS)
            except OSError:
                pass
            else:
                return ParallelRelocator(bases, watcher, work)
    return Relocator(bases, watcher)


class ParallelRelocator(Relocator):
    """A relocator with child processes. Each section can be requested once, before the ``with`` statement."""

    def __init__(self, bases: Bases, watcher: Watcher | None, work: SharedWork) -> None:
        super().__init__(bases, watcher)
        self._work = work
        self.fills_later = True
        self._shared_notes: list[tuple[ObjectInput, int, memoryview]] = []

    def _relocated(
        self, file: ObjectInput, section: int, ranges: list[tuple[int, int]], tombstone: int | None
    ) -> Contents:
        obj = file.object
        cost = obj.relocation_sections().get(section, (0, 0, 0))[2]
        if not cost:
            return super()._relocated(file, section, ranges, tombstone)
        place = obj.sections[section]
        memory = self._work.memory(place.end - place.start if place.id else file.custom_sections[section].size)
        note = self._work.memory(0)
        if self._is_watched(file, section):
            assert self._watcher is not None
            note = self._work.memory(_SIZE + self._watcher.most(file, section))
            self._shared_notes.append((file, section, note))
        self._work.add(file, cost, lambda: self._fill(file, section, ranges, tombstone, memory, note))
        return memory

    def _fill(
        self,
        file: ObjectInput,
        section: int,
        ranges: list[tuple[int, int]],
        tombstone: int | None,
        memory: memoryview,
        note: memoryview,
    ) -> None:
        memory[:] = super()._relocated(file, section, ranges, tombstone)
        if note:
            taken = self.notes.pop((file, section))
            note[:_SIZE] = len(taken).to_bytes(_SIZE, "little")
            note[_SIZE : _SIZE + len(taken)] = taken

    def __enter__(self) -> Relocator:
        self._work.__enter__()
        self.processes = self._work.processes
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._work.__exit__(kind, error, traceback)
        for file, section, note in self._shared_notes:
            size = int.from_bytes(note[:_SIZE], "little")
            self.notes[file, section] = note[_SIZE : _SIZE + size]
