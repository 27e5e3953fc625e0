"""Explain undefined symbols: the places that refer to them, and likely intended symbols."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property
from typing import Final

from ...binary.constants import SymbolFlag, SymbolKind
from ...binary.leb128 import uleb
from ...binary.relocation_types import RelocationType as R
from ...diagnostics import FatalError
from ...inputs.input_files import ObjectSource
from ...inputs.object_file import ObjectFile
from ...options import Input, LinkOptions
from ..chunks import ObjectInput
from ..live_relocations import live_relocations
from ..resolution import Resolution
from ..symbols import DEFINED, LAZY, UNDEFINED, Symbol
from .advice import Advice
from .places import Places, Site
from .spelling import Spelling
from .unlinked_libraries import Library, unlinked_definitions

_SITES: Final = 3
"""The maximum number of references to show for a symbol."""
_THOROUGH: Final = 100
"""The maximum number of symbols for which archive members are searched."""
_TYPE_INDEX: Final = int(R.TYPE_INDEX_LEB)


class _Sites:
    """The references of one symbol: the first ones, in different functions and segments, and the number of all."""

    __slots__ = ("count", "shown")

    def __init__(self) -> None:
        self.shown: tuple[Site, ...] = ()
        self.count = 0


class Explainer:
    """Explains each undefined symbol once, at its first reference."""

    def __init__(self, resolution: Resolution, options: LinkOptions) -> None:
        self._resolution = resolution
        self._options = options
        self._explained = 0
        self._places = Places(resolution.table.names)
        self._advice = Advice()

    def explain(self, file: ObjectInput, symbol: Symbol, section: int, offset: int) -> tuple[str, ...]:
        """Return the additional lines for a symbol whose first reference is at ``offset`` of ``section`` of ``file``; a
        constructor of the file if ``section`` is -1."""
        self._explained += 1
        lines = list(self._references(Site(file, section, offset), symbol))
        lines += self._bitcode_references(symbol)
        advice = self._advice.on(symbol.name)
        if advice is not None:
            return (*lines, *self._other_definitions(symbol), advice)
        # If a library has the exact symbol, guesses at others are needless.
        meanings = list(self._other_definitions(symbol))
        if not meanings:
            meanings = list(self._likely_meaning(symbol))
        return (*lines, *meanings)

    # Where it is referenced

    def _references(self, first: Site, symbol: Symbol) -> Iterator[str]:
        found = self._sites.pop(symbol.name, None)
        sites = found.shown if found is not None else (first,)
        for site in sites:
            yield f"referenced by {self._places.describe(site, first.file, symbol.name)}"
        more = found.count - len(sites) if found is not None else 0
        if more:
            yield f"referenced {more} more time{'s' if more > 1 else ''}"

    def _bitcode_references(self, symbol: Symbol) -> Iterator[str]:
        """Yield the bitcode files that refer to a symbol; the referring object was generated from them."""
        names = [name for name, symbols in self._named_in_bitcode.items() if symbol.name in symbols]
        for name in names[:_SITES]:
            yield f"referenced by bitcode file {name}"
        if len(names) > _SITES:
            yield f"referenced by {len(names) - _SITES} more bitcode file{'s' if len(names) - _SITES > 1 else ''}"

    @cached_property
    def _named_in_bitcode(self) -> dict[str, set[bytes]]:
        """Maps each bitcode file to the symbols that it refers to and does not define."""
        return {
            file.name: {symbol.name for symbol in file.bitcode.symbols if symbol.is_undefined}
            for file in self._resolution.bitcode
        }

    @cached_property
    def _sites(self) -> dict[bytes, _Sites]:
        """All references from live code and data to undefined symbols that are not explained yet, by name, in link
        order."""
        found: dict[bytes, _Sites] = {}
        for file in self._resolution.objects:
            undefined = {
                i: symbol.name
                for i, symbol in enumerate(file.symbols)
                if symbol.state == UNDEFINED and not symbol.is_weak
            }
            if not undefined:
                continue
            # The scan reports damaged relocations when it reaches them.
            with suppress(FatalError):
                _find_sites(file, undefined, found)
        return found

    # Definitions elsewhere

    def _other_definitions(self, symbol: Symbol) -> Iterator[str]:
        library = self._unlinked.get(symbol.name)
        if library is not None:
            file = os.path.basename(library.path)
            yield f"defined by {file} on the library path ({library.path}): add -l{library.name}"
        hidden = self._unusable.get(symbol.name)
        if hidden is None and self._explained <= _THOROUGH:
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
        """Find definitions in the linked objects that no other object can use."""
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
        """Yield archive members that define the symbol and were not extracted."""
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

    # Similar symbols

    @cached_property
    def _spelling(self) -> Spelling:
        return Spelling(self._resolution.symbols)

    def _likely_meaning(self, symbol: Symbol) -> Iterator[str]:
        yield from self._spelling.hints(symbol)


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
                _add(sites, Site(file, section, offsets[i]))


def _add(sites: _Sites, site: Site) -> None:
    sites.count += 1
    if len(sites.shown) < _SITES:
        chunk = site.chunk
        for shown in sites.shown:
            if shown.file is site.file and shown.section == site.section and shown.chunk == chunk:
                return
        sites.shown += (site,)


def _own_definitions(obj: ObjectFile) -> Iterator[tuple[bytes, bool]]:
    """Yield (name, whether it is local) for each definition of the object."""
    for kind, flags, name, _, _, _ in obj.symbols:
        if kind != SymbolKind.SECTION and not flags & SymbolFlag.UNDEFINED:
            yield name, bool(flags & SymbolFlag.BINDING_LOCAL)
