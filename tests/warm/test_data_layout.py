"""Data laid out again from the columns of a link is where the passes put it."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from wasmlink_tool.binary.constants import SectionId, SegmentFlag, SymbolKind
from wasmlink_tool.diagnostics import Diagnostics
from wasmlink_tool.incremental.data_columns import Locations, data_columns, linker_addresses, unpack_data
from wasmlink_tool.incremental.data_layout import DataLayout, Strings
from wasmlink_tool.incremental.match_objects import Unusable
from wasmlink_tool.inputs.input_files import ObjectSource
from wasmlink_tool.inputs.object_file import GlobalType, ObjectFile
from wasmlink_tool.inputs.segment_columns import segment_columns
from wasmlink_tool.linking.chunks import ObjectInput
from wasmlink_tool.linking.layout_memory import Memory, define_start_stop_symbols, lay_out_memory
from wasmlink_tool.linking.merged_strings import MergedStrings
from wasmlink_tool.linking.output_segments import OutputSegment, create_output_segments, keeps_input_order
from wasmlink_tool.linking.resolution import Resolution
from wasmlink_tool.linking.symbol_table import SymbolTable
from wasmlink_tool.linking.symbols import DEFINED, UNDEFINED, Symbol
from wasmlink_tool.linking.synthetic_file import SyntheticFile
from wasmlink_tool.linking.synthetic_symbols import LAYOUT_SYMBOLS
from wasmlink_tool.linking.target import Target
from wasmlink_tool.options import DataOrder, LinkOptions

NAMES = (*(b".rodata.x", b".rodata.a", b".data.b", b".data", b".bss.c", b".bss"), b"array", b"other", b".tdata.t")
ASKED = (
    *(b"__heap_base", b"__data_end", b"__heap_end", b"__stack_low", b"__global_base"),
    *(b"__start_array", b"__stop_other"),
)
Spec = tuple[bytes, int, int, bytes, int]
"""Name, alignment, flags, contents, number of references; without these it is dead."""


def _spec(pick: random.Random) -> Spec:
    references = pick.choice((0, 1, 1, 2, 5))
    if pick.random() < 0.4:
        words = [bytes(pick.choice(b"ab") for _ in range(pick.randrange(4))) for _ in range(pick.choice((1, 1, 1, 3)))]
        flags = pick.choice((SegmentFlag.STRINGS, SegmentFlag.STRINGS, SegmentFlag.STRINGS | SegmentFlag.RETAIN))
        alignment = pick.choice((0, 0, 0, 0, 1))
        name = pick.choice((b".rodata..L.str", b".rodata.z", b"array"))
        return name, alignment, flags, b"\0".join([*words, b""]), references
    name = pick.choice(NAMES)
    size = pick.choice((0, 1, 4, 5, 8, 17, 40))
    contents = bytes(size) if name.startswith(b".bss") else bytes(pick.randrange(1, 256) for _ in range(size))
    flags = SegmentFlag.TLS if name.startswith(b".tdata") else 0
    return name, pick.choice((0, 0, 1, 2, 2, 3, 4, 6)), flags, contents, references


def _object(specs: Sequence[Spec]) -> ObjectInput:
    obj = ObjectFile(b"".join(spec[3] for spec in specs))
    obj.sections.append(SectionId.DATA, b"", 0, len(obj.data))
    obj.data_section = 0
    names, alignments, flags, contents, _ = zip(*specs) if specs else [()] * 5
    sizes = list(map(len, contents))
    obj.segments = segment_columns(names, alignments, flags, [sum(sizes[:i]) for i in range(len(sizes))], sizes)
    file = ObjectInput(ObjectSource(obj.data, 0, len(obj.data), "a.o"), gc_sections=True, parsed=obj)
    for segment, spec in zip(file.segments, specs):
        segment.live, segment.references = spec[4] > 0, spec[4]
    return file


class Laid:
    """Objects laid out by the passes."""

    def __init__(self, objects: list[ObjectInput], options: LinkOptions, asked: Sequence[bytes]) -> None:
        diagnostics = Diagnostics()
        synthetic = SyntheticFile("", gc_sections=True)
        target = Target(is_64=False)
        self.resolution = Resolution(SymbolTable(diagnostics, gc_sections=True), synthetic, target)
        self.resolution.objects = objects
        pointer = self.resolution.stack_pointer = Symbol(b"", SymbolKind.GLOBAL, DEFINED, 0, synthetic)
        pointer.index = synthetic.add_global(b"", GlobalType(target.pointer_type, True), b"")
        for name in asked:
            symbol = self.resolution.symbols[name] = Symbol(name, SymbolKind.DATA, UNDEFINED, 0, None)
            if name in LAYOUT_SYMBOLS:
                symbol.become_absolute(0)
                self.resolution.layout_symbols[name] = symbol
        self.segments = create_output_segments(self.resolution, options)
        self.memory: Memory = lay_out_memory(self.resolution, self.segments, options, diagnostics)
        define_start_stop_symbols(self.resolution, self.segments, options)
        assert not diagnostics.entries
        for segment in self.segments:
            segment.in_file = not segment.is_bss
        self.positions: dict[OutputSegment, int] = {}
        self.module = bytearray(b"#" * 9)
        for segment in self.segments:
            if segment.in_file:
                self.module += b"header"
                self.positions[segment] = len(self.module)
                self.module += self.contents(segment)

    @staticmethod
    def contents(segment: OutputSegment) -> bytes:
        out = bytearray(segment.size)
        for chunk in segment.chunks:
            contents = chunk.contents if isinstance(chunk, MergedStrings) else chunk.contents()
            out[chunk.offset : chunk.offset + chunk.size] = contents
        return bytes(out)

    @property
    def addresses(self) -> list[tuple[bytes, Symbol | None, int]]:
        return linker_addresses(self.resolution, self.segments, self.memory)


def _options(pick: random.Random) -> LinkOptions:
    options = LinkOptions(inputs=[], output=None)
    options.data_order = pick.choice((DataOrder.INPUT, DataOrder.PACKED))
    options.merge_data_segments = pick.random() < 0.8
    options.optimize = pick.choice((0, 1, 2))
    options.stack_first = pick.choice((None, True, False))
    options.stack_size = 4096
    options.initial_heap = pick.choice((0, 1 << 16))
    return options


@pytest.mark.parametrize("seed", range(8))
def test_a_layout_from_columns_is_that_of_the_passes(seed: int) -> None:
    pick = random.Random(seed)
    laid_out = 0
    for _ in range(60):
        options = _options(pick)
        specs = [[_spec(pick) for _ in range(pick.randrange(6))] for _ in range(pick.randrange(1, 6))]
        changed = {ordinal for ordinal in range(len(specs)) if pick.random() < 0.4}
        edited = [
            _edited(pick, own) if ordinal in changed else [_with_other_references(pick, spec) for spec in own]
            for ordinal, own in enumerate(specs)
        ]
        asked = [name for name in ASKED if pick.random() < 0.5]
        last = Laid([_object(own) for own in specs], options, asked)
        locations = Locations(last.resolution.objects, last.addresses)
        in_order = {
            segment
            for segment in last.segments
            if options.data_order is DataOrder.PACKED and not keeps_input_order(segment, last.resolution, options)
        }
        packed = data_columns(last.segments, in_order, last.positions, locations, []).packed()
        columns = unpack_data(packed, len(last.module))
        files = {ordinal: _object(edited[ordinal]) for ordinal in changed}
        now = Laid([_object(own) for own in edited], options, asked)
        references = {}
        if options.data_order is DataOrder.PACKED:
            for ordinal, first in enumerate(columns.first_segments[:-1]):
                for index, (was, is_) in enumerate(zip(specs[ordinal], edited[ordinal])):
                    if ordinal not in changed and was[4] != is_[4]:
                        references[first + index] = is_[4] - was[4]
        bounded = [{s.name for s in laid.segments} & {b"array", b"other"} for laid in (last, now)]
        try:
            layout = DataLayout(columns, memoryview(last.module), options, files, references)
        except Unusable:
            assert bounded[0] != bounded[1]
            continue
        laid_out += 1
        assert [(o.segment.name, o.segment.address, o.segment.size, o.segment.alignment) for o in layout.outputs] == [
            (segment.name, segment.address, segment.size, segment.alignment) for segment in now.segments
        ]
        assert layout.memory.pages == now.memory.pages
        for name, symbol in now.resolution.layout_symbols.items():
            assert layout.linker[name] == symbol.value
        for ordinal, (file, before) in enumerate(zip(now.resolution.objects, last.resolution.objects)):
            for index, segment in enumerate(file.segments):
                if not segment.live:
                    continue
                starts = segment.pieces.starts if segment.pieces is not None else [0]
                expected = [segment.address(start) for start in starts]
                if ordinal in changed:
                    assert [files[ordinal].segments[index].address(start) for start in starts] == expected
                    continue
                old = before.segments[index]
                symbols = [Symbol(b"", SymbolKind.DATA, DEFINED, 0, before) for _ in starts]
                for symbol, start in zip(symbols, starts):
                    symbol.segment, symbol.value = old, start
                numbers = [locations.symbol(symbol) for symbol in symbols]
                assert [columns.addresses[n] + layout.shifts[n] for n in numbers] == expected
        for output, made in zip(layout.outputs, now.segments):
            if output.inputs is not None:
                contents = bytearray(made.size)
                for chunk, offset in output.chunks:
                    if isinstance(chunk, Strings):
                        contents[offset : offset + chunk.size] = chunk.contents
                    elif isinstance(chunk, int):
                        owner = next(i for i, n in enumerate(columns.first_segments) if n > chunk) - 1
                        old = last.resolution.objects[owner].segments[chunk - columns.first_segments[owner]]
                        contents[offset : offset + old.size] = old.contents()
                    else:
                        contents[offset : offset + chunk.size] = chunk.contents()
                assert bytes(contents) == now.contents(made)
    assert laid_out > 30


def _with_other_references(pick: random.Random, spec: Spec) -> Spec:
    return (*spec[:4], spec[4] + pick.choice((0, 0, 1))) if spec[4] else spec


def _edited(pick: random.Random, specs: list[Spec]) -> list[Spec]:
    out = [spec for spec in specs if pick.random() < 0.8]
    for _ in range(pick.randrange(3)):
        out.insert(pick.randrange(len(out) + 1), _spec(pick))
    return out
