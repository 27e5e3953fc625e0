"""Relocation entries, decoded in bulk into parallel columns (Linking.md, "Relocation Sections").

A debug build has a million relocations, so no Python object stands for one of them. A regular expression splits the
section into LEB128 tokens and a memo turns tokens into integers; both run many times faster than a loop over bytes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from .constants import RELOCATION_NAMES
from .constants import RelocationType as R
from .reader import FormatError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

COMPILED: Final = not __file__.endswith((".py", ".pyc"))
"""Whether this is the package that mypyc compiled: then loops do what bulk operations do here."""
if COMPILED:
    from . import loops

WITH_ADDEND: Final = frozenset(
    (
        R.MEMORY_ADDR_LEB,
        R.MEMORY_ADDR_SLEB,
        R.MEMORY_ADDR_I32,
        R.FUNCTION_OFFSET_I32,
        R.SECTION_OFFSET_I32,
        R.MEMORY_ADDR_REL_SLEB,
        R.MEMORY_ADDR_LEB64,
        R.MEMORY_ADDR_SLEB64,
        R.MEMORY_ADDR_I64,
        R.MEMORY_ADDR_REL_SLEB64,
        R.MEMORY_ADDR_TLS_SLEB,
        R.FUNCTION_OFFSET_I64,
        R.MEMORY_ADDR_LOCREL_I32,
        R.MEMORY_ADDR_TLS_SLEB64,
    )
)
"""Relocation types whose entries carry an addend."""


def _width(name: str) -> int:
    for suffix, width in (("LEB64", 10), ("LEB", 5), ("I32", 4), ("I64", 8)):
        if name.endswith(suffix):
            return width
    raise AssertionError(name)


WIDTH: Final[dict[int, int]] = {type_: _width(name) for type_, name in RELOCATION_NAMES.items()}
"""How many bytes each relocation type patches."""

FORMATS: Final = (
    bytes([WIDTH[type_] for type_ in RELOCATION_NAMES]),
    bytes([type_ in WITH_ADDEND for type_ in RELOCATION_NAMES]),
    bytes(["SLEB" in name for name in RELOCATION_NAMES.values()]),
)
"""By type: the width, whether there is an addend, whether what is patched is a signed LEB128 number."""

_KNOWN: Final = bytes(RELOCATION_NAMES)
_TOKEN: Final = rb"[\x80-\xff]*[\x00-\x7f]"


def _one_of(types: frozenset[int] | set[int]) -> bytes:
    return b"[" + b"".join(b"\\x%02x" % t for t in sorted(types)) + b"]"


_TOKENS: Final = re.compile(_TOKEN)
_PLAIN: Final = _one_of(RELOCATION_NAMES.keys() - WITH_ADDEND)
_ADDEND: Final = _one_of(WITH_ADDEND)
_UP_TO_PLAIN: Final = re.compile(rb"(?:%b(?:%b){3})*%b(?:%b){2}" % (_ADDEND, _TOKEN, _PLAIN, _TOKEN))
"""A run of entries with an addend, up to and including the next one that has none."""


_MEMO_LIMIT: Final = 1 << 18
"""Offsets repeat between objects, so that most tokens were seen before; the limit bounds the memory."""


class _Unsigned(dict[bytes, int]):
    """LEB128 token to unsigned 32-bit number."""

    def __missing__(self, token: bytes) -> int:
        value = 0
        for i, byte in enumerate(token):
            value |= (byte & 0x7F) << (7 * i)
        if len(token) > 10 or value >> 32:
            raise FormatError("a number in a relocation does not fit in 32 bits")
        if len(self) < _MEMO_LIMIT:
            self[token] = value
        return value


class _Signed(dict[bytes, int]):
    """LEB128 token to signed 64-bit number."""

    def __missing__(self, token: bytes) -> int:
        value = 0
        for i, byte in enumerate(token):
            value |= (byte & 0x7F) << (7 * i)
        if token[-1] & 0x40:
            value -= 1 << (7 * len(token))
        if len(token) > 10 or not -(1 << 63) <= value < 1 << 63:
            raise FormatError("an addend does not fit in 64 bits")
        if len(self) < _MEMO_LIMIT:
            self[token] = value
        return value


_unsigned: Final = _Unsigned()
_signed: Final = _Signed()


class Relocations:
    """The relocations of one section, sorted by offset, as parallel columns.

    ``types`` are :class:`RelocationType` numbers; ``offsets`` count bytes from the start of the section's contents;
    ``indices`` are indices into the object's symbol table, or of a type for TYPE_INDEX_LEB; ``addends`` are 0 where
    the type has none.
    """

    __slots__ = ("addends", "indices", "offsets", "types")

    def __init__(self, types: bytes, offsets: Sequence[int], indices: Sequence[int], addends: Sequence[int]) -> None:
        self.types = types
        self.offsets = offsets
        self.indices = indices
        self.addends = addends


NO_RELOCATIONS: Final = Relocations(b"", [], [], [])


def decode(entries: bytes, count: int) -> Relocations:
    """Decode ``count`` relocation entries.

    :raises FormatError: the entries are cut short, followed by more, of an unknown type, or not sorted by offset.
    """
    if not count:
        if entries:
            raise FormatError("data after the last relocation")
        return NO_RELOCATIONS
    if COMPILED:
        columns = loops.decode(entries, count, FORMATS[1])
        if columns is not None:
            return Relocations(*columns)
    # All relocations of debug sections have an addend, so that their tokens stand in groups of four. Elsewhere an
    # addend of zero is written behind each entry that has none.
    tokens = _TOKENS.findall(entries) if entries[:1] in _WITH_ADDEND_BYTES else []
    types = b"".join(tokens[::4])
    if len(tokens) != 4 * count or len(types) != count or types.translate(None, _WITH_ADDEND_BYTES):
        # A closing entry of zeros ends the last run; whatever is wrong before it shows in the number of tokens.
        runs = _UP_TO_PLAIN.findall(entries + b"\0\0\0")
        padded = b"\0".join(runs)
        complete = len(padded) + 1 == len(entries) + 3 + len(runs)
        tokens = _TOKENS.findall(padded)
        tokens.append(b"\0")
        types = b"".join(tokens[: 4 * count : 4])
        if (
            not complete
            or len(tokens) != 4 * count + 4
            or b"".join(tokens[-4:]) != b"\0\0\0\0"
            or len(types) != count
            or types.translate(None, _KNOWN)
        ):
            raise FormatError(_why_broken(entries, count))
        del tokens[-4:]
    if entries[-1] >= 0x80:
        raise FormatError("a relocation section ends within a number")
    offsets = list(map(_unsigned.__getitem__, tokens[1::4]))
    if offsets != sorted(offsets):
        raise FormatError("relocations are not in offset order")
    indices = list(map(_unsigned.__getitem__, tokens[2::4]))
    addends = list(map(_signed.__getitem__, tokens[3::4]))
    return Relocations(types, offsets, indices, addends)


_WITH_ADDEND_BYTES: Final = bytes(WITH_ADDEND)


def _why_broken(entries: bytes, count: int) -> str:
    """Walk damaged entries one by one, for the message."""
    pos = 0
    token = _TOKENS
    for i in range(count):
        if pos >= len(entries):
            return f"a relocation section ends after {i} of {count} relocations"
        type_ = entries[pos]
        if type_ not in _KNOWN:
            return f"invalid relocation type: {type_}"
        pos += 1
        for _ in range(3 if type_ in WITH_ADDEND else 2):
            match = token.match(entries, pos)
            if match is None:
                return "a relocation section ends within a number"
            pos = match.end()
    return "data after the last relocation"
