"""The first pass: from inputs and options to a sealed symbol table.

From the end of :func:`resolve` on, no file joins the link, and from that of :func:`seal` no symbol is added but by the
linker's own later needs (stubs, wrappers), which live in files of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..binary.constants import Opcode, SymbolFlag, SymbolKind, ValueType
from ..diagnostics import Diagnostics, FatalError
from ..inputs.input_files import InputFiles, ObjectSource
from ..inputs.object_file import GlobalType, TableType
from ..inputs.shared_library import SharedLibrary
from ..inputs.stub_library import StubLibrary
from ..options import LinkOptions, UnresolvedPolicy
from . import describe
from .chunks import BitcodeInput, ObjectInput, SyntheticFile
from .symbol_table import DEFAULT_MODULE, INDIRECT_FUNCTION_TABLE, SymbolTable
from .symbols import DEFINED, LAZY, UNDEFINED, Symbol
from .target import Target

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
"""Data symbols that the linker defines where they are referenced, or asked for by ``--export``."""


PIC_LAYOUT_SYMBOLS: Final = (b"__dso_handle", b"__data_end", b"__wasm_first_page_end")
"""The same for position-independent executables; a shared library has no ``__data_end``."""


def encode_name(text: str) -> bytes:
    """A symbol name from an option.

    :raises FatalError: it is no text.
    """
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise FatalError(f"not a valid name: {text!r}") from None


class Resolution:
    """What resolution made."""

    def __init__(self, table: SymbolTable, synthetic: SyntheticFile, target: Target) -> None:
        self.table = table
        self.target = target
        self.synthetic = synthetic
        """The linker's own functions and globals; first in every index space."""
        self.call_ctors: Symbol
        self.call_dtors: Symbol | None = None
        self.stack_pointer: Symbol
        self.memory_base: Symbol | None = None
        self.table_base: Symbol | None = None
        """Of position-independent code: imported, as the one above."""
        self.needed: list[SharedLibrary] = []
        """The shared libraries among the inputs."""
        self.tls_base: Symbol | None = None
        self.tls_size: Symbol | None = None
        self.tls_align: Symbol | None = None
        self.init_tls: Symbol | None = None
        """``__wasm_init_tls``, where memory is shared; so are the two above."""
        self.entry: Symbol | None = None
        self.start: Symbol | None = None
        """``--start``."""
        self.layout_symbols: dict[bytes, Symbol] = {}
        """Of :data:`LAYOUT_SYMBOLS`, those that the linker defines."""
        self.indirect_function_table: Symbol | None = None
        self.allowed_undefined: frozenset[bytes] = frozenset()

    def is_dynamic(self, options: LinkOptions) -> bool:
        """Whether a dynamic linker has something to do for the output."""
        policy = options.unresolved_symbols
        return options.is_pic or policy is UnresolvedPolicy.IMPORT_DYNAMIC or bool(self.needed)

    @property
    def objects(self) -> list[ObjectInput]:
        return self.table.objects

    @property
    def symbols(self) -> dict[bytes, Symbol]:
        return self.table.symbols


CompileBitcode = Callable[[Resolution, LinkOptions, Diagnostics], None]
"""Has code generated for the bitcode files, and adds the objects."""


