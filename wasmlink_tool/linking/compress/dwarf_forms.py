"""How the attributes of debug information are encoded: DWARF 5, section 7.5, with those of versions 2 to 4 and GNU's.

An abbreviation becomes a list of steps, so that a walk over entries costs little more than a step for each attribute
of variable size: runs of attributes of fixed size are one step.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from ...binary.reader import FormatError, Reader

# Attributes that refer to code, or to what does.
LOW_PC: Final = 0x11
HIGH_PC: Final = 0x12
START_SCOPE: Final = 0x2C
ENTRY_PC: Final = 0x52
RANGES: Final = 0x55
ADDR_BASE: Final = 0x73
RNGLISTS_BASE: Final = 0x74
DWO_NAME: Final = 0x76
CALL_RETURN_PC: Final = 0x7D
CALL_PC: Final = 0x81
LOCLISTS_BASE: Final = 0x8C
GNU_DWO_NAME: Final = 0x2130

LOCATIONS: Final = frozenset((0x02, 0x19, 0x2A, 0x38, 0x40, 0x46, 0x48, 0x4A, 0x4D))
"""Attributes that may refer to a location list: location, string_length, return_addr, data_member_location,
frame_base, segment, static_link, use_location, vtable_elem_location."""
_OTHERS: Final = frozenset(
    (
        LOW_PC,
        HIGH_PC,
        START_SCOPE,
        ENTRY_PC,
        RANGES,
        ADDR_BASE,
        RNGLISTS_BASE,
        DWO_NAME,
        CALL_RETURN_PC,
        CALL_PC,
        LOCLISTS_BASE,
        GNU_DWO_NAME,
    )
)

NAMES: Final = {
    LOW_PC: "DW_AT_low_pc",
    HIGH_PC: "DW_AT_high_pc",
    START_SCOPE: "DW_AT_start_scope",
    ENTRY_PC: "DW_AT_entry_pc",
    RANGES: "DW_AT_ranges",
    CALL_RETURN_PC: "DW_AT_call_return_pc",
    CALL_PC: "DW_AT_call_pc",
}

ADDR: Final = 0x01
UDATA: Final = 0x0F
SEC_OFFSET: Final = 0x17
LOCLISTX: Final = 0x22
RNGLISTX: Final = 0x23
ADDRX_OFFSET: Final = 0x2001
"""LLVM's: an index of an address, and an offset of four bytes from it."""
ADDRX: Final = {0x1B: 0, 0x29: 1, 0x2A: 2, 0x2B: 3, 0x2C: 4, 0x1F01: 0}
"""Forms that are an index of an address, with their sizes; 0 is a LEB128 number."""
DATA: Final = {0x0B: 1, 0x05: 2, 0x06: 4, 0x07: 8}
"""Constants of fixed size."""
SDATA: Final = 0x0D
IMPLICIT_CONST: Final = 0x21
CONSTANTS: Final = frozenset((*DATA, UDATA, SDATA, IMPLICIT_CONST))
EXPRLOC: Final = 0x18

LEB: Final = -1
_STRING: Final = -2
_BLOCK: Final = -3
_BLOCK1: Final = -4
_BLOCK2: Final = -5
_BLOCK4: Final = -6
_LEB_AND_4: Final = -7
"""Sizes of forms that are not fixed, and not in another section."""

_SIZES: Final = {
    0x03: _BLOCK2,
    0x04: _BLOCK4,
    0x08: _STRING,
    0x09: _BLOCK,
    0x0A: _BLOCK1,
    0x0C: 1,  # flag
    SDATA: LEB,
    UDATA: LEB,
    0x11: 1,  # ref1
    0x12: 2,
    0x13: 4,
    0x14: 8,
    0x15: LEB,  # ref_udata
    EXPRLOC: _BLOCK,
    0x19: 0,  # flag_present
    0x1A: LEB,  # strx
    0x1C: 4,  # ref_sup4
    0x1E: 16,  # data16
    0x20: 8,  # ref_sig8
    IMPLICIT_CONST: 0,
    LOCLISTX: LEB,
    RNGLISTX: LEB,
    0x24: 8,  # ref_sup8
    0x25: 1,  # strx1 to strx4
    0x26: 2,
    0x27: 3,
    0x28: 4,
    0x1F02: LEB,  # GNU_str_index
    ADDRX_OFFSET: _LEB_AND_4,
    **DATA,
    **{form: size or LEB for form, size in ADDRX.items()},
}
_OFFSETS: Final = frozenset((0x0E, SEC_OFFSET, 0x1D, 0x1F, 0x1F20, 0x1F21))
"""strp, sec_offset, strp_sup, line_strp, GNU_ref_alt, GNU_strp_alt: of the size of an offset."""
_REF_ADDR: Final = 0x10


