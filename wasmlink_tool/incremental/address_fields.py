"""The fields of code and data that hold addresses, in columns, and their correction where addresses differ.

A field's value is the address of its target plus an addend, so both differ by the same amount. Nearly all fields of an
object name few targets with few addends: each such pair is a *target* here, with the value that all of its fields have.
The fields of a target are adjacent in the columns, whatever is between them in the module.
"""

from __future__ import annotations

from array import array
from collections import Counter, deque
from collections.abc import Callable, Sequence
from itertools import accumulate, chain, compress, repeat
from struct import Struct

from ..binary.leb128 import padded_words
from ..binary.relocation_types import ADDRESSES, FROM_PLACE, SIGNED, TLS_OFFSETS
from ..linking.chunks import ObjectInput
from ..linking.live_relocations import live_function_runs
from ..linking.symbols import Symbol
from ..records import record
from ..stored import StoredError, pack_array, pack_record, unpack_array, unpack_record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    Buffer = bytes | memoryview

IS_SIGNED: Final = 1
"""A kind of field is a sum of these."""
IS_THREAD_LOCAL: Final = 2
"""The value counts from the start of thread-local data."""

_TYPES: Final = bytes([type_ in ADDRESSES for type_ in range(256)])
"""A translation table that marks the types of fields that hold addresses."""
_WORD: Final = Struct("<I").pack_into
_LEB: Final = Struct("5s").pack_into


@record()
class FieldColumns:
    """The fields of one section of the output."""

    first_targets: array[int]
    """The number of each object's first target, by link order; one more element is the number of all."""
    kinds: bytes
    """For each target, the kind of its fields."""
    locations: array[int]
    """For each target, the location that its address counts from (:mod:`.data_columns`)."""
    values: array[int]
    """For each target, what its fields hold, modulo 2^32."""
    counts: array[int]
    """For each target, the number of its fields."""
    positions: array[int]
    """For each field, its position in the module; those of a target are adjacent."""

    def add_objects(self, count: int) -> None:
        """Add objects without fields at the end of the link."""
        self.first_targets.extend([self.first_targets[-1]] * count)

    def packed(self) -> bytes:
        columns = (self.first_targets, self.locations, self.values, self.counts, self.positions)
        return pack_record([self.kinds, *(pack_array("I", column) for column in columns)])

    def references(self, ordinal: int) -> Counter[int]:
        """Return how many references an object has to each location."""
        first, after = self.first_targets[ordinal : ordinal + 2]
        found = Counter[int]()
        for location, count in zip(self.locations[first:after], self.counts[first:after]):
            found[location] += count
        return found


def unpack_fields(packed: Buffer, locations: int) -> FieldColumns:
    """
    :param locations: how many there are.
    :raises StoredError: the columns do not fit together.
    """
    parts = unpack_record(packed, 6)
    first_targets, of, values, counts, positions = (unpack_array("I", part) for part in parts[1:])
    columns = FieldColumns(
        first_targets=first_targets,
        kinds=bytes(parts[0]),
        locations=of,
        values=values,
        counts=counts,
        positions=positions,
    )
    if (
        not len(columns.kinds) == len(of) == len(values) == len(counts)
        or sum(counts) != len(positions)
        or max(of, default=-1) >= locations
        or list(first_targets) != sorted(first_targets)
        or first_targets[-1:] != array("I", [len(of)])
    ):
        raise StoredError("columns of fields that do not fit together")
    return columns