def resolve(
    options: LinkOptions,
    files: InputFiles,
    sources: Sequence[ObjectSource | SharedLibrary],
    diagnostics: Diagnostics,
    compile_bitcode: CompileBitcode | None = None,
) -> Resolution:
    """Add all sources and the roots that the options name, with all that they need.

    Without ``compile_bitcode``, symbols that bitcode defines stay without a place.
    """
    table = SymbolTable(
        diagnostics,
        gc_sections=bool(options.gc_sections),
        demangle=options.demangle,
        memory64=options.memory64,
        check_shared_signatures=options.check_shared_signatures,
        allow_multiple_definition=options.allow_multiple_definition,
        trace=options.trace,
        traced=map(encode_name, options.trace_symbols),
    )
    synthetic = SyntheticFile("<internal>", gc_sections=bool(options.gc_sections))
    resolution = Resolution(table, synthetic, Target(is_64=bool(options.memory64)))
    resolution.allowed_undefined = frozenset(files.allowed_undefined)
    _define_own_symbols(resolution, options)
    for source in sources:
        if isinstance(source, ObjectSource):
            table.add(source)
        else:
            resolution.needed.append(source)
            table.add_shared(source)
    diagnostics.check()
    for name in options.undefined:
        _require(table, encode_name(name), "<internal>")
    for name in (*options.exports, *options.exports_if_defined):
        _require(table, encode_name(name), "--export")
    if not options.relocatable:
        _resolve_entry(resolution, options, diagnostics)
        diagnostics.check()
    table.declare_wrapped(map(encode_name, options.wrap))
    if table.bitcode:
        _extract_libcalls(table)
    _keep_what_stub_libraries_need(table, files.stubs)
    diagnostics.check()
    if compile_bitcode is not None:
        # Bitcode that joins the link after this is an error.
        table.code_is_generated = True
        if table.bitcode or options.lto_object_path:
            compile_bitcode(resolution, options, diagnostics)
            diagnostics.check()
    if options.start and not options.relocatable:
        _resolve_start(resolution, options.start, diagnostics)
    _use_stub_libraries(resolution, files.stubs, diagnostics)
    return resolution


def seal(resolution: Resolution, options: LinkOptions, diagnostics: Diagnostics) -> None:
    """Define what nobody defined and the linker can, and settle what every name means, once no file joins any more."""
    table = resolution.table
    if not options.relocatable:
        _provide_optional_symbols(resolution, options)
    _replace_disagreeing_functions(resolution, diagnostics)
    table.wrap()
    for name in (*options.exports, *options.exports_if_defined):
        symbol = table.find(encode_name(name))
        if symbol is not None and symbol.is_defined:
            symbol.force_export = True
    if not options.relocatable and not options.is_pic:
        _stub_weak_undefined_functions(resolution)
    table.demote_lazy_symbols()
    if resolution.entry is not None:
        resolution.entry.set_hidden(False)


def _define_own_symbols(resolution: Resolution, options: LinkOptions) -> None:
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
    else:
        resolution.stack_pointer = _add_global(resolution, b"__stack_pointer", mutable=True, flags=0)
        resolution.synthetic.global_live[resolution.stack_pointer.index] = True
    if options.shared_memory:
        resolution.tls_base = _add_global(resolution, b"__tls_base", mutable=True)
        resolution.tls_size = _add_global(resolution, b"__tls_size", mutable=False)
        resolution.tls_align = _add_global(resolution, b"__tls_align", mutable=False)
        signature = b"\1" + resolution.target.pointer_type + b"\0"
        resolution.init_tls = add_synthetic_function(resolution, b"__wasm_init_tls", signature)
        resolution.table.add_own(resolution.init_tls)


def _add_global(resolution: Resolution, name: bytes, *, mutable: bool, flags: int = _HIDDEN) -> Symbol:
    """A global of the linker's own, of the type of a pointer."""
    symbol = Symbol(name, SymbolKind.GLOBAL, DEFINED, flags, None)
    _define_global(resolution, symbol, mutable=mutable)
    resolution.table.add_own(symbol)
    return symbol


def _import_global(resolution: Resolution, name: bytes, *, mutable: bool) -> Symbol:
    """A global that the dynamic linker provides."""
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
    """A function of the linker's own. Its symbol is in the symbol table only if the caller puts it there."""
    symbol = Symbol(name, SymbolKind.FUNCTION, DEFINED, _HIDDEN, resolution.synthetic)
    symbol.index = resolution.synthetic.add_function(name, signature, debug_name)
    symbol.signature = signature
    return symbol


def _require(table: SymbolTable, name: bytes, reason: str) -> Symbol | None:
    """Use a name from outside of the objects: a member that defines it is linked."""
    symbol = table.find(name)
    if symbol is not None:
        symbol.used = True
        if symbol.state == LAZY:
            table.extract(symbol, reason)
            symbol = table.find(name)
    return symbol


