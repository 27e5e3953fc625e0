"""Relocation: write the value of every reference into copies of the input's sections.

A section's relocations are handled by type, in columns: one comprehension computes the values of a whole column, and
one call writes them. The compiled package processes them one by one instead (``binary/relocation_loops.py``). Both get
values from :class:`SymbolValues`: if the target is not in the output, the value is the section's tombstone if it has
one, else the addend.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import accumulate, compress, repeat
from struct import Struct, error

from ..binary.field_values import LOWEST, NOTHING, SCATTERED
from ..binary.leb128 import PaddedEncodings, sleb, uleb
from ..binary.reader import FormatError
from ..binary.relocation_types import (
    ENCODING,
    FIXED,
    FORMATS,
    FROM_PLACE,
    RELOCATION_NAMES,
    SIGNED,
    TYPE_INDICES,
    WIDTH,
)
from ..binary.relocations import COMPILED, Relocations, marks_of, of_type, present_types
from .chunks import InputSection, InputSegment, ObjectInput
from .live_relocations import live_function_runs
from .relocation_values import NO_TLS, Bases, SymbolValues, body_start, drops_folded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from types import TracebackType
    from typing import Final

if COMPILED:
    from ..binary import relocation_loops as loops

Contents = bytes | bytearray | memoryview

_PACK: Final = {width: Struct(code).pack_into for width, code in ((4, "<I"), (8, "<Q"), (5, "5s"), (10, "10s"))}


def _tombstone(section: bytes) -> int | None:
    """Return the value of a reference to a removed symbol in a custom section (``None``: its addend).

    -1 is not a valid address or function, but in range lists it has a special meaning.
    """
    if section in (b".debug_ranges", b".debug_loc"):
        return -2
    if section.startswith((b".debug_", b"llvm.func_attr.")):
        return -1
    return None


class Relocated:
    """A relocated section."""

    __slots__ = ("contents", "names_middles")

    def __init__(self, contents: bytes | bytearray) -> None:
        self.contents = contents
        self.names_middles = False
        """Whether a reference points into a merged string, not at its start."""


class FunctionEntries:
    """The relocated entries of a file's live functions: ``contents`` of each run of functions, from ``starts`` on."""

    def __init__(self, starts: list[int], contents: list[list[memoryview]], offsets: Sequence[int]) -> None:
        self._starts = starts
        self._contents = contents
        self._offsets = offsets

    def pieces(self) -> list[memoryview]:
        """Return all of them, in order."""
        return [piece for run in self._contents for piece in run]

    def run(self, start: int, stop: int) -> list[memoryview]:
        """Return the entries of adjacent live functions, in pieces."""
        i = bisect_right(self._starts, start) - 1
        first, pieces = self._starts[i], self._contents[i]
        if not self._offsets:
            return pieces[start - first : stop - first]
        origin = self._offsets[first]
        return [pieces[0][self._offsets[start] - origin : self._offsets[stop] - origin]]


class Watcher:
    """Takes a note of each custom section while its relocations are decoded."""

    def __init__(
        self,
        most: Callable[[ObjectInput, int], int],
        note: Callable[[ObjectInput, int, Relocated, SymbolValues], bytes],
    ) -> None:
        """:param most: the maximum size of a note of a file's section, in bytes.
        :param note: computes the note, which depends only on the section and on final decisions."""
        self.most = most
        self.note = note