class FieldRecorder:
    """Takes the fields of one section of the output, object by object."""

    def __init__(self, location_of: Callable[[Symbol], int], tls_base: int) -> None:
        """
        :param location_of: returns the location of a symbol, less than 0 if its address cannot differ.
        :param tls_base: the address of thread-local data.
        """
        self._location_of = location_of
        self._tls_base = tls_base
        self._kinds = bytearray()
        self.columns = FieldColumns(
            first_targets=array("I", (0,)),
            kinds=b"",
            locations=array("I"),
            values=array("I"),
            counts=array("I"),
            positions=array("I"),
        )
        self.is_complete = True
        """Whether every field is in the columns that has to be: one that is relative to its own place is in none."""

    def add_code(self, file: ObjectInput, start: int) -> None:
        """Take the fields of a file's live functions.

        :param start: the position of the code section's contents in the module.
        """
        section = file.object.code_section
        runs = []
        if section >= 0:
            ranges, starts = file.object.relocation_ranges(section), file.object.function_offsets
            for first, after in live_function_runs(file):
                runs.append((ranges[first], ranges[after], start + file.function_offsets[first] - starts[first]))
        self._add(file, section, runs)

    def add_data(self, file: ObjectInput, places: Sequence[int]) -> None:
        """Take the fields of a file's live segments.

        :param places: the position of each segment in the module, -1 if it is not there.
        """
        section = file.object.data_section
        runs = []
        if section >= 0:
            ranges = file.object.relocation_ranges(section)
            for segment, place, info in zip(file.segments, places, file.object.segments):
                first, after = ranges[segment.index : segment.index + 2]
                if first != after and segment.live and segment.pieces is None:
                    self.is_complete &= place >= 0
                    runs.append((first, after, place - info.offset))
        self._add(file, section, runs)

    def _add(self, file: ObjectInput, section: int, runs: list[tuple[int, int, int]]) -> None:
        """
        :param runs: ranges of relocations, each with the distance from offsets in the input to positions in the module.
        """
        columns = self.columns
        if runs:
            relocs = file.relocations(section)
            types, offsets, indices, addends = relocs.types, relocs.offsets, relocs.indices, relocs.addends
            keys: list[tuple[int, int, int]] = []
            places: list[int] = []
            for first, after, distance in runs:
                of = types[first:after]
                selected = of.translate(_TYPES)
                keys += compress(zip(of, indices[first:after], addends[first:after]), selected)
                places += map(distance.__add__, compress(offsets[first:after], selected))
            fields: dict[tuple[int, int, int], list[int]] = {key: [] for key in dict.fromkeys(keys)}
            for key, place in zip(keys, places):
                fields[key].append(place)
            for key, own in fields.items():
                if self._add_target(file, *key):
                    columns.counts.append(len(own))
                    columns.positions.extend(own)
        columns.first_targets.append(len(columns.locations))

    def _add_target(self, file: ObjectInput, type_: int, index: int, addend: int) -> bool:
        """Add a target; return whether its address may differ."""
        symbol = file.symbols[index]
        location = self._location_of(symbol)
        if location < 0:
            return False
        if type_ in FROM_PLACE:
            self.is_complete = False
            return False
        is_thread_local = type_ in TLS_OFFSETS
        value = symbol.address + addend - (self._tls_base if is_thread_local else 0)
        columns = self.columns
        columns.locations.append(location)
        columns.values.append(value & 0xFFFFFFFF)
        self._kinds.append(IS_SIGNED * (type_ in SIGNED) + IS_THREAD_LOCAL * is_thread_local)
        return True

    def finish(self) -> FieldColumns:
        """Return the columns of all files."""
        self.columns.kinds = bytes(self._kinds)
        return self.columns


class Correction:
    """The values that the targets' fields hold now."""

    def __init__(self, columns: FieldColumns, shifts: Sequence[int], tls_base: int) -> None:
        """
        :param shifts: for each location, by how much its address differs.
        :param tls_base: the location of the address of thread-local data.
        """
        self._columns = columns
        kinds = columns.kinds
        amounts = list(map(shifts.__getitem__, columns.locations))
        if shifts[tls_base] and any(kind & IS_THREAD_LOCAL for kind in set(kinds)):
            amounts = [
                amount - shifts[tls_base] if kind & IS_THREAD_LOCAL else amount for amount, kind in zip(amounts, kinds)
            ]
        self.differs = bytes(map(bool, amounts))
        """For each target, whether its fields hold another value."""
        self.values = [value + amount & 0xFFFFFFFF for value, amount in zip(columns.values, amounts)]

    def write_code(self, module: memoryview) -> int:
        """Correct the fields of code; return how many."""
        encodings = padded_words(self.values, signed=False)
        if max(self.values, default=0) >> 31:
            # For what is less, both encodings are the same.
            signed = padded_words(self.values, signed=True)
            pairs = zip(encodings, signed)
            encodings = [both[kind & IS_SIGNED] for both, kind in zip(pairs, self._columns.kinds)]
        return self._write(module, _LEB, encodings)

    def write_data(self, module: memoryview) -> int:
        """Correct the fields of data; return how many."""
        return self._write(module, _WORD, self.values)

    def _write(self, module: memoryview, pack: Callable[..., None], values: Sequence[object]) -> int:
        columns, differs = self._columns, self.differs
        positions, counts = columns.positions, columns.counts
        firsts = list(accumulate(counts, initial=0))
        written = 0
        start = differs.find(1)
        while start >= 0:
            stop = differs.find(0, start)
            if stop < 0:
                stop = len(differs)
            own = positions[firsts[start] : firsts[stop]]
            written += len(own)
            each = chain.from_iterable(map(repeat, values[start:stop], counts[start:stop]))
            deque(map(pack, repeat(module), own, each), maxlen=0)
            start = differs.find(1, stop)
        return written
