"""The only scan of live relocations: undefined symbols, stubs, table entries, GOT entries, used types.

Only relevant relocations are visited one by one: those of a few types, found by a regular expression over the column of
types, and those against undefined symbols.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import compress

from ..binary.constants import SymbolFlag, SymbolKind
from ..binary.relocation_types import (
    ADDRESS,
    ADDRESSES,
    FIXED,
    FROM_PLACE,
    GLOBAL_INDICES,
    MODULE,
    SLEB,
    TABLE_INDEX,
    TABLE_INDICES,
    TLS_OFFSETS,
    TYPE_INDICES,
    ULEB,
    ZERO,
    type_name,
    types_with,
)
from ..binary.relocations import Relocations
from ..diagnostics import Diagnostics
from ..options import LinkOptions, UnresolvedPolicy
from .chunks import MANY_SECTIONS, NO_NUMBER, ObjectInput
from .imports import Imports, may_be_undefined
from .resolution import Resolution
from .symbols import DEFINED, SHARED, UNDEFINED, Symbol
from .synthetic_symbols import UNREACHABLE_BODY, add_synthetic_function
from .thread_context import undefined_context_functions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Final

    from .explain.undefined import Explainer

_ABSOLUTE_IN_CODE: Final = types_with((ADDRESS, TABLE_INDEX), (ULEB, SLEB), (ZERO,))
"""Relocation types that need an address at link time."""
_ABSOLUTE_IN_DATA: Final = types_with((ADDRESS, TABLE_INDEX), (FIXED,), (ZERO,))
"""Relocation types that can be applied at run time."""
_FROM_MODULE: Final = types_with(bases=(MODULE,))
"""Relocation types that need an offset from this module's own bases."""
_SPECIAL: Final = TABLE_INDICES | GLOBAL_INDICES | TLS_OFFSETS | TYPE_INDICES
_IS_SPECIAL: Final = bytes([type_ in _SPECIAL for type_ in range(256)])
_PLAIN: Final = bytes([type_ for type_ in range(256) if type_ not in _SPECIAL])


class Scan:
    """The results of the scan: ``table_entries`` has the functions of the indirect function table, in order; ``got``
    the symbols whose address code reads from a global; ``types`` the signatures that relocations use, numbered."""

    def __init__(self) -> None:
        self.table_entries: list[Symbol] = []
        self.got: list[Symbol] = []
        self.types: dict[bytes, int] = {}

    @property
    def has_addresses(self) -> bool:
        """Whether functions have addresses. Those of stubs are null, but they still require a table."""
        return bool(self.table_entries) or any(symbol.kind == SymbolKind.FUNCTION for symbol in self.got)


