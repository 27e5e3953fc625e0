"""``ar`` archives: GNU and BSD, ordinary and thin.

The symbol index is not used: it may be absent, damaged or stale, and a link must not depend on which. What a member
defines is read from the member itself, without parsing more of it than its symbol table.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final, NamedTuple

from ..binary.constants import LINKING_VERSION, LinkingSubsection, SymbolFlag, SymbolKind
from ..binary.reader import FormatError, Reader

ARCHIVE_MAGIC: Final = b"!<arch>\n"
THIN_MAGIC: Final = b"!<thin>\n"
_HEADER_SIZE: Final = 60


class Member(NamedTuple):
    """One file of an archive: ``data[start:end]`` of the archive, or ``path`` where the archive is thin."""

    name: str
    start: int
    end: int
    path: str | None = None


def is_archive(data: bytes) -> bool:
    return data.startswith((ARCHIVE_MAGIC, THIN_MAGIC))


def members(data: bytes, path: str) -> Iterator[Member]:
    """The members in order, symbol index and name table left out. ``path`` is the archive's own, which the paths of a
    thin archive's members are relative to.

    :raises FormatError: the archive is damaged.
    """
    thin = data.startswith(THIN_MAGIC)
    directory = os.path.dirname(path)
    names = b""
    pos = len(ARCHIVE_MAGIC)
    size_of_file = len(data)
    opened = False
    while pos < size_of_file:
        header = data[pos : pos + _HEADER_SIZE]
        if len(header) < _HEADER_SIZE:
            what = f"remaining size of archive too small for next archive member header at offset {pos}"
            raise _malformed(what, opened=opened)
        raw_name = header[:16].rstrip(b" ")
        special = raw_name in (b"/", b"//", b"/SYM64/")
        shown = (raw_name if special else raw_name.removesuffix(b"/")).decode("utf-8", "backslashreplace")
        if header[58:60] != b"`\n":
            what = f'terminator characters in archive member "{_escaped(header[58:60])}" not the correct "`\\n" values '
            raise _malformed(f"{what}for the archive member header for {shown}", opened=opened)
        raw_size = header[48:58].rstrip(b" ")
        if not raw_size.isdigit():
            what = (
                f"characters in size field in archive member header are not all decimal numbers: '{_escaped(raw_size)}'"
            )
            raise _malformed(f"{what} for the archive member header at offset {pos}", opened=opened)
        size = int(raw_size)
        start = pos + _HEADER_SIZE
        stored = size if special or not thin else 0
        end = start + stored
        opened |= not special
        if end > size_of_file:
            what = f"offset to next archive member past the end of the archive after member {shown}"
            raise _malformed(what, opened=opened)
        pos = end + (end & 1)
        if raw_name == b"//":
            names = data[start:end]
            continue
        if special:
            continue
        if raw_name.startswith(b"#1/"):
            digits = raw_name[3:]
            if not digits.isdigit() or int(digits) > stored:
                raise _malformed(f"bad long name at offset {start - _HEADER_SIZE}", opened=opened)
            name = data[start : start + int(digits)].rstrip(b"\0")
            start += int(digits)
        elif raw_name.startswith(b"/"):
            digits = raw_name[1:]
            if not digits.isdigit() or int(digits) >= len(names):
                raise _malformed(f"bad long name at offset {start - _HEADER_SIZE}", opened=opened)
            stop = names.find(b"\n", int(digits))
            name = names[int(digits) : stop if stop >= 0 else len(names)]
            name = name[:-1] if name.endswith(b"/") else name
        else:
            name = raw_name[:-1] if raw_name.endswith(b"/") else raw_name
        if name in (b"__.SYMDEF", b"__.SYMDEF SORTED", b"__.SYMDEF_64", b"__.SYMDEF_64 SORTED"):
            continue
        text = os.fsdecode(name)
        if thin:
            yield Member(text, 0, 0, os.path.join(directory, text))
        else:
            yield Member(text, start, end)


def _malformed(what: str, *, opened: bool) -> FormatError:
    """``opened``: whether a member that is neither index nor name table was seen."""
    step = "Archive::children failed" if opened else "failed to parse archive"
    return FormatError(f"{step}: truncated or malformed archive ({what})")


def _escaped(text: bytes) -> str:
    return "".join(chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}" for byte in text)


def defined_symbols(data: bytes, start: int, end: int) -> list[bytes]:
    """The names that a member would add to the symbol table: its defined symbols of global or weak binding, in order.

    :raises FormatError: the object is damaged.
    """
    reader = Reader(data, start + 8, end)
    while reader.pos < end:
        id_ = reader.u8()
        size = reader.uleb()
        after = reader.pos + size
        if after > end:
            raise FormatError("section too large")
        if id_ == 0:
            section = Reader(data, reader.pos, after)
            if section.name() == b"linking":
                return _defined_in_linking_section(section)
        reader.pos = after
    # A finished module has no symbols to link with.
    return []


def _defined_in_linking_section(section: Reader) -> list[bytes]:
    version = section.uleb()
    if version != LINKING_VERSION:
        raise FormatError(f"unexpected metadata version: {version} (Expected: {LINKING_VERSION})")
    while section.pos < section.end:
        kind = section.u8()
        size = section.uleb()
        after = section.pos + size
        if after > section.end:
            raise FormatError("a subsection of the linking section is too large")
        if kind == LinkingSubsection.SYMBOL_TABLE:
            return _defined_in_symbol_table(Reader(section.data, section.pos, after))
        section.pos = after
    return []


_UNDEFINED: Final = SymbolFlag.UNDEFINED
_EXPLICIT_NAME: Final = SymbolFlag.EXPLICIT_NAME
_LOCAL: Final = SymbolFlag.BINDING_LOCAL


def _defined_in_symbol_table(table: Reader) -> list[bytes]:
    names: list[bytes] = []
    uleb = table.uleb
    for _ in range(table.count(3)):
        kind = table.u8()
        flags = uleb()
        if kind == SymbolKind.DATA:
            name = table.name()
            if not flags & _UNDEFINED:
                uleb()
                uleb(64)
                uleb(64)
        elif kind == SymbolKind.SECTION:
            uleb()
            continue
        else:
            uleb()
            if flags & _UNDEFINED and not flags & _EXPLICIT_NAME:
                continue
            name = table.name()
        if not flags & (_UNDEFINED | _LOCAL):
            names.append(name)
    return names
