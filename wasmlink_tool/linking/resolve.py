"""Resolution: from the inputs and roots to one symbol a name, and the files of the link.

Files are added in command-line order. What an archive's member defines is *lazy*: the name is known, the member is not
linked. As soon as something needs a lazy symbol, its member joins the link, before the file that referred to it goes
on, so that names are seen, and objects are in the output, in wasm-ld's order:

1. The linker's own symbols are defined (:mod:`.synthetic_symbols`): inputs refer to them and cannot define them again.
2. Each input is added: its COMDAT groups are chosen (the first file with a group's name has it), then its symbols are
   defined, or looked up, one after the other (:mod:`.symbol_table`). A shared library defines what nothing else does.
3. The roots on the command line are looked up as if an object named them: ``--undefined``, ``--export``, ``--entry``.
4. ``--wrap`` makes sure of its symbols; bitcode that libcalls or stub libraries need is added.
5. Bitcode is compiled, and the objects take its place: they define what the bitcode files defined, and may need more.
6. Stub libraries import what they declare, and export what that needs, until nothing new is linked.

No file joins the link after that; :mod:`.seal` settles what every name means.
"""

from __future__ import annotations

from ..binary.constants import SymbolFlag, SymbolKind, ValueType
from ..diagnostics import Diagnostics, FatalError
from ..inputs.input_files import InputFiles, ObjectSource
from ..inputs.object_file import TableType
from ..inputs.shared_library import SharedLibrary
from ..inputs.stub_library import StubLibrary
from ..inputs.symbol_columns import SymbolInfo
from ..options import IcfLevel, LinkOptions
from . import describe
from .bitcode_input import BitcodeInput
from .chunks import ObjectInput
from .lazy_symbols import LazySymbols, is_dense
from .resolution import Resolution
from .symbol_names import encode_name
from .symbol_table import INDIRECT_FUNCTION_TABLE, SymbolTable
from .symbols import DEFINED, LAZY, NEW, UNDEFINED, Symbol
from .synthetic_file import SyntheticFile
from .synthetic_symbols import NO_SIGNATURE, define_linker_symbols
from .target import Target
from .thread_context import CONTEXT_FUNCTIONS, refer_to_context_functions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Final

    CompileBitcode = Callable[[Resolution, LinkOptions, Diagnostics], list[ObjectSource]]
    """A function that generates code for the bitcode files of the link and returns the objects that replace them."""

_UNDEFINED_FLAG: Final = SymbolFlag.UNDEFINED
_LOCAL: Final = SymbolFlag.BINDING_LOCAL
_WEAK: Final = SymbolFlag.BINDING_WEAK
_FUNCTION: Final = SymbolKind.FUNCTION
_SECTION: Final = SymbolKind.SECTION
_TABLE: Final = SymbolKind.TABLE
_FUNCREF: Final = bytes((ValueType.FUNCREF,))


