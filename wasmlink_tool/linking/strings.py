"""Merging of strings, with tails: ``"bar"`` shares the bytes of ``"foobar"``."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .chunks import InputSection, InputSegment


class StringPieces:
    """The strings of a mergeable chunk.

    ``starts`` are their offsets in the chunk, ``offsets`` those in the merged output, which the merge fills in.
    """

    __slots__ = ("offsets", "starts", "strings")

    def __init__(self, contents: bytes) -> None:
        """:raises ValueError: the last string has no terminating zero."""
        if not contents.endswith(b"\0"):
            raise ValueError("string is not null terminated")
        self.strings = contents[:-1].split(b"\0")
        if len(self.strings) == 1:
            self.starts = [0]
        else:
            self.starts = list(accumulate([len(s) + 1 for s in self.strings], initial=0))
            self.starts.pop()
        self.offsets: list[int] = []

    def output_offset(self, offset: int) -> int:
        """Where the byte at ``offset`` is in the merged strings."""
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
        self.contents = b""
        self.members: list[InputSegment | InputSection] = []

    @property
    def size(self) -> int:
        return len(self.contents)

    def add(self, chunk: InputSegment | InputSection) -> None:
        self.members.append(chunk)

    def finalize(self) -> None:
        """Lay the strings out, and tell every chunk where its pieces went."""
        all_pieces: list[StringPieces] = []
        distinct: set[bytes] = set()
        for member in self.members:
            pieces = member.pieces
            assert pieces is not None
            all_pieces.append(pieces)
            distinct.update(pieces.strings)
        offsets: dict[bytes, int] = {}
        out: list[bytes] = []
        size = 0
        previous = b""
        first = True
        for string in [s[::-1] for s in sorted((s[::-1] for s in distinct), reverse=True)]:
            if not first and previous.endswith(string):
                offsets[string] = size - len(string) - 1
            else:
                offsets[string] = size
                out.append(string)
                size += len(string) + 1
                previous = string
                first = False
        self.contents = b"\0".join(out) + b"\0" if out else b""
        for pieces in all_pieces:
            pieces.offsets = [offsets.get(s, 0) for s in pieces.strings]
            pieces.strings = []