class Relocator:
    """Writes the final values, once every index and address is known."""

    def __init__(self, bases: Bases, watcher: Watcher | None = None) -> None:
        self.notes: dict[tuple[ObjectInput, int], bytes | memoryview] = {}
        """The watcher's notes, by file and section."""
        self._watcher = watcher
        self.processes = 1
        """The number of processes."""
        self.fills_later = False
        """True if contents that it returns may be memory that is filled only at the end of the ``with`` statement."""
        self._bases = bases
        self._values_of: dict[tuple[ObjectInput, bool, bool], SymbolValues] = {}
        """Values by file, whether they are for debug information and whether folded functions count as removed."""
        self._uleb5 = PaddedEncodings(32, signed=False)
        self._sleb5 = PaddedEncodings(32, signed=True)
        self._uleb10 = PaddedEncodings(64, signed=False)
        self._sleb10 = PaddedEncodings(64, signed=True)

    def __enter__(self) -> Relocator:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        pass

    def code(self, file: ObjectInput) -> FunctionEntries:
        """Return the relocated entries of a file's live functions, as slices of one copy of its code section."""
        runs = list(live_function_runs(file))
        firsts = [first for first, _ in runs]
        if file.compressed:
            pieces = [[memoryview(file.compressed[index]) for index in range(first, after)] for first, after in runs]
            return FunctionEntries(firsts, pieces, [])
        starts = file.object.function_offsets
        ranges = [(starts[first], starts[after]) for first, after in runs]
        view = memoryview(self._relocated(file, file.object.code_section, ranges, None))
        return FunctionEntries(firsts, [[view[start:end]] for start, end in ranges], starts)

    def compress(self, file: ObjectInput) -> None:
        """Rewrite the entries of a file's live functions, with each relocated number in its shortest encoding."""
        obj = file.object
        section = obj.sections[obj.code_section]
        starts = obj.function_offsets
        runs = list(live_function_runs(file))
        relocs = relocations_in(
            file.relocations(obj.code_section), ((starts[first], starts[after]) for first, after in runs)
        )
        replacements: dict[int, tuple[int, bytes]] = {}
        types = set(relocs.types)
        for alike in _WRITTEN_ALIKE:
            if not types.isdisjoint(alike):
                width = WIDTH[alike[0]]
                for offset, value in zip(*self._column(file, obj.code_section, relocs, alike, None)):
                    replacements[offset] = width, _shortest(alike[0], value)
        if not types.isdisjoint(TYPE_INDICES):
            _sign_block_types(obj.data, section.start, relocs, replacements)
        offsets = sorted(replacements)
        ends = [offset + replacements[offset][0] for offset in offsets]
        saved = accumulate(width - len(encoded) for width, encoded in map(replacements.__getitem__, offsets))
        file.shrinkage = ends, list(saved)
        file.compressed = compressed = dict(file.compressed)
        data, origin = obj.data, section.start
        for first, after in runs:
            for index in range(first, after):
                position, end = body_start(file, index), starts[index + 1]
                body: list[bytes] = []
                for offset in offsets[bisect_left(offsets, position) : bisect_left(offsets, end)]:
                    width, encoded = replacements[offset]
                    body += (data[origin + position : origin + offset], encoded)
                    position = offset + width
                body.append(data[origin + position : origin + end])
                contents = b"".join(body)
                compressed[index] = uleb(len(contents)) + contents

    def data(self, file: ObjectInput) -> memoryview:
        """Return a copy of a file's data section with the relocations of its live segments applied."""
        # Nothing between adjacent segments has relocations, so that one range has all of them.
        ranges: list[tuple[int, int]] = []
        start = end = -1
        for segment, offset in zip(file.segments, file.object.segments.offsets):
            if segment.live and segment.pieces is None:
                if start < 0:
                    start = offset
                end = offset + segment.size
            elif start >= 0:
                ranges.append((start, end))
                start = -1
        if start >= 0:
            ranges.append((start, end))
        return memoryview(self._relocated(file, file.object.data_section, ranges, None))

    def section(self, section: InputSection) -> Contents:
        """Return the relocated contents of a custom section."""
        file = section.file
        assert isinstance(file, ObjectInput)
        return self._relocated(file, section.index, [(0, section.size)], _tombstone(section.name))

    def value(self, file: ObjectInput, type_: int, index: int, addend: int, offset: int = 0) -> int:
        """Return the value of one relocation of code or data; a distance depends on its ``offset``."""
        column = Relocations(bytes((type_,)), [offset], [index], [addend])
        return self._column(file, -1, column, column.types, None)[1][0]

    # One section

    def _relocated(
        self, file: ObjectInput, section: int, ranges: list[tuple[int, int]], tombstone: int | None
    ) -> Contents:
        """Return a section of the file's object with the relocations in ``ranges`` applied; bytes outside them are
        unspecified."""
        made = self._apply(file, section, ranges, tombstone)
        if self._is_watched(file, section):
            assert self._watcher is not None
            values = self._values(file, section)
            made.names_middles = values.names_middles
            self.notes[file, section] = self._watcher.note(file, section, made, values)
        file.object.release_relocations(section)
        return made.contents

    def _is_watched(self, file: ObjectInput, section: int) -> bool:
        obj = file.object
        return self._watcher is not None and not obj.sections.ids[section] and section in obj.relocation_sections()

    def _apply(
        self,
        file: ObjectInput,
        section: int,
        ranges: list[tuple[int, int]],
        tombstone: int | None,
        contents: bytes | bytearray | None = None,
    ) -> Relocated:
        """Apply relocations.

        :param contents: the section after an earlier relocation, if available; it may be modified.
        """
        obj = file.object
        if contents is None:
            contents = file.section_contents(section)
        _, _, count = obj.relocation_sections().get(section, (0, 0, 0))
        if not count:
            return Relocated(contents)
        if COMPILED:
            done = self._apply_compiled(file, section, ranges, tombstone, bytes(contents))
            if done is not None:
                return Relocated(done)
        relocs = relocations_in(file.relocations(section), ranges)
        buffer = contents if isinstance(contents, bytearray) else bytearray(contents)
        types = present_types(relocs.types)
        if obj.sections.ids[section]:
            for type_ in types:
                self._write_type(buffer, file, section, relocs, type_)
        else:
            # The fields of debug information are all of one width.
            for alike in _WRITTEN_ALIKE:
                if any(type_ in alike for type_ in types):
                    self._write(buffer, alike[0], *self._column(file, section, relocs, alike, tombstone))
        return Relocated(buffer)

    def _write_type(self, buffer: bytearray, file: ObjectInput, section: int, relocs: Relocations, type_: int) -> None:
        """Write the values of all relocations of a type in code or data."""
        offsets, indices, addends = of_type(relocs.types, type_, relocs.offsets, relocs.indices, relocs.addends)
        bases = self._values(file, section).bases_of_type(type_, set(indices))
        if type_ in FROM_PLACE or any(addends) or min(bases.values()) < LOWEST:
            column = Relocations(bytes((type_,)) * len(offsets), offsets, indices, addends)
            self._write(buffer, type_, *self._column(file, section, column, column.types, None))
            return
        # Each target has one value: it is encoded once.
        values = list(bases.values())
        if ENCODING[type_] == FIXED:
            mask = (1 << (8 * WIDTH[type_])) - 1
            encoded: dict[int, object] = {index: value & mask for index, value in bases.items()}
        else:
            encoded = dict(zip(bases, self._encodings(type_).of_all(values)))
        pack = _PACK[WIDTH[type_]]
        # `pack` returns None, so that `any` takes all the elements.
        any(map(pack, repeat(buffer), offsets, map(encoded.__getitem__, indices)))

    def _apply_compiled(
        self, file: ObjectInput, section: int, ranges: list[tuple[int, int]], tombstone: int | None, contents: bytes
    ) -> bytes | None:
        obj = file.object
        bounds = [bound for pair in ranges for bound in pair]
        values = self._values(file, section)
        try:
            if obj.is_unread or (file.rewritten is not None and not obj.sections.ids[section]):
                relocs = file.relocations(section)
                columns = relocs.types, relocs.offsets, relocs.indices, relocs.addends
                return loops.relocate_columns(contents, columns, values, bounds, FORMATS, tombstone)
            entries, count = obj.relocation_entries(section)
            return loops.relocate(contents, entries, count, values, bounds, FORMATS, tombstone)
        except (FormatError, OverflowError):
            return None

    def _values(self, file: ObjectInput, section: int) -> SymbolValues:
        """Return the values of relocations in a section of the file."""
        bases = self._bases
        is_debug = drops = False
        if section >= 0 and not file.object.sections.ids[section]:
            is_debug = bases.tls != NO_TLS
            drops = bases.has_folded_functions and drops_folded(file.object.sections.names[section])
        key = file, is_debug, drops
        values = self._values_of.get(key)
        if values is None:
            values = self._values_of[key] = SymbolValues(file, bases, is_debug=is_debug, drops_folded=drops)
        return values

    def _column(
        self, file: ObjectInput, section: int, relocs: Relocations, types: bytes, tombstone: int | None
    ) -> tuple[Sequence[int], list[int]]:
        """Return offsets and values of the relocations of these types, which apply to ``section``."""
        offsets, indices, addends = relocs.offsets, relocs.indices, relocs.addends
        present = relocs.types
        if present.translate(None, types):
            selected = present.translate(_SELECT[types])
            offsets = list(compress(offsets, selected))
            indices = list(compress(indices, selected))
            addends = list(compress(addends, selected))
            present = bytes(compress(present, selected))
        symbol_values = self._values(file, section)
        pairs = symbol_values.bases(_targets(present, indices))
        bases = {index: base for (_, index), base in pairs.items()}
        if len(bases) != len(pairs):
            # Relocations of different types may name one symbol, which then has several values.
            mappings = {pair: symbol_values.mapping(pair[1], base, tombstone) for pair, base in pairs.items()}
            return offsets, [mappings[pair](addend) for pair, addend in zip(zip(present, indices), addends)]
        if min(bases.values()) < LOWEST:
            values = _marked_values(symbol_values, bases, indices, addends, tombstone)
        elif any(addends):
            values = [bases[index] + addend for index, addend in zip(indices, addends)]
        else:
            values = [bases[index] for index in indices]
        if types[0] in FROM_PLACE:
            # A weak reference to nothing is null, wherever it is.
            absent = [pairs[types[0], index] == NOTHING for index in indices]
            values = [
                0 if nothing else value for value, nothing in zip(_relative_to_place(file, offsets, values), absent)
            ]
        return offsets, values

    def _write(self, buffer: bytearray, type_: int, offsets: Sequence[int], values: list[int]) -> None:
        width = WIDTH[type_]
        pack = _PACK[width]
        if ENCODING[type_] == FIXED:
            try:
                any(map(pack, repeat(buffer), offsets, values))
            except error:
                mask = (1 << (8 * width)) - 1
                any(map(pack, repeat(buffer), offsets, [value & mask for value in values]))
            return
        encodings = self._encodings(type_)
        encodings.learn(values)
        any(map(pack, repeat(buffer), offsets, map(encodings.__getitem__, values)))

    def _encodings(self, type_: int) -> PaddedEncodings:
        if type_ in SIGNED:
            return self._sleb5 if WIDTH[type_] == 5 else self._sleb10
        return self._uleb5 if WIDTH[type_] == 5 else self._uleb10


