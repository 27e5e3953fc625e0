"""The symbol table: one symbol for each name, and the rules by which definitions and references change its state.

The rules decide which definition prevails, what a reference adds, and which declarations disagree. The table knows no
inputs, reads no archives and adds no files; :mod:`.resolve` does, and calls it symbol by symbol. The transitions
themselves are methods of :class:`.symbols.Symbol`.
"""

from __future__ import annotations

from ..binary.constants import SegmentFlag, SymbolFlag, SymbolKind
from ..binary.relocation_types import RelocationType as R
from ..diagnostics import Diagnostics
from ..inputs.input_files import ObjectSource
from ..inputs.shared_library import SharedLibrary
from ..inputs.symbol_columns import SymbolInfo
from . import mismatches
from .bitcode_input import BitcodeInput
from .chunks import LinkedFile, ObjectInput
from .symbol_names import Names
from .symbols import DEFINED, LAZY, NEW, SHARED, UNDEFINED, DemangledSymbol, Symbol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
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
    """All global symbols by name, in the order in which they were first seen."""

    def __init__(
        self,
        diagnostics: Diagnostics,
        *,
        gc_sections: bool,
        demangle: bool = False,
        check_shared_signatures: bool = True,
        allow_multiple_definition: bool = False,
        traced: Iterable[bytes] = (),
    ) -> None:
        self.diagnostics = diagnostics
        self.names = Names(demangle=demangle)
        self._symbol = DemangledSymbol if demangle else Symbol
        self.symbols: dict[bytes, Symbol] = {}
        self._gc_sections = gc_sections
        self._allow_multiple_definition = allow_multiple_definition
        self._check_shared_signatures = check_shared_signatures
        self._traced = frozenset(traced)
        self._variants: dict[bytes, list[Symbol]] = {}
        self._wrapped: dict[bytes, tuple[Symbol, Symbol, Symbol]] = {}
        """For ``--wrap``: maps each name to its symbol, and to those of ``__real_`` and ``__wrap_``."""
        self._renamed: dict[bytes, Symbol] = {}
        """Names that ``--wrap`` redirected."""
        self._direct_calls: dict[LinkedFile, set[int]] = {}
        self._places: Places | None = None

    # Shared libraries and bitcode

    def add_shared(self, library: SharedLibrary) -> None:
        """Add a definition of a shared library, unless the symbol is defined."""
        for kind, name, signature in library.symbols:
            symbol = self.symbols.get(name) or self.insert(name)
            if symbol.state == UNDEFINED:
                if symbol.kind != kind:
                    self.report_kind(symbol, library.name, kind)
                    if kind != _DATA:
                        continue
                expected = symbol.signature
                if kind == _TAG and expected and signature and expected != signature:
                    self.diagnostics.warn(mismatches.tags(symbol, signature, library.name))
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
        """Return the lines of a diagnostic that list the calls of a function.

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
        text = mismatches.signatures(symbol, signature, where)
        self.diagnostics.error(text, self.describe_calls(referrers))

    def define_in_bitcode(self, symbol: Symbol, file: BitcodeInput, info: BitcodeSymbol) -> None:
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

    def reference_from_bitcode(self, symbol: Symbol, file: BitcodeInput, info: BitcodeSymbol) -> None:
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

    # Names

    @property
    def redefined_symbols(self) -> set[Symbol]:
        """Return the symbols that :meth:`wrap` will redirect."""
        return {symbol for wrapped in self._wrapped.values() for symbol in wrapped[:2]}

    def find(self, name: bytes) -> Symbol | None:
        """Return the symbol of a name, after ``--wrap``."""
        return self._renamed.get(name) or self.symbols.get(name)

    def add_own(self, symbol: Symbol) -> None:
        """Add a symbol that the linker itself defines, or refers to."""
        self.symbols[symbol.name] = symbol
        symbol.traced = symbol.name in self._traced
        if symbol.traced and not symbol.is_defined:
            self.diagnostics.message(f"{symbol.file_name}: reference to {symbol.raw_text}")
        self.trace_definition(symbol)

    def trace_definition(self, symbol: Symbol) -> None:
        """Report the new definition of a symbol, for ``--trace-symbol``."""
        if symbol.traced and symbol.is_defined:
            self.diagnostics.message(f"{symbol.file_name}: definition of {symbol.raw_text}")

    def declare_wrapped(self, symbol: Symbol, real: Symbol, wrapper: Symbol) -> None:
        """Record the symbols that :meth:`wrap` will exchange, for ``--wrap``."""
        symbol.used = wrapper.used = True
        real.used = False
        self._wrapped[symbol.name] = (symbol, real, wrapper)

    def is_wrapped(self, name: bytes) -> bool:
        return name in self._wrapped

    def wrap(self, files: Iterable[ObjectInput]) -> None:
        """Redirect references to each wrapped name to ``__wrap_`` and the name, and those to ``__real_`` to the
        name."""
        # The functions of bitcode have types since code was generated.
        self.type_wrapped()
        meant: dict[Symbol, Symbol] = {}
        for name, (symbol, real, wrapper) in self._wrapped.items():
            meant[symbol] = wrapper
            meant[real] = symbol
            self._renamed[name] = wrapper
            self._renamed[real.name] = symbol
        if meant:
            for file in files:
                file.symbols = [meant.get(symbol, symbol) for symbol in file.symbols]

    def type_wrapped(self) -> None:
        """Give undefined ``__real_`` and ``__wrap_`` symbols the kind and signature of the symbol they stand for."""
        for symbol, real, wrapper in self._wrapped.values():
            for other in (real, wrapper):
                if other.state == UNDEFINED and other.signature is None:
                    other.kind, other.signature, other.element_type = symbol.kind, symbol.signature, symbol.element_type

    def demote_lazy_symbols(self) -> None:
        """Turn lazy symbols that are only weakly referenced into undefined ones: no member is extracted any more."""
        for symbol in self.symbols.values():
            if symbol.state == LAZY and symbol.signature is not None:
                symbol.become_unlinked()

    def insert(self, name: bytes) -> Symbol:
        """Add a symbol with a new name."""
        symbol = self.symbols[name] = self._symbol(name, _DATA, NEW, 0, None)
        if not self._gc_sections:
            symbol.referenced = True
        if name in self._traced:
            symbol.traced = True
        return symbol

    def refer(self, name: bytes, where: str) -> Symbol:
        """Return the symbol of a name that ``where`` refers to."""
        symbol = self.symbols.get(name)
        if symbol is None:
            symbol = self.insert(name)
        symbol.used = True
        if symbol.traced:
            self.diagnostics.message(f"{where}: reference to {symbol.raw_text}")
        return symbol

    def make_lazy(self, symbol: Symbol, source: ObjectSource, flags: int) -> None:
        symbol.become_lazy(source, flags)
        if symbol.traced:
            self.diagnostics.message(f"{source.name}: lazy definition of {symbol.raw_text}")

    # Definitions

    def define(self, file: ObjectInput, info: SymbolInfo) -> Symbol | None:
        """Return the symbol of a definition, or ``None`` if it is in a COMDAT group that another file provides: the
        entry is then a reference."""
        kind, flags, name, index, _, _ = info
        if flags & _LOCAL:
            if kind == _SECTION:
                return self._define_section(file, info)
            symbol = self._symbol(name, kind, DEFINED, flags, file)
            symbol.place_in(file, info)
            return symbol
        obj = file.object
        if kind == _FUNCTION:
            if file.function_discarded[index - len(obj.imported_functions)]:
                return None
        elif kind == _DATA:
            if not flags & _ABSOLUTE and index in file.discarded_segments:
                return None
        elif kind == _TAG and file.tag_discarded[index - len(obj.imported_tags)]:
            return None
        found = self.symbols.get(name)
        if found is None:
            symbol = self.symbols[name] = self._symbol(name, kind, DEFINED, flags, file)
            symbol.used = True
            if not self._gc_sections:
                symbol.referenced = True
            symbol.place_in(file, info)
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
            self.check_type(symbol, file, info)
            if self._should_replace(symbol, file, flags):
                self._replace(symbol, file, info)
        return symbol

    def _define_section(self, file: ObjectInput, info: SymbolInfo) -> Symbol | None:
        _, flags, _, index, _, _ = info
        section = file.custom_sections.get(index)
        if section is not None and section.discarded:
            return None
        symbol = Symbol(file.object.sections.names[index], _SECTION, DEFINED, flags, file)
        symbol.section = section
        symbol.index = index
        return symbol

    def _define_function(self, symbol: Symbol, file: ObjectInput, info: SymbolInfo) -> Symbol:
        """Return the symbol of a function's definition whose name is already in the table."""
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

    def _replace(self, symbol: Symbol, file: ObjectInput, info: SymbolInfo) -> None:
        kind, flags, _, _, _, _ = info
        symbol.become_defined(kind, flags, file)
        symbol.place_in(file, info)
        self.trace_definition(symbol)

    def _should_replace(self, existing: Symbol, file: LinkedFile, flags: int) -> bool:
        """Return whether a new definition replaces an existing symbol; report two strong ones."""
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

    def reference(self, symbol: Symbol, file: ObjectInput, info: SymbolInfo) -> None:
        """Apply a reference to a symbol that is not a function."""
        kind, flags, _, _, _, _ = info
        if symbol.state == NEW:
            symbol.become_undefined(kind, flags, file)
            symbol.take_imported_type(file, info)
        elif symbol.state == LAZY:
            symbol.flags = symbol.flags & ~_BINDING | _WEAK
        elif symbol.state in (DEFINED, SHARED):
            self.check_type(symbol, file, info)
        elif symbol.kind != kind:
            self._report_kind(symbol, file, kind)
        elif symbol.flags & _WEAK:
            symbol.flags = flags | _UNDEFINED_FLAG

    def reference_function(self, symbol: Symbol, file: ObjectInput, index: int, info: SymbolInfo) -> Symbol:
        """Return the symbol for a reference to a function, symbol ``index`` of ``file``."""
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
                referrer=(file, index),
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
                    variant.add_referrer(file, index)
                symbol = variant
        if existing_undefined is not None:
            self._merge_import(existing_undefined, file, flags, import_module, import_name)
            existing_undefined.add_referrer(file, index)
        return symbol

    def _merge_import(
        self, existing: Symbol, file: ObjectInput, flags: int, module: bytes | None, name: bytes | None
    ) -> None:
        """Check that two references agree on the name of the import."""
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
        """Return whether resolution had to inspect call relocations, because signatures disagree."""
        return bool(self._direct_calls)

    def _calls_directly(self, file: LinkedFile, index: int) -> bool:
        """Return whether a file's code calls symbol ``index``, as opposed to taking its address."""
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
        """Return whether any file calls an undefined function, as opposed to taking its address."""
        return any(self._calls_directly(file, index) for file, index in symbol.referrers or ())

    def _variant(self, symbol: Symbol, signature: bytes) -> tuple[Symbol, bool]:
        """Return the symbol of the same name with this signature, and whether it was created."""
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
        """Yield names with several function signatures, with one symbol for each signature."""
        yield from self._variants.items()

    # Mismatches

    def _report_kind(self, existing: Symbol, file: LinkedFile, kind: int) -> None:
        self.report_kind(existing, file.name, kind)

    def report_kind(self, existing: Symbol, where: str, kind: int) -> None:
        """Report that ``where`` uses the name of ``existing`` for another kind of symbol."""
        self.diagnostics.error(mismatches.kinds(existing, kind, where))

    def check_type(self, existing: Symbol, file: ObjectInput, info: SymbolInfo) -> None:
        """Check that a symbol other than a function has the same kind and type in every file."""
        kind, flags, name, _, _, _ = info
        if existing.kind != kind:
            self._report_kind(existing, file, kind)
            return
        if kind == _DATA:
            return
        other = Symbol(name, kind, UNDEFINED, flags, file)
        if flags & _UNDEFINED_FLAG:
            other.take_imported_type(file, info)
        else:
            other.place_in(file, info)
        text = mismatches.types(existing, other)
        if text:
            (self.diagnostics.warn if kind == _TAG else self.diagnostics.error)(text)
