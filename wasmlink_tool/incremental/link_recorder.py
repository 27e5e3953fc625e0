"""Take the decisions of a finished link into columns (:mod:`.link_columns`)."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from itertools import accumulate, pairwise

from ..binary.constants import ExternalKind, SymbolKind
from ..binary.relocation_types import TABLE_INDICES
from ..binary.relocation_types import RelocationType as R
from ..binary.relocations import Relocations, of_type, present_types
from ..linking.chunks import NO_NUMBER, LinkedFile, ObjectInput
from ..linking.live_relocations import first_uses
from ..linking.plan import Plan
from ..linking.symbols import DEFINED, UNDEFINED, Symbol
from .interfaces import constructor_calls, interfaces
from .last_module import name_positions
from .link_columns import KINDS, NO_NODE, NO_ROW, LinkColumns
from .number_fields import FIELD_TYPES, FUNCTION_FIELDS, SLOT_FROM_BASE_FIELDS, TYPE_FIELDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

NO_SYMBOL: Final = -1
"""The index of what an edge to :data:`NO_NODE` refers to."""


class LinkRecorder:
    """Takes the decisions of a finished link, object by object."""

    def __init__(self, plan: Plan, rows: Mapping[Symbol, int]) -> None:
        """:param rows: the symbols that have a row."""
        self.plan = plan
        self.rows = rows
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
        self.numbers = self._function_numbers()

        self._ends = array("I", bytes(4 * sum(self.counts[:KINDS])))
        self._edges = array("I")
        self._implicit: list[list[int]] = []
        self._constructors: list[list[int]] = []
        self._positions = [array("I") for _ in FIELD_TYPES]
        self._values = [array("I") for _ in FIELD_TYPES]
        self._field_counts = [array("I") for _ in FIELD_TYPES]
        self._slots: list[list[int]] = []
        self._types: list[list[int]] = []
        self._ordinal = 0

    def add(self, file: ObjectInput, code: Relocations, data: Relocations) -> None:
        """Take the next object, with its relocations, each at the position of its field in the module."""
        nodes = [self._node(symbol, file) for symbol in file.symbols]
        calls = constructor_calls(file, nodes)
        kept = calls[1::3]
        if calls:
            self._constructors.append([self._ordinal, *calls])
        first = self.firsts[file][1]
        kept += [first + segment.index for segment in file.segments if segment.is_retained]
        if kept:
            self._implicit.append([self._ordinal, *kept])
        # For NO_SYMBOL.
        nodes.append(NO_NODE)
        self._add_edges(file, nodes)
        before = list(map(len, self._positions))
        self._add_fields(file, code, nodes)
        self._add_fields(file, data, nodes)
        for column, own, start in zip(self._field_counts, self._positions, before):
            column.append(len(own) - start)
        slots = self._slot_uses(file)
        if slots:
            self._slots.append([self._ordinal, *slots])
        if file.type_numbers:
            self._types.append([self._ordinal, *file.type_numbers.values()])
        self._ordinal += 1

    def packed(self, name_section: tuple[int, bytes]) -> bytes:
        """Return the columns, packed.

        :param name_section: where the contents of the name section begin behind the name, and those; empty without
            one.
        """
        live = bytearray()
        spaces = self.plan.spaces
        entries = self.plan.scan.table_entries
        groups: dict[bytes, int] = {}
        carriers: dict[bytes, int] = {}
        resolution = self.plan.resolution
        for file in self.files:
            live += bytes(map(bool, file.function_live))
            live += bytes([segment.live for segment in file.segments])
            live += bytes(map(bool, file.global_live))
            live += bytes(map(bool, file.tag_live))
            live += bytes(map(bool, file.table_live))
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
            imports = spaces.imports.symbols
            row_live[self.rows[table]] = bool(imports) and imports[0] is table
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
        columns = LinkColumns(
            counts=self.counts,
            live=bytes(live),
            edge_ends=self._ends,
            edges=self._edges,
            roots=array("I", [node for node in map(self._global_node, resolution.roots) if node != NO_NODE]),
            eager=bytes([file.input.eager for file in resolution.objects]),
            at_turn=bytes([file.at_turn for file in resolution.objects]),
            implicit=self._implicit,
            started=ranks,
            groups=list(groups),
            providers=array("I", groups.values()),
            carriers=array("I", map(carriers.__getitem__, groups)),
            field_counts=self._field_counts,
            field_positions=self._positions,
            field_values=self._values,
            slot_uses=self._slots,
            type_uses=self._types,
            slots=array("I", map(self._global_node, entries)),
            slot_numbers=array("I", [symbol.function_number for symbol in entries]),
            name_positions=name_positions(*name_section, spaces.function_count),
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
                self._constructors,
            ).packed(),
        )
        return columns.packed()

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

    def _function_numbers(self) -> list[int]:
        """Return the number of each node if it is a function in the output."""
        numbers: list[int] = []
        for file, firsts in self.firsts.items():
            numbers += [NO_NUMBER] * (firsts[0] - len(numbers))
            numbers += file.function_numbers
        numbers += [NO_NUMBER] * (self.first_row - len(numbers))
        numbers += [
            symbol.function_number if symbol.kind == SymbolKind.FUNCTION and symbol.is_live else NO_NUMBER
            for symbol in self.rows
        ]
        return numbers

    def _add_edges(self, file: ObjectInput, nodes: list[int]) -> None:
        """
        :param nodes: those of the file's symbols and, at the end, that of :data:`NO_SYMBOL`.
        """
        obj, ends, edges = file.object, self._ends, self._edges
        stubs = {index for index, symbol in enumerate(file.symbols) if symbol.is_stub}
        for section, count in ((obj.code_section, len(obj.functions)), (obj.data_section, len(obj.segments))):
            relocs = file.relocations(section)
            if not relocs.types:
                ends.extend([len(edges)] * count)
                continue
            indices = list(relocs.indices)
            for type_ in (R.TYPE_INDEX_LEB, *TABLE_INDICES) if stubs else (R.TYPE_INDEX_LEB,):
                place = relocs.types.find(type_)
                while place >= 0:
                    if type_ == R.TYPE_INDEX_LEB or indices[place] in stubs:
                        indices[place] = NO_SYMBOL
                    place = relocs.types.find(type_, place + 1)
            targets: list[int] = []
            first = len(edges)
            for start, stop in pairwise(obj.relocation_ranges(section)):
                if start != stop:
                    targets += {*indices[start:stop]}
                ends.append(first + len(targets))
            edges += array("I", list(map(nodes.__getitem__, targets)))
        ends.extend([len(edges)] * (len(file.global_live) + len(file.tag_live) + len(file.table_live)))

    def _add_fields(self, file: ObjectInput, placed: Relocations, nodes: list[int]) -> None:
        """Add where the fields of live code or data are in the module, and what stands in them."""
        for type_ in present_types(placed.types):
            number = _CLASS_OF.get(type_)
            if number is None:
                continue
            positions, indices = of_type(placed.types, type_, placed.offsets, placed.indices)
            if number == FUNCTION_FIELDS:
                found = list(map(self.numbers.__getitem__, map(nodes.__getitem__, indices)))
            else:
                known = {index: self._value(file, number, index) for index in set(indices)}
                found = list(map(known.__getitem__, indices))
            if NO_NUMBER in found:
                # What is not in the output has its addend in the field, whatever is decided.
                positions = [position for position, value in zip(positions, found) if value != NO_NUMBER]
                found = [value for value in found if value != NO_NUMBER]
            self._positions[number] += array("I", positions)
            self._values[number] += array("I", found)

    def _value(self, file: ObjectInput, number: int, index: int) -> int:
        """Return what fields of a class hold for a symbol, or a type."""
        if number == TYPE_FIELDS:
            return file.type_numbers.get(index, NO_NUMBER)
        symbol = file.symbols[index]
        slot = symbol.table_slot if symbol.kind == SymbolKind.FUNCTION and symbol.is_live else NO_NUMBER
        if number == SLOT_FROM_BASE_FIELDS and slot != NO_NUMBER:
            return slot - self.plan_table_base()
        return slot

    def _slot_uses(self, file: ObjectInput) -> list[int]:
        """Return the slots of the functions whose addresses are taken in an object, in the order of the scan."""
        base = self.plan_table_base()
        slots = dict.fromkeys([file.symbols[index].table_slot for index in first_uses(file, TABLE_INDICES)])
        return [slot - base for slot in slots if slot != NO_NUMBER]

    def plan_table_base(self) -> int:
        entries = self.plan.scan.table_entries
        return entries[0].table_slot if entries else 0


_CLASS_OF: Final = {type_: number for number, type_ in enumerate(FIELD_TYPES)}
"""The class of the fields of a relocation type."""
_KIND_OF: Final = {
    SymbolKind.FUNCTION: 0,
    SymbolKind.GLOBAL: 2,
    SymbolKind.TAG: 3,
    SymbolKind.TABLE: 4,
}
