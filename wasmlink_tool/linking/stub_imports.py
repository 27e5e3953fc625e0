"""Apply stub libraries: import the functions that they declare, and export their dependencies, until nothing new is
linked.

An export may link an archive member, which may refer to more functions of stub libraries. In wasm-ld, all declarations
are visited again then, in rounds: for each library first the names, then the symbols whose import has such a name, in
the symbol table's order. The order decides which member is linked first, so the rounds are kept here, with the names in
the file's order (wasm-ld's is a hash table's). But only references of newly linked members are visited again.
"""

from __future__ import annotations

from heapq import heappop, heappush

from ..diagnostics import Diagnostics
from ..inputs.stub_library import StubLibrary
from .resolution import Resolution
from .symbols import LAZY, Symbol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Final

    Extract = Callable[[Symbol, str, Symbol], None]
    """A function that links the member that defines a symbol; the other arguments are the referring file and symbol."""

_PLACE_BITS: Final = 32
"""A library's number and a place in it are one number."""
_BY_NAME: Final = 0
_BY_IMPORT: Final = 1

_Visit = tuple[int, int, int, int, bytes]
"""A round; in it a library, by names or by imports, the position of the name there, and the name."""


def use_stub_libraries(
    extract: Extract, resolution: Resolution, stubs: list[StubLibrary], diagnostics: Diagnostics
) -> None:
    """Import the functions that stub libraries declare, and export their dependencies."""
    _Stubs(extract, resolution, stubs, diagnostics).run()


class _Stubs:
    def __init__(
        self, extract: Extract, resolution: Resolution, stubs: list[StubLibrary], diagnostics: Diagnostics
    ) -> None:
        self._extract = extract
        self._resolution = resolution
        self._table = resolution.table
        self._stubs = stubs
        self._diagnostics = diagnostics
        self._declared: dict[bytes, int] = {}
        """Each declared name's first library, and its place there: a line takes as little as two bytes."""
        self._declared_again: dict[bytes, list[int]] = {}
        """The other libraries that declare a name, and its place in each."""
        for number, stub in enumerate(stubs):
            for place, name in enumerate(stub.dependencies, number << _PLACE_BITS):
                if self._declared.setdefault(name, place) != place:
                    self._declared_again.setdefault(name, []).append(place)
        self._places: dict[bytes, int] = {}
        """The positions of names in the symbol table."""
        self._visits: list[_Visit] = []
        self._walk = (0, -1)
        """The current round, and the library whose imports are being visited."""
        self._walked = 0
        """The number of symbols in the table when that began."""

    def run(self) -> None:
        self._number_symbols()
        start = (0, -1, _BY_NAME, -1, b"")
        self._plan(self._table.symbols, start)
        while self._visits:
            visit = heappop(self._visits)
            round_, number, phase, _, name = visit
            if phase == _BY_IMPORT and self._walk != (round_, number):
                self._walk, self._walked = (round_, number), len(self._places)
            stub = self._stubs[number]
            symbol = self._table.find(name) if phase == _BY_NAME else self._table.symbols[name]
            if symbol is None or not symbol.is_undefined or symbol.force_import:
                # The first stub library that declares a function provides it.
                continue
            declared = name if phase == _BY_NAME else symbol.import_name
            needed = None if declared is None else stub.dependencies.get(declared)
            if needed is None:
                continue
            before = len(self._resolution.objects)
            self._use(stub, symbol, needed)
            joined = self._resolution.objects[before:]
            if joined:
                self._number_symbols()
                # Only references of the new objects are new.
                names = {symbol.name for file in joined for symbol in file.symbols}
                self._plan(names, visit)

    def _number_symbols(self) -> None:
        """Number the symbols that are new in the table."""
        new = []
        for name in reversed(self._table.symbols):
            if name in self._places:
                break
            new.append(name)
        for name in reversed(new):
            self._places[name] = len(self._places)

    def _declarations(self, name: bytes) -> list[tuple[int, int]]:
        """Return the libraries that declare a name, and its place in each."""
        first = self._declared.get(name)
        if first is None:
            return []
        places = (first, *self._declared_again.get(name, ()))
        return [(place >> _PLACE_BITS, place & (1 << _PLACE_BITS) - 1) for place in places]

    def _plan(self, names: Iterable[bytes], now: _Visit) -> None:
        """Plan visits to undefined symbols, each at the next turn of its library."""
        round_, current, phase, at, _ = now
        symbols = self._table.symbols
        for name in names:
            symbol = symbols.get(name)
            if symbol is None or not symbol.is_undefined or symbol.force_import:
                continue
            for number, place in self._declarations(name):
                is_ahead = (number, _BY_NAME, place) > (current, phase, at)
                heappush(self._visits, (round_ + (not is_ahead), number, _BY_NAME, place, name))
            if symbol.import_name is None:
                continue
            place = self._places[name]
            for number, _ in self._declarations(symbol.import_name):
                is_ahead = (number, _BY_IMPORT, place) > (current, phase, at)
                if (number, _BY_IMPORT) == (current, phase) and place >= self._walked:
                    # wasm-ld walks a copy of the table.
                    is_ahead = False
                heappush(self._visits, (round_ + (not is_ahead), number, _BY_IMPORT, place, name))

    def _use(self, stub: StubLibrary, symbol: Symbol, needed: list[bytes]) -> None:
        """Import a symbol, and export its dependencies."""
        symbol.force_import = True
        if symbol.traced:
            self._diagnostics.message(f"{stub.name}: importing {symbol.raw_text}")
        for name in needed:
            dependency = self._table.find(name)
            if dependency is None or dependency.is_undefined:
                shown = name.decode("utf-8", "backslashreplace")
                self._diagnostics.error(f"{stub.name}: undefined symbol: {shown}. Required by {symbol}")
                continue
            if dependency.traced:
                text = f"{stub.name}: exported {dependency} due to import of {symbol.raw_text}"
                self._diagnostics.message(text)
            dependency.force_export = True
            if dependency.state == LAZY:
                self._extract(dependency, stub.name, symbol)
