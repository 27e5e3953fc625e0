"""Linker-defined symbols.

Functions and globals of every output are created before the first file joins the link, so that inputs refer to them and
cannot define them a second time. Symbols of the memory layout are created after the last file, if they are referenced
and no file defines them; the layout sets their addresses.
"""

from __future__ import annotations

from ..binary.constants import Opcode, SymbolFlag, SymbolKind, ValueType
from ..diagnostics import Diagnostics
from ..inputs.object_file import GlobalType, TableType
from ..options import LinkOptions
from .export_rules import is_exported_by_option
from .resolution import Resolution
from .symbol_table import DEFAULT_MODULE, INDIRECT_FUNCTION_TABLE
from .symbols import DEFINED, UNDEFINED, Symbol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

NO_SIGNATURE: Final = b"\0\0"
"""() -> ()."""
UNREACHABLE_BODY: Final = bytes((0, Opcode.UNREACHABLE, Opcode.END))
_HIDDEN: Final = SymbolFlag.VISIBILITY_HIDDEN
_FUNCREF: Final = bytes((ValueType.FUNCREF,))

LAYOUT_SYMBOLS: Final = (
    b"__dso_handle",
    b"__data_end",
    b"__stack_low",
    b"__stack_high",
    b"__global_base",
    b"__heap_base",
    b"__heap_end",
    b"__memory_base",
    b"__table_base",
    b"__wasm_first_page_end",
)
"""Data symbols that the linker defines if they are referenced, or named by ``--export``."""


PIC_LAYOUT_SYMBOLS: Final = (b"__dso_handle", b"__data_end", b"__wasm_first_page_end")
"""The same for position-independent executables; a shared library has no ``__data_end``."""


def define_linker_symbols(resolution: Resolution, options: LinkOptions) -> None:
    symbol = add_synthetic_function(resolution, b"__wasm_call_ctors", NO_SIGNATURE)
    resolution.call_ctors = symbol
    if options.relocatable:
        # The next link will call the constructors.
        resolution.synthetic.function_live[symbol.index] = False
        return
    resolution.table.add_own(symbol)
    if options.is_pic:
        resolution.stack_pointer = _import_global(resolution, b"__stack_pointer", mutable=True)
        resolution.memory_base = _import_global(resolution, b"__memory_base", mutable=False)
        resolution.table_base = _import_global(resolution, b"__table_base", mutable=False)
        resolution.memory_base.referenced = resolution.table_base.referenced = True
    elif options.threads_share_instance:
        resolution.stack_pointer = _add_global(resolution, b"__init_stack_pointer", mutable=False)
        resolution.synthetic.global_live[resolution.stack_pointer.index] = True
    else:
        resolution.stack_pointer = _add_global(resolution, b"__stack_pointer", mutable=True, flags=0)
        resolution.synthetic.global_live[resolution.stack_pointer.index] = True
    if options.has_threads:
        if options.threads_share_instance:
            resolution.tls_base = _add_global(resolution, b"__init_tls_base", mutable=False)
        else:
            resolution.tls_base = _add_global(resolution, b"__tls_base", mutable=True)
        resolution.tls_size = _add_global(resolution, b"__tls_size", mutable=False)
        resolution.tls_align = _add_global(resolution, b"__tls_align", mutable=False)
        signature = b"\1" + resolution.target.pointer_type + b"\0"
        resolution.init_tls = add_synthetic_function(resolution, b"__wasm_init_tls", signature)
        resolution.table.add_own(resolution.init_tls)


def _add_global(resolution: Resolution, name: bytes, *, mutable: bool, flags: int = _HIDDEN) -> Symbol:
    """Add a synthetic global with the type of a pointer."""
    symbol = Symbol(name, SymbolKind.GLOBAL, DEFINED, flags, None)
    _define_global(resolution, symbol, mutable=mutable)
    resolution.table.add_own(symbol)
    return symbol


def _import_global(resolution: Resolution, name: bytes, *, mutable: bool) -> Symbol:
    """Import a global that the dynamic linker provides."""
    symbol = Symbol(name, SymbolKind.GLOBAL, UNDEFINED, SymbolFlag.UNDEFINED, None)
    resolution.table.add_own(symbol)
    symbol.element_type = GlobalType(resolution.target.pointer_type, mutable)
    symbol.used = symbol.force_import = True
    symbol.referenced = not resolution.synthetic.gc_sections
    return symbol


def _define_global(resolution: Resolution, symbol: Symbol, *, mutable: bool) -> None:
    target = resolution.target
    type_ = GlobalType(target.pointer_type, mutable)
    symbol.file = resolution.synthetic
    symbol.index = resolution.synthetic.add_global(symbol.name, type_, target.const_expression(0))
    symbol.element_type = type_


