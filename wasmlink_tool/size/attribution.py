"""Assign each byte of a linked module to a part, with the link's knowledge from before names are stripped.

The spans come from the module's bytes; the plan maps them to functions, segments and objects. A function owns the bytes
of its body and its type, its names, its exports and its table entries; so do globals and imports. Within a data segment
bytes belong to the symbol that begins first, and among those that begin together to the longest; merged strings belong
to the first object that has them.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from itertools import accumulate
from typing import Final

from ..binary.constants import ExternalKind, SectionId, SymbolFlag, SymbolKind
from ..binary.reader import FormatError
from ..binary.relocation_types import ENCODING, FIXED, SIGNED, WIDTH
from ..linking import code_metadata
from ..linking.chunks import InputSection, InputSegment, LinkedFile, ObjectInput
from ..linking.describe import signature
from ..linking.merged_strings import MergedStrings
from ..linking.output_segments import OutputSegment
from ..linking.plan import Plan
from ..output.sections import DataRange, data_ranges
from .module_spans import HEADER, Import, ModuleSpans, SectionSpans, SpanKind
from .reference_graph import NOTHING, ReferenceGraph
from .relocation_shares import entries, places_in_code, places_in_custom, places_in_data
from .size_report import Part

_UNDEFINED_OR_ABSOLUTE: Final = SymbolFlag.UNDEFINED | SymbolFlag.ABSOLUTE
_DEBUG_PREFIX: Final = b".debug_"
_RELOCATIONS_PREFIX: Final = b"reloc."


class Attribution:
    """The parts of a module, each with its node in the graph and its file."""

    def __init__(self, plan: Plan, graph: ReferenceGraph, data: bytes, spans: ModuleSpans) -> None:
        self._plan = plan
        self._graph = graph
        self._data = data
        self._spans = spans
        self.parts: list[Part] = []
        self.nodes: list[int] = []
        """For each part, its node; :data:`NOTHING` if it has none."""
        self.files: list[LinkedFile | None] = []
        self.numbers: list[int] = []
        """For each part, the index of the function in its file; -1 for anything but functions."""
        self.part_of_node: dict[int, int] = {}
        """The first part of each node."""
        self._named: dict[tuple[str, str], Part] = {}
        self._shown = plan.resolution.table.names.text
        self._functions: list[Part] = []
        self._globals: list[Part] = []
        self._imports: list[Part] = []
        self._others: dict[tuple[int, int], Part] = {}
        self._data_symbols: dict[LinkedFile, dict[int, list[tuple[int, int, bytes]]]] = {}
        self._debug_parts: dict[tuple[LinkedFile, str], Part] = {}
        self._make_entities()
        self._add(self._overhead(HEADER), HEADER, 8)
        for section in spans.sections:
            self._attribute(section)
        self._count_padded_numbers()
        self._drop_empty()

    # Parts

    def _part(self, kind: str, name: str, symbol: bytes, file: LinkedFile | None, node: int = NOTHING) -> Part:
        part = Part(kind, name, symbol.decode("utf-8", "backslashreplace"))
        if node != NOTHING:
            self.part_of_node.setdefault(node, len(self.parts))
        self.parts.append(part)
        self.nodes.append(node)
        self.files.append(file if isinstance(file, ObjectInput) else None)
        self.numbers.append(-1)
        return part

    def _overhead(self, name: str, kind: str = "overhead") -> Part:
        part = self._named.get((kind, name))
        if part is None:
            part = self._named[kind, name] = self._part(kind, name, b"", None)
        return part

    @staticmethod
    def _add(part: Part, section: str, size: int) -> None:
        part.sizes[section] = part.sizes.get(section, 0) + size

    def _make_entities(self) -> None:
        """Create the parts of numbered entities, in the order of their numbers."""
        graph, names = self._graph, self._spans.function_names
        imported: dict[int, list[Part]] = {kind: [] for kind in (0, 1, 2, 3, 4)}
        for entry in self._spans.imports:
            part = self._import(entry)
            self._imports.append(part)
            imported[entry.kind].append(part)
        self._functions = imported[ExternalKind.FUNCTION]
        self._globals = imported[ExternalKind.GLOBAL]
        number = len(self._functions)
        for file, start, stop in self._plan.spaces.function_runs():
            own, debug = file.function_names, file.function_debug_names
            first = graph.function(file, 0)
            for i in range(start, stop):
                raw = own[i] or debug.get(i, b"")
                # The name section has been demangled already.
                shown = names.get(number)
                if shown is not None:
                    name = shown.decode("utf-8", "backslashreplace")
                else:
                    name = self._shown(raw) if raw else f"function {number}"
                self._functions.append(self._part("function", name, raw, file, first + i))
                self.numbers[-1] = i
                number += 1
        for file in self._plan.spaces.files:
            for i, (raw, live) in enumerate(zip(file.global_names, bytes(file.global_live))):
                if live:
                    name = self._shown(raw) if raw else f"global {len(self._globals)}"
                    self._globals.append(self._part("global", name, raw, file, graph.global_(file, i)))
        for symbol in (*self._plan.spaces.got, *self._plan.address_globals):
            # The address of an entity is a part of it.
            node = graph.node(symbol)
            index = self.part_of_node.get(node) if node != NOTHING else None
            if index is not None:
                self._globals.append(self.parts[index])
            else:
                file_of = symbol.segment.file if symbol.segment is not None else symbol.file
                name = f"address of {self._shown(symbol.name)}"
                self._globals.append(self._part("global", name, symbol.name, file_of))
        tables = [self._part("table", self._shown(f.table_names[i]), f.table_names[i], f, graph.table(f, i))
                  for f, i in self._plan.spaces.tables()]  # fmt: skip
        tags = [
            self._part("tag", self._shown(name), name, file, graph.tag(file, i))
            for file in self._plan.spaces.files
            for i, (name, live) in enumerate(zip(file.tag_names, bytes(file.tag_live)))
            if live
        ]
        memory = self._part("memory", "memory", b"", None)
        for kind, parts in ((ExternalKind.TABLE, imported[1] + tables), (ExternalKind.TAG, imported[4] + tags)):
            for index, part in enumerate(parts):
                self._others[kind, index] = part
        self._others[ExternalKind.MEMORY, 0] = imported[2][0] if imported[2] else memory

    def _import(self, entry: Import) -> Part:
        node = self._graph.imported(entry.kind, entry.number)
        name = b"%b.%b" % (entry.module, entry.name)
        return self._part("import", name.decode("utf-8", "backslashreplace"), name, None, node)

    def _entity(self, kind: int, number: int) -> Part:
        if kind == ExternalKind.FUNCTION and number < len(self._functions):
            return self._functions[number]
        if kind == ExternalKind.GLOBAL and number < len(self._globals):
            return self._globals[number]
        return self._others.get((kind, number)) or self._overhead("other")

    # Spans

    def _attribute(self, section: SectionSpans) -> None:
        label = section.label
        previous = section.start
        functions = self._functions
        for end, kind, index in section.spans:
            size = end - previous
            if kind in _OF_FUNCTION and 0 <= index < len(functions):
                sizes = functions[index].sizes
                sizes[label] = sizes.get(label, 0) + size
            elif kind == SpanKind.SEGMENT:
                for part, share in self._shares_of_segment(index):
                    self._add(part, label, share)
            elif kind == SpanKind.CUSTOM:
                self._attribute_custom(section, label)
            else:
                self._add(self._owner(kind, index, label), label, size)
            previous = end

    def _owner(self, kind: int, index: int, label: str) -> Part:
        if kind == SpanKind.SECTION_HEADER:
            return self._overhead("section headers")
        if kind == SpanKind.IMPORT:
            return self._imports[index]
        if kind == SpanKind.EXPORT:
            export = self._spans.exports[index]
            return self._entity(export.kind, export.number)
        if kind in (SpanKind.GLOBAL, SpanKind.GLOBAL_NAME):
            return self._entity(ExternalKind.GLOBAL, index)
        if kind in _OTHER_SPACES:
            return self._entity(_OTHER_SPACES[SpanKind(kind)], index)
        if kind == SpanKind.TYPE:
            return self._types[index]
        if kind in (SpanKind.SEGMENT_HEADER, SpanKind.SEGMENT_NAME):
            return self._overhead("segment headers and names")
        if kind == SpanKind.OTHER_NAME:
            return self._overhead("name section")
        return self._overhead("counts")

    @cached_property
    def _types(self) -> list[Part]:
        return [self._part("type", signature(encoded), b"", None) for encoded in self._plan.spaces.types]

    # Data

    def _shares_of_segment(self, index: int) -> Iterator[tuple[Part, int]]:
        part = self._data_ranges[index]
        at = 0
        for owner, size in self._shares_of_output(part.segment):
            # Of a segment without its zeros, what is in the file.
            first, at = max(at, part.start), at + size
            if first < min(at, part.end):
                yield owner, min(at, part.end) - first

    @cached_property
    def _data_ranges(self) -> list[DataRange]:
        return list(data_ranges(self._plan))

    def _shares_of_output(self, segment: OutputSegment) -> Iterator[tuple[Part, int]]:
        position = 0
        for chunk in segment.chunks:
            if not chunk.size:
                continue
            if chunk.offset > position:
                yield self._padding(segment), chunk.offset - position
            if isinstance(chunk, MergedStrings):
                yield from self._shares_of_strings(chunk)
            else:
                yield from self._shares_of_input(chunk)
            position = chunk.offset + chunk.size
        if segment.size > position:
            yield self._padding(segment), segment.size - position

    def _padding(self, segment: OutputSegment) -> Part:
        return self._overhead(f"padding in {segment.name.decode('utf-8', 'backslashreplace')}", "padding")

    def _shares_of_strings(self, strings: MergedStrings) -> Iterator[tuple[Part, int]]:
        members = [member for member in strings.members if isinstance(member, InputSegment) and member.pieces]
        shares = string_shares([list(m.pieces.offsets) for m in members if m.pieces], strings.contents)
        left = strings.size
        for member, size in zip(members, shares):
            left -= size
            if size:
                symbols = self._symbols_of(member.file).get(member.index, [])
                yield self._data_part(member, symbols[0][2] if len(symbols) == 1 else member.name), size
        if left:
            yield self._overhead("strings"), left

    def _shares_of_input(self, chunk: InputSegment) -> Iterator[tuple[Part, int]]:
        symbols = self._symbols_of(chunk.file).get(chunk.index, ())
        position = 0
        for offset, negated, name in symbols:
            end = min(offset - negated, chunk.size)
            if end <= position:
                continue
            if offset > position:
                yield self._data_part(chunk, chunk.name), offset - position
                position = offset
            yield self._data_part(chunk, name), end - position
            position = end
        if position < chunk.size:
            yield self._data_part(chunk, chunk.name), chunk.size - position

    def _data_part(self, chunk: InputSegment, name: bytes) -> Part:
        return self._part("data", self._shown(name), name, chunk.file, self._graph.segment(chunk.file, chunk.index))

    def _symbols_of(self, file: LinkedFile) -> dict[int, list[tuple[int, int, bytes]]]:
        """Return the data symbols of each segment of a file: offset, negated size and name, sorted."""
        found = self._data_symbols.get(file)
        if found is None:
            found = self._data_symbols[file] = {}
            for kind, flags, name, index, offset, size in file.object.symbols:
                if kind == SymbolKind.DATA and size and not flags & _UNDEFINED_OR_ABSOLUTE:
                    found.setdefault(index, []).append((offset, -size, name))
            for symbols in found.values():
                if len(symbols) > 1:
                    symbols.sort()
        return found

    # Custom sections

    def _attribute_custom(self, section: SectionSpans, label: str) -> None:
        if section.name.startswith(_RELOCATIONS_PREFIX) and self._attribute_relocations(section, label):
            return
        inputs = self._custom_inputs.get(section.name)
        if inputs is None or section.name.startswith(code_metadata.PREFIX):
            self._add(self._overhead(label, "custom"), label, section.end - section.contents)
            return
        kind = "debug" if section.name.startswith(_DEBUG_PREFIX) else "custom"
        left = section.end - section.contents
        for file, size in self._shares_of_custom(section, inputs):
            left -= size
            if size:
                self._add(self._custom_part(kind, label, file), label, size)
        if left:
            self._add(self._overhead(label, kind), label, left)

    def _attribute_relocations(self, section: SectionSpans, label: str) -> bool:
        """Assign each entry to the function or object that it applies to; return whether the entries could be read."""
        target = section.name.removeprefix(_RELOCATIONS_PREFIX)
        code = self._spans.section(SectionId.CODE)
        if target == b"CODE" and code is not None:
            places = places_in_code(code)
        elif target == b"DATA":
            places = places_in_data(self._plan)
        else:
            places = places_in_custom(self._custom_inputs.get(target, []))
        try:
            found = list(entries(self._data, section))
        except FormatError:
            return False
        for offset, size in found:
            owner = places.find(offset) if offset >= 0 else None
            if isinstance(owner, int):
                self._add(self._functions[owner], label, size)
            elif owner is not None:
                self._add(self._custom_part("relocations", label, owner), label, size)
            else:
                self._add(self._overhead("counts"), label, size)
        left = section.end - section.contents - sum(size for _, size in found)
        if left:
            self._add(self._overhead("counts"), label, left)
        return True

    def _shares_of_custom(self, section: SectionSpans, inputs: list[InputSection]) -> Iterator[tuple[LinkedFile, int]]:
        merged = [chunk for chunk in inputs if chunk.pieces is not None]
        for chunk in inputs:
            if chunk.pieces is None:
                yield chunk.file, chunk.size
        if merged:
            start = section.contents + merged[0].offset
            shares = string_shares(
                [list(chunk.pieces.offsets) for chunk in merged if chunk.pieces], self._data[start : section.end]
            )
            yield from zip([chunk.file for chunk in merged], shares)

    @cached_property
    def _custom_inputs(self) -> dict[bytes, list[InputSection]]:
        found: dict[bytes, list[InputSection]] = {}
        for file in self._plan.resolution.objects:
            for chunk in file.custom_sections.values():
                if not chunk.discarded and chunk.size:
                    found.setdefault(chunk.name, []).append(chunk)
        return found

    def _custom_part(self, kind: str, label: str, file: LinkedFile) -> Part:
        part = self._debug_parts.get((file, label))
        if part is None:
            part = self._debug_parts[file, label] = self._part(kind, label, b"", file)
        return part

    # Encoding

    def _count_padded_numbers(self) -> None:
        """Count the padding of relocated numbers: they take five or ten bytes in objects, so that any value fits, and
        few values need them."""
        code = self._spans.section(SectionId.CODE)
        if code is None:
            return
        data, unsigned, signed = self._data, _Waste(signed=False), _Waste(signed=True)
        runs: dict[LinkedFile, list[tuple[int, int]]] = {}
        for owner, start, stop in self._plan.spaces.function_runs():
            runs.setdefault(owner, []).append((start, stop))
        for file in self._plan.resolution.objects:
            relocs, ranges = self._graph.code_relocations(file)
            if not ranges or file.compressed:
                continue
            types, offsets = relocs.types, relocs.offsets
            present = set(types)
            tables = {t: signed if t in SIGNED else unsigned for t in present}
            widths = {t: WIDTH[t] if ENCODING[t] != FIXED else 0 for t in present}
            starts = file.object.function_offsets
            for start, stop in runs.get(file, ()):
                first, after = ranges[start], ranges[stop]
                shift = code.contents + file.function_offsets[start] - starts[start]
                wasted = [
                    tables[type_][data[offset + shift : offset + shift + widths[type_]]]
                    for type_, offset in zip(types[first:after], offsets[first:after])
                ]
                sums = list(accumulate(wasted, initial=0))
                number = file.function_numbers[start]
                for i in range(start, stop):
                    self._functions[number].overhead = sums[ranges[i + 1] - first] - sums[ranges[i] - first]
                    number += 1

    def _drop_empty(self) -> None:
        """Drop parts without bytes, such as imports that share another one's entry."""
        kept = [i for i, part in enumerate(self.parts) if part.sizes]
        self.parts = [self.parts[i] for i in kept]
        self.nodes = [self.nodes[i] for i in kept]
        self.files = [self.files[i] for i in kept]
        self.numbers = [self.numbers[i] for i in kept]
        self.part_of_node = {}
        for i, node in enumerate(self.nodes):
            if node != NOTHING:
                self.part_of_node.setdefault(node, i)


