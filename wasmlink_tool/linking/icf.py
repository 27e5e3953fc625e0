"""Identical code folding: identical functions and constants are in the output once (``--icf=``).

Here is how it works. Candidates are live functions and segments of constants. Two are identical if they have the same
bytes apart from relocated fields, the same signature or output segment, and relocations of the same types at the same
places against targets that are identical themselves. That is circular where functions call each other, so the search
is optimistic, as in lld: candidates that are equal in all that cannot change are one class, and classes are split
until all members of each refer to the same classes (:mod:`.partition`). Mutually recursive functions fold as well.

The first member of a class stays. The symbols of the others become names of it, and their chunks are not live any more.

Nothing observes a fold with ``--icf=safe``:

- A function that is exported or marked as used in its source stays. Others of its class fold into the first of these.
- A function's address is its index in the indirect function table. A folded function keeps an entry of its own, so that
  addresses of different functions differ, and a call through either does the same. But a host that has the table, or
  code that reads its elements, can compare the functions themselves: then a function whose address is taken stays. So
  does one that ``ref.func`` refers to.
- A constant stays unless code does nothing with it but load from it: every reference is the offset of a load or store.
  Only then is its address in no register, no memory and no export.
- A reference that takes an address is compared by the function or constant that it names, not by class.

With ``--icf=all``, addresses are compared by class as well. Names of run-time type information (``_ZTS…``) never fold:
C++ compares types by the addresses of their names.

A reference that another module may redirect in a shared library is compared by its name.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import compress, repeat
from struct import Struct

from ..binary.constants import SegmentFlag, SymbolFlag, SymbolKind
from ..binary.relocation_types import (
    ADDRESS,
    FROM_PLACE,
    FUNCTION_INDEX,
    TABLE_INDICES,
    TYPE_INDICES,
    ULEB,
    VALUE,
    WIDTH,
    types_with,
)
from ..binary.relocation_types import RelocationType as R
from ..diagnostics import Diagnostics
from ..options import IcfLevel, LinkOptions
from .chunks import InputSegment, LinkedFile, ObjectInput
from .export_rules import exported_symbols
from .live_relocations import live_function_runs
from .output_segments import is_merged, output_name
from .partition import refine
from .resolution import Resolution
from .symbol_names import encode_name
from .symbol_table import INDIRECT_FUNCTION_TABLE
from .symbols import DEFINED, Symbol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_FUNCTION: Final = SymbolKind.FUNCTION
_DATA: Final = SymbolKind.DATA
_CALLS: Final = b"\x10\x12"
"""The opcodes of ``call`` and ``return_call``; ``ref.func`` has a function's index too."""
_ACCESSES: Final = types_with(values=(ADDRESS,), encodings=(ULEB,))
"""The offset of a load or store: the address is used, and nothing has it."""
_READ_ONLY: Final = (b".rodata", b".data.rel.ro")
_READ_ONLY_PREFIXES: Final = tuple([name + b"." for name in _READ_ONLY])
_TYPE_NAME: Final = b"_ZTS"
_BLANK: Final = {width: (Struct(f"{width}s").pack_into, bytes(width)) for width in sorted(set(WIDTH.values()))}


def fold_identical(resolution: Resolution, options: LinkOptions, diagnostics: Diagnostics) -> None:
    """Fold identical functions and constants; report them for ``--print-icf-sections``."""
    if options.relocatable:
        diagnostics.error("-r and --icf may not be used together")
        return
    unique = _kept_unique(resolution, options, diagnostics)
    candidates = _Candidates(resolution, options, unique)
    if not candidates.owners:
        return
    observed = _Observed(candidates, resolution, options)
    keys = _Keys(candidates, observed, resolution, options)
    classes = refine(*keys.initial())
    folds = list(_folds(classes, observed.members))
    _apply(folds, candidates, resolution, keeps_addresses=options.icf is IcfLevel.SAFE)
    if options.print_icf_sections:
        for survivor, others in folds:
            diagnostics.message(f"selected section {candidates.describe(survivor)}")
            for other in others:
                diagnostics.message(f"  removing identical section {candidates.describe(other)}")


