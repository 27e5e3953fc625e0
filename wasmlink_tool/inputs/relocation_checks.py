"""Check decoded relocations against their object: it may be damaged, and no pass checks again."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from itertools import compress

from ..binary import relocations
from ..binary.constants import SectionId, SymbolKind
from ..binary.reader import FormatError
from ..binary.relocation_types import FROM_PLACE, RELOCATION_NAMES, TARGETS, WIDTH, type_name
from ..binary.relocation_types import RelocationType as R
from ..binary.relocations import Relocations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from .object_file import ObjectFile, Section

_TYPE_INDEX: Final = R.TYPE_INDEX_LEB
_TABLE: Final = SymbolKind.TABLE


def check_relocations(obj: ObjectFile, relocs: Relocations, number: int) -> None:
    """Check that every index has the right kind of target, and every patched byte is in section ``number``."""
    section = obj.sections[number]
    size = section.end - section.start
    if not _all_targets_fit(obj, relocs):
        for type_, index in zip(relocs.types, relocs.indices):
            check_target(obj, type_, index, section)
    widest = max(map(WIDTH.__getitem__, set(relocs.types)), default=0)
    last = len(relocs.offsets)
    while last and relocs.offsets[last - 1] + widest > size:
        last -= 1
        if relocs.offsets[last] + WIDTH[relocs.types[last]] > size:
            raise FormatError(f"invalid relocation offset: {relocs.offsets[last]} in section {section}")
    if section.id == SectionId.CODE:
        _check_chunk_bounds(obj, relocs, number, obj.function_offsets[1:], widest)
    elif section.id == SectionId.DATA:
        _check_chunk_bounds(obj, relocs, number, [s.offset + s.size for s in obj.segments], widest)


def _all_targets_fit(obj: ObjectFile, relocs: Relocations) -> bool:
    """Return whether every index is a type or a symbol of the right kind. If not, each must be checked."""
    types, indices = relocs.types, relocs.indices
    if _TYPE_INDEX in types:
        if max(compress(indices, types.translate(_IS_TYPE_INDEX))) >= len(obj.types):
            return False
        indices = array("I", compress(indices, types.translate(_IS_NO_TYPE_INDEX)))
        types = types.replace(bytes((_TYPE_INDEX,)), b"")
    try:
        named = relocations.picked(bytes(obj.symbols.kinds), indices)
    except IndexError:
        return False
    # All but relocations against entries of the global offset table name symbols of one kind.
    return named == types.translate(_USUAL_KIND) or all(
        _MAY_NAME[type_][kind] for type_, kind in set(zip(types, named))
    )


def check_target(obj: ObjectFile, type_: int, index: int, section: Section) -> None:
    """Check that a relocation in ``section`` may refer to symbol (or type) ``index``.

    :raises FormatError: there is none, or it is of a kind that the relocation cannot name.
    """
    if type_ == _TYPE_INDEX:
        if index >= len(obj.types):
            raise FormatError(f"invalid relocation type index: {index}")
    elif type_ in FROM_PLACE and section.id != SectionId.DATA:
        raise FormatError(f"relocation {type_name(type_)} in section {section}, which has no address")
    elif index >= len(obj.symbols):
        raise FormatError(f"invalid relocation symbol index: {index}")
    elif obj.symbols.kinds[index] not in TARGETS[type_]:
        raise FormatError(
            f"relocation {type_name(type_)} in section {section} against a symbol of another kind: {index}"
        )


def _check_chunk_bounds(obj: ObjectFile, relocs: Relocations, section: int, ends: list[int], widest: int) -> None:
    """Check that relocations neither cross the border of functions or segments nor lie between them. ``widest`` is the
    maximum number of bytes that one of them patches."""
    offsets, types = relocs.offsets, relocs.types
    ranges = obj.find_ranges(section, relocs)
    outside = range(ranges[0])
    for first, after, end in zip(ranges, ranges[1:], ends):
        if first != after and offsets[after - 1] + widest > end:
            behind = bisect_left(offsets, end, first, after)
            for k in range(first, behind):
                if offsets[k] + WIDTH[types[k]] > end:
                    raise FormatError(f"relocation at offset {offsets[k]} extends past its function or segment")
            outside = outside or range(behind, after)
        if outside:
            break
    if outside:
        raise FormatError(f"relocation at offset {offsets[outside[0]]} is in no function or segment")


_IS_TYPE_INDEX: Final = bytes([type_ == _TYPE_INDEX for type_ in range(256)])
_IS_NO_TYPE_INDEX: Final = bytes([type_ != _TYPE_INDEX for type_ in range(256)])
_MAY_NAME: Final[tuple[list[bool], ...]] = tuple(
    [[kind in TARGETS[type_] and type_ not in FROM_PLACE for kind in range(_TABLE + 1)] for type_ in RELOCATION_NAMES]
)
"""For each type and kind, whether only the kind must be checked."""
_USUAL_KIND: Final = bytes(
    [max([kind for kind, may in enumerate(row) if may], default=255) for row in _MAY_NAME]
).ljust(256)
"""A translation table from type to the kind that it may name; of several kinds, the most frequent."""
