"""The owners of the entries of a relocation section in the output: those of the bytes that they apply to."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from ..binary.reader import Reader
from ..binary.relocation_types import WITH_ADDEND
from ..linking.chunks import InputSection, InputSegment, LinkedFile
from ..linking.plan import Plan
from ..output.sections import data_ranges
from .module_spans import SectionSpans, SpanKind


def entries(data: bytes, section: SectionSpans) -> Iterator[tuple[int, int]]:
    """Yield the offset that each entry applies to, and its size; first -1 and the size of the part before the entries.

    :raises FormatError: the section is damaged.
    """
    reader = Reader(data, section.contents, section.end)
    reader.uleb()
    count = reader.count(3)
    yield -1, reader.pos - section.contents
    for _ in range(count):
        start = reader.pos
        type_ = reader.u8()
        offset = reader.uleb()
        reader.uleb()
        if type_ in WITH_ADDEND:
            reader.sleb(64)
        yield offset, reader.pos - start


class Places:
    """Maps an offset in a section to the file or function there."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._owners: list[LinkedFile | int] = []

    def add(self, start: int, owner: LinkedFile | int) -> None:
        self._starts.append(start)
        self._owners.append(owner)

    def find(self, offset: int) -> LinkedFile | int | None:
        """Return a file, or the number of a function."""
        i = bisect_right(self._starts, offset) - 1
        return self._owners[i] if i >= 0 else None


def places_in_code(code: SectionSpans) -> Places:
    places = Places()
    previous = code.contents
    for end, kind, number in code.spans:
        if kind == SpanKind.CODE:
            places.add(previous - code.contents, number)
        previous = end
    return places


def places_in_data(plan: Plan) -> Places:
    places = Places()
    # Where relocations are kept, each segment is in the file as a whole.
    for part in data_ranges(plan):
        for chunk in part.segment.chunks:
            if isinstance(chunk, InputSegment) and chunk.size:
                places.add(part.position + chunk.offset, chunk.file)
    return places


def places_in_custom(inputs: list[InputSection]) -> Places:
    places = Places()
    for chunk in sorted(inputs, key=lambda chunk: chunk.offset):
        if chunk.pieces is None:
            places.add(chunk.offset, chunk.file)
    return places
