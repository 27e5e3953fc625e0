"""Merging of strings, with tails: ``"bar"`` shares the bytes of ``"foobar"``."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate, chain, compress

from ..empty_collections import NO_ITEMS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Final

    from .chunks import InputSection, InputSegment


_FIRST: Final = [0]
"""Most chunks hold one string: they share this list, which is never modified."""

_STRINGS: Final = 4096
"""A chunk of fewer strings may hold short ones: the lists take little."""
_SIZE: Final = 16


def is_dense(contents: bytes) -> bool:
    """Return whether strings are so many and short that objects for them would take many times their size."""
    if len(contents) < _STRINGS:
        return False
    count = contents.count(b"\0")
    return count >= _STRINGS and len(contents) < _SIZE * count


class StringPieces:
    """The strings of a mergeable chunk.

    ``starts`` are their offsets in the chunk, ``offsets`` those in the merged output, which the merge fills in.
    """

    __slots__ = ("_contents", "_dense", "_starts", "backwards", "offsets")

    def __init__(self, contents: bytes) -> None:
        """:raises ValueError: the last string has no terminating zero."""
        self._contents: Callable[[], bytes] | None = None
        self._dense = b""
        """The chunk's contents, if it holds many short strings: they are not split then."""
        self._starts: Sequence[int] = NO_ITEMS
        self.offsets: Sequence[int] = NO_ITEMS
        self.backwards: list[bytes] = NO_ITEMS
        """Each string read from its end, in the chunk's order; the merge drops them."""
        self._split(contents)

    @classmethod
    def merged(cls, offsets: Sequence[int], contents: Callable[[], bytes]) -> StringPieces:
        """Return pieces that were merged in the last link; the contents are read when a reference needs them."""
        pieces = cls(b"\0")
        pieces.offsets = offsets
        pieces.backwards = []
        pieces._contents = contents
        return pieces

    @property
    def starts(self) -> Sequence[int]:
        if self._contents is not None:
            self._split(self._contents())
            self._contents = None
            self.backwards = []
        if self._dense and not self._starts:
            from .dense_strings import starts

            self._starts = starts(self._dense)
        return self._starts

    @property
    def is_dense(self) -> bool:
        """Return whether the chunk holds many short strings."""
        return bool(self._dense)

    def strings(self) -> list[bytes]:
        """Return the strings in order, before the merge."""
        return self._dense[:-1].split(b"\0") if self._dense else [string[::-1] for string in self.backwards]

    @property
    def count(self) -> int:
        """Return the number of strings, before the merge."""
        return self._dense.count(b"\0") if self._dense else len(self.backwards)

    def each_backwards(self) -> Iterable[bytes]:
        """Return each string read from its end, before the merge."""
        if not self._dense:
            return self.backwards
        from .dense_strings import backwards

        return backwards(self._dense)

    def set_offsets(self, offsets: Sequence[int]) -> None:
        """Set the offsets in the merged output, and drop what the merge alone needs."""
        self.offsets = offsets
        self.backwards = NO_ITEMS

    def _split(self, contents: bytes) -> None:
        if not contents.endswith(b"\0"):
            raise ValueError("string is not null terminated")
        if contents.find(b"\0") == len(contents) - 1:
            # Compilers put each string into its own segment.
            self._starts = _FIRST
            self.backwards = [contents[-2::-1]]
            return
        if is_dense(contents):
            self._dense = contents
            return
        # Tails are compared from the end. Reversing the whole chunk costs less than reversing each string.
        self.backwards = _turned(contents[:-1]).split(b"\0")
        self.backwards.reverse()
        # Each string before has a zero, too.
        ends = enumerate(accumulate(map(len, self.backwards), initial=0))
        self._starts = [zeros + offset for zeros, offset in ends]
        self._starts.pop()

    def has_start(self, offset: int) -> bool:
        """Return whether a string starts at an offset in the chunk."""
        starts = self.starts
        i = bisect_right(starts, offset) - 1
        return starts[i] == offset

    def output_offset(self, offset: int) -> int:
        """Return the offset in the merged strings of the byte at ``offset``."""
        if offset == 0:
            return self.offsets[0]
        starts = self.starts
        i = bisect_right(starts, offset) - 1
        return self.offsets[i] + offset - starts[i]


class MergedStrings:
    """The strings of several mergeable chunks, each once.

    Sorted by their ends, longest first, a string that is the tail of another comes right after it.
    """

    def __init__(self, name: bytes, alignment: int = 0, flags: int = 0) -> None:
        self.name = name
        """The name of the output segment or section that they are merged for."""
        self.alignment = alignment
        self.flags = flags
        self.offset = 0
        """The offset in the output segment or section, in bytes."""
        self.contents: bytes | bytearray = b""
        self.members: list[InputSegment | InputSection] = []

    @property
    def size(self) -> int:
        return len(self.contents)

    def add(self, chunk: InputSegment | InputSection) -> None:
        self.members.append(chunk)

    def finalize(self) -> None:
        """Lay out the strings, and set the output offset of every chunk's pieces."""
        from operator import not_, sub  # Few small links have strings, or anything else that needs it.

        all_pieces = [member.pieces for member in self.members if member.pieces is not None]
        if any(pieces.is_dense for pieces in all_pieces):
            self._finalize_dense(all_pieces)
            return
        # In reversed strings a tail is a prefix, and any string sorted between a string and its prefix has that prefix
        # too: comparing neighbours suffices.
        strings = sorted(set(chain.from_iterable([pieces.backwards for pieces in all_pieces])), reverse=True)
        is_tail = [False, *map(bytes.startswith, strings, strings[1:])]
        sizes = [len(string) + 1 for string in strings]
        # A tail adds nothing and ends where the string before it ends.
        ends = accumulate([0 if tail else size for tail, size in zip(is_tail, sizes)])
        offsets = dict(zip(strings, map(sub, ends, sizes)))
        # In the reversed contents, the zero that ends the last string comes first.
        kept = list(compress(strings, map(not_, is_tail)))
        kept.append(b"")
        kept.reverse()
        contents = bytearray(b"\0").join(kept)
        contents.reverse()
        self.contents = contents
        for pieces in all_pieces:
            # Most hold one string, for which a tuple takes half of a list.
            pieces.set_offsets(tuple(map(offsets.__getitem__, pieces.backwards)))

    def _finalize_dense(self, all_pieces: list[StringPieces]) -> None:
        from .dense_strings import merge_in_blocks

        strings = chain.from_iterable([pieces.each_backwards() for pieces in all_pieces])
        self.contents, offsets = merge_in_blocks(strings)
        first = 0
        for pieces in all_pieces:
            after = first + pieces.count
            pieces.set_offsets(offsets[first:after])
            first = after


def _turned(data: bytes) -> bytes:
    """Reverse the bytes in place, which is several times as fast as a slice."""
    turned = bytearray(data)
    turned.reverse()
    return bytes(turned)
