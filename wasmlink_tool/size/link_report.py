"""The size report of a link: parts, objects, sources, causes and retained sizes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ..linking.chunks import LinkedFile
from ..linking.plan import Plan
from ..linking.symbols import Symbol
from .attribution import Attribution
from .chains import Chains, kind_of
from .dominators import immediate_dominators, retained_sizes
from .module_spans import HEADER, walk_module
from .reference_graph import NOTHING, ROOT, ReferenceGraph
from .runtimes import runtime_of_file
from .size_report import ObjectEntry, Part, SizeReport
from .source_names import base_name, short_name

_LEAST_LINES: Final = 16 << 10
_LINES_SHIFT: Final = 8
"""The number of bytes of line tables that are decoded for the lines of causes, those of other objects first: at least
this many, or one for each 2 to the power of this of the module's."""


def make_report(plan: Plan, graph: ReferenceGraph, chains: Chains, module: bytes, name: str) -> SizeReport:
    """Return the report of a finished module."""
    spans = walk_module(module)
    attribution = Attribution(plan, graph, module, spans)
    shown = plan.resolution.table.names.text
    report = SizeReport(base_name(name), len(module))
    report.sections = [(HEADER, 8), *((section.label, section.end - section.start) for section in spans.sections)]
    report.parts = attribution.parts
    for node, symbols in graph.folded.items():
        index = attribution.part_of_node.get(node)
        if index is not None:
            report.parts[index].folded = [_folded_name(symbol, shown) for symbol in symbols]
    _add_objects(report, attribution)
    _add_sources(report, attribution, chains)
    _add_retained(report, attribution, graph)
    _add_causes(report, attribution, graph, chains)
    return report


def _folded_name(symbol: Symbol, shown: Callable[[bytes], str]) -> str:
    assert symbol.folded_from is not None
    return f"{shown(symbol.name)} ({short_name(symbol.folded_from[0])})"


def _add_objects(report: SizeReport, attribution: Attribution) -> None:
    numbers: dict[LinkedFile, int] = {}
    for part, file in zip(report.parts, attribution.files):
        if file is None:
            continue
        number = numbers.get(file)
        if number is None:
            number = numbers[file] = len(report.objects)
            report.objects.append(_object_entry(file))
        part.object = number


def _object_entry(file: LinkedFile) -> ObjectEntry:
    source = file.source
    name = short_name(file)
    if source is None or not source.archive:
        return ObjectEntry(name, file.name, runtime=runtime_of_file(file.name))
    return ObjectEntry(name, source.archive, source.member, runtime_of_file(source.archive, source.member))


def _add_sources(report: SizeReport, attribution: Attribution, chains: Chains) -> None:
    """Add the sources: a function's is the file of its first line; that of anything else, the one its object was
    compiled from."""
    numbers: dict[str, int] = {}
    main: dict[LinkedFile, str | None] = {}
    for part, file, number in zip(report.parts, attribution.files, attribution.numbers):
        if file is None:
            continue
        source = chains.lines_of(file.object).source(number) if number >= 0 else None
        if source is None:
            if file not in main:
                main[file] = chains.lines_of(file.object).main_source
            source = main[file]
        if source is not None:
            part.source = numbers.setdefault(source, len(numbers))
    report.sources = list(numbers)


def _add_retained(report: SizeReport, attribution: Attribution, graph: ReferenceGraph) -> None:
    weights = [0] * graph.count
    for part, node in zip(report.parts, attribution.nodes):
        if node != NOTHING:
            weights[node] += sum(part.sizes.values())
    retained = retained_sizes(immediate_dominators(graph.successors), weights)
    for part, node in zip(report.parts, attribution.nodes):
        if node != NOTHING:
            part.retained = retained[node]
        elif part.kind == "import":
            part.retained = part.size


def _add_causes(report: SizeReport, attribution: Attribution, graph: ReferenceGraph, chains: Chains) -> None:
    parts, parents, part_of = report.parts, chains.parents, attribution.part_of_node
    children: dict[int, list[int]] = {}
    """Maps each parent to the parts that it keeps."""
    for index, (part, node) in enumerate(zip(parts, attribution.nodes)):
        if node != NOTHING and parents[node] != NOTHING:
            children.setdefault(parents[node], []).append(index)
        elif part.kind == "import":
            # No symbol names the memory.
            part.reason = "imported by the options of the link"
    references: list[tuple[Part, int, int]] = []
    for parent, indices in children.items():
        first = graph.first_references(parent) if parent != ROOT else {}
        site_of = graph.sites(parent) if first else None
        cause = part_of.get(parent, -1)
        for index in indices:
            part, node = parts[index], attribution.nodes[index]
            relocation = first.get(node)
            if relocation is not None and site_of is not None:
                part.cause = cause
                part.reason = kind_of(site_of(relocation))
                references.append((part, parent, relocation))
                continue
            part.reason = chains.reference(parent, node).kind
            if not graph.is_member(parent):
                part.cause = cause
            elif parents[parent] == ROOT:
                part.reason += " of an object given on the command line"
            else:
                part.reason += " of its object"
                part.cause = part_of.get(parents[parent], -1)
    _add_lines(report, references, graph, chains)


def _add_lines(
    report: SizeReport, references: list[tuple[Part, int, int]], graph: ReferenceGraph, chains: Chains
) -> None:
    """Add the lines of references until the budget ends: first those from other objects, which users ask for most, then
    by size."""
    parts = report.parts
    budget = max(_LEAST_LINES, report.size >> _LINES_SHIFT)
    foreign: list[tuple[Part, int, int]] = []
    local: list[tuple[Part, int, int]] = []
    for item in references:
        cause = item[0].cause
        (local if cause >= 0 and parts[cause].object == item[0].object else foreign).append(item)
    for group in (foreign, local):
        group.sort(key=lambda item: -item[0].retained)
        for part, parent, relocation in group:
            site = graph.site(parent, relocation)
            if site.section != site.file.object.code_section:
                continue
            budget -= chains.lines_of(site.file.object).cost(site.offset)
            if budget < 0:
                return
            part.line = chains.line(site)
