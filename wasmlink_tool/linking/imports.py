"""Imports: the symbols that are imported, and the index of each (imports come first in every index space)."""

from __future__ import annotations

from ..binary.constants import ExternalKind, SymbolKind
from ..inputs.object_file import GlobalType, TableType
from ..options import LinkOptions, UnresolvedPolicy
from .chunks import NO_NUMBER
from .resolution import Resolution
from .symbol_table import DEFAULT_MODULE, INDIRECT_FUNCTION_TABLE
from .symbols import DEFINED, SHARED, UNDEFINED, Symbol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Final

_EXTERNAL_KINDS: Final = {
    SymbolKind.FUNCTION: ExternalKind.FUNCTION,
    SymbolKind.GLOBAL: ExternalKind.GLOBAL,
    SymbolKind.TABLE: ExternalKind.TABLE,
    SymbolKind.TAG: ExternalKind.TAG,
}


class ImportedSymbol:
    """An entry of the import section. ``kind`` is an :class:`ExternalKind`, ``symbol`` the first of those that share
    the import."""

    __slots__ = ("kind", "module", "name", "symbol")

    def __init__(self, symbol: Symbol) -> None:
        self.symbol = symbol
        self.kind = _EXTERNAL_KINDS[symbol.kind]
        self.module, self.name = import_names(symbol)


def import_names(symbol: Symbol) -> tuple[bytes, bytes]:
    """Return the module and the name of a symbol's import. Empty names are valid."""
    module, name = symbol.import_module, symbol.import_name
    return DEFAULT_MODULE if module is None else module, symbol.name if name is None else name


class Imports:
    """The import section's symbols, in order; ``counts`` are their numbers by :class:`ExternalKind`."""

    def __init__(self, symbols: Iterable[Symbol] = ()) -> None:
        self.symbols: list[Symbol] = []
        """The first symbol of each import."""
        self.got: list[Symbol] = []
        """Symbols whose addresses are imported, after all others."""
        self.counts = dict.fromkeys((*_EXTERNAL_KINDS.values(), ExternalKind.MEMORY), 0)
        self._numbers: dict[tuple[int, bytes, bytes, bytes | GlobalType | TableType | None], int] = {}
        self._shared_names = {INDIRECT_FUNCTION_TABLE}
        """The names that several symbols may be imported under."""
        symbols = list(symbols)
        if any(symbol.import_name is not None for symbol in symbols):
            names: set[bytes] = set()
            for symbol in symbols:
                _, name = import_names(symbol)
                (self._shared_names if name in names else names).add(name)
        for symbol in symbols:
            self.add(symbol)

    @property
    def entries(self) -> Iterator[ImportedSymbol]:
        return map(ImportedSymbol, self.symbols)

    def add(self, symbol: Symbol) -> None:
        """Import a symbol, once for all symbols of equal module, name and type."""
        module, name = import_names(symbol)
        kind = _EXTERNAL_KINDS[symbol.kind]
        if name not in self._shared_names:
            self._append(symbol, kind)
            return
        type_ = symbol.signature if kind in (ExternalKind.FUNCTION, ExternalKind.TAG) else symbol.element_type
        key = (kind, module, name, type_)
        number = self._numbers.get(key)
        if number is None:
            self._append(symbol, kind)
            self._numbers[key] = symbol.number
        else:
            symbol.number = number

    def _append(self, symbol: Symbol, kind: int) -> None:
        symbol.number = self.counts[kind]
        self.counts[kind] += 1
        self.symbols.append(symbol)

    def add_got(self, symbol: Symbol) -> None:
        """Import the global that holds a symbol's address."""
        if symbol.got_number == NO_NUMBER:
            symbol.got_number = self.counts[ExternalKind.GLOBAL]
            self.counts[ExternalKind.GLOBAL] += 1
            symbol.got_is_imported = True
            self.got.append(symbol)


def may_be_undefined(symbol: Symbol, resolution: Resolution, options: LinkOptions) -> bool:
    """Return whether a symbol may be undefined whatever the policy, because its import was requested."""
    if symbol.is_imported:
        return True
    if symbol.kind == SymbolKind.FUNCTION and options.import_undefined:
        return True
    return symbol.name in resolution.allowed_undefined


def _is_imported(symbol: Symbol, resolution: Resolution, options: LinkOptions, constructors: set[Symbol]) -> bool:
    if symbol.kind == SymbolKind.DATA or not symbol.used or not symbol.is_live:
        return False
    if options.shared and symbol.state == DEFINED and symbol.is_weak and not symbol.is_hidden:
        # Another module's definition may replace it.
        return True
    if symbol.state == SHARED:
        return True
    if symbol.state != UNDEFINED:
        return False
    if options.relocatable:
        return True
    if options.is_pic:
        # Addresses of functions come from the global offset table.
        return (
            symbol.kind != SymbolKind.FUNCTION or resolution.table.is_called_directly(symbol) or symbol in constructors
        )
    if symbol.is_weak:
        return False
    return (
        options.unresolved_symbols is UnresolvedPolicy.IMPORT_DYNAMIC
        or options.import_undefined
        or symbol.is_imported
        or symbol.name in resolution.allowed_undefined
    )


def _undefined_constructors(resolution: Resolution) -> set[Symbol]:
    """Return the undefined functions that synthetic code calls: constructors replaced by ``--wrap``."""
    called = (file.symbols[init.symbol] for file in resolution.objects for init in file.object.init_functions)
    return {symbol for symbol in called if symbol.state == UNDEFINED}


def import_late_table(imports: Imports, resolution: Resolution) -> None:
    """Import the indirect function table after all other imports: only the scan found that it has an entry."""
    table = resolution.indirect_function_table
    if table is not None and table.state == UNDEFINED and table.number == NO_NUMBER:
        table.referenced = True
        imports.add(table)


def calculate_imports(resolution: Resolution, options: LinkOptions) -> Imports:
    """Import the live undefined symbols that may be imported; the indirect function table before any other table, since
    some objects know it as number 0."""
    constructors = _undefined_constructors(resolution) if options.is_pic else set()
    table = resolution.indirect_function_table
    imported = [table] if table is not None and _is_imported(table, resolution, options, constructors) else []
    for symbol in resolution.symbols.values():
        if symbol.state == DEFINED and not options.shared:
            # The case of nearly all symbols.
            continue
        if symbol is not table and _is_imported(symbol, resolution, options, constructors):
            imported.append(symbol)
    return Imports(imported)
