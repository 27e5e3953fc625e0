"""Code metadata (CodeMetadata.md): custom sections about locations in functions, such as branch hints.

wasm-ld does not support them: it concatenates the inputs' sections, which is invalid for two sections, names function 0
for removed functions, and keeps old offsets where code shrinks. Here they are parsed and rewritten for the functions in
the output. A single section of an object whose functions are all in the output keeps its bytes.
"""

from __future__ import annotations

from ..binary.constants import SymbolKind
from ..binary.leb128 import padded, uleb
from ..binary.reader import FormatError, Reader
from ..binary.relocation_types import WIDTH
from ..binary.relocation_types import RelocationType as R
from ..records import record
from .chunks import InputSection, ObjectInput
from .compress.body_places import places_in_body
from .symbols import DEFINED, Symbol

PREFIX = b"metadata.code."


@record(frozen=True)
class _Function:
    """The metadata of one function in a section."""

    number: int
    """The index in the output's function index space."""
    symbol: Symbol | None
    """The symbol for relocations that refer to the function."""
    width: int
    """The encoded width of the function index."""
    instances: bytes
    """A vector of places and their data, encoded."""


class CodeMetadata:
    """The sections of one name, merged: a part of an output section that is laid out like any other."""

    def __init__(self, sections: list[InputSection], *, keep_relocations: bool) -> None:
        """Merge sections.

        :raises FormatError: a section is damaged.
        """
        self.offset = 0
        """The offset in the output section's contents, after its name."""
        self.references: list[tuple[int, Symbol]] = []
        """Offsets of function indices, with their symbols, for relocations."""
        functions = [function for section in sections for function in _read(section)]
        functions.sort(key=lambda function: function.number)
        out = [uleb(len(functions))]
        size = len(out[0])
        for function in functions:
            number, instances = function.number, function.instances
            width = WIDTH[R.FUNCTION_INDEX_LEB] if keep_relocations else max(function.width, len(uleb(number)))
            if keep_relocations and function.symbol is not None:
                self.references.append((size, function.symbol))
            out += (padded(number, width), instances)
            size += width + len(instances)
        self.contents = b"".join(out) if functions else b""

    @property
    def size(self) -> int:
        return len(self.contents)


def _read(section: InputSection) -> list[_Function]:
    """Return the metadata of functions that are in the output, with output offsets."""
    file = section.file
    assert isinstance(file, ObjectInput)
    obj = file.object
    relocs = file.relocations(section.index)
    named = {
        section.section.start + offset: obj.symbols[index][3]
        for type_, offset, index in zip(relocs.types, relocs.offsets, relocs.indices)
        if type_ == R.FUNCTION_INDEX_LEB
    }
    symbols = {
        symbol.index: symbol
        for symbol in file.symbols
        if symbol.kind == SymbolKind.FUNCTION and symbol.state == DEFINED and symbol.file is file
    }
    reader = Reader(obj.data, section.section.start, section.section.end)
    functions: list[_Function] = []
    # wasm-ld's relocatable output has several vectors, one after another.
    while reader.pos < reader.end:
        for _ in range(reader.count(2)):
            start = reader.pos
            index = reader.uleb()
            width = reader.pos - start
            index = named.get(start, index) - len(obj.imported_functions)
            if index >= len(obj.functions):
                raise FormatError("code metadata of a function that is not there")
            live = index >= 0 and bool(file.function_live[index])
            instances = _instances(reader, file, index if live else None)
            if live:
                functions.append(_Function(file.function_numbers[index], symbols.get(index), width, instances))
    return functions


def _instances(reader: Reader, file: ObjectInput, function: int | None) -> bytes:
    """Yield the data after a function's index, with output offsets; ``None`` for a removed function."""
    start = reader.pos
    instances: list[bytes] = []
    places = places_in_body(file, function) if function is not None and file.compressed else None
    for _ in range(reader.count(2)):
        place, data = reader.uleb(), reader.name()
        if places is not None:
            instances.append(uleb(places.place(place)) + uleb(len(data)) + data)
    return uleb(len(instances)) + b"".join(instances) if instances else reader.data[start : reader.pos]
