"""The data segments of an object file, in columns: a segment takes as little as five bytes of an object."""

from __future__ import annotations

from array import array

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import TypeAlias

    Numbers: TypeAlias = list[int] | tuple[int, ...] | array[int]
    """Not ``bytes``: those are sequences of numbers too, but an array takes them as its own memory."""


class Segment:
    """A data segment: ``alignment`` is log2 of bytes, ``offset`` that of the contents, in bytes from the start of the
    data section's contents."""

    __slots__ = ("alignment", "flags", "name", "offset", "size")

    def __init__(self, name: bytes, alignment: int, flags: int, offset: int, size: int) -> None:
        self.name = name
        self.alignment = alignment
        self.flags = flags
        self.offset = offset
        self.size = size


class SegmentColumns:
    """A sequence of :class:`Segment`, each made when it is asked for."""

    __slots__ = ("alignments", "flags", "names", "offsets", "sizes")

    def __init__(
        self,
        names: list[bytes],
        alignments: bytearray,
        flags: array[int],
        offsets: array[int],
        sizes: array[int],
    ) -> None:
        self.names = names
        self.alignments = alignments
        self.flags = flags
        self.offsets = offsets
        self.sizes = sizes

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[Segment]:
        return map(Segment, self.names, bytes(self.alignments), self.flags, self.offsets, self.sizes)

    def __getitem__(self, index: int) -> Segment:
        return Segment(
            self.names[index], self.alignments[index], self.flags[index], self.offsets[index], self.sizes[index]
        )

    def ends(self) -> list[int]:
        """Return where the contents of each segment end, in bytes from the start of the data section's contents."""
        return [offset + size for offset, size in zip(self.offsets, self.sizes)]


def segment_columns(
    names: Sequence[bytes] = (),
    alignments: Numbers = (),
    flags: Numbers = (),
    offsets: Numbers = (),
    sizes: Numbers = (),
) -> SegmentColumns:
    """Return columns of the given values.

    :raises ValueError: an alignment does not fit in a byte.
    :raises OverflowError: another number does not fit in its column.
    """
    return SegmentColumns(list(names), bytearray(alignments), array("I", flags), array("I", offsets), array("Q", sizes))


def unnamed_segments(offsets: list[int], sizes: list[int]) -> SegmentColumns:
    """Return segments of which only the places are known so far."""
    count = len(offsets)
    return SegmentColumns(
        [b""] * count, bytearray(count), array("I", bytes(4 * count)), array("I", offsets), array("I", sizes)
    )
