"""The relocations of code and data in a finished link, each at the position of its field in the module.

They are columns in the order of the input. The type of a relocation whose field is not in the module is
:data:`NO_FIELD`, and its position unspecified.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable

from ..binary.relocations import NO_RELOCATIONS, Relocations
from ..linking.chunks import ObjectInput
from ..linking.live_relocations import live_function_runs
from ..linking.output_segments import OutputSegment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

NO_FIELD: Final = 0xFF


def placed_code(file: ObjectInput, start: int) -> Relocations:
    """Return the relocations of an object's live functions.

    :param start: the position of the code section's contents in the module.
    """
    obj = file.object
    section = obj.code_section
    if section < 0 or 1 not in file.function_live:
        return NO_RELOCATIONS
    ranges, starts, offsets = obj.relocation_ranges(section), obj.function_offsets, file.function_offsets
    runs = [
        (ranges[first], ranges[after], start + offsets[first] - starts[first])
        for first, after in live_function_runs(file)
    ]
    return _placed(file, section, runs)


def placed_data(file: ObjectInput, data_position: Callable[[OutputSegment, int, int], int]) -> tuple[Relocations, bool]:
    """Return the relocations of an object's live segments, merged strings excepted, and whether all of their fields are
    in the module.

    :param data_position: returns where in the module a piece of an output segment is, given its offset and size; -1 if
        it is not there.
    """
    obj = file.object
    section = obj.data_section
    if section < 0 or not file.relocations(section).types:
        return NO_RELOCATIONS, True
    ranges = obj.relocation_ranges(section)
    runs: list[tuple[int, int, int]] = []
    is_complete = True
    for segment, info in zip(file.segments, obj.segments):
        first, after = ranges[segment.index : segment.index + 2]
        if first != after and segment.live and segment.pieces is None:
            output = segment.output
            at = -1 if output is None else data_position(output, segment.offset, segment.size)
            if at >= 0:
                runs.append((first, after, at - info.offset))
            else:
                is_complete = False
    return _placed(file, section, runs), is_complete


def _placed(file: ObjectInput, section: int, runs: list[tuple[int, int, int]]) -> Relocations:
    """
    :param runs: ascending ranges of relocations, each with the distance from offsets in the input to positions.
    """
    relocs = file.relocations(section)
    offsets = relocs.offsets if isinstance(relocs.offsets, array) else array("I", relocs.offsets)
    types: list[bytes] = []
    positions: array[int] = array("I")
    end = 0
    for first, after, distance in runs:
        if first != end:
            types.append(_NO_FIELDS(first - end))
            positions += offsets[end:first]
        types.append(relocs.types[first:after])
        positions += _moved(offsets[first:after], distance)
        end = after
    if end != len(offsets):
        types.append(_NO_FIELDS(len(offsets) - end))
        positions += offsets[end:]
    # As lists, which hold the numbers ready-made: most are selected from several times.
    return Relocations(b"".join(types), positions.tolist(), list(relocs.indices), relocs.addends)


_NO_FIELDS: Final = bytes((NO_FIELD,)).__mul__


def _moved(numbers: array[int], distance: int) -> array[int]:
    """Return numbers of 32 bits moved by a distance: all at once, as lanes of one long integer, where a loop would take
    twenty times as long. None of them leaves its lane."""
    count = len(numbers)
    lanes = int.from_bytes(numbers.tobytes(), sys.byteorder)
    distances = int.from_bytes(abs(distance).to_bytes(4, sys.byteorder) * count, sys.byteorder)
    moved: array[int] = array("I")
    moved.frombytes((lanes + distances if distance >= 0 else lanes - distances).to_bytes(4 * count, sys.byteorder))
    return moved
