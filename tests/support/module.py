"""A reader of Wasm modules that shares nothing with the linker's own, so that the tests compare by a second opinion.

It follows the core specification's binary format (chapter 5) as far as linked modules use it, and is strict:
anything it does not know raises :class:`BadModuleError`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

SECTION_NAMES = {
    0: "custom",
    1: "type",
    2: "import",
    3: "function",
    4: "table",
    5: "memory",
    6: "global",
    7: "export",
    8: "start",
    9: "element",
    10: "code",
    11: "data",
    12: "data count",
    13: "tag",
}
VALUE_TYPES = {
    0x7F: "i32",
    0x7E: "i64",
    0x7D: "f32",
    0x7C: "f64",
    0x7B: "v128",
    0x70: "funcref",
    0x6F: "externref",
    0x69: "exnref",
}
KINDS = ("func", "table", "memory", "global", "tag")


class BadModuleError(Exception):
    """The bytes are no well-formed module."""


class Reader:
    """A cursor over bytes."""

    def __init__(self, data: bytes, position: int = 0) -> None:
        self.data = data
        self.position = position

    @property
    def at_end(self) -> bool:
        return self.position >= len(self.data)

    def take(self, count: int) -> bytes:
        end = self.position + count
        if end > len(self.data):
            raise BadModuleError(f"{count} bytes wanted at {self.position} of {len(self.data)}")
        piece = self.data[self.position : end]
        self.position = end
        return piece

    def byte(self) -> int:
        return self.take(1)[0]

    def unsigned(self) -> int:
        result = shift = 0
        while True:
            byte = self.byte()
            result |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return result
            if shift > 63:
                raise BadModuleError("LEB128 too long")

    def signed(self) -> int:
        result = shift = 0
        while True:
            byte = self.byte()
            result |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return result - (1 << shift) if byte & 0x40 else result
            if shift > 70:
                raise BadModuleError("LEB128 too long")

    def blob(self) -> bytes:
        return self.take(self.unsigned())

    def name(self) -> str:
        return self.blob().decode("utf-8", "surrogateescape")


@dataclass(frozen=True)
class Limits:
    flags: int
    minimum: int
    maximum: int | None
    page_size: int | None = None
    """log2 of bytes."""

    def __str__(self) -> str:
        page = "" if self.page_size is None else f" page size 2^{self.page_size}"
        return f"[{self.minimum}, {'-' if self.maximum is None else self.maximum}] flags {self.flags}{page}"


@dataclass(frozen=True)
class FuncType:
    params: tuple[str, ...]
    results: tuple[str, ...]

    def __str__(self) -> str:
        return f"({', '.join(self.params)}) -> ({', '.join(self.results)})"


@dataclass(frozen=True)
class Import:
    module: str
    name: str
    kind: str
    type: object
    """Function, tag: the type's index. Table: (element type, limits). Memory: limits. Global: (type, mutable)."""


@dataclass(frozen=True)
class Global:
    type: str
    mutable: bool
    init: str


@dataclass(frozen=True)
class Export:
    name: str
    kind: str
    index: int


@dataclass(frozen=True)
class Element:
    flags: int
    table: int
    offset: str
    functions: tuple[int, ...]


@dataclass(frozen=True)
class Data:
    flags: int
    offset: str
    """The constant expression as text; empty for a passive segment."""
    content: bytes


@dataclass
class Module:
    sections: list[str] = field(default_factory=list)
    """Names in file order; a custom section is ``custom:NAME``."""
    types: list[FuncType] = field(default_factory=list)
    imports: list[Import] = field(default_factory=list)
    functions: list[int] = field(default_factory=list)
    tables: list[tuple[str, Limits]] = field(default_factory=list)
    memories: list[Limits] = field(default_factory=list)
    tags: list[int] = field(default_factory=list)
    globals: list[Global] = field(default_factory=list)
    exports: list[Export] = field(default_factory=list)
    start: int | None = None
    elements: list[Element] = field(default_factory=list)
    data_count: int | None = None
    code: list[bytes] = field(default_factory=list)
    """Each defined function's body: locals and instructions, without the size."""
    data: list[Data] = field(default_factory=list)
    customs: list[tuple[str, bytes]] = field(default_factory=list)
    names: dict[str, dict[int, str]] = field(default_factory=dict)
    """The name section: ``function``, ``global``, ``data`` maps; the module's name is ``names["module"][0]``."""

    def imported(self, kind: str) -> list[Import]:
        return [entry for entry in self.imports if entry.kind == kind]

    def export(self, name: str) -> Export:
        return next(export for export in self.exports if export.name == name)

    def custom(self, name: str) -> bytes | None:
        return next((content for found, content in self.customs if found == name), None)

    def referent(self, kind: str, index: int) -> str:
        """Return the target of an index in readable form: its name if the module has one, and the index."""
        imported = self.imported(kind)
        if index < len(imported):
            return f"{imported[index].module}.{imported[index].name}[{index}]"
        key = "function" if kind == "func" else kind
        name = self.names.get(key, {}).get(index)
        return f"{name or kind}[{index}]"


