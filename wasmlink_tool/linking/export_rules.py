"""Decide which symbols the output exports."""

from __future__ import annotations

from ..binary.constants import SymbolFlag
from ..options import LinkOptions
from .resolution import Resolution
from .symbols import DEFINED, Symbol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Final

_EXPORTED: Final = SymbolFlag.EXPORTED


def is_exported(symbol: Symbol, options: LinkOptions) -> bool:
    """Return whether the output exports a symbol, provided that it is live."""
    if symbol.state != DEFINED or symbol.is_local:
        return False
    if options.shared and symbol.is_weak and not symbol.is_hidden and symbol.is_live:
        # It may be the definition that the dynamic linker chooses.
        return True
    if options.export_all or (options.export_dynamic and not symbol.is_hidden):
        return True
    return symbol.is_explicitly_exported


def exported_symbols(resolution: Resolution, options: LinkOptions) -> list[Symbol]:
    """Return the symbols that the output exports, provided that they are live, in symbol order."""
    symbols: Iterable[Symbol] = resolution.symbols.values()
    if not options.shared and not options.export_all and not options.export_dynamic:
        # Few of many, so a comprehension selects them.
        symbols = [symbol for symbol in symbols if symbol.force_export or symbol.flags & _EXPORTED]
    return [symbol for symbol in symbols if is_exported(symbol, options)]


def is_exported_by_option(options: LinkOptions, name: bytes) -> bool:
    """Return whether an option exports a symbol that may not exist yet."""
    text = name.decode("utf-8", "surrogateescape")
    return options.export_all or text in options.exports or text in options.exports_if_defined
