"""Debug information of compressed functions: addresses, distances and line tables follow the code.

Before functions are compressed, the distances in each object's debug information are found (:func:`find_distances`).
An object whose debug information cannot be followed keeps its functions as they are. Once all functions are compressed,
:func:`follow_code` rewrites the line tables, whose sizes change, before custom sections are laid out. All other
sections keep their sizes, and are rewritten when they are relocated.
"""

from __future__ import annotations

from typing import NamedTuple

from ...binary.constants import SymbolKind
from ...binary.leb128 import padded
from ...binary.reader import FormatError
from ...binary.relocation_types import FUNCTION_OFFSETS
from ...binary.relocations import Relocations
from ...diagnostics import Diagnostics
from ..chunks import ObjectInput, RewrittenSections
from .body_places import CodePlaces
from .code_distances import Distance, NotFollowedError, read_distances
from .line_programs import RewrittenSection, check_line_programs, rewrite_line_programs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_LINE = b".debug_line"


class Findings(NamedTuple):
    """The findings in the debug information of all objects."""

    distances: dict[ObjectInput, dict[int, list[Distance]]]
    """By object and section."""
    kept: set[ObjectInput]
    """Objects whose functions must not shrink."""


def find_distances(files: Sequence[ObjectInput], diagnostics: Diagnostics) -> Findings:
    """Find the distances within functions that debug information contains; warn about objects where it cannot follow.

    Such an object may also describe functions of others: its copies of inline functions, which others provide.
    """
    found = Findings({}, set())
    for file in files:
        try:
            found.distances[file] = read_distances(file)
            for section in file.custom_sections.values():
                if section.name == _LINE and not section.discarded:
                    check_line_programs(section)
        except (FormatError, NotFollowedError) as error:
            found.distances.pop(file, None)
            diagnostics.warn(
                f"{file.name}: relocations in its code are not compressed, since its debug information cannot follow: "
                f"{error}; strip it (-S) or compile without it"
            )
            found.kept.add(file)
            found.kept.update(_described_files(file))
    return found


def _described_files(file: ObjectInput) -> set[ObjectInput]:
    """Return the other objects whose functions the object's debug information refers to."""
    files: set[ObjectInput] = set()
    for index, section in file.custom_sections.items():
        if section.discarded:
            continue
        relocs = file.relocations(index)
        for type_, symbol in set(zip(relocs.types, relocs.indices)):
            if type_ in FUNCTION_OFFSETS and isinstance(other := file.symbols[symbol].file, ObjectInput):
                files.add(other)
    return files


def follow_code(files: Sequence[ObjectInput], found: Findings) -> None:
    """Make the custom sections of all objects follow the compressed functions."""
    places = CodePlaces()
    for file in files:
        if not _refers_to_compressed(file):
            continue
        sections = _FollowingSections(file, places, found.distances.get(file, {}))
        if file in found.distances:
            for section in file.custom_sections.values():
                if section.name == _LINE and not section.discarded:
                    sections.rewrite_lines(section.index)
        file.rewritten = RewrittenSections(sections.contents, sections.relocations)


def _refers_to_compressed(file: ObjectInput) -> bool:
    """Return whether custom sections of an object may refer to places in compressed functions."""
    if file.compressed:
        return True
    return any(
        isinstance(symbol.file, ObjectInput) and symbol.file is not file and bool(symbol.file.compressed)
        for symbol in file.symbols
        if symbol.kind == SymbolKind.FUNCTION
    )


class _FollowingSections:
    """The custom sections of an object, with addresses and distances after compression."""

    def __init__(self, file: ObjectInput, places: CodePlaces, distances: dict[int, list[Distance]]) -> None:
        self._file = file
        self._places = places
        self._distances = distances
        self._lines: dict[int, RewrittenSection] = {}

    def rewrite_lines(self, index: int) -> None:
        """Rewrite a line table, which changes its size."""
        section = self._file.custom_sections[index]
        rewritten = self._lines[index] = rewrite_line_programs(section, self._places)
        section.size = len(rewritten.contents)
        section.moved = rewritten.place

    def contents(self, index: int) -> bytes:
        """Return the contents of a custom section before relocation."""
        lines = self._lines.get(index)
        if lines is not None:
            return lines.contents
        section = self._file.object.sections[index]
        contents = self._file.object.data[section.start : section.end]
        distances = self._distances.get(index)
        if not distances:
            return contents
        out = bytearray(contents)
        for position, width, is_leb, start, value in distances:
            symbol = self._file.symbols[start.symbol]
            body = self._places.of_symbol(symbol)
            # What describes a folded function is that of removed code.
            if body is not None and symbol.folded_from is None:
                shrunk = body.place(start.offset + value) - body.place(start.offset)
                encoded = padded(shrunk, width) if is_leb else shrunk.to_bytes(width, "little")
                out[position : position + width] = encoded
        return bytes(out)

    def relocations(self, index: int, relocs: Relocations) -> Relocations:
        """Return the relocations of a custom section, with the addends after compression.

        :param relocs: those of the object.
        """
        lines = self._lines.get(index)
        if lines is not None:
            relocs = lines.relocations
        if FUNCTION_OFFSETS.isdisjoint(relocs.types):
            return relocs
        addends = list(relocs.addends)
        symbols, places = self._file.symbols, self._places
        for i, (type_, addend) in enumerate(zip(relocs.types, addends)):
            if addend and type_ in FUNCTION_OFFSETS:
                body = places.of_symbol(symbols[relocs.indices[i]])
                if body is not None:
                    addends[i] = body.place(addend)
        return Relocations(relocs.types, relocs.offsets, relocs.indices, addends)
