"""Parsing of sections that many objects of a program share: types, producers and features. Each text is parsed once."""

from __future__ import annotations

from ..binary.constants import FUNCTION_TYPE
from ..binary.leb128 import uleb
from ..binary.reader import FormatError, Reader
from ..memo import remember
from .object_file import Producers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Final

_FEW: Final = 256
"""The maximum number of features that are made once, rather than each time."""


@remember(4096)
def parse_types(contents: bytes) -> list[bytes]:
    """Parse the signatures of a type section."""
    reader = Reader(contents, 0, len(contents))
    types: list[bytes] = []
    for _ in range(reader.count(3)):
        form = reader.u8()
        if form != FUNCTION_TYPE:
            raise FormatError(f"unsupported form of type: {form:#04x}")
        parameters = [reader.value_type() for _ in range(reader.count())]
        results = [reader.value_type() for _ in range(reader.count())]
        types.append(uleb(len(parameters)) + b"".join(parameters) + uleb(len(results)) + b"".join(results))
    if reader.pos != reader.end:
        raise FormatError("data after the end of section TYPE")
    return types


@remember(256)
def parse_producers(contents: bytes) -> Producers:
    reader = Reader(contents, 0, len(contents))
    producers: Producers = {}
    for _ in range(reader.count(2)):
        field = reader.name().decode("utf-8", "backslashreplace")
        if field not in ("language", "processed-by", "sdk"):
            raise FormatError("producers section field is not named one of language, processed-by, or sdk")
        if field in producers:
            raise FormatError("producers section does not have unique fields")
        pairs = [(reader.name(), reader.name()) for _ in range(reader.count(2))]
        if len({name for name, _ in pairs}) != len(pairs):
            raise FormatError("producers section contains repeated producer")
        producers[field] = pairs
    if reader.pos != reader.end:
        raise FormatError("producers section ended prematurely")
    return producers


class ManyFeatures:
    """Very many features, each made when it is asked for: one takes as little as seven bytes of an object."""

    __slots__ = ("_contents",)

    def __init__(self, contents: bytes) -> None:
        self._contents = contents

    def __iter__(self) -> Iterator[bytes]:
        reader = Reader(self._contents, 0, len(self._contents))
        for _ in range(reader.count(2)):
            start = reader.pos
            reader.pos += 1
            yield self._contents[start : start + 1] + reader.name()


@remember(256)
def parse_features(contents: bytes) -> Iterable[bytes]:
    reader = Reader(contents, 0, len(contents))
    features: list[bytes] = []
    names: set[bytes] = set()
    count = reader.count(2)
    for _ in range(count):
        start = reader.pos
        if chr(reader.u8()) not in "+-":
            raise FormatError("unknown feature policy prefix")
        name = reader.name()
        if name in names:
            raise FormatError(
                f'target features section contains repeated feature "{name.decode("utf-8", "backslashreplace")}"'
            )
        names.add(name)
        if count <= _FEW:
            features.append(contents[start : start + 1] + name)
    if reader.pos != reader.end:
        raise FormatError("target features section ended prematurely")
    return features if count <= _FEW else ManyFeatures(contents)
