"""The changes between two size reports, with their causes.

A member or object in only one of the reports is one change, explained by the part of it that was reached first. In
objects that both have, the parts are compared by kind and symbol.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from .size_report import Part, SizeReport

FORMAT: Final = "wasmlink size changes"
VERSION: Final = 1

_PHRASES: Final = {
    "call": "called first by",
    "address taken": "its address is taken first by",
    "data": "referred to first by",
    "global": "used first by",
    "exception tag": "thrown or caught first by",
    "imported as": "called first by",
}
_NUMBERED: Final = re.compile(r"(\.\d+)?$")


@dataclass
class Change:
    """A part, or a whole object, whose size changed."""

    kind: str
    """The kind of the part; ``object`` for a whole one."""
    name: str
    object: str
    old: int
    new: int
    why: str = ""
    sections: dict[str, int] = field(default_factory=dict)
    """The change of each section."""

    @property
    def delta(self) -> int:
        return self.new - self.old

    @property
    def label(self) -> str:
        """The name in a line of a report."""
        if self.kind == "object" or not self.object:
            return self.name
        return f"{self.name} ({self.object})"


@dataclass
class SizeChanges:
    """All changes between two modules, the largest first. Their sum is the difference of the files."""

    module: str
    old: int
    new: int
    changes: list[Change]
    sections: list[tuple[str, int, int]]
    """Name, old and new size."""

    @property
    def delta(self) -> int:
        return self.new - self.old


class _Objects:
    """The parts of a report by object name; linker-defined ones under the empty name."""

    def __init__(self, report: SizeReport) -> None:
        self.report = report
        self.parts: dict[str, list[Part]] = {}
        for part in report.parts:
            self.parts.setdefault(report.object_name(part), []).append(part)

    def by_symbol(self, name: str) -> dict[tuple[str, str], list[Part]]:
        found: dict[tuple[str, str], list[Part]] = {}
        for part in self.parts.get(name, ()):
            symbol = part.symbol or part.name
            if symbol.startswith(".L"):
                # Compilers renumber these when another one is added before them.
                symbol = _NUMBERED.sub(".*", symbol, count=1)
            found.setdefault((part.kind, symbol), []).append(part)
        return found


def compare(old: SizeReport, new: SizeReport) -> SizeChanges:
    """Return the changes from one report to another."""
    before, after = _Objects(old), _Objects(new)
    changes: list[Change] = []
    for name in dict.fromkeys((*before.parts, *after.parts)):
        if name and (name not in before.parts or name not in after.parts):
            gone, come = before.parts.get(name, []), after.parts.get(name, [])
            why = why_linked(new, come) if come else ""
            changes.append(_change("object", name, name, gone, come, why))
            continue
        olds, news = before.by_symbol(name), after.by_symbol(name)
        for key in dict.fromkeys((*olds, *news)):
            gone, come = olds.get(key, []), news.get(key, [])
            why = "" if gone or not come else why_live(new, come[0])
            shown = key[1] if key[1].startswith(".L") else (come or gone)[0].name
            change = _change(key[0], shown, name, gone, come, why)
            if change.delta or change.sections:
                changes.append(change)
    changes.sort(key=lambda change: (-abs(change.delta), -change.delta, change.name))
    return SizeChanges(new.module, old.size, new.size, changes, _compare_sections(old, new))


def _change(kind: str, name: str, object_: str, gone: list[Part], come: list[Part], why: str) -> Change:
    sections: dict[str, int] = {}
    for sign, parts in ((-1, gone), (1, come)):
        for part in parts:
            for section, size in part.sizes.items():
                sections[section] = sections.get(section, 0) + sign * size
    sections = {section: delta for section, delta in sections.items() if delta}
    return Change(kind, name, object_, sum(p.size for p in gone), sum(p.size for p in come), why, sections)


def _compare_sections(old: SizeReport, new: SizeReport) -> list[tuple[str, int, int]]:
    before, after = _sums(old.sections), _sums(new.sections)
    return [(name, before.get(name, 0), after.get(name, 0)) for name in dict.fromkeys((*after, *before))]


def _sums(sections: Iterable[tuple[str, int]]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for name, size in sections:
        sums[name] = sums.get(name, 0) + size
    return sums


def why_linked(report: SizeReport, parts: list[Part]) -> str:
    """Return why an object is in the module: the parts of it that another object or the link itself needs; largest
    first."""
    entries = []
    for part in parts:
        cause = report.parts[part.cause] if part.cause >= 0 else None
        if part.reason and (cause is None or cause.object != part.object):
            entries.append(part)
    if not entries:
        return "linked, but nothing in it is live"
    entry = max(entries, key=lambda part: (part.retained, part.size))
    return why_live(report, entry)


def why_live(report: SizeReport, part: Part) -> str:
    """Return the first reference to a part: ``called first by log.c:41``."""
    if part.cause < 0:
        return part.reason
    cause = report.parts[part.cause]
    phrase = _PHRASES.get(part.reason, f"{part.reason}:" if part.reason else "kept by")
    if part.line and part.line.rpartition(":")[0] == report.source_name(cause):
        return f"{phrase} {part.line}"
    if part.line:
        # The reference was inlined there.
        return f"{phrase} {cause.name} at {part.line}"
    owner = report.object_name(cause)
    return f"{phrase} {cause.name}" + (f" ({owner})" if owner else "")


def signed(number: int) -> str:
    return f"{number:+,}"


# As text, JSON and Markdown


def changes_as_text(changes: SizeChanges, limit: int | None = 50) -> str:
    return "\n".join(_text_lines(changes, limit)) + "\n"


def _text_lines(changes: SizeChanges, limit: int | None) -> Iterator[str]:
    yield f"{changes.module}: {changes.new:,} bytes ({signed(changes.delta)})"
    shown = changes.changes[:limit]
    width = max([len(signed(change.delta)) for change in shown], default=0)
    for change in shown:
        state = "" if change.old and change.new else " (new)" if change.new else " (gone)"
        why = f", {change.why}" if change.why else ""
        yield f"{signed(change.delta):>{width}} {change.label}{state}{why}"
    rest = changes.changes[len(shown) :]
    if rest:
        yield f"{signed(sum(change.delta for change in rest)):>{width}} in {len(rest):,} more"
    moved = [(name, old, new) for name, old, new in changes.sections if old != new]
    if moved:
        yield ""
        yield "Sections:"
        for name, old, new in moved:
            yield f"{signed(new - old):>{width}} {name} ({old:,} to {new:,})"


def changes_as_json(changes: SizeChanges) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "version": VERSION,
        "module": changes.module,
        "old": changes.old,
        "new": changes.new,
        "delta": changes.delta,
        "sections": [{"name": name, "old": old, "new": new} for name, old, new in changes.sections],
        "changes": [
            {
                "kind": change.kind,
                "name": change.name,
                "object": change.object,
                "old": change.old,
                "new": change.new,
                "delta": change.delta,
                "why": change.why,
                "sections": change.sections,
            }
            for change in changes.changes
        ],
    }


def changes_as_markdown(changes: SizeChanges, limit: int | None = 20) -> str:
    """Return the changes as a comment for a pull request."""
    percent = f", {100 * changes.delta / changes.old:+.1f} %" if changes.old else ""
    lines = [f"### `{changes.module}`: {changes.new:,} bytes ({signed(changes.delta)}{percent})", ""]
    shown = changes.changes[:limit]
    if not shown:
        return "\n".join([*lines, "No part changed.", ""])
    lines += ["| Change | Size | Part | Object | Why |", "|--:|--:|---|---|---|"]
    for change in shown:
        new = f"{change.new:,}" if change.new else "gone"
        owner = "" if change.kind == "object" else change.object
        cells = (signed(change.delta), new, _code(change.name), _code(owner), _escaped(change.why))
        lines.append("| " + " | ".join(cells) + " |")
    rest = changes.changes[len(shown) :]
    if rest:
        lines += ["", f"{signed(sum(change.delta for change in rest))} in {len(rest):,} more parts."]
    moved = [f"{name} {signed(new - old)}" for name, old, new in changes.sections if old != new]
    if moved:
        lines += ["", f"By section: {_escaped(', '.join(moved))}."]
    return "\n".join(lines) + "\n"


def _code(text: str) -> str:
    """Return a name for a cell of a table."""
    if not text:
        return ""
    shown = text if len(text) <= 120 else f"{text[:117]}..."
    return f"`{shown.replace('`', chr(39)).replace('|', chr(92) + '|')}`"


def _escaped(text: str) -> str:
    for character in "\\|*_<>`[]":
        text = text.replace(character, f"\\{character}")
    return text
