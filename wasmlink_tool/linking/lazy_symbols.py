"""The symbols of a file that has little but symbols: local ones are made when something asks for them.

A symbol takes as little as three bytes of an object, and 280 as an object of Python. In an ordinary file a symbol
comes with the code or data that it names, and nearly all are asked for: its symbols are in a list. A file that holds
more symbols than it could use would take a hundred times its size.
"""

from __future__ import annotations

from ..inputs.object_file import ObjectFile
from ..inputs.symbol_columns import SymbolColumns, SymbolInfo
from .symbols import Symbol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Final

_BYTES: Final = 20
"""A file of fewer bytes a symbol has lazy ones. A symbol in the middle of a large file of C takes about 100, with what
it names."""


def is_dense(obj: ObjectFile) -> bool:
    """Return whether a file holds little but symbols."""
    return _BYTES * len(obj.symbols) > obj.end - obj.start


class LazySymbols:
    """A sequence of symbols, filled as a list is; for a local symbol, ``None`` is appended.

    Iteration makes each missing symbol for the moment: what it yields must not be changed, or told from others by
    identity. A symbol that was asked for by its index stays.
    """

    __slots__ = ("_columns", "_make", "_symbols")

    def __init__(self, columns: SymbolColumns, make: Callable[[SymbolInfo], Symbol]) -> None:
        """:param make: returns the symbol of a local definition."""
        self._columns = columns
        self._make = make
        self._symbols: list[Symbol | None] = []

    def append(self, symbol: Symbol | None) -> None:
        self._symbols.append(symbol)

    def __len__(self) -> int:
        return len(self._symbols)

    def __getitem__(self, index: int) -> Symbol:
        symbol = self._symbols[index]
        if symbol is None:
            symbol = self._symbols[index] = self._make(self._columns[index])
        return symbol

    def __iter__(self) -> Iterator[Symbol]:
        for index, symbol in enumerate(self._symbols):
            yield self._make(self._columns[index]) if symbol is None else symbol
