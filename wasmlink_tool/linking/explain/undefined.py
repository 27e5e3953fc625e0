"""What an undefined symbol's error says beyond wasm-ld's line: where the references stand, and what may be meant."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property
from typing import Final, NamedTuple

from ...binary.constants import RelocationType as R
from ...binary.constants import SymbolFlag, SymbolKind
from ...binary.leb128 import uleb
from ...diagnostics import FatalError
from ...inputs.input_files import ObjectSource
from ...inputs.object_file import ObjectFile
from ...options import Input, LinkOptions
from ..chunks import ObjectInput
from ..describe import symbol_text
from ..live_relocations import live_relocations
from ..resolve import Resolution
from ..symbols import DEFINED, LAZY, UNDEFINED, Symbol
from .line_table import LineTable, debug_line_size, read_line_table
from .spelling import Spelling
from .unlinked_libraries import Library, unlinked_definitions

_SITES: Final = 3
"""How many references of a symbol are shown."""
_THOROUGH: Final = 100
"""For how many symbols more is tried than to look them up."""
_DEBUG_LINE_BYTES: Final = 4 << 20
"""How much of the objects' line tables is decoded in all."""
_TYPE_INDEX: Final = int(R.TYPE_INDEX_LEB)


class _Site(NamedTuple):
    """A reference: at ``offset`` of the contents of ``section`` of ``file``."""

    file: ObjectInput
    section: int
    offset: int


class _Sites:
    """The references of one symbol: the first ones, in different functions and segments, and the number of all."""

    __slots__ = ("chunks", "count", "shown")

    def __init__(self) -> None:
        self.shown: list[_Site] = []
        self.chunks: set[tuple[ObjectInput, int, int]] = set()
        self.count = 0


class Explainer:
    """Explains each undefined symbol once, at its first reference."""

    def __init__(self, resolution: Resolution, options: LinkOptions) -> None:
        self._resolution = resolution
        self._options = options
        self._explained: set[bytes] = set()
        self._line_tables: dict[ObjectFile, LineTable] = {}
        self._line_budget = _DEBUG_LINE_BYTES

    def explain(self, file: ObjectInput, symbol: Symbol, section: int, offset: int) -> tuple[str, ...]:
        """The extra lines for a reference at ``offset`` of ``section`` of ``file``."""
        if symbol.name in self._explained:
            return ()
        self._explained.add(symbol.name)
        lines = list(self._references(_Site(file, section, offset), symbol))
        # A place that has the very symbol makes guesses at others needless.
        meanings = list(self._other_definitions(symbol))
        if not meanings and len(self._explained) <= _THOROUGH:
            meanings = list(self._likely_meaning(symbol))
        return (*lines, *meanings)

    # Where it is referenced

    def _references(self, first: _Site, symbol: Symbol) -> Iterator[str]:
        found = self._sites.get(symbol.name)
        sites = found.shown if found is not None else [first]
        for site in sites:
            yield f"referenced by {self._describe(site, first.file)}"
        more = found.count - len(sites) if found is not None else 0
        if more:
            yield f"referenced {more} more time{'s' if more > 1 else ''}"

    @cached_property
    def _sites(self) -> dict[bytes, _Sites]:
        """All references from live code and data to undefined symbols, by name, in the order of the link."""
        found: dict[bytes, _Sites] = {}
        for file in self._resolution.objects:
            undefined = {
                i: symbol.name
                for i, symbol in enumerate(file.symbols)
                if symbol.state == UNDEFINED and not symbol.is_weak
            }
            if not undefined:
                continue
            # The scan reports damaged relocations when it comes to them.
            with suppress(FatalError):
                _find_sites(file, undefined, found)
        return found

    def _describe(self, site: _Site, reported: ObjectInput) -> str:
        """``reported`` is the file that the error names already."""
        file, section, offset = site
        obj = file.object
        where = ""
        chunk = _chunk(site)
        if section == obj.code_section:
            name = file.function_names[chunk] or file.function_debug_names.get(chunk, b"")
            what = self._resolution.table.names.text(name) if name else "a function without a name"
            where = self._source_line(obj, offset)
        elif section == obj.data_section:
            segment = obj.segments[chunk].name
            what = f"data segment {symbol_text(segment) if segment else chunk}"
        else:
            what = f"section {symbol_text(obj.sections[section].name)}"
        if not where and file is not reported:
            where = file.name
        return f"{what} ({where})" if where else what

    def _source_line(self, obj: ObjectFile, offset: int) -> str:
        """``file:line``, or nothing where debug information doesn't have it."""
        table = self._line_tables.get(obj)
        if table is None:
            size = debug_line_size(obj)
            if not 0 < size <= self._line_budget:
                return ""
            self._line_budget -= size
            table = self._line_tables[obj] = read_line_table(obj)
        place = table.find(offset)
        if place is None:
            return ""
        return f"{place.file}:{place.line}" if place.line else place.file

    # Who has it

    def _other_definitions(self, symbol: Symbol) -> Iterator[str]:
        library = self._unlinked.get(symbol.name)
        if library is not None:
            file = os.path.basename(library.path)
            yield f"defined by {file} on the library path ({library.path}): add -l{library.name}"
        hidden = self._unusable.get(symbol.name)
        if hidden is None and len(self._explained) <= _THOROUGH:
            hidden = self._local_in_member(symbol.name)
        if hidden is not None:
            yield hidden

    @cached_property
    def _unlinked(self) -> dict[bytes, Library]:
        options = self._options
        linked = []
        for item in options.inputs:
            if not isinstance(item, Input):
                linked.append(item)
            elif not item.library:
                linked.append(item.path)
            else:
                name = item.path[1:] if item.path.startswith(":") else f"lib{item.path}.a"
                paths = (os.path.join(directory, name) for directory in options.library_paths)
                linked += [path for path in paths if os.path.exists(path)][:1]
        return unlinked_definitions(options.library_paths, linked)

    @cached_property
    def _unusable(self) -> dict[bytes, str]:
        """Definitions in the linked objects that no other object can use."""
        found: dict[bytes, str] = {}
        symbols = self._resolution.symbols
        for file in self._resolution.objects:
            for name, local in _own_definitions(file.object):
                if local:
                    found.setdefault(name, f"{file.name} has a local symbol of that name")
                elif name in symbols and symbols[name].state != DEFINED:
                    found.setdefault(name, f"{file.name} defines it in a COMDAT group that another file provides")
        return found

    @cached_property
    def _members(self) -> list[ObjectSource]:
        """Members of archives that were not needed."""
        sources = {s.source: None for s in self._resolution.symbols.values() if s.state == LAZY and s.source}
        return [source for source in sources if source.lazy]

    def _local_in_member(self, name: bytes) -> str | None:
        wanted = uleb(len(name)) + name
        for source in self._members:
            if source.data.find(wanted, source.start, source.end) >= 0:
                try:
                    obj = source.parse()
                except FatalError:
                    continue
                if (name, True) in set(_own_definitions(obj)):
                    return f"{source.name} has a local symbol of that name"
        return None

    # What else may be meant

    @cached_property
    def _spelling(self) -> Spelling:
        return Spelling(self._resolution.symbols)

    def _likely_meaning(self, symbol: Symbol) -> Iterator[str]:
        if (meant := self._spelling.c_symbol(symbol)) is not None:
            yield f'did you mean: extern "C" {meant}'
        elif (meant := self._spelling.cpp_symbol(symbol)) is not None:
            yield f'did you mean to declare {meant} as extern "C"?'
        elif (meant := self._spelling.likely(symbol)) is not None:
            yield f"did you mean: {meant}"
        if meant is not None:
            yield f"defined in: {meant.file_name}"


