"""The decisions of a finished link in columns: what a later link needs to make them again.

Whatever can be live is a *node*. The nodes of a file are adjacent: its functions, segments, globals, tags and tables,
in this order; the linker's own file comes first, then the objects in link order. A symbol without a place in a file is
a node behind those, numbered by its row (:mod:`.save_state`).

The references of a node are *edges*: the nodes that :mod:`..linking.mark_live` marks with it. Those of dead nodes are
there as well, since an edit may bring one to life.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate, compress

from ..binary.constants import ExternalKind, SymbolKind
from ..binary.relocation_types import TABLE_INDICES
from ..binary.relocation_types import RelocationType as R
from ..binary.relocations import Relocations
from ..linking.chunks import NO_NUMBER, LinkedFile, ObjectInput, OutputSegment
from ..linking.live_relocations import first_uses, live_function_runs
from ..linking.plan import Plan
from ..linking.symbols import DEFINED, UNDEFINED, Symbol
from ..records import record
from ..stored import (
    StoredError,
    pack_array,
    pack_groups,
    pack_record,
    pack_strings,
    unpack_array,
    unpack_groups,
    unpack_record,
    unpack_strings,
)
from .interfaces import constructor_calls, interfaces
from .last_module import name_positions
from .number_fields import FIELD_TYPES, SELECT_FIELDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    Buffer = bytes | memoryview

KINDS: Final = 5
"""Kinds of nodes in a file."""
NO_NODE: Final = 0xFFFFFFFF
"""The target of an edge that marks nothing: of a type, or of an address that is null."""
NO_ROW: Final = 0xFFFFFFFF


@record()
class LinkColumns:
    """See the module's description. All columns but ``live`` hold numbers of 32 bits."""

    counts: array[int]
    """For each file, its number of functions, segments, globals, tags, tables."""
    live: bytes
    """For each node, whether it is live."""
    edge_ends: array[int]
    """For each node in a file, where its edges end; they begin where those of the node before end."""
    edges: array[int]
    roots: array[int]
    """The nodes that are live without a reference; those that depend on a file's liveness are in ``implicit``."""
    eager: bytes
    """For each object, whether it is part of the program even if nothing in it is live."""
    at_turn: bytes
    """For each object, whether it is a member that was extracted at its archive's turn."""
    implicit: list[list[int]]
    """For each object with constructors or retained segments, its number and those nodes; constructors come first."""
    started: array[int]
    """For each object, its rank in the order in which resolution began with the objects."""
    groups: list[bytes]
    """The names of COMDAT groups, each once."""
    providers: array[int]
    """For each group, the object that provides it."""
    carriers: array[int]
    """For each group, how many objects have it."""
    field_counts: list[array[int]]
    """For each class of fields, their number in each object."""
    field_positions: list[array[int]]
    """For each class, the positions in the module, in link order."""
    field_values: list[array[int]]
    """For each class, what stands in the fields: the numbers of functions, types and table slots."""
    slot_uses: list[list[int]]
    """For each object with addresses of functions, its number and the slots that it names, in the order of the scan."""
    type_uses: list[list[int]]
    """For each object with code that names types, its number and the types' numbers, in the order of the scan."""
    slots: array[int]
    """For each slot in order, the node of its function."""
    slot_numbers: array[int]
    """For each slot in order, the number of its function."""
    name_positions: array[int]
    """The position of each function's name in the module's name section, imports included; one more element is the end
    of the last. Empty if there is no such section."""
    name_rows: array[int]
    """For each name in the symbol table, the row of its symbol, or :data:`NO_ROW`."""
    imported: int
    """The number of imported functions; they have the first numbers."""
    wrappers: int
    """The number of functions after those of the objects."""
    import_types: array[int]
    """The types of imported functions and tags, in order."""
    tag_types: array[int]
    """Those of the other tags."""
    call_ctors: int
    """The node of the function that calls the constructors."""
    stack_pointer: int
    """The node of the stack pointer, which is live without a reference."""
    interfaces: Buffer
    """The packed :class:`.interfaces.Interfaces` of the objects."""

    def add_objects(self, eager: Sequence[bool]) -> None:
        """Add objects without anything in them at the end of the link.

        :param eager: for each, whether it is part of the program even if nothing in it is live.
        """
        count = len(eager)
        self.counts.extend([0] * (KINDS * count))
        self.eager += bytes(eager)
        self.at_turn += bytes(count)
        self.started.extend(range(len(self.started), len(self.started) + count))
        for column in self.field_counts:
            column.extend([0] * count)

    def packed(self) -> bytes:
        return pack_record(
            [
                pack_array("I", self.counts),
                self.live,
                pack_array("I", self.edge_ends),
                pack_array("I", self.edges),
                pack_array("I", self.roots),
                self.eager,
                self.at_turn,
                pack_groups(self.implicit),
                pack_array("I", self.started),
                pack_strings(self.groups),
                pack_array("I", self.providers),
                pack_array("I", self.carriers),
                *(pack_array("I", column) for column in self.field_counts),
                *(pack_array("I", column) for column in self.field_positions),
                *(pack_array("I", column) for column in self.field_values),
                pack_groups(self.slot_uses),
                pack_groups(self.type_uses),
                pack_array("I", self.slots),
                pack_array("I", self.slot_numbers),
                pack_array("I", self.name_positions),
                pack_array("I", self.name_rows),
                pack_array("I", self.import_types),
                pack_array("I", self.tag_types),
                self.interfaces,
                pack_array("I", [self.imported, self.wrappers, self.call_ctors, self.stack_pointer]),
            ]
        )