def resolve(
    options: LinkOptions,
    files: InputFiles,
    sources: Sequence[ObjectSource | SharedLibrary],
    diagnostics: Diagnostics,
    compile_bitcode: CompileBitcode | None = None,
) -> Resolution:
    """Add all sources and the roots that the options name, with everything that they need.

    Without ``compile_bitcode``, symbols that bitcode defines remain without a location.
    """
    table = SymbolTable(
        diagnostics,
        gc_sections=bool(options.gc_sections),
        demangle=options.demangle,
        check_shared_signatures=options.check_shared_signatures,
        allow_multiple_definition=options.allow_multiple_definition,
        traced=map(encode_name, options.trace_symbols),
    )
    synthetic = SyntheticFile("<internal>", gc_sections=bool(options.gc_sections))
    resolution = Resolution(table, synthetic, Target(is_64=bool(options.memory64)))
    resolution.allowed_undefined = frozenset(files.allowed_undefined)
    define_linker_symbols(resolution, options)
    adder = FileAdder(resolution, options, diagnostics)
    for source in sources:
        if isinstance(source, ObjectSource):
            adder.add(source)
        else:
            resolution.needed.append(source)
            table.add_shared(source)
    diagnostics.check()
    for name in options.undefined:
        adder.require(encode_name(name), "<internal>")
    for name in (*options.exports, *options.exports_if_defined):
        adder.require(encode_name(name), "--export")
    if not options.relocatable:
        _resolve_entry(adder, resolution, options, diagnostics)
        diagnostics.check()
    adder.declare_wrapped(map(encode_name, options.wrap))
    if resolution.bitcode:
        _extract_libcalls(adder, resolution)
    _keep_what_stub_libraries_need(adder, table, files.stubs)
    if options.threads_share_instance and resolution.bitcode:
        _extract_context_functions(adder, table)
    diagnostics.check()
    if compile_bitcode is not None:
        adder.code_is_generated = True
        if resolution.bitcode or options.lto_object_path:
            generated = compile_bitcode(resolution, options, diagnostics)
            _forget_definitions(resolution.bitcode)
            for source in generated:
                adder.add_generated(source)
            diagnostics.check()
    if options.threads_share_instance:
        refer_to_context_functions(resolution, adder.refer_to_function)
    if options.start and not options.relocatable:
        _resolve_start(resolution, options.start, diagnostics)
    diagnostics.phase("processStubLibrariesPreLTO")
    diagnostics.phase("processStubLibraries")
    if files.stubs:
        from .stub_imports import use_stub_libraries

        use_stub_libraries(adder.extract, resolution, files.stubs, diagnostics)
    diagnostics.phase("done processStubLibraries")
    return resolution


def _forget_definitions(bitcode: Iterable[BitcodeInput]) -> None:
    """Undefine the definitions of bitcode files, so that the generated code can define them."""
    for file in bitcode:
        for symbol in file.symbols:
            if symbol.state == DEFINED and symbol.file is file:
                symbol.become_undefined_again()


