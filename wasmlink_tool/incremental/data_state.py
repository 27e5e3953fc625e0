"""The addresses of a finished link, as its state keeps them: the locations, and the fields that hold addresses."""

from __future__ import annotations

from collections.abc import Mapping

from ..binary.constants import ExternalKind, SymbolKind
from ..binary.relocation_types import FIXED, SLEB, ULEB
from ..binary.relocations import Relocations
from ..linking.chunks import NO_NUMBER, ObjectInput
from ..linking.output_segments import OutputSegment, keeps_input_order
from ..linking.plan import Plan
from ..linking.symbols import DEFINED
from ..options import DataOrder, LinkOptions
from ..output.encoding import Chunk
from ..records import record
from ..stored import record_chunks, unpack_record
from .address_fields import FieldColumns, FieldRecorder, unpack_fields
from .data_columns import (
    ADDRESSES,
    STACK_TOP,
    TLS_BASE,
    DataColumns,
    Locations,
    data_columns,
    linker_addresses,
    unpack_data,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    Buffer = bytes | memoryview


@record(frozen=True)
class DataState:
    """See the module's description."""

    columns: DataColumns
    code: FieldColumns
    data: FieldColumns


def locations_of(plan: Plan) -> Locations:
    """Number what has an address in a finished link."""
    return Locations(plan.resolution.objects, linker_addresses(plan.resolution, plan.segments, plan.memory))


class DataRecorder:
    """Takes the addresses of a finished link, object by object."""

    def __init__(self, plan: Plan, options: LinkOptions, positions: Mapping[OutputSegment, int]) -> None:
        """
        :param positions: the position of each output segment's contents in the module, for those that are in the file.
        """
        self._plan = plan
        self._options = options
        self._positions = positions
        self._locations = locations_of(plan)
        tls_base = max(plan.memory.tls_base, 0)
        self._code = FieldRecorder(self._locations.symbol, tls_base, (ULEB, SLEB))
        self._data = FieldRecorder(self._locations.symbol, tls_base, (FIXED,))

    def add(self, file: ObjectInput, code: Relocations, data: Relocations) -> None:
        """Take the next object's relocations, each at the position of its field in the module."""
        self._code.add(file, code)
        self._data.add(file, data)

    def chunks(self) -> list[Chunk]:
        """Return the columns, packed, in pieces; none if there are fields that a later link cannot correct."""
        plan, options = self._plan, self._options
        if not self._code.is_complete or not self._data.is_complete:
            return []
        if max(self._locations.linker_values) >= ADDRESSES:
            # __heap_end, where the memory has four GiB.
            return []
        packed: set[OutputSegment] = set()
        if options.data_order is DataOrder.PACKED:
            packed.update(s for s in plan.segments if not keeps_input_order(s, plan.resolution, options))
        globals_ = _address_globals(plan, self._locations)
        columns = data_columns(plan.segments, packed, self._positions, self._locations, globals_)
        return record_chunks([columns.packed(), self._code.finish().chunks(), self._data.finish().chunks()])


def unpack_data_state(packed: Buffer, module_size: int) -> DataState | None:
    """Return what :class:`DataRecorder` packed, ``None`` if that is nothing.

    :raises StoredError: the columns do not fit together, or not the module.
    """
    if not packed:
        return None
    columns, code, data = unpack_record(packed, 3)
    unpacked = unpack_data(columns, module_size)
    locations = len(unpacked.addresses)
    return DataState(unpacked, unpack_fields(code, locations), unpack_fields(data, locations))


def _address_globals(plan: Plan, locations: Locations) -> list[tuple[int, int]]:
    """Return the globals whose initial value is an address: index in the global section, location."""
    resolution, spaces = plan.resolution, plan.spaces
    imported = spaces.imports.counts[ExternalKind.GLOBAL]
    found: list[tuple[int, int]] = []

    def add(number: int, location: int) -> None:
        if number != NO_NUMBER and location >= 0:
            found.append((number - imported, location))

    for symbol, name in ((resolution.stack_pointer, STACK_TOP), (resolution.tls_base, TLS_BASE)):
        if symbol is not None and symbol.state == DEFINED:
            add(symbol.global_number, locations.first_linker + locations.linker.index(name))
    for symbol in spaces.got:
        if symbol.kind == SymbolKind.DATA:
            add(symbol.got_number, locations.symbol(symbol))
    for number, symbol in enumerate(plan.address_globals, spaces.global_count):
        add(number, locations.symbol(symbol))
    return found