def _marked_values(
    symbol_values: SymbolValues,
    bases: dict[int, int],
    indices: Sequence[int],
    addends: Sequence[int],
    tombstone: int | None,
) -> list[int]:
    """Return the values of relocations, some of whose bases are marks."""
    sums: dict[int, int] = {}
    fixed: dict[int, int] = {}
    strings: list[int] = []
    for index, base in bases.items():
        if base >= LOWEST:
            sums[index] = base
        elif base == SCATTERED:
            strings.append(index)
        elif base == NOTHING:
            fixed[index] = 0
        elif tombstone is None:
            sums[index] = 0
        else:
            fixed[index] = tombstone
    if not strings:
        return [sums[index] + addend if index in sums else fixed[index] for index, addend in zip(indices, addends)]
    if len(strings) == 1:
        # Most fields of debug information name strings, as a rule those of one section.
        text = strings[0]
        merged = symbol_values.merged_offsets(text)
        return [
            merged[addend] if index == text else sums[index] + addend if index in sums else fixed[index]
            for index, addend in zip(indices, addends)
        ]
    functions = {index: symbol_values.mapping(index, base, tombstone) for index, base in bases.items()}
    return [functions[index](addend) for index, addend in zip(indices, addends)]


def _targets(types: bytes, indices: Sequence[int]) -> set[tuple[int, int]]:
    """Return the distinct pairs of a type and an index, without a pair for each relocation where few types are many."""
    present = set(types)
    if len(present) * _WORTH_SELECTING > len(types):
        return set(zip(types, indices))
    targets: set[tuple[int, int]] = set()
    for type_ in present:
        named = indices if len(present) == 1 else compress(indices, types.translate(_SELECT_ONE[type_]))
        targets.update(zip(repeat(type_), set(named)))
    return targets


