"""The fields of code and data that hold addresses, in columns, and their correction where addresses differ.

A field's value is the address of its target plus an addend, so both differ by the same amount. Nearly all fields of an
object name few targets with few addends: each such pair is a *target* here, with the value that all of its fields have.
"""

from __future__ import annotations

from array import array
from collections import Counter, deque
from collections.abc import Callable, Sequence
from itertools import compress, pairwise, repeat
from struct import Struct

from ..binary.leb128 import padded_words
from ..binary.relocation_types import ADDRESS, ADDRESSES, FROM_PLACE, SIGNED, TLS_OFFSETS, types_with
from ..binary.relocations import Relocations, of_type, present_types
from ..linking.chunks import ObjectInput
from ..linking.symbols import Symbol
from ..records import record
from ..stored import StoredError, pack_array, record_chunks, unpack_array, unpack_record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    Buffer = bytes | memoryview

IS_SIGNED: Final = 1
"""A kind of field is a sum of these."""
IS_THREAD_LOCAL: Final = 2
"""The value counts from the start of thread-local data."""
NO_TARGET: Final = -1

_WORD: Final = Struct("<I").pack_into
_LEB: Final = Struct("5s").pack_into


@record()
class FieldColumns:
    """The fields of one section of the output."""

    first_targets: array[int]
    """The number of each object's first target, by link order; one more element is the number of all."""
    first_fields: array[int]
    """The same for its fields."""
    kinds: bytes
    """For each target, the kind of its fields."""
    locations: array[int]
    """For each target, the location that its address counts from (:mod:`.data_columns`)."""
    values: array[int]
    """For each target, what its fields hold, modulo 2^32."""
    positions: array[int]
    """For each field, its position in the module."""
    targets: array[int]
    """For each field, its target."""

    def add_objects(self, count: int) -> None:
        """Add objects without fields at the end of the link."""
        for column in (self.first_targets, self.first_fields):
            column.extend([column[-1]] * count)

    def chunks(self) -> list[bytes | bytearray | memoryview]:
        """Return the packed columns in pieces, since they are large."""
        columns = (
            self.first_targets,
            self.first_fields,
            self.locations,
            self.values,
            self.positions,
            self.targets,
        )
        return record_chunks([self.kinds, *(pack_array("I", column) for column in columns)])

    def references(self, ordinal: int) -> Counter[int]:
        """Return how many references an object has to each location."""
        first, after = self.first_fields[ordinal : ordinal + 2]
        return Counter(map(self.locations.__getitem__, self.targets[first:after]))


def unpack_fields(packed: Buffer, locations: int) -> FieldColumns:
    """
    :param locations: how many there are.
    :raises StoredError: the columns do not fit together.
    """
    parts = unpack_record(packed, 7)
    first_targets, first_fields, of, values, positions, targets = (unpack_array("I", part) for part in parts[1:])
    columns = FieldColumns(
        first_targets=first_targets,
        first_fields=first_fields,
        kinds=bytes(parts[0]),
        locations=of,
        values=values,
        positions=positions,
        targets=targets,
    )
    if (
        not len(columns.kinds) == len(of) == len(values)
        or len(positions) != len(targets)
        or max(of, default=-1) >= locations
        or len(first_targets) != len(first_fields)
        or list(first_targets) != sorted(first_targets)
        or list(first_fields) != sorted(first_fields)
        or first_targets[-1:] != array("I", [len(of)])
        or first_fields[-1:] != array("I", [len(positions)])
    ):
        raise StoredError("columns of fields that do not fit together")
    return columns


class FieldRecorder:
    """Takes the fields of one section of the output, object by object."""

    def __init__(self, location_of: Callable[[Symbol], int], tls_base: int, encodings: tuple[int, ...]) -> None:
        """
        :param location_of: returns the location of a symbol, less than 0 if its address cannot differ.
        :param tls_base: the address of thread-local data.
        """
        self._location_of = location_of
        self._tls_base = tls_base
        self._types = types_with((ADDRESS,), encodings)
        self._kinds = bytearray()
        self.columns = FieldColumns(
            first_targets=array("I", (0,)),
            first_fields=array("I", (0,)),
            kinds=b"",
            locations=array("I"),
            values=array("I"),
            positions=array("I"),
            targets=array("I"),
        )
        self.is_complete = True
        """True if every field that has to be in the columns is there: those of another encoding, and those relative to
        their own place, are not."""

    def add(self, file: ObjectInput, placed: Relocations) -> None:
        """Take the fields of a file's section.

        :param placed: its relocations, each at the position of its field in the module.
        """
        columns = self.columns
        for type_ in present_types(placed.types):
            if type_ not in ADDRESSES:
                continue
            positions, indices, addends = of_type(placed.types, type_, placed.offsets, placed.indices, placed.addends)
            numbers: dict[object, int]
            keys: Sequence[object]
            if any(addends):
                keys = list(zip(indices, addends))
                numbers = {key: self._add_target(file, type_, *key) for key in dict.fromkeys(zip(indices, addends))}
            else:
                # As a rule. To look up numbers takes half the time.
                keys = indices
                numbers = {index: self._add_target(file, type_, index, 0) for index in dict.fromkeys(indices)}
            fields = list(map(numbers.__getitem__, keys))
            if NO_TARGET in numbers.values():
                positions = [position for position, number in zip(positions, fields) if number != NO_TARGET]
                fields = [number for number in fields if number != NO_TARGET]
            columns.positions += array("I", positions)
            columns.targets += array("I", fields)
        columns.first_targets.append(len(columns.locations))
        columns.first_fields.append(len(columns.positions))

    def _add_target(self, file: ObjectInput, type_: int, index: int, addend: int) -> int:
        """Add a target; return its number, or :data:`NO_TARGET` if its address cannot differ."""
        symbol = file.symbols[index]
        location = self._location_of(symbol)
        if location < 0:
            return NO_TARGET
        if type_ not in self._types or type_ in FROM_PLACE:
            self.is_complete = False
            return NO_TARGET
        is_thread_local = type_ in TLS_OFFSETS
        value = symbol.address + addend - (self._tls_base if is_thread_local else 0)
        columns = self.columns
        columns.locations.append(location)
        columns.values.append(value & 0xFFFFFFFF)
        self._kinds.append(IS_SIGNED * (type_ in SIGNED) + IS_THREAD_LOCAL * is_thread_local)
        return len(columns.values) - 1

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
        written = 0
        for (first, after), (start, end) in zip(pairwise(columns.first_targets), pairwise(columns.first_fields)):
            if differs.find(1, first, after) < 0:
                continue
            positions: Sequence[int] = columns.positions[start:end]
            targets: Sequence[int] = columns.targets[start:end]
            if differs.find(0, first, after) >= 0:
                marks = [differs[target] for target in targets]
                positions, targets = list(compress(positions, marks)), list(compress(targets, marks))
            deque(map(pack, repeat(module), positions, map(values.__getitem__, targets)), maxlen=0)
            written += len(positions)
        return written
