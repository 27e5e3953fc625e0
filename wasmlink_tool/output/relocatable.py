"""Write the linking section and the relocation sections of relocatable output (Linking.md)."""

from __future__ import annotations

from itertools import chain

from ..binary.constants import (
    LINKING_VERSION,
    ComdatKind,
    LinkingSubsection,
    SectionId,
    SymbolFlag,
    SymbolKind,
)
from ..binary.leb128 import sleb, uleb
from ..binary.relocation_types import FUNCTION_OFFSETS, WITH_ADDEND
from ..binary.relocation_types import RelocationType as R
from ..binary.relocations import Relocations
from ..linking.chunks import InputSegment, ObjectInput
from ..linking.code_metadata import CodeMetadata
from ..linking.compress.body_places import places_in_body
from ..linking.live_relocations import live_function_runs
from ..linking.plan import Plan
from ..linking.relocate import relocations_in, segment_relocations
from ..linking.relocation_values import body_start, compressed_body_start, drops_folded
from ..linking.symbols import DEFINED, UNDEFINED, Symbol
from .custom import CustomSection
from .encoding import OutputSection, custom_section, long_vector, name, vector
from .sections import data_ranges

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class SymbolIndices:
    """The symbol table of the output: global symbols, local ones, then one for each custom section."""

    def __init__(self, plan: Plan, sections: Iterable[tuple[bytes, int]]) -> None:
        """``sections`` are the custom sections' names and their indices in the output."""
        self.symbols = [s for s in plan.resolution.symbols.values() if s.used and _is_written(s)]
        numbers = {symbol: number for number, symbol in enumerate(self.symbols)}
        for file in plan.resolution.objects:
            # If functions disagree about their type, only one has the name.
            own = [
                s
                for s in file.symbols
                if (s.is_local or (s.file is file and s not in numbers and s.state == DEFINED))
                and s.kind != SymbolKind.SECTION
                and s.is_live
            ]
            numbers.update(zip(own, range(len(self.symbols), len(self.symbols) + len(own))))
            self.symbols += own
        self._numbers = numbers
        self.sections: list[int] = []
        self._section_numbers: dict[bytes, int] = {}
        for section_name, index in sections:
            self._section_numbers[section_name] = len(self.symbols) + len(self.sections)
            self.sections.append(index)

    def number(self, symbol: Symbol) -> int:
        if symbol.kind == SymbolKind.SECTION:
            return self._section_numbers.get(symbol.name, 0)
        return self._numbers.get(symbol, 0)


def _is_written(symbol: Symbol) -> bool:
    return symbol.is_live and symbol.state in (DEFINED, UNDEFINED)


def linking_section(plan: Plan, indices: SymbolIndices) -> OutputSection:
    """Return the symbol table, segment info, init functions and COMDAT groups."""
    local = uleb(SymbolFlag.BINDING_LOCAL)
    sections = (bytes([SymbolKind.SECTION]) + local + uleb(index) for index in indices.sections)
    contents = uleb(LINKING_VERSION)
    if indices.symbols or indices.sections:
        entries = chain(map(_symbol_entry, indices.symbols), sections)
        contents += _subsection(LinkingSubsection.SYMBOL_TABLE, long_vector(entries))
    segments = [segment for segment in plan.segments if segment.in_file]
    if segments:
        info = long_vector(name(s.name) + uleb(s.alignment) + uleb(s.linking_flags) for s in segments)
        contents += _subsection(LinkingSubsection.SEGMENT_INFO, info)
    if plan.init_functions:
        constructors = zip(plan.init_functions.priorities, plan.init_functions.symbols)
        functions = vector(uleb(priority) + uleb(indices.number(symbol)) for priority, symbol in constructors)
        contents += _subsection(LinkingSubsection.INIT_FUNCS, functions)
    comdats = _comdats(plan)
    if comdats:
        groups = vector(
            name(group) + uleb(0) + vector(bytes([kind]) + uleb(index) for kind, index in members)
            for group, members in sorted(comdats.items())
        )
        contents += _subsection(LinkingSubsection.COMDAT_INFO, groups)
    return custom_section(b"linking", contents)


def _subsection(kind: int, contents: bytes) -> bytes:
    return bytes([kind]) + uleb(len(contents)) + contents


def _symbol_entry(symbol: Symbol) -> bytes:
    head = bytes([symbol.kind]) + uleb(symbol.flags)
    if symbol.kind == SymbolKind.DATA:
        head += name(symbol.name)
        if symbol.state != DEFINED:
            return head
        if symbol.segment is None:
            return head + uleb(0) + uleb(symbol.value) + uleb(symbol.size)
        assert symbol.segment.output is not None
        place = uleb(symbol.segment.output.index) + uleb(symbol.segment.output_offset(symbol.value))
        return head + place + uleb(symbol.size)
    if symbol.kind == SymbolKind.FUNCTION:
        index = symbol.function_number
    elif symbol.kind == SymbolKind.GLOBAL:
        index = symbol.global_number
    elif symbol.kind == SymbolKind.TAG:
        index = symbol.tag_number
    else:
        index = symbol.table_number
    head += uleb(index & 0xFFFFFFFF)
    if symbol.state != DEFINED and not symbol.flags & SymbolFlag.EXPLICIT_NAME:
        return head
    if symbol.is_stub and symbol.file is not None:
        # It is no longer the function its name says.
        return head + name(symbol.file.function_debug_names[symbol.index])
    return head + name(symbol.name)


