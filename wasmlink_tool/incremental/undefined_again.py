"""Imported functions, and the linker's own, after the names of all objects were resolved again.

The linker's own functions are the one that calls the constructors and then, in the order of the symbol table, a stub
for each undefined function with weak references only. Both they and imports are there if they are live. Imports and own
functions have the first numbers, so that all numbers follow from them.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping

from ..binary.constants import ExternalKind, SectionId, SymbolKind
from ..binary.leb128 import uleb
from ..linking.chunks import NO_NUMBER, LinkedFile
from ..linking.symbol_names import Names
from ..linking.symbol_table import DEFAULT_MODULE
from ..linking.symbols import DEFINED, UNDEFINED, Symbol
from ..linking.synthetic_symbols import NO_SIGNATURE
from ..options import UnresolvedPolicy
from ..output.encoding import name
from ..records import record
from .last_module import next_import, read_number
from .match_objects import Unusable
from .resolve_again import REFERENCE, WEAK_LAZY, WEAK_REFERENCE
from .state import INTERNAL, ROW

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .resolved_symbols import ResolvedObjects
    from .update import Update

    ImportKey = tuple[bytes, bytes, bytes]
    """Module, name and signature."""


@record()
class OwnFunction:
    """A function of the linker that is live."""

    index: int
    """Its index among the linker's own functions: those of the last link first, then those that are new."""
    signature: bytes
    text: bytes
    """Its name in the name section."""
    number: int


@record()
class ImportedFunction:
    key: ImportKey
    text: bytes
    """Its name in the name section."""
    number: int


