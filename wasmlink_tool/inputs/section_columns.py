"""The sections of an object file, in columns: a custom section takes as little as four bytes of an object."""

from __future__ import annotations

from array import array

from ..binary.constants import SECTION_NAMES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Final


class Section:
    """The range of a section's contents in the file. In a custom section, ``start`` is after its name, and so is the
    origin of the offsets of relocations that apply to it."""

    __slots__ = ("id", "name", "size", "start")

    def __init__(self, id_: int, name: bytes, start: int, end: int) -> None:
        self.id = id_
        self.name = name
        self.start = start
        self.size = end - start

    @property
    def end(self) -> int:
        return self.start + self.size

    def __str__(self) -> str:
        return self.name.decode("utf-8", "replace") or SECTION_NAMES[self.id]


_READ_BY_THE_LINKER: Final = frozenset((b"linking", b"name", b"producers", b"target_features"))


def is_copied(section: Section) -> bool:
    """Return whether the linker copies a section as it is: a custom section whose contents mean nothing to it."""
    name = section.name
    return not section.id and name not in _READ_BY_THE_LINKER and not name.startswith(b"reloc.")


class SectionColumns:
    """A sequence of :class:`Section`, each made when it is asked for."""

    __slots__ = ("ends", "ids", "names", "starts")

    def __init__(
        self,
        ids: Iterable[int] = (),
        names: Iterable[bytes] = (),
        starts: Iterable[int] = (),
        ends: Iterable[int] = (),
    ) -> None:
        self.ids = bytearray(ids)
        self.names = list(names)
        self.starts = array("Q", starts)
        self.ends = array("Q", ends)

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[Section]:
        # Not over the bytes themselves, which mypyc compiles no iteration of.
        return map(Section, bytes(self.ids), self.names, self.starts, self.ends)

    def __getitem__(self, index: int) -> Section:
        return Section(self.ids[index], self.names[index], self.starts[index], self.ends[index])

    def append(self, id_: int, name: bytes, start: int, end: int) -> None:
        self.ids.append(id_)
        self.names.append(name)
        self.starts.append(start)
        self.ends.append(end)

    def moved(self, distance: int) -> SectionColumns:
        """Return the same sections at other places in their file."""
        starts, ends = ([place + distance for place in column] for column in (self.starts, self.ends))
        return SectionColumns(self.ids, self.names, starts, ends)
