"""Symbol names from options, and their readable form."""

from __future__ import annotations

from ..demangle import demangle
from ..diagnostics import FatalError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_EXPANSION: Final = 8
_USUAL_LENGTH: Final = 256
"""Readable names up to this many times the length of the mangled one, plus this many characters, are not counted."""
_MOST_EXCESS: Final = 16 << 20
"""The maximum total length of the others."""


def encode_name(text: str) -> bytes:
    """Encode a symbol name from an option.

    :raises FatalError: it cannot be encoded as UTF-8.
    """
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise FatalError(f"not a valid name: {text!r}") from None


def symbol_name(name: bytes) -> bytes:
    """Return a symbol's readable name, for messages, maps and the name section."""
    # C's main has another name if it takes arguments, so that callers and callees agree on types.
    return b"main" if name == b"__main_argc_argv" else name


def symbol_text(name: bytes) -> str:
    return symbol_name(name).decode("utf-8", "backslashreplace")


class Names:
    """Shows symbol names mangled or demangled.

    The readable form of a short mangled name can be a megabyte long. Names whose total length would be too large remain
    mangled: which ones depends on their order alone, and each user of names (the name section, the map) has its own
    instance.
    """

    def __init__(self, *, demangle: bool) -> None:
        self.demangled = demangle
        self._excess = 0

    def name(self, raw: bytes) -> bytes:
        """Return a name for the name section."""
        name = symbol_name(raw)
        if not self.demangled or self._excess > _MOST_EXCESS:
            return name
        readable = demangle(name)
        if len(readable) > _EXPANSION * len(name) + _USUAL_LENGTH:
            self._excess += len(readable)
            if self._excess > _MOST_EXCESS:
                return name
        return readable

    def text(self, raw: bytes) -> str:
        """Return a name for messages and maps."""
        return self.name(raw).decode("utf-8", "backslashreplace")
