"""Place the data of the objects that are linked again: where it was, or where a new layout puts it."""

from __future__ import annotations

from ..binary.constants import SymbolKind
from ..linking.chunks import InputSegment, ObjectInput
from ..linking.symbols import DEFINED
from ..options import DataOrder
from .match_objects import Unusable
from .move_data import MovedData
from .previous_link import place_segment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .update import Update


class PlacedData:
    """The places of data in this link."""

    def __init__(self, update: Update) -> None:
        """:raises Unusable: an address cannot be told."""
        self._update = update
        self._positions: dict[tuple[int, int], int] = {}
        """The positions in the module of the segments of loaded objects, by object and index."""
        self.moved: MovedData | None = None
        """The new layout; ``None`` if every address and every size is what it was."""
        # The order of packed data depends on the references to them.
        moves = update.options.data_order is DataOrder.PACKED or update.resolved is not None
        if moves or not all(self._place(ordinal, file) for ordinal, file in update.new.items()):
            self._positions = {}
            self.moved = MovedData(update)
            self.moved.bind()

    def position(self, ordinal: int, segment: int) -> int:
        """Return where the contents of a loaded object's segment are in the module; -1 if they are not there."""
        return self._positions.get((ordinal, segment), -1)

    def _place(self, ordinal: int, file: ObjectInput) -> bool:
        """Place an object's data where it was; return whether that is where it is."""
        decisions = self._update.last.decisions(ordinal)
        before = self._update.before[ordinal].segments
        old = [index for index, place in enumerate(decisions.segments) if place is not None]
        new = [segment for segment in file.segments if segment.live]
        if [(s.name, s.alignment, s.flags, s.size) for s in (before[index] for index in old)] != [
            (s.name, s.alignment, s.flags, s.size) for s in new
        ]:
            return False
        matches: dict[InputSegment, int] = {}
        for segment, index in zip(new, old):
            matches[segment] = index
            place = decisions.segments[index]
            assert place is not None
            place_segment(segment, place)
            self._positions[ordinal, segment.index] = place[2]
            if index in decisions.segment_pieces:
                segment.split()
                try:
                    self._update.last.check_strings(segment.pieces, decisions.segment_pieces[index], place[2])
                except Unusable:
                    return False
        for row, symbol in self._update.symbols.used():
            if symbol.file is file and symbol.kind == SymbolKind.DATA and symbol.state == DEFINED:
                segment_now = symbol.segment
                was = self._update.symbols.segment(row)
                if segment_now is None or not segment_now.live:
                    continue
                if matches[segment_now] != was or symbol.value != self._update.symbols.value(row):
                    return False
        return True
