"""Leave runs of zeros out of the data section (``--omit-zeros``).

A memory that the module defines is zero until the data segments are copied into it. Each output segment is therefore
divided into data segments that have its other bytes. A data segment costs a few bytes itself: its flags, its address,
its size, and its name if there is a name section. So a run is left out only if that makes the module smaller. The
choice is exact: :func:`smallest_division` finds the division whose data segments take the fewest bytes.

The relocated bytes are divided, since a relocation can write zeros.
"""

from __future__ import annotations

import re
import zlib
from collections import deque
from collections.abc import Mapping, Sequence

from ..binary.leb128 import uleb
from ..linking.chunks import ObjectInput
from ..linking.output_segments import OutputSegment
from ..linking.plan import Plan
from ..linking.relocate import Relocator
from ..options import LinkOptions, OptimizeFor
from .encoding import name
from .sections import data_segment_count, data_segment_header, segment_chunks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    Range = tuple[int, int]
    """Offsets [start, end) in an output segment."""

MOST_SEGMENTS = 100_000
"""The most data segments that engines take. Tests lower it, in the compiled package too: so it is not final."""
_RUN: Final = re.compile(rb"\0{5,}")
"""The header of a data segment has five bytes at least."""
_EXTRA_COSTS: Final = (0, 8, 32, 128, 512, 4096)
"""Bytes that a data segment is taken to cost more, in search of the best division for compression."""
_SIZE_LIMITS: Final = tuple(1 << 7 * width for width in range(1, 6))
"""A size below the n-th limit takes at most n + 1 bytes as LEB128."""
_ONE_BYTE: Final = 1 << 20
"""One byte of cost; one data segment more costs 1, so that among equals there are as few as possible."""


def omit_zeros(plan: Plan, options: LinkOptions, relocator: Relocator) -> dict[OutputSegment, bytes]:
    """Choose the runs of zeros that are not written, and return the contents of the segments that were looked at.

    :param relocator: gives data at once.
    """
    found: dict[OutputSegment, bytes] = {}
    if options.keeps_relocations or not options.owns_memory:
        return found
    relocated: dict[ObjectInput, memoryview] = {}
    for segment in plan.segments:
        # Code copies passive segments, whole, into memory that need not be zero.
        if not segment.passive and segment.in_file:
            found[segment] = b"".join(segment_chunks(segment, relocated, relocator))
    if options.optimize_for is OptimizeFor.RAW:
        _divide(plan, options, found, 0)
        return found
    # The headers compress worse than zeros do: try how long the runs have to be that are left out.
    best = min((_compressed_size(plan, found), -1), *(_trial(plan, options, found, extra) for extra in _EXTRA_COSTS))
    if best[1] < 0:
        for segment in found:
            segment.omitted = []
    else:
        _divide(plan, options, found, best[1])
    return found


def _trial(plan: Plan, options: LinkOptions, found: Mapping[OutputSegment, bytes], extra: int) -> tuple[int, int]:
    """Return the compressed size of the data if a data segment costs ``extra`` bytes more, and ``extra``."""
    _divide(plan, options, found, extra)
    return _compressed_size(plan, found), extra


def _compressed_size(plan: Plan, found: Mapping[OutputSegment, bytes]) -> int:
    """Return the size of the data segments after compression, which are divided as they are now."""
    compressor = zlib.compressobj(9)
    size = 0
    for segment, contents in found.items():
        for start, end in segment.file_ranges():
            size += len(compressor.compress(data_segment_header(plan, segment, start, end)))
            size += len(compressor.compress(contents[start:end]))
    return size + len(compressor.flush())


def _divide(plan: Plan, options: LinkOptions, found: Mapping[OutputSegment, bytes], extra: int) -> None:
    """Choose what is left out of each segment.

    :param extra: what a data segment costs besides its bytes.
    """
    for segment in found:
        segment.omitted = []
    for segment, contents in found.items():
        filled = _filled_ranges(contents)
        if plan.resolution.memory_base is not None and "extended-const" not in plan.features:
            # A constant expression can only be the memory base itself, so there is one data segment, at offset 0.
            kept = [(0, filled[-1][1])] if filled else []
        else:
            named = options.keeps_names("data")
            own = len(uleb(data_segment_count(plan) + len(filled))) + len(name(segment.name)) if named else 0
            costs = [len(data_segment_header(plan, segment, at, at)) - 1 + own + extra for at, _ in filled]
            kept = smallest_division(filled, costs)
        segment.omitted = _gaps(kept, segment.size)
    _limit_segments(plan, found)


def _filled_ranges(contents: bytes) -> list[Range]:
    """Return the ranges between runs of zeros that are long enough to matter."""
    zeros = [match.span() for match in _RUN.finditer(contents)]
    # At the beginning and at the end even a single zero can go.
    first, after = len(contents) - len(contents.lstrip(b"\0")), len(contents.rstrip(b"\0"))
    inner = [(start, end) for start, end in zeros if first < start and end < after]
    return _complement(inner, first, after)


def _complement(ranges: Sequence[Range], first: int, after: int) -> list[Range]:
    """Return what is between ``first`` and ``after`` and in none of the sorted ranges."""
    starts = [first, *(end for _, end in ranges)]
    ends = [*(start for start, _ in ranges), after]
    return [(start, end) for start, end in zip(starts, ends) if start < end]


def _gaps(ranges: Sequence[Range], size: int) -> list[Range]:
    return _complement(ranges, 0, size)


def smallest_division(filled: Sequence[Range], costs: Sequence[int]) -> list[Range]:
    """Join neighbours among the filled ranges where a data segment costs more than the zeros between them.

    The cheapest division of the first n ranges ends with a data segment that begins at some range i, after the cheapest
    division of the first i. Its cost is that of beginning at i, which does not depend on n, plus its size as LEB128, of
    which there are five lengths. For each length, a queue has the possible beginnings from which the size still fits,
    the cheapest first; so the whole takes linear time.

    :param costs: for each filled range, what a data segment that begins there costs besides its size and its bytes.
    """
    least = [0]
    beginnings: list[int] = []
    queues: list[deque[tuple[int, int]]] = [deque() for _ in _SIZE_LIMITS]
    for i, (start, end) in enumerate(filled):
        cost = least[i] + (costs[i] - start) * _ONE_BYTE + 1
        best: tuple[int, int] | None = None
        for width, (queue, limit) in enumerate(zip(queues, _SIZE_LIMITS), 1):
            while queue and queue[-1][0] > cost:
                queue.pop()
            queue.append((cost, i))
            while queue and end - filled[queue[0][1]][0] >= limit:
                queue.popleft()
            if queue:
                total = queue[0][0] + (end + width) * _ONE_BYTE, queue[0][1]
                if best is None or total < best:
                    best = total
        assert best is not None
        least.append(best[0])
        beginnings.append(best[1])
    division: list[Range] = []
    after = len(filled)
    while after:
        first = beginnings[after - 1]
        division.append((filled[first][0], filled[after - 1][1]))
        after = first
    return division[::-1]


def _limit_segments(plan: Plan, found: Mapping[OutputSegment, bytes]) -> None:
    """Keep the shortest runs where there would be too many data segments."""
    excess = data_segment_count(plan) - MOST_SEGMENTS
    if excess <= 0:
        return
    inner = [
        (end - start, number, start)
        for number, segment in enumerate(found)
        for start, end in segment.omitted
        if start and end < segment.size
    ]
    kept = {(number, start) for _, number, start in sorted(inner)[:excess]}
    for number, segment in enumerate(found):
        segment.omitted = [(start, end) for start, end in segment.omitted if (number, start) not in kept]
