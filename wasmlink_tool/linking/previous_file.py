"""The locations of an unchanged object's parts in the last module, for a link that repeats its decisions and copies
unaffected bytes."""

from __future__ import annotations

from array import array

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_USUAL: Final = 64
"""Bytes that most strings do not exceed."""


class PreviousFile:
    """An object in the last module. Positions count from the start of the module."""

    __slots__ = (
        "code_offset",
        "code_position",
        "function_live",
        "module",
        "notes",
        "packed_offsets",
        "pieces",
        "section_positions",
        "segment_pieces",
        "segment_positions",
    )

    def __init__(
        self,
        module: memoryview,
        *,
        function_live: bytes,
        packed_offsets: bytes | memoryview,
        code_offset: int,
        code_position: int,
        segment_positions: list[int],
        segment_pieces: dict[int, list[int]],
        section_positions: dict[int, tuple[int, int]],
        pieces: dict[int, bytes | memoryview],
        notes: dict[int, array[int]],
    ) -> None:
        self.module = module
        self.function_live = function_live
        self.packed_offsets = packed_offsets
        """The offset of each function's entry in the code section's contents, a column of 32-bit numbers."""
        self.code_offset = code_offset
        """The offset of the first live function's entry in the code section's contents."""
        self.code_position = code_position
        """The position of the same entry in the module."""
        self.segment_positions = segment_positions
        """Positions of the data segments, -1 if not in the module. For merged strings, that of the merged chunk."""
        self.segment_pieces = segment_pieces
        """For merged data segments, the offsets of their strings in the merged chunk."""
        self.section_positions = section_positions
        """Position and size of each copied custom section."""
        self.pieces = pieces
        """For merged custom sections, the offsets of their strings in the output section's contents, packed."""
        self.notes = notes
        """Notes of custom sections with relocations: see :mod:`..incremental.moved_fields`."""

    def strings(self, segment: int) -> bytes | None:
        """Return the contents of a segment of strings that the last link merged; ``None`` if it did not."""
        offsets = self.segment_pieces.get(segment)
        start = self.segment_positions[segment]
        if offsets is None or start < 0:
            return None
        found = []
        for offset in offsets:
            size = _USUAL
            string = bytes(self.module[start + offset : start + offset + size])
            while (end := string.find(b"\0")) < 0:
                if len(string) < size:
                    return None
                size *= 4
                string = bytes(self.module[start + offset : start + offset + size])
            found.append(string[: end + 1])
        return b"".join(found)

    def body_distance(self, function: int) -> int:
        """Return the number of bytes from a live function's entry to its body."""
        offset = int.from_bytes(self.packed_offsets[4 * function : 4 * function + 4], "little")
        start = position = self.code_position + offset - self.code_offset
        while self.module[position] >= 0x80:
            position += 1
        return position + 1 - start
