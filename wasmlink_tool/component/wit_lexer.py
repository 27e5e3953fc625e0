"""Tokens of WIT text, made as the parser asks for them: a version number is one token only where one is expected."""

from __future__ import annotations

import re

from .errors import ComponentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

KEYWORDS: Final = frozenset(
    """
    as async bool borrow char constructor enum export f32 f64 flags from func future import include interface list map
    option own package record resource result s16 s32 s64 s8 static stream string tuple type u16 u32 u64 u8 use variant
    with world
    """.split()  # noqa: SIM905
)
"""Words that name nothing unless they follow ``%``."""

_TOKEN: Final = re.compile(
    r"(?P<word>%?[A-Za-z][A-Za-z0-9-]*)|(?P<number>[0-9]+)|(?P<mark>->|[=,:;(){}<>*/.@_])|(?P<string>\"(?:[^\"\\]|\\.)*\")"
)
_LABEL: Final = re.compile(r"(?:[a-z][a-z0-9]*|[A-Z][A-Z0-9]*)(?:-(?:[a-z0-9]+|[A-Z0-9]+))*")
_VERSION: Final = re.compile(
    r"[0-9]+\.[0-9]+\.[0-9]+(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)
_REFUSED: Final = re.compile(
    "[\u202a-\u202e\u2066-\u2069\u0149\u0673\u0f77\u0f79\u17a3\u17a4\u17b4\u17b5\0-\x08\x0b\x0c\x0e-\x1f\x7f]"
)
"""Characters that make a text look like another one, and controls."""


class WitError(ComponentError):
    """WIT text that is wrong: the message has the file, the line and a caret under the place."""

    def __init__(self, source: WitSource, offset: int, message: str) -> None:
        line = source.text.count("\n", 0, offset) + 1
        start = source.text.rfind("\n", 0, offset) + 1
        end = source.text.find("\n", offset)
        shown = source.text[start : end if end >= 0 else len(source.text)].rstrip("\r").replace("\t", " ")
        margin = " " * len(str(line))
        column = offset - start
        super().__init__(
            f"{source.path}:{line}:{column + 1}: {message}\n{margin} |\n{line} | {shown}\n{margin} | {' ' * column}^"
        )


class WitSource:
    """The text of a file."""

    def __init__(self, path: str, text: str) -> None:
        """:raises WitError: it has characters that WIT text must not have."""
        self.path = path
        self.text = text
        refused = _REFUSED.search(text)
        if refused is not None:
            raise WitError(
                self, refused.start(), f"the character U+{ord(refused.group()):04X} is not allowed in WIT text"
            )


class Token:
    """A token; the kind is ``word``, ``label`` (written with ``%``), ``number``, ``mark``, ``string`` or ``end``."""

    def __init__(self, kind: str, text: str, offset: int, end: int, docs: str) -> None:
        self.kind = kind
        self.text = text
        self.offset = offset
        self.end = end
        self.docs = docs
        """The documentation comments before it, without their marks."""


class Lexer:
    """Reads one file from front to back."""

    def __init__(self, source: WitSource) -> None:
        self.source = source
        self._position = 0
        self._token: Token | None = None

    def error(self, offset: int, message: str) -> WitError:
        return WitError(self.source, offset, message)

    def peek(self) -> Token:
        """Return the next token, which stays the next."""
        if self._token is None:
            self._token = self._read()
        return self._token

    def next(self) -> Token:
        token = self.peek()
        self._position = token.end
        self._token = None
        return token

    def version(self) -> str:
        """Read a version, which comes next."""
        self._position = self.peek().offset
        self._token = None
        match = _VERSION.match(self.source.text, self._position)
        if match is None:
            raise self.error(self._position, "expected a version, as 1.2.3")
        self._position = match.end()
        return match.group()

    def _read(self) -> Token:
        docs = self._skip_blanks()
        start = self._position
        text = self.source.text
        if start >= len(text):
            return Token("end", "", start, start, docs)
        match = _TOKEN.match(text, start)
        if match is None:
            raise self.error(start, f"unexpected character {text[start]!r}")
        kind, found = match.lastgroup or "", match.group()
        if kind == "word":
            if found.startswith("%"):
                kind, found = "label", found[1:]
            if not _LABEL.fullmatch(found):
                raise self.error(
                    start, f"'{found}' is not in kebab case: words of letters and digits in one case, joined by '-'"
                )
        return Token(kind, found, start, match.end(), docs)

    def _skip_blanks(self) -> str:
        """Skip blanks and comments; return the documentation among them."""
        text = self.source.text
        docs: list[str] = []
        while self._position < len(text):
            if text[self._position] in " \t\r\n":
                self._position += 1
            elif text.startswith("//", self._position):
                end = text.find("\n", self._position)
                end = len(text) if end < 0 else end
                if text.startswith("///", self._position):
                    docs.append(text[self._position + 3 : end].strip())
                self._position = end
            elif text.startswith("/*", self._position):
                start = self._position
                self._skip_block()
                if text.startswith("/**", start) and self._position - start > 4:
                    docs += [
                        line.strip().lstrip("*").strip() for line in text[start + 3 : self._position - 2].splitlines()
                    ]
            else:
                break
        return "\n".join(docs).strip()

    def _skip_block(self) -> None:
        text, start, depth = self.source.text, self._position, 0
        while True:
            begin, end = text.find("/*", self._position), text.find("*/", self._position)
            if end < 0:
                raise self.error(start, "this comment has no end")
            if 0 <= begin < end:
                depth += 1
                self._position = begin + 2
            else:
                depth -= 1
                self._position = end + 2
            if not depth:
                return