def _kept_unique(resolution: Resolution, options: LinkOptions, diagnostics: Diagnostics) -> set[Symbol]:
    """Return the symbols that ``--keep-unique`` names."""
    found = set()
    for text in options.keep_unique:
        symbol = resolution.table.find(encode_name(text))
        if symbol is None:
            diagnostics.warn(f"could not find symbol {text} to keep unique")
        else:
            found.add(symbol)
    return found


class _Candidates:
    """Functions and segments that have the bytes of another one, apart from relocated fields; functions first, each in
    input order. A candidate is a number."""

    def __init__(self, resolution: Resolution, options: LinkOptions, unique: set[Symbol]) -> None:
        self.owners: list[ObjectInput] = []
        self.indices: list[int] = []
        """The index of the function or segment in its file."""
        self.groups: list[int] = []
        """For each candidate, a number that those with the same bytes share."""
        self.functions: dict[LinkedFile, dict[int, int]] = {}
        self.segments: dict[LinkedFile, dict[int, int]] = {}
        excluded = {
            (symbol.file, symbol.index) for symbol in unique if symbol.kind == _FUNCTION and symbol.state == DEFINED
        }
        self._order: dict[LinkedFile, int] = {file: i for i, file in enumerate(resolution.objects)}
        self._add(self.functions, _same_code(resolution.objects, excluded))
        self.function_count = len(self.owners)
        segments = list(_same_constants(resolution.objects, options))
        self._add(self.segments, _without_identities(segments, unique))

    def _add(self, numbers: dict[LinkedFile, dict[int, int]], groups: Iterable[list[tuple[ObjectInput, int]]]) -> None:
        members = []
        first = max(self.groups, default=-1) + 1
        for group, places in enumerate(groups, first):
            members += [(*place, group) for place in places]
        order = self._order
        members.sort(key=lambda member: (order[member[0]], member[1]))
        for file, index, group in members:
            numbers.setdefault(file, {})[index] = len(self.owners)
            self.owners.append(file)
            self.indices.append(index)
            self.groups.append(group)

    def of(self, symbol: Symbol) -> int:
        """Return the candidate that a symbol names, or -1."""
        if symbol.state == DEFINED:
            if symbol.kind == _FUNCTION:
                if symbol.file is not None:
                    return self.functions.get(symbol.file, _NONE).get(symbol.index, -1)
            elif symbol.segment is not None:
                return self.segments.get(symbol.segment.file, _NONE).get(symbol.segment.index, -1)
        return -1

    def describe(self, candidate: int) -> str:
        file, index = self.owners[candidate], self.indices[candidate]
        return file.describe_function(index) if candidate < self.function_count else str(file.segments[index])


_NONE: Final[dict[int, int]] = {}


def _masked(file: ObjectInput, section: int) -> bytes:
    """Return a section's contents with zeros in all relocated fields."""
    obj = file.object
    place = obj.sections[section]
    contents = bytearray(obj.data[place.start : place.end])
    relocs = file.relocations(section)
    widths = {WIDTH[type_] for type_ in set(relocs.types)}
    for width in widths:
        pack, blank = _BLANK[width]
        offsets: Iterable[int] = relocs.offsets
        if len(widths) > 1:
            of_width = bytes([WIDTH.get(type_) == width for type_ in range(256)])
            offsets = compress(offsets, relocs.types.translate(of_width))
        deque(map(pack, repeat(contents), offsets, repeat(blank)), maxlen=0)
    return bytes(contents)


def _same_code(
    files: list[ObjectInput], excluded: set[tuple[LinkedFile | None, int]]
) -> Iterator[list[tuple[ObjectInput, int]]]:
    """Yield groups of live functions with the same signature and code, relocated fields apart."""
    found: dict[tuple[bytes, bytes], list[tuple[ObjectInput, int]]] = {}
    for file in files:
        if 1 not in file.function_live:
            continue
        code = _masked(file, file.object.code_section)
        starts, signatures = file.object.function_offsets, file.function_signatures
        for first, after in live_function_runs(file):
            for index in range(first, after):
                key = signatures[index], code[starts[index] : starts[index + 1]]
                found.setdefault(key, []).append((file, index))
    for places in found.values():
        if len(places) > 1:
            kept = [place for place in places if place not in excluded] if excluded else places
            if len(kept) > 1:
                yield kept


