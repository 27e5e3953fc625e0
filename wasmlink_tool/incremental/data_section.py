"""Rebuild the sections that depend on the layout of memory: data, memory and globals.

What is between two changes is copied from the last module, whose fields were corrected before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..binary.constants import NameSubsection, SectionId
from ..binary.leb128 import uleb
from ..binary.reader import Reader
from ..linking.chunks import InputSegment, LinkedFile
from ..linking.target import Target
from ..options import LinkOptions
from ..output.encoding import Chunk, OutputSection, name, vector
from ..output.sections import active_segment_header, memory_type
from .data_layout import DataLayout, OutputData, Strings
from .match_objects import Unusable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    Splice = tuple[int, int, list[Chunk]]
    """A range of the last module, and what takes its place."""
    Places = Mapping[int, tuple[int, int, int]]
    """For each section but custom sections: the positions of its header, its contents and its end."""

_TARGET: Final = Target(is_64=False)


class DataSections:
    """The sections of the last module that a layout of data changes."""

    def __init__(self, layout: DataLayout, module: memoryview, places: Places, options: LinkOptions) -> None:
        """
        :param module: the last module, with its fields corrected.
        :raises Unusable: the layout changes what is not rebuilt here.
        """
        self._layout = layout
        self._module = module
        self._places = places
        self._options = options
        columns = layout.columns
        names = [output.segment.name for output in layout.outputs if output.segment.in_file]
        before = [last.name for last in columns.segments if last.position >= 0]
        if bool(before) != bool(names) or any(before) != any(names):
            raise Unusable("there is data, where there was none, or none where there was")
        self.names: bytes | None = None
        """The names of the data segments, encoded; ``None`` if they are what they were."""
        if names != before:
            self.names = vector(uleb(index) + name(own) for index, own in enumerate(names) if own)
        self._memory_type = memory_type(layout.memory, _TARGET, options)
        if options.import_memory is not None:
            self._check_import()

    def splices(self, contents: Mapping[LinkedFile, memoryview]) -> Iterator[Splice]:
        """Yield the ranges of the module that differ.

        :param contents: the relocated data section of each object that is linked again.
        """
        yield from self._data(contents)
        yield from self._memory()
        yield from self._globals()

    def _data(self, contents: Mapping[LinkedFile, memoryview]) -> Iterator[Splice]:
        outputs = [output for output in self._layout.outputs if output.segment.in_file]
        if not outputs:
            return
        chunks: list[Chunk] = [uleb(len(outputs))]
        for output in outputs:
            segment = output.segment
            chunks.append(active_segment_header(_TARGET.const_expression(segment.address), segment.size))
            if output.inputs is None:
                assert output.last is not None
                chunks.append(self._last(output, 0, output.last.size))
            else:
                chunks += self._chunks(output, contents)
        yield self._section(SectionId.DATA, chunks)

    def _section(self, id_: int, chunks: list[Chunk]) -> Splice:
        header, _, end = self._places[id_]
        section = OutputSection(id_, chunks)
        return header, end, [section.header, *chunks]

    def _last(self, output: OutputData, first: int, after: int) -> memoryview:
        """Return bytes of the output segment in the last module."""
        last = output.last
        assert last is not None
        if not 0 <= first <= after <= last.size:
            raise ValueError("a segment that is not in its output segment")
        return self._module[last.position + first : last.position + after]

    def _chunks(self, output: OutputData, contents: Mapping[LinkedFile, memoryview]) -> Iterator[Chunk]:
        """Yield an output segment's chunks; those that follow each other as they did come in one piece."""
        columns = self._layout.columns
        sizes, addresses = columns.sizes, columns.addresses
        start = output.last.address if output.last is not None else 0
        first = after = position = 0
        is_pending = False
        for chunk, offset in output.chunks:
            gap = offset - position
            if isinstance(chunk, int):
                old, size = addresses[chunk] - start, sizes[chunk]
                # What is gone may have been in a gap.
                if is_pending and old - after == gap and not (gap and any(self._last(output, after, old))):
                    after = old + size
                    position = offset + size
                    continue
            if is_pending:
                yield self._last(output, first, after)
                is_pending = False
            if gap:
                yield bytes(gap)
            if isinstance(chunk, int):
                first, after = old, old + size
                is_pending = True
            elif isinstance(chunk, Strings):
                size = chunk.size
                yield chunk.contents
            else:
                size = chunk.size
                yield _contents(chunk, contents)
            position = offset + size
        if is_pending:
            yield self._last(output, first, after)
        if output.segment.size > position:
            yield bytes(output.segment.size - position)

    def _check_import(self) -> None:
        """Check that the memory, which is the first import, is what it was."""
        _, start, end = self._places[SectionId.IMPORT]
        reader = Reader(bytes(self._module[start:end]), 0, end - start)
        reader.uleb()
        reader.name()
        reader.name()
        reader.u8()
        first = reader.pos
        reader.limits()
        if reader.data[first : reader.pos] != self._memory_type:
            raise Unusable("the memory that is imported has another size")

    def _memory(self) -> Iterator[Splice]:
        if self._options.import_memory is None:
            _, start, end = self._places[SectionId.MEMORY]
            new = b"\1" + self._memory_type
            if self._module[start:end] != new:
                yield self._section(SectionId.MEMORY, [new])

    def _globals(self) -> Iterator[Splice]:
        """Yield the global section, if an initial value in it is an address that differs."""
        shifts = self._layout.shifts
        shift_of = {number: shifts[location] for number, location in self._layout.columns.globals if shifts[location]}
        if not shift_of:
            return
        _, start, end = self._places[SectionId.GLOBAL]
        reader = Reader(bytes(self._module[start:end]), 0, end - start)
        count = reader.count(3)
        chunks: list[Chunk] = [uleb(count)]
        position = reader.pos
        for number in range(count):
            reader.value_type()
            reader.u8()
            first = reader.pos
            reader.skip_constant_expression()
            if number in shift_of:
                expression = Reader(reader.data, first + 1, reader.pos)
                value = expression.sleb()
                chunks += (reader.data[position:first], _TARGET.const_expression(value + shift_of[number]))
                position = reader.pos
        chunks.append(reader.data[position:])
        yield self._section(SectionId.GLOBAL, chunks)


def _contents(segment: InputSegment, contents: Mapping[LinkedFile, memoryview]) -> memoryview:
    start = segment.file.object.segments.offsets[segment.index]
    return contents[segment.file][start : start + segment.size]


def replace_segment_names(subsections: bytes, names: bytes) -> bytes:
    """Return subsections of the name section with other names of data segments."""
    found = bytearray()
    reader = Reader(subsections, 0, len(subsections))
    while reader.pos < reader.end:
        kind = reader.u8()
        own = reader.name()
        if kind == NameSubsection.DATA_SEGMENT:
            own = names
        found += bytes((kind,)) + name(own)
    return bytes(found)
