"""Compare the references of a changed object's live parts with those of its last version."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from ..binary.constants import SymbolFlag, SymbolKind
from ..binary.relocation_types import (
    ADDRESS,
    ADDRESSES,
    FUNCTION_INDEX,
    GLOBAL_INDICES,
    TABLE_INDICES,
    TLS_OFFSETS,
    types_with,
)
from ..binary.relocation_types import RelocationType as R
from ..binary.relocations import Relocations
from ..inputs.object_file import ObjectFile
from ..linking.chunks import ObjectInput
from ..linking.symbols import DEFINED
from .match_objects import ADDED, Match, Unusable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_UNDEFINED_FLAG: Final = SymbolFlag.UNDEFINED
_TYPE_INDEX: Final = R.TYPE_INDEX_LEB
_CALL: Final = R.FUNCTION_INDEX_LEB
_PLAIN: Final = types_with((FUNCTION_INDEX, ADDRESS)) - TLS_OFFSETS
"""References that only need their target to be in the output."""


def check_references(match: Match, file: ObjectInput) -> Counter[int]:
    """Check that live chunks refer to the same targets, and to nothing else that is not in the output. Return the
    change in the number of references to data, by symbol of the old version.

    :raises Unusable: they do not, or it is not certain.
    """
    comparison = _Comparison(match, file)
    if comparison.differing:
        comparison.check_calls()
        comparison.check_targets()
        comparison.check_first_uses()
    return comparison.count_data()


_Reference = tuple[int, int]
"""A relocation's type, and its target: a symbol or a type of the old version; less than 0 if that has no counterpart.
"""


class _References:
    """The references of an object's code, then of its data, in terms of the old version."""

    def __init__(self, obj: ObjectFile, symbols: Sequence[int] | None, types: Sequence[int]) -> None:
        """:param symbols: the old version's symbols by those of this one, and ``types`` its types."""
        self.types = b""
        self.targets: list[int] = []
        self.functions: list[tuple[int, int]] = []
        """The range of each function's references."""
        self.segments: list[tuple[int, int]] = []
        self._add(obj.relocations(obj.code_section), symbols, types)
        self.functions += pairwise(obj.relocation_ranges(obj.code_section))
        first = len(self.targets)
        self._add(obj.relocations(obj.data_section), symbols, types)
        self.segments += pairwise([first + start for start in obj.relocation_ranges(obj.data_section)])

    def _add(self, relocs: Relocations, symbols: Sequence[int] | None, types: Sequence[int]) -> None:
        self.types += relocs.types
        if _TYPE_INDEX in relocs.types:
            known = range(1 << 32) if symbols is None else symbols
            self.targets += [
                types[index] if type_ == _TYPE_INDEX else known[index]
                for type_, index in zip(relocs.types, relocs.indices)
            ]
        else:
            self.targets += relocs.indices if symbols is None else [symbols[index] for index in relocs.indices]

    def of(self, chunk: tuple[int, int]) -> list[_Reference]:
        first, after = chunk
        return list(zip(self.types[first:after], self.targets[first:after]))


