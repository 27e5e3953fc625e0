"""The code of a synthetic function that grows with the input, divided among functions that it calls.

Engines limit the size of a function: 7,654,321 bytes is common.
"""

from __future__ import annotations

from itertools import islice

from ..binary.constants import Opcode
from .command_wrappers import call
from .resolution import Resolution
from .symbols import Symbol
from .synthetic_symbols import NO_SIGNATURE, add_synthetic_function

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Final

MOST_UNDIVIDED: Final = 1 << 16
"""The largest number of pieces in one function, as wasm-ld writes it. Each takes less than 64 bytes."""
_MOST_IN_PART: Final = 1 << 15


def add_live_function(resolution: Resolution, name: bytes, signature: bytes) -> Symbol:
    """Create a synthetic function that is in the output."""
    symbol = add_synthetic_function(resolution, name, signature)
    resolution.synthetic.function_live[symbol.index] = True
    return symbol


class DividedCode:
    """The functions that execute a known number of pieces of code, in order."""

    def __init__(self, resolution: Resolution, name: bytes, pieces: int) -> None:
        self._resolution = resolution
        self._parts = [
            add_live_function(resolution, name + b".%d" % part, NO_SIGNATURE)
            for part in range((pieces + _MOST_IN_PART - 1) // _MOST_IN_PART)
        ]

    def write(self, pieces: Iterable[bytes]) -> bytes:
        """Write the bodies, once every index is final; return the code that calls all of them."""
        remaining = iter(pieces)
        code = b""
        for part in self._parts:
            body = b"\0" + b"".join(islice(remaining, _MOST_IN_PART)) + bytes((Opcode.END,))
            self._resolution.synthetic.bodies[part.index] = body
            code += call(part.function_number)
        return code
