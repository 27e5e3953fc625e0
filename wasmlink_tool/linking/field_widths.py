"""Check that every relocated field can hold its value.

Addresses in wasm32 are 32 bits wide, like the fields that hold them. Objects for wasm64 have 32-bit fields as well,
which suffice for targets below 2 GiB, as nearly all are.
"""

from __future__ import annotations

from ..binary.relocation_types import ADDRESSES, TABLE_INDICES, WIDTH, type_name
from ..diagnostics import Diagnostics
from .chunks import ObjectInput
from .live_relocations import live_relocations
from .plan import Plan
from .relocate import Relocator
from .relocation_values import Bases

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_ENOUGH: Final = 1 << 31
"""Every 32-bit field, signed ones included, holds smaller values."""
_NARROW: Final = frozenset([type_ for type_ in ADDRESSES | TABLE_INDICES if WIDTH[type_] <= 5])


def check_field_widths(plan: Plan, bases: Bases, diagnostics: Diagnostics) -> None:
    """Report relocations of wasm64 objects whose value does not fit in their field."""
    if not plan.resolution.target.is_64:
        return
    highest = max((segment.address + segment.size for segment in plan.segments), default=0)
    if highest <= _ENOUGH and bases.table + len(plan.scan.table_entries) <= _ENOUGH:
        return
    relocator = Relocator(bases)
    for file in plan.resolution.objects:
        reported: set[tuple[int, int]] = set()
        for relocs, start, stop in live_relocations(file):
            for i in range(start, stop):
                target = relocs.types[i], relocs.indices[i]
                if target[0] not in _NARROW or target in reported:
                    continue
                value = relocator.value(file, *target, relocs.addends[i], relocs.offsets[i])
                if not -_ENOUGH <= value < 2 * _ENOUGH:
                    reported.add(target)
                    _report(file, *target, value, diagnostics)


def _report(file: ObjectInput, type_: int, index: int, value: int, diagnostics: Diagnostics) -> None:
    symbol = file.symbols[index]
    diagnostics.error(
        f"{file.name}: relocation {type_name(type_)} out of range: {value} does not fit in 32 bits; "
        f"references `{symbol}`",
        (f"defined in {symbol.file_name}",),
    )
