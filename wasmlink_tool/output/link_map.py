"""Write the link map: the position of each section, chunk and symbol.

The rows of a map are many times its input: they are passed on as they are made, and the symbols of each chunk are found
by linked lists in three columns of each file.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right

from ..binary.constants import SectionId, SymbolKind
from ..linking.chunks import InputSegment, LinkedFile, ObjectInput
from ..linking.merged_strings import MergedStrings
from ..linking.output_segments import OutputSegment
from ..linking.plan import Plan
from ..linking.symbol_names import symbol_text
from ..linking.symbols import DEFINED, Symbol
from .encoding import OutputSection
from .sections import DataRange, data_ranges, data_segment_header

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Final

_NONE: Final = array("i", (-1,))


def map_rows(plan: Plan, sections: Sequence[OutputSection]) -> Iterator[str]:
    """Yield the rows of the map. File offsets are in hexadecimal."""
    yield f"{'Addr':>8} {'Off':>8} {'Size':>8} Out     In      Symbol"
    symbols = _Symbols(plan.resolution.objects)
    for section in sections:
        yield _row(None, section.offset, len(section.header) + section.size, 0, section.label)
        if section.id == SectionId.CODE:
            yield from _functions(plan, section, symbols)
        elif section.id == SectionId.DATA:
            yield from _segments(plan, section, symbols)
        elif section.id == SectionId.GLOBAL:
            for file in plan.spaces.files:
                for name, live, number in zip(file.global_names, bytes(file.global_live), file.global_numbers):
                    if live:
                        yield _row(number, 0, 0, 8, symbol_text(name))


class _FileSymbols:
    """The symbols of a file that are in its own functions and segments. The first symbol of each chunk, and the one
    that follows each symbol in its chunk; -1 for none."""

    def __init__(self, file: ObjectInput, ordinal: int) -> None:
        self.symbols = file.symbols
        self.ordinal = ordinal
        self.functions = _NONE * len(file.function_live)
        self.segments = _NONE * len(file.segments)
        self.following = _NONE * len(file.symbols)

    def chain(self, first: int) -> Iterator[Symbol]:
        while first >= 0:
            yield self.symbols[first]
            first = self.following[first]


class _Symbols:
    """Finds the symbols of functions and segments, in the order of the objects and of their symbol tables."""

    def __init__(self, objects: Sequence[ObjectInput]) -> None:
        self._files: dict[LinkedFile, _FileSymbols] = {}
        self._in_others: dict[tuple[LinkedFile, int] | InputSegment, list[tuple[int, Symbol]]] = {}
        """Symbols of the files with these ordinals in another file: stubs and identical chunks."""
        for ordinal, file in enumerate(objects):
            self._add(file, ordinal)

    def _add(self, file: ObjectInput, ordinal: int) -> None:
        own = self._files[file] = _FileSymbols(file, ordinal)
        functions, segments, following = own.functions, own.segments, own.following
        in_others: list[tuple[tuple[LinkedFile, int] | InputSegment, Symbol]] = []
        for i in range(len(own.symbols) - 1, -1, -1):
            symbol = own.symbols[i]
            origin = symbol.file if symbol.folded_from is None else symbol.folded_from[0]
            if origin is not file or symbol.file is None:
                continue
            if symbol.stub is not None and symbol.stub.file is not None:
                in_others.append(((symbol.stub.file, symbol.stub.index), symbol))
            elif symbol.state != DEFINED or not symbol.is_live:
                continue
            elif symbol.kind == SymbolKind.FUNCTION:
                if symbol.file is file:
                    following[i] = functions[symbol.index]
                    functions[symbol.index] = i
                else:
                    in_others.append(((symbol.file, symbol.index), symbol))
            elif symbol.kind == SymbolKind.DATA and symbol.segment is not None:
                segment = symbol.segment
                if segment.file is file:
                    following[i] = segments[segment.index]
                    segments[segment.index] = i
                else:
                    in_others.append((segment, symbol))
        for chunk, symbol in reversed(in_others):
            self._in_others.setdefault(chunk, []).append((ordinal, symbol))

    def in_function(self, file: LinkedFile, index: int) -> Iterator[Symbol]:
        own = self._files.get(file)
        others = self._in_others.get((file, index), ()) if self._in_others else ()
        return _merge(own, -1 if own is None else own.functions[index], others)

    def in_segment(self, segment: InputSegment) -> Iterator[Symbol]:
        own = self._files.get(segment.file)
        others = self._in_others.get(segment, ()) if self._in_others else ()
        return _merge(own, -1 if own is None else own.segments[segment.index], others)


def _merge(own: _FileSymbols | None, first: int, others: Sequence[tuple[int, Symbol]]) -> Iterator[Symbol]:
    """Yield a file's own symbols of a chunk, from the first one on, among those of other files."""
    ordinal = -1 if own is None else own.ordinal
    for i, symbol in others:
        if i < ordinal:
            yield symbol
    if own is not None:
        yield from own.chain(first)
    for i, symbol in others:
        if i > ordinal:
            yield symbol


