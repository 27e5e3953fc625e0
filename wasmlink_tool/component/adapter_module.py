"""An adapter as a module that is written again: its definitions by index space, and names that have a meaning.

Bodies are kept as ranges of bytes; they are scanned when they turn out to be live.
"""

from __future__ import annotations

from contextlib import suppress

from ..binary.constants import ExternalKind, NameSubsection, SectionId
from ..binary.instructions import Body, scan_body
from ..binary.reader import FormatError, Reader
from .core_module import CoreImport, CoreModule, Signature

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_REFUSED: Final = {
    SectionId.DATA: "data",
    SectionId.ELEMENT: "elements",
    SectionId.START: "a start function",
    SectionId.TAG: "tags",
    SectionId.DATA_COUNT: "data",
}


class AdapterGlobal:
    """A global: its type with mutability, and its initializer, or ``None`` if it is imported."""

    def __init__(self, description: bytes, initializer: Body | None) -> None:
        self.description = description
        self.initializer = initializer


class AdapterModule:
    """The definitions of an adapter. Index spaces begin with the imports of their kind."""

    def __init__(self, core: CoreModule) -> None:
        self.core = core
        self.imports: dict[int, list[CoreImport]] = {
            kind: [given for given in core.imports if given.kind == kind]
            for kind in (ExternalKind.FUNCTION, ExternalKind.TABLE, ExternalKind.MEMORY, ExternalKind.GLOBAL)
        }
        self.globals: list[AdapterGlobal] = [
            AdapterGlobal(given.description, None) for given in self.imports[ExternalKind.GLOBAL]
        ]
        self.import_types: list[int] = []
        """The type of each imported function."""
        self._bodies: list[tuple[int, int]] = []
        self.function_names: dict[int, str] = {}
        self.global_names: dict[int, str] = {}
        for section in core.sections:
            if section.number in _REFUSED:
                raise FormatError(f"it has {_REFUSED[section.number]}, which an adapter cannot have")
            reader = Reader(core.data, section.body, section.end)
            if section.number == SectionId.GLOBAL:
                self._read_globals(reader)
            elif section.number == SectionId.CODE:
                self._read_code(reader)
            elif section.number == SectionId.CUSTOM and section.name == "name":
                with suppress(FormatError):  # Names that cannot be read are no reason to refuse an adapter.
                    self._read_names(reader)
        if len(self._bodies) != len(core.function_types):
            raise FormatError("the numbers of functions and bodies differ")
        for given in self.imports[ExternalKind.FUNCTION]:
            self.import_types.append(Reader(given.description, 0, len(given.description)).uleb())

    def function_type(self, index: int) -> int:
        """Return the index of a function's type."""
        imported = len(self.import_types)
        if index < imported:
            return self.import_types[index]
        if index - imported >= len(self.core.function_types):
            raise FormatError(f"there is no function {index}")
        return self.core.function_types[index - imported]

    def signature(self, type_: int) -> Signature:
        return self.core.signature(type_)

    def body(self, index: int) -> Body | None:
        """Scan a function's body; an imported function has none."""
        imported = len(self.import_types)
        if index < imported:
            return None
        start, end = self._bodies[index - imported]
        return scan_body(self.core.data, start, end)

    def _read_globals(self, reader: Reader) -> None:
        for _ in range(reader.count(3)):
            start = reader.pos
            reader.value_type()
            reader.u8()
            description = reader.data[start : reader.pos]
            begin = reader.pos
            reader.skip_constant_expression()
            # A body without locals has one byte before its instructions.
            expression = b"\0" + reader.data[begin : reader.pos]
            self.globals.append(AdapterGlobal(description, scan_body(expression, 0, len(expression))))

    def _read_code(self, reader: Reader) -> None:
        for _ in range(reader.count(2)):
            size = reader.uleb()
            start = reader.pos
            reader.take(size)
            self._bodies.append((start, reader.pos))
        if reader.pos != reader.end:
            raise FormatError("the code section is longer than its contents")

    def _read_names(self, reader: Reader) -> None:
        """Read the names of functions and globals."""
        while reader.pos < reader.end:
            number = reader.u8()
            end = reader.uleb() + reader.pos
            if end > reader.end:
                raise FormatError("a subsection of the name section goes beyond its end")
            table = {NameSubsection.FUNCTION: self.function_names, NameSubsection.GLOBAL: self.global_names}.get(number)
            if table is not None:
                inside = Reader(reader.data, reader.pos, end)
                for _ in range(inside.count(2)):
                    index = inside.uleb()
                    table[index] = inside.name().decode("utf-8", "replace")
            reader.pos = end
