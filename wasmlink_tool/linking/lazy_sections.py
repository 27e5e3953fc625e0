"""The custom sections of a file that has very many: each is made when something asks for it.

A custom section takes as little as four bytes of an object, and three hundred as an object of Python in the lists of
the passes. In an ordinary file there are a dozen, in a dictionary.
"""

from __future__ import annotations

from array import array

from ..inputs.section_columns import is_copied

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..inputs.section_columns import SectionColumns
    from .chunks import InputSection, LinkedFile


class LazySections:
    """The custom sections by index, like a dictionary of them.

    Iteration makes each missing section for the moment: what it yields must not be changed, or told from others by
    identity. A section that was asked for by its index stays.
    """

    __slots__ = ("_columns", "_made", "_new", "offsets")

    def __init__(self, columns: SectionColumns, new: Callable[[int], InputSection]) -> None:
        """:param new: returns the custom section of an index."""
        self._columns = columns
        self._new = new
        self._made: dict[int, InputSection] = {}
        self.offsets = array("Q", bytes(8 * len(columns)))
        """The offset in its output section of each that was not asked for."""

    def is_made(self, index: int) -> bool:
        """Return whether something has asked for a section, and may refer to it."""
        return index in self._made

    def get(self, index: int) -> InputSection | None:
        if index not in self:
            return None
        return self[index]

    def __contains__(self, index: int) -> bool:
        return index in self._made or is_copied(self._columns[index])

    def __getitem__(self, index: int) -> InputSection:
        made = self._made.get(index)
        if made is None:
            made = self._made[index] = self._make(index)
        return made

    def __iter__(self) -> Iterator[int]:
        for index, section in enumerate(self._columns):
            if is_copied(section):
                yield index

    def items(self) -> Iterator[tuple[int, InputSection]]:
        for index in self:
            yield index, self._made.get(index) or self._make(index)

    def values(self) -> Iterator[InputSection]:
        for index in self:
            yield self._made.get(index) or self._make(index)

    def _make(self, index: int) -> InputSection:
        section = self._new(index)
        section.offset = self.offsets[index]
        return section


class PlainSections:
    """Adjacent custom sections of one file in an output section, without relocations: only their bytes matter."""

    __slots__ = ("_file", "_indices", "_offset", "_sections", "size")

    def __init__(self, file: LinkedFile, sections: LazySections) -> None:
        self._file = file
        self._sections = sections
        self._indices = array("I")
        self._offset = 0
        self.size = 0

    def can_add(self, file: LinkedFile) -> bool:
        return file is self._file

    def add(self, index: int) -> None:
        self._indices.append(index)
        columns = self._file.object.sections
        self.size += columns.ends[index] - columns.starts[index]

    @property
    def offset(self) -> int:
        """The offset in the output section's contents, after its name."""
        return self._offset

    @offset.setter
    def offset(self, offset: int) -> None:
        self._offset = offset
        columns = self._file.object.sections
        for index in self._indices:
            self._sections.offsets[index] = offset
            offset += columns.ends[index] - columns.starts[index]

    @property
    def contents(self) -> bytes | bytearray:
        data, columns = self._file.object.data, self._file.object.sections
        if len(self._indices) == 1:
            index = self._indices[0]
            return bytes(data[columns.starts[index] : columns.ends[index]])
        contents = bytearray()
        for index in self._indices:
            contents += data[columns.starts[index] : columns.ends[index]]
        return contents