def _same_constants(files: list[ObjectInput], options: LinkOptions) -> Iterator[list[tuple[ObjectInput, int]]]:
    """Yield groups of live read-only segments with the same contents in one output segment, relocated fields apart."""
    found: dict[tuple[bytes, int, bytes], list[tuple[ObjectInput, int]]] = {}
    for file in files:
        segments = [segment for segment in file.segments if segment.live and _is_constant(segment, options)]
        if not segments:
            continue
        obj = file.object
        data = _masked(file, obj.data_section)
        types, ranges = file.relocations(obj.data_section).types, obj.relocation_ranges(obj.data_section)
        for segment in segments:
            index = segment.index
            if not FROM_PLACE.isdisjoint(types[ranges[index] : ranges[index + 1]]):
                # What it contains depends on where it is.
                continue
            start = obj.segments[index].offset
            key = output_name(segment, options), segment.flags, data[start : start + segment.size]
            found.setdefault(key, []).append((file, index))
    for places in found.values():
        if len(places) > 1:
            yield places


def _is_constant(segment: InputSegment, options: LinkOptions) -> bool:
    """Return whether a segment is read only and the link may choose its place."""
    return (
        (segment.name in _READ_ONLY or segment.name.startswith(_READ_ONLY_PREFIXES))
        and segment.size > 0
        and not segment.flags & (SegmentFlag.TLS | SegmentFlag.RETAIN)
        and not (options.optimize and is_merged(segment))
    )


def _without_identities(
    groups: list[list[tuple[ObjectInput, int]]], unique: set[Symbol]
) -> Iterator[list[tuple[ObjectInput, int]]]:
    """Yield the groups without the segments whose addresses mean something: type names, and symbols to be kept."""
    files = {file for places in groups for file, _ in places}
    excluded = {
        (symbol.segment.file, symbol.segment.index)
        for symbols in (unique, *(file.symbols for file in files))
        for symbol in symbols
        if symbol.segment is not None and (symbol.name.startswith(_TYPE_NAME) or symbol in unique)
    }
    for places in groups:
        kept = [place for place in places if place not in excluded]
        if len(kept) > 1:
            yield kept


class _Observed:
    """The candidates that something can tell from identical ones. With ``--icf=all`` there are none."""

    def __init__(self, candidates: _Candidates, resolution: Resolution, options: LinkOptions) -> None:
        self.members: set[int] = set()
        self.by_index: set[int] = set()
        """Functions that ``ref.func`` refers to."""
        if options.icf is IcfLevel.ALL:
            return
        self._candidates = candidates
        self._is_table_private = not _is_table_visible(options) and not any(map(_reads_table, resolution.objects))
        for symbol in (*exported_symbols(resolution, options), resolution.entry, resolution.start):
            if symbol is not None:
                self.members.add(candidates.of(symbol))
        self.members.discard(-1)
        for file in resolution.objects:
            self._add_references(file)

    def _add_references(self, file: ObjectInput) -> None:
        """Add what live code and data of a file take the address of."""
        named = {i: found for i, symbol in enumerate(file.symbols) if (found := self._candidates.of(symbol)) >= 0}
        if not named:
            return
        self.members.update([found for i, found in named.items() if file.symbols[i].flags & SymbolFlag.NO_STRIP])
        obj = file.object
        harmless = _ACCESSES | TYPE_INDICES | (TABLE_INDICES if self._is_table_private else frozenset())
        if obj.code_section >= 0 and 1 in file.function_live:
            relocs = file.relocations(obj.code_section)
            types, offsets, indices = relocs.types, relocs.offsets, relocs.indices
            data, before = obj.data, obj.sections[obj.code_section].start - 1
            for i in compress(range(len(types)), map(named.__contains__, indices)):
                if types[i] in harmless:
                    continue
                is_index = types[i] == R.FUNCTION_INDEX_LEB
                if is_index and data[before + offsets[i]] in _CALLS:
                    continue
                if _is_in_live_function(file, offsets[i]):
                    self.members.add(named[indices[i]])
                    if is_index:
                        self.by_index.add(named[indices[i]])
        if obj.data_section >= 0:
            relocs, ranges = file.relocations(obj.data_section), obj.relocation_ranges(obj.data_section)
            for segment in file.segments:
                first, after = ranges[segment.index], ranges[segment.index + 1]
                if segment.live and first != after:
                    for type_, index in zip(relocs.types[first:after], relocs.indices[first:after]):
                        if index in named and type_ not in harmless:
                            self.members.add(named[index])


