"""Move data in the last module: what an update (:mod:`.update`) does where the layout of data differs.

All data is laid out again with the segments of the objects that are linked again. Then

- the addresses in the code, the data and the debug information of the other objects are corrected in place,
- their stand-ins get the new addresses, for what is relocated with them,
- the sections that depend on the layout are rebuilt (:mod:`.data_section`).
"""

from __future__ import annotations

from collections.abc import Iterator

from ..binary.constants import SegmentFlag, SymbolKind
from ..binary.relocation_types import ADDRESSES
from ..linking.chunks import InputSegment, LinkedFile
from ..linking.live_relocations import live_relocations
from ..linking.output_segments import OutputSegment
from ..linking.symbols import DEFINED
from ..options import DataOrder
from .address_fields import Correction, FieldColumns
from .data_columns import TLS_BASE
from .data_layout import DataLayout
from .data_section import DataSections
from .data_state import unpack_data_state
from .link_columns import NO_ROW
from .match_objects import Unusable
from .moved_fields import NO_LOCATION, VALUE
from .state import INTERNAL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..linking.relocate import Relocator
    from .data_section import Splice
    from .update import Update


class MovedData:
    """The addresses of this link."""

    def __init__(self, update: Update) -> None:
        """:raises Unusable: something about the layout is not understood."""
        self._update = update
        last = update.last
        state = unpack_data_state(memoryview(last.state.data[0]), len(last.module))
        if state is None:
            raise Unusable("the last link has addresses that only the passes understand")
        self._state = state
        self._columns = columns = state.columns
        if update.resolved is not None:
            for part in (columns, state.code, state.data):
                part.add_objects(update.resolved.added)
        if len(columns.first_segments) != len(last.state.files) + 1:
            raise ValueError("columns of another link")
        self._matches = self._match()
        references = self._count_references() if update.options.data_order is DataOrder.PACKED else {}
        order = None if update.resolved is None else update.order
        self._layout = layout = DataLayout(
            columns, last.module, update.options, update.new, references, order, update.layout_symbols
        )
        if any(o.segment.is_tls and (o.last is None or not o.last.is_tls) for o in layout.outputs):
            # It needs features, and the passes say so where they are missing.
            raise Unusable("there is thread-local data, where there was none")
        for location, segment in self._matches.items():
            layout.follow(location, segment.address(0))
        self._lost = self._find_lost()
        self._check_targets(state.code)
        self._check_targets(state.data)
        if not self._lost.isdisjoint(location for _, location in columns.globals):
            raise Unusable("an address is exported that is gone")
        self._tls_base = columns.first_linker + columns.linker.index(TLS_BASE)
        self._sections = DataSections(layout, last.module, last.sections.places, update.options)

    @property
    def tls_base(self) -> int:
        """Return the address of thread-local data, as in :class:`..linking.relocation_values.Bases`."""
        return self._layout.memory.tls_base

    @property
    def segment_names(self) -> bytes | None:
        """Return the names of the data segments, as the name section has them; ``None`` if they are what they were."""
        return self._sections.names

    # What has taken the place of the segments of the objects that are linked again

    def _match(self) -> dict[int, InputSegment]:
        """Return the segments that other objects may refer to, by their location in the last link."""
        update, columns, symbols = self._update, self._columns, self._update.symbols
        found: dict[int, InputSegment | None] = {}
        for ordinal, file in update.new.items():
            first, after = columns.first_segments[ordinal : ordinal + 2]
            if len(update.before[ordinal].segments) != after - first:
                raise ValueError("an object with other segments than it had")
            if ordinal not in update.changed:
                found.update(enumerate(file.segments, first))
        for row, symbol in symbols.used():
            ordinal, segment = symbols.owner(row), symbols.segment(row)
            if symbol.kind != SymbolKind.DATA or segment < 0 or ordinal not in update.changed:
                continue
            now = symbol.segment if symbol.state == DEFINED and symbol.value == symbols.value(row) else None
            location = columns.first_segments[ordinal] + segment
            if now is not None and (not update.is_again(now.file) or found.get(location, now) is not now):
                now = None
            found[location] = now
        return {location: segment for location, segment in found.items() if segment is not None and segment.live}

    def _find_lost(self) -> set[int]:
        """Return the locations that nothing has taken the place of."""
        columns = self._columns
        lost: set[int] = set()
        for ordinal in self._update.new:
            lost.update(range(*columns.first_segments[ordinal : ordinal + 2]))
            lost.update(range(*columns.first_strings[ordinal : ordinal + 2]))
        return lost.difference(self._matches)

    def _check_targets(self, fields: FieldColumns) -> None:
        """Check that no other object refers to what is gone."""
        firsts, new = fields.first_targets, self._update.new
        if len(firsts) != len(self._columns.first_segments):
            raise ValueError("columns of another link")
        start = 0
        for ordinal in [*sorted(new), len(firsts) - 1]:
            end = firsts[ordinal]
            if not self._lost.isdisjoint(fields.locations[start:end]):
                raise Unusable("other objects refer to data that is gone, or elsewhere in its segment")
            if ordinal in new:
                start = firsts[ordinal + 1]

    def _count_references(self) -> dict[int, int]:
        """Count the references to the segments of the objects that are linked again; return how many more there are to
        those of others."""
        columns, update = self._columns, self._update
        first_string = len(columns.segment_names)
        more: dict[int, int] = {}
        for ordinal in update.new:
            for fields in (self._state.code, self._state.data):
                for location, number in fields.references(ordinal).items():
                    if location < len(columns.outputs):
                        segment = location if location < first_string else columns.owners[location - first_string]
                        more[segment] = more.get(segment, 0) - number
        for location, matched in self._matches.items():
            # Of the objects that did not change.
            matched.references = columns.references[location] + more.get(location, 0)
        stand_ins: dict[LinkedFile, int] = {
            file: ordinal for ordinal, file in update.last.files.items() if ordinal != INTERNAL
        }
        for file in update.new.values():
            symbols = file.symbols
            for relocs, start, stop in live_relocations(file):
                for type_, index in zip(relocs.types[start:stop], relocs.indices[start:stop]):
                    target = symbols[index].segment if type_ in ADDRESSES else None
                    if target is not None:
                        if target.file in stand_ins:
                            location = columns.first_segments[stand_ins[target.file]] + target.index
                            more[location] = more.get(location, 0) + 1
                        else:
                            target.references += 1
        for ordinal in update.new:
            for location in range(*columns.first_segments[ordinal : ordinal + 2]):
                more.pop(location, None)
        return {location: number for location, number in more.items() if number}

    # The new addresses

    def bind(self) -> None:
        """Give the stand-ins of other objects, and the symbols of addresses that the linker chooses, their values."""
        update, columns, shifts = self._update, self._columns, self._layout.shifts
        for ordinal, file in update.last.files.items():
            if ordinal == INTERNAL or ordinal in update.new:
                continue
            first = columns.first_segments[ordinal]
            for segment in file.segments:
                if segment.live and segment.pieces is None:
                    location = first + segment.index
                    segment.output = OutputSegment(b"")
                    segment.output.address = columns.addresses[location] + shifts[location] - segment.offset
        used = dict(update.symbols.used())
        for name in columns.linker:
            row = update.symbols.by_name.get(name, NO_ROW)
            symbol = used.get(row)
            if symbol is not None and symbol.state == DEFINED and symbol.segment is None:
                symbol.value = self._layout.linker[name]
        for name, symbol in update.layout_symbols.items():
            symbol.value = self._layout.linker[name]

    def correct(self) -> None:
        """Correct the addresses in the code and the data of other objects."""
        shifts, module = self._layout.shifts, self._update.last.module
        Correction(self._state.code, shifts, self._tls_base).write_code(module)
        Correction(self._state.data, shifts, self._tls_base).write_data(module)

    def debug_shift(self, location: int) -> int:
        """Return by how much an address in debug information differs."""
        if location == NO_LOCATION:
            return 0
        shifts, columns = self._layout.shifts, self._columns
        shift = shifts[location]
        first_string = len(columns.segment_names)
        if location < len(columns.outputs):
            segment = location if location < first_string else columns.owners[location - first_string]
            if columns.flags[segment] & SegmentFlag.TLS:
                shift -= shifts[self._tls_base]
        return shift

    def check_debug(self, mark: int, location: int) -> None:
        """Check that debug information tells an address if, and only if, it did.

        :param mark: that of the address in a note.
        """
        if (location in self._lost) if mark == VALUE else (location in self._matches):
            raise Unusable("debug information names data that came or went")

    def splices(self, relocator: Relocator) -> Iterator[Splice]:
        """Yield what replaces ranges of the module."""
        files = self._update.new.values()
        contents: dict[LinkedFile, memoryview] = {
            file: relocator.data(file) for file in files if file.object.data_section >= 0
        }
        yield from self._sections.splices(contents)
