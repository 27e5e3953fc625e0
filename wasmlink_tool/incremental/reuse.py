"""A link that repeats every decision, and copies each byte that the decisions do not affect from the last module.

The passes are those of any link. They run over objects from the cache, whose files are not even read unless their bytes
are needed. After the passes, every section of an unchanged object is that of the last module with corrected fields:

- code and data are copied, and all their relocations applied again;
- a custom section is copied, and the fields whose target has a new value are corrected, according to the note about the
  section (:mod:`.moved_fields`);
- merged strings of custom sections are merged from the last merge (:mod:`.remerge_strings`).

If this is impossible for a section, it is relocated as in any link, from the object's own bytes.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from itertools import repeat
from operator import ne
from struct import Struct

from ..binary.field_values import LOWEST
from ..binary.relocations import fields
from ..inputs.known_files import KnownFile
from ..linking.chunks import InputSection, LinkedFile, ObjectInput
from ..linking.live_relocations import live_function_runs
from ..linking.merged_strings import MergedStrings, StringPieces
from ..linking.plan import Plan
from ..linking.previous_file import PreviousFile
from ..linking.relocate import Contents, FunctionEntries, Relocator, Watcher
from ..linking.relocation_values import Bases
from ..linking.symbols import DEFINED
from ..output.module import Reusable
from .data_columns import Locations
from .data_state import locations_of
from .moved_fields import SECTION, TARGET, VALUE, Note, add_to_fields, place_of_target
from .remerge_strings import remerge
from .state import FileState, State, column

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_U32: Final = Struct("<I")


class Reuse(Reusable):
    """The parts of the last link that this one reuses."""

    def __init__(self, state: State, known: Mapping[str, KnownFile]) -> None:
        """:param known: the files that need not be read."""
        self.known = known
        self._state = state
        self._module = memoryview(state.module[0])
        self._unmatched: list[FileState] = []
        """The objects of the last link that are not in this one."""
        self.moved: dict[bytes, dict[int, int]] = {}
        """For each section merged from the last merge, a map from old to new offset; empty if none moved."""
        self._relocator: ReusingRelocator | None = None
        self._new_objects: dict[str, str] = {}
        """The objects that are not in the last module, each with the reason."""

    # Objects

    def match(self, objects: Sequence[ObjectInput], keys: Mapping[int, str]) -> None:
        """Find the objects that were in the last link. To be called once, before their contents are needed.

        :param keys: of the objects' contents, by the identity of the parsed object.
        """
        ordinals: dict[str, list[int]] = {}
        for ordinal in reversed(range(len(self._state.files))):
            ordinals.setdefault(self._state.files[ordinal].key, []).append(ordinal)
        paths = {(known.path, known.start): known.key for known in self._state.files}
        for file in objects:
            key = keys.get(id(file.object), "")
            found = ordinals.get(key) if key else None
            if found:
                file.previous = self._previous(file, found.pop())
            if file.previous is None:
                source = file.input
                old = paths.get((source.archive or source.member, source.start))
                self._new_objects[file.name] = "it is new" if old is None else "it changed"
        self._unmatched = [self._state.files[ordinal] for left in ordinals.values() for ordinal in left]

    def _previous(self, file: ObjectInput, ordinal: int) -> PreviousFile | None:
        """Return an object's positions in the last module; ``None`` if the state's values are invalid."""
        state, known, module = self._state, self._state.files[ordinal], self._module
        decisions = known.decisions()
        obj = file.object
        live = decisions.function_live
        starts = obj.function_offsets
        code_position = state.code[0] + known.code_start
        if len(live) != len(obj.functions) or len(decisions.function_offsets) != 4 * len(live):
            return None
        size = sum(starts[after] - starts[first] for first, after in _runs(live))
        if size != known.code_size or code_position + size > len(module):
            return None
        if len(decisions.segments) != len(obj.segments):
            return None
        positions = [-1 if place is None else place[2] for place in decisions.segments]
        sections: dict[int, tuple[int, int]] = {}
        for index, (output, offset, section_size) in known.sections.items():
            if index in known.pieces:
                continue
            position = state.custom[output][2] + offset
            section = file.custom_sections[index]
            if section.size != section_size or position + section_size > len(module):
                return None
            sections[index] = position, section_size
        return PreviousFile(
            module,
            function_live=live,
            packed_offsets=decisions.function_offsets,
            code_offset=known.code_start,
            code_position=code_position,
            segment_positions=positions,
            segment_pieces=decisions.segment_pieces,
            section_positions=sections,
            pieces=known.pieces,
            notes={index: state.columns[first:after] for index, (first, after) in state.moving[ordinal].items()},
        )

    def relocator(self, plan: Plan, bases: Bases, watcher: Watcher | None) -> Relocator:
        """Return what relocates the objects that were matched, and all others."""
        ordinals: dict[LinkedFile, int] = {file: ordinal for ordinal, file in enumerate(plan.resolution.objects)}
        self._relocator = ReusingRelocator(bases, watcher, self, ordinals, locations_of(plan))
        return self._relocator

    def counts(self) -> dict[str, int]:
        """Return the counts of reused parts, for the time report."""
        relocator = self._relocator
        if relocator is None:
            return {}
        return {
            "objects linked again": len(self.linked_again()),
            "bytes left unread": sum(
                known.file.status.st_size for known in self.known.values() if not known.file.is_read
            ),
            "bytes copied from the last module": relocator.bytes_copied,
            "fields of debug information corrected": relocator.fields_rewritten,
        }

    def linked_again(self) -> dict[str, str]:
        """Return the objects that were not copied from the last module, each with the reason."""
        relocated = {} if self._relocator is None else self._relocator.relocated_again
        return relocated | self._new_objects

    # Strings

    def merge(self, name: bytes, inputs: Sequence[InputSection]) -> MergedStrings | None:
        """Merge the strings of custom sections from the last merge; ``None`` if that would not help."""
        output = next((i for i, (known, _, _, _) in enumerate(self._state.custom) if known == name), -1)
        kept: set[int] = set()
        reused: list[tuple[InputSection, array[int]]] = []
        others: list[InputSection] = []
        for section in inputs:
            previous = section.file.previous
            packed = None if previous is None else previous.pieces.get(section.index)
            if packed is None:
                others.append(section)
            else:
                offsets = column(packed, "I")
                reused.append((section, offsets))
                kept.update(offsets)
        if output < 0 or len(others) > len(reused):
            return None
        _, _, start, end = self._state.custom[output]
        contents = bytes(self._module[start:end])
        before: set[int] = set()
        for known in self._unmatched:
            for index, (of, _, _) in known.sections.items():
                if of == output:
                    before.update(column(known.pieces[index], "I"))
        split = []
        for section in others:
            section.split()
            assert section.pieces is not None
            split.append(section.pieces)
        merged = remerge(contents, kept, before, split)
        moved = merged.moved
        self.moved[name] = {}
        if any(map(ne, moved.keys(), moved.values())):
            self.moved[name] = moved
            reused = [(section, array("I", map(moved.__getitem__, offsets))) for section, offsets in reused]
        for section, offsets in reused:
            section.pieces = StringPieces.merged(offsets, section.contents)
        result = MergedStrings(name)
        result.contents = merged.contents
        result.members += inputs
        return result


def _runs(live: bytes) -> list[tuple[int, int]]:
    runs = []
    stop = 0
    while (start := live.find(1, stop)) >= 0:
        stop = live.find(0, start)
        if stop < 0:
            stop = len(live)
        runs.append((start, stop))
    return runs


class ReusingRelocator(Relocator):
    """Copies the sections of unchanged objects from the last module."""

    def __init__(
        self,
        bases: Bases,
        watcher: Watcher | None,
        reuse: Reuse,
        ordinals: Mapping[LinkedFile, int],
        locations: Locations,
    ) -> None:
        """:param ordinals: the number of each object in the output."""
        super().__init__(bases, watcher)
        self._reuse = reuse
        self._ordinals = ordinals
        self._locations = locations
        self.bytes_copied = 0
        self.fields_rewritten = 0
        self.relocated_again: dict[str, str] = {}
        """Objects of which a section was relocated from its own bytes, each with the reason."""

    def code(self, file: ObjectInput) -> FunctionEntries:
        previous = file.previous
        if previous is None or file.compressed:
            return super().code(file)
        if file.function_live != previous.function_live:
            self.relocated_again[file.name] = "other functions of it are in the output"
            return super().code(file)
        obj = file.object
        starts = obj.function_offsets
        ranges = [(starts[first], starts[after]) for first, after in live_function_runs(file)]
        section = obj.sections[obj.code_section]
        contents = bytearray(section.end - section.start)
        position, module = previous.code_position, previous.module
        for start, end in ranges:
            contents[start:end] = module[position : position + end - start]
            position += end - start
        view = self._applied(file, obj.code_section, ranges, contents)
        firsts = [first for first, _ in live_function_runs(file)]
        return FunctionEntries(firsts, [[view[start:end]] for start, end in ranges], starts)

    def data(self, file: ObjectInput) -> memoryview:
        previous = file.previous
        if previous is None:
            return super().data(file)
        obj = file.object
        section = obj.sections[obj.data_section]
        contents = bytearray(section.end - section.start)
        module = previous.module
        ranges = []
        for segment, info, position in zip(file.segments, obj.segments, previous.segment_positions):
            output = segment.output
            if not segment.live or segment.pieces is not None or output is None or not output.in_file:
                continue
            if position < 0 or segment.index in previous.segment_pieces or position + info.size > len(module):
                self.relocated_again[file.name] = "other data of it are in the output"
                return super().data(file)
            contents[info.offset : info.offset + info.size] = module[position : position + info.size]
            ranges.append((info.offset, info.offset + info.size))
        return self._applied(file, obj.data_section, ranges, contents)

    def _applied(
        self, file: ObjectInput, section: int, ranges: list[tuple[int, int]], contents: bytearray
    ) -> memoryview:
        self.bytes_copied += sum(end - start for start, end in ranges)
        made = self._apply(file, section, ranges, None, contents)
        return memoryview(made.contents)

    def section(self, section: InputSection) -> Contents:
        file = section.file
        previous = file.previous
        if previous is None or section.index not in previous.section_positions:
            return super().section(section)
        position, size = previous.section_positions[section.index]
        place = previous.module[position : position + size]
        _, _, count = file.object.relocation_sections().get(section.index, (0, 0, 0))
        if count:
            assert isinstance(file, ObjectInput)
            columns = previous.notes.get(section.index)
            corrected = self._corrected(section, file, previous, columns, place) if columns else None
            if corrected is None:
                self.relocated_again.setdefault(file.name, "its debug information has other targets")
                return super().section(section)
            return corrected
        self.bytes_copied += size
        return place

    def _corrected(
        self,
        section: InputSection,
        file: ObjectInput,
        previous: PreviousFile,
        columns: array[int],
        place: memoryview,
    ) -> Contents | None:
        """Return the old section with corrected fields; ``None`` if they cannot be corrected."""
        note = Note(columns)
        if file.function_live != previous.function_live:
            return None
        for index in columns[note.own_symbols : note.targets]:
            symbol = file.symbols[index]
            if symbol.file is not file or symbol.state != DEFINED:
                return None
        changes: list[tuple[array[int], Sequence[int] | int]] = []
        if note.own_count:
            shift = file.function_offsets[file.function_live.find(1)] - previous.code_offset
            if shift:
                changes.append((note.own_offsets(columns), shift))
        if note.target_count:
            amounts = self._amounts(section, file, columns, note)
            if amounts is None:
                return None
            if any(amounts):
                numbers = note.field_targets(columns)
                changes.append((note.field_offsets(columns), [amounts[number] for number in numbers]))
        moved_strings: list[tuple[array[int], dict[int, int]]] = []
        at = note.sections
        for _ in range(note.section_count):
            index, offset, count = columns[at : at + SECTION]
            at += SECTION
            offsets = columns[at : at + count]
            at += count
            target = file.custom_sections[index]
            if target.discarded:
                return None
            if target.pieces is not None:
                if index not in previous.pieces:
                    return None
                moved = self._reuse.moved.get(target.name)
                if moved is None:
                    # All strings were merged again.
                    moved = dict(zip(column(previous.pieces[index], "I"), target.pieces.offsets))
                if moved:
                    moved_strings.append((offsets, moved))
            elif index in previous.pieces:
                return None
            elif target.offset != offset:
                changes.append((offsets, target.offset - offset))
                columns[at - count - 2] = target.offset
        if at != len(columns):
            raise ValueError("a note of another size")
        self.notes[file, section.index] = columns.tobytes()
        self.bytes_copied += len(place)
        if not changes and not moved_strings:
            return place
        contents = bytearray(place)
        for offsets, amount in changes:
            add_to_fields(contents, offsets, repeat(amount) if isinstance(amount, int) else amount)
            self.fields_rewritten += len(offsets)
        for offsets, moved in moved_strings:
            pack = _U32.pack_into
            for at, value in zip(offsets, map(moved.get, fields(contents, offsets))):
                if value is None:
                    return None
                pack(contents, at, value)
            self.fields_rewritten += len(offsets)
        return contents

    def _amounts(self, section: InputSection, file: ObjectInput, columns: array[int], note: Note) -> list[int] | None:
        """Return the change of each target's value, or ``None`` if one was added or removed; record the new values."""
        values = self._values(file, section.index)
        rows = [tuple(columns[at : at + TARGET]) for at in range(note.targets, note.fields, TARGET)]
        bases = values.bases({(row[0], row[1]) for row in rows})
        amounts = []
        at = note.targets
        for type_, index, mark, value, _, _ in rows:
            base = bases[type_, index]
            if mark != (VALUE if base >= LOWEST else LOWEST - base):
                return None
            if mark != VALUE:
                amounts.append(0)
            else:
                amounts.append(base - value)
                columns[at + 3] = base & 0xFFFFFFFF
            columns[at + 4], columns[at + 5] = place_of_target(file, type_, index, self._ordinals, self._locations)
            at += TARGET
        return amounts
