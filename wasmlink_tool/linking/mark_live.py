"""Liveness: what can be reached from the link's roots through the relocations of what is live."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

from ..binary.constants import RelocationType as R
from ..binary.constants import SymbolFlag, SymbolKind
from ..binary.relocations import Relocations
from ..diagnostics import Diagnostics
from ..options import LinkOptions
from .chunks import InputSegment, LinkedFile, SyntheticFile
from .resolve import Resolution, encode_name
from .symbols import DEFINED, Symbol

TABLE_RELOCATIONS: Final = frozenset(
    (
        R.TABLE_INDEX_SLEB,
        R.TABLE_INDEX_I32,
        R.TABLE_INDEX_REL_SLEB,
        R.TABLE_INDEX_SLEB64,
        R.TABLE_INDEX_I64,
        R.TABLE_INDEX_REL_SLEB64,
    )
)
"""Those that take a function's address."""

_FUNCTION: Final = int(SymbolKind.FUNCTION)
_DATA: Final = int(SymbolKind.DATA)
_GLOBAL: Final = int(SymbolKind.GLOBAL)
_TAG: Final = int(SymbolKind.TAG)
_TABLE: Final = int(SymbolKind.TABLE)
_TYPE_INDEX: Final = bytes((R.TYPE_INDEX_LEB,))


def mark_live(resolution: Resolution, options: LinkOptions) -> None:
    """Set the live marks of functions, segments, globals, tags and tables."""
    marker = _Marker()
    if options.gc_sections:
        symbols = resolution.symbols
        if options.entry:
            entry = resolution.table.find(encode_name(options.entry))
            assert entry is not None
            marker.enqueue(entry)
        for symbol in symbols.values():
            if symbol.flags & SymbolFlag.NO_STRIP or is_exported(symbol, options):
                marker.enqueue(symbol)
        for root in (resolution.call_dtors, resolution.start):
            if root is not None:
                marker.enqueue(root)
        for file in resolution.objects:
            if file.live:
                marker.enqueue_implicit(file)
        marker.run()
    if not options.relocatable and (options.is_pic or _has_live_constructors(resolution)):
        resolution.synthetic.function_live[resolution.call_ctors.index] = True
        resolution.call_ctors.referenced = True
    if options.relocatable:
        _drop_nameless_tables(resolution)


def _drop_nameless_tables(resolution: Resolution) -> None:
    """A weak table that another one replaced has no symbol left, and no object may have such a table."""
    for file in resolution.objects:
        if file.tables:
            named = {
                symbol.index
                for symbol in file.symbols
                if symbol.kind == _TABLE and symbol.state == DEFINED and symbol.file is file
            }
            for index in range(len(file.tables)):
                file.table_live[index] &= index in named


def is_exported(symbol: Symbol, options: LinkOptions) -> bool:
    """Whether the output exports a symbol, provided that it is live."""
    if symbol.state != DEFINED or symbol.is_local:
        return False
    if options.shared and symbol.is_weak and not symbol.is_hidden and symbol.is_live:
        # It may be the definition that the dynamic linker chooses.
        return True
    if options.export_all or (options.export_dynamic and not symbol.is_hidden):
        return True
    return symbol.is_explicitly_exported


def _has_live_constructors(resolution: Resolution) -> bool:
    return any(
        not file.symbols[init.symbol].is_discarded and file.symbols[init.symbol].is_live
        for file in resolution.objects
        for init in file.object.init_functions
    )


