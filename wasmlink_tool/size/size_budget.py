"""Limits of a module's size: their spelling, and the measurement of a module."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from typing import Final

_UNITS: Final = {"": 1, "k": 1 << 10, "m": 1 << 20}
_LIMIT: Final = re.compile(r"(?:(gzip):)?(\d+)([km]?)", re.IGNORECASE)


class SizeLimit:
    """A number of bytes, of the file or after compression with gzip."""

    def __init__(self, text: str) -> None:
        """:raises ValueError: the limit is not of the form ``128k``, ``gzip:40k`` or a plain number."""
        match = _LIMIT.fullmatch(text.strip())
        if match is None or len(match[2]) > 18:
            raise ValueError(f"invalid size limit: {text!r}; use a number of bytes, with k or M, or gzip:<number>")
        self.compressed = match[1] is not None
        self.bytes = int(match[2]) * _UNITS[match[3].lower()]

    def measure(self, chunks: Sequence[bytes | bytearray | memoryview]) -> int:
        """Return the size that the limit applies to."""
        if not self.compressed:
            return sum(map(len, chunks))
        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        return sum(len(packer.compress(chunk)) for chunk in chunks) + len(packer.flush())
