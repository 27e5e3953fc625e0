"""Find the relocations of live chunks of a file, as ranges of its columns."""

from __future__ import annotations

from itertools import compress

from ..binary.relocations import Relocations, marks_of
from .chunks import LinkedFile, ObjectInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def live_function_runs(file: LinkedFile) -> Iterator[tuple[int, int]]:
    """Yield ranges [start, stop) of adjacent functions that are in the output."""
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
    """Yield ranges [start, stop) of the relocations of live functions, then of live segments."""
    obj = file.object
    if obj.code_section >= 0:
        relocs = file.relocations(obj.code_section)
        ranges = obj.relocation_ranges(obj.code_section)
        for first, after in live_function_runs(file):
            yield relocs, ranges[first], ranges[after]
    if obj.data_section >= 0:
        relocs = file.relocations(obj.data_section)
        ranges = obj.relocation_ranges(obj.data_section)
        for i, segment in enumerate(file.segments):
            if segment.live:
                yield relocs, ranges[i], ranges[i + 1]


def first_uses(file: ObjectInput, types: frozenset[int]) -> list[int]:
    """Return the symbols, or types, that live relocations of the given types name, in the order of first use."""
    obj = file.object
    select = marks_of(types)
    if not any(1 in file.relocations(of).types.translate(select) for of in (obj.code_section, obj.data_section)):
        return []
    found: dict[int, None] = {}
    for relocs, first, after in live_relocations(file):
        marks = relocs.types[first:after].translate(select)
        if 1 in marks:
            found.update(dict.fromkeys(compress(relocs.indices[first:after], marks)))
    return list(found)
