"""Relocation: the value of every reference, written into copies of the input's sections.

A section's relocations are handled type by type, in columns: the values of a whole column are computed by one
comprehension and written by one loop. There is one policy for what a relocation against something that is not in the
output becomes: the section's tombstone if it has one, else the addend.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import compress
from struct import Struct

from ..binary.constants import RelocationType as R
from ..binary.constants import SymbolKind
from ..binary.leb128 import PaddedEncodings, sleb, uleb
from ..binary.relocations import WIDTH, Relocations
from .chunks import NO_NUMBER, InputSection, InputSegment, ObjectInput
from .live_relocations import live_function_runs
from .symbols import DEFINED, Symbol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_I32: Final = Struct("<I").pack_into
_I64: Final = Struct("<Q").pack_into
_MASK32: Final = (1 << 32) - 1
_MASK64: Final = (1 << 64) - 1


def _tombstone(section: bytes) -> int | None:
    """What a reference to something that was removed becomes in a custom section (``None``: its addend).

    -1 is no valid address or function, but in lists of ranges it has a meaning already.
    """
    if section in (b".debug_ranges", b".debug_loc"):
        return -2
    if section.startswith((b".debug_", b"llvm.func_attr.")):
        return -1
    return None


class Relocator:
    """Writes the final values, once every index and address is known."""

    def __init__(self, table_base: int) -> None:
        self._table_base = table_base
        self._uleb5 = PaddedEncodings(32, signed=False)
        self._sleb5 = PaddedEncodings(32, signed=True)
        self._uleb10 = PaddedEncodings(64, signed=False)
        self._sleb10 = PaddedEncodings(64, signed=True)

    def code(self, file: ObjectInput) -> list[memoryview]:
        """The entries of a file's live functions, relocated, as slices of one copy of its code section."""
        obj = file.object
        section = obj.sections[obj.code_section]
        relocs = file.relocations(obj.code_section)
        starts = obj.function_offsets
        runs = list(live_function_runs(file))
        if file.compressed:
            return [memoryview(file.compressed[index]) for first, after in runs for index in range(first, after)]
        buffer = bytearray(obj.data[section.start : section.end])
        self._apply(
            file, buffer, relocations_in(relocs, ((starts[first], starts[after]) for first, after in runs)), None
        )
        view = memoryview(buffer)
        return [view[starts[first] : starts[after]] for first, after in runs]

    def compress(self, file: ObjectInput) -> None:
        """Make the entries of a file's live functions anew, each relocated number as short as it can be."""
        obj = file.object
        section = obj.sections[obj.code_section]
        starts = obj.function_offsets
        runs = list(live_function_runs(file))
        relocs = relocations_in(
            file.relocations(obj.code_section), ((starts[first], starts[after]) for first, after in runs)
        )
        replacements: dict[int, tuple[int, bytes]] = {}
        for type_ in sorted(set(relocs.types)):
            offsets, values = self._column(file, relocs, type_, None)
            width = WIDTH[type_]
            for offset, value in zip(offsets, values):
                replacements[offset] = width, _shortest(type_, value)
        offsets = sorted(replacements)
        data, origin = obj.data, section.start
        for first, after in runs:
            for index in range(first, after):
                position, end = starts[index], starts[index + 1]
                while data[origin + position] >= 0x80:
                    position += 1
                position += 1
                body: list[bytes] = []
                for offset in offsets[bisect_left(offsets, position) : bisect_left(offsets, end)]:
                    width, encoded = replacements[offset]
                    body += (data[origin + position : origin + offset], encoded)
                    position = offset + width
                body.append(data[origin + position : origin + end])
                contents = b"".join(body)
                file.compressed[index] = uleb(len(contents)) + contents

    def data(self, file: ObjectInput) -> memoryview:
        """A copy of a file's data section with the relocations of its live segments applied."""
        obj = file.object
        section = obj.sections[obj.data_section]
        relocs = file.relocations(obj.data_section)
        buffer = bytearray(obj.data[section.start : section.end])
        live = [
            (obj.segments[s.index].offset, obj.segments[s.index].offset + s.size)
            for s in file.segments
            if s.live and s.pieces is None
        ]
        self._apply(file, buffer, relocations_in(relocs, live), None)
        return memoryview(buffer)

    def section(self, section: InputSection) -> bytes | bytearray:
        """The contents of a custom section, relocated."""
        file = section.file
        assert isinstance(file, ObjectInput)
        relocs = file.relocations(section.index)
        contents = section.contents()
        if not relocs.types:
            return contents
        buffer = bytearray(contents)
        self._apply(file, buffer, relocs, _tombstone(section.name))
        return buffer

    # One section

    def _apply(self, file: ObjectInput, buffer: bytearray, relocs: Relocations, tombstone: int | None) -> None:
        for type_ in sorted(set(relocs.types)):
            self._write(buffer, type_, *self._column(file, relocs, type_, tombstone))

    def _column(
        self, file: ObjectInput, relocs: Relocations, type_: int, tombstone: int | None
    ) -> tuple[list[int], list[int]]:
        """Offsets and values of the relocations of one type."""
        selected = relocs.types.translate(_SELECT[type_])
        offsets = list(compress(relocs.offsets, selected))
        indices = list(compress(relocs.indices, selected))
        addends = list(compress(relocs.addends, selected))
        return offsets, self._values(file, type_, offsets, indices, addends, tombstone)

    def _write(self, buffer: bytearray, type_: int, offsets: list[int], values: list[int]) -> None:
        width = WIDTH[type_]
        if width == 4:
            for offset, value in zip(offsets, values):
                _I32(buffer, offset, value & _MASK32)
        elif width == 8:
            for offset, value in zip(offsets, values):
                _I64(buffer, offset, value & _MASK64)
        else:
            signed = type_ in _SIGNED
            if width == 5:
                encodings = self._sleb5 if signed else self._uleb5
            else:
                encodings = self._sleb10 if signed else self._uleb10
            for offset, encoded in zip(offsets, map(encodings.__getitem__, values)):
                buffer[offset : offset + width] = encoded

    def value(self, file: ObjectInput, type_: int, index: int, addend: int) -> int:
        """Of one relocation."""
        return self._values(file, type_, [0], [index], [addend], None)[0]

    def _values(
        self,
        file: ObjectInput,
        type_: int,
        offsets: list[int],
        indices: list[int],
        addends: list[int],
        tombstone: int | None,
    ) -> list[int]:
        symbols = file.symbols
        if type_ == R.TYPE_INDEX_LEB:
            numbers = file.type_numbers
            return [numbers.get(i, NO_NUMBER) for i in indices]
        if type_ == R.SECTION_OFFSET_I32:
            return _section_offsets(symbols, indices, addends, tombstone)
        base_of = self._base_function(type_)
        absolute = type_ in _WITH_ADDEND
        bases: dict[int, int] = {}
        special: dict[int, int | None] = {}
        for i in set(indices):
            symbol = symbols[i]
            if not symbol.is_live:
                special[i] = tombstone
            elif absolute and symbol.state != DEFINED:
                # A weak reference to nothing: 0 whatever the addend.
                special[i] = 0 if symbol.kind == SymbolKind.DATA else tombstone
            else:
                bases[i] = base_of(symbol)
        if not absolute:
            for i, value in special.items():
                bases[i] = 0 if value is None else value
            return [bases[i] for i in indices]
        if special:
            values = []
            for i, addend in zip(indices, addends):
                base = bases.get(i)
                if base is None:
                    value = special[i]
                    values.append(addend if value is None else value)
                else:
                    values.append(base + addend)
        else:
            values = [bases[i] + addend for i, addend in zip(indices, addends)]
        if type_ == R.MEMORY_ADDR_LOCREL_I32:
            return self._relative_to_place(file, offsets, values)
        return values

    def _base_function(self, type_: int) -> Callable[[Symbol], int]:
        if type_ in _TABLE_INDEX:
            base = self._table_base if type_ in _TABLE_INDEX_RELATIVE else 0
            return lambda symbol: symbol.table_slot - base if symbol.table_slot != NO_NUMBER else 0
        return _BASE_OF[type_]

    @staticmethod
    def _relative_to_place(file: ObjectInput, offsets: list[int], values: list[int]) -> list[int]:
        starts = [segment.offset for segment in file.object.segments]
        out = []
        for offset, value in zip(offsets, values):
            i = bisect_right(starts, offset) - 1
            out.append(value - file.segments[i].address(offset - starts[i]))
        return out