def _is_table_visible(options: LinkOptions) -> bool:
    """Return whether the host has the indirect function table."""
    name = INDIRECT_FUNCTION_TABLE.decode()
    return (
        options.import_table
        or options.export_table
        or options.export_all
        or bool(options.export_dynamic)
        or name in options.exports
        or name in options.exports_if_defined
    )


def _reads_table(file: ObjectInput) -> bool:
    """Return whether live code of a file does more with a table than to call through it."""
    obj = file.object
    if obj.code_section < 0:
        return False
    relocs = file.relocations(obj.code_section)
    types, offsets = relocs.types, relocs.offsets
    i = types.find(R.TABLE_NUMBER_LEB)
    while i >= 0:
        # ``call_indirect`` has the number of a type, in five bytes, before that of the table.
        is_call = i and types[i - 1] == R.TYPE_INDEX_LEB and offsets[i] - offsets[i - 1] == WIDTH[R.TYPE_INDEX_LEB]
        if not is_call and _is_in_live_function(file, offsets[i]):
            return True
        i = types.find(R.TABLE_NUMBER_LEB, i + 1)
    return False


def _is_in_live_function(file: ObjectInput, offset: int) -> bool:
    return bool(file.function_live[bisect_right(file.object.function_offsets, offset) - 1])


class _Keys:
    """What relocations of candidates resolve to, as values that are equal where the targets are the same."""

    def __init__(
        self, candidates: _Candidates, observed: _Observed, resolution: Resolution, options: LinkOptions
    ) -> None:
        self._candidates = candidates
        self._observed = observed
        self._options = options
        self._is_dynamic = resolution.is_dynamic(options)
        self._folds_addresses = options.icf is IcfLevel.ALL
        self._numbers: dict[object, int] = {}

    def initial(self) -> tuple[list[int], list[list[int]]]:
        """Return the class of each candidate by all that cannot change, and the candidates that each refers to."""
        candidates = self._candidates
        classes: dict[object, int] = {}
        found: list[int] = []
        targets: list[list[int]] = []
        known: dict[ObjectInput, dict[int, _Target]] = {}
        for candidate, (file, index) in enumerate(zip(candidates.owners, candidates.indices)):
            is_code = candidate < candidates.function_count
            named: list[int] = []
            key = self._key(file, is_code, index, known.setdefault(file, {}), named)
            found.append(classes.setdefault((candidates.groups[candidate], key), len(classes)))
            targets.append(named)
        return found, targets

    def _key(
        self, file: ObjectInput, is_code: bool, index: int, known: dict[int, _Target], named: list[int]
    ) -> tuple[object, ...]:
        """Return the relocations of a candidate, as far as they do not depend on classes; add the candidates that they
        name to ``named``."""
        obj = file.object
        section = obj.code_section if is_code else obj.data_section
        ranges = obj.relocation_ranges(section)
        first, after = ranges[index], ranges[index + 1]
        if first == after:
            return ()
        relocs = file.relocations(section)
        start = obj.function_offsets[index] if is_code else obj.segments[index].offset
        types = relocs.types[first:after]
        places: list[int] = []
        for type_, symbol, addend in zip(types, relocs.indices[first:after], relocs.addends[first:after]):
            entry = symbol << 8 | type_
            target = known.get(entry)
            if target is None:
                target = known[entry] = self._target(file, type_, symbol)
            if target.candidate >= 0:
                named.append(target.candidate)
            if target.strings is None:
                places += (target.number, target.offset + addend)
            else:
                places += self._string(target.strings, target.offset + addend)
        return types, tuple([offset - start for offset in relocs.offsets[first:after]]), tuple(places)

    def _target(self, file: ObjectInput, type_: int, index: int) -> _Target:
        if type_ in TYPE_INDICES:
            return _Target(self._number(file.object.types[index]))
        symbol = file.symbols[index]
        if symbol.state != DEFINED or self._is_found_by_name(symbol, type_):
            return _Target(self._number(symbol))
        segment = symbol.segment
        candidate = self._candidates.of(symbol)
        if candidate >= 0 and self._counts_by_class(candidate, type_):
            return _Target(_CLASS, 0 if segment is None else symbol.value, candidate)
        if symbol.kind == _DATA:
            if segment is None:
                return _Target(self._number(symbol))
            strings = segment if self._options.optimize and is_merged(segment) else None
            return _Target(self._number(segment), symbol.value, -1, strings)
        return _Target(self._number((symbol.kind, symbol.file, symbol.index)))

    def _is_found_by_name(self, symbol: Symbol, type_: int) -> bool:
        """Return whether another module may have the symbol's definition, or the symbol's entry in the global offset
        table."""
        if not self._is_dynamic or symbol.is_hidden or symbol.is_local:
            return False
        if VALUE[type_] == FUNCTION_INDEX:
            return self._options.shared and symbol.is_weak
        return symbol.kind in (_FUNCTION, _DATA)

    def _counts_by_class(self, candidate: int, type_: int) -> bool:
        """Return whether a reference may be to any member of a class."""
        if self._folds_addresses:
            return True
        return type_ in _ACCESSES or (VALUE[type_] == FUNCTION_INDEX and candidate not in self._observed.by_index)

    def _string(self, segment: InputSegment, offset: int) -> tuple[int, int]:
        """Return the key of a place in a mergeable string: equal strings of one output segment have one address."""
        if not 0 <= offset < segment.size:
            return self._number(segment), offset
        contents = segment.contents()
        start = contents.rfind(b"\0", 0, offset) + 1
        string = contents[start : contents.find(b"\0", offset)]
        return self._number((output_name(segment, self._options), segment.flags, string)), offset - start

    def _number(self, identity: object) -> int:
        return self._numbers.setdefault(identity, len(self._numbers) + 1)