def _resolve_entry(resolution: Resolution, options: LinkOptions, diagnostics: Diagnostics) -> None:
    table = resolution.table
    if options.entry:
        entry = _require(table, encode_name(options.entry), "--entry")
        if entry is not None and entry.is_defined:
            entry.force_export = True
            resolution.entry = entry
        else:
            diagnostics.error(f"entry symbol not defined (pass --no-entry to suppress): {options.entry}")
    if options.start:
        start = _require(table, encode_name(options.start), "--start")
        if start is None or start.state != DEFINED:
            diagnostics.error(f"start symbol not defined: {options.start}")
    if options.shared:
        return
    call_ctors = resolution.call_ctors
    # Who calls the constructors itself, or exports the function that does, takes care of destructors too.
    if (
        call_ctors.used
        or options.entry == "__wasm_call_ctors"
        or "__wasm_call_ctors" in options.exports
        or "__wasm_call_ctors" in options.exports_if_defined
    ):
        return
    call_dtors = _require(table, b"__wasm_call_dtors", "<internal>")
    if call_dtors is not None:
        if call_dtors.state != DEFINED or call_dtors.kind != SymbolKind.FUNCTION:
            diagnostics.error("__wasm_call_dtors must be a function")
        elif call_dtors.signature not in (NO_SIGNATURE, None):
            diagnostics.error("__wasm_call_dtors must have no argument or return values")
        else:
            resolution.call_dtors = call_dtors


def _resolve_start(resolution: Resolution, name: str, diagnostics: Diagnostics) -> None:
    """``--start``, once the types of functions are known."""
    start = resolution.table.find(encode_name(name))
    if start is None or not start.is_defined or isinstance(start.file, BitcodeInput):
        return
    if start.kind != SymbolKind.FUNCTION or start.signature != NO_SIGNATURE:
        found = describe.signature(start.signature) if start.kind == SymbolKind.FUNCTION and start.signature else ""
        diagnostics.error(
            f"start symbol must be a function of type () -> void: {name}"
            + (f"\n>>> defined as {found} in {start.file_name}" if found else "")
        )
    else:
        resolution.start = start


def _extract_libcalls(table: SymbolTable) -> None:
    """Link the members of bitcode that define what generated code may call."""
    from ..lto.libcalls import runtime_libcalls

    for name in runtime_libcalls(table.bitcode[0].bitcode.triple):
        table.extract_bitcode(table.symbols.get(name), "<libcall>")


def _keep_what_stub_libraries_need(table: SymbolTable, stubs: list[StubLibrary]) -> None:
    """Have code generation keep what :func:`_use_stub_libraries` may export."""
    for stub in stubs:
        for name, needed in stub.dependencies.items():
            imported = table.find(name)
            if imported is not None and not imported.is_undefined:
                continue
            for dependency in map(table.find, needed):
                if dependency is not None:
                    dependency.used = True
                    table.extract_bitcode(dependency, stub.name)


def _use_stub_libraries(resolution: Resolution, stubs: list[StubLibrary], diagnostics: Diagnostics) -> None:
    """Import what stub libraries declare, and export what that needs, until nothing new is linked."""
    table = resolution.table

    def needs(stub: StubLibrary, symbol: Symbol, needed: list[bytes]) -> bool:
        if symbol.force_import:
            # The first stub library to declare a function has it.
            return False
        symbol.force_import = True
        if symbol.traced:
            diagnostics.message(f"{stub.name}: importing {symbol.raw_text}")
        found = False
        for name in needed:
            dependency = table.find(name)
            if dependency is None or dependency.is_undefined:
                shown = name.decode("utf-8", "backslashreplace")
                diagnostics.error(f"{stub.name}: undefined symbol: {shown}. Required by {symbol}")
                continue
            if dependency.traced:
                diagnostics.message(f"{stub.name}: exported {dependency} due to import of {symbol.raw_text}")
            dependency.force_export = True
            if dependency.state == LAZY:
                found = True
                table.extract(dependency, stub.name, symbol)
        return found

    diagnostics.phase("processStubLibrariesPreLTO")
    diagnostics.phase("processStubLibraries")
    again = bool(stubs)
    while again:
        again = False
        for stub in stubs:
            for name, needed in stub.dependencies.items():
                symbol = table.find(name)
                if symbol is not None and symbol.is_undefined:
                    again |= needs(stub, symbol, needed)
            for symbol in list(table.symbols.values()):
                if symbol.is_undefined and symbol.import_name in stub.dependencies:
                    again |= needs(stub, symbol, stub.dependencies[symbol.import_name])
    diagnostics.phase("done processStubLibraries")


