"""The size report of a finished module, of any linker, from its name section and debug information."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from typing import Final

from ..binary.constants import ExternalKind, SectionId
from ..binary.reader import FormatError, Reader
from ..linking.explain.line_table import LineSequence, LineTable, next_unit, read_program, run_program
from .module_spans import HEADER, ModuleSpans, SectionSpans, SpanKind, walk_module
from .size_report import ObjectEntry, Part, SizeReport

_KINDS: Final = {0: "function", 1: "table", 2: "memory", 3: "global", 4: "tag"}
Owner = tuple[str, str]
"""The name of a function in the objects, and its object."""


def report_of_module(
    data: bytes, name: str, owners: Callable[[int], Owner | None] | None = None, *, sources: bool = True
) -> SizeReport:
    """Return a report of a module without its link.

    :param owners: the names and objects of functions by index, where the module itself has no names.
    :param sources: decode line tables, which takes longer than everything else.
    :raises FormatError: it is not a module.
    """
    spans = walk_module(data)
    report = SizeReport(name, len(data), linked=False)
    report.sections = [(HEADER, 8), *((section.label, section.end - section.start) for section in spans.sections)]
    _Attribution(spans, report, owners).run()
    if sources:
        _add_sources(data, spans, report)
    report.parts = [part for part in report.parts if part.sizes]
    return report


class _Attribution:
    def __init__(self, spans: ModuleSpans, report: SizeReport, owners: Callable[[int], Owner | None] | None) -> None:
        self._spans = spans
        self._report = report
        self._owners = owners
        self._entities: dict[tuple[int, int], Part] = {}
        self._named: dict[tuple[str, str], Part] = {}
        self._objects: dict[str, int] = {}
        self._exports: dict[tuple[int, int], bytes] = {}
        self._imports: list[Part] = []

    def run(self) -> None:
        report = self._report
        for export in self._spans.exports:
            self._exports.setdefault((export.kind, export.number), export.name)
        for entry in self._spans.imports:
            part = Part("import", f"{_text(entry.module)}.{_text(entry.name)}")
            self._imports.append(part)
            self._entities[entry.kind, entry.number] = part
            report.parts.append(part)
        self._other(HEADER).sizes[HEADER] = 8
        for section in self._spans.sections:
            label = section.label
            previous = section.start
            for end, kind, number in section.spans:
                sizes = self._owner(kind, number, section).sizes
                sizes[label] = sizes.get(label, 0) + end - previous
                previous = end

    def _owner(self, kind: int, number: int, section: SectionSpans) -> Part:
        space = _SPACES.get(kind)
        if space is not None and number >= 0:
            return self._entity(space, number)
        if kind == SpanKind.IMPORT:
            return self._imports[number]
        if kind == SpanKind.EXPORT:
            export = self._spans.exports[number]
            return self._entity(export.kind, export.number)
        if kind == SpanKind.SEGMENT:
            name = self._spans.segment_names.get(number)
            return self._other(_text(name) if name else f"data segment {number}", "data")
        if kind == SpanKind.SECTION_HEADER:
            return self._other("section headers")
        if kind in (SpanKind.SEGMENT_HEADER, SpanKind.SEGMENT_NAME):
            return self._other("segment headers and names")
        if kind == SpanKind.CUSTOM:
            return self._other(section.label, "debug" if section.name.startswith(b".debug_") else "custom")
        if kind == SpanKind.TYPE:
            return self._other("types", "type")
        if kind == SpanKind.OTHER_NAME:
            return self._other("name section")
        if kind == SpanKind.UNKNOWN:
            return self._other(section.label, "unknown")
        return self._other("counts")

    def _entity(self, kind: int, number: int) -> Part:
        part = self._entities.get((kind, number))
        if part is None:
            part = self._entities[kind, number] = self._new_entity(kind, number)
            self._report.parts.append(part)
        return part

    def _new_entity(self, kind: int, number: int) -> Part:
        what = _KINDS.get(kind, "other")
        name = symbol = b""
        object_ = -1
        if kind == ExternalKind.FUNCTION:
            name = self._spans.function_names.get(number, b"")
            owner = self._owners(number) if self._owners is not None else None
            if owner is not None:
                name = name or owner[0].encode("utf-8", "surrogateescape")
                object_ = self._object(owner[1])
        elif kind == ExternalKind.GLOBAL:
            name = self._spans.global_names.get(number, b"")
        name = name or self._exports.get((kind, number), b"")
        if name[:1] in (b"_", b"."):
            from ..demangle import demangle

            symbol = name
            name = demangle(name)
        return Part(what, _text(name) if name else f"{what} {number}", _text(symbol), object_)

    def _object(self, name: str) -> int:
        if not name:
            return -1
        number = self._objects.get(name)
        if number is None:
            number = self._objects[name] = len(self._report.objects)
            self._report.objects.append(ObjectEntry(name, name))
        return number

    def _other(self, name: str, kind: str = "overhead") -> Part:
        part = self._named.get((kind, name))
        if part is None:
            part = self._named[kind, name] = Part(kind, name)
            self._report.parts.append(part)
        return part


def _text(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")


def _add_sources(data: bytes, spans: ModuleSpans, report: SizeReport) -> None:
    """Add the source file of each function, from the line tables in the module."""
    code, lines = spans.section(SectionId.CODE), spans.section(SectionId.CUSTOM, b".debug_line")
    if code is None or lines is None:
        return
    strings = {}
    for name in (b".debug_line_str", b".debug_str"):
        section = spans.section(SectionId.CUSTOM, name)
        strings[name] = data[section.contents : section.end] if section is not None else b""
    sequences = _sequences(data[lines.contents : lines.end], strings)
    table = LineTable(sequences)
    starts = sorted(sequence.addresses[0] for sequence in sequences)
    # Functions are visited in the order of their declarations, which is that of their bodies.
    parts = iter(part for part in report.parts if part.kind == "function" and "CODE" in part.sizes)
    sources: dict[str, int] = {}
    previous = code.contents
    for end, kind, _ in code.spans:
        if kind == SpanKind.CODE:
            part = next(parts, None)
            body = Reader(data, previous, end)
            body.uleb()
            place = table.find(body.pos - code.contents)
            if place is None:
                # In most functions the rows begin after the declarations of locals.
                i = bisect_left(starts, body.pos - code.contents)
                if i < len(starts) and starts[i] < end - code.contents:
                    place = table.find(starts[i])
            if part is not None and place is not None:
                part.source = sources.setdefault(place.file, len(sources))
        previous = end
    report.sources = list(sources)


def _sequences(section: bytes, strings: dict[bytes, bytes]) -> list[LineSequence]:
    """Return the readable sequences of a section of line tables."""
    found: list[LineSequence] = []
    reader = Reader(section, 0, len(section))
    try:
        while reader.pos < reader.end:
            unit, offset_size = next_unit(reader)
            try:
                run_program(unit, read_program(unit, offset_size, strings), found)
            except FormatError:
                continue
    except FormatError:
        pass
    return found


_SPACES: Final[dict[int, int]] = {
    SpanKind.DECLARATION: ExternalKind.FUNCTION,
    SpanKind.CODE: ExternalKind.FUNCTION,
    SpanKind.FUNCTION_NAME: ExternalKind.FUNCTION,
    SpanKind.LOCAL_NAMES: ExternalKind.FUNCTION,
    SpanKind.ELEMENT: ExternalKind.FUNCTION,
    SpanKind.START: ExternalKind.FUNCTION,
    SpanKind.TABLE: ExternalKind.TABLE,
    SpanKind.MEMORY: ExternalKind.MEMORY,
    SpanKind.GLOBAL: ExternalKind.GLOBAL,
    SpanKind.GLOBAL_NAME: ExternalKind.GLOBAL,
    SpanKind.TAG: ExternalKind.TAG,
}