_CLASS: Final = 0
"""The number of a target that counts by its class."""


class _Target:
    """What a relocation of a file resolves to, addend apart."""

    __slots__ = ("candidate", "number", "offset", "strings")

    def __init__(self, number: int, offset: int = 0, candidate: int = -1, strings: InputSegment | None = None) -> None:
        self.number = number
        self.offset = offset
        self.candidate = candidate
        """Where the target counts by its class, the candidate; -1 otherwise."""
        self.strings = strings
        """The segment, where its strings are merged."""


def _folds(classes: list[int], observed: set[int]) -> Iterator[tuple[int, list[int]]]:
    """Yield each candidate that replaces others, with those, in order."""
    members: dict[int, list[int]] = {}
    for candidate, number in enumerate(classes):
        members.setdefault(number, []).append(candidate)
    for group in members.values():
        if len(group) > 1:
            survivor = next((candidate for candidate in group if candidate in observed), group[0])
            others = [candidate for candidate in group if candidate != survivor and candidate not in observed]
            if others:
                yield survivor, others


def _apply(
    folds: list[tuple[int, list[int]]], candidates: _Candidates, resolution: Resolution, *, keeps_addresses: bool
) -> None:
    """Give the symbols of folded chunks the places of those that stay, and take the chunks out of the link."""
    functions: dict[tuple[LinkedFile | None, int], tuple[ObjectInput, int]] = {}
    segments: dict[InputSegment | None, InputSegment] = {}
    files: set[ObjectInput] = set()
    for survivor, others in folds:
        to, to_index = candidates.owners[survivor], candidates.indices[survivor]
        for other in others:
            file, index = candidates.owners[other], candidates.indices[other]
            files.add(file)
            if other < candidates.function_count:
                file.function_live[index] = 0
                functions[file, index] = to, to_index
            else:
                segment, kept = file.segments[index], to.segments[to_index]
                segment.live = False
                kept.alignment = max(kept.alignment, segment.alignment)
                segments[segment] = kept
    # A name may have other symbols than its file's, where --wrap gives references another meaning.
    symbols = dict.fromkeys(symbol for file in files for symbol in file.symbols)
    symbols.update(dict.fromkeys(resolution.symbols.values()))
    for symbol in symbols:
        if symbol.state != DEFINED:
            continue
        if symbol.kind == _FUNCTION:
            place = functions.get((symbol.file, symbol.index))
            if place is not None:
                symbol.become_folded(*place, keeps_address=keeps_addresses)
        elif symbol.kind == _DATA:
            constant = segments.get(symbol.segment)
            if constant is not None:
                symbol.become_folded_data(constant)
