"""Map offsets in an object's code section to source lines: the ``.debug_line`` section, DWARF 2 to 5.

Only diagnostics read debug information. If it is damaged or of an unknown kind, there is no answer rather than an
error. The section references are to the DWARF 5 standard.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import Final, NamedTuple

from ...binary.constants import SymbolKind
from ...binary.reader import FormatError, Reader
from ...binary.relocation_types import FUNCTION_OFFSETS, WIDTH
from ...binary.relocation_types import RelocationType as R
from ...inputs.object_file import ObjectFile

_ADDRESS_MASK: Final = (1 << 64) - 1
_CONTROL: Final = re.compile(r"[\0-\x1f\x7f]")


class SourceLine(NamedTuple):
    """A location in a source file."""

    file: str
    """The path as the compiler was given it: relative to its working directory, unless it was absolute."""
    line: int
    """The line number, from 1; 0 if the code belongs to no line."""


class _Row(NamedTuple):
    file: int
    line: int


class LineSequence:
    """Rows of ascending addresses, which cover the code up to ``end`` (section 6.2.2)."""

    __slots__ = ("addresses", "end", "files", "rows")

    def __init__(self, files: list[str | None]) -> None:
        self.files = files
        self.addresses: list[int] = []
        self.rows: list[_Row] = []
        self.end = 0


class LineTable:
    """The line table of one object: addresses are offsets in bytes from the start of its code section's contents."""

    def __init__(self, sequences: list[LineSequence]) -> None:
        self._sequences = sorted(sequences, key=lambda sequence: sequence.addresses[0])
        self._starts = [sequence.addresses[0] for sequence in self._sequences]

    def find(self, offset: int) -> SourceLine | None:
        """Return the source line of the code at ``offset``."""
        i = bisect_right(self._starts, offset) - 1
        if i < 0:
            return None
        sequence = self._sequences[i]
        if offset >= sequence.end:
            return None
        row = sequence.rows[bisect_right(sequence.addresses, offset) - 1]
        file = sequence.files[row.file] if 0 <= row.file < len(sequence.files) else None
        return None if file is None else SourceLine(file, row.line if 0 < row.line < 1 << 32 else 0)


def read_line_table(obj: ObjectFile) -> LineTable:
    """Return the line table of an object, empty if it has none. Damaged parts are left out."""
    sections = {name: _contents(obj, name) for name in (b".debug_line", b".debug_line_str", b".debug_str")}
    sequences: list[LineSequence] = []
    data = sections[b".debug_line"]
    reader = Reader(data, 0, len(data))
    try:
        while reader.pos < reader.end:
            unit, offset_size = next_unit(reader)
            try:
                run_program(unit, read_program(unit, offset_size, sections), sequences)
            except FormatError:
                # The unit's length gives the start of the next one, whatever this one contains.
                continue
    except FormatError:
        pass
    return LineTable(sequences)


def debug_line_size(obj: ObjectFile) -> int:
    """Return the number of bytes that :func:`read_line_table` would decode."""
    return sum(section.end - section.start for section in obj.sections if section.name == b".debug_line")


def _contents(obj: ObjectFile, name: bytes) -> bytes:
    """Return a section, relocated as if the object were the output; empty if it is absent or damaged."""
    number = next((i for i, section in enumerate(obj.sections) if section.name == name), -1)
    if number < 0:
        return b""
    section = obj.sections[number]
    contents = bytearray(obj.data[section.start : section.end])
    try:
        relocs = obj.relocations(number)
    except FormatError:
        return b""
    imported = len(obj.imported_functions)
    for type_, offset, index, addend in zip(relocs.types, relocs.offsets, relocs.indices, relocs.addends):
        if type_ == R.SECTION_OFFSET_I32:
            value = addend
        elif type_ in FUNCTION_OFFSETS:
            kind, _, _, function, _, _ = obj.symbols[index]
            if kind != SymbolKind.FUNCTION or function < imported:
                continue
            value = _body_offset(obj, function - imported) + addend
        else:
            continue
        width = WIDTH[type_]
        contents[offset : offset + width] = (value & ((1 << 8 * width) - 1)).to_bytes(width, "little")
    return bytes(contents)


def _body_offset(obj: ObjectFile, function: int) -> int:
    """Return the start of a function's body, after its size: the base of addresses in debug information."""
    start = obj.sections[obj.code_section].start
    reader = Reader(obj.data, start + obj.function_offsets[function], obj.sections[obj.code_section].end)
    reader.uleb()
    return reader.pos - start


# Units (section 6.2.4)