def _chunk(site: _Site) -> int:
    """The number of the function or segment that the reference is in; 0 in other sections."""
    obj = site.file.object
    if site.section == obj.code_section:
        return bisect_right(obj.function_offsets, site.offset) - 1
    if site.section == obj.data_section:
        return bisect_right(obj.segments, site.offset, key=lambda segment: segment.offset) - 1
    return 0


def _find_sites(file: ObjectInput, undefined: dict[int, bytes], found: dict[bytes, _Sites]) -> None:
    """Add the references of a file's live code and data to the symbols in ``undefined``, by symbol index, to ``found``.

    :raises FatalError: the file's relocations are damaged.
    """
    obj = file.object
    code = file.relocations(obj.code_section)
    for relocs, start, stop in live_relocations(file):
        indices, types, offsets = relocs.indices, relocs.types, relocs.offsets
        section = obj.code_section if relocs is code else obj.data_section
        for i in range(start, stop):
            name = undefined.get(indices[i])
            if name is not None and types[i] != _TYPE_INDEX:
                sites = found.get(name)
                if sites is None:
                    sites = found[name] = _Sites()
                _add(sites, _Site(file, section, offsets[i]))


def _add(sites: _Sites, site: _Site) -> None:
    sites.count += 1
    if len(sites.shown) < _SITES:
        chunk = (site.file, site.section, _chunk(site))
        if chunk not in sites.chunks:
            sites.chunks.add(chunk)
            sites.shown.append(site)


def _own_definitions(obj: ObjectFile) -> Iterator[tuple[bytes, bool]]:
    """(name, whether it is local) of what the object defines."""
    for kind, flags, name, _, _, _ in obj.symbols:
        if kind != SymbolKind.SECTION and not flags & SymbolFlag.UNDEFINED:
            yield name, bool(flags & SymbolFlag.BINDING_LOCAL)