def _provide_optional_symbols(resolution: Resolution, options: LinkOptions) -> None:
    names: tuple[bytes, ...] = LAYOUT_SYMBOLS
    if options.is_pic:
        names = (b"__dso_handle", b"__wasm_first_page_end") if options.shared else PIC_LAYOUT_SYMBOLS
    for name in names:
        symbol = provide_address_symbol(resolution, options, name)
        if symbol is not None:
            resolution.layout_symbols[name] = symbol
    symbol = resolution.symbols.get(b"__tls_base")
    if not options.shared_memory and symbol is not None and not symbol.is_defined:
        # Without shared memory, thread-local data is data like any other, at a fixed base.
        if symbol.is_undefined and symbol.kind != SymbolKind.GLOBAL:
            resolution.table.report_kind(symbol, "<internal>", SymbolKind.GLOBAL)
        else:
            symbol.become_defined(SymbolKind.GLOBAL, _HIDDEN, resolution.synthetic)
            _define_global(resolution, symbol, mutable=False)
            resolution.tls_base = symbol
            resolution.table.trace_definition(symbol)


def is_exported_by_option(options: LinkOptions, name: bytes) -> bool:
    """Whether an option asks for the export of a symbol that may not exist yet."""
    text = name.decode("utf-8", "surrogateescape")
    return options.export_all or text in options.exports or text in options.exports_if_defined


def provide_address_symbol(resolution: Resolution, options: LinkOptions, name: bytes) -> Symbol | None:
    """Define ``name`` as an absolute address, which the memory layout fills in, if it is referenced or exported and
    nobody else defines it."""
    symbol = resolution.symbols.get(name)
    if symbol is None:
        if not is_exported_by_option(options, name):
            return None
        symbol = Symbol(name, SymbolKind.DATA, UNDEFINED, 0, None)
    elif symbol.is_defined:
        return None
    elif symbol.is_undefined and symbol.kind not in (SymbolKind.DATA, SymbolKind.GLOBAL):
        # Code that reads it from a global reads it from the global offset table.
        resolution.table.report_kind(symbol, "<internal>", SymbolKind.DATA)
        return None
    symbol.become_absolute(_HIDDEN)
    if name in resolution.symbols:
        resolution.table.trace_definition(symbol)
    else:
        resolution.table.add_own(symbol)
    return symbol


def _replace_disagreeing_functions(resolution: Resolution, diagnostics: Diagnostics) -> None:
    """Where a name was declared with several signatures, calls by any but the definition's trap."""
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
    """Make a symbol a function that traps when it is called, and whose address is null."""
    assert symbol.signature is not None
    synthetic = resolution.synthetic
    symbol.become_trap(synthetic, synthetic.add_function(symbol.name, symbol.signature, debug_name))
    synthetic.bodies[symbol.index] = UNREACHABLE_BODY
    if symbol.traced:
        shown = debug_name.decode("utf-8", "backslashreplace")
        resolution.table.diagnostics.message(f"{symbol.file_name}: definition of {shown}")


def resolve_indirect_function_table(
    resolution: Resolution, options: LinkOptions, diagnostics: Diagnostics, *, required: bool
) -> None:
    """Find or make ``__indirect_function_table``; without ``required``, only where something asks for it."""
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
