"""Rewrite line number programs for compressed functions (DWARF 5, section 6.2).

A program advances the address by plain numbers, which shrink with the code. Each sequence begins with the address of a
function, which has a relocation; from there on, the address of each row is computed, and the row is written again with
the advance after compression. Everything else is copied.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import NamedTuple

from ...binary.leb128 import uleb
from ...binary.reader import FormatError, Reader
from ...binary.relocation_types import FUNCTION_OFFSETS, WIDTH
from ...binary.relocations import Relocations
from ..chunks import InputSection, ObjectInput
from .body_places import BodyPlaces, CodePlaces
from .code_distances import NotFollowedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_COPY: Final = 1
_ADVANCE_PC: Final = 2
_CONST_ADD_PC: Final = 8
_FIXED_ADVANCE_PC: Final = 9
"""Standard opcodes, DW_LNS_..."""
_END_SEQUENCE: Final = 1
_SET_ADDRESS: Final = 2
"""Extended opcodes, DW_LNE_..."""
_ADDRESS_MASK: Final = (1 << 64) - 1


class _Unit(NamedTuple):
    """One unit of a section; positions count from the section's start."""

    start: int
    length_size: int
    """The size of its length field, the escape to 64 bits included."""
    program: int
    """The start of the program."""
    end: int
    line_range: int
    operands: bytes
    """The number of operands of each standard opcode, from 0."""


class RewrittenSection(NamedTuple):
    """A section whose bytes are not the object's."""

    contents: bytes
    relocations: Relocations
    old: list[int]
    """Positions in the object's section, ascending."""
    new: list[int]
    """The positions that these have after rewriting; what lies between two of them moves with the first."""

    def place(self, offset: int) -> int:
        """Return the position after rewriting of an offset in the object's section."""
        i = bisect_right(self.old, offset) - 1
        return self.new[i] + offset - self.old[i]


def check_line_programs(section: InputSection) -> None:
    """Check that all programs of a section can be rewritten.

    :raises NotFollowedError: one cannot.
    :raises FormatError: the section is damaged.
    """
    _units(section.contents())


def rewrite_line_programs(section: InputSection, places: CodePlaces) -> RewrittenSection:
    """Return the programs of a section for the functions after compression."""
    file = section.file
    assert isinstance(file, ObjectInput)
    data = section.contents()
    relocs = file.relocations(section.index)
    out = bytearray()
    old: list[int] = []
    new: list[int] = []
    for unit in _units(data):
        start = len(out)
        old.append(unit.start)
        new.append(start)
        # Everything up to the first address.
        position = unit.start
        fields = range(bisect_left(relocs.offsets, unit.program), bisect_left(relocs.offsets, unit.end))
        opcodes = [_opcode_of(data, relocs, i) for i in fields]
        for i, opcode, limit in zip(fields, opcodes, [*opcodes[1:], unit.end]):
            field, width = relocs.offsets[i], WIDTH[relocs.types[i]]
            body = places.of_symbol(file.symbols[relocs.indices[i]]) if relocs.types[i] in FUNCTION_OFFSETS else None
            if body is None or opcode == field or not position <= opcode <= field + width <= limit:
                continue
            out += data[position:opcode]
            old.append(opcode)
            new.append(len(out))
            position = field + width
            out += data[opcode:position]
            position = rewrite_program(
                data, position, limit, unit.line_range, unit.operands, body, relocs.addends[i], out
            )
            old.append(position)
            new.append(len(out))
        out += data[position : unit.end]
        size = unit.length_size if unit.length_size == 4 else 8
        first = start + unit.length_size - size
        out[first : first + size] = (len(out) - start - unit.length_size).to_bytes(size, "little")
    rewritten = RewrittenSection(bytes(out), relocs, old, new)
    offsets = [rewritten.place(offset) for offset in relocs.offsets]
    return rewritten._replace(relocations=Relocations(relocs.types, offsets, relocs.indices, relocs.addends))


def _opcode_of(data: bytes, relocs: Relocations, i: int) -> int:
    """Return the position of the opcode that sets an address to the field of a relocation; if there is no such opcode,
    that of the field."""
    field, width = relocs.offsets[i], WIDTH[relocs.types[i]]
    return field - 3 if data[field - 3 : field] == bytes((0, width + 1, _SET_ADDRESS)) else field


