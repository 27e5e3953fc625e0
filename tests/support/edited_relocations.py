"""Edits of any object that change what it refers to: other addends, and references that are gone."""

from __future__ import annotations

from collections.abc import Callable

from tests.fuzz.mutate import WITH_ADDEND, blob, join, read_uleb, split, uleb
from tests.support.objects import sleb

Entry = list[bytes]
"""The type, the offset, the index and, of some types, the addend of a relocation."""


def raise_addends(data: bytes) -> bytes:
    """Return an object whose addends of addresses are larger by one."""

    def edit(entries: list[Entry]) -> list[Entry]:
        return [
            [*entry[:3], sleb(_read_sleb(entry[3]) + 1)] if len(entry) > 3 and entry[0][0] not in (8, 9, 22) else entry
            for entry in entries
        ]

    return _edit(data, edit)


def drop_references(data: bytes) -> bytes:
    """Return an object without the last relocation of each section."""
    return _edit(data, lambda entries: entries[:-1])


def _edit(data: bytes, edit: Callable[[list[Entry]], list[Entry]]) -> bytes:
    sections, tail = split(data)
    edited = []
    for identity, content in sections:
        length, start = read_uleb(content, 0)
        if identity == 0 and content[start : start + length].startswith(b"reloc."):
            target, position = read_uleb(content, start + length)
            count, position = read_uleb(content, position)
            entries = edit([_read_entry(content, at) for at in _starts(content, position, count)])
            body = uleb(target) + uleb(len(entries)) + b"".join(map(b"".join, entries))
            content = blob(content[start : start + length]) + body
        edited.append((identity, content))
    return join(edited, tail)


def _starts(content: bytes, position: int, count: int) -> list[int]:
    found = []
    for _ in range(count):
        found.append(position)
        position += sum(map(len, _read_entry(content, position)))
    return found


def _read_entry(content: bytes, position: int) -> Entry:
    entry = [content[position : position + 1]]
    position += 1
    for _ in range(3 if entry[0][0] in WITH_ADDEND else 2):
        _, end = read_uleb(content, position)
        entry.append(content[position:end])
        position = end
    return entry


def _read_sleb(data: bytes) -> int:
    value, end = read_uleb(data, 0)
    return value - (1 << 7 * end) if data[end - 1] & 0x40 else value
