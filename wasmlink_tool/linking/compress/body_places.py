"""Maps of places in a function body from before its relocated numbers were shortened to after."""

from __future__ import annotations

from bisect import bisect_right

from ..chunks import ObjectInput
from ..relocation_values import body_start
from ..symbols import DEFINED, Symbol


class BodyPlaces:
    """Maps offsets in one function's body: ``ends`` are those of its shortened numbers, ``saved`` the bytes saved
    before each of them and, as the last element, in the whole body."""

    __slots__ = ("ends", "saved")

    def __init__(self, ends: list[int], saved: list[int]) -> None:
        self.ends = ends
        self.saved = saved

    def place(self, offset: int) -> int:
        """Return the place after compression of an offset; one in a number is not moved past the number's end."""
        number = bisect_right(self.ends, offset)
        place = offset - self.saved[number]
        return place if number == len(self.ends) else min(place, self.ends[number] - self.saved[number + 1])


def places_in_body(file: ObjectInput, index: int) -> BodyPlaces:
    """Return the places in the body of a compressed function."""
    start = body_start(file, index)
    ends, saved = file.shrinkage
    first = bisect_right(ends, start)
    after = bisect_right(ends, file.object.function_offsets[index + 1], first)
    before = saved[first - 1] if first else 0
    return BodyPlaces([end - start for end in ends[first:after]], [0, *(sum_ - before for sum_ in saved[first:after])])


class CodePlaces:
    """The places in all functions, by symbol."""

    def __init__(self) -> None:
        self._bodies: dict[tuple[ObjectInput, int], BodyPlaces] = {}

    def of_symbol(self, symbol: Symbol) -> BodyPlaces | None:
        """Return the places in the function that a symbol refers to; ``None`` if its body is not shortened."""
        file = symbol.file
        if not isinstance(file, ObjectInput) or symbol.state != DEFINED or symbol.index not in file.compressed:
            return None
        body = self._bodies.get((file, symbol.index))
        if body is None:
            body = self._bodies[file, symbol.index] = places_in_body(file, symbol.index)
        return body if body.ends else None