class _Scanner:
    def __init__(
        self, resolution: Resolution, imports: Imports, options: LinkOptions, diagnostics: Diagnostics
    ) -> None:
        self.resolution = resolution
        self.imports = imports
        self.policy = options.unresolved_symbols
        self.imports_undefined = self.policy is UnresolvedPolicy.IMPORT_DYNAMIC
        self.is_pic = options.is_pic
        self.options = options
        self.diagnostics = diagnostics
        self.result = Scan()
        self.explainer: Explainer | None = None
        self.reported: set[bytes] = set()
        """The undefined symbols that were reported: each once, with the locations of its references."""
        self.stubs: dict[bytes, Symbol] = {}

    def scan_file(self, file: ObjectInput) -> None:
        obj = file.object
        undefined: set[int] = set()
        if obj.relocation_sections():
            undefined.update(i for i, symbol in enumerate(file.symbols) if symbol.state != DEFINED)
            if self.options.has_threads:
                # Their addresses depend on the thread.
                undefined.update(i for i, symbol in enumerate(file.symbols) if symbol.is_tls)
        settled: set[int] = set()
        if obj.code_section >= 0:
            self._scan_section(file, obj.code_section, obj.function_offsets, file.function_live, undefined, settled)
        if obj.data_section >= 0:
            live = bytes([segment.live for segment in file.segments])
            self._scan_section(file, obj.data_section, obj.segments.offsets, live, undefined, settled)
        if not self.options.gc_sections:
            # Custom sections count as live too then; references of debug information are never errors.
            for section in file.custom_sections.values():
                if not section.name.startswith(b".debug_"):
                    self._scan_section(file, section.index, [0], b"\1", undefined, settled)
                    if len(obj.sections) >= MANY_SECTIONS:
                        # Their decoded relocations are not kept all at once.
                        obj.release_relocations(section.index)
        if file.live and not self.options.relocatable:
            for init in obj.init_functions:
                symbol = file.symbols[init.symbol]
                if symbol.state == UNDEFINED:
                    self._check_undefined(file, symbol, -1, 0)

    def _scan_section(
        self,
        file: ObjectInput,
        section: int,
        starts: Sequence[int],
        live: bytes | bytearray,
        undefined: set[int],
        settled: set[int],
    ) -> None:
        """Scan the relocations of the live parts of a section, which ``starts`` divide.

        :param undefined: the symbols that have no definition, or not exactly one address.
        :param settled: relocations, by type and index, that need not be visited again, since there was nothing to
            report.
        """
        relocs = file.relocations(section)
        types, indices, offsets = relocs.types, relocs.indices, relocs.offsets
        all_live = 0 not in live
        entries = self.diagnostics.entries
        for i in self._positions(relocs, undefined):
            target = indices[i] << 8 | types[i]
            if target not in settled and (all_live or live[bisect_right(starts, offsets[i]) - 1]):
                count = len(entries)
                self._scan(file, relocs, i, undefined, section)
                if len(entries) == count:
                    settled.add(target)

    def _positions(self, relocs: Relocations, undefined: set[int]) -> Iterable[int]:
        if self.is_pic or self.imports_undefined:
            return range(len(relocs.types))
        return _interesting(relocs, undefined)

    def _scan(self, file: ObjectInput, relocs: Relocations, i: int, undefined: set[int], section: int) -> None:
        type_ = relocs.types[i]
        index = relocs.indices[i]
        if type_ in TYPE_INDICES:
            if index not in file.type_numbers:
                types = self.result.types
                file.set_type_number(index, types.setdefault(file.object.types[index], len(types)))
            return
        symbol = file.symbols[index]
        if type_ in TABLE_INDICES:
            if not self._needs_got(symbol):
                self._add_table_entry(symbol)
        elif type_ in GLOBAL_INDICES:
            if symbol.kind != SymbolKind.GLOBAL:
                if symbol.is_tls and self.options.threads_share_instance:
                    self.diagnostics.error(
                        f"{file.name}: relocation {type_name(type_)} cannot be used against TLS symbol `{symbol}`: "
                        "threads of one instance share its global offset table; "
                        "recompile without -fPIC or with -ftls-model=local-exec",
                        (f"defined in {symbol.file_name}",),
                    )
                self._add_got_entry(symbol)
        elif type_ in TLS_OFFSETS:
            self._check_tls(file, symbol, type_)
        elif symbol.is_tls and type_ in ADDRESSES and self.options.has_threads:
            self._check_address_of_tls(file, symbol, type_, section, relocs.offsets[i])
        if self._has_dynamic_address(symbol):
            self._check_dynamic(file, symbol, type_)
            if type_ in FROM_PLACE and symbol.state != DEFINED:
                self._check_distance(file, symbol, type_)
        if index in undefined and symbol.state == UNDEFINED and not self.options.relocatable:
            if type_ in _FROM_MODULE:
                what = f"{file.name}: relocation {type_name(type_)} is not supported against"
                self.diagnostics.error(f"{what} an undefined symbol `{symbol}`")
            if not symbol.is_weak:
                self._check_undefined(file, symbol, section, relocs.offsets[i])

    def _needs_got(self, symbol: Symbol) -> bool:
        """Return whether a symbol's address comes from a global of the dynamic linker."""
        if symbol.state == SHARED:
            return True
        if not self.is_pic and not self.imports_undefined:
            return False
        if symbol.is_hidden or symbol.is_local:
            return False
        return symbol.state != DEFINED or (self.options.shared and not self.options.bsymbolic)

    def _has_dynamic_address(self, symbol: Symbol) -> bool:
        """Return whether a symbol's address is unknown until the module is loaded."""
        if self.is_pic or symbol.state == SHARED:
            return True
        return symbol.state == UNDEFINED and self.imports_undefined

    def _check_dynamic(self, file: ObjectInput, symbol: Symbol, type_: int) -> None:
        if type_ in _ABSOLUTE_IN_CODE:
            self.diagnostics.error(
                f"{file.name}: relocation {type_name(type_)} cannot be used against symbol `{symbol}`; "
                "recompile with -fPIC"
            )
        elif type_ in _ABSOLUTE_IN_DATA and self._needs_got(symbol):
            # Code will copy the address to its destination.
            self._add_got_entry(symbol)

    def _check_distance(self, file: ObjectInput, symbol: Symbol, type_: int) -> None:
        """Check a field that holds the distance to a symbol which this module does not define. The distance to nothing
        is 0."""
        if symbol.state == UNDEFINED and symbol.is_weak:
            return
        kind = "an undefined symbol" if symbol.state == UNDEFINED else "a symbol of a shared library:"
        self.diagnostics.error(
            f"{file.name}: relocation {type_name(type_)} is not supported against {kind} `{symbol}`",
            (f"defined in {symbol.file_name}",) if symbol.state == SHARED else (),
        )

    def _check_tls(self, file: ObjectInput, symbol: Symbol, type_: int) -> None:
        """Check a field that holds a symbol's offset from ``__tls_base``."""
        what = f"{file.name}: relocation {type_name(type_)} cannot be used against"
        where = (f"defined in {symbol.file_name}",)
        if not symbol.is_defined:
            self.diagnostics.error(f"{what} an undefined symbol `{symbol}`")
        elif symbol.state == SHARED:
            self.diagnostics.error(f"{what} symbol `{symbol}` of a shared library; recompile with -fPIC", where)
        if not self.options.has_threads:
            # If thread-local data is ordinary data, any declaration of it has a known offset.
            return
        if not symbol.flags & SymbolFlag.TLS:
            self.diagnostics.error(f"{what} non-TLS symbol `{symbol}`", where if symbol.is_defined else ())
        if symbol.state == DEFINED and not symbol.is_tls:
            output = symbol.segment.output if symbol.segment is not None else None
            name = output.name.decode("utf-8", "replace") if output is not None else ""
            self.diagnostics.error(f"{what} `{symbol}` in non-TLS section: {name}", where)

    def _check_address_of_tls(self, file: ObjectInput, symbol: Symbol, type_: int, section: int, offset: int) -> None:
        """Check a field that holds the address of a symbol of which each thread has its own instance.

        Static data may point to the first thread's instance, and code relocates each thread's own data. Code itself
        cannot contain an address that depends on the thread, and the distance from thread-local data to other data
        differs from thread to thread.
        """
        obj = file.object
        if section == obj.data_section:
            segment = file.segments[bisect_right(obj.segments.offsets, offset) - 1]
            if type_ not in FROM_PLACE or segment.is_tls:
                return
        elif section != obj.code_section:
            # Debug information adds ``__tls_base``.
            return
        self.diagnostics.error(
            f"{file.name}: relocation {type_name(type_)} cannot be used against TLS symbol `{symbol}`; "
            "declare it thread-local and compile with -matomics -mbulk-memory",
            (f"defined in {symbol.file_name}",),
        )

    def _add_table_entry(self, symbol: Symbol) -> None:
        if symbol.is_stub or symbol.table_slot != NO_NUMBER or symbol.state not in (DEFINED, UNDEFINED):
            return
        if self._is_nowhere(symbol) and symbol.is_weak:
            # Its address is null.
            return
        entries = self.result.table_entries
        symbol.set_table_slot(self.options.table_base + len(entries))
        entries.append(symbol)

    @staticmethod
    def _is_nowhere(symbol: Symbol) -> bool:
        """Return whether an undefined function is neither imported nor replaced by a stub."""
        return symbol.state == UNDEFINED and symbol.number == NO_NUMBER and symbol.stub is None

    def check_table(self) -> None:
        """Check the size of the function table, and that each entry has an address: undefined functions that another
        module may define, but that are hidden, have none. wasm-ld crashes on them."""
        size = self.options.table_base + len(self.result.table_entries)
        most = (1 << self.resolution.target.bits) - 1
        if size > most:
            hints = (f"--table-base={self.options.table_base}",) if self.options.table_base > 1 else ()
            self.diagnostics.error(f"table too large: {size} elements needed, cannot be greater than {most}", hints)
        if self.diagnostics.error_count:
            return
        for symbol in self.result.table_entries:
            if not self._is_nowhere(symbol):
                continue
            if self.imports_undefined or may_be_undefined(symbol, self.resolution, self.options):
                self.diagnostics.error(f"{symbol.file_name}: undefined symbol: {symbol}")

    def _add_got_entry(self, symbol: Symbol) -> None:
        if self._needs_got(symbol):
            self.imports.add_got(symbol)
            if self.is_pic:
                # The dynamic linker makes the entry from the export.
                symbol.force_export = True
            return
        if symbol.got_number == NO_NUMBER:
            symbol.got_number = len(self.result.got)
            self.result.got.append(symbol)
            if symbol.kind == SymbolKind.FUNCTION:
                self._add_table_entry(symbol)

    def _check_undefined(self, file: ObjectInput, symbol: Symbol, section: int, offset: int) -> None:
        if self.imports_undefined:
            return
        if may_be_undefined(symbol, self.resolution, self.options):
            return
        if self.policy is not UnresolvedPolicy.IGNORE:
            if symbol.name not in self.reported:
                self.reported.add(symbol.name)
                text = f"{file.name}: undefined symbol: {symbol}"
                hints = self._explain(file, symbol, section, offset)
                if self.policy is UnresolvedPolicy.REPORT_ERROR:
                    self.diagnostics.error(text, hints)
                else:
                    self.diagnostics.warn(text, hints)
            if self.policy is UnresolvedPolicy.REPORT_ERROR:
                return
        if symbol.kind == SymbolKind.FUNCTION and symbol.stub is None and symbol.signature is not None:
            symbol.stub = self._stub(symbol.signature)
            # From here on it has no entry in the table.
            symbol.is_stub = True

    def check_context_functions(self) -> None:
        """Check that the functions exist that synthetic code calls."""
        for symbol in undefined_context_functions(self.resolution):
            if symbol.number != NO_NUMBER:
                continue
            text = f"undefined symbol: {symbol}"
            hints = ("called by the linker's own code, which initialises thread-local data",)
            if self.policy is UnresolvedPolicy.WARN:
                self.diagnostics.warn(text, hints)
            elif self.policy is UnresolvedPolicy.REPORT_ERROR and symbol.name not in self.reported:
                self.diagnostics.error(text, hints)
            assert symbol.signature is not None
            symbol.stub = symbol.stub or self._stub(symbol.signature)

    def _explain(self, file: ObjectInput, symbol: Symbol, section: int, offset: int) -> tuple[str, ...]:
        if self.explainer is None:
            from .explain.undefined import Explainer

            self.explainer = Explainer(self.resolution, self.options)
        return self.explainer.explain(file, symbol, section, offset)

    def _stub(self, signature: bytes) -> Symbol:
        """Return the trapping function for all undefined functions of one type."""
        stub = self.stubs.get(signature)
        if stub is None:
            stub = self.stubs[signature] = add_synthetic_function(self.resolution, b"undefined_stub", signature)
            synthetic = self.resolution.synthetic
            synthetic.bodies[stub.index] = UNREACHABLE_BODY
            synthetic.function_live[stub.index] = True
        return stub


def _interesting(relocs: Relocations, undefined: set[int]) -> Iterator[int]:
    """Yield the positions of the relocations that the scan must visit, in order."""
    if undefined and not undefined.isdisjoint(relocs.indices):
        special = _SPECIAL
        return (
            i
            for i, (type_, index) in enumerate(zip(relocs.types, relocs.indices))
            if index in undefined or type_ in special
        )
    types = relocs.types
    # Data and debug information have none, which the first call finds ten times as fast as the second.
    if not types.translate(None, _PLAIN):
        return iter(())
    return compress(range(len(types)), types.translate(_IS_SPECIAL))


def scan_relocations(resolution: Resolution, imports: Imports, options: LinkOptions, diagnostics: Diagnostics) -> Scan:
    """Scan all live relocations. All undefined symbols are reported here."""
    scanner = _Scanner(resolution, imports, options, diagnostics)
    for file in resolution.objects:
        diagnostics.file = file.name
        scanner.scan_file(file)
    diagnostics.file = ""
    scanner.check_context_functions()
    scanner.check_table()
    return scanner.result
