"""Resolve the symbols of changed objects among those of the last link, as resolution would.

Resolution goes through the files in order, and what it decides depends on this order: which of several definitions
wins, which members are extracted and where they come, in which order names are seen first. So a change is accepted only
where the order does not matter:

- a definition or reference that the last version had as well has the same result;
- a new name may be defined if no other file can refer to it, or only changed objects do;
- a new reference may be to a definition whose file does not depend on it: an object, or a member that was in the link
  before resolution began with the changed object;
- names that decide the order of anything (exported or undefined ones, and those whose members the changed object may
  have extracted) must be the same in the same order.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..binary.constants import SegmentFlag, SymbolFlag, SymbolKind, ValueType
from ..inputs.object_file import GlobalType, TableType
from ..inputs.symbol_columns import SymbolInfo
from ..linking.chunks import ObjectInput
from ..linking.symbol_table import INDIRECT_FUNCTION_TABLE
from ..linking.symbols import DEFINED, UNDEFINED, Symbol
from .accepted import has_accepted_relocations, has_understood_relocations
from .link_columns import NO_ROW
from .match_objects import Unusable, check_other_parts
from .object_version import Version, called_functions, constructors, kept_symbols
from .replacements import own_symbol
from .state import INTERNAL, column

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from .update import Update

_FUNCTION: Final = SymbolKind.FUNCTION
_DATA: Final = SymbolKind.DATA
_SECTION: Final = SymbolKind.SECTION
_UNDEFINED: Final = SymbolFlag.UNDEFINED
_LOCAL: Final = SymbolFlag.BINDING_LOCAL
_WEAK: Final = SymbolFlag.BINDING_WEAK
_ABSOLUTE: Final = SymbolFlag.ABSOLUTE
OWN_TYPES: Final[dict[bytes, object]] = {
    b"__stack_pointer": GlobalType(bytes((ValueType.I32,)), True),
    INDIRECT_FUNCTION_TABLE: bytes((ValueType.FUNCREF,)),
}
"""The type of the linker's global, and the elements' of its table, which an object imports if its code needs them."""


class ChangedSymbols:
    """Sets the symbols of the changed objects."""

    def __init__(self, update: Update) -> None:
        """:raises Unusable: resolution may decide otherwise in a way that is not understood."""
        self._update = update
        self._symbols = update.symbols
        self._columns = columns = update.columns
        self._started = columns.started
        self._providers = dict(zip(columns.groups, columns.providers))
        self._added: dict[bytes, Symbol] = {}
        """New names, which changed objects define."""
        self._retyped: dict[int, bytes] = {}
        """Rows of functions with another signature now."""
        self._gone: set[int] = set()
        """Rows of definitions that are gone."""
        self._roots = set(columns.roots)
        self._known = known_tables(update)
        order = sorted(update.changed, key=self._started.__getitem__)
        self._versions: dict[int, tuple[Version, Version]] = {}
        new_groups: dict[bytes, int] = {}
        for ordinal in order:
            self._versions[ordinal] = self._compare(ordinal, new_groups)
        for ordinal in order:
            self._define(ordinal)
        self._check_gone()
        for ordinal in order:
            self._refer(ordinal)
        self._check_members()
        for ordinal in order:
            self._check_calls(ordinal)
            self._check_order(ordinal)

    def _compare(self, ordinal: int, new_groups: dict[bytes, int]) -> tuple[Version, Version]:
        update = self._update
        before, file = update.before[ordinal], update.new[ordinal]
        after = file.object
        if not has_accepted_relocations(after) or not has_understood_relocations(after):
            raise Unusable("an object has relocations that only the passes understand")
        check_other_parts(before, after, OWN_TYPES)
        named = sum(info[0] == SymbolKind.TABLE for info in after.symbols)
        if named != len(after.imported_tables) + len(after.tables):
            raise Unusable("an object has tables without symbols")
        if len(column(update.last.decisions(ordinal).symbols)) != len(before.symbols):
            raise Unusable("an object has symbols that its symbol table does not tell of")
        providers = self._providers
        was = {comdat.name for comdat in before.comdats if providers[comdat.name] != ordinal}
        now: set[bytes] = set()
        for comdat in after.comdats:
            provider = providers.get(comdat.name)
            if provider is None:
                provider = new_groups.setdefault(comdat.name, ordinal)
            if provider != ordinal:
                if self._started[provider] > self._started[ordinal]:
                    raise Unusable("a COMDAT group is another object's now")
                now.add(comdat.name)
        names = {comdat.name for comdat in after.comdats}
        for comdat in before.comdats:
            if (
                comdat.name not in names
                and providers[comdat.name] == ordinal
                and self._columns.carriers[self._columns.groups.index(comdat.name)] > 1
            ):
                raise Unusable("a COMDAT group is another object's now")
        new = Version(after, now)
        if kept_symbols(before, self._known) != kept_symbols(after, self._known):
            raise Unusable("an object has other symbols that are exported or kept")
        if any(segment.flags & SegmentFlag.RETAIN for segment in (*before.segments, *after.segments)) and (
            [segment.name for segment in before.segments] != [segment.name for segment in after.segments]
        ):
            raise Unusable("an object has data that is kept by itself")
        if {before.function_names[i]: n for i, n in before.export_names.items()} != {
            after.function_names[i]: n for i, n in after.export_names.items()
        }:
            raise Unusable("a function is exported by another name")
        if constructors(before) != constructors(after):
            raise Unusable("an object has other constructors")
        imported = len(after.imported_functions)
        for index in new.functions:
            file.function_discarded[index - imported] = 1
        for index in new.segments:
            file.discard_segment(index)
        for index in new.sections:
            if index in file.custom_sections:
                file.custom_sections[index].discarded = True
        return Version(before, was), new

    # Definitions

    def _define(self, ordinal: int) -> None:
        """Set the symbols that an object defines, local ones included; the others stay open."""
        old, new = self._versions[ordinal]
        file = self._update.new[ordinal]
        symbols = self._symbols
        placeholder = Symbol(b"", _DATA, UNDEFINED, 0, None)
        for info in new.object.symbols:
            kind, flags, name, _, _, _ = info
            if kind == _SECTION:
                file.symbols.append(section_symbol(file, info))
                continue
            if flags & _LOCAL:
                file.symbols.append(own_symbol(file, info))
                continue
            if not new.is_definition(info):
                file.symbols.append(placeholder)
                continue
            row = symbols.by_name.get(name)
            if row is None:
                file.symbols.append(self._add(file, info))
                continue
            if row == NO_ROW:
                raise Unusable("a function that a command's wrapper has the name of")
            symbol = symbols.symbol(row)
            was = old.index.get(name, -1)
            if (
                was < 0
                or not old.is_definition(old.object.symbols[was])
                or old.object.symbols[was][:2] != (kind, flags)
            ):
                raise Unusable(f"another definition of {name.decode('utf-8', 'replace')}")
            if symbols.owner(row) == ordinal and symbol.state == DEFINED:
                self._take(row, symbol, file, info, old.object.symbols[was])
            elif kind == _FUNCTION and old.object.function_signature(old.object.symbols[was][3]) != (
                new.object.function_signature(info[3])
            ):
                raise Unusable("a function has another signature than in another object")
            file.symbols.append(symbol)
        for name, index in old.index.items():
            if old.is_definition(old.object.symbols[index]):
                now = new.index.get(name, -1)
                if now < 0 or not new.is_definition(new.object.symbols[now]):
                    row = symbols.by_name.get(name, NO_ROW)
                    if row == NO_ROW:
                        raise Unusable("a definition of an unknown name is gone")
                    if symbols.owner(row) == ordinal:
                        self._gone.add(row)

    def _take(self, row: int, symbol: Symbol, file: ObjectInput, info: SymbolInfo, was: SymbolInfo) -> None:
        """Place a symbol of the last link in the new version of the object that defines it."""
        old = self._update.before[self._symbols.owner(row)]
        if info[0] == _FUNCTION:
            signature = file.object.function_signature(info[3])
            if signature != old.function_signature(was[3]):
                self._retyped[row] = signature
                if self._symbols.node(row) in self._roots:
                    raise Unusable("an exported function has another signature")
        flags, value = symbol.flags, symbol.value
        symbol.file = file
        symbol.place_in(file, info)
        symbol.flags = flags
        if info[1] & _ABSOLUTE and value != symbol.value:
            raise Unusable("an absolute symbol has another value")

    def _add(self, file: ObjectInput, info: SymbolInfo) -> Symbol:
        """Return the symbol of a name that the last link did not have."""
        kind, flags, name, _, _, _ = info
        options = self._update.options
        if options.export_all or options.export_dynamic:
            raise Unusable("a new definition is exported")
        asked = {*options.exports, *options.exports_if_defined, *options.undefined, options.entry, options.start}
        if name.startswith(b"__") or name.decode("utf-8", "surrogateescape") in asked:
            raise Unusable("a new definition is asked for")
        if kind not in (_FUNCTION, _DATA) or flags & _ABSOLUTE:
            raise Unusable("a new definition of an unusual kind")
        known = self._added.get(name)
        if known is not None:
            if not flags & _WEAK or known.kind != kind:
                raise Unusable("two new definitions of a name")
            if kind == _FUNCTION and known.signature != file.object.function_signature(info[3]):
                raise Unusable("two new definitions with different signatures")
            return known
        symbol = self._added[name] = own_symbol(file, info)
        return symbol

    def _check_gone(self) -> None:
        """Check that no unchanged object names a definition that is gone, or a function with another signature."""
        rows = self._gone | self._retyped.keys()
        if not rows:
            return
        state, changed = self._update.last.state, self._update.changed
        for row in self._gone:
            if self._symbols.node(row) in self._roots:
                raise Unusable("an exported definition is gone")
        if self._update.options.undefined:
            raise Unusable("a definition that may be asked for is gone")
        for ordinal, known in enumerate(state.files):
            if ordinal not in changed and not rows.isdisjoint(column(known.decisions().symbols)):
                raise Unusable("an unchanged object names a definition that is gone, or of another signature")

    # References

    def _refer(self, ordinal: int) -> None:
        old, new = self._versions[ordinal]
        file = self._update.new[ordinal]
        symbols = file.symbols
        assert isinstance(symbols, list)
        rows = column(self._update.last.decisions(ordinal).symbols)
        for index, info in enumerate(new.object.symbols):
            kind, flags, name, _, _, _ = info
            if kind == _SECTION or flags & _LOCAL or new.is_definition(info):
                continue
            was = old.index.get(name, -1)
            if was >= 0 and old.key(was) == new.key(index) and rows[was] >= 0:
                row = rows[was]
                symbol = self._symbols.symbol(row)
                if symbol.state == DEFINED and row in self._retyped and kind == _FUNCTION:
                    self._check_signature(new, info, symbol)
                if row in self._gone:
                    raise Unusable("something that is gone is referred to")
            else:
                symbol = self._new_reference(ordinal, new, info)
            symbols[index] = symbol

    def _new_reference(self, ordinal: int, new: Version, info: SymbolInfo) -> Symbol:
        kind, _, name, _, _, _ = info
        row = self._symbols.by_name.get(name)
        if row is None:
            symbol = self._added.get(name)
            if symbol is None:
                raise Unusable("something new is referred to")
        else:
            if row == NO_ROW or row in self._gone:
                raise Unusable("something that is gone is referred to")
            symbol = self._symbols.symbol(row)
            owner = self._symbols.owner(row)
            if name in OWN_TYPES and owner == INTERNAL and symbol.state == DEFINED and symbol.kind == kind:
                self._check_own(new, info)
                return symbol
            if symbol.state != DEFINED or symbol.is_stub or owner < 0:
                raise Unusable("a new reference to what no object defines")
            if self._is_late(row, ordinal):
                raise Unusable("a member may be extracted in another place")
            if self._symbols.node(row) in self._roots:
                raise Unusable("a new reference to an exported symbol")
        if symbol.kind != kind:
            raise Unusable("a reference to a symbol of another kind")
        if kind == _FUNCTION:
            self._check_signature(new, info, symbol, row)
        elif kind != _DATA:
            raise Unusable("a new reference to a global, tag or table")
        return symbol

    @staticmethod
    def _check_own(version: Version, info: SymbolInfo) -> None:
        """Check the type of a reference to the linker's own global or table."""
        kind, _, name, index, _, _ = info
        obj = version.object
        import_ = (obj.imported_globals if kind == SymbolKind.GLOBAL else obj.imported_tables)[index]
        type_ = import_.type.element_type if isinstance(import_.type, TableType) else import_.type
        if type_ != OWN_TYPES[name]:
            raise Unusable("a global or table of another type")

    def _check_signature(self, version: Version, info: SymbolInfo, symbol: Symbol, row: int | None = None) -> None:
        """Check that a reference expects the signature that the definition has."""
        signature = symbol.signature
        if signature is None:
            assert row is not None
            signature = symbol.signature = self._signature(row)
        if version.object.function_signature(info[3]) != signature:
            raise Unusable("a function is called with another signature")

    def _signature(self, row: int) -> bytes:
        """Return the signature of a function that an unchanged object defines."""
        ordinal = self._symbols.owner(row)
        obj = self._update.cache.find_object(self._update.last.state.files[ordinal].key)
        if obj is None:
            raise Unusable("an object is not in the cache")
        defined: int = self._symbols.symbol(row).index
        return obj.function_signature(len(obj.imported_functions) + defined)

    def _is_late(self, row: int, ordinal: int) -> bool:
        """Return whether a symbol's file is a member that may have been extracted for an object, or that another object
        extracted after it."""
        owner = self._symbols.owner(row)
        return self._is_later(owner, ordinal) and not (self._columns.at_turn[owner] and not self._has_root(owner))

    def _is_later(self, owner: int, ordinal: int) -> bool:
        """Return whether a file is a member that joined the link after resolution began with an object."""
        return (
            owner >= 0
            and owner != ordinal
            and not self._columns.eager[owner]
            and self._started[owner] > self._started[ordinal]
        )

    def _has_root(self, owner: int) -> bool:
        """Return whether an object defines something that is exported: its place in the symbol table matters."""
        first, after = self._symbols.node_range(owner)
        return any(first <= root < after for root in self._roots)

    def _check_members(self) -> None:
        """Check that members which were extracted at their archive's turn still are: a name of theirs must be undefined
        by then."""
        lost: set[int] = set()
        kept: set[int] = set()
        for ordinal, (old, new) in self._versions.items():
            was, now = (self._referred(ordinal, version) for version in (old, new))
            lost |= was - now
            kept |= now
        for owner in lost - kept:
            if not self._is_needed(owner):
                raise Unusable("a member may be extracted no longer")

    def _referred(self, ordinal: int, version: Version) -> set[int]:
        """Return the members that joined the link after an object, and that strong references of it name."""
        found = set()
        for name, index in version.index.items():
            flags = version.object.symbols[index][1]
            row = self._symbols.by_name.get(name, NO_ROW)
            if flags & _UNDEFINED and not flags & _WEAK and row != NO_ROW:
                owner = self._symbols.owner(row)
                if self._is_later(owner, ordinal):
                    found.add(owner)
        return found

    def _is_needed(self, owner: int) -> bool:
        """Return whether an unchanged object that joined the link before a member refers to it."""
        update = self._update
        rows = {row for row, of in enumerate(self._symbols.owners()) if of == owner}
        for ordinal, known in enumerate(update.last.state.files):
            if ordinal in update.changed or not self._is_later(owner, ordinal):
                continue
            named = column(known.decisions().symbols)
            if rows.isdisjoint(named):
                continue
            obj = update.cache.find_object(known.key)
            if obj is not None and any(
                row in rows and flags & _UNDEFINED and not flags & _WEAK
                for row, (_, flags, _, _, _, _) in zip(named, obj.symbols)
            ):
                return True
        return False

    # What depends on the whole object

    def _check_calls(self, ordinal: int) -> None:
        """Check references with another signature than the definition's: how they are treated depends on whether they
        call the function."""
        old, new = self._versions[ordinal]
        calls = [called_functions(version.object) for version in (old, new)]
        for name in calls[0] ^ calls[1]:
            was, now = (version.index.get(name, -1) for version in (old, new))
            if was < 0 or now < 0 or old.key(was) != new.key(now):
                continue
            row = column(self._update.last.decisions(ordinal).symbols)[was]
            if row < 0 or self._symbols.owner(row) == ordinal:
                continue
            symbol = self._symbols.symbol(row)
            if symbol.state != DEFINED or self._symbols.owner(row) < 0 or symbol.is_stub:
                raise Unusable("what is called directly changed")
            self._check_signature(new, new.object.symbols[now], symbol, row)

    def _check_order(self, ordinal: int) -> None:
        """Check that names whose order decides something are the same, in the same order."""
        old, new = self._versions[ordinal]
        if list(self._ordered(ordinal, old)) != list(self._ordered(ordinal, new)):
            raise Unusable("symbols that decide the order of others changed")

    def _ordered(self, ordinal: int, version: Version) -> Iterator[bytes]:
        symbols = self._symbols
        for name in version.index:
            if name in self._known:
                continue
            row = symbols.by_name.get(name)
            if row is None:
                continue
            if (
                row == NO_ROW
                or symbols.symbol(row).state != DEFINED
                or self._is_late(row, ordinal)
                or symbols.node(row) in self._roots
            ):
                yield name


def known_tables(update: Update) -> tuple[bytes, ...]:
    """Return the name of the table of functions if it does not matter which objects name it.

    References to the table keep it. As long as there is a function in it, it is there; where it is neither imported nor
    exported, it does not matter who names it first.
    """
    options = update.options
    is_known = update.columns.slots and not (options.import_table or options.export_table or options.export_all)
    return (INDIRECT_FUNCTION_TABLE,) if is_known else ()


def section_symbol(file: ObjectInput, info: SymbolInfo) -> Symbol:
    _, flags, name, index, _, _ = info
    section = file.custom_sections.get(index)
    if section is not None and section.discarded:
        return Symbol(name, _SECTION, UNDEFINED, flags, file)
    symbol = Symbol(name, _SECTION, DEFINED, flags, file)
    symbol.index = index
    symbol.section = section
    return symbol
