"""Symbols: one object for each name that the link resolves, and one for each local symbol of a file."""

from __future__ import annotations

from ..binary.constants import SegmentFlag, SymbolFlag, SymbolKind
from ..demangle import demangle_text
from ..inputs.input_files import ObjectSource
from ..inputs.shared_library import SharedLibrary
from ..inputs.symbol_columns import SymbolInfo
from .chunks import NO_NUMBER, InputSegment, LinkedFile, ObjectInput
from .symbol_details import NO_DETAILS, DetailedSymbol
from .symbol_names import symbol_text
from .synthetic_file import SyntheticFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final

UNDEFINED: Final = 0
DEFINED: Final = 1
LAZY: Final = 2
"""A member of an archive would define it."""
SHARED: Final = 3
"""A shared library defines it."""
NEW: Final = 4
"""The state of a new symbol within one step of resolution: only its name is known."""

_WEAK: Final = SymbolFlag.BINDING_WEAK
_LOCAL: Final = SymbolFlag.BINDING_LOCAL
_UNDEFINED_FLAG: Final = SymbolFlag.UNDEFINED
_EXPLICIT_NAME: Final = SymbolFlag.EXPLICIT_NAME
_TLS: Final = SymbolFlag.TLS
_TLS_SEGMENT: Final = SegmentFlag.TLS
_ABSOLUTE: Final = SymbolFlag.ABSOLUTE
_HIDDEN: Final = SymbolFlag.VISIBILITY_HIDDEN
_EXPORTED: Final = SymbolFlag.EXPORTED
_FUNCTION: Final = SymbolKind.FUNCTION
_DATA: Final = SymbolKind.DATA
_GLOBAL: Final = SymbolKind.GLOBAL
_TABLE: Final = SymbolKind.TABLE
_TAG: Final = SymbolKind.TAG

_EXPANSION: Final = 8
_LONGEST: Final = 16 << 10
"""The maximum length of a readable name: this many times that of the mangled one, plus this many characters."""


