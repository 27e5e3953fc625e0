"""Patterns of symbol names: exact names or globs, and what they stand for among named things."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable
from typing import Final, Generic, TypeVar

_Thing = TypeVar("_Thing")

_WILD: Final = re.compile(r"[*?\[]")


def matcher(pattern: str) -> Callable[[str], bool]:
    """Return a function that tests whether a name is the pattern or matches it as a glob: C++ names contain stars."""
    if not _WILD.search(pattern):
        return pattern.__eq__
    fits = re.compile(fnmatch.translate(pattern)).match
    return lambda name: name == pattern or fits(name) is not None


class Named(Generic[_Thing]):
    """Things with any number of names each, in an order."""

    def __init__(self, things: Iterable[tuple[_Thing, Iterable[str]]]) -> None:
        self._things: list[_Thing] = []
        self._places: dict[str, list[int]] = {}
        for place, (thing, names) in enumerate(things):
            self._things.append(thing)
            for name in names:
                self._places.setdefault(name, []).append(place)

    def find(self, pattern: str) -> list[_Thing]:
        """Return the things of which a name is the pattern or matches it, in order, each once.

        An exact name is looked up: many of them need not be compared with many names.
        """
        if not _WILD.search(pattern):
            places = self._places.get(pattern, [])
        else:
            matches = matcher(pattern)
            places = [place for name, named in self._places.items() if matches(name) for place in named]
        return [self._things[place] for place in sorted(set(places))]