class UnitFormat(NamedTuple):
    """What the sizes of forms depend on."""

    version: int
    address_size: int
    offset_size: int


class Step(NamedTuple):
    """A step over an entry's attributes."""

    size: int
    """Bytes, or one of the sizes above."""
    attribute: int
    """The attribute, if it refers to code; else 0."""
    form: int


Abbreviation = list[Step]


def read_abbreviations(data: bytes, position: int, end: int, unit: UnitFormat) -> tuple[dict[int, Abbreviation], int]:
    """Read the abbreviations of a unit at ``position`` of ``.debug_abbrev``; return the position after them, too.

    :raises FormatError: they are damaged, or use an unknown form.
    """
    reader = Reader(data, position, end)
    abbreviations: dict[int, Abbreviation] = {}
    while code := reader.uleb(64):
        reader.uleb(64)
        reader.u8()
        steps: Abbreviation = []
        fixed = 0
        while True:
            attribute, form = reader.uleb(64), reader.uleb(64)
            if form == IMPLICIT_CONST:
                reader.sleb(64)
            if not attribute and not form:
                break
            size = _size(form, unit)
            if refers_to_code(attribute, form, unit):
                if fixed:
                    steps.append(Step(fixed, 0, 0))
                    fixed = 0
                steps.append(Step(size, attribute, form))
            elif size >= 0:
                fixed += size
            else:
                if fixed:
                    steps.append(Step(fixed, 0, 0))
                    fixed = 0
                steps.append(Step(size, 0, 0))
        if fixed:
            steps.append(Step(fixed, 0, 0))
        abbreviations[code] = steps
    return abbreviations, reader.pos


def refers_to_code(attribute: int, form: int, unit: UnitFormat) -> bool:
    """Return whether an attribute of this form may hold something that depends on the sizes of functions."""
    if attribute in LOCATIONS:
        return is_list(form, unit)
    return attribute in _OTHERS or form == ADDRX_OFFSET


def is_list(form: int, unit: UnitFormat) -> bool:
    """Return whether an attribute that may refer to a list does: by an offset or an index."""
    return form in (SEC_OFFSET, LOCLISTX, RNGLISTX) or (unit.version < 4 and form in (0x06, 0x07))


def _size(form: int, unit: UnitFormat) -> int:
    if form == ADDR:
        return unit.address_size
    if form in _OFFSETS:
        return unit.offset_size
    if form == _REF_ADDR:
        return unit.address_size if unit.version == 2 else unit.offset_size
    size = _SIZES.get(form)
    if size is None:
        raise FormatError(f"unknown form of debug information: {form:#x}")
    return size


def skip(data: bytes, position: int, end: int, size: int) -> int:
    """Return the position after an attribute of a size that is not fixed.

    :raises FormatError: it does not end before ``end``.
    """
    reader = Reader(data, position, end)
    if size == _STRING:
        found = data.find(b"\0", position, end)
        if found < 0:
            raise FormatError("a string without an end")
        return found + 1
    if size in (LEB, _LEB_AND_4):
        while reader.u8() >= 0x80:
            pass
        if size == _LEB_AND_4:
            reader.take(4)
    elif size == _BLOCK:
        reader.take(reader.uleb())
    else:
        width = {_BLOCK1: 1, _BLOCK2: 2, _BLOCK4: 4}[size]
        reader.take(int.from_bytes(reader.take(width), "little"))
    return reader.pos
