"""The finished plan of a module: all that the passes decided, for the sections to be written from."""

from __future__ import annotations

from ..records import record
from .chunks import OutputSegment
from .command_wrappers import InitFunction
from .exports import Export
from .index_spaces import IndexSpaces
from .layout_memory import Memory
from .resolution import Resolution
from .scan_relocations import Scan
from .start_functions import StartFunctions
from .symbols import Symbol


@record(frozen=True)
class Plan:
    """Every index and every address is final."""

    resolution: Resolution
    scan: Scan
    spaces: IndexSpaces
    segments: list[OutputSegment]
    memory: Memory
    exports: list[Export]
    address_globals: list[Symbol]
    """Data symbols whose addresses are exported, each in a global of its own, the last of the index space."""
    start: StartFunctions
    features: set[str]
    init_functions: list[InitFunction]
