"""Core modules as the encoder sees them: types, imports, exports and where each section is. Bodies are not read."""

from __future__ import annotations

from ..binary.constants import MAGIC, SECTION_NAMES, VERSION, ExternalKind, SectionId, ValueType
from ..binary.reader import FormatError, Reader
from .errors import ComponentError, quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_SECTION_ORDER: Final = {
    number: place
    for place, number in enumerate(
        (
            SectionId.TYPE,
            SectionId.IMPORT,
            SectionId.FUNCTION,
            SectionId.TABLE,
            SectionId.MEMORY,
            SectionId.TAG,
            SectionId.GLOBAL,
            SectionId.EXPORT,
            SectionId.START,
            SectionId.ELEMENT,
            SectionId.DATA_COUNT,
            SectionId.CODE,
            SectionId.DATA,
        )
    )
}

_FUNCTION_TYPE: Final = 0x60
_RECURSIVE_GROUP: Final = 0x4E
_FINAL_SUBTYPE: Final = 0x4F
_SUBTYPE: Final = 0x50
_ARRAY_TYPE: Final = 0x5E
_STRUCT_TYPE: Final = 0x5F

_TYPE_NAMES: Final = {
    ValueType.I32: "i32",
    ValueType.I64: "i64",
    ValueType.F32: "f32",
    ValueType.F64: "f64",
    ValueType.V128: "v128",
    ValueType.FUNCREF: "funcref",
    ValueType.EXTERNREF: "externref",
}


class Signature:
    """The type of a core function: parameters and results, each as the bytes of its value types."""

    def __init__(self, parameters: bytes, results: bytes) -> None:
        self.parameters = parameters
        self.results = results

    def key(self) -> tuple[bytes, bytes]:
        """Return what equal signatures share."""
        return self.parameters, self.results

    def encode(self) -> bytes:
        """Return the function type; all parameters and results must be numbers."""
        parameters, results = self.parameters, self.results
        return b"\x60" + bytes((len(parameters),)) + parameters + bytes((len(results),)) + results

    def __str__(self) -> str:
        parameters = ", ".join(_TYPE_NAMES.get(code, f"{code:#x}") for code in self.parameters)
        results = ", ".join(_TYPE_NAMES.get(code, f"{code:#x}") for code in self.results)
        return f"({parameters}) -> ({results})"


class CoreImport:
    """An import of a core module. ``signature`` is there for functions; ``description`` are the bytes of its type."""

    def __init__(self, module: str, field: str, kind: int, description: bytes, signature: Signature | None) -> None:
        self.module = module
        self.field = field
        self.kind = kind
        self.description = description
        self.signature = signature


class CoreExport:
    """An export of a core module."""

    def __init__(self, name: str, kind: int, index: int) -> None:
        self.name = name
        self.kind = kind
        self.index = index


class Section:
    """A section: its number, where it begins with that number, where its contents begin and where they end. Of a custom
    section the contents begin after its name."""

    def __init__(self, number: int, start: int, body: int, end: int, name: str) -> None:
        self.number = number
        self.start = start
        self.body = body
        self.end = end
        self.name = name


