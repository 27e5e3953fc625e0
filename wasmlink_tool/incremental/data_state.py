"""The addresses of a finished link, as its state keeps them: the locations, and the fields that hold addresses."""

from __future__ import annotations

from collections.abc import Mapping

from ..binary.constants import ExternalKind, SymbolKind
from ..linking.chunks import NO_NUMBER, OutputSegment
from ..linking.output_segments import keeps_input_order
from ..linking.plan import Plan
from ..linking.symbols import DEFINED
from ..options import DataOrder, LinkOptions
from ..records import record
from ..stored import pack_record, unpack_record
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


def pack_data_state(plan: Plan, options: LinkOptions, positions: Mapping[OutputSegment, int], code_start: int) -> bytes:
    """Return the data of a finished link, packed; empty if it has fields that a later link cannot correct.

    :param positions: the position of each output segment's contents in the module, for those that are in the file.
    :param code_start: the position of the code section's contents.
    """
    locations = locations_of(plan)
    if max(locations.linker_values) >= ADDRESSES:
        # __heap_end, where the memory has four GiB.
        return b""
    tls_base = max(plan.memory.tls_base, 0)
    code, data = (FieldRecorder(locations.symbol, tls_base) for _ in range(2))
    for file in plan.resolution.objects:
        code.add_code(file, code_start)
        places = []
        for segment in file.segments:
            position = -1 if segment.output is None else positions.get(segment.output, -1)
            places.append(position if position < 0 else position + segment.offset)
        data.add_data(file, places)
    if not code.is_complete or not data.is_complete:
        return b""
    packed: set[OutputSegment] = set()
    if options.data_order is DataOrder.PACKED:
        packed.update(s for s in plan.segments if not keeps_input_order(s, plan.resolution, options))
    columns = data_columns(plan.segments, packed, positions, locations, _address_globals(plan, locations))
    return pack_record([columns.packed(), code.finish().packed(), data.finish().packed()])


def unpack_data_state(packed: Buffer, module_size: int) -> DataState | None:
    """Return what :func:`pack_data_state` packed, ``None`` if that is nothing.

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