class FileAdder:
    """Adds files to the link, each with all members that it extracts.

    A step is a generator that yields the members which must be added before it continues. ``_run`` keeps the steps on a
    list: Python's own stack would be too small, since archives chain deeply and links run on threads with small stacks.
    """

    def __init__(self, resolution: Resolution, options: LinkOptions, diagnostics: Diagnostics) -> None:
        # Relocatable output numbers all symbols, and folding changes them.
        self._allows_lazy_symbols = not (options.relocatable or options.emit_relocs or options.icf is not IcfLevel.NONE)
        self.code_is_generated = False
        """Set once LTO has run; extracting more bitcode is then an error."""
        self._resolution = resolution
        self._table = resolution.table
        self._options = options
        self._diagnostics = diagnostics
        self._trace = options.trace
        self._gc_sections = bool(options.gc_sections)
        self._comdats: set[bytes] = set()
        self._started = 0
        """The number of objects that were begun."""
        self._at_turn = False
        """Whether the next object is a member that is extracted at its archive's turn."""

    def add(self, source: ObjectSource) -> None:
        """Add a file and all members that it extracts."""
        self._begin(source)
        self._run(self._add_lazy(source) if source.lazy else self._add_object(source))

    def add_generated(self, source: ObjectSource) -> None:
        """Add an object that was made from the bitcode files, and all members that it extracts."""
        self._run(self._add_object(source))

    def extract(self, symbol: Symbol, reason: str, listed: Symbol | None = None) -> None:
        """Link the member that would define a lazy symbol; ``listed`` replaces the file in the list of reasons."""
        self._run(self._extract(symbol))
        shown = listed or self._table.symbols[symbol.name]
        self._resolution.extractions.append((reason, shown.file_name, str(shown)))

    def extract_bitcode(self, symbol: Symbol | None, reason: str) -> None:
        """Link the member that would define a symbol if it is bitcode: after code generation it would be too late."""
        if symbol is not None and symbol.state == LAZY and symbol.source is not None and symbol.source.is_bitcode:
            self.extract(symbol, reason)

    def require(self, name: bytes, reason: str) -> Symbol | None:
        """Refer to a name from outside of the objects: a member that defines it is linked."""
        symbol = self._table.find(name)
        if symbol is not None:
            symbol.used = True
            if symbol.state == LAZY:
                self.extract(symbol, reason)
                symbol = self._table.find(name)
        return symbol

    def declare_wrapped(self, names: Iterable[bytes]) -> None:
        """Declare functions ``__wrap_`` and ``__real_`` for each name of ``--wrap`` that is in use."""
        for name in names:
            symbol = self._table.symbols.get(name)
            if symbol is None or self._table.is_wrapped(name):
                continue
            real = self.refer_to_function(b"__real_" + name)
            wrapper = self.refer_to_function(b"__wrap_" + name)
            self._table.declare_wrapped(symbol, real, wrapper)
        self._table.type_wrapped()

    def refer_to_function(self, name: bytes) -> Symbol:
        """Return the symbol of this name; link a member that defines it. If nothing does, it is an undefined function
        of unknown type."""
        symbol = self._table.refer(name, "<internal>")
        if symbol.state == NEW:
            symbol.become_undefined(_FUNCTION, 0, None)
        elif symbol.state == LAZY:
            self.extract(symbol, "<internal>")
            symbol = self._table.symbols[name]
        if symbol.kind != _FUNCTION:
            self._table.report_kind(symbol, "<internal>", _FUNCTION)
        return symbol

    def _begin(self, source: ObjectSource) -> None:
        self._diagnostics.file = name = source.name
        if self._diagnostics.verbose:
            self._diagnostics.log(f"Processing: {name}")

    def _run(self, steps: Iterator[ObjectSource]) -> None:
        stack = [steps]
        while stack:
            source = next(stack[-1], None)
            if source is None:
                stack.pop()
            else:
                self._begin(source)
                stack.append(self._add_object(source))

    def _extract(self, symbol: Symbol) -> Iterator[ObjectSource]:
        source = symbol.source
        assert source is not None
        if self.code_is_generated and source.is_bitcode:
            self._diagnostics.error(f"{source.name}: attempt to add bitcode file after LTO ({symbol})")
        elif source.lazy:
            source.lazy = False
            yield source

    def _add_lazy(self, source: ObjectSource) -> Iterator[ObjectSource]:
        for name in source.defined_symbols():
            symbol = self._table.symbols.get(name)
            if symbol is None:
                symbol = self._table.insert(name)
                self._table.make_lazy(symbol, source, 0)
            elif symbol.state == UNDEFINED:
                if symbol.flags & _WEAK:
                    # A weak reference links no member, but keeps its signature for the stub that it may become.
                    self._table.make_lazy(symbol, source, _WEAK)
                else:
                    reason = symbol.file_name
                    source.lazy = False
                    self._at_turn = True
                    yield source
                    self._resolution.extractions.append((reason, symbol.file_name, str(symbol)))
                    return

    def _add_object(self, source: ObjectSource) -> Iterator[ObjectSource]:
        if self._trace and not source.is_generated:
            self._diagnostics.message(source.name)
        if source.is_bitcode:
            yield from self._add_bitcode(source)
            return
        file = ObjectInput(source, gc_sections=self._gc_sections)
        obj, table = file.object, self._table
        file.started = self._started
        self._started += 1
        file.at_turn, self._at_turn = self._at_turn, False
        self._check_target(file.name, is_64=obj.is_64)
        self._read_comdats(file)
        lazy: LazySymbols | None = None
        if self._allows_lazy_symbols and is_dense(obj):
            from functools import partial  # Few files are like this.

            lazy = file.symbols = LazySymbols(obj.symbols, partial(self._define_local, file))
        add = file.symbols.append
        for info in obj.symbols:
            kind, flags, name, _, _, _ = info
            symbol: Symbol | None = None
            if lazy is not None and flags & _LOCAL and not flags & _UNDEFINED_FLAG:
                lazy.append(None)
                continue
            if not flags & _UNDEFINED_FLAG:
                symbol = table.define(file, info)
            if symbol is None:
                if kind == _SECTION:
                    symbol = self._discarded_section(file, info)
                elif kind == _FUNCTION:
                    index = len(file.symbols)
                    symbol = table.refer(name, file.name)
                    if symbol.state == LAZY and not flags & _WEAK:
                        yield from self._extract(symbol)
                        symbol = table.symbols[name]
                        if symbol.kind != _FUNCTION and symbol.state != LAZY:
                            table.report_kind(symbol, file.name, _FUNCTION)
                        self._resolution.extractions.append((file.name, symbol.file_name, str(symbol)))
                    else:
                        symbol = table.reference_function(symbol, file, index, info)
                else:
                    symbol = table.refer(name, file.name)
                    if symbol.state == LAZY and not flags & _WEAK:
                        yield from self._extract(symbol)
                        if symbol.state == DEFINED:
                            table.check_type(symbol, file, info)
                    else:
                        table.reference(symbol, file, info)
            add(symbol)
        self._add_implicit_function_table(file)
        self._resolution.objects.append(file)

    def _define_local(self, file: ObjectInput, info: SymbolInfo) -> Symbol:
        """Return the symbol of a local definition, which no other file can change."""
        return self._table.define(file, info) or self._discarded_section(file, info)

    @staticmethod
    def _discarded_section(file: ObjectInput, info: SymbolInfo) -> Symbol:
        """Return the symbol of a section of a COMDAT group that another file provides: nothing refers to it but what is
        discarded too."""
        _, flags, name, _, _, _ = info
        return Symbol(name, _SECTION, UNDEFINED, flags, file)

    def _add_bitcode(self, source: ObjectSource) -> Iterator[ObjectSource]:
        file = BitcodeInput(source, gc_sections=self._gc_sections)
        architecture = file.bitcode.architecture
        if architecture not in ("wasm32", "wasm64"):
            self._diagnostics.error(f"{file.name}: machine type must be wasm32 or wasm64")
            return
        self._check_target(file.name, is_64=architecture == "wasm64")
        self._resolution.bitcode.append(file)
        kept = []
        for name in file.bitcode.comdats:
            kept.append(name not in self._comdats)
            self._comdats.add(name)
        for info in file.bitcode.symbols:
            symbol = self._table.symbols.get(info.name) or self._table.insert(info.name)
            if not info.flags & _UNDEFINED_FLAG and (info.comdat < 0 or kept[info.comdat]):
                self._table.define_in_bitcode(symbol, file, info)
            elif symbol.state == LAZY and not info.flags & _WEAK:
                yield from self._extract(symbol)
                symbol = self._table.symbols[info.name]
                if info.is_function:
                    self._resolution.extractions.append((file.name, symbol.file_name, str(symbol)))
            else:
                self._table.reference_from_bitcode(symbol, file, info)
            file.symbols.append(symbol)

    def _check_target(self, name: str, *, is_64: bool) -> None:
        if is_64 and self._options.memory64 is None:
            raise FatalError(f"{name}: must specify -mwasm64 to process wasm64 object files")
        if is_64 != bool(self._options.memory64):
            raise FatalError(f"{name}: wasm32 object file can't be linked in wasm64 mode")

    def _read_comdats(self, file: ObjectInput) -> None:
        """Remove the members of COMDAT groups that another file provides from resolution. Nothing refers to them, so
        that they are in the output only if everything is (``--no-gc-sections``, as in wasm-ld)."""
        # These groups were chosen before code was generated.
        is_generated = file.input.is_generated
        for comdat in file.object.comdats:
            duplicate = comdat.name in self._comdats and not is_generated
            self._comdats.add(comdat.name)
            file.join_group(comdat, discarded=duplicate)

    def _add_implicit_function_table(self, file: ObjectInput) -> None:
        """Add the indirect function table for an MVP object, which imports it without a symbol, and uses it as number 0
        without relocations."""
        obj = file.object
        number = len(obj.imported_tables) + len(obj.tables)
        named = obj.symbols.kinds.count(_TABLE)
        if number == named:
            return
        error = self._diagnostics.error
        if named:
            error(
                f"{file.name}: expected one symbol table entry for each of the {number} table(s) present, "
                f"but got {named} symbol(s) instead."
            )
        elif obj.tables:
            error(f"{file.name}: unexpected table definition(s) without corresponding symbol-table entries.")
        elif number != 1:
            error(f"{file.name}: multiple table imports, but no corresponding symbol-table entries.")
        else:
            import_ = obj.imported_tables[0]
            assert isinstance(import_.type, TableType)
            if import_.field != INDIRECT_FUNCTION_TABLE or import_.type.element_type != _FUNCREF:
                error(
                    f"{file.name}: table import {import_.field.decode('utf-8', 'replace')} "
                    "is missing a symbol table entry."
                )
                return
            flags = SymbolFlag.UNDEFINED | SymbolFlag.NO_STRIP
            symbol = self._table.refer(import_.field, file.name)
            self._table.reference(symbol, file, (_TABLE, flags, import_.field, 0, 0, 0))
            file.symbols.append(symbol)
            symbol.referenced = True
            self._resolution.legacy_function_table = True


