"""What the live parts of a changed object refer to, compared with those of its last version."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence

from ..binary.constants import RELOCATION_NAMES, SymbolFlag, SymbolKind
from ..binary.constants import RelocationType as R
from ..binary.relocations import Relocations
from ..inputs.object_file import ObjectFile
from ..linking.chunks import ObjectInput
from ..linking.mark_live import TABLE_RELOCATIONS
from ..linking.symbols import DEFINED, Symbol
from .matching import ADDED, Match, Unusable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_UNDEFINED_FLAG: Final = SymbolFlag.UNDEFINED
_TYPE_INDEX: Final = R.TYPE_INDEX_LEB
_CALL: Final = R.FUNCTION_INDEX_LEB
_PLAIN: Final = frozenset(
    type_
    for type_, name in RELOCATION_NAMES.items()
    if name.startswith(("FUNCTION_INDEX", "MEMORY_ADDR")) and "TLS" not in name
)
"""References that ask for nothing but that their target is in the output."""
_COUNTED: Final = frozenset(type_ for type_, name in RELOCATION_NAMES.items() if name.startswith("MEMORY_ADDR"))


def check_references(match: Match, file: ObjectInput) -> Counter[int]:
    """Whether what is live refers to the same, and to nothing more than is in the output. By symbol of the old version,
    how many more references to data there are.

    :raises Unusable: it does not, or it is not certain.
    """
    before, after = match.before, match.after
    calls = set(_references(before, before.relocations(before.code_section)))
    new_calls = set(_references(after, file.relocations(after.code_section), match.symbols))
    for type_, target in calls ^ new_calls:
        if type_ == _CALL and target != ADDED:
            assert isinstance(target, int)
            if before.symbols[target][1] & _UNDEFINED_FLAG:
                # Whether a function is called decides what a wrong signature means.
                raise Unusable("what is called directly changed")
    old_live = [bool(live) for live in _live_before(match, file)]
    old_chunks = list(_chunks(before, old_live, None))
    new_live = [*map(bool, bytes(file.function_live)), *(segment.live for segment in file.segments)]
    new_chunks = list(_chunks(after, new_live, match.symbols))
    known = {pair for chunk in old_chunks for pair in chunk}
    by_old = {old: file.symbols[index] for index, old in enumerate(match.symbols) if old != ADDED}
    for one, other in zip(old_chunks, new_chunks):
        if one == other:
            continue
        had, has = set(one), set(other)
        if {i for t, i in had if t != _TYPE_INDEX} - {i for t, i in has if t != _TYPE_INDEX}:
            raise Unusable("a reference is gone")
        if any(isinstance(target, int) and target != ADDED and by_old[target].is_stub for _, target in had ^ has):
            # Whether its body is in the output depends on how it is referred to.
            raise Unusable("a reference to a stub changed")
        for type_, target in has - had:
            if target == ADDED:
                raise Unusable("something new is referred to")
            symbol = by_old[target] if isinstance(target, int) else None
            if (type_, target) in known and (symbol is None or not symbol.is_stub):
                continue
            if symbol is None or type_ not in _PLAIN or symbol.state != DEFINED or not symbol.is_live or symbol.is_stub:
                raise Unusable("a reference is new")
    if _first_uses(old_chunks, by_old) != _first_uses(new_chunks, by_old):
        raise Unusable("the order of first references changed")
    counts = Counter[int]()
    for chunks, sign in ((old_chunks, -1), (new_chunks, 1)):
        for chunk in chunks:
            for type_, target in chunk:
                if type_ in _COUNTED and isinstance(target, int):
                    counts[target] += sign
    return counts


_Reference = tuple[int, "int | bytes"]
"""A relocation's type, and what it names: a symbol of the old version, or :data:`ADDED`; a type's signature."""


def _references(obj: ObjectFile, relocs: Relocations, matches: Sequence[int] | None = None) -> list[_Reference]:
    indices = (
        relocs.indices
        if matches is None
        else [-1 if type_ == _TYPE_INDEX else matches[index] for type_, index in zip(relocs.types, relocs.indices)]
    )
    if _TYPE_INDEX not in relocs.types:
        return list(zip(relocs.types, indices))
    types = obj.types
    return [
        (type_, types[index] if type_ == _TYPE_INDEX else target)
        for type_, index, target in zip(relocs.types, relocs.indices, indices)
    ]


def _live_before(match: Match, file: ObjectInput) -> Iterator[int]:
    """The marks of the old version's functions, then of its segments."""
    functions, segments = [0] * len(match.before.functions), [0] * len(match.before.segments)
    for index, old in enumerate(match.functions):
        if old != ADDED:
            functions[old] = file.function_live[index]
    for segment, old in zip(file.segments, match.segments):
        if old != ADDED:
            segments[old] = segment.live
    yield from functions
    yield from segments


def _chunks(obj: ObjectFile, live: Sequence[bool], matches: Sequence[int] | None) -> Iterator[list[_Reference]]:
    """The references of each live function, then of each live segment."""
    relocs = obj.relocations(obj.code_section)
    found = _references(obj, relocs, matches)
    bounds = [bisect_left(relocs.offsets, start) for start in obj.function_offsets]
    functions = len(obj.functions)
    for function in range(functions):
        if live[function]:
            yield found[bounds[function] : bounds[function + 1]]
    relocs = obj.relocations(obj.data_section)
    found = _references(obj, relocs, matches)
    for is_live, segment in zip(live[functions:], obj.segments):
        if is_live:
            first = bisect_left(relocs.offsets, segment.offset)
            yield found[first : bisect_left(relocs.offsets, segment.offset + segment.size, first)]


def _first_uses(chunks: list[list[_Reference]], symbols: dict[int, Symbol]) -> list[tuple[str, int | bytes]]:
    """What takes places in the order in which it is first seen: types, stubs, table entries, entries of the global
    offset table."""
    found: dict[tuple[str, int | bytes], None] = {}
    for chunk in chunks:
        for type_, target in chunk:
            if isinstance(target, bytes):
                found["type", target] = None
                continue
            if symbols[target].stub is not None:
                # It is made where the function is first seen, and from there on the function takes no table entry.
                found["stub" if type_ not in TABLE_RELOCATIONS else "stub by address", target] = None
            if type_ in TABLE_RELOCATIONS:
                found["table", target] = None
            elif type_ in (R.GLOBAL_INDEX_LEB, R.GLOBAL_INDEX_I32) and symbols[target].kind != SymbolKind.GLOBAL:
                found["got", target] = None
    return list(found)
