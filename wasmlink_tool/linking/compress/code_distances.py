"""Find the distances within functions that debug information contains: lengths of ranges, offsets from their starts.

Addresses have relocations, which follow the code by themselves once their addends do. A distance is a plain number: the
high_pc of an entry, the bounds in lists of ranges and locations, the lengths in ``.debug_aranges``. To find them, all
entries are read (DWARF 5, section 7.5); each distance is recorded with the place that it counts from. Line tables are
in :mod:`.line_programs`.

The walk fails if a number depends on code in a way that is not known here: nothing is rewritten then.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import NamedTuple

from ...binary.constants import SymbolKind
from ...binary.reader import FormatError, Reader
from ...binary.relocation_types import FUNCTION_OFFSETS
from ...binary.relocation_types import RelocationType as R
from ..chunks import InputSection, ObjectInput
from ..relocation_values import body_start
from . import dwarf_forms as forms
from .dwarf_forms import Abbreviation, UnitFormat, read_abbreviations, skip

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final


class NotFollowedError(Exception):
    """Something in debug information depends on code in a way that is not supported."""


class Place(NamedTuple):
    """A place in a function's body."""

    symbol: int
    """The index of the function's symbol in the object."""
    offset: int


class Distance(NamedTuple):
    """A field that holds a distance from a place in a function to a later one."""

    position: int
    """The offset of the field in its section."""
    width: int
    """The size of the field, in bytes."""
    is_leb: bool
    start: Place
    value: int


def read_distances(file: ObjectInput) -> dict[int, list[Distance]]:
    """Return the distances in an object's debug information, by section.

    :raises NotFollowedError: there is one that cannot be followed.
    :raises FormatError: the debug information is damaged.
    """
    return _DebugInformation(file).read()


class _Section:
    """A section of debug information, with access to its relocations by position."""

    def __init__(self, section: InputSection) -> None:
        file = section.file
        assert isinstance(file, ObjectInput)
        self.index = section.index
        self.data = section.contents()
        self._symbols = file.symbols
        self._relocs = file.relocations(section.index)

    def function_at(self, position: int) -> Place | None:
        """Return the place in a function whose address the field at ``position`` holds."""
        relocs = self._relocs
        i = self._find(position)
        if i < 0 or relocs.types[i] not in FUNCTION_OFFSETS:
            return None
        return Place(relocs.indices[i], relocs.addends[i])

    def section_at(self, position: int) -> tuple[InputSection, int]:
        """Return the section and the offset that the field at ``position`` holds."""
        relocs = self._relocs
        i = self._find(position)
        if i >= 0 and relocs.types[i] == R.SECTION_OFFSET_I32:
            section = self._symbols[relocs.indices[i]].section
            if section is not None:
                return section, relocs.addends[i]
        raise NotFollowedError("a reference to another section has no relocation")

    def _find(self, position: int) -> int:
        offsets = self._relocs.offsets
        i = bisect_left(offsets, position)
        return i if i < len(offsets) and offsets[i] == position else -1

    def fixed(self, position: int, width: int) -> int:
        if not 0 <= position <= len(self.data) - width:
            raise FormatError("an offset in debug information is out of range")
        return int.from_bytes(self.data[position : position + width], "little")

    def uleb(self, position: int) -> tuple[int, int]:
        """Return a LEB128 number, and the position after it."""
        reader = Reader(self.data, position, len(self.data))
        return reader.uleb(64), reader.pos

    def units(self) -> list[tuple[int, int, int]]:
        """Return the units: the position after the length, the end, the size of offsets."""
        units: list[tuple[int, int, int]] = []
        position = 0
        while position < len(self.data):
            offset_size = 4
            length = self.fixed(position, 4)
            position += 4
            if length == 0xFFFFFFFF:
                offset_size = 8
                length = self.fixed(position, 8)
                position += 8
            end = position + length
            if end > len(self.data):
                raise FormatError("a unit of debug information ends after its section")
            units.append((position, end, offset_size))
            position = end
        return units


class _Unit:
    """A unit of ``.debug_info``: ``bases`` are those of its indices, by attribute."""

    def __init__(self, format_: UnitFormat) -> None:
        self.format = format_
        self.low: Place | None = None
        """The place that lists count from unless they say otherwise."""
        self.bases: dict[int, tuple[_Section, int]] = {}


