"""The objects of a link whose names were all resolved again (:mod:`.resolve_again`), and the symbols of those that are
linked again.

An object that is new takes the place of an empty one behind the objects of the last link, and an empty one takes the
place of an object that is gone. So each object has a number and two versions, and where the link's order differs, it is
a list of these numbers. Linked again is what changed, and also each unchanged object that defines other names, or has
other COMDAT groups, than before: as if it had changed, but to the same contents.

What unchanged objects refer to keeps its row; the definition in that row may be another object's now.
"""

from __future__ import annotations

from ..binary.constants import SymbolFlag, SymbolKind, ValueType
from ..inputs.input_files import ObjectSource
from ..inputs.object_file import ObjectFile, TableType
from ..linking.chunks import NO_OBJECT, ObjectInput
from ..linking.symbol_names import encode_name
from ..linking.symbol_table import INDIRECT_FUNCTION_TABLE
from ..linking.symbols import DEFINED, LAZY, UNDEFINED, Symbol
from ..linking.synthetic_symbols import LAYOUT_SYMBOLS
from ..options import LinkOptions
from ..output.producers import merge
from ..stored import unpack_strings
from .accepted import has_accepted_relocations, has_understood_relocations
from .find_changes import MOST_CHANGED, Files
from .interfaces import read_build, unpack_interfaces
from .link_columns import NO_ROW, LinkColumns
from .match_objects import KEPT, Unusable, check_contents
from .object_version import kept_symbols
from .previous_link import LastLink
from .replacements import ChangedObjects, own_symbol
from .resolve_again import (
    ABSENT,
    DEFINITION,
    REFERENCE,
    WEAK_DEFINITION,
    WEAK_LAZY,
    WEAK_REFERENCE,
    LinkedObject,
    ResolvedNames,
)
from .resolve_again import (
    LAZY as LAZY_NAME,
)
from .resolve_changed import OWN_TYPES, known_tables, section_symbol
from .state import INTERNAL, NO_FILE, ROW, column, empty_file
from .undefined_again import check_declarations, is_understood

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from .update import Update

_LOCAL: Final = SymbolFlag.BINDING_LOCAL
_UNDEFINED: Final = SymbolFlag.UNDEFINED
_WEAK: Final = SymbolFlag.BINDING_WEAK
_MANY: Final = 64
"""So many objects, of which most are members that came or went, cost less than the passes in any program."""