class _Comparison:
    """References of both versions, by function and segment."""

    def __init__(self, match: Match, file: ObjectInput) -> None:
        self.match = match
        self.symbols = {old: file.symbols[index] for index, old in enumerate(match.symbols) if old != ADDED}
        types: dict[bytes, int] = {}
        for signature in match.before.types:
            types.setdefault(signature, len(types))
        before = [types[signature] for signature in match.before.types]
        after = [types.get(signature, -1 - index) for index, signature in enumerate(match.after.types)]
        self.old = _References(match.before, None, before)
        self.new = _References(match.after, match.symbols, after)
        self.live: list[tuple[tuple[int, int], tuple[int, int]]] = []
        """The chunks that are live, in both versions."""
        self.differing: list[tuple[tuple[int, int], tuple[int, int], bool]] = []
        """The chunks, live or not, whose references differ, and whether they are live; a chunk that the old version
        does not have is empty there."""
        pairs = [
            (match.functions, self.old.functions, self.new.functions, list(map(bool, bytes(file.function_live)))),
            (match.segments, self.old.segments, self.new.segments, [segment.live for segment in file.segments]),
        ]
        for matches, old_chunks, new_chunks, live in pairs:
            for index, old in enumerate(matches):
                chunks = (0, 0) if old == ADDED else old_chunks[old], new_chunks[index]
                if live[index]:
                    self.live.append(chunks)
                if not self._are_equal(*chunks):
                    self.differing.append((*chunks, live[index]))
            # A removed chunk was dead, and may have called something.
            for old in set(range(len(old_chunks))).difference(matches):
                self.differing.append((old_chunks[old], (0, 0), False))

    def _are_equal(self, old: tuple[int, int], new: tuple[int, int]) -> bool:
        first, after = old
        start, end = new
        return (
            after - first == end - start
            and self.old.types[first:after] == self.new.types[start:end]
            and self.old.targets[first:after] == self.new.targets[start:end]
        )

    def check_calls(self) -> None:
        """Check that the same functions are called: a wrong signature is treated differently where a call has it."""
        had = {pair for old, _, _ in self.differing for pair in self.old.of(old)}
        has = {pair for _, new, _ in self.differing for pair in self.new.of(new)}
        changed = {
            target
            for type_, target in had ^ has
            if type_ == _CALL and target >= 0 and self.match.before.symbols[target][1] & _UNDEFINED_FLAG
        }
        if changed:
            called = [
                {target for type_, target in zip(side.types, side.targets) if type_ == _CALL}
                for side in (self.old, self.new)
            ]
            if any((target in called[0]) != (target in called[1]) for target in changed):
                raise Unusable("direct calls changed")

    def check_targets(self) -> None:
        known: set[_Reference] | None = None
        for old, new, live in self.differing:
            if not live:
                continue
            had, has = set(self.old.of(old)), set(self.new.of(new))
            if {i for t, i in had if t != _TYPE_INDEX} - {i for t, i in has if t != _TYPE_INDEX}:
                raise Unusable("a reference was removed")
            for type_, target in had ^ has:
                if type_ != _TYPE_INDEX and target >= 0 and self.symbols[target].is_stub:
                    # Whether its body is in the output depends on the kinds of references to it.
                    raise Unusable("a reference to a stub changed")
            for type_, target in has - had:
                if target < 0:
                    raise Unusable("a new reference has a target that was not in the output")
                if known is None:
                    known = {pair for chunk, _ in self.live for pair in self.old.of(chunk)}
                if (type_, target) in known:
                    continue
                if type_ not in _PLAIN or self.symbols[target].state != DEFINED or not self.symbols[target].is_live:
                    raise Unusable("a reference was added")

    def check_first_uses(self) -> None:
        if any(
            live and self._places(self.old.of(old)) != self._places(self.new.of(new))
            for old, new, live in self.differing
        ):
            old_uses = [pair for old, _ in self.live for pair in self._places(self.old.of(old))]
            new_uses = [pair for _, new in self.live for pair in self._places(self.new.of(new))]
            if list(dict.fromkeys(old_uses)) != list(dict.fromkeys(new_uses)):
                raise Unusable("the order of first references changed")

    def _places(self, references: list[_Reference]) -> list[tuple[str, int]]:
        """Return the references that are numbered in the order of their first use: types, stubs, table entries, entries
        of the global offset table."""
        found = []
        for type_, target in references:
            if type_ == _TYPE_INDEX:
                found.append(("type", target))
                continue
            symbol = self.symbols[target]
            if symbol.stub is not None:
                # It is made at the function's first reference, and from there on the function takes no table entry.
                found.append(("stub" if type_ not in TABLE_INDICES else "stub by address", target))
            if type_ in TABLE_INDICES:
                found.append(("table", target))
            elif type_ in GLOBAL_INDICES and symbol.kind != SymbolKind.GLOBAL:
                found.append(("got", target))
        return found

    def count_data(self) -> Counter[int]:
        counts = Counter[int]()
        for old, new, live in self.differing:
            if live:
                for side, chunk, sign in ((self.old, old, -1), (self.new, new, 1)):
                    for type_, target in side.of(chunk):
                        if type_ in ADDRESSES:
                            counts[target] += sign
        return counts
