"""The data of a finished link in columns: what a later link needs to lay it out again.

Whatever has an address is a *location*, and locations are numbered: first each segment of each object, in link order,
whether it is in the output or not; then each further string of segments that hold several merged strings; then each
address that the linker chooses itself, such as that of ``__heap_base``. A column has one number for each location,
segment or field, so that what a link asks of all of them is a bulk operation.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence, Set

from ..linking.chunks import InputSegment, LinkedFile, ObjectInput
from ..linking.layout_memory import Memory, start_stop_names
from ..linking.output_segments import OutputSegment
from ..linking.resolution import Resolution
from ..linking.symbols import DEFINED, Symbol
from ..records import record
from ..stored import (
    StoredError,
    pack_array,
    pack_groups,
    pack_record,
    pack_strings,
    unpack_array,
    unpack_groups,
    unpack_record,
    unpack_strings,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    Buffer = bytes | memoryview

ADDRESSES: Final = 1 << 32
"""The first number that is no address."""
NOWHERE: Final = -1
"""The output segment of a location that is in none."""
STACK_TOP: Final = b"stack pointer"
"""The location that is the initial value of the stack pointer; no layout symbol has this name."""
TLS_BASE: Final = b"thread-local data"
"""The location that is the address of thread-local data."""


@record()
class OutputColumns:
    """An output segment of the last link."""

    name: bytes
    alignment: int
    """log2 of bytes."""
    size: int
    address: int
    is_tls: bool
    is_packed: bool
    """Whether its inputs are in packed order."""
    position: int
    """The position of its contents in the module, -1 if they are not in the file."""
    inputs: array[int]
    """The numbers of its input segments, in order."""


@record()
class DataColumns:
    """All data of the link; see the module's description."""

    names: list[bytes]
    """The names of input segments, each once."""
    first_segments: array[int]
    """The number of each object's first segment, by link order; one more element is the number of all segments."""
    first_strings: array[int]
    """The first location of each object's further strings; one more element is the end of the last one's."""
    segment_names: array[int]
    """For each segment, its index in ``names``."""
    alignments: bytes
    flags: array[int]
    sizes: array[int]
    merged: bytes
    """For each segment, whether its strings were merged."""
    references: array[int]
    """For each segment, how many references to it there are; counted for the packed order only."""
    owners: array[int]
    """For each further string, the number of its segment."""
    outputs: array[int]
    """For each segment and each further string, its output segment, or :data:`NOWHERE`."""
    addresses: array[int]
    """For each location, its address; 0 without one."""
    linker: list[bytes]
    """The names of the addresses that the linker chooses."""
    segments: list[OutputColumns]
    """The output segments, in order."""
    globals: list[tuple[int, int]]
    """The globals whose initial value is an address: index in the global section, location."""

    @property
    def first_linker(self) -> int:
        """Return the location of the first address that the linker chooses."""
        return self.first_strings[-1]

    def add_objects(self, count: int) -> None:
        """Add objects without data at the end of the link."""
        self.first_segments.extend([self.first_segments[-1]] * count)
        self.first_strings.extend([self.first_strings[-1]] * count)

    def packed(self) -> bytes:
        rows = [
            [row.alignment, row.size, row.address, row.is_tls, row.is_packed, row.position, len(row.inputs)]
            for row in self.segments
        ]
        inputs = array("I")
        for row in self.segments:
            inputs += row.inputs
        columns = (
            self.first_segments,
            self.first_strings,
            self.segment_names,
            self.flags,
            self.sizes,
            self.references,
            self.owners,
        )
        return pack_record(
            [
                pack_strings(self.names),
                *(pack_array("I", column) for column in columns),
                self.alignments,
                self.merged,
                pack_array("i", self.outputs),
                pack_array("I", self.addresses),
                pack_strings(self.linker),
                pack_strings([row.name for row in self.segments]),
                pack_groups(rows),
                pack_array("I", inputs),
                pack_groups([[number for pair in self.globals for number in pair]]),
            ]
        )


