"""The fields that few symbols have, in an object apart from the symbol.

A symbol takes a few bytes of an input, and there are very many: each field would take eight bytes more of every symbol.
Symbols share the objects: most have the one of symbols without any such field, and those with only the module of their
import and conditions have one for each combination of them. A symbol gets one of its own when another field is set.
"""

from __future__ import annotations

from ..inputs.object_file import GlobalType, TableType
from ..inputs.shared_library import SharedLibrary
from ..memo import remember
from .chunks import NO_NUMBER, InputSection, LinkedFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from .symbols import Symbol

_FORCE_EXPORT: Final = 1
_FORCE_IMPORT: Final = 2
_KEEPS_ADDRESS: Final = 4
_TRACED: Final = 8
_IS_STUB: Final = 16
_GOT_IS_IMPORTED: Final = 32


class SymbolDetails:
    """The fields that few symbols have. Nothing changes an object that symbols share."""

    __slots__ = (
        "conditions",
        "element_type",
        "folded_from",
        "got_number",
        "import_module",
        "import_name",
        "is_shared",
        "library",
        "section",
        "slot",
        "stub",
    )

    def __init__(self) -> None:
        self.is_shared = False
        """True if several symbols have it."""
        self.conditions = 0
        """The fields that are true or false."""
        self.library: SharedLibrary | None = None
        """The library that defines a shared symbol."""
        self.section: InputSection | None = None
        self.element_type: GlobalType | TableType | None = None
        """The type of a global or table."""
        self.import_module: bytes | None = None
        self.import_name: bytes | None = None
        self.folded_from: tuple[LinkedFile, int] | None = None
        """The file and the index of the function or segment that identical code folding replaced by another one."""
        self.stub: Symbol | None = None
        """The target of direct calls to an undefined function that is neither imported nor an error."""
        self.slot = NO_NUMBER
        """Index in the indirect function table of an imported function."""
        self.got_number = NO_NUMBER
        """The global that holds the address of anything but data."""

    def copy(self) -> SymbolDetails:
        """Return an object with the same fields for one symbol."""
        copied = SymbolDetails()
        copied.conditions = self.conditions
        copied.library = self.library
        copied.section = self.section
        copied.element_type = self.element_type
        copied.import_module = self.import_module
        copied.import_name = self.import_name
        copied.folded_from = self.folded_from
        copied.stub = self.stub
        copied.slot = self.slot
        copied.got_number = self.got_number
        return copied


@remember(64)
def _shared_details(key: tuple[bytes | None, int]) -> SymbolDetails:
    """Return the details, which symbols share, of one with no more than the module of its import and conditions."""
    details = SymbolDetails()
    details.import_module, details.conditions = key
    details.is_shared = True
    return details


NO_DETAILS: Final = _shared_details((None, 0))


class DetailedSymbol:
    """The base of symbols: reads and sets the fields of :class:`SymbolDetails` as if they were the symbol's own."""

    __slots__ = ("_details",)

    def __init__(self) -> None:
        self._details = NO_DETAILS

    def _own_details(self) -> SymbolDetails:
        """Return the details of this symbol alone, to set a field."""
        details = self._details
        if details.is_shared:
            details = self._details = details.copy()
        return details

    def _set_condition(self, condition: int, value: bool) -> None:
        details = self._details
        conditions = details.conditions | condition if value else details.conditions & ~condition
        if conditions == details.conditions:
            return
        if details.is_shared:
            self._details = _shared_details((details.import_module, conditions))
        else:
            details.conditions = conditions

    def _set_import(self, module: bytes | None, name: bytes | None) -> None:
        """Set the names of the symbol's import, and forget its type."""
        details = self._details
        if name is None and details.is_shared:
            self._details = _shared_details((module, details.conditions))
            return
        details = self._own_details()
        details.import_module = module
        details.import_name = name
        details.element_type = None

    def _forget_details(self, *, keep_import: bool) -> None:
        """Clear what belongs to a definition; without ``keep_import``, also the names of an import."""
        details = self._details
        if not details.is_shared:
            details.library = None
            details.section = None
            details.folded_from = None
            if not keep_import:
                details.import_module = details.import_name = None
        elif not keep_import and details.import_module is not None:
            self._details = _shared_details((None, details.conditions))

    @property
    def library(self) -> SharedLibrary | None:
        return self._details.library

    @library.setter
    def library(self, library: SharedLibrary | None) -> None:
        self._own_details().library = library

    @property
    def section(self) -> InputSection | None:
        return self._details.section

    @section.setter
    def section(self, section: InputSection | None) -> None:
        self._own_details().section = section

    @property
    def element_type(self) -> GlobalType | TableType | None:
        return self._details.element_type

    @element_type.setter
    def element_type(self, element_type: GlobalType | TableType | None) -> None:
        self._own_details().element_type = element_type

    @property
    def import_module(self) -> bytes | None:
        return self._details.import_module

    @import_module.setter
    def import_module(self, import_module: bytes | None) -> None:
        self._own_details().import_module = import_module

    @property
    def import_name(self) -> bytes | None:
        return self._details.import_name

    @import_name.setter
    def import_name(self, import_name: bytes | None) -> None:
        self._own_details().import_name = import_name

    @property
    def force_export(self) -> bool:
        return bool(self._details.conditions & _FORCE_EXPORT)

    @force_export.setter
    def force_export(self, force_export: bool) -> None:
        self._set_condition(_FORCE_EXPORT, force_export)

    @property
    def force_import(self) -> bool:
        """A stub library says that the host has it."""
        return bool(self._details.conditions & _FORCE_IMPORT)

    @force_import.setter
    def force_import(self, force_import: bool) -> None:
        self._set_condition(_FORCE_IMPORT, force_import)

    @property
    def folded_from(self) -> tuple[LinkedFile, int] | None:
        return self._details.folded_from

    @folded_from.setter
    def folded_from(self, folded_from: tuple[LinkedFile, int] | None) -> None:
        self._own_details().folded_from = folded_from

    @property
    def keeps_address(self) -> bool:
        """True if a folded function has a separate entry in the indirect function table."""
        return bool(self._details.conditions & _KEEPS_ADDRESS)

    @keeps_address.setter
    def keeps_address(self, keeps_address: bool) -> None:
        self._set_condition(_KEEPS_ADDRESS, keeps_address)

    @property
    def traced(self) -> bool:
        return bool(self._details.conditions & _TRACED)

    @traced.setter
    def traced(self, traced: bool) -> None:
        self._set_condition(_TRACED, traced)

    @property
    def is_stub(self) -> bool:
        """True if its address is 0: it compares equal to the null pointer and has no table entry."""
        return bool(self._details.conditions & _IS_STUB)

    @is_stub.setter
    def is_stub(self, is_stub: bool) -> None:
        self._set_condition(_IS_STUB, is_stub)

    @property
    def stub(self) -> Symbol | None:
        return self._details.stub

    @stub.setter
    def stub(self, stub: Symbol | None) -> None:
        self._own_details().stub = stub

    @property
    def slot(self) -> int:
        return self._details.slot

    @slot.setter
    def slot(self, slot: int) -> None:
        self._own_details().slot = slot

    @property
    def got_is_imported(self) -> bool:
        """True if the dynamic linker sets the global that holds its address."""
        return bool(self._details.conditions & _GOT_IS_IMPORTED)

    @got_is_imported.setter
    def got_is_imported(self, got_is_imported: bool) -> None:
        self._set_condition(_GOT_IS_IMPORTED, got_is_imported)
