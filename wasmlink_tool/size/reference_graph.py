"""The references among the contents of the output, as a graph whose paths from the root are the reasons for liveness.

A node is a function, a segment, a global, a tag, a table or an import, or a *member*: an object whose constructors and
retained segments count as soon as anything else in it is live. Node 0 is the root. The edges follow the rules of
:mod:`..linking.mark_live`. A node that no rule reaches is in the output because the linker itself needs it or, without
garbage collection, because everything is; the root then has an edge to it.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from ..binary.constants import ExternalKind, SymbolFlag, SymbolKind
from ..binary.relocation_types import TABLE_INDICES
from ..binary.relocation_types import RelocationType as R
from ..binary.relocations import NO_RELOCATIONS, Relocations
from ..linking.chunks import NO_NUMBER, LinkedFile, ObjectInput
from ..linking.export_rules import exported_symbols
from ..linking.live_relocations import live_function_runs
from ..linking.plan import Plan
from ..linking.resolution import Resolution
from ..linking.symbol_names import encode_name
from ..linking.symbols import DEFINED, Symbol
from ..options import LinkOptions

ROOT: Final = 0
NOTHING: Final = -1
"""No node: a symbol that has no definition, or none in the output."""

FUNCTION: Final = "function"
SEGMENT: Final = "data"
GLOBAL: Final = "global"
TAG: Final = "tag"
TABLE: Final = "table"
IMPORT: Final = "import"
MEMBER: Final = "member"
_KINDS: Final = (FUNCTION, SEGMENT, GLOBAL, TAG, TABLE, MEMBER)
_TYPE_INDEX: Final = bytes((R.TYPE_INDEX_LEB,))


class Place(NamedTuple):
    """The entity of a node: number ``number`` of its kind in ``file``, or among the imports."""

    kind: str
    file: LinkedFile | None
    number: int


class Site(NamedTuple):
    """A reference: at ``offset`` of the contents of the code or data section of the file's object, to ``symbol``."""

    file: ObjectInput
    section: int
    offset: int
    type: int
    """:class:`RelocationType`."""
    symbol: Symbol


class Roots:
    """The roots of a link, recorded when liveness is decided: later passes hide and export symbols."""

    def __init__(self, resolution: Resolution, options: LinkOptions) -> None:
        self.reasons: dict[Symbol, str] = {}
        """Each root's reason, the strongest first."""
        self.members: list[ObjectInput] = [file for file in resolution.objects if file.live and file.input.eager]
        self.collects = bool(options.gc_sections)
        named = {encode_name(name) for name in (*options.exports, *options.exports_if_defined)}
        found: list[tuple[Symbol | None, str]] = []
        if options.entry:
            found.append((resolution.table.find(encode_name(options.entry)), "entry"))
        found.append((resolution.start, "--start"))
        for symbol in exported_symbols(resolution, options):
            if symbol.name in named:
                reason = "--export"
            elif symbol.flags & SymbolFlag.EXPORTED:
                reason = "exported by its source"
            else:
                reason = "--export-all" if options.export_all else "--export-dynamic"
            found.append((symbol, reason))
        found += [
            (s, "marked as used in its source") for s in resolution.symbols.values() if s.flags & SymbolFlag.NO_STRIP
        ]
        found.append((resolution.call_dtors, "destructors of a command"))
        for symbol_or_none, reason in found:
            if symbol_or_none is not None:
                self.reasons.setdefault(symbol_or_none, reason)


class _Columns(NamedTuple):
    """The relocations of a section, the first of each function or segment, and the symbols that they name; -1 for a
    type."""

    relocs: Relocations
    ranges: list[int]
    indices: Sequence[int]


_NONE: Final = _Columns(NO_RELOCATIONS, [], [])


class _Numbers(NamedTuple):
    """The first node of each kind of a file, in the order of :data:`_KINDS`."""

    functions: int
    segments: int
    globals: int
    tags: int
    tables: int
    member: int


