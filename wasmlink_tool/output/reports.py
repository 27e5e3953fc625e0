"""Write the reports of a link: the map, the reasons for extracting members, the files read."""

from __future__ import annotations

from itertools import chain, islice

from ..diagnostics import Diagnostics
from ..files import reason, write_file
from ..linking.plan import Plan
from ..options import LinkOptions
from .encoding import OutputSection
from .link_map import map_rows
from .writer import check_inputs_stay, check_writable

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Final

_LINES: Final = 1000
"""The number of lines of a map that are written at once."""


def write_text(path: str, text: str, what: str, diagnostics: Diagnostics) -> None:
    """Write a report to a file, or with ``-`` to standard output."""
    if path == "-":
        diagnostics.message(text.removesuffix("\n"))
        return
    try:
        write_file(path, [text.encode("utf-8", "surrogateescape")])
    except (OSError, ValueError) as error:
        diagnostics.error(f"cannot open {what} file {path}: {reason(error)}")


def _write_lines(path: str, lines: Iterator[str], what: str, diagnostics: Diagnostics) -> None:
    """Write a report of very many lines like :func:`write_text`, without all of it in memory."""
    if path == "-":
        for text in _joined(lines):
            diagnostics.message(text)
        return
    try:
        write_file(path, (f"{text}\n".encode("utf-8", "surrogateescape") for text in _joined(lines)))
    except (OSError, ValueError) as error:
        diagnostics.error(f"cannot open {what} file {path}: {reason(error)}")


def _joined(lines: Iterator[str]) -> Iterator[str]:
    while part := list(islice(lines, _LINES)):
        yield "\n".join(part)


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
        title = [f"The module before wasm-opt {options.wasm_opt}"] if options.wasm_opt else []
        for path in maps:
            _write_lines(path, chain(title, map_rows(plan, sections)), "map", diagnostics)
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
