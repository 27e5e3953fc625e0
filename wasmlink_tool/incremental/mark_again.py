"""Mark what is live after some objects changed, by the rules of :mod:`..linking.mark_live`.

The graph is that of the last link (:mod:`.link_columns`). The functions and segments of the changed objects are nodes
of their own, behind the old ones; where an unchanged object names what a changed one defines, the walk goes from the
old node to the new one.

Most edits take away no reference that anything depends on: whatever of a changed object the others name still leads to
all that it led to. Then what was live is live, and only what is new has to be walked. Otherwise the walk starts from
the roots.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from itertools import compress

from ..binary.constants import SymbolKind
from ..binary.relocation_types import TABLE_INDICES
from ..binary.relocation_types import RelocationType as R
from ..linking.chunks import ObjectInput
from ..linking.symbols import Symbol
from .link_columns import NO_NODE
from .match_objects import Unusable
from .object_version import constructors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

    from .resolved_symbols import ResolvedObjects
    from .update import Update

_MOST_STEPS: Final = 20_000
"""The maximum number of references in changed objects that are followed to find that none is gone."""


class Marks:
    """The live chunks of this link."""

    def __init__(self, update: Update) -> None:
        """:raises Unusable: something else than functions and data of objects came to life, or died."""
        self._update = update
        self._columns = columns = update.columns
        self._firsts = update.symbols.first_nodes
        self._first: dict[ObjectInput, int] = {}
        """The first node of each changed object."""
        self._edges: dict[int, list[int]] = {}
        """The edges of the new nodes, and those from old nodes of changed objects to new ones."""
        self._symbols: dict[int, Symbol] = {}
        """By old node, the symbols that changed objects define."""
        self.in_files = len(columns.edge_ends)
        """The number of nodes of the last link in files; those of symbols follow, then the new ones."""
        self.first_new = self.count = update.symbols.node_count
        if self.count != len(columns.live):
            raise ValueError("columns of another link")
        self._add_nodes()
        self._last_implicit = {of[0]: of[1:] for of in columns.implicit}
        """The nodes of each object of the last link that are live if the object is part of the program."""
        self._implicit_nodes = dict(self._last_implicit)
        """Those of this link."""
        for file, ordinal in self._ordinals.items():
            self._implicit_nodes[ordinal] = self._implicit(file)
        self.live = self.mark_more() or self.mark_all()
        self._set_live()
        self.touched = self._compare()

    def function_at(self, ordinal: int, index: int) -> Symbol | None:
        """Return the symbol that a changed object defines, and whose old version was this function."""
        return self._symbols.get(self._firsts[ordinal + 1][0] + index)

    def function_of(self, node: int) -> tuple[ObjectInput, int] | None:
        """Return the object that is linked again and its function of a node."""
        for ordinal, file in self._update.new.items():
            first = self._first.get(file, self._firsts[ordinal + 1][0])
            if first <= node < first + len(file.function_live):
                return file, node - first
        return None

    def now(self, node: int) -> int:
        """Return the node that took the place of one of the last link."""
        symbol = self._symbols.get(node)
        return node if symbol is None else self.node(symbol)

    def replaced(self) -> dict[int, int]:
        """Return :meth:`now` of each node that changed objects replace."""
        return {node: self.node(symbol) for node, symbol in self._symbols.items()}

    def node(self, symbol: Symbol) -> int:
        """Return the node of a symbol; ``NO_NODE`` for a symbol of a section."""
        if symbol.kind == SymbolKind.SECTION:
            return NO_NODE
        file = symbol.file
        if file is None or not isinstance(file, ObjectInput):
            return self._update.symbols.node_of(symbol)
        if file not in self._first:
            ordinal = self._update.ordinal(file)
            if symbol.kind == SymbolKind.FUNCTION:
                return self._firsts[ordinal + 1][0] + symbol.index
            return self._update.symbols.node_of(symbol)
        first = self._first[file]
        if symbol.kind == SymbolKind.FUNCTION:
            return first + symbol.index
        if symbol.kind == SymbolKind.DATA:
            if symbol.segment is None:
                return NO_NODE
            return first + len(file.function_live) + symbol.segment.index
        # Globals, tags and tables are those of the last version.
        kind = {SymbolKind.GLOBAL: 2, SymbolKind.TAG: 3, SymbolKind.TABLE: 4}[symbol.kind]
        return self._firsts[self._ordinals[file] + 1][kind] + symbol.index

    def _add_nodes(self) -> None:
        update = self._update
        self._ordinals = {update.new[ordinal]: ordinal for ordinal in update.changed}
        for file in self._ordinals:
            self._first[file] = self.count
            self.count += len(file.function_live) + len(file.segments)
        for row, symbol in update.symbols.used():
            old = update.symbols.node(row)
            if symbol.file is not None:
                # What changed objects define.
                new = self.node(symbol)
                if old in self._symbols and new != self.node(self._symbols[old]):
                    raise Unusable("what had several names was divided")
                self._symbols[old] = symbol
                if new != old:
                    self._edges[old] = [] if new == NO_NODE else [new]
        for file, ordinal in self._ordinals.items():
            self._match_constructors(file, ordinal)
            self._add_edges(file)

    def _match_constructors(self, file: ObjectInput, ordinal: int) -> None:
        """Note which constructors took the place of those of the last version, if they are the same by name."""
        before = self._update.before[ordinal]
        if constructors(before) != constructors(file.object):
            return
        first = self._firsts[ordinal + 1][0] - len(before.imported_functions)
        for old, new in zip(before.init_functions, file.object.init_functions):
            symbol = file.symbols[new.symbol]
            if symbol.file is file:
                self._symbols[first + before.symbols[old.symbol][3]] = symbol

    def _add_edges(self, file: ObjectInput) -> None:
        obj = file.object
        nodes = list(map(self.node, file.symbols))
        stubs = {index for index, symbol in enumerate(file.symbols) if symbol.is_stub}
        node = self._first[file]
        for section, count in ((obj.code_section, len(obj.functions)), (obj.data_section, len(obj.segments))):
            if section >= 0:
                relocs = file.relocations(section)
                targets = [
                    NO_NODE
                    if type_ == R.TYPE_INDEX_LEB or (index in stubs and type_ in TABLE_INDICES)
                    else nodes[index]
                    for type_, index in zip(relocs.types, relocs.indices)
                ]
                ranges = obj.relocation_ranges(section)
                for chunk in range(count):
                    self._edges[node + chunk] = targets[ranges[chunk] : ranges[chunk + 1]]
            node += count

    # Marks

    def mark_more(self) -> bytearray | None:
        """Return the marks of the last link with those of new nodes; ``None`` if something may no longer be live."""
        columns, update = self._columns, self._update
        if update.resolved is not None or any(s.is_tls for file in self._ordinals for s in file.segments):
            # Other names may be roots; a segment of thread-local data makes functions of the linker live.
            return None
        live = bytearray(columns.live)
        own = set(compress(range(self._firsts[0][1]), live))
        if not own <= {columns.call_ctors, *columns.roots}:
            # What calls a function in place of an undefined one may decide which it is.
            return None
        gone: set[int] = set()
        for ordinal in update.changed:
            first, _, after = self._firsts[ordinal + 1][:3]
            gone.update(range(first, after))
            live[first:after] = bytes(after - first)
        live.extend(bytes(self.count - len(live)))
        # Where the others enter the changed objects.
        ends, edges = columns.edge_ends, columns.edges
        found = gone.intersection(columns.roots)
        start = 0
        for ordinal, firsts in enumerate(self._firsts[1:]):
            end = ends[firsts[2] - 1] if firsts[2] else 0
            if ordinal not in update.changed and not gone.isdisjoint(edges[start:end]):
                for edge in compress(range(start, end), map(gone.__contains__, edges[start:end])):
                    if live[bisect_right(ends, edge)]:
                        found.add(edges[edge])
            start = end
        if not found <= self._edges.keys():
            return None
        pairs = [([node], [node]) for node in found]
        pairs += [(self._last_implicit.get(of, []), self._implicit_nodes[of]) for of in update.changed]
        steps = _MOST_STEPS
        for old, new in pairs:
            needed, steps = self._reached(old, gone, steps, is_new=False)
            reached, steps = self._reached(new, gone, steps, is_new=True)
            if steps < 0 or not needed <= reached:
                return None
        for ordinal in update.changed:
            if columns.eager[ordinal]:
                found.update(self._implicit_nodes[ordinal])
        self._walk(found, live, {ordinal for ordinal in self._implicit_nodes if not columns.eager[ordinal]})
        return live

    def _reached(self, start: list[int], gone: set[int], steps: int, *, is_new: bool) -> tuple[set[int], int]:
        """Return the nodes of other objects that nodes of changed objects lead to.

        :param gone: the old nodes of the changed objects.
        :param steps: how many references may be followed; returned is how many of these were not; less than 0 if they
            were not enough.
        """
        ends, edges, special = self._columns.edge_ends, self._columns.edges, self._edges
        first_new = self.first_new
        found: set[int] = set()
        seen = set(start)
        waiting = list(start)
        while waiting and steps >= 0:
            node = waiting.pop()
            first = ends[node - 1] if not is_new and node else 0
            targets = special.get(node, []) if is_new else list(edges[first : ends[node]])
            steps -= 1 + len(targets)
            for target in targets:
                if target in gone or first_new <= target < NO_NODE:
                    if target not in seen:
                        seen.add(target)
                        waiting.append(target)
                elif target != NO_NODE:
                    found.add(target)
        return found, steps

    def mark_all(self) -> bytearray:
        """Return the marks of all that the roots reach."""
        columns = self._columns
        live = bytearray(self.count)
        found = {*columns.roots, columns.stack_pointer}
        waiting = set()
        for ordinal, nodes in self._implicit_nodes.items():
            if columns.eager[ordinal]:
                found.update(nodes)
            else:
                waiting.add(ordinal)
        self._walk(found, live, waiting)
        # The linker's own function for constructors is live if one of them is.
        if self._update.resolved is None:
            live[columns.call_ctors] = columns.live[columns.call_ctors]
        elif any(node != NO_NODE and live[node] for node in self._constructors(self._update.resolved)):
            live[columns.call_ctors] = 1
        return live

    def _walk(self, found: set[int], live: bytearray, waiting: set[int]) -> None:
        """Mark nodes and what they lead to.

        :param waiting: the members with constructors or retained segments, which count once something in them is live.
        """
        ends, edges, special = self._columns.edge_ends, self._columns.edges, self._edges
        in_files = self.in_files
        starts = array("I", [0])
        starts += ends
        changed = special.keys()
        while True:
            while found:
                found.discard(NO_NODE)
                found = {node for node in found if not live[node]}
                following: set[int] = set()
                add = following.update
                for node in found:
                    live[node] = 1
                for node in found & changed:
                    add(special[node])
                for node in found - changed:
                    if node < in_files:
                        add(edges[starts[node] : ends[node]])
                found = following
            for ordinal in sorted(waiting):
                if self._is_part(ordinal, live):
                    waiting.discard(ordinal)
                    found.update(self._implicit_nodes[ordinal])
            if not found:
                return

    def _constructors(self, resolved: ResolvedObjects) -> Iterator[int]:
        """Yield the nodes of all constructors."""
        for ordinal, *columns in resolved.interfaces.constructors:
            if ordinal not in self._update.changed:
                yield from map(self.now, columns[1::3])
        for file in self._ordinals:
            for init in file.object.init_functions:
                symbol = file.symbols[init.symbol]
                if not symbol.is_discarded:
                    yield self.node(symbol)

    def _implicit(self, file: ObjectInput) -> list[int]:
        found = [
            self.node(symbol)
            for symbol in (file.symbols[init.symbol] for init in file.object.init_functions)
            if not symbol.is_discarded
        ]
        first = self._first[file] + len(file.function_live)
        return found + [first + segment.index for segment in file.segments if segment.is_retained]

    def _is_part(self, ordinal: int, live: bytearray) -> bool:
        first = self._firsts[ordinal + 1][0]
        after = self._firsts[ordinal + 2][0] if ordinal + 2 < len(self._firsts) else len(self._columns.edge_ends)
        if live.find(1, first, after) >= 0:
            return True
        file = self._update.new.get(ordinal)
        if file is None:
            return False
        first = self._first[file]
        return live.find(1, first, first + len(file.function_live) + len(file.segments)) >= 0

    def _set_live(self) -> None:
        """Set the marks of the changed objects."""
        for file, first in self._first.items():
            functions = len(file.function_live)
            file.function_live[:] = self.live[first : first + functions]
            for segment in file.segments:
                segment.live = bool(self.live[first + functions + segment.index])

    def set_live(self, ordinal: int, file: ObjectInput) -> None:
        """Set the marks of an unchanged object."""
        functions, segments, others = self._firsts[ordinal + 1][:3]
        if len(file.function_live) != segments - functions or len(file.segments) != others - segments:
            raise ValueError("an object of another size")
        file.function_live[:] = self.live[functions:segments]
        for segment in file.segments:
            segment.live = bool(self.live[segments + segment.index])

    def _compare(self) -> list[int]:
        """Return the unchanged objects of which other functions or segments are live."""
        before, now = self._columns.live, self.live
        touched = []
        numbered = []
        in_files = self.in_files
        if now[in_files : len(before)] != before[in_files:]:
            for row, (was, is_now) in enumerate(zip(bytes(before[in_files:]), bytes(now[in_files:]))):
                if was == is_now or not self._update.symbols.may_be_imported(row):
                    continue
                if not (self._update.finds_undefined and self._update.symbols.is_function(row)):
                    raise Unusable("another symbol without a definition is referred to")
        for number, firsts in enumerate(self._firsts):
            start, others = firsts[0], firsts[2]
            after = self._firsts[number + 1][0] if number + 1 < len(self._firsts) else in_files
            if not number and self._columns.slots:
                # There is a table as long as there is a function in it.
                after = firsts[4]
            if now[others:after] != before[others:after]:
                raise Unusable("other globals, tags or tables are live")
            if number and 1 in now[others:after]:
                numbered.append(number - 1)
            if number - 1 not in self._update.changed and now[start:others] != before[start:others]:
                if number:
                    touched.append(number - 1)
                elif not self._update.finds_undefined:
                    raise Unusable("other functions of the linker are live")
        if [ordinal for ordinal in self._update.order if ordinal in numbered] != numbered:
            raise Unusable("globals, tags or tables come in another order")
        return touched
