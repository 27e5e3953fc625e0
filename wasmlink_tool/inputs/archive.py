"""``ar`` archives: GNU and BSD, ordinary and thin.

The symbol index is not used: it may be absent, damaged or stale, and a link must not depend on it. A member's
definitions are read from the member itself, of which only the symbol table is parsed.
"""

from __future__ import annotations

import os

from ..binary.constants import LINKING_VERSION, LinkingSubsection, SymbolFlag, SymbolKind
from ..binary.reader import FormatError, uleb_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

ARCHIVE_MAGIC: Final = b"!<arch>\n"
THIN_MAGIC: Final = b"!<thin>\n"
HEADER_SIZE: Final = 60
_SHARING: Final = 2
_SHORT_NAMES: Final = 1 << 16
"""The maximum total size of names: this many times the archive's size, plus this many bytes."""
_TERMINATOR: Final = b"`\n"
"""The end of each header."""
_SPECIAL: Final = (b"/", b"//", b"/SYM64/")
"""Names of the symbol index and of the table of long names."""
_BSD_SPECIAL: Final = (b"__.SYMDEF", b"__.SYMDEF SORTED", b"__.SYMDEF_64", b"__.SYMDEF_64 SORTED")
"""Names of the symbol index in BSD archives."""
# wasm-ld looks for the first member when it opens the archive, and for the others later.
_FIRST: Final = "failed to parse archive"
_LATER: Final = "Archive::children failed"
NO_MEMBER: Final = "could not get the buffer for a child of the archive"


class Member:
    """One file of an archive: ``data[start:end]`` of the archive, or ``path`` where the archive is thin."""

    __slots__ = ("end", "name", "offset", "path", "start")

    def __init__(self, name: str, start: int, end: int, path: str | None = None, offset: int = 0) -> None:
        self.name = name
        self.start = start
        self.end = end
        self.path = path
        self.offset = offset
        """The offset of its header in the archive."""


def _damaged(what: str, text: str) -> FormatError:
    return FormatError(f"{what}: truncated or malformed archive ({text})")


def is_archive(data: bytes) -> bool:
    return data.startswith((ARCHIVE_MAGIC, THIN_MAGIC))


def members(data: bytes, path: str) -> Iterator[Member]:
    """Yield the members in order, without symbol index and name table. Paths of a thin archive's members are relative
    to ``path``, the archive's own.

    :raises FormatError: the archive is damaged.
    """
    thin = data.startswith(THIN_MAGIC)
    directory = os.path.dirname(path)
    names = b""
    pos = len(ARCHIVE_MAGIC)
    size_of_file = len(data)
    opened = False
    # Normally each name is in the archive once. Archives in which many members share a long name are refused.
    room = _SHARING * size_of_file + _SHORT_NAMES
    while pos < size_of_file:
        raw_name = data[pos : pos + 16].rstrip(b" ")
        special = raw_name in _SPECIAL
        start = pos + HEADER_SIZE
        raw_size = data[pos + 48 : pos + 58].rstrip(b" ")
        if start > size_of_file or not data.startswith(_TERMINATOR, start - 2) or not raw_size.isdigit():
            raise _damaged_header(data, pos, opened)
        stored = int(raw_size) if special or not thin else 0
        end = start + stored
        if end > size_of_file:
            # When it opens the archive, wasm-ld looks past the first entry only if that is not a member.
            what = _LATER if opened or not special else _FIRST
            text = f"offset to next archive member past the end of the archive after member {_shown(raw_name)}"
            raise _damaged(what, text)
        header_at, pos = pos, end + (end & 1)
        if raw_name == b"//":
            names = data[start:end]
            continue
        if special:
            continue
        if raw_name.startswith(b"#1/"):
            digits = raw_name[3:]
            where = f"for archive member header at offset {header_at}"
            if not digits.isdigit():
                text = "long name length characters after the #1/ are not all decimal numbers"
                raise _damaged(_LATER if opened else _FIRST, f"{text}: '{os.fsdecode(digits)}' {where}")
            if int(digits) > stored:
                text = f"long name length: {int(digits)} extends past the end of the member or archive"
                what = _LATER if opened else _FIRST
                raise _damaged(what if header_at == len(ARCHIVE_MAGIC) else NO_MEMBER, f"{text} {where}")
            name = data[start : start + int(digits)].rstrip(b"\0")
            start += int(digits)
        elif raw_name.startswith(b"/"):
            digits = raw_name[1:]
            where = f"for archive member header at offset {header_at}"
            if not digits.isdigit():
                text = "long name offset characters after the '/' are not all decimal numbers"
                raise _damaged(NO_MEMBER, f"{text}: '{os.fsdecode(digits)}' {where}")
            if int(digits) >= len(names):
                raise _damaged(NO_MEMBER, f"long name offset {int(digits)} past the end of the string table {where}")
            stop = names.find(b"\n", int(digits))
            stop = stop if stop >= 0 else len(names)
            if stop - int(digits) > room:
                stop = int(digits) + room + 1
            name = names[int(digits) : stop]
            name = name[:-1] if name.endswith(b"/") else name
        else:
            name = raw_name[:-1] if raw_name.endswith(b"/") else raw_name
        opened = True
        if name in _BSD_SPECIAL:
            continue
        room -= len(name)
        if room < 0:
            raise _damaged(NO_MEMBER, f"names of members are far longer than the archive at offset {header_at}")
        text = os.fsdecode(name)
        if thin:
            yield Member(text, 0, 0, os.path.join(directory, text), header_at)
        else:
            yield Member(text, start, end, None, header_at)