class CoreModule:
    """The parts of a module that the encoder reads."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.sections: list[Section] = []
        self.types: list[Signature | None] = []
        self.imports: list[CoreImport] = []
        self.exports: list[CoreExport] = []
        self.imported_functions: list[Signature] = []
        self.function_types: list[int] = []
        """The types of the functions that the module defines."""

    def function_signature(self, index: int) -> Signature:
        """Return the signature of a function by its index."""
        imported = len(self.imported_functions)
        if index < imported:
            return self.imported_functions[index]
        if index - imported >= len(self.function_types):
            raise FormatError(f"there is no function {index}")
        return self.signature(self.function_types[index - imported])

    def signature(self, index: int) -> Signature:
        """Return a type, which must be that of a function."""
        if index >= len(self.types):
            raise FormatError(f"there is no type {index}")
        found = self.types[index]
        if found is None:
            raise FormatError(f"type {index} is not a function type")
        return found

    def section(self, number: int) -> Section | None:
        """Return the section of that number, if there is one."""
        for section in self.sections:
            if section.number == number:
                return section
        return None


def utf8(text: bytes) -> str:
    """Return the string that ``text`` encodes."""
    try:
        return text.decode()
    except UnicodeDecodeError:
        raise FormatError(f"a name is not valid UTF-8: {text!r}") from None


def read_sections(data: bytes) -> list[Section]:
    """Return the sections of a module, whose order and sizes are checked."""
    if not is_module(data):
        raise FormatError("not a WebAssembly module: the first bytes are not \\0asm")
    if data[4:8] != VERSION:
        if data[6:8] == b"\1\0":
            raise FormatError("this is a component already, not a core module")
        raise FormatError(f"unknown version {data[4:8].hex()}")
    sections: list[Section] = []
    reader = Reader(data, 8, len(data))
    place = -1
    while reader.pos < len(data):
        start = reader.pos
        number = reader.u8()
        size = reader.uleb()
        end = reader.pos + size
        if end > len(data):
            raise FormatError(f"section {number} goes beyond the end of the file")
        name = ""
        if number == SectionId.CUSTOM:
            inside = Reader(data, reader.pos, end)
            name = utf8(inside.name())
            sections.append(Section(number, start, inside.pos, end, name))
        else:
            found = _SECTION_ORDER.get(number)
            if found is None:
                raise FormatError(f"unknown section {number}")
            if found <= place:
                raise FormatError(f"the {SECTION_NAMES[number].lower()} section is out of order or there twice")
            place = found
            sections.append(Section(number, start, reader.pos, end, name))
        reader.pos = end
    return sections


def is_module(data: bytes) -> bool:
    """Return whether a file that begins so is a module or a component."""
    return data[:4] == MAGIC


def read_module(data: bytes, where: str) -> CoreModule:
    """Read a module's types, imports, functions and exports.

    :raises ComponentError: it is damaged; ``where`` says which module it is.
    """
    try:
        return _read_module(data)
    except FormatError as error:
        raise ComponentError(f"{where}: {error}") from None


def _read_module(data: bytes) -> CoreModule:
    module = CoreModule(data)
    module.sections = read_sections(data)
    for section in module.sections:
        reader = Reader(data, section.body, section.end)
        if section.number == SectionId.TYPE:
            for _ in range(reader.count()):
                _read_type(reader, module.types)
        elif section.number == SectionId.IMPORT:
            for _ in range(reader.count(4)):
                module.imports.append(_read_import(reader, module))
        elif section.number == SectionId.FUNCTION:
            count = reader.count()
            types = data[reader.pos : section.end]
            if len(types) == count and (not count or max(types) < 0x80):  # most modules: one byte each
                module.function_types = list(types)
                reader.pos = section.end
            else:
                module.function_types = [reader.uleb() for _ in range(count)]
        elif section.number == SectionId.EXPORT:
            for _ in range(reader.count(3)):
                name = utf8(reader.name())
                kind = reader.u8()
                module.exports.append(CoreExport(name, kind, reader.uleb()))
        else:
            continue
        if reader.pos != section.end:
            raise FormatError(f"the {SECTION_NAMES[section.number].lower()} section is longer than its contents")
    return module


def _read_type(reader: Reader, types: list[Signature | None]) -> None:
    """Append what one entry of the type section defines: ``None`` for what is not a function type."""
    members = 1
    if reader.data[reader.pos : reader.pos + 1] == bytes((_RECURSIVE_GROUP,)):
        reader.u8()
        members = reader.count()
    for _ in range(members):
        form = reader.u8()
        if form in (_SUBTYPE, _FINAL_SUBTYPE):
            for _ in range(reader.count()):
                reader.uleb()
            form = reader.u8()
        if form == _FUNCTION_TYPE:
            parameters = b"".join([_value_type(reader) for _ in range(reader.count())])
            results = b"".join([_value_type(reader) for _ in range(reader.count())])
            types.append(Signature(parameters, results))
        elif form in (_ARRAY_TYPE, _STRUCT_TYPE):
            for _ in range(1 if form == _ARRAY_TYPE else reader.count()):
                if reader.data[reader.pos : reader.pos + 1] in (b"\x78", b"\x77"):  # i8 and i16
                    reader.u8()
                else:
                    _value_type(reader)
                reader.u8()
            types.append(None)
        else:
            raise FormatError(f"unknown form of a type {form:#04x}")


def _value_type(reader: Reader) -> bytes:
    """Return the bytes of a value type, references to defined types included."""
    start = reader.pos
    if reader.u8() in (0x63, 0x64):
        reader.sleb(33)
    return reader.data[start : reader.pos]


def _read_import(reader: Reader, module: CoreModule) -> CoreImport:
    module_name = utf8(reader.name())
    field = utf8(reader.name())
    kind = reader.u8()
    start = reader.pos
    signature: Signature | None = None
    if kind == ExternalKind.FUNCTION:
        signature = module.signature(reader.uleb())
        module.imported_functions.append(signature)
    elif kind == ExternalKind.TABLE:
        _value_type(reader)
        reader.limits()
    elif kind == ExternalKind.MEMORY:
        reader.limits()
    elif kind == ExternalKind.GLOBAL:
        _value_type(reader)
        reader.u8()
    elif kind == ExternalKind.TAG:
        reader.u8()
        reader.uleb()
    else:
        raise FormatError(f"import {quote(field)} of {quote(module_name)} has an unknown kind {kind}")
    return CoreImport(module_name, field, kind, reader.data[start : reader.pos], signature)
