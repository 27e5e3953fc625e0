"""A size report as text: totals by section, library, object and source, and the largest parts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from .size_report import SizeReport

_PARTS: Final = 100
_GROUPS: Final = 40


def report_as_text(report: SizeReport) -> str:
    return "\n".join(_lines(report)) + "\n"


def _lines(report: SizeReport) -> Iterator[str]:
    yield f"{report.module}: {report.size:,} bytes"
    yield from _table("Sections", report.sections, report.size, limit=None)
    parts = report.parts
    yield from _groups(report, "Libraries", (library_of(report, part.object) for part in parts))
    yield from _groups(report, "Objects", (report.object_name(part) or "(linker)" for part in parts))
    if report.sources:
        yield from _groups(report, "Sources", (report.source_name(part) or "(unknown)" for part in parts))
    yield from _groups(report, "Language runtimes", (report.runtime(part) or "(the program)" for part in parts))
    overhead = sum(part.overhead for part in parts)
    if overhead:
        yield ""
        yield f"Padded numbers in code take {overhead:,} bytes; --compress-relocations saves them."
    yield ""
    largest = sorted(parts, key=lambda part: -part.size)
    retained = f" {'Retained':>10}" if report.linked else ""
    yield f"{'Size':>10}{retained}  Part"
    for part in largest[:_PARTS]:
        columns = f"{part.size:>10,}" + (f" {part.retained:>10,}" if report.linked else "")
        owner = report.object_name(part)
        cause = ""
        if part.cause >= 0:
            cause = f", {part.reason} from {report.parts[part.cause].name}"
        elif part.reason:
            cause = f", {part.reason}"
        if part.line:
            cause += f" at {part.line}"
        folded = f", and {len(part.folded):,} folded into it" if part.folded else ""
        yield f"{columns}  {part.name} ({part.kind}{', ' + owner if owner else ''}{cause}{folded})"
    if len(largest) > _PARTS:
        rest = largest[_PARTS:]
        gap = " " * len(retained)
        yield f"{sum(part.size for part in rest):>10,}{gap}  {len(rest):,} more parts"


def library_of(report: SizeReport, number: int) -> str:
    """Return the archive of an object, or a text for an object that is from none."""
    if number < 0:
        return "(linker)" if report.linked else "(the module)"
    entry = report.objects[number]
    return entry.name.partition("(")[0] if entry.member else "(objects)"


def _groups(report: SizeReport, title: str, keys: Iterable[str]) -> Iterator[str]:
    sums: dict[str, int] = {}
    for key, part in zip(keys, report.parts):
        sums[key] = sums.get(key, 0) + part.size
    yield from _table(title, sorted(sums.items(), key=lambda item: (-item[1], item[0])), report.size, limit=_GROUPS)


def _table(title: str, rows: list[tuple[str, int]], total: int, *, limit: int | None) -> Iterator[str]:
    yield ""
    yield f"{title}:"
    for name, size in rows[:limit]:
        yield f"{size:>10,} {100 * size / total:>5.1f} %  {name}"
    if limit is not None and len(rows) > limit:
        rest = sum(size for _, size in rows[limit:])
        yield f"{rest:>10,} {100 * rest / total:>5.1f} %  {len(rows) - limit:,} more"