def _fixed(reader: Reader, size: int) -> int:
    return int.from_bytes(reader.take(size), "little")


def _string(reader: Reader) -> bytes:
    end = reader.data.find(b"\0", reader.pos, reader.end)
    if end < 0:
        raise FormatError("a string without an end")
    text = reader.data[reader.pos : end]
    reader.pos = end + 1
    return text


def next_unit(reader: Reader) -> tuple[Reader, int]:
    """Return the next unit, after its length, and the size of its offsets."""
    offset_size = 4
    length = _fixed(reader, 4)
    if length == 0xFFFFFFFF:
        offset_size = 8
        length = _fixed(reader, 8)
    start = reader.pos
    reader.take(length)
    return Reader(reader.data, start, reader.pos), offset_size


class LineProgram(NamedTuple):
    """The header of a unit's line number program."""

    minimum_length: int
    operations: int
    """The maximum number in one instruction: more than 1 on VLIW machines only."""
    line_base: int
    line_range: int
    operands: list[int]
    """The number of operands of each standard opcode, from 1."""
    files: list[str | None]
    """The files, by the number that the program uses."""
    directories: list[bytes]


def read_program(reader: Reader, offset_size: int, sections: dict[bytes, bytes]) -> LineProgram:
    """Read the header of a unit from :func:`next_unit`; leave the reader at the unit's line number program.

    :param sections: the contents of ``.debug_line_str`` and ``.debug_str``.
    :raises FormatError: the header is damaged, or of an unknown version.
    """
    version = _fixed(reader, 2)
    if not 2 <= version <= 5:
        raise FormatError(f"unknown version of a line table: {version}")
    if version >= 5:
        reader.take(2)  # The sizes of an address and of a segment selector, which the instructions repeat.
    header_length = _fixed(reader, offset_size)
    start = reader.pos + header_length
    if start > reader.end:
        raise FormatError("the header of a line table is too large")
    header = Reader(reader.data, reader.pos, start)
    minimum_length = header.u8()
    operations = header.u8() if version >= 4 else 1
    header.u8()  # Whether rows begin a statement by default.
    line_base = header.u8()
    line_base -= (line_base & 0x80) << 1
    line_range = header.u8()
    opcode_base = header.u8()
    if not operations or not line_range or not opcode_base:
        raise FormatError("a line table with a header of zeros")
    operands = [0, *header.take(opcode_base - 1)]
    if version >= 5:
        directories = [name or b"" for name, _ in _entries(header, offset_size, sections)]
        entries = _entries(header, offset_size, sections)
        files = [_path(directories, directory, name) for name, directory in entries]
    else:
        # Number 0 is the compiler's working directory, not a file.
        directories = [b""]
        files = [None]
        while name := _string(header):
            directories.append(name)
        while name := _string(header):
            files.append(_file(header, directories, name))
    reader.pos = start
    return LineProgram(minimum_length, operations, line_base, line_range, operands, files, directories)


def _file(reader: Reader, directories: list[bytes], name: bytes) -> str | None:
    """Read the rest of a file's entry before DWARF 5: directory, time, size."""
    directory = reader.uleb(64)
    reader.uleb(64)
    reader.uleb(64)
    return _path(directories, directory, name)


def _path(directories: list[bytes], directory: int, name: bytes | None) -> str | None:
    """Return a file's path. Directory 0 is the compiler's working directory: names remain relative to it."""
    if name is None:
        return None
    if directory and not _is_absolute(name):
        if directory >= len(directories):
            return None
        parent = directories[directory]
        if parent:
            name = parent + (b"" if parent.endswith((b"/", b"\\")) else b"/") + name
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", name.decode("utf-8", "backslashreplace"))


def _is_absolute(path: bytes) -> bool:
    """Return whether a path is absolute, on any system."""
    return path.startswith((b"/", b"\\")) or path[1:2] == b":"


_PATH: Final = 1
_DIRECTORY: Final = 2
"""DW_LNCT_path, DW_LNCT_directory_index."""


def _entries(reader: Reader, offset_size: int, sections: dict[bytes, bytes]) -> list[tuple[bytes | None, int]]:
    """Read a DWARF 5 table of directories or files: (name, directory)."""
    formats = [(reader.uleb(), reader.uleb()) for _ in range(reader.u8())]
    entries: list[tuple[bytes | None, int]] = []
    count = reader.uleb(64)
    if not formats and count:
        raise FormatError("entries of nothing")
    for _ in range(count):
        name: bytes | None = None
        directory = 0
        for content, form in formats:
            value = _form(reader, form, offset_size, sections)
            if content == _PATH and isinstance(value, bytes):
                name = value
            elif content == _DIRECTORY and isinstance(value, int):
                directory = value
        entries.append((name, directory))
    return entries


