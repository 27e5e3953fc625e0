"""The contents of a module: the parts that its bytes belong to, and their form as JSON.

The sizes of all parts add up to the size of the file. Names are shown as in the source; ``symbol`` is the name in the
object files.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Final

from .runtimes import runtime_of_symbol

FORMAT: Final = "wasmlink size report"
VERSION: Final = 1


class ReportError(Exception):
    """A file is not a size report; the text is the reason, without the file's name."""


@dataclass
class ObjectEntry:
    """A file that the module was linked from."""

    name: str
    """A short name: ``libc.a(printf.o)``, ``main.o``."""
    path: str
    """The file as it was given to the link; for a member, its archive."""
    member: str = ""
    runtime: str = ""
    """The part of a language's runtime that it belongs to; empty for the program's own."""


@dataclass
class Part:
    """Something that takes bytes of the module: a function, a data symbol, the debug information of an object ..."""

    kind: str
    name: str
    symbol: str = ""
    object: int = -1
    """The index of the object; -1 for linker-defined parts."""
    source: int = -1
    """The index of the source file."""
    sizes: dict[str, int] = field(default_factory=dict)
    """Bytes by section."""
    retained: int = 0
    """How much smaller the module would be without references to the part: its size and that of everything that only it
    keeps."""
    overhead: int = 0
    """The number of its bytes that shorter encodings would save: padded numbers."""
    cause: int = -1
    """The index of the part that refers to it first on the shortest chain from a root; -1: it is a root itself."""
    reason: str = ""
    """The kind of that reference; for a root, the reason why it is one."""
    line: str = ""
    """The location of that reference: ``file:line``."""
    folded: list[str] = field(default_factory=list)
    """Identical functions or data that were folded into it, each with its object."""

    @property
    def size(self) -> int:
        return sum(self.sizes.values())


@dataclass
class SizeReport:
    """All parts of one module."""

    module: str
    """The name of the file."""
    size: int
    sections: list[tuple[str, int]] = field(default_factory=list)
    """In the module's order, with their headers; the module's own header comes first."""
    objects: list[ObjectEntry] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    linked: bool = True
    """Whether this linker linked it: only then are causes and retained sizes known."""

    def object_name(self, part: Part) -> str:
        return self.objects[part.object].name if part.object >= 0 else ""

    def source_name(self, part: Part) -> str:
        return self.sources[part.source] if part.source >= 0 else ""

    def runtime(self, part: Part) -> str:
        """Return the language runtime of a part, ``linker``, or an empty string for the program's own."""
        if part.object >= 0 and self.objects[part.object].runtime:
            return self.objects[part.object].runtime
        found = runtime_of_symbol((part.symbol or part.name).encode("utf-8", "replace"))
        return found or ("linker" if part.object < 0 and self.linked else "")


def to_json(report: SizeReport) -> str:
    """Return a report as JSON, with a part on each line."""
    head = {
        "format": FORMAT,
        "version": VERSION,
        "module": report.module,
        "size": report.size,
        "linked": report.linked,
        "sections": [{"name": name, "size": size} for name, size in report.sections],
        "objects": [
            {key: value for key, value in vars(entry).items() if value or key == "name"} for entry in report.objects
        ],
        "sources": report.sources,
    }
    lines = [json.dumps(head, ensure_ascii=False)[:-1] + ', "parts": [']
    parts = json.dumps([_part_fields(part) for part in report.parts], ensure_ascii=False)
    # No string contains these characters: its quotes are escaped.
    lines.append(parts[1:-1].replace('}, {"kind"', '},\n{"kind"'))
    return "\n".join(lines) + "\n]}\n"


def _part_fields(part: Part) -> dict[str, Any]:
    fields: dict[str, Any] = {"kind": part.kind, "name": part.name}
    if part.symbol and part.symbol != part.name:
        fields["symbol"] = part.symbol
    if part.object >= 0:
        fields["object"] = part.object
    if part.source >= 0:
        fields["source"] = part.source
    sizes = part.sizes
    fields["size"] = sum(sizes.values())
    fields["sizes"] = sizes
    if part.retained:
        fields["retained"] = part.retained
    if part.overhead:
        fields["overhead"] = part.overhead
    if part.cause >= 0:
        fields["cause"] = part.cause
    if part.reason:
        fields["reason"] = part.reason
    if part.line:
        fields["line"] = part.line
    if part.folded:
        fields["folded"] = part.folded
    return fields


def is_report(data: bytes) -> bool:
    """Return whether a file that begins so may be a report in JSON."""
    return data.lstrip()[:1] == b"{"


def from_json(text: str | bytes) -> SizeReport:
    """Return a report from the JSON that :func:`to_json` made.

    :raises ReportError: it is something else, or damaged.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ReportError(f"not JSON: {error}") from None
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise ReportError("not a size report: write one with --size-report=<file>.json")
    if value.get("version") != VERSION:
        raise ReportError(f"a size report of version {value.get('version')!r}; this linker reads version {VERSION}")
    try:
        report = SizeReport(
            module=_checked(str, value["module"]),
            size=_checked(int, value["size"]),
            sections=[(_checked(str, s["name"]), _checked(int, s["size"])) for s in value["sections"]],
            objects=[
                ObjectEntry(**{key: _checked(str, text) for key, text in {"path": "", **o}.items()})
                for o in value["objects"]
            ],
            sources=[_checked(str, source) for source in value["sources"]],
            parts=[_part(entry) for entry in value["parts"]],
            linked=_checked(bool, value["linked"]),
        )
        _check(report)
    except (KeyError, TypeError, AttributeError) as error:
        raise ReportError(f"a damaged size report: {error}") from None
    return report


def _checked(type_: Any, value: Any) -> Any:
    if not isinstance(value, type_):
        raise TypeError(f"{value!r} is not {type_.__name__}")
    return value


def _part(entry: dict[str, Any]) -> Part:
    sizes = {_checked(str, section): _checked(int, size) for section, size in entry["sizes"].items()}
    numbers = {
        key: _checked(int, entry[key]) for key in ("object", "source", "retained", "overhead", "cause") if key in entry
    }
    texts = {key: _checked(str, entry[key]) for key in ("symbol", "reason", "line") if key in entry}
    folded = [_checked(str, name) for name in _checked(list, entry.get("folded", []))]
    kind, name = _checked(str, entry["kind"]), _checked(str, entry["name"])
    return Part(kind=kind, name=name, sizes=sizes, folded=folded, **numbers, **texts)


def _check(report: SizeReport) -> None:
    for part in report.parts:
        for index, entries in (
            (part.object, report.objects),
            (part.source, report.sources),
            (part.cause, report.parts),
        ):
            if not -1 <= index < len(entries):
                raise TypeError(f"index {index} of {part.name}")


def causes(report: SizeReport, index: int) -> list[int]:
    """Return the chain that keeps a part: from the root's part to the part itself."""
    chain = [index]
    seen = {index}
    while (index := report.parts[index].cause) >= 0 and index not in seen:
        seen.add(index)
        chain.append(index)
    return chain[::-1]