class ResolvedObjects:
    """The objects of this link; those that are linked again by their numbers."""

    def __init__(
        self, options: LinkOptions, last: LastLink, columns: LinkColumns, files: Files, changed: ChangedObjects
    ) -> None:
        """:raises Unusable: resolution decides otherwise in a way that is not understood."""
        if options.export_all or options.export_dynamic:
            raise Unusable("all definitions are exported")
        state = last.state
        self.interfaces = unpack_interfaces(columns.interfaces)
        if len(self.interfaces.counts) != len(state.files):
            raise ValueError("columns of another link")
        self._rows = column(state.foreign, "q")
        self._name_rows = columns.name_rows
        names = {name: number for number, name in enumerate(unpack_strings(state.names))}
        if len(names) != len(columns.name_rows) or max(self.interfaces.names, default=-1) >= len(names):
            raise ValueError("columns of another link")
        self.names = resolved = ResolvedNames(
            options, state, names, columns.groups, self.interfaces, files, changed.cache
        )
        self._options = options
        self.producers: bytes | None = None
        """The contents of the section of producers, if they are others now."""
        self._check_builds(resolved)
        self.before: dict[int, ObjectFile] = {}
        """The last versions of the objects that are linked again."""
        self.new: dict[int, ObjectInput] = {}
        self.linked: dict[int, LinkedObject] = {}
        """Those that are part of the link."""
        self.sources: dict[int, ObjectSource] = {}
        """The sources of all objects."""
        self.reasons: dict[str, str] = {}
        """For each object that is linked again, the reason."""
        self.changed_names = self._changed_names()
        """Names of which every object that has them is linked again: they are like new ones."""
        moved = self._moved_roles(columns)
        if self.changed_names:
            moved.update(of.ordinal for of in resolved.objects if not self.changed_names.isdisjoint(of.names))
        count = len(state.files)
        gone = set(range(count))
        self.order: list[int] = []
        """The numbers of the objects in the order of the output; those that are gone come last."""
        eager: list[bool] = []
        for linked in resolved.objects:
            ordinal = linked.ordinal
            reason = ""
            if ordinal < 0:
                ordinal, reason = count + len(eager), "it is new"
                eager.append(linked.source.eager)
                state.files.append(empty_file(linked.source.archive or linked.source.member))
                state.moving.append({})
                self.before[ordinal] = NO_OBJECT
            else:
                gone.discard(ordinal)
                if bool(columns.eager[ordinal]) != linked.source.eager:
                    raise Unusable("an object became part of the program by itself, or no longer is")
                if linked.object is not None:
                    reason = "it changed"
                elif ordinal in moved:
                    reason = "other definitions of it count"
                if reason:
                    self.before[ordinal] = changed.before(ordinal)
            self.order.append(ordinal)
            self.sources[ordinal] = linked.source
            if reason:
                parsed = linked.object or self.before[ordinal]
                source = linked.source
                if linked.object is None:
                    # Its bytes are needed, and the object in the cache has none.
                    parsed = source.parse()
                file = self.new[ordinal] = ObjectInput(source, gc_sections=True, parsed=parsed)
                self.linked[ordinal] = linked
                self.reasons[file.name] = reason
        for ordinal in sorted(gone):
            self.before[ordinal] = changed.before(ordinal)
            nothing = ObjectSource(b"", 0, 0, state.files[ordinal].path)
            self.new[ordinal] = ObjectInput(nothing, gc_sections=True, parsed=NO_OBJECT)
            self.order.append(ordinal)
        if len(self.new) > max(_MANY, count // MOST_CHANGED):
            raise Unusable("too many objects changed")
        columns.add_objects(eager)
        self.added = len(eager)

    def _check_builds(self, resolved: ResolvedNames) -> None:
        """Check that the objects use the same features, and find other producers."""
        columns = self.interfaces
        builds = [columns.builds[number] for number in dict.fromkeys(columns.build_numbers)]
        if builds == resolved.builds:
            return
        before, now = ([read_build(build) for build in each] for each in (builds, resolved.builds))
        used, used_now, disallowed = (
            {feature[1:] for features, _ in each for feature in features if feature.startswith(b"+") == is_used}
            for each, is_used in ((before, True), (now, True), (now, False))
        )
        if used != used_now or not used.isdisjoint(disallowed):
            raise Unusable("objects have other features")
        merged, merged_now = (merge([own for _, own in each], self._options) for each in (before, now))
        if merged != merged_now:
            self.producers = merged_now or b""

    def _moved_roles(self, columns: LinkColumns) -> set[int]:
        """Return the objects of the last link with a definition, or a COMDAT group, that is another object's now, or
        was another's then."""
        resolved, rows = self.names, self._rows
        moved: set[int] = set()
        for row, definer in zip(self._name_rows, resolved.definers):
            owner = NO_FILE if row == NO_ROW else rows[ROW * row + 3]
            if row != NO_ROW and rows[ROW * row + 1] != DEFINED:
                owner = NO_FILE
            now = NO_FILE if definer is None else definer.ordinal
            if owner != now:
                moved.update((owner, now))
        for number, provider in enumerate(columns.providers):
            has_it = resolved.providers.get(number)
            if has_it is None or has_it.ordinal != provider:
                moved.add(provider)
                if has_it is not None:
                    moved.add(has_it.ordinal)
        return moved

    def was(self, number: int) -> int:
        """Return the state in which resolution left a name in the last link."""
        row = self._name_rows[number] if number < len(self._name_rows) else NO_ROW
        if row == NO_ROW:
            return ABSENT
        _, state, flags, owner = self._rows[ROW * row : ROW * row + 4]
        is_stub = self._rows[ROW * row + 11]
        if state == DEFINED:
            if owner == INTERNAL and not is_stub and number not in self.names.linker_names:
                # The linker defines it for those who refer to it.
                return REFERENCE
            if owner >= 0 or (owner == INTERNAL and not is_stub):
                return DEFINITION
            # A stub, or an address that the linker chose.
            return WEAK_REFERENCE if owner == INTERNAL else REFERENCE
        if state == UNDEFINED:
            return WEAK_REFERENCE if flags & _WEAK else REFERENCE
        return WEAK_LAZY if flags & _WEAK else ABSENT

    def _is_layout(self, number: int) -> bool:
        """Return whether a name was that of an address which the linker chose."""
        row = self._name_rows[number]
        return self._rows[ROW * row + 1] == DEFINED and self._rows[ROW * row + 3] == NO_FILE

    def _changed_names(self) -> set[int]:
        """Return the names that had a definition and have none now, or the other way, and those without one of which
        the references became weak or strong."""
        found: set[int] = set()
        states, owners = self._rows[1::ROW], self._rows[3::ROW]
        for number, (state, row) in enumerate(zip(bytes(self.names.states), self._name_rows)):
            if state in (ABSENT, LAZY_NAME):
                continue
            if state >= WEAK_DEFINITION and row != NO_ROW and states[row] == DEFINED and owners[row] >= 0:
                # The case of nearly all names.
                continue
            was = self.was(number)
            if was in (ABSENT, state) or (was == DEFINITION and state == WEAK_DEFINITION):
                continue
            if state < WEAK_DEFINITION and was < WEAK_DEFINITION and self._is_layout(number):
                continue
            found.add(number)
        return found


class ResolvedSymbols:
    """Sets the symbols of the objects that are linked again."""

    def __init__(self, update: Update, resolved: ResolvedObjects) -> None:
        """:raises Unusable: something is not understood."""
        self._update = update
        self._resolved = resolved
        self._names = resolved.names
        self._symbols = update.symbols
        self._name_rows = update.columns.name_rows
        self._added: dict[int, Symbol] = {}
        """Symbols of new names."""
        self._known = known_tables(update)
        self._open = Symbol(b"", SymbolKind.DATA, UNDEFINED, 0, None)
        """The place of a symbol that is not set yet."""
        self._roots = set(update.columns.roots)
        self.layout_symbols: dict[bytes, Symbol] = {}
        """Addresses that the linker chooses, and that nothing asked for in the last link."""
        self.is_understood = is_understood(update)
        """True if functions that no object defines may be others."""
        self.stubs: dict[int, Symbol] = {}
        """Functions that trap, for names that only weak references name now, by the number of the name."""
        self._check_names()
        self._check_order()
        self._check_objects()
        for ordinal, file in update.new.items():
            self._discard(ordinal, file)
            self._define(ordinal, file)
        for ordinal, file in update.new.items():
            self._refer(ordinal, file)

    # What names are

    def _row(self, number: int) -> int:
        """Return the row of a name that is what it was; ``NO_ROW`` for others."""
        if number >= len(self._name_rows) or number in self._resolved.changed_names:
            return NO_ROW
        return self._name_rows[number]

    def _check_names(self) -> None:
        """Check that what nothing defines is the same."""
        names, resolved = self._names, self._resolved
        is_again = {id(linked) for linked in self._resolved.linked.values()}
        texts = list(names.names)
        rows = self._symbols.rows
        states, definers = names.states, names.definers
        undefined: dict[int, int] = {}
        for number, state in enumerate(bytes(states)):  # mypyc cannot enumerate a bytearray.
            definer = definers[number]
            row = self._row(number)
            if texts[number] in self._known:
                continue
            if definer is not None and row != NO_ROW and id(definer) not in is_again:
                # _moved_roles has compared them.
                continue
            was = resolved.was(number)
            if number in resolved.changed_names:
                old_row = self._name_rows[number]
                if was == DEFINITION and self._symbols.node(old_row) in self._roots:
                    raise Unusable("an exported definition is gone")
                was = ABSENT
            if state >= WEAK_DEFINITION:
                if row != NO_ROW and (rows[ROW * row + 3] == INTERNAL) != (definer is None):
                    raise Unusable("the linker's own symbol has another definition")
            elif state in (REFERENCE, WEAK_REFERENCE, WEAK_LAZY):
                if was == ABSENT:
                    self._refer_to_new(number, texts[number])
                else:
                    undefined[number] = row
            elif was == DEFINITION and self._symbols.node(row) in self._roots:
                raise Unusable("an exported definition is gone")
        check_declarations(self._update, resolved, undefined, is_understood=self.is_understood)
        asked = (*self._update.options.exports, *self._update.options.exports_if_defined, "__wasm_call_dtors")
        for number in map(names.number, map(encode_name, asked)):
            if number >= 0 and (resolved.was(number) == DEFINITION) != (states[number] >= WEAK_DEFINITION):
                raise Unusable("another symbol is exported")
        called = any(names.number(b"__wasm_call_ctors") == number for number in self._resolved.interfaces.names)
        if called != names.calls_constructors():
            raise Unusable("the program calls its constructors itself, or no longer does")
        table = names.number(INDIRECT_FUNCTION_TABLE)
        if table >= 0 and (
            states[table] >= WEAK_DEFINITION
            or (states[table] in (REFERENCE, WEAK_REFERENCE) and names.declared(table)[0] != SymbolKind.TABLE)
        ):
            raise Unusable("the name of the table of functions has another meaning")
        for number in names.disagreeing:
            definer = definers[number]
            if definer is None or id(definer) in is_again:
                raise Unusable("objects do not agree on the type of a symbol")

    def _refer_to_new(self, number: int, name: bytes) -> None:
        """Refer to something that no object defines, and that no object referred to in the last link."""
        is_weak = self._names.states[number] != REFERENCE
        kind, signature, _ = self._names.declared(number)
        if name in LAYOUT_SYMBOLS and kind == SymbolKind.DATA:
            symbol = Symbol(name, SymbolKind.DATA, UNDEFINED, 0, None)
            symbol.become_absolute(SymbolFlag.VISIBILITY_HIDDEN)
            self.layout_symbols[name] = self._added[number] = symbol
            return
        if kind != SymbolKind.FUNCTION or not self.is_understood or number in self._names.disagreeing:
            raise Unusable("something new is referred to that no object defines")
        if name in LAYOUT_SYMBOLS or name.startswith((b"__start_", b"__stop_")):
            raise Unusable("an address that the linker chooses has another kind")
        symbol = Symbol(name, kind, UNDEFINED, _UNDEFINED | (_WEAK if is_weak else 0), None)
        symbol.signature = signature
        if is_weak:
            # As it is after its object was resolved: its address is null.
            symbol.state = DEFINED
            symbol.flags = _LOCAL
            symbol.is_stub = True
            symbol.index = self._update.columns.counts[0] + len(self.stubs)
            self.stubs[number] = symbol
        self._added[number] = symbol
        self._symbols.add(symbol, number)

    def _check_order(self) -> None:
        """Check that names whose order decides something come in the order of the last link."""
        names, symbols = self._names, self._symbols
        known = {names.number(name) for name in self._known}
        exported = self._exported()
        last = -1
        for number in names.seen:
            row = self._row(number)
            if row == NO_ROW or number in known:
                continue
            state = symbols.rows[ROW * row + 1]
            is_stub = state == DEFINED and symbols.rows[ROW * row + 11]
            is_imported = state == UNDEFINED and symbols.is_function(row)
            if self.is_understood and (is_stub or is_imported):
                # They are put in order again.
                continue
            # Undefined data is never imported.
            is_other = state == UNDEFINED and symbols.rows[ROW * row] != SymbolKind.DATA
            if is_stub or is_other or number in exported:
                if number < last:
                    raise Unusable("symbols that decide the order of others come in another order")
                last = number

    def _exported(self) -> set[int]:
        """Return the names that may be exported."""
        names, options = self._names, self._update.options
        asked = (*options.exports, *options.exports_if_defined, options.entry or "", options.start or "")
        found = set(map(names.number, map(encode_name, asked)))
        keys = {number for number, key in enumerate(names.keys) if key[1] & SymbolFlag.EXPORTED}
        for linked in names.objects:
            if not keys.isdisjoint(linked.key_numbers):
                found.update(number for number, key in zip(linked.names, linked.key_numbers) if key in keys)
        return found

    # Objects

    def _check_objects(self) -> None:
        update = self._update
        kept: list[list[tuple[int, int, bytes]]] = [[], []]
        exported: list[set[tuple[bytes, bytes]]] = [set(), set()]
        for ordinal, file in update.new.items():
            after = file.object
            if not has_accepted_relocations(after) or not has_understood_relocations(after):
                raise Unusable("an object has relocations that only the passes understand")
            before = update.before[ordinal]
            check_contents(before, after, OWN_TYPES)
            if is_nameless(after) and not self._known:
                raise Unusable("an object has a table without a symbol")
            for obj, own, names in zip((before, after), kept, exported):
                own += kept_symbols(obj, self._known)
                names.update((obj.function_names[i], name) for i, name in obj.export_names.items())
        if sorted(kept[0]) != sorted(kept[1]):
            raise Unusable("an object has other symbols that are exported or kept")
        if exported[0] != exported[1]:
            raise Unusable("a function is exported by another name")

    def _discard(self, ordinal: int, file: ObjectInput) -> None:
        """Discard the COMDAT groups that other objects have, as resolution does."""
        linked = self._resolved.linked.get(ordinal)
        if linked is not None:
            providers = self._names.providers
            for comdat, group in zip(file.object.comdats, linked.own_groups):
                file.join_group(comdat, discarded=providers[group] is not linked)

    def _define(self, ordinal: int, file: ObjectInput) -> None:
        """Set the symbols that an object defines, local ones included; the others stay open."""
        linked = self._resolved.linked.get(ordinal)
        if linked is None:
            return
        definers = self._names.definers
        numbers = iter(linked.names)
        for info in file.object.symbols:
            kind, flags, _, _, _, _ = info
            if kind == SymbolKind.SECTION:
                file.symbols.append(section_symbol(file, info))
            elif flags & _LOCAL:
                file.symbols.append(own_symbol(file, info))
            else:
                number = next(numbers)
                symbol = self._open
                if definers[number] is linked and not flags & _UNDEFINED:
                    symbol = self._place(number, file, info)
                file.symbols.append(symbol)

    def _place(self, number: int, file: ObjectInput, info: tuple[int, int, bytes, int, int, int]) -> Symbol:
        kind, flags, _, _, _, _ = info
        row = self._row(number)
        if row == NO_ROW:
            if kind not in (SymbolKind.FUNCTION, SymbolKind.DATA) or flags & SymbolFlag.ABSOLUTE:
                raise Unusable("a new definition of an unusual kind")
            symbol = self._added[number] = own_symbol(file, info)
            return symbol
        symbol = self._symbols.symbol(row)
        if symbol.state == DEFINED:
            if symbol.kind != kind:
                raise Unusable("a definition of another kind")
            is_moved = self._symbols.owner(row) != self._update.ordinal(file)
            if is_moved and (flags ^ symbol.flags) & KEPT:
                raise Unusable("another definition counts, which is exported or kept otherwise")
            value = symbol.value
            if flags & SymbolFlag.ABSOLUTE and value != info[4]:
                raise Unusable("an absolute symbol has another value")
            if is_moved and kind not in (SymbolKind.FUNCTION, SymbolKind.DATA):
                raise Unusable("another object defines a global, tag or table")
        elif kind not in (SymbolKind.FUNCTION, SymbolKind.DATA) or flags & SymbolFlag.ABSOLUTE:
            raise Unusable("a new definition of an unusual kind")
        elif symbol.state != LAZY:
            raise Unusable("what was undefined has a definition now")
        symbol.become_defined(kind, flags, file)
        symbol.place_in(file, info)
        return symbol

    def _refer(self, ordinal: int, file: ObjectInput) -> None:
        linked = self._resolved.linked.get(ordinal)
        if linked is None:
            return
        symbols = file.symbols
        assert isinstance(symbols, list)
        numbers = iter(linked.names)
        if is_nameless(file.object):
            symbols.append(self._symbol(self._names.number(INDIRECT_FUNCTION_TABLE)))
        for index, info in enumerate(file.object.symbols):
            if info[0] == SymbolKind.SECTION or info[1] & _LOCAL:
                continue
            number = next(numbers)
            if symbols[index] is self._open:
                symbols[index] = self._symbol(number)

    def _symbol(self, number: int) -> Symbol:
        """Return the symbol of a name."""
        added = self._added.get(number)
        if added is not None:
            return added
        row = self._row(number)
        if row == NO_ROW:
            raise Unusable("something new is referred to that no object defines")
        return self._symbols.symbol(row)


def is_nameless(obj: ObjectFile) -> bool:
    """Return whether an object imports the table of functions without a symbol for it.

    :raises Unusable: it has another table without a symbol.
    """
    number, named = len(obj.imported_tables) + len(obj.tables), obj.symbols.kinds.count(SymbolKind.TABLE)
    if number == named:
        return False
    import_ = obj.imported_tables[0] if obj.imported_tables else None
    if (
        named
        or number != 1
        or import_ is None
        or import_.field != INDIRECT_FUNCTION_TABLE
        or not isinstance(import_.type, TableType)
        or import_.type.element_type != bytes((ValueType.FUNCREF,))
    ):
        raise Unusable("an object has tables without symbols")
    return True
