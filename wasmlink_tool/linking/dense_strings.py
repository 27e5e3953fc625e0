"""Merging of strings that are very short and very many: as :mod:`.merged_strings`, without an object for each.

A string of three characters takes four bytes of its chunk, and more than 300 in the lists, sets and dictionaries of an
ordinary merge. Here the strings are sorted in blocks, each of which is kept as bytes with the numbers of its strings;
then the sorted blocks are merged into one order. It takes about 15 bytes for a string, and several times as long.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Iterator
from heapq import merge
from itertools import islice

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_BLOCK: Final = 1 << 14
"""Strings in a block."""
_READ: Final = 1 << 16
"""Bytes that are split at once."""
_STRING: Final = re.compile(rb"([^\0]*)\0")


def backwards(contents: bytes) -> Iterator[bytes]:
    """Yield the strings of a chunk in order, each read from its end."""
    position = 0
    while position < len(contents):
        end = contents.find(b"\0", position + _READ)
        if end < 0:
            end = len(contents) - 1
        part = bytearray(contents[position:end])
        part.reverse()
        yield from reversed(bytes(part).split(b"\0"))
        position = end + 1


def starts(contents: bytes) -> array[int]:
    """Return the offset of each string in a chunk."""
    found = array("I", [0])
    found.extend(match.end() for match in re.finditer(rb"\0", contents))
    found.pop()
    return found


def merge_in_blocks(strings: Iterable[bytes]) -> tuple[bytearray, array[int]]:
    """Merge strings that are read from their ends; return the merged contents and the offset of each in them."""
    blocks: list[_Block] = []
    total = 0
    source = iter(strings)
    while block := list(islice(source, _BLOCK)):
        blocks.append(_Block(len(blocks), block, total))
        total += len(block)
    offsets = array("I", bytes(4 * total))
    contents = bytearray()
    previous: bytes | None = None
    offset = 0
    for string, block_number, start, end in merge(*[block.rows() for block in blocks], reverse=True):
        if string != previous:
            # A string that begins the one before it, both read from their ends, is its tail.
            if previous is None or not previous.startswith(string):
                contents += string[::-1]
                contents.append(0)
            offset = len(contents) - 1 - len(string)
            previous = string
        for number in blocks[block_number].numbers[start:end]:
            offsets[number] = offset
    return contents, offsets


class _Block:
    """Strings in descending order, each once, as bytes, with the numbers of those that are equal."""

    def __init__(self, number: int, strings: list[bytes], first: int) -> None:
        """:param first: the number of the first string."""
        order = sorted(range(len(strings)), key=strings.__getitem__, reverse=True)
        self.number = number
        self.numbers = array("I", [first + place for place in order])
        self.ends = array("I")
        distinct: list[bytes] = []
        for position, place in enumerate(order):
            string = strings[place]
            if not distinct or string != distinct[-1]:
                if distinct:
                    self.ends.append(position)
                distinct.append(string)
        self.ends.append(len(order))
        distinct.append(b"")
        self.packed = b"\0".join(distinct)

    def rows(self) -> Iterator[tuple[bytes, int, int, int]]:
        """Yield each string with the number of the block, and where the numbers of its occurrences are."""
        start = 0
        for match, end in zip(_STRING.finditer(self.packed), self.ends):
            yield match[1], self.number, start, end
            start = end
