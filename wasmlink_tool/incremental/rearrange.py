"""Rearrange the last module where objects came, went or are in another order: each output section is put together
from the sections of the objects in order. Those of strings are merged (:mod:`.remerge_strings`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..linking.relocate import Relocator
from ..output.encoding import Chunk
from .match_objects import Unusable
from .remerge_strings import Remerged
from .state import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .update import Update


class Pieces:
    """Ranges of the last module; those that follow each other are copied at once."""

    def __init__(self, module: memoryview) -> None:
        self._module = module
        self._start = self._end = 0

    def copy(self, start: int, end: int) -> list[Chunk]:
        """Copy a range; return what comes before it, once that is complete."""
        before: list[Chunk] = []
        if start != self._end:
            before = self.rest()
            self._start = start
        self._end = end
        return before

    def rest(self) -> list[Chunk]:
        """Return the last range."""
        start, self._start = self._start, self._end
        return [self._module[start : self._end]] if start < self._end else []


class CustomSections:
    """The custom sections of the objects."""

    def __init__(self, update: Update, state: State, module: memoryview, merged: Mapping[int, Remerged]) -> None:
        """:param merged: by their number, the output's sections of strings that were merged again."""
        self._update = update
        self._state = state
        self._module = module
        self._merged = merged
        self._of_strings = set(merged)
        """The output's sections of strings, once the sections are placed."""
        self.growth: list[int] = []
        """For each section of the output, by how much it grew."""

    def move(self) -> list[dict[int, int]]:
        """Place the sections; return the distance by which each moves, by object. ``growth`` has that of the output's
        sections then.

        :raises Unusable: the output's sections are in another order.
        """
        custom = self._state.custom
        sizes = [0] * len(custom)
        moved: list[dict[int, int]] = [{} for _ in self._state.files]
        self._check_order()
        for ordinal in self._update.order:
            known = self._state.files[ordinal]
            for index, (output, offset, size) in known.sections.items():
                if index in known.pieces:
                    self._of_strings.add(output)
                elif ordinal in self._update.new:
                    section = self._update.section(ordinal, index)
                    section.offset = sizes[output]
                    sizes[output] += section.size
                else:
                    if sizes[output] != offset:
                        moved[ordinal][index] = sizes[output] - offset
                    sizes[output] += size
        self.growth = [size - (end - start) for size, (_, _, start, end) in zip(sizes, custom)]
        for output in self._of_strings:
            strings = self._merged.get(output)
            _, _, start, end = custom[output]
            self.growth[output] = 0 if strings is None else len(strings.contents) - (end - start)
        return moved

    def _check_order(self) -> None:
        """Check that the names of custom sections appear first in the order in which they did."""
        before: dict[int, None] = {}
        now: dict[int, None] = {}
        for known in self._state.files:
            before.update(dict.fromkeys([output for output, _, size in known.sections.values() if size]))
        for ordinal in self._update.order:
            now.update(dict.fromkeys(self._update.outputs_of(ordinal)))
        if list(before) != list(now):
            raise Unusable("custom sections come in another order")

    def replaced(self, relocator: Relocator) -> Iterator[tuple[int, int, list[Chunk]]]:
        """Yield the ranges of the sections' contents in the last module, with what takes their places."""
        copies = [Pieces(self._module) for _ in self._state.custom]
        chunks: list[list[Chunk]] = [[] for _ in self._state.custom]
        for ordinal in self._update.order:
            known = self._state.files[ordinal]
            for index, (output, offset, size) in known.sections.items():
                if index in known.pieces:
                    continue
                if ordinal in self._update.new:
                    section = self._update.section(ordinal, index)
                    if section.size:
                        chunks[output] += (*copies[output].rest(), relocator.section(section))
                else:
                    start = self._state.custom[output][2] + offset
                    chunks[output] += copies[output].copy(start, start + size)
        for output, (_, _, start, end) in enumerate(self._state.custom):
            if output not in self._of_strings:
                yield start, end, [*chunks[output], *copies[output].rest()]