def is_understood(update: Update) -> bool:
    """Return whether the linker's own functions in the last link are those of the module's description, so that they
    can be determined again."""
    rows, symbols = update.symbols.rows, range(len(update.symbols.rows) // ROW)
    stubs = sum(rows[ROW * row + 11] and rows[ROW * row + 3] == INTERNAL for row in symbols)
    return (
        update.columns.counts[0] == 1 + stubs
        and update.columns.call_ctors == 0
        and update.options.unresolved_symbols is UnresolvedPolicy.REPORT_ERROR
    )


def check_declarations(
    update: Update, resolved: ResolvedObjects, rows: Mapping[int, int], *, is_understood: bool
) -> None:
    """Check that objects declare names that nothing defines as in the last link.

    :param rows: for each such name, by its number, its row in the last link's symbol table.
    :param is_understood: whether functions may be declared otherwise, since :class:`Undefined` numbers them.
    :raises Unusable: one of them has another kind or type, or is imported from elsewhere.
    """
    names, last = resolved.names, resolved.interfaces
    wanted: set[int] = set()
    for number, row in rows.items():
        kind = names.declared(number)[0]
        if kind != update.symbols.rows[ROW * row]:
            raise Unusable("what no object defines has another kind")
        if kind != SymbolKind.DATA and not (kind == SymbolKind.FUNCTION and is_understood):
            wanted.add(number)
    if not wanted:
        return
    types: dict[int, bytes] = {}
    imports: dict[int, bytes] = {}
    for number, key in zip(last.names, last.key_numbers):
        if number in wanted:
            _, _, type_, import_ = last.keys[key]
            types.setdefault(number, type_)
            if import_:
                imports.setdefault(number, import_)
    for number in wanted:
        _, type_, import_ = names.declared(number)
        if (types.get(number), imports.get(number, b"")) != (type_, import_):
            raise Unusable("what no object defines has another type, or is imported from elsewhere")


class Undefined:
    """The imported functions and the linker's own functions of this link, numbered."""

    def __init__(self, update: Update, stubs: dict[int, Symbol]) -> None:
        """
        :param stubs: by the number of the name, the stubs that are new.
        :raises Unusable: a symbol is undefined.
        """
        assert update.resolved is not None
        self._update = update
        self._stubs = stubs
        self._shown = Names(demangle=update.options.demangle).name
        self.imports: list[ImportedFunction] = []
        self.own: list[OwnFunction] = []
        self._by_row: dict[int, int] = {}
        """The number of the import of each undefined function."""
        self._section: list[int | ImportedFunction] = []
        """The imports of all kinds in order: those that are no functions as their rows."""
        self._find_imports()
        self._find_own()
        self.count = len(self.imports) + len(self.own)
        self.imports_differ = self._compare_imports()

    def _find_imports(self) -> None:
        update = self._update
        assert update.resolved is not None
        names, symbols, live = update.resolved.names, update.symbols, update.marks.live
        allowed = names.files.allowed_undefined
        texts = list(names.names)
        known: dict[ImportKey, ImportedFunction] = {}
        for number in names.seen:
            if names.states[number] != REFERENCE:
                continue
            row = symbols.row_of(number)
            kind, state = symbols.rows[ROW * row : ROW * row + 2] if row >= 0 else (SymbolKind.DATA, DEFINED)
            if state != UNDEFINED or not live[symbols.node(row)]:
                continue
            if kind == SymbolKind.DATA:
                raise Unusable("undefined data is referred to")
            if kind != SymbolKind.FUNCTION:
                self._section.append(row)
                continue
            _, signature, origin = names.declared(number)
            module, _, field = origin.partition(b"\0")
            if not field and texts[number] not in allowed and not update.options.import_undefined:
                raise Unusable("an undefined function is referred to")
            key = module if origin else DEFAULT_MODULE, field[1:] if field else texts[number], signature
            found = known.get(key)
            if found is None:
                found = known[key] = ImportedFunction(key, self._shown(texts[number]), len(self.imports))
                self.imports.append(found)
                self._section.append(found)
            self._by_row[row] = found.number

    def _find_own(self) -> None:
        update = self._update
        assert update.resolved is not None
        names, symbols, live = update.resolved.names, update.symbols, update.marks.live
        texts = list(names.names)
        number = len(self.imports)
        if live[update.columns.call_ctors]:
            self.own.append(OwnFunction(0, NO_SIGNATURE, self._shown(b"__wasm_call_ctors"), number))
        for of in names.seen:
            kind, signature, _ = names.declared(of)
            if names.states[of] not in (WEAK_REFERENCE, WEAK_LAZY) or kind != SymbolKind.FUNCTION:
                continue
            row = symbols.row_of(of)
            if row < 0:
                raise ValueError("a stub without a symbol")
            symbol = self._stubs.get(of)
            if live[symbols.node(row)]:
                index = symbols.rows[ROW * row + 4] if symbol is None else symbol.index
                text = b"undefined_weak:" + self._shown(texts[of])
                self.own.append(OwnFunction(index, signature, text, number + len(self.own)))

    def _compare_imports(self) -> bool:
        """Return whether other functions are imported than in the last link, or in another order."""
        entries = _entries(self._update.last.sections.contents(SectionId.IMPORT))
        before = [entry for kind, entry in entries if kind == ExternalKind.FUNCTION]
        now = [_head(imported) for imported in self.imports]
        if len(before) == len(now) and all(
            entry.startswith(head) and self._type_of(entry) == imported.key[2]
            for entry, head, imported in zip(before, now, self.imports)
        ):
            return False
        kinds = {kind for kind, _ in entries}
        if not kinds <= {ExternalKind.FUNCTION, ExternalKind.MEMORY, ExternalKind.GLOBAL}:
            raise Unusable("other imports beside tables or tags")
        if not before or not now:
            raise Unusable("the first import of a function, or the last one")
        return True

    def _type_of(self, entry: bytes) -> bytes:
        at = 0
        for _ in range(2):
            size, at = read_number(entry, at)
            at += size
        number, _ = read_number(entry, at + 1)
        return self._update.last_signatures[number]

    def number_symbols(self) -> None:
        """Number the undefined functions that the objects which are linked again name."""
        for row, symbol in self._update.symbols.used():
            if symbol.state == UNDEFINED and symbol.kind == SymbolKind.FUNCTION:
                symbol.number = self._by_row.get(row, NO_NUMBER)
                symbol.referenced = row in self._by_row

    def mapping(self) -> list[int]:
        """Return the new numbers of the imported and the linker's own functions of the last link, in order."""
        columns, rows = self._update.columns, self._update.symbols.rows
        found = [NO_NUMBER] * columns.imported
        for row in range(len(rows) // ROW):
            kind, state = rows[ROW * row : ROW * row + 2]
            old = rows[ROW * row + 7]
            if kind == SymbolKind.FUNCTION and state == UNDEFINED and 0 <= old < len(found):
                found[old] = self._by_row.get(row, found[old])
        now = {own.index: own.number for own in self.own}
        live = columns.live[: columns.counts[0]]
        return found + [now.get(index, NO_NUMBER) for index, was_live in enumerate(live) if was_live]

    def renumber(self, file: LinkedFile) -> None:
        """Number the functions of the linker's own file."""
        count = self._update.columns.counts[0] + len(self._stubs)
        file.function_live = bytearray(count)
        file.function_numbers = array("i", [NO_NUMBER]) * count
        for own in self.own:
            file.function_live[own.index] = 1
            file.function_numbers[own.index] = own.number

    def names(self) -> list[bytes]:
        """Return the entries of these functions in the name section."""
        names = [(imported.number, imported.text) for imported in self.imports]
        names += [(own.number, own.text) for own in self.own]
        return [uleb(number) + name(text) for number, text in names]

    def section(self, types: dict[bytes, int]) -> bytes:
        """Return the contents of the import section.

        :param types: the numbers of signatures.
        """
        entries = _entries(self._update.last.sections.contents(SectionId.IMPORT))
        others = [entry for kind, entry in entries if kind == ExternalKind.GLOBAL]
        found = [entry for kind, entry in entries if kind == ExternalKind.MEMORY]
        rows = self._update.symbols.rows
        for imported in self._section:
            if isinstance(imported, ImportedFunction):
                found.append(_head(imported) + uleb(types[imported.key[2]]))
            else:
                found.append(others[rows[ROW * imported + 7]])
        return uleb(len(found)) + b"".join(found)


def _head(imported: ImportedFunction) -> bytes:
    module, field, _ = imported.key
    return name(module) + name(field) + bytes((ExternalKind.FUNCTION,))


def _entries(contents: bytes) -> list[tuple[int, bytes]]:
    """Return the entries of an import section, each with its kind."""
    if not contents:
        return []
    count, at = read_number(contents, 0)
    found = []
    for _ in range(count):
        start = at
        kind, _, at = next_import(contents, at)
        found.append((kind, contents[start:at]))
    return found