def string_shares(members: list[list[int]], contents: bytes | bytearray) -> list[int]:
    """Return how many bytes of merged strings each of ``members`` has, which are the offsets of its strings.

    A string counts for the first member that has all of it. A tail of a longer string takes no bytes of its own.
    """
    sizes = [len(string) + 1 for string in contents.split(b"\0")]
    # Nothing follows the last zero.
    sizes.pop()
    size_at = dict(zip(accumulate(sizes, initial=0), sizes))
    shares = []
    for offsets in members:
        # Strings at the same offset are the same string.
        shares.append(sum([size_at.pop(offset, 0) for offset in dict.fromkeys(offsets)]))
    return shares


class _Waste(dict[bytes, int]):
    """Maps a LEB128 number to the bytes that its shortest encoding would save."""

    def __init__(self, *, signed: bool) -> None:
        super().__init__({b"": 0})
        self._signed = signed

    def __missing__(self, encoded: bytes) -> int:
        size = len(encoded)
        while size > 1:
            last, before = encoded[size - 1] & 0x7F, encoded[size - 2]
            redundant = last == 0 and not (self._signed and before & 0x40)
            if not redundant and not (self._signed and last == 0x7F and before & 0x40):
                break
            size -= 1
        saved = self[encoded] = len(encoded) - size
        return saved


_OF_FUNCTION: Final = frozenset(
    (
        SpanKind.DECLARATION,
        SpanKind.CODE,
        SpanKind.FUNCTION_NAME,
        SpanKind.LOCAL_NAMES,
        SpanKind.ELEMENT,
        SpanKind.START,
    )
)
_OTHER_SPACES: Final = {
    SpanKind.TABLE: ExternalKind.TABLE,
    SpanKind.MEMORY: ExternalKind.MEMORY,
    SpanKind.TAG: ExternalKind.TAG,
}
