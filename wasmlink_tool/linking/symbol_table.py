"""Resolution: from the inputs in their order to one symbol per name.

Files are added in command-line order. A member of an archive is a lazy definition of what it defines until something
needs it; then it is added there and then, before the file that asked goes on. The stack for that is a list, not
Python's own: archives chain deeply, and links run on threads with small stacks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..binary.constants import ComdatKind, SegmentFlag, SymbolFlag, SymbolKind
from ..binary.relocation_types import RelocationType as R
from ..diagnostics import Diagnostics, FatalError
from ..inputs.input_files import ObjectSource
from ..inputs.object_file import GlobalType, SymbolInfo, TableType
from ..inputs.shared_library import SharedLibrary
from . import describe
from .chunks import BitcodeInput, LinkedFile, ObjectInput
from .describe import Names
from .symbols import DEFINED, LAZY, NEW, SHARED, UNDEFINED, DemangledSymbol, Symbol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from ..inputs.bitcode import BitcodeSymbol
    from .explain.places import Places

_UNDEFINED_FLAG: Final = SymbolFlag.UNDEFINED
_LOCAL: Final = SymbolFlag.BINDING_LOCAL
_WEAK: Final = SymbolFlag.BINDING_WEAK
_BINDING: Final = _LOCAL | _WEAK
_ABSOLUTE: Final = SymbolFlag.ABSOLUTE
_EXPLICIT_NAME: Final = SymbolFlag.EXPLICIT_NAME
_TLS: Final = SymbolFlag.TLS
_TLS_SEGMENT: Final = SegmentFlag.TLS
_FUNCTION: Final = SymbolKind.FUNCTION
_DATA: Final = SymbolKind.DATA
_GLOBAL: Final = SymbolKind.GLOBAL
_SECTION: Final = SymbolKind.SECTION
_TAG: Final = SymbolKind.TAG
_TABLE: Final = SymbolKind.TABLE

INDIRECT_FUNCTION_TABLE: Final = b"__indirect_function_table"
DEFAULT_MODULE: Final = b"env"


class SymbolTable:
    """All global symbols by name, in the order in which they were first seen, and the files that gave them."""

    def __init__(
        self,
        diagnostics: Diagnostics,
        *,
        gc_sections: bool,
        demangle: bool = False,
        memory64: bool | None = None,
        check_shared_signatures: bool = True,
        allow_multiple_definition: bool = False,
        trace: bool = False,
        traced: Iterable[bytes] = (),
    ) -> None:
        self.diagnostics = diagnostics
        self.names = Names(demangle=demangle)
        self._symbol = DemangledSymbol if demangle else Symbol
        self.symbols: dict[bytes, Symbol] = {}
        self.objects: list[ObjectInput] = []
        """In the order of the output: a file comes after those that its symbols pulled in."""
        self.bitcode: list[BitcodeInput] = []
        """In the order in which they joined the link; a file comes before those that its symbols pulled in."""
        self.code_is_generated = False
        """Bitcode is too late from here on."""
        self.extractions: list[tuple[str, str, str]] = []
        """Why members were linked: (who asked, member, symbol). As in wasm-ld, an object that asks for anything but
        a function is not listed."""
        self.legacy_function_table = False
        """An object uses the indirect function table without relocations, as number 0."""
        self._gc_sections = gc_sections
        self._allow_multiple_definition = allow_multiple_definition
        self._memory64 = memory64
        self._check_shared_signatures = check_shared_signatures
        self._trace = trace
        self._traced = frozenset(traced)
        self._comdats: set[bytes] = set()
        self._variants: dict[bytes, list[Symbol]] = {}
        self._wrapped: dict[bytes, tuple[Symbol, Symbol, Symbol]] = {}
        """Of ``--wrap``: name to its symbol, and to those of ``__real_`` and ``__wrap_``."""
        self._renamed: dict[bytes, Symbol] = {}
        """Names that it gave another meaning."""
        self._direct_calls: dict[LinkedFile, set[int]] = {}
        self._places: Places | None = None

    # Files

    def add(self, source: ObjectSource) -> None:
        """Add a file and all that it pulls in."""
        self.diagnostics.file = source.name
        self.diagnostics.log(f"Processing: {source.name}")
        self._run(self._add_lazy(source) if source.lazy else self._add_object(source))

    def add_shared(self, library: SharedLibrary) -> None:
        """Let a shared library define what nothing else does."""
        for kind, name, signature in library.symbols:
            symbol = self.symbols.get(name) or self._insert(name)
            if symbol.state == UNDEFINED:
                if symbol.kind != kind:
                    self.report_kind(symbol, library.name, kind)
                    if kind != _DATA:
                        continue
                expected = symbol.signature
                if kind == _TAG and expected and signature and expected != signature:
                    old, new = describe.signature(expected), describe.signature(signature)
                    self.diagnostics.warn(_type_mismatch("Tag signature mismatch", symbol, library.name, old, new))
                if kind == _FUNCTION and expected not in (None, signature) and self.is_called_directly(symbol):
                    if self._check_shared_signatures:
                        self._report_signatures(symbol, signature, library.name, symbol.referrers)
                    else:
                        signature = expected
            elif symbol.state not in (NEW, LAZY):
                continue
            symbol.become_shared(library, kind, signature)
            if symbol.traced:
                self.diagnostics.message(f"{library.name}: definition of {symbol.raw_text}")

    def describe_calls(self, referrers: Iterable[tuple[LinkedFile, int]] | None) -> tuple[str, ...]:
        """The lines of a diagnostic that say where a function is called.

        :param referrers: as :attr:`Symbol.referrers` has them.
        """
        if self._places is None:
            from .explain.places import Places

            self._places = Places(self.names)
        return tuple(self._places.calls(referrers or ()))

    def _report_signatures(
        self,
        symbol: Symbol,
        signature: bytes | None,
        where: str,
        referrers: Iterable[tuple[LinkedFile, int]] | None,
    ) -> None:
        assert symbol.signature is not None and signature is not None
        self.diagnostics.error(
            f"function signature mismatch: {symbol.raw_text}\n"
            f">>> defined as {describe.signature(symbol.signature)} in {symbol.file_name}\n"
            f">>> defined as {describe.signature(signature)} in {where}",
            self.describe_calls(referrers),
        )

    def extract(self, symbol: Symbol, reason: str, listed: Symbol | None = None) -> None:
        """Link the member that would define a lazy symbol; ``listed`` is what the list of reasons shows instead."""
        self._run(self._extract(symbol))
        shown = listed or self.symbols[symbol.name]
        self.extractions.append((reason, shown.file_name, str(shown)))

    def extract_bitcode(self, symbol: Symbol | None, reason: str) -> None:
        """Link the member that would define a symbol if it is bitcode: once code is generated, it is too late."""
        if symbol is not None and symbol.state == LAZY and symbol.source is not None and symbol.source.is_bitcode:
            self.extract(symbol, reason)

    def _run(self, steps: Iterator[ObjectSource]) -> None:
        stack = [steps]
        while stack:
            source = next(stack[-1], None)
            if source is None:
                stack.pop()
            else:
                self.diagnostics.file = source.name
                self.diagnostics.log(f"Processing: {source.name}")
                stack.append(self._add_object(source))

    def _extract(self, symbol: Symbol) -> Iterator[ObjectSource]:
        source = symbol.source
        assert source is not None
        if self.code_is_generated and source.is_bitcode:
            self.diagnostics.error(f"{source.name}: attempt to add bitcode file after LTO ({symbol})")
        elif source.lazy:
            source.lazy = False
            yield source

    def _add_lazy(self, source: ObjectSource) -> Iterator[ObjectSource]:
        for name in source.defined_symbols():
            symbol = self.symbols.get(name)
            if symbol is None:
                symbol = self._insert(name)
                self._make_lazy(symbol, source, 0)
            elif symbol.state == UNDEFINED:
                if symbol.flags & _WEAK:
                    # A weak reference links no member, but keeps its signature for the stub that it may become.
                    self._make_lazy(symbol, source, _WEAK)
                else:
                    reason = symbol.file_name
                    source.lazy = False
                    yield source
                    self.extractions.append((reason, symbol.file_name, str(symbol)))
                    return

    def _add_object(self, source: ObjectSource) -> Iterator[ObjectSource]:
        if self._trace and not source.is_generated:
            self.diagnostics.message(source.name)
        if source.is_bitcode:
            yield from self._add_bitcode(source)
            return
        file = ObjectInput(source, gc_sections=self._gc_sections)
        obj = file.object
        self._check_target(file.name, is_64=obj.is_64)
        self._read_comdats(file)
        add = file.symbols.append
        for info in obj.symbols:
            kind, flags, name, _, _, _ = info
            symbol: Symbol | None = None
            if not flags & _UNDEFINED_FLAG:
                symbol = self._define(file, info)
            if symbol is None:
                if kind == _SECTION:
                    # Of a COMDAT group that another file provides: nothing refers to it but what is discarded too.
                    symbol = Symbol(name, _SECTION, UNDEFINED, flags, file)
                elif kind == _FUNCTION:
                    index = len(file.symbols)
                    symbol = self._refer(name, file.name)
                    if symbol.state == LAZY and not flags & _WEAK:
                        yield from self._extract(symbol)
                        symbol = self.symbols[name]
                        if symbol.kind != _FUNCTION and symbol.state != LAZY:
                            self._report_kind(symbol, file, _FUNCTION)
                        self.extractions.append((file.name, symbol.file_name, str(symbol)))
                    else:
                        symbol = self._reference_function(symbol, file, index, info)
                else:
                    symbol = self._refer(name, file.name)
                    if symbol.state == LAZY and not flags & _WEAK:
                        yield from self._extract(symbol)
                        if symbol.state == DEFINED:
                            self._check_type(symbol, file, info)
                    else:
                        self._reference(symbol, file, info)
            add(symbol)
        self._add_implicit_function_table(file)
        self.objects.append(file)

    def _add_bitcode(self, source: ObjectSource) -> Iterator[ObjectSource]:
        file = BitcodeInput(source, gc_sections=self._gc_sections)
        architecture = file.bitcode.architecture
        if architecture not in ("wasm32", "wasm64"):
            self.diagnostics.error(f"{file.name}: machine type must be wasm32 or wasm64")
            return
        self._check_target(file.name, is_64=architecture == "wasm64")
        self.bitcode.append(file)
        kept = []
        for name in file.bitcode.comdats:
            kept.append(name not in self._comdats)
            self._comdats.add(name)
        for info in file.bitcode.symbols:
            symbol = self.symbols.get(info.name) or self._insert(info.name)
            if not info.flags & _UNDEFINED_FLAG and (info.comdat < 0 or kept[info.comdat]):
                self._define_in_bitcode(symbol, file, info)
            elif symbol.state == LAZY and not info.flags & _WEAK:
                yield from self._extract(symbol)
                symbol = self.symbols[info.name]
                if info.is_function:
                    self.extractions.append((file.name, symbol.file_name, str(symbol)))
            else:
                self._reference_from_bitcode(symbol, file, info)
            file.symbols.append(symbol)

    def _define_in_bitcode(self, symbol: Symbol, file: BitcodeInput, info: BitcodeSymbol) -> None:
        kind = _FUNCTION if info.is_function else _DATA
        if symbol.state not in (NEW, LAZY):
            if symbol.kind != kind:
                self._report_kind(symbol, file, kind)
                return
            if not self._should_replace(symbol, file, info.flags):
                return
        symbol.become_defined_in_bitcode(kind, info.flags & ~_TLS, file)
        if symbol.traced:
            self.diagnostics.message(f"{file.name}: definition of {symbol.raw_text}")

    def _reference_from_bitcode(self, symbol: Symbol, file: BitcodeInput, info: BitcodeSymbol) -> None:
        kind = _FUNCTION if info.is_function else _DATA
        flags = info.flags & ~_TLS
        if symbol.traced:
            self.diagnostics.message(f"{file.name}: reference to {symbol.raw_text}")
        if symbol.state == NEW:
            symbol.become_undefined(kind, flags, file)
        elif symbol.state == LAZY:
            symbol.flags = symbol.flags & ~_BINDING | _WEAK
        elif symbol.kind != kind:
            self._report_kind(symbol, file, kind)
        elif symbol.state == UNDEFINED and symbol.flags & _WEAK and not flags & _WEAK:
            symbol.flags = symbol.flags & ~_BINDING

    def forget_bitcode_definitions(self) -> None:
        """Before the generated code defines them: what bitcode files defined is undefined."""
        for file in self.bitcode:
            for symbol in file.symbols:
                if symbol.state == DEFINED and symbol.file is file:
                    symbol.become_undefined_again()

    def add_generated(self, source: ObjectSource) -> None:
        """Add an object that was made from the bitcode files, and what that pulls in."""
        self._run(self._add_object(source))

    def _check_target(self, name: str, *, is_64: bool) -> None:
        if is_64 and self._memory64 is None:
            raise FatalError(f"{name}: must specify -mwasm64 to process wasm64 object files")
        if is_64 != bool(self._memory64):
            raise FatalError(f"{name}: wasm32 object file can't be linked in wasm64 mode")

    def _read_comdats(self, file: ObjectInput) -> None:
        """Take the members of COMDAT groups that another file provides out of resolution. Nothing refers to them, so
        that they are in the output only if everything is (``--no-gc-sections``, as in wasm-ld)."""
        obj = file.object
        # Which definitions the program uses was decided before code was generated.
        is_generated = file.input.is_generated
        for comdat in obj.comdats:
            duplicate = comdat.name in self._comdats and not is_generated
            self._comdats.add(comdat.name)
            for kind, index in comdat.members:
                if kind == ComdatKind.DATA:
                    file.segments[index].comdat = comdat.name
                    file.segments[index].discarded = duplicate
                elif kind == ComdatKind.FUNCTION:
                    number = index - len(obj.imported_functions)
                    file.function_comdats[number] = comdat.name
                    file.function_discarded[number] = duplicate
                elif kind == ComdatKind.TAG:
                    file.tag_discarded[index - len(obj.imported_tags)] = duplicate
                elif kind == ComdatKind.SECTION and index in file.custom_sections:
                    file.custom_sections[index].discarded = duplicate

    def _add_implicit_function_table(self, file: ObjectInput) -> None:
        """An object of the MVP imports the indirect function table without a symbol for it, and uses it as number 0
        without relocations."""
        obj = file.object
        number = len(obj.imported_tables) + len(obj.tables)
        named = sum([kind == _TABLE for kind, _, _, _, _, _ in obj.symbols])
        if number == named:
            return
        error = self.diagnostics.error
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
            if import_.field != INDIRECT_FUNCTION_TABLE or import_.type.element_type != b"\x70":
                error(
                    f"{file.name}: table import {import_.field.decode('utf-8', 'replace')} "
                    "is missing a symbol table entry."
                )
                return
            flags = SymbolFlag.UNDEFINED | SymbolFlag.NO_STRIP
            symbol = self._refer(import_.field, file.name)
            self._reference(symbol, file, (_TABLE, flags, import_.field, 0, 0, 0))
            file.symbols.append(symbol)
            symbol.referenced = True
            self.legacy_function_table = True

    # Names

    @property
    def redefined_symbols(self) -> set[Symbol]:
        """The symbols whose meaning :meth:`wrap` will change."""
        return {symbol for wrapped in self._wrapped.values() for symbol in wrapped[:2]}

    def find(self, name: bytes) -> Symbol | None:
        """The symbol that a name means, ``--wrap`` considered."""
        return self._renamed.get(name) or self.symbols.get(name)

    def add_own(self, symbol: Symbol) -> None:
        """Add a symbol that the linker itself defines, or refers to."""
        self.symbols[symbol.name] = symbol
        symbol.traced = symbol.name in self._traced
        if symbol.traced and not symbol.is_defined:
            self.diagnostics.message(f"{symbol.file_name}: reference to {symbol.raw_text}")
        self.trace_definition(symbol)

    def trace_definition(self, symbol: Symbol) -> None:
        """``--trace-symbol``: say where a symbol is defined now."""
        if symbol.traced and symbol.is_defined:
            self.diagnostics.message(f"{symbol.file_name}: definition of {symbol.raw_text}")

    def declare_wrapped(self, names: Iterable[bytes]) -> None:
        """``--wrap``: make sure that there are functions ``__wrap_`` and ``__real_`` for each name in use."""
        for name in names:
            symbol = self.symbols.get(name)
            if symbol is None or name in self._wrapped:
                continue
            real = self._refer_to_function(b"__real_" + name)
            wrapper = self._refer_to_function(b"__wrap_" + name)
            symbol.used = wrapper.used = True
            real.used = False
            self._wrapped[name] = (symbol, real, wrapper)
        self._type_wrapped()

    def wrap(self) -> None:
        """Let references to each wrapped name mean ``__wrap_`` and the name, and those to ``__real_`` the name."""
        # Bitcode's functions have types since code was generated for them.
        self._type_wrapped()
        meant: dict[Symbol, Symbol] = {}
        for name, (symbol, real, wrapper) in self._wrapped.items():
            meant[symbol] = wrapper
            meant[real] = symbol
            self._renamed[name] = wrapper
            self._renamed[real.name] = symbol
        if meant:
            for file in self.objects:
                file.symbols = [meant.get(symbol, symbol) for symbol in file.symbols]

    def _type_wrapped(self) -> None:
        """What is referred to is of the kind and type of what it stands for."""
        for symbol, real, wrapper in self._wrapped.values():
            for other in (real, wrapper):
                if other.state == UNDEFINED and other.signature is None:
                    other.kind, other.signature, other.element_type = symbol.kind, symbol.signature, symbol.element_type

    def _refer_to_function(self, name: bytes) -> Symbol:
        """The symbol of this name; a member that defines it is linked, and where nothing does, it is an undefined
        function of unknown type."""
        symbol = self._refer(name, "<internal>")
        if symbol.state == NEW:
            symbol.become_undefined(_FUNCTION, 0, None)
        elif symbol.state == LAZY:
            self.extract(symbol, "<internal>")
            symbol = self.symbols[name]
        if symbol.kind != _FUNCTION:
            self.report_kind(symbol, "<internal>", _FUNCTION)
        return symbol

    def demote_lazy_symbols(self) -> None:
        """Weak references that linked no member are references to nothing from here on."""
        for symbol in self.symbols.values():
            if symbol.state == LAZY and symbol.signature is not None:
                symbol.become_unlinked()

    def _insert(self, name: bytes) -> Symbol:
        """A new symbol, of no meaning yet."""
        symbol = self.symbols[name] = self._symbol(name, _DATA, NEW, 0, None)
        if not self._gc_sections:
            symbol.referenced = True
        if name in self._traced:
            symbol.traced = True
        return symbol

    def _refer(self, name: bytes, where: str) -> Symbol:
        """The symbol of a name that ``where`` refers to."""
        symbol = self.symbols.get(name)
        if symbol is None:
            symbol = self._insert(name)
        symbol.used = True
        if symbol.traced:
            self.diagnostics.message(f"{where}: reference to {symbol.raw_text}")
        return symbol

    def _make_lazy(self, symbol: Symbol, source: ObjectSource, flags: int) -> None:
        symbol.become_lazy(source, flags)
        if symbol.traced:
            self.diagnostics.message(f"{source.name}: lazy definition of {symbol.raw_text}")

    # Definitions

    def _define(self, file: ObjectInput, info: SymbolInfo) -> Symbol | None:
        """The symbol of a definition, or ``None`` where a COMDAT group that another file provides holds it: what is
        left then is a reference."""
        kind, flags, name, index, _, _ = info
        if flags & _LOCAL:
            if kind == _SECTION:
                return self._define_section(file, info)
            symbol = self._symbol(name, kind, DEFINED, flags, file)
            self._place(symbol, file, info)
            return symbol
        obj = file.object
        if kind == _FUNCTION:
            if file.function_discarded[index - len(obj.imported_functions)]:
                return None
        elif kind == _DATA:
            if not flags & _ABSOLUTE and file.segments[index].discarded:
                return None
        elif kind == _TAG and file.tag_discarded[index - len(obj.imported_tags)]:
            return None
        found = self.symbols.get(name)
        if found is None:
            symbol = self.symbols[name] = self._symbol(name, kind, DEFINED, flags, file)
            symbol.used = True
            if not self._gc_sections:
                symbol.referenced = True
            self._place(symbol, file, info)
            if name in self._traced:
                symbol.traced = True
                self.trace_definition(symbol)
            return symbol
        symbol = found
        symbol.used = True
        if symbol.state in (NEW, LAZY):
            self._replace(symbol, file, info)
        elif kind == _FUNCTION:
            return self._define_function(symbol, file, info)
        else:
            self._check_type(symbol, file, info)
            if self._should_replace(symbol, file, flags):
                self._replace(symbol, file, info)
        return symbol

    def _define_section(self, file: ObjectInput, info: SymbolInfo) -> Symbol | None:
        _, flags, _, index, _, _ = info
        section = file.custom_sections.get(index)
        if section is not None and section.discarded:
            return None
        symbol = Symbol(file.object.sections[index].name, _SECTION, DEFINED, flags, file)
        symbol.section = section
        symbol.index = index
        return symbol

    def _define_function(self, symbol: Symbol, file: ObjectInput, info: SymbolInfo) -> Symbol:
        """The symbol of a function's definition, where its name has a meaning already."""
        _, flags, name, index, _, _ = info
        if symbol.kind != _FUNCTION:
            self._report_kind(symbol, file, _FUNCTION)
            return symbol
        signature = file.function_signatures[index - len(file.object.imported_functions)]
        if (
            symbol.signature is not None
            and symbol.signature != signature
            and (symbol.state != UNDEFINED or self.is_called_directly(symbol))
        ):
            variant, is_new = self._variant(symbol, signature)
            if is_new or self._should_replace(symbol, file, flags):
                self._replace(variant, file, info)
            self.symbols[name] = variant
            return variant
        if self._should_replace(symbol, file, flags):
            self._replace(symbol, file, info)
        return symbol

    def _place(self, symbol: Symbol, file: ObjectInput, info: SymbolInfo) -> None:
        """Say where a definition is."""
        kind, flags, _, index, offset, size = info
        if kind == _DATA:
            symbol.value = offset
            symbol.size = size
            if flags & _ABSOLUTE:
                symbol.segment = None
            else:
                segment = symbol.segment = file.segments[index]
                if segment.flags & _TLS_SEGMENT:
                    symbol.flags |= _TLS
            return
        obj = file.object
        if kind == _FUNCTION:
            symbol.index = index = index - len(obj.imported_functions)
            symbol.signature = file.function_signatures[index]
        elif kind == _GLOBAL:
            symbol.index = index - len(obj.imported_globals)
            symbol.element_type = file.globals[symbol.index].type
        elif kind == _TAG:
            symbol.index = index - len(obj.imported_tags)
            symbol.signature = file.tags[symbol.index][1]
        elif kind == _TABLE:
            symbol.index = index - len(obj.imported_tables)
            symbol.element_type = file.tables[symbol.index].type

    def _replace(self, symbol: Symbol, file: ObjectInput, info: SymbolInfo) -> None:
        kind, flags, _, _, _, _ = info
        symbol.become_defined(kind, flags, file)
        self._place(symbol, file, info)
        self.trace_definition(symbol)

    def _should_replace(self, existing: Symbol, file: LinkedFile, flags: int) -> bool:
        """Whether a new definition takes an existing symbol's place; two strong ones are an error."""
        if not existing.is_defined:
            return True
        if flags & _BINDING == _WEAK:
            return False
        if existing.flags & _WEAK or existing.state == SHARED:
            return True
        if self._allow_multiple_definition:
            return False
        self.diagnostics.error_or_warn(
            f"duplicate symbol: {existing}\n>>> defined in {existing.file_name}\n>>> defined in {file.name}"
        )
        return True

    # References

    def _reference(self, symbol: Symbol, file: ObjectInput, info: SymbolInfo) -> None:
        """A reference to anything but a function."""
        kind, flags, _, _, _, _ = info
        if symbol.state == NEW:
            symbol.become_undefined(kind, flags, file)
            self._set_imported_type(symbol, file, info)
        elif symbol.state == LAZY:
            symbol.flags = symbol.flags & ~_BINDING | _WEAK
        elif symbol.state in (DEFINED, SHARED):
            self._check_type(symbol, file, info)
        elif symbol.kind != kind:
            self._report_kind(symbol, file, kind)
        elif symbol.flags & _WEAK:
            symbol.flags = flags | _UNDEFINED_FLAG

    def _set_imported_type(self, symbol: Symbol, file: ObjectInput, info: SymbolInfo) -> None:
        obj = file.object
        kind, flags, _, index, _, _ = info
        if kind == _DATA:
            return
        imports = {_GLOBAL: obj.imported_globals, _TAG: obj.imported_tags, _TABLE: obj.imported_tables}[kind]
        # A definition that a COMDAT group lost stays a reference, and has no import.
        if index >= len(imports):
            if kind == _TAG:
                symbol.signature = file.tags[index - len(imports)][1]
            return
        import_ = imports[index]
        symbol.import_module = import_.module
        if flags & _EXPLICIT_NAME:
            symbol.import_name = import_.field
        if isinstance(import_.type, int):
            symbol.signature = obj.types[import_.type]
        else:
            symbol.element_type = import_.type

    def _reference_function(self, symbol: Symbol, file: ObjectInput, index: int, info: SymbolInfo) -> Symbol:
        """A reference to a function: symbol ``index`` of ``file``."""
        obj = file.object
        _, flags, _, function, _, _ = info
        import_module = import_name = None
        if function < len(obj.imported_functions):
            import_ = obj.imported_functions[function]
            assert isinstance(import_.type, int)
            signature = obj.types[import_.type]
            import_module = import_.module
            import_name = import_.field if flags & _EXPLICIT_NAME else None
        else:
            signature = obj.function_signature(function)

        def declare(symbol: Symbol) -> None:
            symbol.become_undefined(
                _FUNCTION,
                flags,
                file,
                signature=signature,
                import_module=import_module,
                import_name=import_name,
                referrers=[(file, index)],
            )

        if symbol.state == NEW:
            declare(symbol)
            return symbol
        if symbol.state == LAZY:
            symbol.flags = symbol.flags & ~_BINDING | _WEAK
            symbol.signature = signature
            return symbol
        if symbol.kind != _FUNCTION:
            self._report_kind(symbol, file, _FUNCTION)
            return symbol
        if symbol.signature is None:
            symbol.signature = signature
        existing_undefined = symbol if symbol.state == UNDEFINED else None
        if symbol.signature != signature and self._calls_directly(file, index):
            if symbol.state == SHARED:
                if self._check_shared_signatures:
                    self._report_signatures(symbol, signature, file.name, [(file, index)])
                else:
                    symbol.signature = signature
            elif existing_undefined is not None and not self.is_called_directly(existing_undefined):
                declare(symbol)
            else:
                variant, is_new = self._variant(symbol, signature)
                if is_new:
                    declare(variant)
                elif variant.state == UNDEFINED and variant.referrers is not None:
                    variant.referrers.append((file, index))
                symbol = variant
        if existing_undefined is not None:
            self._merge_import(existing_undefined, file, flags, import_module, import_name)
            if existing_undefined.referrers is None:
                existing_undefined.referrers = []
            existing_undefined.referrers.append((file, index))
        return symbol

    def _merge_import(
        self, existing: Symbol, file: ObjectInput, flags: int, module: bytes | None, name: bytes | None
    ) -> None:
        """Two references must agree on where the import comes from."""
        for what, new, old in (("name", name, existing.import_name), ("module", module, existing.import_module)):
            if new is not None and old is not None and new != old:
                self.diagnostics.error(
                    f"import {what} mismatch for symbol: {existing}\n"
                    f">>> defined as {old.decode('utf-8', 'replace')} in {existing.file_name}\n"
                    f">>> defined as {new.decode('utf-8', 'replace')} in {file.name}"
                )
        if existing.import_name is None:
            existing.import_name = name
        if existing.import_module is None:
            existing.import_module = module
        if existing.flags & _WEAK:
            if flags & _BINDING == _WEAK:
                existing.flags = flags | _UNDEFINED_FLAG
            else:
                existing.flags = existing.flags & ~_BINDING | flags & _BINDING

    @property
    def has_read_code(self) -> bool:
        """Whether it mattered what some file calls."""
        return bool(self._direct_calls)

    def _calls_directly(self, file: LinkedFile, index: int) -> bool:
        """Whether a file's code calls symbol ``index``, as opposed to taking its address."""
        if isinstance(file, BitcodeInput):
            return True
        calls = self._direct_calls.get(file)
        if calls is None:
            obj = file.object
            relocs = file.relocations(obj.code_section)
            calls = {i for type_, i in zip(relocs.types, relocs.indices) if type_ == R.FUNCTION_INDEX_LEB}
            self._direct_calls[file] = calls
        return index in calls

    def is_called_directly(self, symbol: Symbol) -> bool:
        """Whether any file calls an undefined function, as opposed to taking its address."""
        return any(self._calls_directly(file, index) for file, index in symbol.referrers or ())

    def _variant(self, symbol: Symbol, signature: bytes) -> tuple[Symbol, bool]:
        """The symbol of the same name with this signature, and whether it had to be made."""
        variants = self._variants.setdefault(symbol.name, [symbol])
        for variant in variants:
            if variant.signature == signature:
                return variant, False
        variant = self._symbol(symbol.name, _FUNCTION, UNDEFINED, 0, None)
        variant.signature = signature
        variant.used = True
        variant.referenced = not self._gc_sections
        variants.append(variant)
        return variant, True

    def disagreeing_functions(self) -> Iterator[tuple[bytes, list[Symbol]]]:
        """Names that stand for functions of different signatures, with one symbol for each."""
        yield from self._variants.items()

    # Types

    def _report_kind(self, existing: Symbol, file: LinkedFile, kind: int) -> None:
        self.report_kind(existing, file.name, kind)

    def report_kind(self, existing: Symbol, where: str, kind: int) -> None:
        """An error: ``where`` has something of another kind under a symbol's name."""
        self.diagnostics.error(
            f"symbol type mismatch: {existing}\n"
            f">>> defined as {describe.KIND_NAMES[existing.kind]} in {existing.file_name}\n"
            f">>> defined as {describe.KIND_NAMES[kind]} in {where}"
        )

    def _check_type(self, existing: Symbol, file: ObjectInput, info: SymbolInfo) -> None:
        """A symbol other than a function's must have the same kind and type wherever it is named."""
        kind, flags, name, _, _, _ = info
        if existing.kind != kind:
            self._report_kind(existing, file, kind)
            return
        if kind == _DATA:
            return
        other = Symbol(name, kind, UNDEFINED, flags, file)
        if flags & _UNDEFINED_FLAG:
            self._set_imported_type(other, file, info)
        else:
            self._place(other, file, info)
        if kind == _TAG:
            if existing.signature != other.signature and existing.signature and other.signature:
                old, new = describe.signature(existing.signature), describe.signature(other.signature)
                self.diagnostics.warn(_type_mismatch("Tag signature mismatch", existing, file.name, old, new))
            return
        before, now = existing.element_type, other.element_type
        if isinstance(before, GlobalType) and isinstance(now, GlobalType):
            if before != now:
                old, new = describe.global_type(before), describe.global_type(now)
                self.diagnostics.error(_type_mismatch("Global type mismatch", existing, file.name, old, new))
        elif isinstance(before, TableType) and isinstance(now, TableType) and before.element_type != now.element_type:
            old, new = describe.table_type(before), describe.table_type(now)
            self.diagnostics.error(_type_mismatch("Table type mismatch", existing, file.name, old, new))


def _type_mismatch(what: str, existing: Symbol, where: str, old: str, new: str) -> str:
    defined = f">>> defined as {old} in {existing.file_name}\n>>> defined as {new} in {where}"
    return f"{what}: {existing.raw_text}\n{defined}"