_FIXED_FORMS: Final = {0x0B: 1, 0x05: 2, 0x06: 4, 0x07: 8, 0x25: 1, 0x26: 2, 0x27: 3, 0x28: 4}
"""DW_FORM_data1, 2, 4, 8; DW_FORM_strx1 to 4, whose strings are not looked up."""
_BLOCK_FORMS: Final = {0x0A: 1, 0x03: 2, 0x04: 4}
_STRING_SECTIONS: Final = {0x0E: b".debug_str", 0x1F: b".debug_line_str"}


def _form(reader: Reader, form: int, offset_size: int, sections: dict[bytes, bytes]) -> bytes | int | None:
    """Read an attribute's value (section 7.5.6), which takes at least one byte; ``None`` if it is not needed."""
    if form in _STRING_SECTIONS:
        strings = sections[_STRING_SECTIONS[form]]
        offset = _fixed(reader, offset_size)
        return _string(Reader(strings, offset, len(strings))) if offset < len(strings) else None
    if form == 0x08:  # DW_FORM_string
        return _string(reader)
    if form == 0x0F:  # DW_FORM_udata
        return reader.uleb(64)
    if form in _FIXED_FORMS:
        value = _fixed(reader, _FIXED_FORMS[form])
        return value if form < 0x25 else None
    if form == 0x1E:  # DW_FORM_data16: an MD5 sum
        reader.take(16)
    elif form == 0x1A:  # DW_FORM_strx
        reader.uleb(64)
    elif form == 0x0D:  # DW_FORM_sdata
        reader.sleb(64)
    elif form == 0x09:  # DW_FORM_block
        reader.take(reader.uleb())
    elif form in _BLOCK_FORMS:
        reader.take(_fixed(reader, _BLOCK_FORMS[form]))
    else:
        raise FormatError(f"unknown form: {form:#x}")
    return None


# Programs (section 6.2.5)


def run_program(reader: Reader, program: LineProgram, sequences: list[LineSequence]) -> None:
    """Run a line number program to the unit's end, and append its sequences."""
    minimum_length, operations = program.minimum_length, program.operations
    line_base, line_range, operands = program.line_base, program.line_range, program.operands
    opcode_base = len(operands)
    address = operation = 0
    file = line = 1
    sequence = LineSequence(program.files)

    def advance(by: int) -> None:
        nonlocal address, operation
        if operations == 1:
            address = (address + minimum_length * by) & _ADDRESS_MASK
        else:
            address = (address + minimum_length * ((operation + by) // operations)) & _ADDRESS_MASK
            operation = (operation + by) % operations

    def emit() -> None:
        sequence.addresses.append(address)
        sequence.rows.append(_Row(file, line))

    while reader.pos < reader.end:
        opcode = reader.u8()
        if opcode >= opcode_base:
            by, step = divmod(opcode - opcode_base, line_range)
            line += line_base + step
            if by:
                advance(by)
            emit()
        elif opcode == 0:
            size = reader.uleb(64)
            start = reader.pos
            extended = Reader(reader.data, start, start + len(reader.take(size)))
            kind = extended.u8()
            if kind == 1:  # DW_LNE_end_sequence
                sequence.end = address
                if sequence.addresses and address > sequence.addresses[0]:
                    sequences.append(sequence)
                sequence = LineSequence(program.files)
                address = operation = 0
                file = line = 1
            elif kind == 2:  # DW_LNE_set_address
                address = _fixed(extended, min(size - 1, 8))
                operation = 0
            elif kind == 3:  # DW_LNE_define_file
                program.files.append(_file(extended, program.directories, _string(extended)))
        elif opcode == 1:  # DW_LNS_copy
            emit()
        elif opcode == 2:  # DW_LNS_advance_pc
            advance(reader.uleb(64))
        elif opcode == 3:  # DW_LNS_advance_line
            line += reader.sleb(64)
        elif opcode == 4:  # DW_LNS_set_file
            file = reader.uleb(64)
        elif opcode == 8:  # DW_LNS_const_add_pc
            advance((255 - opcode_base) // line_range)
        elif opcode == 9:  # DW_LNS_fixed_advance_pc
            address = (address + _fixed(reader, 2)) & _ADDRESS_MASK
            operation = 0
        else:
            # Columns, statement and block flags, and opcodes of later versions.
            for _ in range(operands[opcode]):
                reader.uleb(64)
