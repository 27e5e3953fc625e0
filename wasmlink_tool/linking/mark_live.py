"""Liveness: mark what can be reached from the link's roots.

Here is how it works. The unit is a chunk: a function, a data segment, a global, a tag or a table. The roots are the
entry point, exported symbols, symbols marked no-strip, the functions that the linker calls, and, for each file that is
part of the program, its constructors and retained segments. A file is part of the program if it was named on the
command line; an archive's member becomes part of it when its first chunk is marked.

A marked chunk marks the targets of its relocations. Chunks are not visited one by one: each file collects the
functions and segments that became live, and when its turn comes, one set has the symbols that all of them refer to.
Most symbols of a file are referred to many times, and most references are to the file itself, so that both cost little.

A function that traps when it is called and whose address is null (a weak undefined one, say) is live only if it is
called: an address alone needs no body. Custom sections mark nothing: debug information describes what is live and keeps
nothing alive. Without ``--gc-sections`` every mark is set from the beginning and the roots are not walked.
"""

from __future__ import annotations

from ..binary.constants import SymbolFlag, SymbolKind
from ..binary.relocation_types import TABLE_INDICES
from ..binary.relocation_types import RelocationType as R
from ..binary.relocations import Relocations
from ..diagnostics import Diagnostics
from ..options import LinkOptions
from .chunks import LinkedFile
from .export_rules import exported_symbols
from .resolution import Resolution
from .symbol_names import encode_name
from .symbols import DEFINED, Symbol
from .synthetic_file import SyntheticFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_FUNCTION: Final = SymbolKind.FUNCTION
_DATA: Final = SymbolKind.DATA
_GLOBAL: Final = SymbolKind.GLOBAL
_TAG: Final = SymbolKind.TAG
_TABLE: Final = SymbolKind.TABLE
_NO_STRIP: Final = SymbolFlag.NO_STRIP
_TYPE_INDEX: Final = bytes((R.TYPE_INDEX_LEB,))


def mark_live(resolution: Resolution, options: LinkOptions) -> None:
    """Set the live marks of functions, segments, globals, tags and tables."""
    marker = _Marker()
    if options.gc_sections:
        symbols = resolution.symbols
        roots = resolution.roots
        if options.entry:
            entry = resolution.table.find(encode_name(options.entry))
            assert entry is not None
            roots.append(entry)
        roots += [symbol for symbol in symbols.values() if symbol.flags & _NO_STRIP]
        roots += exported_symbols(resolution, options)
        roots += [root for root in (resolution.call_dtors, resolution.start) if root is not None]
        for symbol in roots:
            marker.enqueue(symbol)
        for file in resolution.objects:
            if file.live:
                marker.enqueue_implicit(file)
        marker.run()
        if resolution.set_tls_base is not None and _has_live_tls(resolution):
            # Synthetic code initialises it.
            for root in (resolution.set_tls_base, resolution.get_tls_base):
                if root is not None:
                    marker.enqueue(root)
            marker.run()
    if not options.relocatable and (options.is_pic or _has_live_constructors(resolution)):
        resolution.synthetic.function_live[resolution.call_ctors.index] = True
        resolution.call_ctors.referenced = True
    if options.relocatable:
        _drop_nameless_tables(resolution)


def _drop_nameless_tables(resolution: Resolution) -> None:
    """Drop weak tables that another table replaced: they have no symbol, which every table of an object must have."""
    for file in resolution.objects:
        if file.tables:
            named = {
                symbol.index
                for symbol in file.symbols
                if symbol.kind == _TABLE and symbol.state == DEFINED and symbol.file is file
            }
            for index in range(len(file.tables)):
                file.table_live[index] &= index in named


def _has_live_tls(resolution: Resolution) -> bool:
    return any(segment.live and segment.is_tls for file in resolution.objects for segment in file.segments)


def _has_live_constructors(resolution: Resolution) -> bool:
    return any(
        not file.symbols[init.symbol].is_discarded and file.symbols[init.symbol].is_live
        for file in resolution.objects
        for init in file.object.init_functions
    )


class _Pending:
    """The chunks of one object that are live but not scanned yet; they are scanned in batches."""

    __slots__ = ("code", "data", "file", "functions", "seen", "segments")

    def __init__(self, file: LinkedFile) -> None:
        self.file = file
        self.functions: list[int] = []
        self.segments: list[int] = []
        self.code: _Targets | None = None
        self.data: _Targets | None = None
        self.seen = {-1}
        """The symbol indices that were enqueued: most relocations name one of them. -1 stands for types."""