def _damaged_header(data: bytes, pos: int, opened: bool) -> FormatError:
    """Return the error about a header that is truncated, or whose terminator or size is wrong."""
    what = _LATER if opened else _FIRST
    header = data[pos : pos + HEADER_SIZE]
    shown = _shown(header[:16].rstrip(b" "))
    if len(header) < HEADER_SIZE:
        where = f"for {shown}" if len(header) >= 16 else f"at offset {pos}"
        return _damaged(what, f"remaining size of archive too small for next archive member header {where}")
    if header[58:60] != _TERMINATOR:
        text = f'terminator characters in archive member "{_escaped(header[58:60])}" not the correct "`\\n" values'
        return _damaged(what, f"{text} for the archive member header for {shown}")
    text = "characters in size field in archive member header are not all decimal numbers"
    size = _escaped(header[48:58].rstrip(b" "))
    return _damaged(what, f"{text}: '{size}' for the archive member header at offset {pos}")


def _shown(raw_name: bytes) -> str:
    """Return the name in a header, for an error."""
    return os.fsdecode(raw_name if raw_name in _SPECIAL else raw_name.removesuffix(b"/"))


def _escaped(text: bytes) -> str:
    return "".join(chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}" for byte in text)


def defined_symbols(data: bytes, start: int, end: int) -> list[bytes]:
    """Return the names that a member would add to the symbol table: its defined global and weak symbols, in order.

    :raises FormatError: the object is damaged.
    """
    header = start + 8
    try:
        while header < end:
            size = data[header + 1]
            if size < 0x80:
                pos = header + 2
            elif data[header + 2] >= 0x80 and data.startswith(_PADDING, header + 3):
                # Inlined, since a libc of 621 members has 4,000 sections: 2.2 ms rather than 3.8.
                size += (data[header + 2] << 7) - 0x4080
                pos = header + 6
            else:
                size, pos = uleb_at(data, header + 1, end)
            after = pos + size
            if after > end:
                raise FormatError("section too large")
            if data[header] == 0 and data.startswith(_LINKING, pos):
                return _defined_in_linking_section(data, pos + len(_LINKING), after)
            header = after
    except IndexError:
        raise FormatError("unexpected end of data") from None
    # A finished module has no symbols to link with.
    return []


def _defined_in_linking_section(data: bytes, pos: int, end: int) -> list[bytes]:
    version, pos = uleb_at(data, pos, end)
    if version != LINKING_VERSION:
        raise FormatError(f"unexpected metadata version: {version} (Expected: {LINKING_VERSION})")
    while pos < end:
        kind = data[pos]
        size, pos = uleb_at(data, pos + 1, end)
        if pos + size > end:
            raise FormatError("a subsection of the linking section is too large")
        if kind == LinkingSubsection.SYMBOL_TABLE:
            return _defined_in_symbol_table(data, pos, pos + size)
        pos += size
    return []


def _defined_in_symbol_table(data: bytes, pos: int, end: int) -> list[bytes]:
    """Return the definitions as :meth:`.linking_reader.LinkingReader.read_symbols` would, but skip everything else."""
    names: list[bytes] = []
    count, pos = uleb_at(data, pos, end)
    if count * 3 > end - pos:
        raise FormatError(f"a vector of {count} elements does not fit in its section")
    for _ in range(count):
        kind = data[pos]
        flags = data[pos + 1]
        pos += 2
        if flags >= 0x80:
            flags, pos = uleb_at(data, pos - 1, end)
        if kind != _DATA:
            # The index.
            while data[pos] >= 0x80:
                pos += 1
            pos += 1
            if kind == _SECTION or flags & _IMPORTED == _UNDEFINED:
                continue
        length = data[pos]
        pos += 1
        if length >= 0x80:
            length, pos = uleb_at(data, pos - 1, end)
        if not flags & _NOT_DEFINED:
            names.append(data[pos : pos + length])
        pos += length
        if kind == _DATA and not flags & _UNDEFINED:
            # Segment, offset and size.
            while data[pos] >= 0x80:
                pos += 1
            pos += 1
            while data[pos] >= 0x80:
                pos += 1
            pos += 1
            while data[pos] >= 0x80:
                pos += 1
            pos += 1
        if pos > end:
            raise FormatError("unexpected end of data")
    return names


_LINKING: Final = b"\7linking"
_PADDING: Final = b"\x80\x80\0"
"""The end of a size below 16 KiB that a compiler padded to five bytes."""
_DATA: Final = SymbolKind.DATA
_SECTION: Final = SymbolKind.SECTION
_UNDEFINED: Final = SymbolFlag.UNDEFINED
_NOT_DEFINED: Final = SymbolFlag.UNDEFINED | SymbolFlag.BINDING_LOCAL
_IMPORTED: Final = SymbolFlag.UNDEFINED | SymbolFlag.EXPLICIT_NAME
"""A symbol with the first flag and without the second has no name in the symbol table."""
