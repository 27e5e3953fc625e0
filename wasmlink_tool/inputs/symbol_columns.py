"""The symbol table of an object file, in columns.

A symbol takes as little as three bytes of an object; a tuple for each would take a hundred.
"""

from __future__ import annotations

from array import array

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SymbolInfo = tuple[int, int, bytes, int, int, int]
"""One entry of the symbol table: (kind, flags, name, index, offset, size).

``index`` is the element's index in its kind's index space (imports first), the segment's for data, the section's for
section symbols; ``offset`` and ``size`` are those of defined data. ``name`` is that of the import where the entry has
none of its own.
"""


class SymbolColumns:
    """A sequence of :data:`SymbolInfo`, each made when it is asked for."""

    __slots__ = ("flags", "indices", "kinds", "names", "offsets", "sizes")

    def __init__(
        self,
        kinds: bytearray,
        flags: array[int],
        names: list[bytes],
        indices: array[int],
        offsets: array[int],
        sizes: array[int],
    ) -> None:
        self.kinds = kinds
        self.flags = flags
        self.names = names
        self.indices = indices
        self.offsets = offsets
        self.sizes = sizes

    def __len__(self) -> int:
        return len(self.kinds)

    def __iter__(self) -> Iterator[SymbolInfo]:
        return zip(self.kinds, self.flags, self.names, self.indices, self.offsets, self.sizes)

    def __getitem__(self, number: int) -> SymbolInfo:
        return (
            self.kinds[number],
            self.flags[number],
            self.names[number],
            self.indices[number],
            self.offsets[number],
            self.sizes[number],
        )

    def grow(self, count: int) -> int:
        """Add ``count`` rows of zeros and empty names; return the number of the first.

        Offsets and sizes may be at most 255 until :meth:`widen` is called."""
        first = len(self.kinds)
        self.kinds += bytes(count)
        self.names += [b""] * count
        for column in (self.flags, self.indices, self.offsets, self.sizes):
            column.frombytes(bytes(column.itemsize * count))
        return first

    def widen(self, largest: int) -> None:
        """Make room for offsets and sizes of up to ``largest``. Most symbols have none, or small ones."""
        code = "Q" if largest >> 32 or "Q" in (self.offsets.typecode, self.sizes.typecode) else "I"
        self.offsets, self.sizes = array(code, self.offsets), array(code, self.sizes)


def symbol_columns(
    kinds: Iterable[int] = (),
    flags: Iterable[int] = (),
    names: Iterable[bytes] = (),
    indices: Iterable[int] = (),
    offsets: Iterable[int] = (),
    sizes: Iterable[int] = (),
) -> SymbolColumns:
    """Return columns of the given values.

    :raises ValueError: a kind does not fit in a byte.
    :raises OverflowError: another number does not fit in its column.
    """
    return SymbolColumns(
        bytearray(kinds), array("I", flags), list(names), array("I", indices), _narrow(offsets), _narrow(sizes)
    )


def _narrow(values: Iterable[int]) -> array[int]:
    """Return a column of the fewest bytes for non-negative numbers."""
    column = array("Q", values)
    largest = max(column, default=0)
    return array("B" if largest < 0x100 else "I", column) if largest >> 32 == 0 else column
