"""The size report of a link: parts, objects, sources, causes and retained sizes, put together."""

from __future__ import annotations

from typing import Final

from ..linking.chunks import LinkedFile, ObjectInput
from ..linking.plan import Plan
from .attribution import Attribution
from .chains import CONSTRUCTOR, RETAINED, Chains
from .dominators import immediate_dominators, retained_sizes
from .module_spans import HEADER, walk_module
from .reference_graph import FUNCTION, MEMBER, NOTHING, ROOT, ReferenceGraph
from .runtimes import runtime_of_file
from .size_report import ObjectEntry, SizeReport
from .source_names import base_name, short_name

_LINE_BYTES: Final = 256 << 10
"""How many bytes of line tables are decoded for the lines of causes, those of other objects first."""


def make_report(plan: Plan, graph: ReferenceGraph, chains: Chains, module: bytes, name: str) -> SizeReport:
    """Return the report of a finished module."""
    spans = walk_module(module)
    attribution = Attribution(plan, graph, module, spans)
    report = SizeReport(base_name(name), len(module))
    report.sections = [(HEADER, 8), *((section.label, section.end - section.start) for section in spans.sections)]
    report.parts = attribution.parts
    _add_objects(report, attribution)
    _add_sources(report, attribution, chains)
    _add_retained(report, attribution, graph)
    _add_causes(report, attribution, graph, chains)
    return report


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
    """A function is from the file that its first line is in; anything else from that which its object was made of."""
    numbers: dict[str, int] = {}
    for part, file, node in zip(report.parts, attribution.files, attribution.nodes):
        if file is None:
            continue
        lines = chains.lines_of(file.object)
        source = None
        if part.kind == "function":
            source = lines.source(chains.graph.place(node).number)
        source = source or lines.main_source
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
    parts, nodes, parents, part_of = report.parts, attribution.nodes, chains.parents, attribution.part_of_node
    labelled = []
    for index, (part, node) in enumerate(zip(parts, nodes)):
        if node == NOTHING or parents[node] == NOTHING:
            if part.kind == "import":
                # No symbol names the memory.
                part.reason = "imported by the options of the link"
            continue
        parent = parents[node]
        if parent == ROOT:
            part.reason = graph.root_reasons.get(node, "")
        elif graph.place(parent).kind == MEMBER:
            part.reason = RETAINED if graph.place(node).kind != FUNCTION else CONSTRUCTOR
            beyond = parents[parent]
            if beyond == ROOT:
                part.reason += " of an object given on the command line"
            else:
                part.reason += " of its object"
                part.cause = part_of.get(beyond, -1)
        else:
            part.cause = part_of.get(parent, -1)
            labelled.append((index, parent, node))

    # What comes from elsewhere is asked for most; the rest has lines as far as the budget goes.
    def is_foreign(item: tuple[int, int, int]) -> bool:
        part = parts[item[0]]
        return part.cause < 0 or parts[part.cause].object != part.object

    budget = _LINE_BYTES
    for index, parent, node in sorted(labelled, key=lambda item: (not is_foreign(item), -parts[item[0]].retained)):
        place = graph.place(parent)
        cost = 0
        if place.kind == FUNCTION and isinstance(place.file, ObjectInput):
            cost = chains.lines_of(place.file.object).cost(place.number)
        reference = chains.reference(parent, node, budget)
        if cost <= budget:
            budget -= cost
        parts[index].reason = reference.kind
        parts[index].line = reference.line
