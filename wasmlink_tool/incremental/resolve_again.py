"""Resolve all names again, by the rules of :mod:`..linking.resolve` and :mod:`..linking.symbol_table`, on numbers.

Every file of the link is gone through in order, with the members that it extracts: an unchanged object as columns
(:mod:`.interfaces`), any other parsed. So the files may be others than those of the last link, in any order. The result
says which objects are linked, in which order, which of them defines each name and has each COMDAT group. What the rules
treat as an error, or as a symbol of its own kind, is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate

from ..binary.constants import SymbolFlag
from ..diagnostics import Diagnostics
from ..inputs import archive
from ..inputs.input_files import InputFiles, ObjectSource
from ..inputs.object_file import ObjectFile
from ..inputs.parse_cache import ParseCache, content_key
from ..linking.resolution import Resolution
from ..linking.symbol_names import encode_name
from ..linking.symbol_table import INDIRECT_FUNCTION_TABLE, SymbolTable
from ..linking.synthetic_file import SyntheticFile
from ..linking.synthetic_symbols import define_linker_symbols
from ..linking.target import Target
from ..options import Input, LinkOptions
from .find_changes import Files
from .interfaces import Interfaces, Key, SymbolNumbers, build_of
from .match_objects import Unusable
from .state import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

ABSENT: Final = 0
"""No file has named it."""
WEAK_REFERENCE: Final = 1
"""Undefined; only weak references."""
REFERENCE: Final = 2
LAZY: Final = 3
"""A member would define it, and nothing refers to it."""
WEAK_LAZY: Final = 4
"""The same, with weak references."""
WEAK_DEFINITION: Final = 5
DEFINITION: Final = 6
NO_COUNTERPART: Final = -1

_UNDEFINED: Final = SymbolFlag.UNDEFINED
_WEAK: Final = SymbolFlag.BINDING_WEAK
_CALL_CTORS: Final = b"__wasm_call_ctors"


class LinkedObject:
    """An object of this link."""

    __slots__ = ("at", "groups", "key_numbers", "names", "object", "ordinal", "own_groups", "source")

    def __init__(self, source: ObjectSource, ordinal: int, obj: ObjectFile | None) -> None:
        self.source = source
        self.ordinal = ordinal
        """Its number in the last link, or :data:`NO_COUNTERPART`."""
        self.object = obj
        """The parsed object; ``None`` if it is what it was in the last link."""
        self.at = 0
        """Its place in the order of the output."""
        self.names: Sequence[int] = ()
        """Its global symbols: the number of each name, of its key and of its COMDAT group, counted from 1."""
        self.key_numbers: Sequence[int] = ()
        self.groups: Sequence[int] = ()
        self.own_groups: Sequence[int] = ()
        """The numbers of its COMDAT groups, from 0."""


class ResolvedNames:
    """The objects of a link, and which of them defines each name."""

    def __init__(
        self,
        options: LinkOptions,
        state: State,
        names: dict[bytes, int],
        groups: list[bytes],
        columns: Interfaces,
        files: Files,
        cache: ParseCache,
    ) -> None:
        """
        :param names: the number of each name in the last link's symbol table.
        :param groups: the names of its COMDAT groups.
        :raises Unusable: there is something that is not understood.
        """
        self.names = names = dict(names)
        """The number of each name; new ones are added."""
        self.last_count = len(names)
        self.states = bytearray(len(names))
        """For each name, what is known of it."""
        self.definers: list[LinkedObject | None] = [None] * len(names)
        """For each name, the object that defines it."""
        self.seen: list[int] = []
        """The names in the order of the symbol table."""
        self.disagreeing: set[int] = set()
        """Names that objects have with several types, or import from several places."""
        self.objects: list[LinkedObject] = []
        """In the order of the output."""
        self.groups = {name: number for number, name in enumerate(groups)}
        self.providers: dict[int, LinkedObject] = {}
        """For each COMDAT group, by number, the object that has it."""
        self.builds: list[bytes] = []
        """The distinct contributions of objects to features and producers, in the order of the objects."""
        self.keys: list[Key] = columns.keys
        self._columns = columns
        self._state = state
        self._files = files
        self._cache = cache
        self._first = list(accumulate(columns.counts, initial=0))
        self._own_groups = {of[0]: of[1:] for of in columns.groups}
        self._key_numbers = {key: number for number, key in enumerate(columns.keys)}
        self._lazy: dict[int, ObjectSource] = {}
        """The sources that would define lazy names."""
        self._extracted: set[int] = set()
        self._types: list[int] = [-1] * len(names)
        self._imports: dict[int, bytes] = {}
        self._type_of_key: list[int] = []
        self._type_numbers: dict[tuple[int, bytes], int] = {}
        self._type_list: list[tuple[int, bytes]] = []
        self._add_key_types()
        self._table = self._number(INDIRECT_FUNCTION_TABLE)
        diagnostics = Diagnostics()
        # If the passes run after all, they read the inputs again.
        paths = tuple(options.library_paths)
        self.files = InputFiles(diagnostics, paths, cache, known=files.known, reads_pipes=False)
        sources = list(self.files.sources([item for item in options.inputs if isinstance(item, Input)]))
        for path in options.allow_undefined_files:
            self.files.read_undefined_list(path)
        if self.files.stubs or self.files.thin_members:
            raise Unusable("stub libraries, or archives that name their members")
        self._check_read()
        self._counterparts = _Counterparts(state, files, cache)
        self.linker_names = self._linker_names(options)
        """The names that the linker defines before any file."""
        for number in self.linker_names:
            self.states[number] = DEFINITION
            self.seen.append(number)
        for source in sources:
            if not isinstance(source, ObjectSource):
                raise Unusable("a shared library")
            self._run(self._add_lazy(source) if source.lazy else self._add_object(source))
        self._add_roots(options)
        if diagnostics.entries:
            raise Unusable("the inputs have warnings")
        if any(self.states[number] < WEAK_DEFINITION for number in self._extracted):
            raise Unusable("a member does not define what it is extracted for")
        order: dict[bytes, None] = {}
        for at, linked in enumerate(self.objects):
            linked.at = at
            obj = linked.object
            order[columns.builds[columns.build_numbers[linked.ordinal]] if obj is None else build_of(obj)] = None
        self.builds = list(order)

    def number(self, name: bytes) -> int:
        """Return the number of a name; -1 if there is none."""
        return self.names.get(name, -1)

    def is_defined(self, number: int) -> bool:
        return self.states[number] >= WEAK_DEFINITION

    def declared(self, number: int) -> tuple[int, bytes, bytes]:
        """Return kind, type and import of a name that objects agree on; see :data:`.interfaces.Key`."""
        type_ = self._types[number]
        if type_ < 0:
            return -1, b"", b""
        kind, text = self._type_list[type_]
        return kind, text, self._imports.get(number, b"")

    def calls_constructors(self) -> bool:
        """Return whether the program names the function that calls the constructors."""
        number = self.number(_CALL_CTORS)
        return any(number in linked.names for linked in self.objects)

    def _check_read(self) -> None:
        """Check that no other file than an input was read, came or went."""
        inputs = {*self._state.inputs, *self.files.input_paths}
        before = {path for path, _, _, _ in self._state.read}
        if not inputs.issuperset(before ^ self.files.read.keys()) or not inputs.issuperset(self._files.changed):
            raise Unusable("a list of undefined symbols came, went or changed")

    def _linker_names(self, options: LinkOptions) -> list[int]:
        """Return the names that the linker defines before any file."""
        resolution = Resolution(
            SymbolTable(Diagnostics(), gc_sections=True), SyntheticFile("", gc_sections=True), Target(is_64=False)
        )
        define_linker_symbols(resolution, options)
        return [self._number(name) for name in resolution.symbols]

    # Files

    def _run(self, steps: Iterator[ObjectSource]) -> None:
        stack = [steps]
        while stack:
            source = next(stack[-1], None)
            if source is None:
                stack.pop()
            else:
                stack.append(self._add_object(source))

    def _add_lazy(self, source: ObjectSource) -> Iterator[ObjectSource]:
        names, states = self.names, self.states
        for name in source.defined_symbols():
            number = names.get(name, -1)
            if number < 0:
                number = self._number(name)
            state = states[number]
            if state == ABSENT:
                self.seen.append(number)
                self._make_lazy(number, source, LAZY)
            elif state == WEAK_REFERENCE:
                self._make_lazy(number, source, WEAK_LAZY)
            elif state == REFERENCE:
                source.lazy = False
                yield source
                return

    def _make_lazy(self, number: int, source: ObjectSource, state: int) -> None:
        self.states[number] = state
        self._lazy[number] = source

    def _add_object(self, source: ObjectSource) -> Iterator[ObjectSource]:
        linked = self._load(source)
        providers = self.providers
        for group in linked.own_groups:
            providers.setdefault(group, linked)
        states, definers, types, type_of_key = self.states, self.definers, self._types, self._type_of_key
        is_undefined, is_weak = self._is_undefined, self._is_weak
        for number, key, group in zip(linked.names, linked.key_numbers, linked.groups):
            state = states[number]
            type_ = type_of_key[key]
            if types[number] != type_:
                if types[number] >= 0:
                    self.disagreeing.add(number)
                else:
                    types[number] = type_
            weak = is_weak[key]
            if not is_undefined[key] and (not group or providers[group - 1] is linked):
                if state < WEAK_DEFINITION or (state == WEAK_DEFINITION and not weak):
                    if state == ABSENT:
                        self.seen.append(number)
                    states[number] = WEAK_DEFINITION if weak else DEFINITION
                    definers[number] = linked
                elif not weak:
                    raise Unusable("two files define a symbol")
                continue
            import_ = self.keys[key][3]
            if import_ and self._imports.setdefault(number, import_) != import_ and number != self._table:
                self.disagreeing.add(number)
            if state >= WEAK_DEFINITION:
                continue
            if state == ABSENT:
                self.seen.append(number)
                states[number] = WEAK_REFERENCE if weak else REFERENCE
            elif state == WEAK_REFERENCE:
                if not weak:
                    states[number] = REFERENCE
            elif state in (LAZY, WEAK_LAZY):
                if weak:
                    states[number] = WEAK_LAZY
                else:
                    yield from self._extract(number)
        self.objects.append(linked)

    def _extract(self, number: int) -> Iterator[ObjectSource]:
        source = self._lazy[number]
        if source.lazy:
            source.lazy = False
            yield source
        # The member may be one that extracted this object before it defined the name.
        self._extracted.add(number)

    def _add_roots(self, options: LinkOptions) -> None:
        asked = {*options.undefined, *options.exports, *options.exports_if_defined, options.entry, options.start}
        for name in (*options.undefined, *options.exports, *options.exports_if_defined):
            self._require(encode_name(name))
        if options.entry:
            self._require(encode_name(options.entry))
        if options.start:
            self._require(encode_name(options.start))
        if _CALL_CTORS.decode() not in asked and not self.calls_constructors():
            self._require(b"__wasm_call_dtors")

    def _require(self, name: bytes) -> None:
        number = self.number(name)
        if number >= 0 and self.states[number] in (LAZY, WEAK_LAZY):
            self._run(self._extract(number))

    # Objects

    def _load(self, source: ObjectSource) -> LinkedObject:
        ordinal, unchanged = self._counterparts.find(source)
        if unchanged:
            columns = self._columns
            linked = LinkedObject(source, ordinal, None)
            first, after = self._first[ordinal : ordinal + 2]
            linked.names = columns.names[first:after]
            linked.key_numbers = columns.key_numbers[first:after]
            linked.groups = columns.symbol_groups[first:after]
            linked.own_groups = self._own_groups.get(ordinal, ())
        else:
            if source.is_bitcode:
                raise Unusable("bitcode")
            linked = self._parsed(source, ordinal, source.parse())
        if len(set(linked.own_groups)) != len(linked.own_groups):
            raise Unusable("an object with two COMDAT groups of a name")
        return linked

    def _parsed(self, source: ObjectSource, ordinal: int, obj: ObjectFile) -> LinkedObject:
        linked = LinkedObject(source, ordinal, obj)
        if obj.is_64:
            raise Unusable("an object of another target")
        own = [self.groups.setdefault(comdat.name, len(self.groups)) for comdat in obj.comdats]
        symbols = SymbolNumbers(self._key_numbers, self._number)
        symbols.add(obj, own)
        self.keys += list(self._key_numbers)[len(self.keys) :]
        self._add_key_types()
        if len(set(symbols.names)) != len(symbols.names):
            raise Unusable("an object has two symbols of a name")
        linked.names, linked.key_numbers, linked.groups = symbols.names, symbols.key_numbers, symbols.groups
        linked.own_groups = own
        return linked

    def _add_key_types(self) -> None:
        """Number the types of new keys."""
        for kind, _, type_, _ in self.keys[len(self._type_of_key) :]:
            number = self._type_numbers.setdefault((kind, type_), len(self._type_list))
            if number == len(self._type_list):
                self._type_list.append((kind, type_))
            self._type_of_key.append(number)
        self._is_undefined = [bool(flags & _UNDEFINED) for _, flags, _, _ in self.keys]
        self._is_weak = [bool(flags & _WEAK) for _, flags, _, _ in self.keys]

    def _number(self, name: bytes) -> int:
        """Return the number of a name, which may be new."""
        number = self.names.setdefault(name, len(self.names))
        if number == len(self.states):
            self.states.append(ABSENT)
            self.definers.append(None)
            self._types.append(-1)
        return number


class _Counterparts:
    """Finds the objects of the last link."""

    def __init__(self, state: State, files: Files, cache: ParseCache) -> None:
        self._state = state
        self._changed = files.changed
        self._places: dict[tuple[str, int | str], list[int]] = {}
        """By path, and by the offset, or the name in an archive that changed."""
        names: dict[tuple[str, int], int | str] = {}
        for path, _, key, _ in state.read:
            data = files.changed.get(path)
            if data is not None and archive.is_archive(data):
                for name, start, _, _ in cache.find_index(key) or ():
                    names[path, start] = name
        for ordinal, known in enumerate(state.files):
            if known.start < 0:
                raise Unusable("an archive that names its members")
            place = names.get((known.path, known.start), known.start)
            self._places.setdefault((known.path, place), []).append(ordinal)

    def find(self, source: ObjectSource) -> tuple[int, bool]:
        """Return the number of an object in the last link, and whether it is the same."""
        place: int | str = source.start
        if source.archive and source.archive in self._changed:
            place = source.member
        ordinals = self._places.get((source.archive or source.member, place))
        if not ordinals:
            return NO_COUNTERPART, False
        ordinal = ordinals.pop(0)
        key = source.key or content_key(memoryview(source.data)[source.start : source.end])
        return ordinal, key == self._state.files[ordinal].key