def unpack_link(packed: Buffer) -> LinkColumns:
    """:raises StoredError: the columns do not fit together."""
    classes = len(FIELD_TYPES)
    parts = unpack_record(packed, 22 + 3 * classes)
    imported, wrappers, call_ctors, stack_pointer = unpack_array("I", parts[-1])
    numbers = [unpack_array("I", part) for part in parts[12 : 12 + 3 * classes]]
    found = LinkColumns(
        counts=unpack_array("I", parts[0]),
        live=bytes(parts[1]),
        edge_ends=unpack_array("I", parts[2]),
        edges=unpack_array("I", parts[3]),
        roots=unpack_array("I", parts[4]),
        eager=bytes(parts[5]),
        at_turn=bytes(parts[6]),
        implicit=unpack_groups(parts[7]),
        started=unpack_array("I", parts[8]),
        groups=unpack_strings(parts[9]),
        providers=unpack_array("I", parts[10]),
        carriers=unpack_array("I", parts[11]),
        field_counts=numbers[:classes],
        field_positions=numbers[classes : 2 * classes],
        field_values=numbers[2 * classes :],
        slot_uses=unpack_groups(parts[-10]),
        type_uses=unpack_groups(parts[-9]),
        slots=unpack_array("I", parts[-8]),
        slot_numbers=unpack_array("I", parts[-7]),
        name_positions=unpack_array("I", parts[-6]),
        name_rows=unpack_array("I", parts[-5]),
        import_types=unpack_array("I", parts[-4]),
        tag_types=unpack_array("I", parts[-3]),
        imported=imported,
        wrappers=wrappers,
        call_ctors=call_ctors,
        stack_pointer=stack_pointer,
        interfaces=parts[-2],
    )
    objects = len(found.eager)
    nodes = len(found.edge_ends)
    if (
        len(found.counts) != KINDS * (objects + 1)
        or sum(found.counts) != nodes
        or nodes > len(found.live)
        or not len(found.started) == len(found.at_turn) == objects
        or not len(found.groups) == len(found.providers) == len(found.carriers)
        or (found.edge_ends[-1] if nodes else 0) != len(found.edges)
        or any(len(column) != objects for column in found.field_counts)
        or any(
            not sum(counts) == len(positions) == len(values)
            for counts, positions, values in zip(found.field_counts, found.field_positions, found.field_values)
        )
        or any(not 0 <= of[0] < objects for of in (*found.implicit, *found.slot_uses, *found.type_uses))
        or len(found.slots) != len(found.slot_numbers)
    ):
        raise StoredError("columns that do not fit together")
    return found