def read_module(data: bytes) -> Module:
    """Read a whole module. Raises :class:`BadModuleError`."""
    if data[:8] != b"\0asm\1\0\0\0":
        raise BadModuleError("no magic number or not version 1")
    module = Module()
    reader = Reader(data, 8)
    while not reader.at_end:
        identity = reader.byte()
        section = Reader(reader.blob())
        if identity not in SECTION_NAMES:
            raise BadModuleError(f"section id {identity}")
        if identity == 0:
            name = section.name()
            content = section.data[section.position :]
            module.sections.append(f"custom:{name}")
            module.customs.append((name, content))
            if name == "name":
                module.names = read_names(content)
            continue
        module.sections.append(SECTION_NAMES[identity])
        _read_section(module, SECTION_NAMES[identity], section)
        if not section.at_end:
            raise BadModuleError(f"{SECTION_NAMES[identity]} section: bytes left over")
    if len(module.functions) != len(module.code):
        raise BadModuleError("function and code sections disagree")
    return module


def read_names(content: bytes) -> dict[str, dict[int, str]]:
    """The name section's maps, by subsection; local names are not expected of a linker."""
    reader = Reader(content)
    names: dict[str, dict[int, str]] = {}
    while not reader.at_end:
        identity = reader.byte()
        part = Reader(reader.blob())
        if identity == 0:
            names["module"] = {0: part.name()}
            continue
        key = {1: "function", 5: "table", 6: "memory", 7: "global", 9: "data", 11: "tag"}.get(identity, f"#{identity}")
        names[key] = {}
        for _ in range(part.unsigned()):
            index = part.unsigned()
            names[key][index] = part.name()
    return names


def _read_section(module: Module, name: str, reader: Reader) -> None:
    if name == "start":
        module.start = reader.unsigned()
    elif name == "data count":
        module.data_count = reader.unsigned()
    else:
        for _ in range(reader.unsigned()):
            _read_entry(module, name, reader)


def _read_entry(module: Module, name: str, reader: Reader) -> None:
    match name:
        case "type":
            if reader.byte() != 0x60:
                raise BadModuleError("not a function type")
            module.types.append(FuncType(_value_types(reader), _value_types(reader)))
        case "import":
            module.imports.append(_import(reader))
        case "function":
            module.functions.append(reader.unsigned())
        case "table":
            module.tables.append((_value_type(reader), _limits(reader)))
        case "memory":
            module.memories.append(_limits(reader))
        case "tag":
            if reader.byte() != 0:
                raise BadModuleError("tag attribute")
            module.tags.append(reader.unsigned())
        case "global":
            module.globals.append(Global(_value_type(reader), bool(reader.byte()), _expression(reader)))
        case "export":
            module.exports.append(Export(reader.name(), KINDS[reader.byte()], reader.unsigned()))
        case "element":
            module.elements.append(_element(reader))
        case "code":
            module.code.append(reader.blob())
        case "data":
            flags = reader.unsigned()
            if flags == 2:
                reader.unsigned()
            offset = "" if flags == 1 else _expression(reader)
            module.data.append(Data(flags, offset, reader.blob()))


def _value_type(reader: Reader) -> str:
    code = reader.byte()
    if code not in VALUE_TYPES:
        raise BadModuleError(f"value type {code:#x}")
    return VALUE_TYPES[code]


def _value_types(reader: Reader) -> tuple[str, ...]:
    return tuple(_value_type(reader) for _ in range(reader.unsigned()))


def _limits(reader: Reader) -> Limits:
    flags = reader.unsigned()
    minimum, maximum = reader.unsigned(), reader.unsigned() if flags & 1 else None
    return Limits(flags, minimum, maximum, reader.unsigned() if flags & 8 else None)


def _import(reader: Reader) -> Import:
    module, name, kind = reader.name(), reader.name(), KINDS[reader.byte()]
    described: object
    match kind:
        case "func":
            described = reader.unsigned()
        case "table":
            described = (_value_type(reader), _limits(reader))
        case "memory":
            described = _limits(reader)
        case "global":
            described = (_value_type(reader), bool(reader.byte()))
        case _:
            reader.byte()
            described = reader.unsigned()
    return Import(module, name, kind, described)


def _expression(reader: Reader) -> str:
    parts = []
    while (opcode := reader.byte()) != 0x0B:
        match opcode:
            case 0x41:
                parts.append(f"i32.const {reader.signed()}")
            case 0x42:
                parts.append(f"i64.const {reader.signed()}")
            case 0x43:
                parts.append(f"f32.const {struct.unpack('<f', reader.take(4))[0]!r}")
            case 0x44:
                parts.append(f"f64.const {struct.unpack('<d', reader.take(8))[0]!r}")
            case 0x23:
                parts.append(f"global.get {reader.unsigned()}")
            case 0xD0:
                parts.append(f"ref.null {_value_type(reader)}")
            case 0xD2:
                parts.append(f"ref.func {reader.unsigned()}")
            case 0x6A | 0x7C:
                parts.append("add")
            case _:
                raise BadModuleError(f"opcode {opcode:#x} in a constant expression")
    return "; ".join(parts)


def _element(reader: Reader) -> Element:
    flags = reader.unsigned()
    if flags not in (0, 2):
        raise BadModuleError(f"element segment flags {flags}")
    table = reader.unsigned() if flags == 2 else 0
    offset = _expression(reader)
    if flags == 2:
        reader.byte()
    return Element(flags, table, offset, tuple(reader.unsigned() for _ in range(reader.unsigned())))