class Symbol(DetailedSymbol):
    """A symbol, with its resolution so far.

    ``kind`` and ``state`` decide which fields are meaningful. A defined function, global, tag or table is ``index`` of
    ``file``; defined data is ``segment`` and ``value``, or without a segment the address ``value``. No address is
    stored for a symbol that has a location: :meth:`address` computes it.
    """

    __slots__ = (
        "_referrers",
        "file",
        "flags",
        "index",
        "kind",
        "name",
        "number",
        "referenced",
        "segment",
        "signature",
        "size",
        "source",
        "state",
        "used",
        "value",
    )

    def __init__(self, name: bytes, kind: int, state: int, flags: int, file: LinkedFile | None) -> None:
        self._details = NO_DETAILS
        self.name = name
        self.kind = kind
        self.state = state
        self.flags = flags
        self.file = file
        self.source: ObjectSource | None = None
        """The source that would define a lazy symbol. It is kept when the symbol's state changes, since the order in
        which names were first seen depends on it."""
        self.index = 0
        self.value = 0
        self.size = 0
        self.segment: InputSegment | None = None
        self.signature: bytes | None = None
        """The signature of a function or tag."""
        self.referenced = False
        """Liveness of a symbol that has no chunk; for others, a hint."""
        self.used = False
        """Whether an object refers to it: other symbols are never imported."""
        self.number = NO_NUMBER
        """Index in the output of an imported function, global, tag or table, or of the global that holds the address of
        data."""
        self._referrers: tuple[LinkedFile, int] | list[tuple[LinkedFile, int]] | None = None
        """Those of :attr:`referrers`; the only one without a list."""

    @property
    def referrers(self) -> Sequence[tuple[LinkedFile, int]] | None:
        """For an undefined function, (file, symbol index) of each reference, to find direct calls."""
        found = self._referrers
        return [found] if isinstance(found, tuple) else found

    def add_referrer(self, file: LinkedFile, index: int) -> None:
        """Add a reference to an undefined function."""
        found = self._referrers
        if found is None:
            self._referrers = file, index
        elif isinstance(found, tuple):
            self._referrers = [found, (file, index)]
        else:
            found.append((file, index))

    # Transitions. Each sets every field that depends on the state: nothing is left of the previous state but the name,
    # the referrers and, where documented, the signature.

    def become_undefined(
        self,
        kind: int,
        flags: int,
        file: LinkedFile | None,
        *,
        signature: bytes | None = None,
        import_module: bytes | None = None,
        import_name: bytes | None = None,
        referrer: tuple[LinkedFile, int] | None = None,
    ) -> None:
        """Become the undefined symbol that a reference in ``file`` declares."""
        self._forget_place(keep_import=False)
        self.kind = kind
        self.state = UNDEFINED
        self.flags = flags | _UNDEFINED_FLAG
        self.file = file
        self.signature = signature
        self._set_import(import_module, import_name)
        self._referrers = referrer

    def become_lazy(self, source: ObjectSource, flags: int) -> None:
        """Become lazy: an archive's member would define it. Kind and signature remain those of a weak reference, for
        the stub that it may become; so do the referrers."""
        self.state = LAZY
        self.flags = flags
        self.source = source

    def become_unlinked(self) -> None:
        """Become a weak reference to a function again: no member was linked for it."""
        self.kind = _FUNCTION
        self.state = UNDEFINED
        self.flags = _WEAK | _UNDEFINED_FLAG

    def become_shared(self, library: SharedLibrary, kind: int, signature: bytes | None) -> None:
        """Become a definition of a shared library."""
        self._forget_place(keep_import=False)
        self.kind = kind
        self.state = SHARED
        self.flags = 0
        self.library = library
        self.signature = signature

    def become_defined(self, kind: int, flags: int, file: LinkedFile | None) -> None:
        """Become a definition of ``file``; the caller sets its location there."""
        self._forget_place(keep_import=False)
        self.kind = kind
        self.state = DEFINED
        self.flags = flags
        self.file = file
        self._referrers = None

    def become_defined_in_bitcode(self, kind: int, flags: int, file: LinkedFile) -> None:
        """Become a definition without a location. Its signature is the one that callers expect so far; later callers
        expect it as well, since bitcode does not record its own."""
        signature = self.signature
        self.become_defined(kind, flags, file)
        self.signature = signature
        self._referrers = file, 0

    def become_undefined_again(self) -> None:
        """Become undefined, before the generated code defines the symbol."""
        self.state = UNDEFINED
        self.flags = _UNDEFINED_FLAG
        if self.signature is None:
            # Only bitcode calls it.
            self._referrers = None

    def become_absolute(self, flags: int) -> None:
        """Become an address that the memory layout sets."""
        self.become_defined(_DATA, flags | _ABSOLUTE, None)
        self.referenced = True

    def become_trap(self, file: SyntheticFile, index: int) -> None:
        """Become a function that traps when it is called, and whose address is null. The import that it replaces keeps
        its name in the name section."""
        self._forget_place(keep_import=True)
        self.kind = _FUNCTION
        self.state = DEFINED
        self.flags = _LOCAL
        self.file = file
        self.index = index
        self._referrers = None
        self.is_stub = True

    def become_folded(self, file: LinkedFile, index: int, *, keeps_address: bool) -> None:
        """Become a name of an identical function; with ``keeps_address``, one with a separate address."""
        assert self.kind == _FUNCTION and self.state == DEFINED and self.file is not None
        self.folded_from = self.file, self.index
        self.keeps_address = keeps_address
        self.file = file
        self.index = index

    def become_folded_data(self, segment: InputSegment) -> None:
        """Become a name of the same place in an identical segment."""
        assert self.kind == _DATA and self.segment is not None
        self.folded_from = self.segment.file, self.segment.index
        self.segment = segment
        self.file = segment.file

    def place_in(self, file: ObjectInput, info: SymbolInfo) -> None:
        """Set the location of a definition in ``file``, and the fields that depend on it."""
        kind, flags, _, index, offset, size = info
        if kind == _DATA:
            self.value = offset
            self.size = size
            if flags & _ABSOLUTE:
                self.segment = None
            else:
                segment = self.segment = file.segments[index]
                if segment.flags & _TLS_SEGMENT:
                    self.flags |= _TLS
            return
        obj = file.object
        if kind == _FUNCTION:
            self.index = index = index - len(obj.imported_functions)
            self.signature = file.function_signatures[index]
        elif kind == _GLOBAL:
            self.index = index - len(obj.imported_globals)
            self.element_type = file.globals[self.index].type
        elif kind == _TAG:
            self.index = index - len(obj.imported_tags)
            self.signature = file.tag_signatures[self.index]
        elif kind == _TABLE:
            self.index = index - len(obj.imported_tables)
            self.element_type = file.tables[self.index]

    def take_imported_type(self, file: ObjectInput, info: SymbolInfo) -> None:
        """Take type and import names from a reference in ``file`` to anything but a function."""
        obj = file.object
        kind, flags, _, index, _, _ = info
        if kind == _DATA:
            return
        imports = {_GLOBAL: obj.imported_globals, _TAG: obj.imported_tags, _TABLE: obj.imported_tables}[kind]
        # The definition of a discarded COMDAT group becomes a reference without import names.
        if index >= len(imports):
            if kind == _TAG:
                self.signature = file.tag_signatures[index - len(imports)]
            return
        import_ = imports[index]
        self.import_module = import_.module
        if flags & _EXPLICIT_NAME:
            self.import_name = import_.field
        if isinstance(import_.type, int):
            self.signature = obj.types[import_.type]
        else:
            self.element_type = import_.type

    def _forget_place(self, *, keep_import: bool) -> None:
        """Clear the location of a definition or lazy definition, and without ``keep_import`` the names of an import."""
        self.index = self.value = self.size = 0
        self.segment = None
        self._forget_details(keep_import=keep_import)

    # Properties

    @property
    def is_defined(self) -> bool:
        """Whether it is defined here or in a shared library."""
        return self.state in (DEFINED, SHARED)

    @property
    def is_undefined(self) -> bool:
        return self.state == UNDEFINED

    @property
    def is_imported(self) -> bool:
        """Whether its import was requested, so that it may stay undefined."""
        return self.state == UNDEFINED and (self.import_name is not None or self.force_import)

    @property
    def is_weak(self) -> bool:
        return bool(self.flags & _WEAK)

    @property
    def is_local(self) -> bool:
        return bool(self.flags & _LOCAL)

    @property
    def is_hidden(self) -> bool:
        return bool(self.flags & _HIDDEN)

    @property
    def is_undefined_weak(self) -> bool:
        return not self.is_defined and bool(self.flags & _WEAK)

    @property
    def is_explicitly_exported(self) -> bool:
        return self.force_export or bool(self.flags & _EXPORTED)

    def set_hidden(self, hidden: bool) -> None:
        self.flags = self.flags | _HIDDEN if hidden else self.flags & ~_HIDDEN

    # Liveness

    @property
    def is_live(self) -> bool:
        if self.state == DEFINED:
            kind = self.kind
            if kind == _DATA:
                return self.segment.live if self.segment is not None else self.referenced
            file = self.file
            if file is not None:
                if kind == _FUNCTION:
                    return bool(file.function_live[self.index])
                if kind == _GLOBAL:
                    return bool(file.global_live[self.index])
                if kind == _TABLE:
                    return bool(file.table_live[self.index])
                if kind == _TAG:
                    return bool(file.tag_live[self.index])
        return self.referenced

    @property
    def is_discarded(self) -> bool:
        """Whether its chunk was discarded with a COMDAT group that another file provides."""
        if self.state != DEFINED:
            return False
        if self.kind == _FUNCTION and self.file is not None:
            return bool(self.file.function_discarded[self.index])
        if self.segment is not None:
            return self.segment.discarded
        return self.section.discarded if self.section is not None else False

    @property
    def export_name(self) -> bytes:
        """Return the name under which a defined function is exported: its source may name another than the symbol's."""
        assert self.file is not None
        file, index = self.folded_from or (self.file, self.index)
        return file.export_names.get(index, self.name)

    # Its places in the output

    @property
    def got_number(self) -> int:
        """The global that holds its address. Data is in no index space, and has no other number."""
        return self.number if self.kind == _DATA else self._details.got_number

    @got_number.setter
    def got_number(self, got_number: int) -> None:
        if self.kind == _DATA:
            self.number = got_number
        else:
            self._own_details().got_number = got_number

    @property
    def function_number(self) -> int:
        """The index in the output's function index space."""
        if self.stub is not None:
            return self.stub.function_number
        # A definition that another module may override is called through its import.
        return self.own_function_number if self.number == NO_NUMBER else self.number

    @property
    def own_function_number(self) -> int:
        """The output index of a defined function's own body."""
        if self.state == DEFINED:
            assert self.file is not None
            return self.file.function_numbers[self.index]
        return NO_NUMBER

    @property
    def global_number(self) -> int:
        if self.state == DEFINED:
            assert self.file is not None
            return self.file.global_numbers[self.index]
        return self.number

    @property
    def tag_number(self) -> int:
        if self.state == DEFINED:
            assert self.file is not None
            return self.file.tag_numbers[self.index]
        return self.number

    @property
    def table_number(self) -> int:
        if self.state == DEFINED:
            assert self.file is not None
            return self.file.table_numbers[self.index]
        return self.number

    @property
    def table_slot(self) -> int:
        """The index in the indirect function table, or ``NO_NUMBER``."""
        if self.state == DEFINED:
            file, index = self._addressed
            return file.function_slots.get(index, NO_NUMBER)
        return self.slot

    @property
    def _addressed(self) -> tuple[LinkedFile, int]:
        """The function whose entry in the table a defined function has."""
        assert self.file is not None
        return self.folded_from if self.keeps_address and self.folded_from else (self.file, self.index)

    def set_table_slot(self, slot: int) -> None:
        if self.state == DEFINED:
            file, index = self._addressed
            file.set_slot(index, slot)
        else:
            self.slot = slot

    @property
    def is_tls(self) -> bool:
        """Whether it is thread-local data."""
        return self.segment is not None and self.segment.is_tls

    @property
    def tls_offset(self) -> int:
        """The offset of thread-local data from the start of a thread's block."""
        assert self.segment is not None
        return self.segment.output_offset(self.value)

    @property
    def address(self) -> int:
        """The address of data in linear memory; 0 while undefined."""
        if self.state != DEFINED:
            return 0
        return self.segment.address(self.value) if self.segment is not None else self.value

    # Names for messages

    def __str__(self) -> str:
        return symbol_text(self.name)

    @property
    def raw_text(self) -> str:
        """The name in the object files, which ``--trace-symbol`` prints."""
        return self.name.decode("utf-8", "backslashreplace")

    @property
    def file_name(self) -> str:
        """The name of its file; for linker-defined symbols ``<internal>``."""
        if self.state == LAZY and self.source is not None:
            return self.source.name
        if self.state == SHARED and self.library is not None:
            return self.library.name
        return self.file.name if self.file is not None and not isinstance(self.file, SyntheticFile) else "<internal>"


class DemangledSymbol(Symbol):
    """A symbol that is shown demangled."""

    __slots__ = ()

    def __str__(self) -> str:
        name = super().__str__()
        readable = demangle_text(name)
        # Each of many messages may name it.
        return readable if len(readable) <= _EXPANSION * len(name) + _LONGEST else name