def _resolve_entry(adder: FileAdder, resolution: Resolution, options: LinkOptions, diagnostics: Diagnostics) -> None:
    if options.entry:
        entry = adder.require(encode_name(options.entry), "--entry")
        if entry is not None and entry.is_defined:
            entry.force_export = True
            resolution.entry = entry
        else:
            diagnostics.error(f"entry symbol not defined (pass --no-entry to suppress): {options.entry}")
    if options.start:
        start = adder.require(encode_name(options.start), "--start")
        if start is None or start.state != DEFINED:
            diagnostics.error(f"start symbol not defined: {options.start}")
    if options.shared:
        return
    call_ctors = resolution.call_ctors
    # A module that calls the constructors itself, or exports the function that does, also handles destructors.
    if (
        call_ctors.used
        or options.entry == "__wasm_call_ctors"
        or "__wasm_call_ctors" in options.exports
        or "__wasm_call_ctors" in options.exports_if_defined
    ):
        return
    call_dtors = adder.require(b"__wasm_call_dtors", "<internal>")
    if call_dtors is not None:
        where = (f"in {call_dtors.file_name}",)
        if call_dtors.state != DEFINED or call_dtors.kind != SymbolKind.FUNCTION:
            diagnostics.error("__wasm_call_dtors must be a function", where)
        elif call_dtors.signature not in (NO_SIGNATURE, None):
            diagnostics.error("__wasm_call_dtors must have no argument or return values", where)
        else:
            resolution.call_dtors = call_dtors


