"""``--why-live``: the meaning of a pattern, and the chains that answer it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from ..linking.chunks import InputSegment, LinkedFile, ObjectInput
from ..linking.imports import import_names
from ..linking.plan import Plan
from ..linking.symbols import DEFINED, LAZY, Symbol
from .chains import Chains, Reference
from .live_names import LiveNames, name_text
from .reference_graph import FUNCTION, IMPORT, MEMBER, NOTHING, ROOT, SEGMENT, ReferenceGraph
from .source_names import short_name

_PREFIXES: Final = ("import:", "section:", "member:")


@dataclass(frozen=True)
class Step:
    """One node of a chain, and the reference to it from the node before."""

    name: str
    symbol: str
    kind: str
    object: str
    """The object file, or the member with its archive; empty for linker-defined nodes and imports."""
    reference: Reference
    folded: str = ""
    """The name that the reference has, if identical code folding replaced what it names by this node."""


@dataclass
class Answer:
    """The result for one pattern."""

    pattern: str
    chains: list[list[Step]]
    absent: list[str]
    """Notes about matches that are not in the output."""
    folds: list[str]
    """Notes about matches that identical code folding replaced by another function or constant."""


class LiveQueries:
    """Answers patterns about one link."""

    def __init__(self, plan: Plan, chains: Chains) -> None:
        self._plan = plan
        self._chains = chains
        self._graph: ReferenceGraph = chains.graph
        self._shown = plan.resolution.table.names.text
        self._names = LiveNames(plan, self._graph)
        self._folds: dict[str, None] = {}

    def answer(self, pattern: str) -> Answer:
        self._folds = {}
        nodes = list(dict.fromkeys(node for node in self._find(pattern) if node != NOTHING))
        chains = [chain for node in nodes if (chain := self._steps(node))]
        absent = list(self._absent(pattern)) if not chains else []
        return Answer(pattern, chains, absent, list(self._folds))

    def _node(self, found: Symbol | int) -> int:
        """Return the node of what matches."""
        if isinstance(found, int):
            return found
        symbol = found
        node = self._graph.node(symbol)
        if symbol.folded_from is not None and node != NOTHING:
            where = short_name(symbol.folded_from[0])
            into = self._step(node, Reference(""))
            self._folds[f"{self._shown(symbol.name)} ({where}) is folded into {into.name} ({into.object})"] = None
        return node

    # What a pattern means

    def _find(self, pattern: str) -> Iterator[int]:
        kind, wanted = _split(pattern)
        names = self._names
        if kind in ("import:", ""):
            yield from names.imports(wanted, qualified=kind == "import:" or "." in wanted)
        if kind == "":
            yield from map(self._node, names.symbols(wanted))
        if kind in ("section:", "") and (kind or wanted.startswith(".")):
            yield from map(self._node, names.segments(wanted))
        if kind in ("member:", "") and (kind or wanted.endswith((".o", ")", ".obj")) or "(" in wanted):
            for file in names.members(wanted):
                yield from self._nearest(file)

    def _nearest(self, file: ObjectInput) -> list[int]:
        """Return the live node of an object that is nearest to a root, if there is one."""
        depths = self._chains.depths
        nodes = [self._graph.member(file), *self._graph.live_nodes_of(file)]
        reached = [node for node in nodes if depths[node] >= 0]
        return [min(reached, key=lambda node: (depths[node], node))] if reached else []

    def _absent(self, pattern: str) -> Iterator[str]:
        kind, wanted = _split(pattern)
        if kind:
            return
        for name in self._names.resolved(wanted):
            symbol = self._plan.resolution.symbols[name]
            shown = self._shown(name)
            if symbol.state == LAZY:
                yield f"{shown} is not linked: nothing needs it from {symbol.file_name}"
            elif symbol.state == DEFINED and not symbol.is_live:
                yield f"{shown} is not in the output: nothing live refers to it (defined in {symbol.file_name})"
            elif symbol.state != DEFINED:
                yield f"{shown} is not in the output: nothing live refers to it, and nothing defines it"

    # Chains

    def _steps(self, node: int) -> list[Step]:
        steps = []
        before = ROOT
        for at in self._chains.chain(node):
            reference = self._chains.reference(before, at)
            folded = self._shown(reference.folded.name) if reference.folded is not None else ""
            steps.append(replace(self._step(at, reference), folded=folded))
            before = at
        return steps

    def _step(self, node: int, reference: Reference) -> Step:
        kind, file, number = self._graph.place(node)
        name = b""
        if kind == IMPORT:
            return Step(self._import_name(number), "", kind, "", reference)
        assert file is not None
        if kind == FUNCTION:
            name = file.function_names[number] or file.function_debug_names.get(number, b"")
        elif kind == SEGMENT:
            name = _segment_name(file, file.segments[number])
        elif kind == MEMBER:
            return Step(short_name(file), "", kind, short_name(file), reference)
        elif kind == "global":
            name = file.global_names[number]
        elif kind == "tag":
            name = file.tag_names[number]
        elif kind == "table":
            name = file.table_names[number]
        shown = self._shown(name) if name else f"{kind} {number}"
        owner = short_name(file) if isinstance(file, ObjectInput) else ""
        return Step(shown, name_text(name), kind, owner, reference)

    def _import_name(self, number: int) -> str:
        imports = self._plan.spaces.imports
        if number < len(imports.symbols):
            module, name = import_names(imports.symbols[number])
            return f"{name_text(module)}.{name_text(name)}"
        return f"GOT.{name_text(imports.got[number - len(imports.symbols)].name)}"


def _split(pattern: str) -> tuple[str, str]:
    prefix = next((prefix for prefix in _PREFIXES if pattern.startswith(prefix)), "")
    return prefix, pattern[len(prefix) :]


def _segment_name(file: LinkedFile, segment: InputSegment) -> bytes:
    """Return the name of a segment's first symbol, or of the segment."""
    for symbol in file.symbols:
        if symbol.segment is segment and symbol.name:
            return symbol.name
    return segment.name


def answers_text(answers: list[Answer]) -> str:
    """Return the chains as text: from the root down, a line for each step."""
    lines: list[str] = []
    for answer in answers:
        lines += answer.folds
        for chain in answer.chains:
            last = chain[-1]
            where = f", {last.object}" if last.object and last.kind != MEMBER else ""
            lines.append(f"{last.name} ({last.kind}{where})")
            width = min(max(len(step.name) for step in chain), 60)
            for step in chain:
                reason = step.reference.kind + (f" at {step.reference.line}" if step.reference.line else "")
                reason += f" to {step.folded} (folded)" if step.folded else ""
                tail = f"  {step.object}" if step.object and step.object != step.name else ""
                lines.append(f"  {step.name:<{width}}  {reason}{tail}")
        lines += answer.absent
    return "\n".join(lines) + "\n" if lines else ""


def answers_json(answers: list[Answer]) -> str:
    value: dict[str, Any] = {
        "format": "wasmlink why-live",
        "version": 1,
        "answers": [
            {
                "pattern": answer.pattern,
                "chains": [[_step_fields(step) for step in chain] for chain in answer.chains],
                "absent": answer.absent,
                **({"folds": answer.folds} if answer.folds else {}),
            }
            for answer in answers
        ],
    }
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


def _step_fields(step: Step) -> dict[str, str]:
    fields = {"name": step.name, "kind": step.kind, "reference": step.reference.kind}
    for key, text in (
        ("symbol", step.symbol),
        ("object", step.object),
        ("line", step.reference.line),
        ("folded", step.folded),
    ):
        if text and text != step.name:
            fields[key] = text
    return fields
