"""Bitcode in the link, until code is generated from it."""

from __future__ import annotations

from ..inputs.input_files import ObjectSource
from .chunks import LinkedFile


class BitcodeInput(LinkedFile):
    """A bitcode file in the link. Its definitions have no location until code is generated."""

    __slots__ = ("bitcode",)

    def __init__(self, source: ObjectSource, *, gc_sections: bool) -> None:
        super().__init__("", gc_sections=gc_sections)
        self.source = source
        self.bitcode = source.parse_bitcode()
        # Every query about the liveness of a function gets the same answer before code is generated.
        self.function_live = bytearray(b"\0" if gc_sections else b"\1")
        self.function_discarded = bytearray(1)
