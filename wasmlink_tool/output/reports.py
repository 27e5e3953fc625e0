"""Write the reports of a link: the map, the reasons for extracting members, the files read."""

from __future__ import annotations

from bisect import bisect_right

from ..binary.constants import SectionId, SymbolKind
from ..diagnostics import Diagnostics
from ..files import reason, write_file
from ..linking.chunks import InputSegment, LinkedFile
from ..linking.merged_strings import MergedStrings
from ..linking.output_segments import OutputSegment
from ..linking.plan import Plan
from ..linking.symbol_names import symbol_text
from ..linking.symbols import DEFINED, Symbol
from ..options import LinkOptions
from .encoding import OutputSection
from .sections import DataRange, data_ranges, data_segment_header
from .writer import check_inputs_stay, check_writable

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Mapping, Sequence


def write_text(path: str, text: str, what: str, diagnostics: Diagnostics) -> None:
    """Write a report to a file, or with ``-`` to standard output."""
    if path == "-":
        diagnostics.message(text.removesuffix("\n"))
        return
    try:
        write_file(path, [text.encode("utf-8", "surrogateescape")])
    except (OSError, ValueError) as error:
        diagnostics.error(f"cannot open {what} file {path}: {reason(error)}")


def check_files(
    outputs: Sequence[tuple[str, str]], read: Mapping[str, os.stat_result], diagnostics: Diagnostics
) -> None:
    """Report each output file that cannot be written, or that would replace an input.

    :param outputs: each with its name in diagnostics.
    :param read: the files that the link reads, with their status.
    """
    for path, what in outputs:
        check_writable(path, what, diagnostics)
    check_inputs_stay(outputs, read, diagnostics)


def write_why_extract(path: str, extractions: list[tuple[str, str, str]], diagnostics: Diagnostics) -> None:
    """Write the report of ``--why-extract``."""
    write_text(path, why_extract(extractions), "--why-extract=", diagnostics)


def write_reports(
    plan: Plan, sections: list[OutputSection], files_read: Iterable[str], options: LinkOptions, diagnostics: Diagnostics
) -> None:
    """Write the reports of ``--Map``, ``--print-map`` and ``--dependency-file``."""
    maps = [path for path in (options.map_file, "-" if options.print_map else None) if path is not None]
    if maps:
        text = link_map(plan, sections)
        if options.wasm_opt:
            text = f"The module before wasm-opt {options.wasm_opt}\n" + text
        for path in maps:
            write_text(path, text, "map", diagnostics)
    if options.dependency_file is not None:
        text = dependencies(options.output or "-", files_read)
        write_text(options.dependency_file, text, "dependency", diagnostics)


def write_time_report(path: str, counts: dict[str, int], diagnostics: Diagnostics) -> None:
    """Write the report of ``--time-report``."""
    report = diagnostics.time_report
    assert report is not None
    report.counts |= counts
    write_text(path, report.json() if path.endswith(".json") else report.text(), "time report", diagnostics)
    diagnostics.check()


def why_extract(extractions: list[tuple[str, str, str]]) -> str:
    """Return the lines of ``--why-extract``: each linked member, and the symbol it was extracted for."""
    rows = [("reference", "extracted", "symbol"), *extractions]
    return "".join("\t".join(row) + "\n" for row in rows)


def dependencies(target: str, files: Iterable[str]) -> str:
    """Return a Make rule for ``--dependency-file``, and a rule without a recipe for each file, so that a deleted one
    does not stop Make."""
    escaped = [_escape_for_make(file) for file in files]
    rule = " \\\n  ".join([f"{_escape_for_make(target)}:", *escaped])
    return rule + "\n" + "".join(f"\n{file}:\n" for file in escaped)


def _escape_for_make(path: str) -> str:
    out = []
    for i, character in enumerate(path):
        if character in " #":
            # Backslashes before a space or # must be doubled, others stand for themselves.
            backslashes = len(path[:i]) - len(path[:i].rstrip("\\"))
            out.append("\\" * (backslashes + 1))
        elif character == "$":
            out.append("$")
        out.append(character)
    return "".join(out)


# The map


