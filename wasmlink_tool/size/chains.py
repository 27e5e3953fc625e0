"""Find the shortest chains of references from a root: the reason why something is in the output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ..binary import relocation_types
from ..binary.constants import SymbolKind
from ..binary.relocation_types import FUNCTION_INDEX, GLOBAL_INDEX, TABLE_INDEX, TABLE_NUMBER, TAG_INDEX, VALUE
from ..inputs.object_file import ObjectFile
from ..linking.symbols import Symbol
from .function_lines import FunctionLines
from .reference_graph import FUNCTION, NOTHING, ROOT, SEGMENT, ReferenceGraph, Site

CALL: Final = "call"
ADDRESS: Final = "address taken"
DATA: Final = "data"
CONSTRUCTOR: Final = "constructor"
RETAINED: Final = "retained"
IMPORTED: Final = "imported as"
PART_OF: Final = "part of"
"""The edge from something live to its object, which makes the object's constructors and retained segments count."""


@dataclass(frozen=True)
class Reference:
    """A reference from one node to another."""

    kind: str
    line: str = ""
    """``file:line`` where debug information has it."""
    folded: Symbol | None = None
    """The symbol that it names, if identical code folding replaced that one by the node."""


def shortest_paths(successors: Sequence[Sequence[int]]) -> tuple[list[int], list[int]]:
    """Return for each node the previous node on the first of the shortest paths from the root, and the length of that
    path; both are -1 without a path."""
    parents = [NOTHING] * len(successors)
    seen = bytearray(len(successors))
    seen[ROOT] = 1
    depths = [NOTHING] * len(successors)
    depths[ROOT] = depth = 0
    level = [ROOT]
    while level:
        depth += 1
        following = []
        for node in level:
            for target in successors[node]:
                if target >= 0 and not seen[target]:
                    seen[target] = 1
                    parents[target] = node
                    depths[target] = depth
                    following.append(target)
        level = following
    return parents, depths


class Chains:
    """The chains of one link."""

    def __init__(self, graph: ReferenceGraph, lines: dict[ObjectFile, FunctionLines]) -> None:
        """:param lines: the line tables of objects that were opened already."""
        self.graph = graph
        self.parents, self.depths = shortest_paths(graph.successors)
        self._lines = lines

    def chain(self, node: int) -> list[int]:
        """Return the nodes from the first after the root to ``node`` itself; none if nothing keeps it."""
        found = []
        while node not in (ROOT, NOTHING):
            found.append(node)
            node = self.parents[node]
        return found[::-1] if node == ROOT else []

    def lines_of(self, obj: ObjectFile) -> FunctionLines:
        lines = self._lines.get(obj)
        if lines is None:
            lines = self._lines[obj] = FunctionLines(obj)
        return lines

    def line(self, site: Site) -> str:
        """Return ``file:line`` of a reference in code, if debug information has it."""
        if site.section != site.file.object.code_section:
            return ""
        place = self.lines_of(site.file.object).find(site.offset)
        if place is None:
            return ""
        return f"{place.file}:{place.line}" if place.line else place.file

    def reference(self, node: int, target: int) -> Reference:
        """Return the reference from ``node`` to ``target``."""
        graph = self.graph
        if node == ROOT:
            return Reference(graph.root_reasons.get(target, ""), "", _folded(graph.root_symbols.get(target)))
        relocation = graph.first_references(node).get(target)
        if relocation is not None:
            site = graph.site(node, relocation)
            return Reference(kind_of(site), self.line(site), _folded(site.symbol))
        if graph.is_member(target):
            return Reference(PART_OF)
        if graph.is_member(node):
            return Reference(RETAINED if graph.place(target).kind == SEGMENT else CONSTRUCTOR)
        return Reference(CALL if graph.place(target).kind == FUNCTION else IMPORTED)


def _folded(symbol: Symbol | None) -> Symbol | None:
    return symbol if symbol is not None and symbol.folded_from is not None else None


def kind_of(site: Site) -> str:
    """Return the kind of reference of a relocation."""
    value = VALUE[site.type]
    if value == GLOBAL_INDEX:
        # For any other symbol the relocation names the global that holds its address.
        return {SymbolKind.FUNCTION: ADDRESS, SymbolKind.DATA: DATA}.get(site.symbol.kind, "global")
    return _KINDS.get(value, "reference")


_KINDS = {
    FUNCTION_INDEX: CALL,
    TABLE_INDEX: ADDRESS,
    relocation_types.ADDRESS: DATA,
    TAG_INDEX: "exception tag",
    TABLE_NUMBER: "table",
}
"""The kind of reference, by what the relocation's value is."""
