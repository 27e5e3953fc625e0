"""One version of an object, as far as resolution asks: its definitions, its references, and what it keeps."""

from __future__ import annotations

from collections.abc import Container

from ..binary.constants import ComdatKind, SymbolFlag, SymbolKind
from ..binary.relocation_types import RelocationType as R
from ..inputs.object_file import ObjectFile
from ..inputs.symbol_columns import SymbolInfo
from .match_objects import KEPT, Unusable, symbol_key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_FUNCTION: Final = SymbolKind.FUNCTION
_DATA: Final = SymbolKind.DATA
_SECTION: Final = SymbolKind.SECTION
_UNDEFINED: Final = SymbolFlag.UNDEFINED
_LOCAL: Final = SymbolFlag.BINDING_LOCAL
_ABSOLUTE: Final = SymbolFlag.ABSOLUTE


class Version:
    """One version of an object: which of its global symbols are definitions that count."""

    def __init__(self, obj: ObjectFile, discarded: set[bytes]) -> None:
        """:param discarded: the COMDAT groups that other files provide."""
        self.object = obj
        functions: set[int] = set()
        segments: set[int] = set()
        self.sections: set[int] = set()
        for comdat in obj.comdats:
            if comdat.name in discarded:
                for kind, index in comdat.members:
                    if kind == ComdatKind.FUNCTION:
                        functions.add(index)
                    elif kind == ComdatKind.DATA:
                        segments.add(index)
                    elif kind == ComdatKind.SECTION:
                        self.sections.add(index)
                    else:
                        raise Unusable("a COMDAT group with something else than functions and data")
        self.functions = functions
        self.segments = segments
        self.index: dict[bytes, int] = {}
        """The index of each global symbol."""
        for index, (kind, flags, name, _, _, _) in enumerate(obj.symbols):
            if not flags & _LOCAL and kind != _SECTION:
                if name in self.index:
                    raise Unusable("an object has two symbols of a name")
                self.index[name] = index

    def is_definition(self, info: SymbolInfo) -> bool:
        kind, flags, _, index, _, _ = info
        if flags & _UNDEFINED:
            return False
        if kind == _FUNCTION:
            return index not in self.functions
        return kind != _DATA or bool(flags & _ABSOLUTE) or index not in self.segments

    def key(self, index: int) -> tuple[object, ...]:
        """Return what resolution knows of a global symbol."""
        info = self.object.symbols[index]
        kind, flags, name, of, _, _ = info
        is_definition = self.is_definition(info)
        if kind == _DATA:
            return kind, flags, name, is_definition
        return is_definition, symbol_key(self.object, info), None if kind == _FUNCTION else of


def kept_symbols(obj: ObjectFile, known: Container[bytes]) -> list[tuple[int, int, bytes]]:
    """Return the symbols that something keeps, or exports, but for the known ones."""
    return [(kind, flags, name) for kind, flags, name, _, _, _ in obj.symbols if flags & KEPT and name not in known]


def constructors(obj: ObjectFile) -> list[tuple[int, bytes, int, bytes]]:
    """Return the priority of each constructor, its name, its flags and its type, on which its call depends."""
    found = []
    for init in obj.init_functions:
        kind, flags, name, index, _, _ = obj.symbols[init.symbol]
        signature = obj.function_signature(index) if kind == SymbolKind.FUNCTION else b""
        found.append((init.priority, name, flags, signature))
    return found


def called_functions(obj: ObjectFile) -> set[bytes]:
    """Return the global functions that an object calls directly."""
    relocs = obj.relocations(obj.code_section)
    symbols = obj.symbols
    indices = {index for type_, index in zip(relocs.types, relocs.indices) if type_ == R.FUNCTION_INDEX_LEB}
    return {symbols[index][2] for index in indices if not symbols[index][1] & _LOCAL}
