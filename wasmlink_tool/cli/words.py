"""The words of a command line, read outside of the command: nothing is printed, and nothing ends the process."""

from __future__ import annotations

import functools

from .parser import CommandLine, Parser

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..options import LinkOptions


@functools.cache
def parser() -> Parser:
    """Return the parser of this process."""
    return Parser()


def parse(words: list[str]) -> CommandLine | None:
    """Parse words; return ``None`` if a response file is invalid."""
    if any(word.startswith("@") for word in words):
        from .response_files import ResponseFileError, expand

        try:
            words = expand(words, parser().parse(words).value("rsp-quoting"))
        except ResponseFileError:
            return None
    return parser().parse(words)


def options_of(words: list[str]) -> LinkOptions | None:
    """Return the options of the link that the words stand for; ``None`` if the command would refuse them."""
    # A null build does not get here, and need not import them.
    from ..diagnostics import Diagnostics, Severity
    from .interpret import link_options

    line = parse(words)
    if line is None or line.unknown or line.missing_value is not None:
        return None
    diagnostics = Diagnostics()
    options = link_options(line, diagnostics)
    refused = diagnostics.error_count or any(remark.severity is Severity.ERROR for remark in options.remarks)
    return None if refused else options