def link_columns(
    plan: Plan,
    rows: Mapping[Symbol, int],
    code_start: int,
    data_position: Callable[[OutputSegment, int, int], int],
    name_section: tuple[int, bytes],
) -> LinkColumns:
    """Return the columns of a finished link.

    :param rows: the symbols that have a row.
    :param code_start: where the code section's contents begin in the module.
    :param data_position: returns where in the module a piece of an output segment is, given its offset and size; -1 if
        it is not there.
    :param name_section: where the contents of the name section begin behind the name, and those; empty without
        one.
    """
    return _Recorder(plan, rows, code_start, data_position, name_section).columns()


class _Recorder:
    def __init__(
        self,
        plan: Plan,
        rows: Mapping[Symbol, int],
        code_start: int,
        data_position: Callable[[OutputSegment, int, int], int],
        name_section: tuple[int, bytes],
    ) -> None:
        self.plan = plan
        self.rows = rows
        self.code_start = code_start
        self.data_position = data_position
        self.name_positions = name_positions(*name_section, plan.spaces.function_count)
        resolution = plan.resolution
        self.files: list[LinkedFile] = [resolution.synthetic, *resolution.objects]
        self.counts = array("I")
        for file in self.files:
            self.counts.extend(
                (
                    len(file.function_live),
                    len(file.segments),
                    len(file.global_live),
                    len(file.tag_live),
                    len(file.table_live),
                )
            )
        firsts = list(accumulate(self.counts, initial=0))
        self.firsts = {file: firsts[KINDS * i : KINDS * i + KINDS] for i, file in enumerate(self.files)}
        """The first node of each kind."""
        self.first_row = firsts[-1]
        self.foreign: dict[Symbol, int] = {}

    def columns(self) -> LinkColumns:
        live = bytearray()
        ends = array("I")
        edges = array("I")
        implicit: list[list[int]] = []
        positions = [array("I") for _ in FIELD_TYPES]
        values = [array("I") for _ in FIELD_TYPES]
        counts = [array("I") for _ in FIELD_TYPES]
        uses: list[list[int]] = []
        types: list[list[int]] = []
        spaces = self.plan.spaces
        entries = self.plan.scan.table_entries
        constructors: list[list[int]] = []
        groups: dict[bytes, int] = {}
        carriers: dict[bytes, int] = {}
        resolution = self.plan.resolution
        for file in self.files:
            live += bytes(map(bool, file.function_live))
            live += bytes([segment.live for segment in file.segments])
            live += bytes(map(bool, file.global_live))
            live += bytes(map(bool, file.tag_live))
            live += bytes(map(bool, file.table_live))
        for ordinal, file in enumerate(self.files, -1):
            if not isinstance(file, ObjectInput):
                ends.extend([0] * sum(self.counts[:KINDS]))
                continue
            nodes = [self._node(symbol, file) for symbol in file.symbols]
            self._add_edges(file, nodes, ends, edges)
            calls = constructor_calls(file, nodes)
            kept = calls[1::3]
            if calls:
                constructors.append([ordinal, *calls])
            first = self.firsts[file][1]
            kept += [first + segment.index for segment in file.segments if segment.is_retained]
            if kept:
                implicit.append([ordinal, *kept])
            before = list(map(len, positions))
            self._add_fields(file, positions, values)
            for column, own, start in zip(counts, positions, before):
                column.append(len(own) - start)
            slots = self._slot_uses(file)
            if slots:
                uses.append([ordinal, *slots])
            if file.type_numbers:
                types.append([ordinal, *file.type_numbers.values()])
        started = sorted(range(len(resolution.objects)), key=lambda i: resolution.objects[i].started)
        ranks = array("I", bytes(4 * len(started)))
        for rank, ordinal in enumerate(started):
            ranks[ordinal] = rank
            for comdat in resolution.objects[ordinal].object.comdats:
                groups.setdefault(comdat.name, ordinal)
                carriers[comdat.name] = carriers.get(comdat.name, 0) + 1
        row_live = bytearray(len(self.rows))
        for symbol, row in self.rows.items():
            if symbol.state == UNDEFINED:
                row_live[row] = symbol.referenced
        table = resolution.indirect_function_table
        if table is not None and table.state == UNDEFINED and table in self.rows:
            # Only the scan found that some table is needed if it is not the first import.
            imports = spaces.imports.entries
            row_live[self.rows[table]] = bool(imports) and imports[0].symbol is table
        live += row_live
        import_types = [
            spaces.types[entry.symbol.signature]
            for entry in spaces.imports.entries
            if entry.kind in (ExternalKind.FUNCTION, ExternalKind.TAG) and entry.symbol.signature is not None
        ]
        tag_types = [
            spaces.types[signature]
            for file in spaces.files
            for signature, is_live in zip(file.tag_signatures, bytes(file.tag_live))
            if is_live
        ]
        return LinkColumns(
            counts=self.counts,
            live=bytes(live),
            edge_ends=ends,
            edges=edges,
            roots=array("I", [node for node in map(self._global_node, resolution.roots) if node != NO_NODE]),
            eager=bytes([file.input.eager for file in resolution.objects]),
            at_turn=bytes([file.at_turn for file in resolution.objects]),
            implicit=implicit,
            started=ranks,
            groups=list(groups),
            providers=array("I", groups.values()),
            carriers=array("I", map(carriers.__getitem__, groups)),
            field_counts=counts,
            field_positions=positions,
            field_values=values,
            slot_uses=uses,
            type_uses=types,
            slots=array("I", map(self._global_node, entries)),
            slot_numbers=array("I", [symbol.function_number for symbol in entries]),
            name_positions=self.name_positions,
            name_rows=array("I", [self.rows.get(symbol, NO_ROW) for symbol in resolution.symbols.values()]),
            imported=spaces.imports.counts[ExternalKind.FUNCTION],
            wrappers=sum(sum(file.function_live) for file in spaces.files[len(self.files) :]),
            import_types=array("I", import_types),
            tag_types=array("I", tag_types),
            call_ctors=self.firsts[resolution.synthetic][0] + resolution.call_ctors.index,
            stack_pointer=self._global_node(resolution.stack_pointer),
            interfaces=interfaces(
                [file.object for file in resolution.objects],
                {name: number for number, name in enumerate(resolution.symbols)},
                {name: number for number, name in enumerate(groups)},
                constructors,
            ).packed(),
        )

    def _place(self, symbol: Symbol) -> int | None:
        """Return the node of what a symbol defines, or ``None`` if that is in no file."""
        if symbol.state != DEFINED:
            return None
        kind = symbol.kind
        if kind == SymbolKind.DATA:
            segment = symbol.segment
            return None if segment is None else self.firsts[segment.file][1] + segment.index
        file = symbol.file
        if file is None or file not in self.firsts or kind not in _KIND_OF:
            return None
        return self.firsts[file][_KIND_OF[kind]] + symbol.index

    def _global_node(self, symbol: Symbol) -> int:
        node = self._place(symbol)
        if node is not None:
            return node
        row = self.rows.get(symbol)
        return NO_NODE if row is None else self.first_row + row

    def _node(self, symbol: Symbol, file: LinkedFile) -> int:
        if symbol.file is file and symbol.state == DEFINED:
            segment = symbol.segment
            if segment is not None:
                return self.firsts[file][1] + segment.index
            if symbol.kind == SymbolKind.FUNCTION:
                return self.firsts[file][0] + symbol.index
        found = self.foreign.get(symbol)
        if found is None:
            found = self.foreign[symbol] = self._global_node(symbol)
        return found

    def _add_edges(self, file: ObjectInput, nodes: list[int], ends: array[int], edges: array[int]) -> None:
        obj = file.object
        stubs = {index for index, symbol in enumerate(file.symbols) if symbol.is_stub}
        for section, count in ((obj.code_section, len(obj.functions)), (obj.data_section, len(obj.segments))):
            first = len(edges)
            if section < 0:
                ends.extend([first] * count)
                continue
            relocs = file.relocations(section)
            ranges = obj.relocation_ranges(section)
            if R.TYPE_INDEX_LEB in relocs.types or stubs:
                edges.extend(
                    [
                        NO_NODE
                        if type_ == R.TYPE_INDEX_LEB or (index in stubs and type_ in TABLE_INDICES)
                        else nodes[index]
                        for type_, index in zip(relocs.types, relocs.indices)
                    ]
                )
            else:
                edges.extend([nodes[index] for index in relocs.indices])
            ends.extend([first + end for end in ranges[1:]])
        ends.extend([len(edges)] * (len(file.global_live) + len(file.tag_live) + len(file.table_live)))

    def _add_fields(self, file: ObjectInput, positions: list[array[int]], values: list[array[int]]) -> None:
        """Add where the fields of live code and data are in the module, and what stands in them."""
        obj = file.object
        places: list[tuple[Relocations, int, int, int]] = []
        if obj.code_section >= 0 and 1 in file.function_live:
            relocs = file.relocations(obj.code_section)
            ranges, starts = obj.relocation_ranges(obj.code_section), obj.function_offsets
            for start, stop in live_function_runs(file):
                shift = self.code_start + file.function_offsets[start] - starts[start]
                places.append((relocs, ranges[start], ranges[stop], shift))
        if obj.data_section >= 0:
            relocs = file.relocations(obj.data_section)
            ranges = obj.relocation_ranges(obj.data_section)
            for index, segment in enumerate(file.segments):
                if segment.live and segment.output is not None and ranges[index] != ranges[index + 1]:
                    at = self.data_position(segment.output, segment.offset, segment.size)
                    if at >= 0:
                        shift = at - obj.segments[index].offset
                        places.append((relocs, ranges[index], ranges[index + 1], shift))
        if not places:
            return
        tables = self._values(file)
        for relocs, first, after, shift in places:
            types = relocs.types[first:after]
            offsets, indices = relocs.offsets[first:after], relocs.indices[first:after]
            for number, select in enumerate(SELECT_FIELDS):
                if FIELD_TYPES[number] not in types:
                    continue
                chosen = types.translate(select)
                found = [tables[number][index] for index in compress(indices, chosen)]
                fields = [offset + shift for offset in compress(offsets, chosen)]
                if NO_NUMBER in found:
                    # What is not in the output has its addend in the field, whatever is decided.
                    fields = [position for position, value in zip(fields, found) if value != NO_NUMBER]
                    found = [value for value in found if value != NO_NUMBER]
                positions[number].extend(fields)
                values[number].extend(found)

    def _values(self, file: ObjectInput) -> tuple[Sequence[int], ...]:
        """Return for each class of fields what each symbol, or type, is worth."""
        function = SymbolKind.FUNCTION
        functions = [NO_NUMBER] * len(file.symbols)
        slots = [NO_NUMBER] * len(file.symbols)
        for index, symbol in enumerate(file.symbols):
            if symbol.kind == function and symbol.is_live:
                functions[index] = symbol.function_number
                slots[index] = symbol.table_slot
        numbers = file.type_numbers
        types = [numbers.get(index, NO_NUMBER) for index in range(len(file.object.types))] if numbers else []
        base = self.plan_table_base()
        from_base = [slot if slot == NO_NUMBER else slot - base for slot in slots]
        return functions, types, slots, slots, from_base

    def _slot_uses(self, file: ObjectInput) -> list[int]:
        """Return the slots of the functions whose addresses are taken in an object, in the order of the scan."""
        base = self.plan_table_base()
        slots = dict.fromkeys([file.symbols[index].table_slot for index in first_uses(file, TABLE_INDICES)])
        return [slot - base for slot in slots if slot != NO_NUMBER]

    def plan_table_base(self) -> int:
        entries = self.plan.scan.table_entries
        return entries[0].table_slot if entries else 0


_KIND_OF: Final = {
    SymbolKind.FUNCTION: 0,
    SymbolKind.GLOBAL: 2,
    SymbolKind.TAG: 3,
    SymbolKind.TABLE: 4,
}
