"""Print diagnostics: wasm-ld's prefix, colours, blank lines and error limit."""

from __future__ import annotations

import os
import sys
from itertools import islice

from wasmlink_tool.diagnostics import Diagnostic, Severity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import TextIO

_COLORS = {Severity.ERROR: "\x1b[0;31m", Severity.WARNING: "\x1b[0;35m"}
_RESET = "\x1b[0m"

DEFAULT_ERROR_LIMIT = 20

_LINES = 1000
"""The number of diagnostics that are written at once: there may be very many."""


def stream_has_colors(stream: TextIO | None) -> bool:
    """Return whether ``--color-diagnostics=auto`` means colours: on a terminal that supports them."""
    return (
        stream is not None
        and os.name != "nt"
        and os.environ.get("TERM", "dumb") not in ("", "dumb")
        and stream.isatty()
    )


def write(stream: TextIO | None, text: str) -> None:
    """Write ``text``; names that are not UTF-8 are written as their original bytes."""
    if stream is None or not text:
        return
    buffer = getattr(stream, "buffer", None)
    if buffer is None:
        stream.write(text)
    else:
        stream.flush()
        buffer.write(text.encode("utf-8", "surrogateescape"))
    stream.flush()


def _write_lines(stream: TextIO | None, lines: Iterator[str]) -> None:
    while part := list(islice(lines, _LINES)):
        write(stream, "".join(part))


class Reporter:
    """Prints diagnostics under one program name and counts errors."""

    def __init__(self, program: str, *, color: bool = False, error_limit: int = DEFAULT_ERROR_LIMIT) -> None:
        self.program = program
        self.color = color
        self.error_limit = error_limit
        """0 means no limit."""
        self.error_count = 0
        self._separator = ""

    def report(self, diagnostics: Sequence[Diagnostic]) -> bool:
        """Print all diagnostics up to the error limit, those for standard output first; return False if the limit was
        reached."""
        stop = self._count_errors(diagnostics)
        messages = (f"{entry}\n" for entry in islice(diagnostics, stop) if entry.severity is Severity.MESSAGE)
        others = (self._line(entry) for entry in islice(diagnostics, stop) if entry.severity is not Severity.MESSAGE)
        _write_lines(sys.stdout, messages)
        _write_lines(sys.stderr, others)
        if stop == len(diagnostics):
            return True
        limit_text = "too many errors emitted, stopping now (use --error-limit=0 to see all errors)"
        write(sys.stderr, self._line(Diagnostic(Severity.ERROR, limit_text)))
        return False

    def _count_errors(self, diagnostics: Sequence[Diagnostic]) -> int:
        """Count the errors up to the limit; return the number of diagnostics before the first error beyond it."""
        for i, diagnostic in enumerate(diagnostics):
            if diagnostic.severity is Severity.ERROR:
                if self.error_limit and self.error_count >= self.error_limit:
                    return i
                self.error_count += 1
        return len(diagnostics)

    def _line(self, diagnostic: Diagnostic) -> str:
        """Return the printed form. A blank line separates a diagnostic of several lines from the next."""
        text = str(diagnostic)
        separator, self._separator = self._separator, "\n" if "\n" in text else ""
        severity = diagnostic.severity
        label = "" if severity is Severity.LOG else f"{severity.value}: "
        if self.color and label:
            label = f"{_COLORS[severity]}{label}{_RESET}"
        return f"{separator}{self.program}: {label}{text}\n"