def _comdats(plan: Plan) -> dict[bytes, list[tuple[int, int]]]:
    groups: dict[bytes, list[tuple[int, int]]] = {}
    for file in plan.resolution.objects:
        for index, group in file.function_comdats.items():
            if file.function_live[index]:
                groups.setdefault(group, []).append((ComdatKind.FUNCTION, file.function_numbers[index]))
    for segment in plan.segments:
        if segment.inputs and segment.inputs[0].comdat:
            groups.setdefault(segment.inputs[0].comdat, []).append((ComdatKind.DATA, segment.index))
    return groups


# Relocation sections


def relocation_sections(
    plan: Plan, sections: list[OutputSection], custom: list[CustomSection], indices: SymbolIndices
) -> Iterator[OutputSection]:
    """Return the relocation sections, in the order of the sections that they apply to."""
    # By number: sections that are kept apart share a name.
    by_name: dict[bytes, list[CustomSection]] = {}
    for merged in custom:
        by_name.setdefault(merged.name, []).append(merged)
    for number, section in enumerate(sections):
        if section.id == SectionId.CODE:
            entries, what = long_vector(_code_entries(plan, indices)), b"CODE"
        elif section.id == SectionId.DATA:
            entries, what = long_vector(_data_entries(plan, indices)), b"DATA"
        elif section.id == SectionId.CUSTOM and by_name.get(section.name):
            # The name may be empty, like that of sections without a name.
            entries, what = long_vector(_custom_entries(by_name[section.name].pop(0), indices)), section.name
        else:
            continue
        if len(entries) > 1:
            yield custom_section(b"reloc." + what, uleb(number), entries)


def _entries(
    file: ObjectInput, relocs: Relocations, shift: int, indices: SymbolIndices, *, keeps_folded: bool = True
) -> Iterator[bytes]:
    """Yield the entries of relocations whose offsets change by ``shift`` bytes.

    :param keeps_folded: whether places in folded functions are those of the functions that replace them.
    """
    for type_, offset, index, addend in zip(relocs.types, relocs.offsets, relocs.indices, relocs.addends):
        if type_ == R.TYPE_INDEX_LEB:
            target = file.type_numbers.get(index, 0)
        else:
            symbol = file.symbols[index]
            live = symbol.is_live if symbol.kind != SymbolKind.SECTION else not file.gc_sections
            if not live or (not keeps_folded and symbol.folded_from is not None and type_ in FUNCTION_OFFSETS):
                # Only debug information names what was removed; its tombstones are final.
                continue
            target = indices.number(symbol)
            if type_ == R.SECTION_OFFSET_I32 and symbol.section is not None:
                addend = symbol.section.output_offset(addend)
        entry = bytes([type_]) + uleb(offset + shift) + uleb(target)
        yield entry + sleb(addend) if type_ in WITH_ADDEND else entry


def _code_entries(plan: Plan, indices: SymbolIndices) -> Iterator[bytes]:
    for file in plan.resolution.objects:
        obj = file.object
        if obj.code_section < 0:
            continue
        relocs = file.relocations(obj.code_section)
        starts = obj.function_offsets
        if file.compressed:
            for index in file.compressed:
                inside = relocations_in(relocs, [(starts[index], starts[index + 1])])
                start = body_start(file, index)
                places = places_in_body(file, index)
                offsets = [places.place(offset - start) for offset in inside.offsets]
                inside = Relocations(inside.types, offsets, inside.indices, inside.addends)
                shift = file.function_offsets[index] + compressed_body_start(file, index)
                yield from _entries(file, inside, shift, indices)
            continue
        for first, after in live_function_runs(file):
            shift = file.function_offsets[first] - starts[first]
            yield from _entries(file, relocations_in(relocs, [(starts[first], starts[after])]), shift, indices)


def _data_entries(plan: Plan, indices: SymbolIndices) -> Iterator[bytes]:
    # Where relocations are kept, each segment is in the file as a whole.
    for part in data_ranges(plan):
        for chunk in part.segment.chunks:
            if isinstance(chunk, InputSegment):
                file = chunk.file
                assert isinstance(file, ObjectInput)
                start = file.object.segments.offsets[chunk.index]
                relocs = segment_relocations(chunk)
                yield from _entries(file, relocs, part.position + chunk.offset - start, indices)


def _custom_entries(section: CustomSection, indices: SymbolIndices) -> Iterator[bytes]:
    metadata = section.chunks[0]
    if isinstance(metadata, CodeMetadata):
        for offset, symbol in metadata.references:
            yield bytes([R.FUNCTION_INDEX_LEB]) + uleb(offset) + uleb(indices.number(symbol))
        return
    for chunk in section.inputs:
        file = chunk.file
        assert isinstance(file, ObjectInput)
        keeps_folded = not drops_folded(section.name)
        yield from _entries(file, file.relocations(chunk.index), chunk.offset, indices, keeps_folded=keeps_folded)
