"""``wasmlink-size``: reports of finished modules, differences between reports, chains from a report."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence

from ..binary.reader import FormatError
from ..files import read_input, reason, write_file
from .finished_module import report_of_module
from .html_page import html_page
from .live_patterns import matcher
from .size_changes import SizeChanges, changes_as_json, changes_as_markdown, changes_as_text, compare
from .size_report import ReportError, SizeReport, causes, from_json, is_report, to_json
from .size_text import report_as_text
from .source_names import base_name

FORMATS = ("text", "json", "markdown", "html")
_SUFFIXES = {".json": "json", ".md": "markdown", ".html": "html", ".htm": "html"}
PROGRAM = "wasmlink-size"

_EPILOG = """\
A file is a report that a link wrote with --size-report=<file>.json, or a module that any linker made. With one file the
report is printed, with two what changed from the first to the second.
"""


class _CommandError(Exception):
    """An error that ends the command, with the text for the user."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(PROGRAM, description="Show the contents of modules by size.", epilog=_EPILOG)
    parser.add_argument("old", metavar="FILE", help="a report, or a module")
    parser.add_argument("new", metavar="NEW", nargs="?", help="compare FILE with this one")
    parser.add_argument("-o", "--output", metavar="FILE", help="write to a file; its suffix chooses the format")
    parser.add_argument("--format", choices=FORMATS, help="default: text, or what the suffix of the output says")
    parser.add_argument("--top", type=int, metavar="N", help="how many changes are listed in text and Markdown")
    parser.add_argument(
        "--why-live", action="append", default=[], metavar="NAME", help="show the chain that keeps a part in; a glob"
    )
    options = parser.parse_args(arguments)
    try:
        text = _text(options)
        if options.output:
            _write(options.output, text)
        else:
            _print(text)
    except _CommandError as error:
        print(f"{PROGRAM}: error: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # The reader closed the pipe.
        return 1
    return 0


def _print(text: str) -> None:
    """:raises BrokenPipeError: nobody reads it."""
    if sys.stdout is None:
        raise _CommandError("cannot write to standard output: it is closed")
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        # The rest of the buffer must not be written again when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            raise
        raise _CommandError(f"cannot write to standard output: {reason(error)}") from None


def _text(options: argparse.Namespace) -> str:
    suffix = os.path.splitext(options.output or "")[1].lower()
    form = options.format or _SUFFIXES.get(suffix, "text")
    report = _read(options.old)
    if options.why_live:
        return "".join(_chains(report, pattern) for pattern in options.why_live)
    if options.new is None:
        return _report(report, form)
    new = _read(options.new)
    return _changes(compare(report, new), new, form, options.top)


def _report(report: SizeReport, form: str) -> str:
    if form == "json":
        return to_json(report)
    if form == "html":
        return html_page(report)
    if form == "markdown":
        return changes_as_markdown(compare(SizeReport(report.module, 0), report))
    return report_as_text(report)


def _changes(changes: SizeChanges, new: SizeReport, form: str, top: int | None) -> str:
    if form == "json":
        return json.dumps(changes_as_json(changes), ensure_ascii=False, indent=1) + "\n"
    if form == "html":
        return html_page(new, changes)
    if form == "markdown":
        return changes_as_markdown(changes, 20 if top is None else top)
    return changes_as_text(changes, 50 if top is None else top)


def _read(path: str) -> SizeReport:
    try:
        content, _ = read_input(path, lambda head: is_report(head) or head.startswith(b"\0asm"))
    except (OSError, ValueError) as error:
        raise _CommandError(f"cannot open {path}: {reason(error)}") from None
    try:
        if content.startswith(b"\0asm"):
            return report_of_module(content, base_name(path))
        return from_json(content)
    except (FormatError, ReportError) as error:
        raise _CommandError(f"{path}: {error}") from None


def _write(path: str, text: str) -> None:
    try:
        write_file(path, [text.encode("utf-8", "replace")])
    except (OSError, ValueError) as error:
        raise _CommandError(f"cannot write {path}: {reason(error)}") from None


def _chains(report: SizeReport, pattern: str) -> str:
    if not report.linked:
        raise _CommandError(
            "only a link knows what keeps a part in: give the report that --size-report=<file>.json wrote"
        )
    matches = matcher(pattern.removeprefix("import:"))
    found = [
        i
        for i, part in enumerate(report.parts)
        if part.reason
        and (
            matches(part.symbol or part.name)
            or matches(part.name)
            or matches(part.name.partition("(")[0])
            or matches(report.object_name(part))
            or any(matches(name.partition(" (")[0]) for name in part.folded)
        )
    ]
    if not found:
        raise _CommandError(f"no part of {report.module} is called {pattern}")
    lines = []
    for index in found:
        chain = [report.parts[i] for i in causes(report, index)]
        owner = report.object_name(chain[-1])
        lines += [
            f"{name} is folded into {chain[-1].name}" for name in chain[-1].folded if matches(name.partition(" (")[0])
        ]
        lines.append(f"{chain[-1].name} ({chain[-1].kind}{', ' + owner if owner else ''})")
        width = min(max(len(part.name) for part in chain), 60)
        for part in chain:
            owner = report.object_name(part)
            where = f" at {part.line}" if part.line else ""
            lines.append(f"  {part.name:<{width}}  {part.reason}{where}" + (f"  {owner}" if owner else ""))
    return "\n".join(lines) + "\n"
