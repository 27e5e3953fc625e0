"""Patch the last module: replace changed objects, and correct the fields that depend on locations that moved."""

from __future__ import annotations

from array import array
from collections import deque
from itertools import repeat
from struct import Struct

from ..binary.constants import SymbolKind
from ..binary.leb128 import uleb
from ..binary.relocation_types import ADDRESSES
from ..binary.relocations import fields
from ..linking.chunks import InputSection, ObjectInput
from ..linking.live_relocations import live_function_runs
from ..linking.relocate import Relocator
from ..linking.relocation_values import Bases, body_start
from ..output.encoding import Chunk
from .match_objects import Unusable
from .moved_fields import NO_ORDINAL, SECTION, TARGET, VALUE, Note, add_to_fields
from .previous_link import LastLink
from .remerge_strings import Remerged, remerge
from .replacements import NewObjects, split
from .state import INTERNAL, column

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_U32: Final = Struct("<I")
_FUNCTION: Final = SymbolKind.FUNCTION


class Rewriter:
    """Move functions and sections, and correct the fields that depend on their positions."""

    def __init__(self, last: LastLink, changed: NewObjects) -> None:
        self.last = last
        self.state = last.state
        self.module = last.module
        self.changed = changed
        self.new = changed.new
        self.relocator = Relocator(Bases(self.state.table_base, self.state.tls_base))
        self._function_shifts: dict[tuple[int, int], int] = {}
        self._file_shifts: dict[int, int] = {}
        """The distances by which the functions of the other objects move, by object."""
        self.merged: dict[int, Remerged] = {}

    def chunks(self) -> list[Chunk]:
        """Return the module."""
        for output in self.changed.merging:
            self._merge(output)
        self._move_functions()
        moved = self._move_sections()
        pieces: list[tuple[int, int, list[Chunk]]] = []
        self._correct(moved)
        self._replace_code(pieces)
        self._replace_data(pieces)
        self._replace_sections(pieces)
        out: list[Chunk] = []
        position = 0
        # An empty piece comes before the one that starts at the same place.
        for start, end, chunks in sorted(pieces, key=lambda piece: piece[:2]):
            out.append(self.module[position:start])
            out += chunks
            position = end
        out.append(self.module[position:])
        return out

    def _merge(self, output: int) -> None:
        """Merge the strings of a custom section again: those of the unchanged objects, which are in the module, and
        those of the changed ones."""
        _, _, start, end = self.state.custom[output]
        contents = bytes(self.module[start:end])
        kept: set[int] = set()
        before: set[int] = set()
        changed: list[InputSection] = []
        for ordinal, known in enumerate(self.state.files):
            for index in [index for index, (of, _, _) in known.sections.items() if of == output]:
                packed = known.pieces.get(index)
                if packed is None:
                    raise Unusable("a section of strings is empty")
                file = self.new.get(ordinal)
                if file is None:
                    kept.update(column(packed, "I"))
                    continue
                before.update(column(packed, "I"))
                section = self.changed.section(ordinal, index)
                if section.size:
                    section.pieces = split(section)
                    changed.append(section)
        pieces = [section.pieces for section in changed if section.pieces is not None]
        self.merged[output] = remerge(contents, kept, before, pieces)

    def _move_functions(self) -> None:
        """Move each file's functions; ``shifts`` collects their distances, by file."""
        shift = 0
        self.shifts: list[int] = []
        for ordinal, known in enumerate(self.state.files):
            self.shifts.append(shift)
            file = self.new.get(ordinal)
            if file is None:
                continue
            after = place_functions(file, known.code_start + shift)
            shift = after - known.code_start - known.code_size
        self.code_growth = shift
        for ordinal, stand_in in self.last.files.items():
            if ordinal in self.new:
                # Its functions moved by different amounts; debug information of an object may refer to those of
                # another.
                for index in {
                    s.index for s in self.last.symbols.values() if s.file is stand_in and s.kind == _FUNCTION
                }:
                    if stand_in.function_live[index]:
                        stand_in.function_offsets[index] += self._function_shift(ordinal, index)
            elif ordinal != INTERNAL and self.shifts[ordinal]:
                shift = self.shifts[ordinal]
                stand_in.function_offsets = array("q", [offset + shift for offset in stand_in.function_offsets])

    def _move_sections(self) -> list[dict[int, int]]:
        """Return the distance by which each custom section moves in its output section, by file; 0 is left out."""
        growth = [0] * len(self.state.custom)
        for output, strings in self.merged.items():
            _, _, start, end = self.state.custom[output]
            growth[output] = len(strings.contents) - (end - start)
        moved: list[dict[int, int]] = []
        for ordinal, known in enumerate(self.state.files):
            file = self.new.get(ordinal)
            if file is None and not any(growth):
                moved.append({})
                continue
            own: dict[int, int] = {}
            for index, (output, _, size) in known.sections.items():
                if index in known.pieces:
                    continue
                if growth[output]:
                    own[index] = growth[output]
                if file is not None:
                    section = self.changed.section(ordinal, index)
                    section.offset += growth[output]
                    growth[output] += section.size - size
            moved.append(own)
        self.section_growth = growth
        return moved

    def _correct(self, moved: list[dict[int, int]]) -> None:
        """Correct the fields of unchanged objects whose targets moved."""
        columns = self.state.columns
        if any(first == after for sections in self.state.moving for first, after in sections.values()):
            raise Unusable("debug information has references that cannot be corrected")
        self._file_shifts = {ordinal: shift for ordinal, shift in enumerate(self.shifts) if ordinal not in self.new}
        for ordinal, sections in enumerate(self.state.moving):
            if ordinal in self.new:
                continue
            for index, (first, after) in sections.items():
                if self.shifts[ordinal] or columns[first + 3] or moved[ordinal] or self.merged:
                    output, offset, size = self.state.files[ordinal].sections[index]
                    start = self.state.custom[output][2] + offset
                    self._correct_section(self.module[start : start + size], moved[ordinal], ordinal, first, after)

    def _correct_section(
        self, section: memoryview, own_sections: dict[int, int], ordinal: int, first: int, after: int
    ) -> None:
        """:param own_sections: the file's custom sections that moved, with their distances.
        :param first: the start of the columns of the section's note, and ``after`` their end."""
        columns, shift, known = self.state.columns, self.shifts[ordinal], self.state.files[ordinal]
        note = Note(columns, first)
        if shift and note.own_count:
            add_to_fields(section, note.own_offsets(columns), repeat(shift))
        if note.field_count:
            amounts = self._amounts(note)
            if any(amounts):
                targets = note.field_targets(columns)
                add_to_fields(section, note.field_offsets(columns), map(amounts.__getitem__, targets))
        position = note.sections
        while position < after:
            target, _, count = columns[position : position + SECTION]
            position += SECTION
            offsets = columns[position : position + count]
            if target in known.pieces:
                strings = self.merged.get(known.sections[target][0])
                if strings is not None:
                    values = map(strings.moved.__getitem__, fields(section, offsets))
                    deque(map(_U32.pack_into, repeat(section), offsets, values), maxlen=0)
            elif target in own_sections:
                add_to_fields(section, offsets, repeat(own_sections[target]))
            position += count

    def _amounts(self, note: Note) -> list[int]:
        """Return by how much the value of each target differs."""
        columns, shifts = self.state.columns, self._file_shifts
        types, _, marks, _, targets, functions = (
            columns[note.targets + i : note.fields : TARGET] for i in range(TARGET)
        )
        return [
            0 if mark != VALUE else shifts[target] if target in shifts else self._target_shift(type_, target, function)
            for type_, mark, target, function in zip(types, marks, targets, functions)
        ]

    def _target_shift(self, type_: int, target: int, function: int) -> int:
        if target == NO_ORDINAL:
            return self._address_shift(function) if type_ in ADDRESSES else 0
        return self._function_shift(target, function)

    def _address_shift(self, location: int) -> int:
        """Return by how much the address of a location differs."""
        return 0

    def _function_shift(self, ordinal: int, function: int) -> int:
        """Return the distance by which the body of a changed object's function moves."""
        known = self._function_shifts
        key = ordinal, function
        if key not in known:
            file, now = self.changed.function(ordinal, function)
            moved = file.function_offsets[now] - file.object.function_offsets[now]
            last = self.last.file(ordinal)
            assert isinstance(last, ObjectInput)
            known[key] = body_start(file, now) + moved - body_start(last, function)
        return known[key]

    def _replace_code(self, pieces: list[tuple[int, int, list[Chunk]]]) -> None:
        start, end = self.state.code
        if self.code_growth:
            size = uleb(end - start)
            pieces.append((start - len(size), start, [uleb(end - start + self.code_growth)]))
        for ordinal, file in self.new.items():
            known = self.state.files[ordinal]
            if known.code_size:
                first = start + known.code_start
                pieces.append((first, first + known.code_size, [*self.relocator.code(file).pieces()]))

    def _replace_data(self, pieces: list[tuple[int, int, list[Chunk]]]) -> None:
        for ordinal, file in self.new.items():
            data = None
            for segment in file.segments:
                position = self.changed.position(ordinal, segment.index)
                if position < 0 or segment.pieces is not None or not segment.size:
                    continue
                if data is None:
                    data = self.relocator.data(file)
                start = file.object.segments.offsets[segment.index]
                self.module[position : position + segment.size] = data[start : start + segment.size]

    def _replace_unmerged(self, pieces: list[tuple[int, int, list[Chunk]]]) -> None:
        """Replace custom sections, except those of strings."""
        # In order, since a section that is new takes no bytes of the last module.
        for ordinal in sorted(self.new):
            known = self.state.files[ordinal]
            for index, (output, offset, size) in known.sections.items():
                if index not in known.pieces:
                    section = self.changed.section(ordinal, index)
                    start = self.state.custom[output][2] + offset
                    pieces.append((start, start + size, [self.relocator.section(section)] if section.size else []))

    def _replace_sections(self, pieces: list[tuple[int, int, list[Chunk]]]) -> None:
        self._replace_unmerged(pieces)
        for output, strings in self.merged.items():
            _, _, start, end = self.state.custom[output]
            pieces.append((start, end, [strings.contents]))
        for (_, header, _, end), growth in zip(self.state.custom, self.section_growth):
            if growth:
                # The id, then the size.
                size = end - header - 1
                length = len(uleb(size))
                while len(uleb(size - length)) < length:
                    length -= 1
                size -= length
                pieces.append((header + 1, header + 1 + length, [uleb(size + growth)]))


def place_functions(file: ObjectInput, position: int) -> int:
    """Place the live functions of an object at a position in the code section's contents; return where they end."""
    starts = file.object.function_offsets
    offsets = array("q", bytes(8 * len(file.function_live)))
    for first, after in live_function_runs(file):
        distance = position - starts[first]
        offsets[first:after] = array("q", [start + distance for start in starts[first:after]])
        position += starts[after] - starts[first]
    file.function_offsets = offsets
    return position
