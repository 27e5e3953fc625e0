"""Number functions, types and table entries after some objects changed, by the rules of the passes.

Of an unchanged object the same functions are live, in the same order, so that all its numbers move alike. The numbers
of types and table entries follow from the order of their first uses; those of an unchanged object are in the columns.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate

from ..binary.constants import SectionId, SymbolKind
from ..binary.relocation_types import TABLE_INDICES, TYPE_INDICES
from ..linking.chunks import NO_NUMBER, LinkedFile, ObjectInput
from ..linking.live_relocations import first_uses, live_function_runs
from ..linking.symbols import DEFINED
from .last_module import read_numbers
from .match_objects import Unusable
from .previous_link import number_others

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .update import Update


class Numbers:
    """The numbers of this link, and how those of the last one map to them."""

    def __init__(self, update: Update) -> None:
        self._update = update
        self._columns = update.columns
        self._undefined = update.undefined
        self.functions: list[int] = []
        """The new number of each function of the last link, imports included; ``NO_NUMBER`` if it is gone."""
        self._shifts: dict[int, int] = {-1: 0}
        self._live_counts: list[int] = []
        """The number of functions of each file, the linker's own first, in the last output."""
        self.function_count = 0
        """Imports excluded."""
        self._number_functions()
        self.signatures: list[bytes] = []
        """The type section."""
        self.types: list[int] = []
        """The new number of each type of the last link; ``NO_NUMBER`` if it is gone."""
        self.function_types: list[int] = []
        """The types of all functions but imported ones."""
        self.last_function_types: list[int] = []
        """The same in the last link, with the numbers of types there."""
        self._number_types()
        self.slots: list[int] = []
        """The new slot of each slot of the last link, both counted from the table's base."""
        self.entries: list[int] = []
        """The number of each slot's function."""
        self._number_slots()

    def renumber(self, ordinal: int, file: LinkedFile) -> None:
        """Renumber the functions and slots of an unchanged object."""
        shift = self._shifts[ordinal]
        if ordinal < 0 and self._undefined is not None:
            self._undefined.renumber(file)
        elif shift:
            file.function_numbers = array(
                "i", [number if number == NO_NUMBER else number + shift for number in file.function_numbers]
            )
        first, after = self._update.symbols.first_nodes[ordinal + 1][:2]
        nodes = self._sorted_nodes
        base = self._update.options.table_base
        file.function_slots = {
            node - first: base + self._order[node]
            for node in nodes[bisect_left(nodes, first) : bisect_left(nodes, after)]
        }

    # Functions

    def _number_functions(self) -> None:
        update, live = self._update, self._columns.live
        if self._columns.imported + self._columns.wrappers > len(update.last.module):
            raise ValueError("more functions than bytes")
        firsts = update.symbols.first_nodes
        olds = [live[nodes[0] : nodes[1]] for nodes in firsts]
        self._live_counts = [old.count(1) for old in olds]
        starts: dict[int, int] = {}
        undefined = self._undefined
        if undefined is not None:
            undefined.number_symbols()
        number = self._columns.imported if undefined is None else undefined.count
        for ordinal in (-1, *update.order):
            if ordinal < 0 and undefined is not None:
                continue
            starts[ordinal] = number
            file = update.new.get(ordinal)
            if file is None:
                number += self._live_counts[ordinal + 1]
                continue
            for start, stop in live_function_runs(file):
                file.function_numbers[start:stop] = array("i", range(number, number + stop - start))
                number += stop - start
            assert number - starts[ordinal] == file.function_live.count(1)
            number_others(file, update.last.decisions(ordinal))
        mapping = list(range(self._columns.imported)) if undefined is None else undefined.mapping()
        for ordinal, (old, count) in enumerate(zip(olds, self._live_counts), -1):
            if ordinal < 0 and undefined is not None:
                self._shifts[ordinal] = 0
                continue
            file = update.new.get(ordinal)
            if file is None:
                self._shifts[ordinal] = starts[ordinal] - len(mapping)
                mapping.extend(range(starts[ordinal], starts[ordinal] + count))
            elif ordinal in update.changed:
                for index, was_live in enumerate(old):
                    if was_live:
                        symbol = update.marks.function_at(ordinal, index)
                        now = None if symbol is None else symbol.file
                        if symbol is None or now is None or not update.is_again(now):
                            mapping.append(NO_NUMBER)
                        else:
                            mapping.append(now.function_numbers[symbol.index])
            else:
                mapping.extend([n for n, was_live in zip(file.function_numbers, old) if was_live])
        wrappers = self._columns.wrappers
        mapping.extend(range(number, number + wrappers))
        self.functions = mapping
        self.function_count = (
            number + wrappers - (self._columns.imported if undefined is None else len(undefined.imports))
        )

    def runs(self) -> Iterator[tuple[int, int, int, ObjectInput | None]]:
        """Yield runs of functions in the order of their new numbers: either those of an object that is linked again, or
        others by first and last old number, with the distance to the new ones.

        If the update has found again which functions no object defines, these are left out.
        """
        first = after = shift = 0
        after = self._columns.imported
        starts = list(accumulate(self._live_counts, initial=after))
        ordinals = [-1, *self._update.order]
        if self._undefined is not None:
            del ordinals[0]
            first = after = starts[1]
        for ordinal in ordinals:
            file = self._update.new.get(ordinal)
            start, end = starts[ordinal + 1 : ordinal + 3]
            if file is None:
                moved = self._shifts[ordinal]
                if moved != shift or start != after:
                    yield first, after, shift, None
                    first, shift = start, moved
            else:
                yield first, after, shift, None
                yield 0, 0, 0, file
                first = end
            after = end
        total = len(self.functions)
        moved = self.functions[-1] - (total - 1) if self._columns.wrappers else shift
        if moved != shift or after != starts[-1]:
            yield first, after, shift, None
            first, shift = starts[-1], moved
        yield first, total, shift, None

    # Types

    def _number_types(self) -> None:
        update, columns = self._update, self._columns
        module = update.last.sections
        signatures = update.last_signatures
        known = {signature: number for number, signature in enumerate(signatures)}
        count = len(signatures)
        if len(known) != count:
            raise ValueError("a type section with equal types")
        uses = {of[0]: of[1:] for of in columns.type_uses}
        order: dict[int, None] = {}
        for ordinal in update.order:
            file = update.new.get(ordinal)
            if file is None:
                if ordinal in uses:
                    order.update(dict.fromkeys(uses[ordinal]))
            else:
                types = file.object.types
                for index in first_uses(file, TYPE_INDICES):
                    number = known.setdefault(types[index], len(known))
                    file.set_type_number(index, number)
                    order.setdefault(number)
        undefined = self._undefined
        if undefined is not None and undefined.imports_differ:
            signatures_of_imports = [imported.key[2] for imported in undefined.imports]
            order.update(dict.fromkeys([known.setdefault(s, len(known)) for s in signatures_of_imports]))
        else:
            order.update(dict.fromkeys(columns.import_types))
        before = self.last_function_types = read_numbers(module.contents(SectionId.FUNCTION))
        if len(before) != sum(self._live_counts) + columns.wrappers:
            raise ValueError("a function section of another size")
        types_now: list[int] = []
        starts = list(accumulate(self._live_counts, initial=0))
        for ordinal in (-1, *update.order):
            file = update.new.get(ordinal)
            if ordinal < 0 and undefined is not None:
                types_now += [known.setdefault(own.signature, len(known)) for own in undefined.own]
            elif file is None:
                types_now += before[starts[ordinal + 1] : starts[ordinal + 2]]
            else:
                own = file.function_signatures
                for first, after in live_function_runs(file):
                    types_now += [known.setdefault(signature, len(known)) for signature in own[first:after]]
        types_now += before[starts[-1] :]
        order.update(dict.fromkeys(types_now))
        order.update(dict.fromkeys(columns.tag_types))
        numbers = dict(zip(order, range(len(order))))
        all_signatures = list(known)
        self.signatures = [all_signatures[number] for number in order]
        self.types = [numbers.get(number, NO_NUMBER) for number in range(count)]
        self.types_differ = list(order) != list(range(count))
        if self.types_differ:
            types_now = [numbers[number] for number in types_now]
        self.function_types = types_now
        for file in update.new.values():
            file.type_numbers = {index: numbers[number] for index, number in file.type_numbers.items()}

    # The table

    def _number_slots(self) -> None:
        update, columns, marks = self._update, self._columns, self._update.marks
        uses = {of[0]: of[1:] for of in columns.slot_uses}
        changed = marks.replaced()
        now = [changed.get(node, node) for node in columns.slots]
        numbers = {node: self.functions[number] for node, number in zip(now, columns.slot_numbers)}
        order: dict[int, int] = {}
        base = update.options.table_base
        for ordinal in update.order:
            file = update.new.get(ordinal)
            if file is None:
                for slot in uses.get(ordinal, ()):
                    order.setdefault(now[slot], len(order))
                continue
            for index in first_uses(file, TABLE_INDICES):
                symbol = file.symbols[index]
                if symbol.is_stub:
                    continue
                node = marks.node(symbol)
                if symbol.state != DEFINED:
                    if symbol.number == NO_NUMBER:
                        if not symbol.is_weak or symbol.slot != NO_NUMBER:
                            raise Unusable("the address of an undefined function")
                        # It is null.
                        continue
                    numbers[node] = symbol.number
                order.setdefault(node, len(order))
                if symbol.state == DEFINED and isinstance(symbol.file, ObjectInput):
                    numbers[node] = symbol.file.function_numbers[symbol.index]
                elif node not in numbers:
                    numbers[node] = self._number(node)
        self.slots = [order.get(node, NO_NUMBER) for node in now]
        self.entries = [numbers[node] for node in order]
        self.slots_differ = self.slots != list(range(len(order)))
        if NO_NUMBER in self.entries:
            raise Unusable("the table has a function that is gone")
        if bool(self.entries) != bool(now):
            raise Unusable("the first address of a function, or the last one")
        self._order = order
        self._sorted_nodes = sorted(order)
        for _, symbol in update.symbols.used():
            if symbol.state != DEFINED and symbol.kind == SymbolKind.FUNCTION:
                slot = order.get(marks.node(symbol), NO_NUMBER)
                symbol.slot = slot if slot == NO_NUMBER else base + slot
        for node, slot in order.items():
            place = marks.function_of(node)
            if place is not None:
                loaded, index = place
                loaded.set_slot(index, base + slot)

    def number_of(self, node: int) -> int:
        """Return the number of the function of a node; ``NO_NUMBER`` if it is not in the output."""
        place = self._update.marks.function_of(node)
        if place is not None:
            file, index = place
            return file.function_numbers[index]
        return self._number(node)

    def _number(self, node: int) -> int:
        """Return the number of an unchanged object's function."""
        firsts = self._update.symbols.first_nodes
        start = self._columns.imported
        for at, (first, segments, *_) in enumerate(firsts):
            if first <= node < segments:
                live = self._columns.live
                return self.functions[start + live.count(1, first, node)] if live[node] else NO_NUMBER
            start += self._live_counts[at]
        raise Unusable("the address of a function that no object defines")
