"""Exports: the memory, then every exported symbol that is live, in symbol order."""

from __future__ import annotations

from ..binary.constants import ExternalKind, SymbolKind
from ..diagnostics import Diagnostics
from ..inputs.object_file import GlobalType
from ..options import LinkOptions, UnresolvedPolicy
from .export_rules import exported_symbols
from .resolution import Resolution
from .symbol_names import encode_name
from .symbols import UNDEFINED, Symbol
from .synthetic_file import SyntheticFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container

    from .explain.spelling import Spelling


class Export:
    """An entry of the export section. ``kind`` is an :class:`ExternalKind`."""

    __slots__ = ("index", "kind", "name", "symbol")

    def __init__(self, name: bytes, kind: int, index: int, symbol: Symbol | None) -> None:
        self.name = name
        self.kind = kind
        self.index = index
        self.symbol = symbol


def calculate_exports(
    resolution: Resolution, options: LinkOptions, features: Container[str], first_address_global: int
) -> tuple[list[Export], list[Symbol]]:
    """Return the export section, and the data symbols whose addresses are exported: each gets its own immutable global,
    from index ``first_address_global`` on."""
    exports: list[Export] = []
    addresses: list[Symbol] = []
    if options.relocatable:
        return _export_names(resolution), addresses
    memory = options.export_memory
    if memory is None and options.import_memory is None:
        memory = "memory"
    if memory is not None:
        exports.append(Export(encode_name(memory), ExternalKind.MEMORY, 0, None))
    for symbol in exported_symbols(resolution, options):
        if not symbol.is_live:
            continue
        name, kind, index = symbol.name, symbol.kind, 0
        external = ExternalKind.GLOBAL
        if kind == SymbolKind.FUNCTION:
            name = symbol.export_name
            external, index = ExternalKind.FUNCTION, symbol.own_function_number
        elif kind == SymbolKind.GLOBAL:
            assert isinstance(symbol.element_type, GlobalType)
            own = isinstance(symbol.file, SyntheticFile)
            asked_for = symbol.is_explicitly_exported or "mutable-globals" in features
            if symbol.element_type.mutable and own and not asked_for:
                # --export-all excludes the stack pointer: exporting it would need mutable globals.
                continue
            index = symbol.global_number
        elif kind == SymbolKind.TAG:
            external, index = ExternalKind.TAG, symbol.tag_number
        elif kind == SymbolKind.TABLE:
            external, index = ExternalKind.TABLE, symbol.table_number
        else:
            index = first_address_global + len(addresses)
            addresses.append(symbol)
        exports.append(Export(name, external, index, symbol))
    return exports, addresses


def _export_names(resolution: Resolution) -> list[Export]:
    """Return the additional names under which functions ask to be exported, for the next link. wasm-ld drops them."""
    return [
        Export(name, ExternalKind.FUNCTION, file.function_numbers[index], None)
        for file in resolution.objects
        for index, name in file.export_names.items()
        if file.function_live[index] and name != file.function_names[index]
    ]


def force_exports(resolution: Resolution, options: LinkOptions, diagnostics: Diagnostics) -> None:
    """Mark symbols named by ``--export`` and ``--export-if-defined``, linker-defined ones included, as exported; report
    missing ``--export`` symbols."""
    for text in (*options.exports, *options.exports_if_defined):
        symbol = resolution.table.find(encode_name(text))
        if symbol is not None and symbol.is_defined:
            symbol.force_export = True
    policy = options.unresolved_symbols
    # A shared library imports undefined symbols, but a name that nothing defines cannot be exported.
    is_error = policy is UnresolvedPolicy.REPORT_ERROR or (options.shared and policy is UnresolvedPolicy.IMPORT_DYNAMIC)
    if not is_error and policy is not UnresolvedPolicy.WARN:
        return
    spelling: Spelling | None = None
    for text in options.exports:
        name = encode_name(text)
        symbol = resolution.table.find(name)
        if symbol is None or not symbol.is_defined:
            if spelling is None:
                from .explain.spelling import Spelling

                spelling = Spelling(resolution.symbols)
            missing = f"symbol exported via --export not found: {text}"
            hints = tuple(spelling.hints(Symbol(name, SymbolKind.FUNCTION, UNDEFINED, 0, None)))
            (diagnostics.error if is_error else diagnostics.warn)(missing, hints)
