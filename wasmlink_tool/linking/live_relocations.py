"""Which relocations of a file belong to live chunks, as ranges of its columns."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

from ..binary.relocations import Relocations
from .chunks import LinkedFile, ObjectInput


def live_function_runs(file: LinkedFile) -> Iterator[tuple[int, int]]:
    """Ranges [start, stop) of neighbouring functions that are in the output."""
    live = file.function_live
    stop = 0
    while True:
        start = live.find(1, stop)
        if start < 0:
            return
        stop = live.find(0, start)
        if stop < 0:
            stop = len(live)
        yield start, stop


def live_relocations(file: ObjectInput) -> Iterator[tuple[Relocations, int, int]]:
    """Ranges [start, stop) of the relocations of live functions, then of live segments."""
    obj = file.object
    if obj.code_section >= 0:
        relocs = file.relocations(obj.code_section)
        offsets = obj.function_offsets
        for first, after in live_function_runs(file):
            start = bisect_left(relocs.offsets, offsets[first])
            yield relocs, start, bisect_left(relocs.offsets, offsets[after], start)
    if obj.data_section >= 0:
        relocs = file.relocations(obj.data_section)
        if relocs.offsets:
            for segment in file.segments:
                if segment.live:
                    offset = obj.segments[segment.index].offset
                    start = bisect_left(relocs.offsets, offset)
                    yield relocs, start, bisect_left(relocs.offsets, offset + segment.size, start)