def add_synthetic_function(resolution: Resolution, name: bytes, signature: bytes, debug_name: bytes = b"") -> Symbol:
    """Create a synthetic function. Its symbol is in the symbol table only if the caller adds it."""
    symbol = Symbol(name, SymbolKind.FUNCTION, DEFINED, _HIDDEN, resolution.synthetic)
    symbol.index = resolution.synthetic.add_function(name, signature, debug_name)
    symbol.signature = signature
    return symbol


def define_layout_symbols(resolution: Resolution, options: LinkOptions) -> None:
    names: tuple[bytes, ...] = LAYOUT_SYMBOLS
    if options.is_pic:
        names = (b"__dso_handle", b"__wasm_first_page_end") if options.shared else PIC_LAYOUT_SYMBOLS
    for name in names:
        symbol = provide_address_symbol(resolution, options, name)
        if symbol is not None:
            resolution.layout_symbols[name] = symbol
    symbol = resolution.symbols.get(b"__tls_base")
    if not options.has_threads and symbol is not None and not symbol.is_defined:
        # Without threads, thread-local data is data like any other, at a fixed base.
        if symbol.is_undefined and symbol.kind != SymbolKind.GLOBAL:
            resolution.table.report_kind(symbol, "<internal>", SymbolKind.GLOBAL)
        else:
            symbol.become_defined(SymbolKind.GLOBAL, _HIDDEN, resolution.synthetic)
            _define_global(resolution, symbol, mutable=False)
            resolution.tls_base = symbol
            resolution.table.trace_definition(symbol)


def provide_address_symbol(resolution: Resolution, options: LinkOptions, name: bytes) -> Symbol | None:
    """Define ``name`` as an absolute address, which the memory layout sets, if it is referenced or exported and nothing
    else defines it."""
    symbol = resolution.symbols.get(name)
    if symbol is None:
        if not is_exported_by_option(options, name):
            return None
        symbol = Symbol(name, SymbolKind.DATA, UNDEFINED, 0, None)
    elif symbol.is_defined:
        return None
    elif symbol.is_undefined and symbol.kind not in (SymbolKind.DATA, SymbolKind.GLOBAL):
        # Code that loads it from a global uses the global offset table.
        resolution.table.report_kind(symbol, "<internal>", SymbolKind.DATA)
        return None
    symbol.become_absolute(_HIDDEN)
    if name in resolution.symbols:
        resolution.table.trace_definition(symbol)
    else:
        resolution.table.add_own(symbol)
    return symbol


def resolve_indirect_function_table(
    resolution: Resolution, options: LinkOptions, diagnostics: Diagnostics, *, required: bool
) -> None:
    """Find or create ``__indirect_function_table``; without ``required``, only if it is used."""
    table = resolution.table
    existing = table.find(INDIRECT_FUNCTION_TABLE)
    if existing is not None:
        text = INDIRECT_FUNCTION_TABLE.decode()
        if existing.kind != SymbolKind.TABLE:
            diagnostics.error(f"reserved symbol must be of type table: `{text}`", (f"in {existing.file_name}",))
            return
        if existing.is_defined:
            diagnostics.error(
                f"reserved symbol must not be defined in input files: `{text}`", (f"defined in {existing.file_name}",)
            )
            return
    if options.import_table or options.relocatable:
        if existing is None:
            if not required:
                return
            flags = _HIDDEN | SymbolFlag.UNDEFINED
            existing = Symbol(INDIRECT_FUNCTION_TABLE, SymbolKind.TABLE, UNDEFINED, flags, None)
            existing.element_type = TableType(_FUNCREF, 0, 0, None)
            existing.used = True
            table.add_own(existing)
            existing.referenced = True
        existing.import_module = DEFAULT_MODULE
        existing.import_name = INDIRECT_FUNCTION_TABLE
        resolution.indirect_function_table = existing
    elif (existing is not None and existing.is_live) or options.export_table or required:
        if existing is None:
            existing = Symbol(INDIRECT_FUNCTION_TABLE, SymbolKind.TABLE, DEFINED, 0, None)
            table.add_own(existing)
        else:
            table.trace_definition(existing)
        synthetic = resolution.synthetic
        type_ = TableType(_FUNCREF, 0, 0, None)
        existing.become_defined(SymbolKind.TABLE, 0 if options.export_table else _HIDDEN, synthetic)
        existing.index = synthetic.add_table(existing.name, type_)
        existing.element_type = type_
        synthetic.table_live[existing.index] = True
        existing.force_export = options.export_table
        resolution.indirect_function_table = existing