def _relative_to_place(file: ObjectInput, offsets: Sequence[int], values: list[int]) -> list[int]:
    """Return the values relative to the address of the field that each is written to."""
    starts = file.object.segments.offsets
    out = []
    for offset, value in zip(offsets, values):
        i = bisect_right(starts, offset) - 1
        out.append(value - file.segments[i].address(offset - starts[i]))
    return out


def _shortest(type_: int, value: int) -> bytes:
    bits = 64 if WIDTH[type_] in (8, 10) else 32
    value &= (1 << bits) - 1
    if ENCODING[type_] == FIXED:
        return value.to_bytes(bits // 8, "little")
    if type_ in SIGNED:
        return sleb(value - (1 << bits) if value >> (bits - 1) else value)
    return uleb(value)


def _sign_block_types(
    data: bytes, origin: int, relocs: Relocations, replacements: dict[int, tuple[int, bytes]]
) -> None:
    """Encode the type indices of blocks as signed numbers: an unsigned one of a single byte from 64 on is negative."""
    for type_, offset in zip(relocs.types, relocs.offsets):
        if type_ in TYPE_INDICES and data[origin + offset - 1] in _BLOCKS:
            width, encoded = replacements[offset]
            if encoded[-1] & 0x40:
                replacements[offset] = width, encoded[:-1] + bytes((encoded[-1] | 0x80, 0))


def relocations_in(relocs: Relocations, ranges: Iterable[tuple[int, int]]) -> Relocations:
    """Return the relocations with an offset in one of the ranges [start, end), which are sorted."""
    offsets = relocs.offsets
    slices: list[tuple[int, int]] = []
    for start, end in ranges:
        first = bisect_left(offsets, start)
        after = bisect_left(offsets, end, first)
        if slices and slices[-1][1] == first:
            slices[-1] = (slices[-1][0], after)
        elif first != after:
            slices.append((first, after))
    if slices == [(0, len(offsets))]:
        return relocs

    def chosen(column: Sequence[int]) -> list[int]:
        out: list[int] = []
        for first, after in slices:
            out += column[first:after]
        return out

    return Relocations(
        b"".join(relocs.types[first:after] for first, after in slices),
        chosen(offsets),
        chosen(relocs.indices),
        chosen(relocs.addends),
    )


def segment_relocations(segment: InputSegment) -> Relocations:
    """Return the relocations of one data segment; offsets are relative to the data section's contents."""
    obj = segment.file.object
    start = obj.segments.offsets[segment.index]
    return relocations_in(segment.file.relocations(obj.data_section), [(start, start + segment.size)])


_BLOCKS: Final = (0x02, 0x03, 0x04, 0x06, 0x1F)
"""The opcodes that a type index follows as a signed number: block, loop, if, try, try_table."""


def _groups() -> Iterator[bytes]:
    groups: dict[tuple[int, bool, int], list[int]] = {}
    for type_ in RELOCATION_NAMES:
        # A type index does not name a symbol, and some values depend on their location.
        alone = type_ if type_ in TYPE_INDICES or type_ in FROM_PLACE else -1
        groups.setdefault((WIDTH[type_], type_ in SIGNED, alone), []).append(type_)
    yield from map(bytes, groups.values())


_WRITTEN_ALIKE: Final = tuple(_groups())
"""Groups of relocation types whose values are encoded alike: one pass over the columns serves each group."""
_SELECT: Final = {group: marks_of(group) for group in _WRITTEN_ALIKE}
"""Translation tables that mark the members of a group in a column of types."""
_SELECT_ONE: Final = {type_: marks_of((type_,)) for type_ in RELOCATION_NAMES}
_WORTH_SELECTING: Final = 16
"""Relocations for each of their types, from which on a pass over them for each type costs less than their pairs."""