def _resolve_start(resolution: Resolution, name: str, diagnostics: Diagnostics) -> None:
    """Resolve the function of ``--start``, once the types of functions are known."""
    start = resolution.table.find(encode_name(name))
    if start is None or not start.is_defined or isinstance(start.file, BitcodeInput):
        return
    if start.kind != SymbolKind.FUNCTION or start.signature != NO_SIGNATURE:
        found = describe.signature(start.signature) if start.kind == SymbolKind.FUNCTION and start.signature else ""
        diagnostics.error(
            f"start symbol must be a function of type () -> void: {name}"
            + f"\n>>> defined {f'as {found} ' if found else ''}in {start.file_name}"
        )
    else:
        resolution.start = start


def _extract_libcalls(adder: FileAdder, resolution: Resolution) -> None:
    """Link the members of bitcode that define what generated code may call."""
    from ..lto.libcalls import runtime_libcalls

    for name in runtime_libcalls(resolution.bitcode[0].bitcode.triple):
        adder.extract_bitcode(resolution.symbols.get(name), "<libcall>")


def _extract_context_functions(adder: FileAdder, table: SymbolTable) -> None:
    """Keep the functions that generated code calls for the context of its thread."""
    for name in CONTEXT_FUNCTIONS:
        symbol = table.symbols.get(name)
        if symbol is not None:
            symbol.used = True
            adder.extract_bitcode(symbol, "<libcall>")


def _keep_what_stub_libraries_need(adder: FileAdder, table: SymbolTable, stubs: list[StubLibrary]) -> None:
    """Have code generation keep what :func:`.stub_imports.use_stub_libraries` may export."""
    for stub in stubs:
        for name, needed in stub.dependencies.items():
            imported = table.find(name)
            if imported is not None and not imported.is_undefined:
                continue
            for dependency in map(table.find, needed):
                if dependency is not None:
                    dependency.used = True
                    adder.extract_bitcode(dependency, stub.name)