class ReferenceGraph:
    """The graph of a link whose indices are final, and whose relocations are still decoded."""

    def __init__(self, plan: Plan, roots: Roots) -> None:
        self._plan = plan
        resolution = plan.resolution
        self.files: list[LinkedFile] = list(plan.spaces.files)
        self._numbers: dict[LinkedFile, _Numbers] = {}
        self._bounds: list[int] = [1]
        self._owners: list[tuple[LinkedFile, str]] = []
        self._members: set[int] = set()
        self._relocations: dict[tuple[ObjectInput, str], _Columns] = {}
        self._nodes: dict[Symbol, int] = {}
        self._targets: dict[ObjectInput, _Targets] = {}
        self._number_nodes()
        self.successors: list[list[int]] = [[] for _ in range(self.count)]
        self.folded: dict[int, list[Symbol]] = {}
        """Maps a node to the names of identical functions or data that were folded into it."""
        self.root_symbols: dict[int, Symbol] = {}
        """Maps a node to the symbol that makes it a root."""
        self.root_reasons: dict[int, str] = {}
        """The targets of the root's edges, each with the reason."""
        for file in resolution.objects:
            for symbol in file.symbols:
                if symbol.folded_from is not None and symbol.folded_from[0] is file:
                    self.folded.setdefault(self.node(symbol), []).append(symbol)
        for file in resolution.objects:
            self._add_references(file)
        self._add_own(roots)
        self._add_roots(roots)
        self._add_unreached(roots)

    # Nodes

    def _number_nodes(self) -> None:
        number = 1
        for file in self.files:
            firsts = []
            counts = (
                len(file.function_live), len(file.segments), len(file.global_live), len(file.tag_live),
                len(file.table_live), int(isinstance(file, ObjectInput)),
            )  # fmt: skip
            for kind, count in zip(_KINDS, counts):
                firsts.append(number)
                if kind == MEMBER and count:
                    self._members.add(number)
                if count:
                    number += count
                    self._bounds.append(number)
                    self._owners.append((file, kind))
            self._numbers[file] = _Numbers(*firsts)
        imports = self._plan.spaces.imports
        self._first_import = number
        self._import_numbers: dict[tuple[int, int], int] = {}
        counts_by_kind: dict[int, int] = {}
        for entry in imports.entries:
            index = counts_by_kind.get(entry.kind, 0)
            counts_by_kind[entry.kind] = index + 1
            self._import_numbers[entry.kind, index] = number
            number += 1
        for symbol in imports.got:
            self._import_numbers[ExternalKind.GLOBAL, symbol.got_number] = number
            number += 1
        self.count = number

    def function(self, file: LinkedFile, index: int) -> int:
        return self._numbers[file].functions + index

    def segment(self, file: LinkedFile, index: int) -> int:
        return self._numbers[file].segments + index

    def global_(self, file: LinkedFile, index: int) -> int:
        return self._numbers[file].globals + index

    def tag(self, file: LinkedFile, index: int) -> int:
        return self._numbers[file].tags + index

    def table(self, file: LinkedFile, index: int) -> int:
        return self._numbers[file].tables + index

    def member(self, file: LinkedFile) -> int:
        return self._numbers[file].member

    def imported(self, kind: int, number: int) -> int:
        """Return the node of an import, by its kind and its index in the index space."""
        return self._import_numbers.get((kind, number), NOTHING)

    def place(self, node: int) -> Place:
        """Return the entity of any node but the root."""
        if node >= self._first_import:
            return Place(IMPORT, None, node - self._first_import)
        i = bisect_right(self._bounds, node) - 1
        file, kind = self._owners[i]
        return Place(kind, file, node - self._bounds[i])

    def node(self, symbol: Symbol) -> int:
        """Return the target of references to a symbol, or :data:`NOTHING`."""
        known = self._nodes.get(symbol)
        if known is None:
            known = self._nodes[symbol] = self._find(symbol)
        return known

    def _find(self, symbol: Symbol) -> int:
        if symbol.stub is not None:
            return self._find(symbol.stub)
        kind, number = symbol.kind, symbol.number
        own = NOTHING
        file = symbol.file
        if symbol.state == DEFINED and symbol.is_live:
            if kind == SymbolKind.DATA:
                if symbol.segment is not None:
                    own = self._numbers[symbol.segment.file].segments + symbol.segment.index
            elif file in self._numbers and file is not None:
                firsts = self._numbers[file]
                first = {
                    SymbolKind.FUNCTION: firsts.functions,
                    SymbolKind.GLOBAL: firsts.globals,
                    SymbolKind.TAG: firsts.tags,
                    SymbolKind.TABLE: firsts.tables,
                }.get(kind)
                if first is not None:
                    own = first + symbol.index
        through = NOTHING
        if number != NO_NUMBER and kind in _EXTERNAL:
            through = self.imported(_EXTERNAL[kind], number)
        address = self.imported(ExternalKind.GLOBAL, symbol.got_number) if symbol.got_is_imported else NOTHING
        found = [node for node in (own, through, address) if node != NOTHING]
        # A symbol that is called or found through an import needs both.
        for one, other in itertools.pairwise(found):
            self.successors[one].append(other)
        return found[0] if found else NOTHING

    # Edges

    def _add_references(self, file: ObjectInput) -> None:
        obj = file.object
        numbers = self._numbers[file]
        targets = self._targets[file] = _Targets(self, file)
        successors = self.successors
        look_up = targets.__getitem__
        member = numbers.member if obj.init_functions or any(s.is_retained for s in file.segments) else NOTHING
        if obj.code_section >= 0:
            _, ranges, indices = self._columns(file, obj.code_section, FUNCTION)
            for start, stop in live_function_runs(file):
                for i in range(start, stop):
                    first, after = ranges[i], ranges[i + 1]
                    if first != after:
                        found = list(map(look_up, dict.fromkeys(indices[first:after])))
                        successors[numbers.functions + i] += found
        if obj.data_section >= 0:
            _, ranges, named = self._columns(file, obj.data_section, SEGMENT)
            if named:
                for i, segment in enumerate(file.segments):
                    first, after = ranges[i], ranges[i + 1]
                    if first != after and segment.live:
                        successors[numbers.segments + i] += map(look_up, dict.fromkeys(named[first:after]))
        for symbol in targets.stubs:
            self._drop_addresses_of_stub(file, symbol)
        if member != NOTHING:
            for node in self.live_nodes_of(file):
                successors[node].append(member)
            for symbol_of in file.symbols:
                if symbol_of.folded_from is not None and symbol_of.folded_from[0] is file:
                    successors[self.node(symbol_of)].append(member)
            for init in obj.init_functions:
                symbol_of = file.symbols[init.symbol]
                if not symbol_of.is_discarded:
                    successors[member].append(self.node(symbol_of))
            successors[member] += [numbers.segments + s.index for s in file.segments if s.is_retained and s.live]

    def _columns(self, file: ObjectInput, section: int, kind: str) -> _Columns:
        relocs = file.relocations(section)
        ranges = file.object.relocation_ranges(section)
        # The link drops them once they are applied, but chains need them later.
        columns = self._relocations[file, kind] = _Columns(relocs, ranges, _without_types(relocs))
        return columns

    def _drop_addresses_of_stub(self, file: ObjectInput, index: int) -> None:
        """Drop address references to a stub, whose address is null: only calls lead to it."""
        stub = self._targets[file][index]
        for kind, first_node in ((FUNCTION, self._numbers[file].functions), (SEGMENT, self._numbers[file].segments)):
            relocs, ranges, _ = self._relocations.get((file, kind), _NONE)
            for i in range(len(ranges) - 1):
                named = {
                    type_
                    for type_, symbol in zip(
                        relocs.types[ranges[i] : ranges[i + 1]], relocs.indices[ranges[i] : ranges[i + 1]]
                    )
                    if symbol == index and type_ != R.TYPE_INDEX_LEB
                }
                if named and named <= TABLE_INDICES and stub in self.successors[first_node + i]:
                    self.successors[first_node + i].remove(stub)

    def live_nodes_of(self, file: LinkedFile) -> Iterator[int]:
        """Return the nodes of a file that are in the output."""
        numbers = self._numbers[file]
        for first, live in (
            (numbers.functions, bytes(file.function_live)),
            (numbers.segments, bytes(segment.live for segment in file.segments)),
            (numbers.globals, bytes(file.global_live)),
            (numbers.tags, bytes(file.tag_live)),
            (numbers.tables, bytes(file.table_live)),
        ):
            for i, flag in enumerate(live):
                if flag:
                    yield first + i

    def live_nodes(self) -> Iterator[int]:
        """Return everything that is in the output, members excluded."""
        for file in self.files:
            yield from self.live_nodes_of(file)
        yield from range(self._first_import, self.count)

    def _add_own(self, roots: Roots) -> None:
        """Add the references of linker-defined functions."""
        resolution = self._plan.resolution
        call_ctors = resolution.call_ctors
        if call_ctors.is_live and call_ctors.file is not None:
            node = self.function(call_ctors.file, call_ctors.index)
            for symbol in self._plan.init_functions.symbols:
                target = self.node(symbol)
                if target != NOTHING:
                    self.successors[target].append(node)

    def _add_roots(self, roots: Roots) -> None:
        for symbol, reason in roots.reasons.items():
            node = self.node(symbol)
            if node != NOTHING:
                self.root_symbols.setdefault(node, symbol)
                self._root(node, reason)
        for file in roots.members:
            node = self.member(file)
            if self.successors[node]:
                self._root(node, "given on the command line")

    def _root(self, node: int, reason: str) -> None:
        if node not in self.root_reasons:
            self.root_reasons[node] = reason
            self.successors[ROOT].append(node)

    def _add_unreached(self, roots: Roots) -> None:
        exported = {(export.kind, export.index) for export in self._plan.exports}
        reached = bytearray(self.count)
        pending = [ROOT]
        while pending:
            for node in self.successors[pending.pop()]:
                if node >= 0 and not reached[node]:
                    reached[node] = 1
                    pending.append(node)
        for node in self.live_nodes():
            if reached[node]:
                continue
            place = self.place(node)
            reason = "needed by the linker's own code"
            if place.file is not None and place.kind == FUNCTION:
                number = place.file.function_numbers[place.number]
                if (ExternalKind.FUNCTION, number) in exported:
                    reason = "exported"
            if not roots.collects and isinstance(place.file, ObjectInput):
                reason = "kept by --no-gc-sections"
            self._root(node, reason)

    # What an edge is

    def first_references(self, node: int) -> dict[int, int]:
        """Return each node that ``node`` refers to by relocations, with its first reference: a number for
        :meth:`site`."""
        place = self.place(node)
        columns = self._columns_of(place)
        if columns is None or not isinstance(place.file, ObjectInput):
            return {}
        first, after = columns.ranges[place.number], columns.ranges[place.number + 1]
        named = map(self._targets[place.file].__getitem__, reversed(columns.indices[first:after]))
        return dict(zip(named, range(after - 1, first - 1, -1)))

    def site(self, node: int, relocation: int) -> Site:
        """Return the location of a node's relocation."""
        return self.sites(node)(relocation)

    def sites(self, node: int) -> Callable[[int], Site]:
        """Return :meth:`site` for many relocations of one node."""
        place = self.place(node)
        columns = self._columns_of(place)
        assert columns is not None and isinstance(place.file, ObjectInput)
        file, relocs = place.file, columns.relocs
        section = file.object.code_section if place.kind == FUNCTION else file.object.data_section
        offsets, types, indices, symbols = relocs.offsets, relocs.types, relocs.indices, file.symbols
        return lambda i: Site(file, section, offsets[i], types[i], symbols[indices[i]])

    def _columns_of(self, place: Place) -> _Columns | None:
        return self._relocations.get((place.file, place.kind)) if isinstance(place.file, ObjectInput) else None

    def is_member(self, node: int) -> bool:
        return node in self._members

    def code_relocations(self, file: ObjectInput) -> tuple[Relocations, list[int]]:
        """Return the relocations of a file's code, and the first of each function."""
        return self._relocations.get((file, FUNCTION), _NONE)[:2]


class _Targets(dict[int, int]):
    """Maps a file's symbol indices to nodes."""

    def __init__(self, graph: ReferenceGraph, file: ObjectInput) -> None:
        super().__init__({-1: NOTHING})
        self._graph = graph
        self._symbols = file.symbols
        self.stubs: list[int] = []

    def __missing__(self, index: int) -> int:
        symbol = self._symbols[index]
        if symbol.is_stub:
            self.stubs.append(index)
        node = self[index] = self._graph.node(symbol)
        return node


def _without_types(relocs: Relocations) -> Sequence[int]:
    """Return the indices of relocations, -1 for that of a type."""
    if _TYPE_INDEX not in relocs.types:
        return relocs.indices
    type_index = R.TYPE_INDEX_LEB
    return [-1 if type_ == type_index else index for type_, index in zip(relocs.types, relocs.indices)]


_EXTERNAL: Final = {
    SymbolKind.FUNCTION: ExternalKind.FUNCTION,
    SymbolKind.GLOBAL: ExternalKind.GLOBAL,
    SymbolKind.TAG: ExternalKind.TAG,
    SymbolKind.TABLE: ExternalKind.TABLE,
}
