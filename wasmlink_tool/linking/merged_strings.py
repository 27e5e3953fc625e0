"""Merging of strings, with tails: ``"bar"`` shares the bytes of ``"foobar"``."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate, chain, compress
from operator import not_, sub

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from .chunks import InputSection, InputSegment


_NONE: Final[list[int]] = []
_FIRST: Final = [0]
"""Most chunks hold one string: they share these lists, which nothing changes in place."""


class StringPieces:
    """The strings of a mergeable chunk.

    ``starts`` are their offsets in the chunk, ``offsets`` those in the merged output, which the merge fills in.
    """

    __slots__ = ("backwards", "offsets", "starts")

    def __init__(self, contents: bytes) -> None:
        """:raises ValueError: the last string has no terminating zero."""
        if not contents.endswith(b"\0"):
            raise ValueError("string is not null terminated")
        self.offsets = _NONE
        if contents.find(b"\0") == len(contents) - 1:
            # Compilers give each string a segment of its own.
            self.starts = _FIRST
            self.backwards = [contents[-2::-1]]
            return
        # Tails are compared from the end on. Turning the whole chunk round costs less than turning each string.
        self.backwards = _turned(contents[:-1]).split(b"\0")
        """Each string read from its end, in the chunk's order; the merge drops them."""
        self.backwards.reverse()
        self.starts = list(accumulate([len(s) + 1 for s in self.backwards], initial=0))
        self.starts.pop()

    def output_offset(self, offset: int) -> int:
        """Where the byte at ``offset`` is in the merged strings."""
        if offset == 0:
            return self.offsets[0]
        i = bisect_right(self.starts, offset) - 1
        return self.offsets[i] + offset - self.starts[i]


class MergedStrings:
    """The strings of several mergeable chunks, each once.

    Sorted by their ends, longest first, a string that ends another comes right behind it.
    """

    def __init__(self, name: bytes, alignment: int = 0, flags: int = 0) -> None:
        self.name = name
        """Of the output segment or section that they are merged for."""
        self.alignment = alignment
        self.flags = flags
        self.offset = 0
        """In the output segment or section, in bytes."""
        self.contents: bytes | bytearray = b""
        self.members: list[InputSegment | InputSection] = []

    @property
    def size(self) -> int:
        return len(self.contents)

    def add(self, chunk: InputSegment | InputSection) -> None:
        self.members.append(chunk)

    def finalize(self) -> None:
        """Lay the strings out, and tell every chunk where its pieces went."""
        all_pieces = [member.pieces for member in self.members if member.pieces is not None]
        # Read from the end on, a tail is a prefix, and whatever sorts between a string and its prefix has that prefix
        # too: it is enough to look at neighbours.
        strings = sorted(set(chain.from_iterable([pieces.backwards for pieces in all_pieces])), reverse=True)
        is_tail = [False, *map(bytes.startswith, strings, strings[1:])]
        sizes = [len(string) + 1 for string in strings]
        # A tail adds nothing and ends where the string before it ends.
        ends = accumulate([0 if tail else size for tail, size in zip(is_tail, sizes)])
        offsets = dict(zip(strings, map(sub, ends, sizes)))
        # Turned round, the zero that ends the last string comes first.
        kept = list(compress(strings, map(not_, is_tail)))
        kept.append(b"")
        kept.reverse()
        contents = bytearray(b"\0").join(kept)
        contents.reverse()
        self.contents = contents
        for pieces in all_pieces:
            pieces.offsets = [offsets[string] for string in pieces.backwards]
            pieces.backwards = []


def _turned(data: bytes) -> bytes:
    """The bytes from the last to the first: in place, that takes a fraction of the time of a slice."""
    turned = bytearray(data)
    turned.reverse()
    return bytes(turned)
