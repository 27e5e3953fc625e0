"""Other numbers for the functions, types, table entries and entries of the global offset table of a finished plan.

A number takes one byte below 64 or 128, two below 8,192 or 16,384. Nothing but the size of a module depends on them,
except that a host which has the function table could see its order.
"""

from __future__ import annotations

from collections import Counter

from ..binary.constants import ExternalKind
from ..binary.relocation_types import (
    FUNCTION_INDEX,
    GLOBAL_INDEX,
    SLEB,
    TABLE_INDEX,
    TYPE_INDICES,
    ULEB,
    types_with,
)
from ..options import LinkOptions
from ..records import record
from .chunks import NO_NUMBER, LinkedFile
from .function_order import by_similarity, by_use
from .live_relocations import live_relocations
from .plan import Plan
from .symbols import Symbol
from .synthetic_file import SyntheticFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Final, TypeVar

    _Numbered = TypeVar("_Numbered", bytes, Symbol)

_FUNCTIONS: Final = types_with((FUNCTION_INDEX,), (ULEB,))
_SLOTS: Final = types_with((TABLE_INDEX,), (SLEB,))
_GLOBALS: Final = types_with((GLOBAL_INDEX,), (ULEB,))
_ONE_BYTE: Final = 1 << 7
_ONE_SIGNED_BYTE: Final = 1 << 6


@record(frozen=True)
class Numbering:
    """The order of everything that can be numbered otherwise."""

    functions: list[tuple[LinkedFile, int]]
    """Each as a file and an index in it."""
    types: list[bytes]
    table: list[Symbol]
    got: list[Symbol]

    def with_functions(self, order: list[int]) -> Numbering:
        """Return the same with functions in this order of their present positions."""
        return Numbering([self.functions[i] for i in order], self.types, self.table, self.got)

    def apply(self, plan: Plan, options: LinkOptions) -> None:
        """Number everything in this order."""
        spaces = plan.spaces
        spaces.order_functions(_runs(self.functions))
        old = {number: signature for signature, number in spaces.types.items()}
        new = {signature: number for number, signature in enumerate(self.types)}
        for file in plan.resolution.objects:
            file.type_numbers = {index: new[old[number]] for index, number in file.type_numbers.items()}
        spaces.types = new
        plan.scan.table_entries[:] = self.table
        for slot, symbol in enumerate(self.table, options.table_base):
            symbol.set_table_slot(slot)
        first = min((symbol.got_number for symbol in self.got), default=0)
        spaces.got = self.got
        for number, symbol in enumerate(self.got, first):
            symbol.got_number = number
        plan.write_synthetic_code(options)


def numberings(plan: Plan, options: LinkOptions) -> Iterator[Numbering]:
    """Yield orders that may give a smaller module. The first one is that of the inputs; the module has to be written
    with it before the next one is requested."""
    spaces = plan.spaces
    given = Numbering(
        functions=[(file, index) for file, start, stop in spaces.function_runs() for index in range(start, stop)],
        types=list(spaces.types),
        table=list(plan.scan.table_entries),
        got=list(spaces.got),
    )
    uses = _Uses(plan)
    yield given
    functions = given.functions
    similar = by_similarity([_body(file, index) for file, index in functions])
    yield given.with_functions(similar)
    # A host that has the table may depend on its order, and a dynamic linker makes the entries for addresses.
    frequent = Numbering(
        functions=functions,
        types=_by_count(given.types, uses.types, _ONE_BYTE),
        table=given.table
        if options.is_pic or options.export_table or options.import_table
        else _by_count(given.table, uses.table, _ONE_SIGNED_BYTE),
        got=given.got if options.is_pic or spaces.global_count <= _ONE_BYTE else _by_count(given.got, uses.got, 0),
    )
    if frequent != given:
        yield frequent
    first = spaces.imports.counts[ExternalKind.FUNCTION]
    for order in (list(range(len(functions))), similar):
        yield frequent.with_functions(by_use(order, uses.functions[first:], first))


class _Uses:
    """How often everything is named by a number of variable size."""

    def __init__(self, plan: Plan) -> None:
        spaces = plan.spaces
        self.functions = [0] * spaces.function_count
        self.types: Counter[bytes] = Counter()
        self.table: Counter[Symbol] = Counter()
        self.got: Counter[Symbol] = Counter()
        entries = {symbol.table_slot: symbol for symbol in plan.scan.table_entries}
        addresses = {symbol.got_number: symbol for symbol in spaces.got}
        for file in plan.resolution.objects:
            found: Counter[tuple[int, int]] = Counter()
            for relocs, start, stop in live_relocations(file):
                found.update(zip(relocs.types[start:stop], relocs.indices[start:stop]))
            for (type_, index), count in found.items():
                if type_ in TYPE_INDICES:
                    self.types[file.object.types[index]] += count
                elif type_ in _FUNCTIONS:
                    number = file.symbols[index].function_number
                    if number != NO_NUMBER:
                        self.functions[number] += count
                elif type_ in _SLOTS:
                    entry = entries.get(file.symbols[index].table_slot)
                    if entry is not None:
                        self.table[entry] += count
                elif type_ in _GLOBALS:
                    address = addresses.get(file.symbols[index].got_number)
                    if address is not None:
                        self.got[address] += count
        for owner, start, stop in spaces.function_runs():
            self.types.update(owner.function_signatures[start:stop])
        for symbol in plan.scan.table_entries:
            if symbol.function_number != NO_NUMBER:
                self.functions[symbol.function_number] += 1
        for export in plan.exports:
            if export.kind == ExternalKind.FUNCTION:
                self.functions[export.index] += 1


def _by_count(order: list[_Numbered], uses: Counter[_Numbered], few: int) -> list[_Numbered]:
    """Return the most used first, where there are more than ``few``."""
    return order if len(order) <= few else sorted(order, key=lambda each: -uses[each])


def _body(file: LinkedFile, index: int) -> bytes:
    if isinstance(file, SyntheticFile):
        return file.bodies[index]
    if file.compressed:
        return file.compressed[index]
    obj = file.object
    start = obj.sections.starts[obj.code_section]
    return obj.data[start + obj.function_offsets[index] : start + obj.function_offsets[index + 1]]


def _runs(functions: Iterable[tuple[LinkedFile, int]]) -> list[tuple[LinkedFile, int, int]]:
    runs: list[tuple[LinkedFile, int, int]] = []
    for file, index in functions:
        if runs and runs[-1][0] is file and runs[-1][2] == index:
            runs[-1] = file, runs[-1][1], index + 1
        else:
            runs.append((file, index, index + 1))
    return runs