def link_map(plan: Plan, sections: list[OutputSection]) -> str:
    """Return the map: the position of each section, chunk and symbol. File offsets are in hexadecimal."""
    lines = [f"{'Addr':>8} {'Off':>8} {'Size':>8} Out     In      Symbol"]
    symbols = _symbols_by_chunk(plan)
    for section in sections:
        lines.append(_row(None, section.offset, len(section.header) + section.size, 0, section.label))
        if section.id == SectionId.CODE:
            lines += _functions(plan, section, symbols)
        elif section.id == SectionId.DATA:
            lines += _segments(plan, section, symbols)
        elif section.id == SectionId.GLOBAL:
            for file in plan.spaces.files:
                for name, live, number in zip(file.global_names, bytes(file.global_live), file.global_numbers):
                    if live:
                        lines.append(_row(number, 0, 0, 8, symbol_text(name)))
    return "\n".join(lines) + "\n"


_Chunk = tuple[LinkedFile, int] | InputSegment


def _row(address: int | None, offset: int, size: int, indent: int, label: str) -> str:
    where = "-" if address is None else f"{address:x}"
    return f"{where:>8} {offset:>8x} {size:>8x} {' ' * indent}{label}"


def _symbols_by_chunk(plan: Plan) -> dict[_Chunk, list[Symbol]]:
    found: dict[_Chunk, list[Symbol]] = {}
    for file in plan.resolution.objects:
        for symbol in file.symbols:
            origin = symbol.file if symbol.folded_from is None else symbol.folded_from[0]
            if origin is not file or symbol.file is None:
                continue
            if symbol.stub is not None and symbol.stub.file is not None:
                found.setdefault((symbol.stub.file, symbol.stub.index), []).append(symbol)
            elif symbol.state != DEFINED or not symbol.is_live:
                continue
            elif symbol.kind == SymbolKind.FUNCTION:
                found.setdefault((symbol.file, symbol.index), []).append(symbol)
            elif symbol.kind == SymbolKind.DATA and symbol.segment is not None:
                found.setdefault(symbol.segment, []).append(symbol)
    return found


def _functions(plan: Plan, section: OutputSection, symbols: dict[_Chunk, list[Symbol]]) -> Iterator[str]:
    for file, start, stop in plan.spaces.function_runs():
        for index in range(start, stop):
            offset = section.offset + file.function_offsets[index]
            size = file.function_size(index)
            yield _row(None, offset, size, 8, file.describe_function(index))
            for symbol in symbols.get((file, index), ()):
                yield _row(None, offset, 0 if symbol.stub else size, 16, str(symbol))


def _segments(plan: Plan, section: OutputSection, symbols: dict[_Chunk, list[Symbol]]) -> Iterator[str]:
    in_file: dict[OutputSegment, list[DataRange]] = {}
    for data_range in data_ranges(plan):
        in_file.setdefault(data_range.segment, []).append(data_range)
    for segment in plan.segments:
        parts = in_file.get(segment, [])
        if not parts:
            yield _row(segment.address, section.offset, segment.size, 0, symbol_text(segment.name))
        shown = 0
        for chunk in segment.chunks:
            # Where zeros are left out, a segment is in the file in several parts.
            while shown < len(parts) and parts[shown].start < chunk.offset + max(chunk.size, 1):
                yield _part(plan, section, parts[shown])
                shown += 1
            offset = _file_offset(section, parts, chunk.offset)
            address = segment.address + chunk.offset
            if isinstance(chunk, MergedStrings):
                yield _row(address, offset, chunk.size, 8, f"<internal>:({symbol_text(chunk.name)})")
                continue
            yield _row(address, offset, chunk.size, 8, str(chunk))
            for symbol in symbols.get(chunk, ()):
                place = _file_offset(section, parts, chunk.offset + symbol.value)
                yield _row(symbol.tls_offset if symbol.is_tls else symbol.address, place, symbol.size, 16, str(symbol))
        for part in parts[shown:]:
            yield _part(plan, section, part)


def _part(plan: Plan, section: OutputSection, part: DataRange) -> str:
    """Return the row of a data segment."""
    header = data_segment_header(plan, part.segment, part.start, part.end)
    start = section.offset + part.position - len(header)
    return _row(part.segment.address + part.start, start, part.end - part.start, 0, symbol_text(part.segment.name))


def _file_offset(section: OutputSection, parts: list[DataRange], offset: int) -> int:
    """Return where in the file a byte of an output segment is; 0 where it is not."""
    i = bisect_right(parts, offset, key=lambda part: part.start) - 1
    if i < 0 or (offset >= parts[i].end and parts[i].end < parts[i].segment.size):
        return 0
    return section.offset + parts[i].position + offset - parts[i].start