def _units(data: bytes) -> list[_Unit]:
    units: list[_Unit] = []
    reader = Reader(data, 0, len(data))
    while reader.pos < reader.end:
        start = reader.pos
        offset_size = 4
        length = int.from_bytes(reader.take(4), "little")
        if length == 0xFFFFFFFF:
            offset_size = 8
            length = int.from_bytes(reader.take(8), "little")
        first = reader.pos
        reader.take(length)
        units.append(_read_unit(Reader(data, first, reader.pos), start, offset_size))
    return units


def _read_unit(reader: Reader, start: int, offset_size: int) -> _Unit:
    first = reader.pos
    version = int.from_bytes(reader.take(2), "little")
    if not 2 <= version <= 5:
        raise NotFollowedError(f"a line table of version {version}")
    if version >= 5:
        reader.take(2)
    header_length = int.from_bytes(reader.take(offset_size), "little")
    program = reader.pos + header_length
    if program > reader.end:
        raise FormatError("the header of a line table is too large")
    minimum_length = reader.u8()
    operations = reader.u8() if version >= 4 else 1
    reader.take(2)
    line_range = reader.u8()
    opcode_base = reader.u8()
    if minimum_length != 1 or operations != 1 or not line_range or not opcode_base:
        raise NotFollowedError("a line table of another kind of machine")
    operands = b"\0" + reader.take(opcode_base - 1)
    return _Unit(start, first - start, program, reader.end, line_range, operands)


def rewrite_program(
    data: bytes,
    position: int,
    end: int,
    line_range: int,
    operands: bytes,
    body: BodyPlaces,
    start: int,
    out: bytearray,
) -> int:
    """Rewrite a sequence from the opcode after its first address on, and return the position after it.

    It ends where the table says so, or where another address is set; damaged opcodes are left to be copied.

    :param operands: the number of operands of each standard opcode, from 0.
    :param start: the first address, counted from the start of the function's body.
    """
    opcode_base = len(operands)
    const_add = (255 - opcode_base) // line_range
    place = body.place
    address = start
    written = place(start)
    while position < end:
        opcode = data[position]
        if opcode >= opcode_base:
            by, line = divmod(opcode - opcode_base, line_range)
            address += by
            advance = (place(address) - written) & _ADDRESS_MASK
            written += advance
            line += opcode_base
            whole = line + advance * line_range
            if whole <= 255:
                out.append(whole)
            elif whole - const_add * line_range <= 255:
                out.append(_CONST_ADD_PC)
                out.append(whole - const_add * line_range)
            else:
                out.append(_ADVANCE_PC)
                out += uleb(advance)
                out.append(line)
            position += 1
            continue
        after = position + 1
        if opcode == 0:
            reader = Reader(data, after, end)
            try:
                size = reader.uleb(64)
                first = reader.pos
                reader.take(size)
            except FormatError:
                break
            kind = data[first] if size else 0
            if kind == _SET_ADDRESS:
                break
            if kind == _END_SEQUENCE:
                _advance(place(address) - written, const_add, out)
                out += data[position : reader.pos]
                return reader.pos
            out += data[position : reader.pos]
            position = reader.pos
        elif opcode == _COPY:
            advance = place(address) - written
            _advance(advance, const_add, out)
            written += advance
            out.append(opcode)
            position = after
        elif opcode == _CONST_ADD_PC:
            address += const_add
            position = after
        elif opcode == _FIXED_ADVANCE_PC:
            if end - after < 2:
                break
            address += data[after] + (data[after + 1] << 8)
            position = after + 2
        else:
            reader = Reader(data, after, end)
            try:
                for _ in range(operands[opcode]):
                    number = reader.uleb(64) if opcode == _ADVANCE_PC else _skip_number(reader)
            except FormatError:
                break
            if opcode == _ADVANCE_PC:
                address += number
            else:
                out += data[position : reader.pos]
            position = reader.pos
    # What follows counts from the address that the rows would have reached.
    _advance(place(address) - written, const_add, out)
    return position


def _skip_number(reader: Reader) -> int:
    while reader.u8() >= 0x80:
        pass
    return 0


def _advance(by: int, const_add: int, out: bytearray) -> None:
    if by == const_add:
        out.append(_CONST_ADD_PC)
    elif by:
        out.append(_ADVANCE_PC)
        out += uleb(by & _ADDRESS_MASK)
