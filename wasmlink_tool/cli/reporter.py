"""Print diagnostics: wasm-ld's prefix, colours, blank lines and error limit."""

from __future__ import annotations

import os
import sys

from wasmlink_tool.diagnostics import Diagnostic, Severity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TextIO

_COLORS = {Severity.ERROR: "\x1b[0;31m", Severity.WARNING: "\x1b[0;35m"}
_RESET = "\x1b[0m"

DEFAULT_ERROR_LIMIT = 20


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


class Reporter:
    """Prints diagnostics under one program name and counts errors."""

    def __init__(self, program: str, *, color: bool = False, error_limit: int = DEFAULT_ERROR_LIMIT) -> None:
        self.program = program
        self.color = color
        self.error_limit = error_limit
        """0 means no limit."""
        self.error_count = 0
        self._separator = ""

    def report(self, diagnostics: Iterable[Diagnostic]) -> bool:
        """Print all diagnostics up to the error limit; return False if it was reached."""
        output: list[str] = []
        errors: list[str] = []
        within_limit = True
        for diagnostic in diagnostics:
            if diagnostic.severity is Severity.MESSAGE:
                output.append(f"{diagnostic}\n")
                continue
            if diagnostic.severity is Severity.ERROR:
                if self.error_limit and self.error_count >= self.error_limit:
                    limit_text = "too many errors emitted, stopping now (use --error-limit=0 to see all errors)"
                    errors.append(self._line(Diagnostic(Severity.ERROR, limit_text)))
                    within_limit = False
                    break
                self.error_count += 1
            errors.append(self._line(diagnostic))
        write(sys.stdout, "".join(output))
        write(sys.stderr, "".join(errors))
        return within_limit

    def _line(self, diagnostic: Diagnostic) -> str:
        """Return the printed form. A blank line separates a diagnostic of several lines from the next."""
        text = str(diagnostic)
        separator, self._separator = self._separator, "\n" if "\n" in text else ""
        severity = diagnostic.severity
        label = "" if severity is Severity.LOG else f"{severity.value}: "
        if self.color and label:
            label = f"{_COLORS[severity]}{label}{_RESET}"
        return f"{separator}{self.program}: {label}{text}\n"