def unpack_data(packed: Buffer, module_size: int) -> DataColumns:
    """:raises StoredError: the columns do not fit together, or not the module."""
    parts = unpack_record(packed, 17)
    first_segments, first_strings, segment_names, flags, sizes, references, owners = (
        unpack_array("I", part) for part in parts[1:8]
    )
    alignments, merged = bytes(parts[8]), bytes(parts[9])
    outputs, addresses = unpack_array("i", parts[10]), unpack_array("I", parts[11])
    names, linker, output_names = unpack_strings(parts[0]), unpack_strings(parts[12]), unpack_strings(parts[13])
    rows, inputs = unpack_groups(parts[14]), unpack_array("I", parts[15])
    count = len(segment_names)
    if (
        not len(flags) == len(sizes) == len(references) == len(alignments) == len(merged) == count
        or len(outputs) != count + len(owners)
        or len(addresses) != len(outputs) + len(linker)
        or len(first_segments) != len(first_strings)
        or not first_segments
        or (first_segments[0], first_segments[-1]) != (0, count)
        or (first_strings[0], first_strings[-1]) != (count, len(outputs))
        or list(first_segments) != sorted(first_segments)
        or list(first_strings) != sorted(first_strings)
        or list(owners) != sorted(owners)
        or max(owners, default=-1) >= count
        or max(segment_names, default=-1) >= len(names)
        or max(alignments, default=0) > _MOST_ALIGNMENT
        or not -1 <= min(outputs, default=-1) <= max(outputs, default=-1) < len(rows)
        or len(output_names) != len(rows)
        or any(len(row) != 7 for row in rows)
        or max(inputs, default=-1) >= count
    ):
        raise StoredError("columns of data that do not fit together")
    segments = []
    start = end = 0
    for name, (alignment, size, address, is_tls, is_packed, position, length) in zip(output_names, rows):
        # Contents follow each other, each behind its header.
        if min(alignment, size, address, length) < 0 or alignment > _MOST_ALIGNMENT or 0 <= position < end:
            raise StoredError("an output segment that is nowhere")
        if position >= 0:
            end = position + size
        segments.append(
            OutputColumns(
                name=name,
                alignment=alignment,
                size=size,
                address=address,
                is_tls=bool(is_tls),
                is_packed=bool(is_packed),
                position=position,
                inputs=inputs[start : start + length],
            )
        )
        start += length
    if start != len(inputs) or end > module_size:
        raise StoredError("output segments that are not in the module")
    (pairs,) = unpack_groups(parts[16])
    return DataColumns(
        names=names,
        first_segments=first_segments,
        first_strings=first_strings,
        segment_names=segment_names,
        alignments=alignments,
        flags=flags,
        sizes=sizes,
        references=references,
        merged=merged,
        owners=owners,
        outputs=outputs,
        addresses=addresses,
        linker=linker,
        segments=segments,
        globals=list(zip(pairs[::2], pairs[1::2])),
    )


_MOST_ALIGNMENT: Final = 63


class Locations:
    """The numbers of what has an address in a finished link."""

    def __init__(self, objects: Sequence[ObjectInput], linker: Iterable[tuple[bytes, Symbol | None, int]]) -> None:
        """:param linker: what :func:`linker_addresses` returns."""
        self.objects = objects
        self.first_segments = array("I", (0,))
        self.first_strings = array("I")
        self.owners = array("I")
        self._first_of: dict[LinkedFile, int] = {}
        self._strings_of: dict[InputSegment, int] = {}
        """For each segment of several strings, the location of the second one."""
        first = 0
        several: list[list[InputSegment]] = []
        for file in objects:
            self._first_of[file] = first
            first += len(file.segments)
            self.first_segments.append(first)
            several.append([s for s in file.segments if s.live and s.pieces is not None and len(s.pieces.offsets) > 1])
        self.first_strings.append(first)
        for file, segments in zip(objects, several):
            for segment in segments:
                assert segment.pieces is not None
                self._strings_of[segment] = first
                number = len(segment.pieces.offsets) - 1
                self.owners.extend([self._first_of[file] + segment.index] * number)
                first += number
            self.first_strings.append(first)
        self.first_linker = first
        self.linker: list[bytes] = []
        self._linker_symbols: dict[Symbol, int] = {}
        self.linker_values: list[int] = []
        for name, symbol, value in linker:
            if symbol is not None:
                self._linker_symbols[symbol] = first + len(self.linker)
            self.linker.append(name)
            self.linker_values.append(value)

    def segment(self, segment: InputSegment) -> int:
        return self._first_of[segment.file] + segment.index

    def further_strings(self) -> Mapping[InputSegment, int]:
        """Return the segments of several merged strings, each with the location of its second string."""
        return self._strings_of

    def symbol(self, symbol: Symbol) -> int:
        """Return the location that a data symbol's address counts from, -1 if it cannot move."""
        segment = symbol.segment
        if symbol.state != DEFINED:
            return -1
        if segment is None:
            return self._linker_symbols.get(symbol, -1)
        first = self._strings_of.get(segment)
        if first is not None and symbol.value:
            assert segment.pieces is not None
            string = bisect_right(segment.pieces.starts, symbol.value) - 1
            if string:
                return first + string - 1
        return self._first_of[segment.file] + segment.index


