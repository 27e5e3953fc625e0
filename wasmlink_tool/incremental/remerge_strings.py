"""Merge strings of which few changed: the result of ``MergedStrings``, computed from its previous result.

Merged strings are sorted by their reversed text, the greatest first; a string that is the tail of another lies within
it. A string that is added or removed moves the following ones by one amount, except the next few, which may become
tails of another or cease to be.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

from ..linking.merged_strings import StringPieces


def remerge(contents: bytes, kept: set[int], before: set[int], split: Sequence[StringPieces]) -> Remerged:
    """Merge the strings of a section or segment again.

    :param contents: what the last link made of the strings.
    :param kept: the offsets in it of the strings of unchanged chunks.
    :param before: the offsets in it of the strings that the other chunks had.
    :param split: the strings that these have now; their offsets are set.
    """
    strings_of = [pieces.strings() for pieces in split]
    wanted = {string for strings in strings_of for string in strings}
    known = {contents[offset : contents.index(0, offset)]: offset for offset in before}
    stay = {string: offset for string, offset in known.items() if string in wanted}
    kept.update(stay.values())
    merged = Remerged(contents, kept, before - kept, wanted - stay.keys())
    places = merged.placed
    places.update((string, merged.moved[offset]) for string, offset in stay.items())
    for pieces, strings in zip(split, strings_of):
        pieces.offsets = [places[string] for string in strings]
        pieces.backwards = []
    return merged


class Remerged:
    """The strings of ``kept``, offsets into the old ``contents``, and ``new`` ones, merged; ``gone`` are the offsets of
    all other strings of the old contents. New ones may be among the kept."""

    def __init__(self, contents: bytes, kept: Iterable[int], gone: Iterable[int], new: Iterable[bytes]) -> None:
        self._old = contents
        offsets = sorted(kept)
        self._offsets = offsets
        self.moved: dict[int, int] = {}
        """Old offset to new one, of the kept strings."""
        self.placed: dict[bytes, int] = {}
        """The positions of the new strings."""
        self._out: list[bytes] = []
        self._size = 0
        self._previous = b""
        self._is_first = True
        added: dict[int, list[bytes]] = {}
        found: dict[bytes, int] = {}
        for string in set(new):
            index = self._find(string)
            if index < len(offsets) and self._string(index) == string:
                found[string] = offsets[index]
            else:
                added.setdefault(index, []).append(string)
        self._merge(added, {bisect_left(offsets, offset) for offset in gone})
        for string, offset in found.items():
            self.placed[string] = self.moved[offset]
        self.contents = b"".join(self._out)

    # The order

    def _string(self, index: int) -> bytes:
        offset = self._offsets[index]
        return self._old[offset : self._old.index(0, offset)]

    def _find(self, string: bytes) -> int:
        """Return the first kept string that does not sort before ``string``."""
        reverse = string[::-1]
        low, high = 0, len(self._offsets)
        while low < high:
            middle = (low + high) // 2
            if self._string(middle)[::-1] > reverse:
                low = middle + 1
            else:
                high = middle
        return low

    # The merge

    def _merge(self, added: dict[int, list[bytes]], gaps: set[int]) -> None:
        """Merge the strings.

        :param added: maps the kept string that they come before to new strings.
        :param gaps: the kept strings before which others were removed.
        """
        offsets, old = self._offsets, self._old
        changes = sorted({*added, *gaps, len(offsets)})
        index = 0
        for change in changes:
            index = self._copy(index, change)
            for string in sorted((s[::-1] for s in added.get(change, ())), reverse=True):
                self.placed[string[::-1]] = self._add(string[::-1])
            # One by one, until one is not a tail, as before.
            after = changes[bisect_right(changes, change)] if change != changes[-1] else change
            while index < after:
                offset = offsets[index]
                was_host = not offset or not old[offset - 1]
                string = self._string(index)
                if was_host and not self._ends_previous(string):
                    break
                self.moved[offset] = self._add(string)
                index += 1

    def _copy(self, index: int, stop: int) -> int:
        """Copy a run of strings, of which the first is not a tail in both merges."""
        if index >= stop:
            return index
        offsets, old = self._offsets, self._old
        start = offsets[index]
        last = offsets[stop - 1]
        end = old.index(0, last) + 1
        run = offsets[index:stop]
        self.moved.update(zip(run, map((self._size - start).__add__, run)))
        self._out.append(old[start:end])
        self._size += end - start
        self._previous = old[old.rfind(0, 0, last) + 1 if last else 0 : end - 1]
        self._is_first = False
        return stop

    def _ends_previous(self, string: bytes) -> bool:
        return not self._is_first and self._previous.endswith(string)

    def _add(self, string: bytes) -> int:
        if self._ends_previous(string):
            return self._size - len(string) - 1
        offset = self._size
        self._out.append(string + b"\0")
        self._size += len(string) + 1
        self._previous = string
        self._is_first = False
        return offset
