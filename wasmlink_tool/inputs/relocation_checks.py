"""Check decoded relocations against their object: it may be damaged, and no pass checks again."""

from __future__ import annotations

from bisect import bisect_left

from ..binary import relocations
from ..binary.constants import SectionId, SymbolKind
from ..binary.reader import FormatError
from ..binary.relocation_types import FROM_PLACE, RELOCATION_NAMES, TARGETS, WIDTH, type_name
from ..binary.relocation_types import RelocationType as R
from ..binary.relocations import Relocations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from .object_file import ObjectFile
    from .section_columns import Section

_TYPE_INDEX: Final = R.TYPE_INDEX_LEB
_TABLE: Final = SymbolKind.TABLE


def check_relocations(obj: ObjectFile, relocs: Relocations, number: int) -> None:
    """Check that every index has the right kind of target, and every patched byte is in section ``number``."""
    section = obj.sections[number]
    size = section.end - section.start
    if not _all_targets_fit(obj, relocs):
        for type_, index in zip(relocs.types, relocs.indices):
            check_target(obj, type_, index, section)
    widest = max(map(WIDTH.__getitem__, relocations.present_types(relocs.types)), default=0)
    last = len(relocs.offsets)
    while last and relocs.offsets[last - 1] + widest > size:
        last -= 1
        if relocs.offsets[last] + WIDTH[relocs.types[last]] > size:
            raise FormatError(f"invalid relocation offset: {relocs.offsets[last]} in section {section}")
    if section.id == SectionId.CODE:
        _check_chunk_bounds(obj, relocs, number, obj.function_offsets[1:].tolist(), widest)
    elif section.id == SectionId.DATA:
        _check_chunk_bounds(obj, relocs, number, obj.segments.ends(), widest)


def _all_targets_fit(obj: ObjectFile, relocs: Relocations) -> bool:
    """Return whether every index is a type or a symbol of the right kind. If not, each must be checked."""
    types = relocs.types
    kinds = bytes(obj.symbols.kinds)
    (named_types,) = relocations.of_type(types, _TYPE_INDEX, relocs.indices)
    if named_types:
        if max(named_types) >= len(obj.types):
            return False
        # So that every index of a type is in range.
        kinds = kinds.ljust(len(obj.types), _NO_KIND)
    try:
        named = relocations.picked(kinds, relocs.indices)
        if named_types:
            # What is picked for a type has no meaning.
            marked = bytearray(named)
            place = types.find(_TYPE_INDEX)
            while place >= 0:
                marked[place] = _USUAL_KIND[_TYPE_INDEX]
                place = types.find(_TYPE_INDEX, place + 1)
            named = bytes(marked)
        # All but relocations against entries of the global offset table name symbols of one kind.
        return named == types.translate(_USUAL_KIND) or all(
            _MAY_NAME[type_][kind] for type_, kind in set(zip(types, named)) if type_ != _TYPE_INDEX
        )
    except IndexError:
        return False


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


_NO_KIND: Final = b"\xfe"
_MAY_NAME: Final[tuple[list[bool], ...]] = tuple(
    [[kind in TARGETS[type_] and type_ not in FROM_PLACE for kind in range(_TABLE + 1)] for type_ in RELOCATION_NAMES]
)
"""For each type and kind, whether only the kind must be checked."""
_USUAL_KIND: Final = bytes(
    [max([kind for kind, may in enumerate(row) if may], default=255) for row in _MAY_NAME]
).ljust(256)
"""A translation table from type to the kind that it may name; of several kinds, the most frequent."""