_UNIT_TYPES_OF_TYPES: Final = (2, 6)
_COMPILE_UNITS: Final = (1, 3)
"""DW_UT_type, DW_UT_split_type; DW_UT_compile, DW_UT_partial."""
_FOLLOWED: Final = frozenset(
    (
        b".debug_addr",
        b".debug_aranges",
        b".debug_info",
        b".debug_line",
        b".debug_loc",
        b".debug_loclists",
        b".debug_ranges",
        b".debug_rnglists",
    )
)
"""The sections that may have addresses of code."""


class _DebugInformation:
    def __init__(self, file: ObjectInput) -> None:
        self._file = file
        self._sections: dict[int, _Section] = {}
        self._abbreviations: dict[tuple[int, int, UnitFormat], dict[int, Abbreviation]] = {}
        self._lists: dict[tuple[int, int], Place | None] = {}
        """The lists that were read, each with the place that it counts from."""
        self._sizes: dict[int, int] = {}
        """The size of each function's body, by its symbol."""
        self._distances: dict[int, list[Distance]] = {}
        self._budget = 8 * sum(section.size for section in file.custom_sections.values())

    def read(self) -> dict[int, list[Distance]]:
        try:
            self._read()
        except IndexError:
            raise FormatError("debug information ends within an entry") from None
        return self._distances

    def _read(self) -> None:
        for section in self._file.custom_sections.values():
            if section.discarded or not section.name.startswith(b".debug_"):
                continue
            if section.name == b".debug_info":
                self._read_info(self._section(section))
            elif section.name == b".debug_aranges":
                self._read_aranges(self._section(section))
            elif section.name not in _FOLLOWED:
                types = self._file.relocations(section.index).types
                if not FUNCTION_OFFSETS.isdisjoint(types):
                    raise NotFollowedError(f"{section.name.decode()} has addresses of code")

    def _spend(self, size: int) -> None:
        """Count bytes that are read through references: tables and lists do not overlap unless they are damaged."""
        self._budget -= size
        if self._budget < 0:
            raise FormatError("tables of debug information overlap")

    def _section(self, section: InputSection) -> _Section:
        known = self._sections.get(section.index)
        if known is None:
            known = self._sections[section.index] = _Section(section)
        return known

    # Distances

    def _add(self, section: _Section, position: int, width: int, start: Place | None, what: str, *, leb: bool) -> None:
        """Record the distance in the field at ``position``."""
        value = section.uleb(position)[0] if leb else section.fixed(position, width)
        if start is None:
            if value:
                raise NotFollowedError(f"{what} does not count from a function")
            return
        if start.offset + value > self._size(start.symbol):
            raise NotFollowedError(f"{what} exceeds a function")
        fields = self._distances.setdefault(section.index, [])
        fields.append(Distance(position, width, leb, start, value))

    def _add_leb(self, section: _Section, position: int, start: Place | None, what: str) -> int:
        after = section.uleb(position)[1]
        self._add(section, position, after - position, start, what, leb=True)
        return after

    def _size(self, symbol: int) -> int:
        size = self._sizes.get(symbol)
        if size is None:
            obj = self._file.object
            kind, _, _, function, _, _ = obj.symbols[symbol]
            index = function - len(obj.imported_functions)
            if kind != SymbolKind.FUNCTION or not 0 <= index < len(obj.functions):
                raise NotFollowedError("debug information describes a function of another object")
            size = self._sizes[symbol] = obj.function_offsets[index + 1] - body_start(self._file, index)
        return size

    # .debug_info

    def _read_info(self, info: _Section) -> None:
        for start, end, offset_size in info.units():
            version = info.fixed(start, 2)
            position = start + 2
            if not 2 <= version <= 5:
                raise NotFollowedError(f"debug information of version {version}")
            if version == 5:
                kind, address_size = info.fixed(position, 1), info.fixed(position + 1, 1)
                if kind in _UNIT_TYPES_OF_TYPES:
                    continue
                if kind not in _COMPILE_UNITS:
                    raise NotFollowedError("debug information in another file (-gsplit-dwarf)")
                place = position + 2
                position = place + offset_size
            else:
                place = position
                address_size = info.fixed(position + offset_size, 1)
                position += offset_size + 1
            if address_size not in (4, 8):
                raise FormatError("an address of unknown size")
            format_ = UnitFormat(version, address_size, offset_size)
            abbreviations = self._abbreviations_at(*info.section_at(place), format_)
            self._read_entries(info, position, end, _Unit(format_), abbreviations)

    def _abbreviations_at(self, section: InputSection, offset: int, unit: UnitFormat) -> dict[int, Abbreviation]:
        key = section.index, offset, unit
        known = self._abbreviations.get(key)
        if known is None:
            data = self._section(section).data
            if not 0 <= offset <= len(data):
                raise FormatError("abbreviations are out of range")
            known, after = read_abbreviations(data, offset, len(data), unit)
            self._abbreviations[key] = known
            self._spend(after - offset)
        return known

    def _read_entries(
        self, info: _Section, position: int, end: int, unit: _Unit, abbreviations: dict[int, Abbreviation]
    ) -> None:
        """Read all entries of a unit; their tree does not matter. The first one describes the unit."""
        data = info.data
        is_first = True
        found: list[tuple[int, int, int]] = []
        while position < end:
            code = data[position]
            position += 1
            if code >= 0x80:
                code, position = info.uleb(position - 1)
            if not code:
                continue
            steps = abbreviations.get(code)
            if steps is None:
                raise FormatError("an unknown abbreviation in debug information")
            for size, attribute, form in steps:
                if attribute or form:
                    found.append((attribute, form, position))
                if size >= 0:
                    position += size
                elif size == forms.LEB:
                    while data[position] >= 0x80:
                        position += 1
                    position += 1
                else:
                    position = skip(data, position, end, size)
            if position > end:
                raise FormatError("an entry of debug information ends after its unit")
            if found:
                self._read_entry(info, unit, found, is_first=is_first)
                found.clear()
            is_first = False

    def _read_entry(
        self, info: _Section, unit: _Unit, attributes: list[tuple[int, int, int]], *, is_first: bool
    ) -> None:
        for attribute, _, position in attributes:
            if attribute in (forms.DWO_NAME, forms.GNU_DWO_NAME):
                raise NotFollowedError("debug information in another file (-gsplit-dwarf)")
            if attribute in _BASES and is_first:
                section, offset = info.section_at(position)
                unit.bases[attribute] = self._section(section), offset
        low: Place | None = None
        for attribute, form, position in attributes:
            if form == forms.ADDRX_OFFSET:
                index, after = info.uleb(position)
                place = self._address(unit, index)
                self._add(info, after, 4, place, "DW_FORM_LLVM_addrx_offset", leb=False)
                if place is not None and attribute == forms.LOW_PC:
                    low = Place(place.symbol, place.offset + info.fixed(after, 4))
            elif attribute == forms.LOW_PC:
                if form == forms.ADDR:
                    low = info.function_at(position)
                elif form in forms.ADDRX:
                    low = self._address(unit, self._index(info, position, forms.ADDRX[form]))
                else:
                    raise _not_followed(attribute, form)
        if is_first:
            unit.low = low
        for attribute, form, position in attributes:
            if attribute in (forms.HIGH_PC, forms.ENTRY_PC) and form in forms.CONSTANTS:
                if form == forms.IMPLICIT_CONST or (attribute == forms.ENTRY_PC and low is None):
                    raise _not_followed(attribute, form)
                self._add_constant(info, position, form, low, forms.NAMES[attribute])
            elif attribute in _ADDRESSES:
                if form not in (forms.ADDR, forms.ADDRX_OFFSET) and form not in forms.ADDRX:
                    raise _not_followed(attribute, form)
            elif attribute == forms.START_SCOPE:
                raise _not_followed(attribute, form)
            elif attribute == forms.RANGES:
                self._read_list(info, position, form, unit, is_locations=False)
            elif attribute in forms.LOCATIONS:
                self._read_list(info, position, form, unit, is_locations=True)

    def _add_constant(self, info: _Section, position: int, form: int, start: Place | None, what: str) -> None:
        width = forms.DATA.get(form)
        if width is None:
            self._add_leb(info, position, start, what)
        else:
            self._add(info, position, width, start, what, leb=False)

    def _index(self, info: _Section, position: int, width: int) -> int:
        return info.fixed(position, width) if width else info.uleb(position)[0]

    def _address(self, unit: _Unit, index: int) -> Place | None:
        """Return the place that an entry of ``.debug_addr`` refers to."""
        base = unit.bases.get(forms.ADDR_BASE)
        if base is None:
            raise FormatError("the index of an address without their base")
        section, offset = base
        return section.function_at(offset + unit.format.address_size * index)

    # Lists of ranges and locations

    def _read_list(self, info: _Section, position: int, form: int, unit: _Unit, *, is_locations: bool) -> None:
        if not forms.is_list(form, unit.format):
            raise _not_followed(forms.RANGES, form)
        if form in (forms.LOCLISTX, forms.RNGLISTX):
            base = unit.bases.get(forms.LOCLISTS_BASE if form == forms.LOCLISTX else forms.RNGLISTS_BASE)
            if base is None:
                raise FormatError("the index of a list without their base")
            section, offset = base
            size = unit.format.offset_size
            offset += section.fixed(offset + size * info.uleb(position)[0], size)
        else:
            target, offset = info.section_at(position)
            section = self._section(target)
        key = section.index, offset
        if key in self._lists:
            if self._lists[key] != unit.low:
                raise NotFollowedError("a list of ranges or locations of two units")
            return
        self._lists[key] = unit.low
        read: Callable[[_Section, int, _Unit, bool], None]
        read = self._read_entries_of_list if unit.format.version >= 5 else self._read_pairs
        read(section, offset, unit, is_locations)

    def _read_pairs(self, section: _Section, position: int, unit: _Unit, is_locations: bool) -> None:
        """Read a list of ``.debug_ranges`` or ``.debug_loc``."""
        width = unit.format.address_size
        base = unit.low
        while True:
            self._spend(2 * width)
            values = [section.fixed(position + i, width) for i in (0, width)]
            places = [section.function_at(position + i) for i in (0, width)]
            if places == [None, None] and not any(values):
                return
            if places[0] is None and values[0] == (1 << 8 * width) - 1:
                base = places[1]
                position += 2 * width
                continue
            if None not in places:
                position += 2 * width
            elif places == [None, None]:
                for _ in values:
                    self._add(section, position, width, base, "a range", leb=False)
                    position += width
            else:
                raise NotFollowedError("a range has one address with a relocation")
            if is_locations:
                position += 2 + section.fixed(position, 2)

    def _read_entries_of_list(self, section: _Section, position: int, unit: _Unit, is_locations: bool) -> None:
        """Read a list of ``.debug_rnglists`` or ``.debug_loclists`` (DWARF 5, sections 7.25 and 7.29)."""
        width = unit.format.address_size
        base = unit.low
        # The codes from 5 on differ by one, since only locations have a default.
        kinds = _LOCATION_KINDS if is_locations else _RANGE_KINDS
        while True:
            self._spend(2)
            code = section.fixed(position, 1)
            position += 1
            if code >= len(kinds):
                raise NotFollowedError(f"an entry of kind {code} in a list of ranges or locations")
            kind = kinds[code]
            if kind == "end":
                return
            start: Place | None = None
            if kind.startswith("startx") or kind == "basex":
                index, position = section.uleb(position)
                start = self._address(unit, index)
            elif kind.startswith("start") or kind == "base":
                start = section.function_at(position)
                position += width
            if kind in ("base", "basex"):
                base = start
                continue
            if kind == "pair":
                position = self._add_leb(section, position, base, "a range")
                position = self._add_leb(section, position, base, "a range")
            elif kind.endswith("length"):
                position = self._add_leb(section, position, start, "a range")
            elif kind == "startx_endx":
                _, position = section.uleb(position)
            elif kind == "start_end":
                position += width
            if is_locations:
                size, position = section.uleb(position)
                position += size

    # .debug_aranges

    def _read_aranges(self, section: _Section) -> None:
        for start, end, offset_size in section.units():
            header = start + 2 + offset_size
            width, segment_size = section.fixed(header, 1), section.fixed(header + 1, 1)
            if width not in (4, 8) or segment_size:
                raise NotFollowedError(".debug_aranges has addresses of an unknown size")
            # Tuples are aligned to their size, from the start of the unit.
            unit = start - (4 if offset_size == 4 else 12)
            position = unit - (unit - header - 2) // (2 * width) * (2 * width)
            while position + 2 * width <= end:
                place = section.function_at(position)
                if place is not None:
                    self._add(section, position + width, width, place, ".debug_aranges", leb=False)
                position += 2 * width


_BASES: Final = (forms.ADDR_BASE, forms.LOCLISTS_BASE, forms.RNGLISTS_BASE)
_ADDRESSES: Final = (forms.HIGH_PC, forms.ENTRY_PC, forms.CALL_PC, forms.CALL_RETURN_PC)
_RANGE_KINDS: Final = ("end", "basex", "startx_endx", "startx_length", "pair", "base", "start_end", "start_length")
_LOCATION_KINDS: Final = (*_RANGE_KINDS[:5], "default", *_RANGE_KINDS[5:])


def _not_followed(attribute: int, form: int) -> NotFollowedError:
    return NotFollowedError(f"{forms.NAMES[attribute]} has the form {form:#x}")
