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
    FROM_PLACE,
    TABLE_INDICES,
    TYPE_INDICES,
    WIDTH,
)
from ..binary.relocation_types import RelocationType as R
from ..diagnostics import Diagnostics
from ..options import IcfLevel, LinkOptions
from .chunks import InputSegment, LinkedFile, ObjectInput
from .export_rules import exported_symbols
from .icf_keys import ACCESSES, Keys
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
    candidates = Candidates(resolution, options, unique)
    if not candidates.owners:
        return
    observed = _Observed(candidates, resolution, options)
    keys = Keys(candidates, observed.by_index, resolution, options)
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


class Candidates:
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
        self._named: dict[ObjectInput, dict[int, int]] = {}
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
            segment = symbol.segment
            if segment is not None:
                numbers = self.segments.get(segment.file)
                return -1 if numbers is None else numbers.get(segment.index, -1)
            if symbol.kind == _FUNCTION and symbol.file is not None:
                numbers = self.functions.get(symbol.file)
                return -1 if numbers is None else numbers.get(symbol.index, -1)
        return -1

    def named_by(self, file: ObjectInput) -> dict[int, int]:
        """Return the candidates that a file's symbols name, by the indices of the symbols."""
        known = self._named.get(file)
        if known is None:
            of = self.of
            known = self._named[file] = {
                i: found for i, symbol in enumerate(file.symbols) if (found := of(symbol)) >= 0
            }
        return known

    def describe(self, candidate: int) -> str:
        file, index = self.owners[candidate], self.indices[candidate]
        return file.describe_function(index) if candidate < self.function_count else str(file.segments[index])


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
            start = obj.segments.offsets[index]
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

    def __init__(self, candidates: Candidates, resolution: Resolution, options: LinkOptions) -> None:
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
        named = self._candidates.named_by(file)
        if not named:
            return
        self.members.update([found for i, found in named.items() if file.symbols[i].flags & SymbolFlag.NO_STRIP])
        obj = file.object
        harmless = ACCESSES | TYPE_INDICES | (TABLE_INDICES if self._is_table_private else frozenset())
        if obj.code_section >= 0 and 1 in file.function_live:
            relocs = file.relocations(obj.code_section)
            types, offsets, indices = relocs.types, relocs.offsets, relocs.indices
            data, before = obj.data, obj.sections.starts[obj.code_section] - 1
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
    folds: list[tuple[int, list[int]]], candidates: Candidates, resolution: Resolution, *, keeps_addresses: bool
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