def linker_addresses(
    resolution: Resolution, segments: Sequence[OutputSegment], memory: Memory
) -> list[tuple[bytes, Symbol | None, int]]:
    """Return the addresses that the linker chose: name, symbol, value."""
    found: list[tuple[bytes, Symbol | None, int]] = [
        (name, symbol, symbol.value) for name, symbol in resolution.layout_symbols.items()
    ]
    for segment in segments:
        for name, address in start_stop_names(segment):
            symbol = resolution.symbols.get(name)
            if symbol is not None and symbol.state == DEFINED and symbol.segment is None and symbol.file is None:
                found.append((name, symbol, address))
    found.append((STACK_TOP, None, memory.stack_top))
    found.append((TLS_BASE, None, max(memory.tls_base, 0)))
    return found


def data_columns(
    segments: Sequence[OutputSegment],
    packed: Set[OutputSegment],
    positions: Mapping[OutputSegment, int],
    locations: Locations,
    globals_: list[tuple[int, int]],
) -> DataColumns:
    """Return the columns of a finished link.

    :param segments: the output segments, and ``packed`` those in packed order.
    :param positions: the position of their contents in the module, for those that are in the file.
    """
    names: dict[bytes, int] = {}
    every = [segment for file in locations.objects for segment in file.segments]
    outputs = array("i", [segment.output.index if segment.live and segment.output else NOWHERE for segment in every])
    addresses = array("I", [_address(segment) if segment.live else 0 for segment in every])
    for segment in locations.further_strings():
        assert segment.pieces is not None
        assert segment.output is not None
        start = segment.output.address + segment.offset
        further = segment.pieces.offsets[1:]
        outputs.extend([segment.output.index] * len(further))
        addresses.extend([start + offset for offset in further])
    addresses.extend(locations.linker_values)
    return DataColumns(
        segment_names=array("I", [names.setdefault(segment.name, len(names)) for segment in every]),
        names=list(names),
        first_segments=locations.first_segments,
        first_strings=locations.first_strings,
        alignments=bytes([segment.alignment for segment in every]),
        flags=array("I", [segment.flags for segment in every]),
        sizes=array("I", [segment.size for segment in every]),
        references=array("I", [segment.references for segment in every]),
        merged=bytes([segment.live and segment.pieces is not None for segment in every]),
        owners=locations.owners,
        outputs=outputs,
        addresses=addresses,
        linker=locations.linker,
        segments=[
            OutputColumns(
                name=output.name,
                alignment=output.alignment,
                size=output.size,
                address=output.address,
                is_tls=output.is_tls,
                is_packed=output in packed,
                position=positions.get(output, -1),
                inputs=array("I", map(locations.segment, output.inputs)),
            )
            for output in segments
        ],
        globals=globals_,
    )


def _address(segment: InputSegment) -> int:
    output, pieces = segment.output, segment.pieces
    if output is None:
        return 0
    return output.address + segment.offset + (pieces.offsets[0] if pieces is not None else 0)
