"""The source lines of an object's functions, without decoding the line tables of the whole object.

Compilers give each function a separate sequence, which begins with the function's address, and the address has a
relocation. So the sequence of a function is found through its relocation: a function's file costs a handful of opcodes,
and the line of one place in it costs that function's rows.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from contextlib import suppress

from ..binary.constants import SymbolKind
from ..binary.reader import FormatError, Reader
from ..binary.relocation_types import FUNCTION_OFFSETS, WIDTH
from ..binary.relocation_types import RelocationType as R
from ..binary.relocations import Relocations
from ..inputs.object_file import ObjectFile
from ..linking.explain.line_table import (
    LineProgram,
    LineSequence,
    LineTable,
    SourceLine,
    next_unit,
    read_program,
    run_program,
)


class FunctionLines:
    """The line tables of one object. Damaged ones have no lines."""

    def __init__(self, obj: ObjectFile) -> None:
        self._obj = obj
        self._data = b""
        self._relocs: Relocations | None = None
        self._units: list[tuple[int, int, int]] = []
        self._programs: dict[int, LineProgram | None] = {}
        self._strings: dict[bytes, bytes] = {}
        self._sequences: dict[int, tuple[int, int]] = {}
        """Maps each function to the start of its sequence, and the address that it begins with."""
        self._starts: list[int] = []
        self._tables: dict[int, LineTable] = {}
        number = next((i for i, section in enumerate(obj.sections) if section.name == b".debug_line"), -1)
        if number < 0:
            return
        try:
            self._read(number)
        except FormatError:
            self._sequences.clear()

    def _read(self, number: int) -> None:
        obj = self._obj
        section = obj.sections[number]
        self._data = obj.data[section.start : section.end]
        relocs = self._relocs = obj.relocations(number)
        reader = Reader(self._data, 0, len(self._data))
        while reader.pos < reader.end:
            start = reader.pos
            unit, offset_size = next_unit(reader)
            self._units.append((start, unit.end, offset_size))
        imported = len(obj.imported_functions)
        for type_, offset, index, addend in zip(relocs.types, relocs.offsets, relocs.indices, relocs.addends):
            if type_ not in FUNCTION_OFFSETS:
                continue
            kind, _, _, function, _, _ = obj.symbols[index]
            width = WIDTH[type_]
            start = offset - 3
            if (
                kind != SymbolKind.FUNCTION
                or function < imported
                or self._data[start:offset] != bytes((0, width + 1, 2))
            ):
                continue
            self._starts.append(start)
            self._sequences.setdefault(function - imported, (start, addend))

    def source(self, function: int) -> str | None:
        """Return the file that a function begins in."""
        found = self._sequences.get(function)
        if found is None:
            return None
        start = found[0]
        program = self._program(start)
        if program is None:
            return None
        number = _first_file(self._data, start, self._end(start), len(program.operands))
        return program.files[number] if 0 <= number < len(program.files) else None

    def find(self, offset: int) -> SourceLine | None:
        """Return the source line of the code at ``offset`` of the object's code section."""
        function = bisect_right(self._obj.function_offsets, offset) - 1
        table = self._tables.get(function)
        if table is None:
            table = self._tables[function] = self._table(function)
        return table.find(offset)

    def cost(self, offset: int) -> int:
        """Return how many bytes :meth:`find` decodes for the code at ``offset``."""
        function = bisect_right(self._obj.function_offsets, offset) - 1
        found = self._sequences.get(function)
        return self._end(found[0]) - found[0] if found is not None and function not in self._tables else 0

    @property
    def main_source(self) -> str | None:
        """Return the file that was compiled to the object."""
        if not self._units:
            return None
        program = self._program(self._units[0][0])
        if program is None:
            return None
        return next((file for file in program.files if file is not None), None)

    def _table(self, function: int) -> LineTable:
        found = self._sequences.get(function)
        program = self._program(found[0]) if found is not None else None
        if found is None or program is None:
            return LineTable([])
        start, end = found[0], self._end(found[0])
        contents = bytearray(self._data[start:end])
        width = contents[1] - 1
        address = _body_offset(self._obj, function) + found[1]
        contents[3 : 3 + width] = (address & ((1 << 8 * width) - 1)).to_bytes(width, "little")
        sequences: list[LineSequence] = []
        with suppress(FormatError):
            run_program(Reader(bytes(contents), 0, len(contents)), program, sequences)
        return LineTable(sequences)

    def _end(self, start: int) -> int:
        """Return the end of the sequence at ``start`` at the latest: the start of the next one, or the end of
        its unit."""
        i = bisect_right(self._starts, start)
        unit = self._unit(start)
        return min(self._starts[i], unit[1]) if i < len(self._starts) else unit[1]

    def _unit(self, position: int) -> tuple[int, int, int]:
        return self._units[bisect_right(self._units, position, key=lambda unit: unit[0]) - 1]

    def _program(self, position: int) -> LineProgram | None:
        start, end, offset_size = self._unit(position)
        if start not in self._programs:
            skip = 4 if offset_size == 4 else 12
            contents = self._relocated(start + skip, end)
            try:
                program = read_program(Reader(contents, 0, len(contents)), offset_size, self._string_sections())
            except FormatError:
                program = None
            self._programs[start] = program
        return self._programs[start]

    def _relocated(self, start: int, end: int) -> bytes:
        """Return the bytes from ``start`` to ``end`` with their references to strings filled in."""
        relocs = self._relocs
        assert relocs is not None
        contents = bytearray(self._data[start:end])
        for i in range(bisect_left(relocs.offsets, start), bisect_left(relocs.offsets, end)):
            if relocs.types[i] == R.SECTION_OFFSET_I32:
                at = relocs.offsets[i] - start
                contents[at : at + 4] = (relocs.addends[i] & 0xFFFFFFFF).to_bytes(4, "little")
        return bytes(contents)

    def _string_sections(self) -> dict[bytes, bytes]:
        if not self._strings:
            for name in (b".debug_line_str", b".debug_str"):
                section = next((s for s in self._obj.sections if s.name == name), None)
                self._strings[name] = self._obj.data[section.start : section.end] if section is not None else b""
        return self._strings


def _body_offset(obj: ObjectFile, function: int) -> int:
    """Return the start of a function's body, after its size: the base of addresses in debug information."""
    section = obj.sections[obj.code_section]
    reader = Reader(obj.data, section.start + obj.function_offsets[function], section.end)
    reader.uleb()
    return reader.pos - section.start


def _first_file(data: bytes, position: int, end: int, opcode_base: int) -> int:
    """Return the file number of the first row of the sequence at ``position``."""
    reader = Reader(data, position, end)
    file = 1
    try:
        while reader.pos < end:
            opcode = reader.u8()
            if opcode >= opcode_base or opcode == 1:
                # This opcode emits a row.
                break
            if opcode == 0:
                reader.take(reader.uleb(64))
            elif opcode == 4:
                file = reader.uleb(64)
            elif opcode == 9:
                reader.take(2)
            elif opcode in (2, 3, 5, 12):
                # Signed and unsigned numbers have the same length.
                while reader.u8() >= 0x80:
                    pass
    except FormatError:
        return -1
    return file
