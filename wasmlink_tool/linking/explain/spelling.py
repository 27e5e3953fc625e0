"""Suggest a defined symbol for an undefined one: a name one typo away, or the same name in another language."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Final

from ..symbols import DEFINED, LAZY, Symbol

_ALPHABET: Final = [bytes((c,)) for c in b"abcdefghijklmnopqrstuvwxyz_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ.$"]
_SHORTEST: Final = 3
"""The minimum length: names of one or two letters are all similar."""
_LONGEST: Final = 128
"""In bytes: the number of possible typos grows with the length."""
_MOST: Final = 100
"""The maximum number of names whose typos are looked up: a long one has ten thousand, and nobody reads suggestions for
more names."""
_SOURCE_NAME: Final = re.compile(rb"[0-9]+")


class Spelling:
    """Suggests likely meanings among the symbols that are defined, or would be by a member of an archive.

    The possible typos of a name are generated and looked up, so that the cost does not depend on the number of symbols.
    """

    def __init__(self, symbols: dict[bytes, Symbol]) -> None:
        self._symbols = symbols
        self._searched = 0

    def hints(self, undefined: Symbol) -> Iterator[str]:
        """Yield the lines of a diagnostic that suggest a symbol for ``undefined``."""
        if (meant := self.c_symbol(undefined)) is not None:
            yield f'did you mean: extern "C" {meant}'
        elif (meant := self.cpp_symbol(undefined)) is not None:
            yield f'did you mean to declare {meant} as extern "C"?'
        elif (meant := self.likely(undefined)) is not None:
            yield f"did you mean: {meant}"
        if meant is not None:
            yield f"defined in: {meant.file_name}"

    def likely(self, undefined: Symbol) -> Symbol | None:
        """Return the symbol that ``undefined`` is one typo away from: a letter added, removed, replaced or in the other
        case, or two letters swapped. A symbol of the same kind is preferred."""
        name = undefined.name
        other: Symbol | None = None
        for candidate in self._candidates(name):
            symbol = self._symbols.get(candidate)
            if symbol is None or candidate == name or not _is_provided(symbol):
                continue
            if symbol.state == LAZY or symbol.kind == undefined.kind:
                return symbol
            other = other or symbol
        return other

    def c_symbol(self, undefined: Symbol) -> Symbol | None:
        """Return the C symbol if ``undefined`` is the name of a C++ function outside of namespaces: its declaration has
        no ``extern "C"``."""
        name = _function_name(undefined.name)
        symbol = self._symbols.get(name) if name is not None else None
        return symbol if symbol is not None and _is_provided(symbol) else None

    def cpp_symbol(self, undefined: Symbol) -> Symbol | None:
        """Return the C++ function if ``undefined`` is a C name: its definition has no ``extern "C"``."""
        return self._cpp_functions.get(undefined.name)

    @cached_property
    def _cpp_functions(self) -> dict[bytes, Symbol]:
        found: dict[bytes, Symbol] = {}
        for mangled, symbol in self._symbols.items():
            if mangled.startswith(b"_Z") and _is_provided(symbol):
                name = _function_name(mangled)
                if name is not None:
                    found.setdefault(name, symbol)
        return found

    @cached_property
    def _by_lower_case(self) -> dict[bytes, list[bytes]]:
        found: dict[bytes, list[bytes]] = {}
        for name, symbol in self._symbols.items():
            if _is_provided(symbol):
                found.setdefault(name.lower(), []).append(name)
        return found

    def _candidates(self, name: bytes) -> Iterator[bytes]:
        yield from self._by_lower_case.get(name.lower(), ())
        self._searched += 1
        if self._searched > _MOST:
            return
        if name.startswith(b"_Z"):
            for start, digits_end, end in _source_names(name):
                for slip in _slips(name[digits_end:end]):
                    if slip and not slip[:1].isdigit():
                        yield b"%b%d%b%b" % (name[:start], len(slip), slip, name[end:])
        yield from _slips(name)


def _is_provided(symbol: Symbol) -> bool:
    return symbol.state == LAZY or (symbol.state == DEFINED and not symbol.is_stub)


def _slips(name: bytes) -> Iterator[bytes]:
    """Yield all names that are one typo away, the likelier first."""
    if not _SHORTEST <= len(name) <= _LONGEST:
        return
    positions = range(len(name))
    yield from (name[:i] + name[i + 1 : i + 2] + name[i : i + 1] + name[i + 2 :] for i in positions[:-1])
    yield from (name[:i] + name[i + 1 :] for i in positions)
    yield from _insertions(name, range(len(name) + 1), skip=0)
    yield from _insertions(name, positions, skip=1)


def _insertions(name: bytes, positions: Iterable[int], *, skip: int) -> Iterator[bytes]:
    for i in positions:
        head, tail = name[:i], name[i + skip :]
        for letter in _ALPHABET:
            yield head + letter + tail


def _source_names(mangled: bytes) -> Iterator[tuple[int, int, int]]:
    """The identifiers in a mangled name (Itanium C++ ABI, ``<source-name>``): (start of the length, start of the
    identifier, its end)."""
    pos = 0
    while (match := _SOURCE_NAME.search(mangled, pos)) is not None:
        end = match.end() + int(match[0][:4])
        if end <= len(mangled) and len(match[0]) <= 4:
            yield match.start(), match.end(), end
            pos = end
        else:
            pos = match.end()


def _function_name(mangled: bytes) -> bytes | None:
    """Return the identifier of a mangled function that could be a C function: no namespace and no template."""
    match = _SOURCE_NAME.match(mangled, 2) if mangled.startswith(b"_Z") else None
    if match is None or len(match[0]) > 4:
        return None
    end = match.end() + int(match[0])
    # Parameters must follow; template arguments start with an I.
    if end >= len(mangled) or mangled[end : end + 1] == b"I":
        return None
    return mangled[match.end() : end]