class _Marker:
    def __init__(self) -> None:
        self._functions: list[tuple[LinkedFile, int]] = []
        self._segments: list[InputSegment] = []
        self._seen: dict[LinkedFile, set[int]] = {}
        """Per file, the symbol indices that were enqueued: most relocations name one that was."""
        self._code: dict[LinkedFile, tuple[list[int], Sequence[int], Relocations]] = {}
        self._data: dict[LinkedFile, tuple[Sequence[int], Relocations]] = {}

    def enqueue(self, symbol: Symbol) -> None:
        file = symbol.file
        symbol.referenced = True
        if symbol.state != DEFINED:
            return
        kind = symbol.kind
        if kind == _DATA:
            segment = symbol.segment
            if segment is None:
                return
            if segment.live:
                return
            segment.live = True
            self._segments.append(segment)
            file = segment.file
        elif file is None:
            return
        elif kind == _FUNCTION:
            index = symbol.index
            if file.function_live[index]:
                return
            file.function_live[index] = 1
            if not isinstance(file, SyntheticFile):
                self._functions.append((file, index))
        elif kind == _GLOBAL:
            file.global_live[symbol.index] = 1
        elif kind == _TAG:
            file.tag_live[symbol.index] = 1
        elif kind == _TABLE:
            file.table_live[symbol.index] = 1
        if not file.live:
            # The first live thing of an archive's member: from here on its constructors count.
            file.live = True
            self.enqueue_implicit(file)

    def enqueue_implicit(self, file: LinkedFile) -> None:
        """What nothing refers to and is wanted all the same: constructors and retained segments."""
        if isinstance(file, SyntheticFile):
            return
        for init in file.object.init_functions:
            symbol = file.symbols[init.symbol]
            if not symbol.is_discarded:
                self.enqueue(symbol)
        for segment in file.segments:
            if segment.is_retained and not segment.live:
                segment.live = True
                self._segments.append(segment)

    def run(self) -> None:
        functions, segments = self._functions, self._segments
        while functions or segments:
            while functions:
                self._visit_function(*functions.pop())
            while segments:
                self._visit_segment(segments.pop())

    def _visit_function(self, file: LinkedFile, index: int) -> None:
        entry = self._code.get(file)
        if entry is None:
            obj = file.object
            relocs = file.relocations(obj.code_section)
            offsets = relocs.offsets
            ranges = [bisect_left(offsets, start) for start in obj.function_offsets]
            entry = self._code[file] = ranges, _targets(relocs), relocs
        ranges, targets, relocs = entry
        start, stop = ranges[index], ranges[index + 1]
        if start != stop:
            self._visit(file, targets, relocs, start, stop)

    def _visit_segment(self, segment: InputSegment) -> None:
        file = segment.file
        entry = self._data.get(file)
        if entry is None:
            obj = file.object
            relocs = file.relocations(obj.data_section)
            entry = self._data[file] = _targets(relocs), relocs
        targets, relocs = entry
        if targets:
            obj = file.object
            offset = obj.segments[segment.index].offset
            start = bisect_left(relocs.offsets, offset)
            stop = bisect_left(relocs.offsets, offset + segment.size, start)
            self._visit(file, targets, relocs, start, stop)

    def _visit(self, file: LinkedFile, targets: Sequence[int], relocs: Relocations, start: int, stop: int) -> None:
        seen = self._seen.get(file)
        if seen is None:
            # -1 stands for the relocations that name a type.
            seen = self._seen[file] = {-1}
        found = set(targets[start:stop])
        found -= seen
        if not found:
            return
        symbols = file.symbols
        for index in sorted(found):
            symbol = symbols[index]
            if symbol.is_stub and not any(
                relocs.indices[i] == index and relocs.types[i] not in TABLE_RELOCATIONS for i in range(start, stop)
            ):
                # Its address is null and needs no body; a call does.
                continue
            seen.add(index)
            self.enqueue(symbol)


def _targets(relocs: Relocations) -> Sequence[int]:
    """Symbol indices, -1 where a relocation names a type instead."""
    if _TYPE_INDEX not in relocs.types:
        return relocs.indices
    type_index = R.TYPE_INDEX_LEB.value
    return [-1 if type_ == type_index else index for type_, index in zip(relocs.types, relocs.indices)]


def report_removed(resolution: Resolution, diagnostics: Diagnostics) -> None:
    """``--print-gc-sections``."""
    message = diagnostics.message

    def report(file: LinkedFile, name: bytes) -> None:
        message(f"removing unused section {file.name}:({name.decode('utf-8', 'backslashreplace')})")

    def report_file(file: LinkedFile) -> None:
        for i, live in enumerate(bytes(file.function_live)):
            if not live:
                report(file, file.function_names[i])
        for segment in file.segments:
            if not segment.live:
                report(file, segment.name)
        for i, live in enumerate(bytes(file.global_live)):
            if not live:
                report(file, file.globals[i].name)
        for i, live in enumerate(bytes(file.tag_live)):
            if not live:
                report(file, file.tags[i][0])
        for i, live in enumerate(bytes(file.table_live)):
            if not live:
                report(file, file.tables[i].name)

    for obj in resolution.objects:
        report_file(obj)
    report_file(resolution.synthetic)
