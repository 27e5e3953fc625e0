"""Lay out data again after some objects changed, from the columns of the last link.

The segments of the objects that are linked again are :class:`InputSegment`; all others are numbers, and only output
segments with a segment that came or went are looked at one by one. How segments are grouped, ordered and merged is the
rule of :mod:`..linking.output_segments`; where the groups are in memory decides :mod:`..linking.layout_memory` itself.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from itertools import compress, pairwise

from ..binary.constants import SegmentFlag, SymbolKind
from ..diagnostics import Diagnostics
from ..inputs.object_file import GlobalType
from ..linking.chunks import InputSegment, LinkedFile
from ..linking.layout_memory import lay_out_memory, start_stop_names
from ..linking.merged_strings import MergedStrings
from ..linking.output_segments import OutputSegment, is_c_name, is_merged, output_name, packed_key, rank
from ..linking.resolution import Resolution
from ..linking.symbol_table import SymbolTable
from ..linking.symbols import DEFINED, Symbol
from ..linking.synthetic_file import SyntheticFile
from ..linking.synthetic_symbols import LAYOUT_SYMBOLS
from ..linking.target import Target
from ..options import DataOrder, LinkOptions
from .data_columns import ADDRESSES, STACK_TOP, TLS_BASE, DataColumns, OutputColumns
from .match_objects import Unusable
from .remerge_strings import remerge

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from ..linking.layout_memory import Memory

    Place = tuple[int, int, int, int]
    """The key by which input segments are sorted."""
    Key = tuple[int, bytes, int, int, bytes]

_NO_FILE: Final = SyntheticFile("", gc_sections=True)


class Strings:
    """The strings of an output segment that are merged into one chunk."""

    def __init__(self, contents: bytes) -> None:
        self.contents = contents

    @property
    def size(self) -> int:
        return len(self.contents)


Inputs = list[int | InputSegment]
"""Input segments: by number where they are those of the last link."""


class OutputData:
    """An output segment of this link."""

    def __init__(self, last: OutputColumns | None, segment: OutputSegment) -> None:
        self.last = last
        """The same of the last link."""
        self.segment = segment
        """Its name, alignment, size and address now."""
        self.inputs: Inputs | None = None
        """Its input segments; ``None`` if they are those of the last link."""
        self.chunks: list[tuple[int | InputSegment | Strings, int]] = []
        """The chunks with their offsets, if the inputs are others; empty ones are left out."""


class DataLayout:
    """The locations of data in this link."""

    def __init__(
        self,
        columns: DataColumns,
        module: memoryview,
        options: LinkOptions,
        files: Mapping[int, LinkedFile],
        references: Mapping[int, int] | None = None,
        order: Sequence[int] | None = None,
        asked: Iterable[bytes] = (),
    ) -> None:
        """
        :param module: the last module.
        :param files: the objects that are linked again, by their number in the last link. Their segments are marked
            live, and get their places here.
        :param references: if data is packed, how many more references there are to segments of other objects.
        :param order: the numbers of all objects in the order of the output; ``None`` if it is that of the numbers.
        :param asked: the names of further addresses that are asked for.
        :raises Unusable: the layout is one that is not understood.
        """
        self.columns = columns
        self._module = module
        self._options = options
        self._files = files
        self._references = references or {}
        self._asked = asked
        self._ranks = {} if order is None else {ordinal: rank for rank, ordinal in enumerate(order)}
        self._is_moved = order is not None and any(
            first > second for first, second in pairwise([n for n in order if n not in files])
        )
        """True if objects that are not linked again are in another order."""
        self._places: Sequence[int] = range(columns.first_segments[-1])
        """The order of all segments, by number."""
        if order is not None:
            self._places = self._ordered_places(order)
        self._is_gone = bytearray(len(columns.segment_names))
        """The segments whose objects are linked again."""
        self._moved: dict[int, int] = {}
        """By how much the offset in their output segment differs, of those segments and strings where it does."""
        self.outputs = self._group()
        for output in self.outputs:
            if output.inputs is not None:
                self._lay_out(output, output.inputs)
        self.linker: dict[bytes, int] = {}
        """The addresses that the linker chooses, by name."""
        self.memory = self._lay_out_memory()
        self.shifts = self._shifts()
        """For each location, by how much its address differs; of those of ``files``, only after :meth:`follow`."""

    def follow(self, location: int, address: int) -> None:
        """Let a segment of an object that is linked again be the one that is now at an address."""
        self.shifts[location] = address - self.columns.addresses[location]

    # Which segments make an output segment

    def _group(self) -> list[OutputData]:
        columns, options = self.columns, self._options
        affected = {columns.outputs[number] for number in self._references}
        if self._is_moved:
            affected.update(range(len(columns.segments)))
        added: dict[bytes, list[tuple[Place, InputSegment]]] = {}
        for ordinal, file in sorted(self._files.items(), key=self._rank):
            first, after = columns.first_segments[ordinal : ordinal + 2]
            self._is_gone[first:after] = b"\1" * (after - first)
            affected.update(columns.outputs[first:after])
            for own in file.segments:
                if own.live:
                    if options.optimize and is_merged(own):
                        own.split()
                    place = (first, -1, ordinal, own.index) if not self._ranks else self._place_of(ordinal, own.index)
                    added.setdefault(output_name(own, options), []).append((place, own))
        outputs: list[tuple[int, Place, OutputData]] = []
        for number, last in enumerate(columns.segments):
            output = OutputData(last, OutputSegment(last.name))
            segment = output.segment
            segment.alignment, segment.size, segment.is_tls = last.alignment, last.size, last.is_tls
            segment.in_file = last.position >= 0
            new = added.pop(last.name, [])
            kept: Sequence[int] = last.inputs
            if number in affected or new:
                kept = [n for n in last.inputs if not self._is_gone[n]]
                if self._is_moved and not last.is_packed:
                    kept.sort(key=self._places.__getitem__)
                output.inputs = self._ordered(kept, new, is_packed=last.is_packed)
                if not output.inputs:
                    continue
            outputs.append((rank(segment), self._first(kept, new), output))
        for name, new in added.items():
            output = OutputData(None, OutputSegment(name))
            if is_c_name(name):
                raise Unusable("there is data of a section whose bounds may be asked for, where there was none")
            if output.segment.is_bss:
                if options.import_memory is not None:
                    raise Unusable("there is zero-filled data, where there was none")
                output.segment.in_file = False
            output.inputs = self._ordered([], new, is_packed=options.data_order is DataOrder.PACKED)
            outputs.append((rank(output.segment), self._first([], new), output))
        outputs.sort(key=lambda entry: entry[:2])
        return [output for _, _, output in outputs]

    def _ordered(self, kept: list[int], new: list[tuple[Place, InputSegment]], *, is_packed: bool) -> Inputs:
        """Return the inputs of an output segment in order."""
        if is_packed:
            keys: list[tuple[Key, Place, int | InputSegment]] = [
                (self._packed_key(number), (self._places[number], 0, 0, 0), number) for number in kept
            ]
            keys += [(packed_key(segment), place, segment) for place, segment in new]
            keys.sort(key=lambda entry: entry[:2])
            return [segment for _, _, segment in keys]
        ordered: Inputs = []
        position = 0
        for place, segment in new:
            end = bisect_left(kept, place[0], position, key=self._places.__getitem__)
            ordered += kept[position:end]
            ordered.append(segment)
            position = end
        return ordered + kept[position:]

    def _ordered_places(self, order: Sequence[int]) -> list[int]:
        """Return for each segment its place among all."""
        firsts = self.columns.first_segments
        places = [0] * firsts[-1]
        self._starts: dict[int, int] = {}
        place = 0
        for ordinal in order:
            self._starts[ordinal] = place
            first, after = firsts[ordinal : ordinal + 2]
            places[first:after] = range(place, place + after - first)
            place += after - first
        return places

    def _rank(self, item: tuple[int, LinkedFile]) -> int:
        return self._ranks.get(item[0], item[0])

    def _place_of(self, ordinal: int, index: int) -> Place:
        """Return the place of a segment of an object that is linked again."""
        return self._starts[ordinal], -1, self._ranks[ordinal], index

    def _first(self, kept: Sequence[int], new: list[tuple[Place, InputSegment]]) -> Place:
        """Return the place of an output segment's first input in link order."""
        places = [place for place, _ in new]
        if kept:
            places.append((min(map(self._places.__getitem__, kept)), 0, 0, 0))
        return min(places)

    def _packed_key(self, number: int) -> Key:
        columns = self.columns
        name = columns.names[columns.segment_names[number]]
        stand_in = InputSegment(_NO_FILE, 0, name, columns.alignments[number], 0, 0)
        stand_in.references = columns.references[number] + self._references.get(number, 0)
        return packed_key(stand_in)

    # Where they are in it

    def _lay_out(self, output: OutputData, inputs: Inputs) -> None:
        columns, segment = self.columns, output.segment
        alignments, sizes, merged, all_flags = columns.alignments, columns.sizes, columns.merged, columns.flags
        addresses, moved = columns.addresses, self._moved
        start = output.last.address if output.last is not None else 0
        size = most = kinds = 0
        strings_of: set[int] = set()
        for item in inputs:
            chunk: int | InputSegment | Strings = item
            if isinstance(item, int):
                alignment, length, flags = alignments[item], sizes[item], all_flags[item]
                is_string = merged[item] != 0
            else:
                alignment, length, flags = item.alignment, item.size, item.flags
                is_string = item.pieces is not None
            kinds |= flags
            if alignment > most:
                most = alignment
            if is_string and flags in strings_of:
                continue
            size = -(-size >> alignment) << alignment
            if is_string:
                strings_of.add(flags)
                chunk = self._merge(output, flags, inputs, size)
                length = chunk.size
            elif isinstance(chunk, InputSegment):
                chunk.output, chunk.offset = segment, size
            else:
                assert isinstance(chunk, int)
                change = start + size - addresses[chunk]
                if change:
                    moved[chunk] = change
            if length:
                output.chunks.append((chunk, size))
            size += length
        segment.alignment, segment.size, segment.is_tls = most, size, bool(kinds & SegmentFlag.TLS)

    def _merge(self, output: OutputData, flags: int, inputs: Inputs, offset: int) -> Strings:
        """Merge the strings of an output segment that have some flags, for a chunk at ``offset``."""
        columns, is_gone = self.columns, self._is_gone
        addresses = columns.addresses
        new = [item for item in inputs if isinstance(item, InputSegment)]
        added = [segment for segment in new if segment.pieces is not None and segment.flags == flags]
        pieces = [segment.pieces for segment in added if segment.pieces is not None]
        for segment in added:
            segment.output, segment.offset = output.segment, offset
        last = output.last
        locations = [] if last is None else [n for n in last.inputs if columns.merged[n] and columns.flags[n] == flags]
        if last is None or not locations:
            merged_anew = MergedStrings(b"")
            merged_anew.members += added
            merged_anew.finalize()
            return Strings(bytes(merged_anew.contents))
        owners, first = columns.owners, len(columns.segment_names)
        among = frozenset(locations)
        locations += [first + i for i, owner in enumerate(owners) if owner in among]
        goes = [is_gone[n if n < first else owners[n - first]] != 0 for n in locations]
        places = [addresses[n] for n in locations]
        old_start = min(places)
        before = {place - old_start for place in compress(places, goes)}
        kept_locations = [n for n, gone in zip(locations, goes) if not gone]
        offsets = [addresses[n] - old_start for n in kept_locations]
        contents = self._last_strings(last, old_start, max(places))
        merged = remerge(contents, set(offsets), before, pieces)
        # From the start of the output segment.
        change = offset - (old_start - last.address)
        if change or merged.contents != contents:
            for location, old, now in zip(kept_locations, offsets, map(merged.moved.__getitem__, offsets)):
                if now - old + change:
                    self._moved[location] = now - old + change
        return Strings(merged.contents)

    def _last_strings(self, last: OutputColumns, first: int, final: int) -> bytes:
        """Return the merged strings that begin at address ``first``; the last one that is named is at ``final``."""
        start = last.position + first - last.address
        position = last.position + final - last.address
        end = last.position + last.size
        if last.position < 0 or not last.position <= start <= position < end:
            raise ValueError("strings that are not in the module")
        contents = bytes(self._module[start:end])
        return contents[: contents.index(0, position - start) + 1]

    # Where the output segments are

    def _lay_out_memory(self) -> Memory:
        options, columns = self._options, self.columns
        diagnostics = Diagnostics()
        synthetic = SyntheticFile("", gc_sections=True)
        target = Target(is_64=False)
        resolution = Resolution(SymbolTable(diagnostics, gc_sections=True), synthetic, target)
        pointer = resolution.stack_pointer = Symbol(b"", SymbolKind.GLOBAL, DEFINED, 0, synthetic)
        pointer.index = synthetic.add_global(b"", GlobalType(target.pointer_type, True), b"")
        resolution.layout_symbols = {
            name: Symbol(name, SymbolKind.DATA, DEFINED, 0, None)
            for name in (*columns.linker, *self._asked)
            if name in LAYOUT_SYMBOLS
        }
        segments = [output.segment for output in self.outputs]
        for index, segment in enumerate(segments):
            segment.index = index
        memory = lay_out_memory(resolution, segments, options, diagnostics)
        if diagnostics.entries:
            raise Unusable("the memory's layout has errors")
        self.linker = {name: symbol.value for name, symbol in resolution.layout_symbols.items()}
        for segment in segments:
            self.linker.update(start_stop_names(segment))
        self.linker[STACK_TOP] = memory.stack_top
        self.linker[TLS_BASE] = max(memory.tls_base, 0)
        if max(self.linker.values()) >= ADDRESSES:
            raise Unusable("the memory has four GiB, so that its end has no address")
        return memory

    def _shifts(self) -> list[int]:
        columns = self.columns
        # The last one is that of what is nowhere.
        by_output = [0] * (len(columns.segments) + 1)
        numbers = {id(last): number for number, last in enumerate(columns.segments)}
        for output in self.outputs:
            if output.last is not None:
                by_output[numbers[id(output.last)]] = output.segment.address - output.last.address
        shifts = list(map(by_output.__getitem__, columns.outputs))
        for location, change in self._moved.items():
            shifts[location] += change
        for name, address in zip(columns.linker, columns.addresses[columns.first_linker :]):
            if name not in self.linker:
                raise Unusable("the bounds of data are asked for that is gone")
            shifts.append(self.linker[name] - address)
        return shifts