def _shortest(type_: int, value: int) -> bytes:
    bits = 64 if WIDTH[type_] in (8, 10) else 32
    value &= (1 << bits) - 1
    if WIDTH[type_] in (4, 8):
        return value.to_bytes(bits // 8, "little")
    if type_ in _SIGNED:
        return sleb(value - (1 << bits) if value >> (bits - 1) else value)
    return uleb(value)


def relocations_in(relocs: Relocations, ranges: Iterable[tuple[int, int]]) -> Relocations:
    """The relocations with an offset in one of the ranges [start, end), which are sorted."""
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
    """The relocations of one data segment; their offsets count from the start of the data section's contents."""
    obj = segment.file.object
    assert obj is not None
    start = obj.segments[segment.index].offset
    return relocations_in(segment.file.relocations(obj.data_section), [(start, start + segment.size)])


def _section_offsets(symbols: list[Symbol], indices: list[int], addends: list[int], tombstone: int | None) -> list[int]:
    mappings: dict[int, Callable[[int], int]] = {}
    for i in set(indices):
        section = symbols[i].section
        if section is None or section.discarded:
            mappings[i] = (lambda addend: addend) if tombstone is None else (lambda _: tombstone)
        elif section.pieces is not None:
            mappings[i] = _MergedOffsets(section).__getitem__
        else:
            mappings[i] = section.offset.__add__
    return [mappings[i](addend) for i, addend in zip(indices, addends)]


class _MergedOffsets(dict[int, int]):
    """Offset in a mergeable section to offset in the output section. Nearly all references name a string's start."""

    def __init__(self, section: InputSection) -> None:
        assert section.pieces is not None
        super().__init__(zip(section.pieces.starts, map(section.offset.__add__, section.pieces.offsets)))
        self._section = section

    def __missing__(self, offset: int) -> int:
        return self._section.output_offset(offset)


def _function_offset(symbol: Symbol) -> int:
    """Where a function's body starts, behind its size, in the output code section's contents."""
    file = symbol.file
    assert file is not None
    offset = file.function_offsets[symbol.index]
    obj = file.object
    if obj is None:
        return offset + 1
    assert isinstance(file, ObjectInput)
    if file.compressed:
        return offset + len(uleb(len(file.compressed[symbol.index])))
    pos = obj.sections[obj.code_section].start + obj.function_offsets[symbol.index]
    while obj.data[pos] >= 0x80:
        pos += 1
        offset += 1
    return offset + 1


def _address(symbol: Symbol) -> int:
    return symbol.tls_offset if symbol.is_tls else symbol.address


def _tls_offset(symbol: Symbol) -> int:
    return symbol.tls_offset if symbol.segment is not None else symbol.address


def _global_number(symbol: Symbol) -> int:
    return symbol.global_number if symbol.kind == SymbolKind.GLOBAL else symbol.got_number


_TABLE_INDEX: Final = frozenset(r for r in R if r.name.startswith("TABLE_INDEX"))
_TABLE_INDEX_RELATIVE: Final = frozenset(r for r in R if r.name.startswith("TABLE_INDEX_REL"))
_WITH_ADDEND: Final = frozenset(r for r in R if r.name.startswith(("MEMORY_ADDR", "FUNCTION_OFFSET")))
_SIGNED: Final = frozenset(r for r in R if "SLEB" in r.name)


def _bases() -> Iterator[tuple[int, Callable[[Symbol], int]]]:
    for type_ in R:
        if type_.name.startswith("FUNCTION_INDEX"):
            yield type_, lambda symbol: symbol.function_number
        elif type_.name.startswith("FUNCTION_OFFSET"):
            yield type_, _function_offset
        elif type_.name.startswith("MEMORY_ADDR_TLS"):
            yield type_, _tls_offset
        elif type_.name.startswith("MEMORY_ADDR"):
            yield type_, _address
        elif type_.name.startswith("GLOBAL_INDEX"):
            yield type_, _global_number
        elif type_ == R.TAG_INDEX_LEB:
            yield type_, lambda symbol: symbol.tag_number
        elif type_ == R.TABLE_NUMBER_LEB:
            yield type_, lambda symbol: symbol.table_number


_BASE_OF: Final = dict(_bases())
"""Relocation type to the value of a symbol, addend apart."""

_SELECT: Final = {type_.value: bytes(i == type_ for i in range(256)) for type_ in R}
"""Translation tables that mark one type in a column of types."""
