"""The finished plan of a module: all that the passes decided, for the sections to be written from."""

from __future__ import annotations

from ..records import record
from .chunks import OutputSegment
from .exports import Export
from .index_spaces import IndexSpaces
from .memory import Memory
from .resolve import Resolution
from .scan import Scan
from .startup import StartFunctions
from .symbols import Symbol
from .synthetic import InitFunction


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
