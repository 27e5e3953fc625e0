"""The end of resolution: settle the meaning of every name once all files have joined the link."""

from __future__ import annotations

from ..binary.constants import SymbolKind
from ..diagnostics import Diagnostics
from ..options import LinkOptions
from . import describe
from .resolution import Resolution
from .symbol_names import encode_name
from .symbols import DEFINED, Symbol
from .synthetic_symbols import UNREACHABLE_BODY, define_layout_symbols
from .thread_context import check_context


def seal(resolution: Resolution, options: LinkOptions, diagnostics: Diagnostics) -> None:
    """Finalize the symbol table: define linker-provided symbols, resolve signature variants, apply ``--wrap``, stub
    weak undefined functions. No file is added after this."""
    table = resolution.table
    if not options.relocatable:
        define_layout_symbols(resolution, options)
    _replace_disagreeing_functions(resolution, diagnostics)
    if options.threads_share_instance:
        check_context(resolution, diagnostics)
    table.wrap(resolution.objects)
    for name in (*options.exports, *options.exports_if_defined):
        symbol = table.find(encode_name(name))
        if symbol is not None and symbol.is_defined:
            symbol.force_export = True
    if not options.relocatable and not options.is_pic:
        _stub_weak_undefined_functions(resolution)
    table.demote_lazy_symbols()
    if resolution.entry is not None:
        resolution.entry.set_hidden(False)


def _replace_disagreeing_functions(resolution: Resolution, diagnostics: Diagnostics) -> None:
    """Make calls trap whose signature is not that of the definition."""
    calls = resolution.table.describe_calls
    for name, variants in resolution.table.disagreeing_functions():
        defined = next((v for v in variants if v.state == DEFINED), None)
        if defined is None:
            callers = [caller for variant in variants for caller in variant.referrers or ()]
            diagnostics.error(_mismatch(variants[0], variants[1]), calls(callers))
            return
        for variant in variants:
            if variant is not defined:
                diagnostics.warn(_mismatch(variant, defined), calls(variant.referrers))
                _become_trap(resolution, variant, b"signature_mismatch:" + resolution.table.names.name(name))


def _mismatch(one: Symbol, other: Symbol) -> str:
    assert one.signature is not None and other.signature is not None
    return (
        f"function signature mismatch: {one.raw_text}\n"
        f">>> defined as {describe.signature(one.signature)} in {one.file_name}\n"
        f">>> defined as {describe.signature(other.signature)} in {other.file_name}"
    )


def _stub_weak_undefined_functions(resolution: Resolution) -> None:
    for symbol in resolution.symbols.values():
        if symbol.is_undefined_weak and symbol.used and symbol.signature is not None and symbol.kind != SymbolKind.TAG:
            _become_trap(resolution, symbol, b"undefined_weak:" + resolution.table.names.name(symbol.name))
            symbol.set_hidden(True)


def _become_trap(resolution: Resolution, symbol: Symbol, debug_name: bytes) -> None:
    """Turn a symbol into a function that traps when it is called, and whose address is null."""
    assert symbol.signature is not None
    synthetic = resolution.synthetic
    symbol.become_trap(synthetic, synthetic.add_function(symbol.name, symbol.signature, debug_name))
    synthetic.bodies[symbol.index] = UNREACHABLE_BODY
    if symbol.traced:
        shown = debug_name.decode("utf-8", "backslashreplace")
        resolution.table.diagnostics.message(f"{symbol.file_name}: definition of {shown}")
