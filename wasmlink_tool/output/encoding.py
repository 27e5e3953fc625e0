"""Small encoders that several sections share."""

from __future__ import annotations

from ..binary.constants import LIMITS_HAS_MAX, SECTION_LABELS, SectionId
from ..binary.leb128 import uleb

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

Chunk = bytes | bytearray | memoryview


def name(text: bytes) -> bytes:
    return uleb(len(text)) + text


def vector(items: Iterable[bytes]) -> bytes:
    encoded = list(items)
    return uleb(len(encoded)) + b"".join(encoded)


def long_vector(items: Iterable[bytes]) -> bytes:
    """Return :func:`vector` of very many short items, without holding them all at once."""
    count = 0
    contents = bytearray()
    for item in items:
        contents += item
        count += 1
    return uleb(count) + contents


def limits(minimum: int, maximum: int | None, flags: int = 0) -> bytes:
    """Encode the limits of a memory or table; ``flags`` are those besides :data:`LIMITS_HAS_MAX`."""
    if maximum is None:
        return bytes([flags]) + uleb(minimum)
    return bytes([flags | LIMITS_HAS_MAX]) + uleb(minimum) + uleb(maximum)


class OutputSection:
    """A section of the module: its contents in chunks, which are joined once, when the file is written."""

    __slots__ = ("chunks", "id", "name", "offset", "size")

    def __init__(self, id_: int, chunks: list[Chunk], name: bytes = b"") -> None:
        self.id = id_
        self.chunks = chunks
        self.name = name
        """The name of a custom section; ``chunks`` start with it, encoded."""
        self.size = sum(map(len, chunks))
        """The size of the contents, in bytes."""
        self.offset = 0
        """The offset of the section's header in the file."""

    @property
    def header(self) -> bytes:
        return bytes([self.id]) + uleb(self.size)

    @property
    def label(self) -> str:
        """The section's name in verbose output and maps."""
        if self.id == SectionId.CUSTOM:
            return f"CUSTOM({self.name.decode('utf-8', 'replace')})"
        return SECTION_LABELS[self.id]


def custom_section(section_name: bytes, *contents: Chunk) -> OutputSection:
    return OutputSection(SectionId.CUSTOM, [name(section_name), *contents], section_name)
