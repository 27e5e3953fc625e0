"""The sections of the last module."""

from __future__ import annotations

from array import array

from ..binary.constants import ExternalKind, NameSubsection, SectionId

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    Buffer = bytes | memoryview

_LONG_REFERENCES: Final = b"\x63\x64"
"""The first bytes of types of references that take two."""


def read_number(data: Buffer, at: int) -> tuple[int, int]:
    """Return the unsigned LEB128 at an offset, and where it ends.

    :raises IndexError: it is cut short.
    """
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def next_import(contents: bytes, at: int) -> tuple[int, int, int]:
    """Return the kind of the next entry of an import section, where its type begins, and where the entry ends.

    :raises ValueError: the kind is unknown.
    """
    for _ in range(2):
        size, at = read_number(contents, at)
        at += size
    kind = contents[at]
    at += 1
    start = at
    if kind in (ExternalKind.GLOBAL, ExternalKind.TABLE):
        at += 2 if contents[at] in _LONG_REFERENCES else 1
    if kind == ExternalKind.GLOBAL:
        # Whether it is mutable.
        at += 1
    elif kind in (ExternalKind.TABLE, ExternalKind.MEMORY):
        flags = contents[at]
        at += 1
        for _ in range(1 + (flags & 1) + bool(flags & 8)):
            _, at = read_number(contents, at)
    elif kind == ExternalKind.FUNCTION:
        _, at = read_number(contents, at)
    elif kind == ExternalKind.TAG:
        _, at = read_number(contents, at + 1)
    else:
        raise ValueError("an import of an unknown kind")
    return kind, start, at


def read_numbers(data: bytes) -> list[int]:
    """Return the members of a vector of unsigned LEB128."""
    if not data:
        return []
    count, at = read_number(data, 0)
    body = data[at:]
    if len(body) == count:
        return list(body)
    found = []
    at = 0
    for _ in range(count):
        number, at = read_number(body, at)
        found.append(number)
    return found


class LastSections:
    """The locations of the sections in the last module."""

    def __init__(self, module: memoryview) -> None:
        """:raises LookupError: it is not in sections."""
        self._module = module
        self.places: dict[int, tuple[int, int, int]] = {}
        """The sections that are not custom: where each begins with its header, where its contents begin and end."""
        self.custom: dict[bytes, tuple[int, int, int]] = {}
        """The custom sections by name, with contents after the name; of several with one name the last."""
        self.end = 0
        at = 8
        while at < len(module):
            header = at
            kind = module[at]
            size, at = read_number(module, at + 1)
            end = at + size
            if end > len(module):
                raise IndexError("a section that is cut short")
            if kind == SectionId.CUSTOM:
                length, start = read_number(module, at)
                self.custom[bytes(module[start : start + length])] = header, start + length, end
            else:
                self.places[kind] = header, at, end
            at = end

    def contents(self, kind: int) -> bytes:
        """Return the contents of a section; empty if there is none."""
        if kind not in self.places:
            return b""
        _, start, end = self.places[kind]
        return bytes(self._module[start:end])


def name_positions(start: int, contents: bytes, count: int) -> array[int]:
    """Return where the name of each function begins, imports included; one more element is the end of the last."""
    at = 0
    while at < len(contents):
        kind = contents[at]
        size, begin = read_number(contents, at + 1)
        at = begin + size
        if kind == NameSubsection.FUNCTION:
            named, begin = read_number(contents, begin)
            found: list[int] = []
            if named == count:
                # As a rule every function has a name: the numbers need not be read.
                while begin < at:
                    found.append(start + begin)
                    while contents[begin] >= 0x80:
                        begin += 1
                    size = contents[begin + 1]
                    begin += 2 + size
                    if size >= 0x80:
                        size, begin = read_number(contents, begin - 1 - size)
                        begin += size
            while begin < at:
                number, end = read_number(contents, begin)
                found += [start + begin] * (number + 1 - len(found))
                size, begin = read_number(contents, end)
                begin += size
            found += [start + at] * (count + 1 - len(found))
            return array("I", found)
    return array("I")