def _row(address: int | None, offset: int, size: int, indent: int, label: str) -> str:
    where = "-" if address is None else f"{address:x}"
    return f"{where:>8} {offset:>8x} {size:>8x} {' ' * indent}{label}"


def _functions(plan: Plan, section: OutputSection, symbols: _Symbols) -> Iterator[str]:
    for file, start, stop in plan.spaces.function_runs():
        for index in range(start, stop):
            offset = section.offset + file.function_offsets[index]
            size = file.function_size(index)
            yield _row(None, offset, size, 8, file.describe_function(index))
            for symbol in symbols.in_function(file, index):
                yield _row(None, offset, 0 if symbol.stub else size, 16, str(symbol))


def _segments(plan: Plan, section: OutputSection, symbols: _Symbols) -> Iterator[str]:
    in_file: dict[OutputSegment, list[DataRange]] = {}
    for data_range in data_ranges(plan):
        in_file.setdefault(data_range.segment, []).append(data_range)
    for segment in plan.segments:
        parts = in_file.get(segment, [])
        if not parts:
            yield _row(segment.address, section.offset, segment.size, 0, symbol_text(segment.name))
        shown = 0
        for chunk in segment.chunks:
            # Where zeros are left out, a segment is in the file in several parts.
            while shown < len(parts) and parts[shown].start < chunk.offset + max(chunk.size, 1):
                yield _part(plan, section, parts[shown])
                shown += 1
            offset = _file_offset(section, parts, chunk.offset)
            address = segment.address + chunk.offset
            if isinstance(chunk, MergedStrings):
                yield _row(address, offset, chunk.size, 8, f"<internal>:({symbol_text(chunk.name)})")
                continue
            yield _row(address, offset, chunk.size, 8, str(chunk))
            for symbol in symbols.in_segment(chunk):
                place = _file_offset(section, parts, chunk.offset + symbol.value)
                yield _row(symbol.tls_offset if symbol.is_tls else symbol.address, place, symbol.size, 16, str(symbol))
        for part in parts[shown:]:
            yield _part(plan, section, part)


def _part(plan: Plan, section: OutputSection, part: DataRange) -> str:
    """Return the row of a data segment."""
    header = data_segment_header(plan, part.segment, part.start, part.end)
    start = section.offset + part.position - len(header)
    return _row(part.segment.address + part.start, start, part.end - part.start, 0, symbol_text(part.segment.name))


def _file_offset(section: OutputSection, parts: list[DataRange], offset: int) -> int:
    """Return where in the file a byte of an output segment is; 0 where it is not."""
    i = bisect_right(parts, offset, key=lambda part: part.start) - 1
    if i < 0 or (offset >= parts[i].end and parts[i].end < parts[i].segment.size):
        return 0
    return section.offset + parts[i].position + offset - parts[i].start