class _Targets:
    """The symbol indices that the relocations of a section name, -1 for a type; those of function or segment ``i`` are
    from ``ranges[i]`` to ``ranges[i + 1]``."""

    __slots__ = ("indices", "ranges", "relocs")

    def __init__(self, file: LinkedFile, section: int) -> None:
        relocs = file.relocations(section)
        self.relocs: Relocations = relocs
        self.ranges = file.object.relocation_ranges(section)
        self.indices = relocs.indices
        if _TYPE_INDEX in relocs.types:
            # Few relocations name a type.
            self.indices = indices = list(relocs.indices)
            find = relocs.types.find
            place = find(_TYPE_INDEX)
            while place >= 0:
                indices[place] = -1
                place = find(_TYPE_INDEX, place + 1)

    def has_any(self, chunk: int) -> bool:
        return self.ranges[chunk] != self.ranges[chunk + 1]

    def collect(self, chunks: list[int], found: set[int]) -> None:
        """Add the targets of the chunks' relocations."""
        ranges, indices = self.ranges, self.indices
        if indices:
            for chunk in chunks:
                found.update(indices[ranges[chunk] : ranges[chunk + 1]])

    def called(self, chunks: list[int]) -> set[int]:
        """Return the targets of which a relocation of the chunks does more than take a function's address."""
        types, indices, ranges = self.relocs.types, self.indices, self.ranges
        return {
            indices[i]
            for chunk in chunks
            for i in range(ranges[chunk], ranges[chunk + 1])
            if types[i] not in TABLE_INDICES
        }


class _Marker:
    def __init__(self) -> None:
        self._files: dict[LinkedFile, _Pending] = {}
        self._pending: list[_Pending] = []

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
            file = segment.file
            self._pending_of(file).segments.append(segment.index)
        elif file is None:
            return
        elif kind == _FUNCTION:
            index = symbol.index
            if file.function_live[index]:
                return
            file.function_live[index] = 1
            if not isinstance(file, SyntheticFile):
                self._pending_of(file).functions.append(index)
        elif kind == _GLOBAL:
            file.global_live[symbol.index] = 1
        elif kind == _TAG:
            file.tag_live[symbol.index] = 1
        elif kind == _TABLE:
            file.table_live[symbol.index] = 1
        if not file.live:
            # The first live chunk of an archive's member: from here on its constructors count.
            file.live = True
            self.enqueue_implicit(file)

    def enqueue_implicit(self, file: LinkedFile) -> None:
        """Enqueue chunks that are live without a reference: constructors and retained segments."""
        if isinstance(file, SyntheticFile):
            return
        for init in file.object.init_functions:
            symbol = file.symbols[init.symbol]
            if not symbol.is_discarded:
                self.enqueue(symbol)
        for segment in file.segments:
            if segment.is_retained and not segment.live:
                segment.live = True
                self._pending_of(file).segments.append(segment.index)

    def _pending_of(self, file: LinkedFile) -> _Pending:
        """Return the pending chunks of ``file``, and enqueue the file."""
        pending = self._files.get(file)
        if pending is None:
            pending = self._files[file] = _Pending(file)
        if not pending.functions and not pending.segments:
            self._pending.append(pending)
        return pending

    def run(self) -> None:
        while self._pending:
            self._visit(self._pending.pop())

    def _visit(self, pending: _Pending) -> None:
        file = pending.file
        functions, segments = pending.functions, pending.segments
        pending.functions, pending.segments = [], []
        found: set[int] = set()
        code, data = pending.code, pending.data
        if functions:
            if code is None:
                code = pending.code = _Targets(file, file.object.code_section)
            code.collect(functions, found)
        if segments:
            if data is None:
                data = pending.data = _Targets(file, file.object.data_section)
            data.collect(segments, found)
        found -= pending.seen
        symbols = file.symbols
        # Computed for the first stub: there may be many, and most files have none.
        called: set[int] | None = None
        for index in found:
            symbol = symbols[index]
            if symbol.is_stub:
                # Its address is null and needs no body; a call does.
                if called is None:
                    called = code.called(functions) if functions and code is not None else set()
                    if segments and data is not None:
                        called |= data.called(segments)
                if index not in called:
                    continue
            pending.seen.add(index)
            segment = symbol.segment
            if segment is None or segment.file is not file or symbol.state != DEFINED:
                self.enqueue(symbol)
                continue
            # Most are the file's own strings.
            symbol.referenced = True
            if not segment.live:
                segment.live = True
                if data is None or data.has_any(segment.index):
                    self._pending_of(file).segments.append(segment.index)


def report_removed(resolution: Resolution, diagnostics: Diagnostics) -> None:
    """Report removed chunks, for ``--print-gc-sections``."""
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
                report(file, file.global_names[i])
        for i, live in enumerate(bytes(file.tag_live)):
            if not live:
                report(file, file.tag_names[i])
        for i, live in enumerate(bytes(file.table_live)):
            if not live:
                report(file, file.table_names[i])

    for obj in resolution.objects:
        report_file(obj)
    report_file(resolution.synthetic)
