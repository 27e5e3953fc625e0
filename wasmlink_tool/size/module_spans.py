"""The bytes of a module as spans: sections, entries of sections, and the encoding around them.

The spans of a section are adjacent, and so are the sections. That makes sums over them exact for any module of any
linker. A section with unknown contents becomes one span.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple

from ..binary.constants import MAGIC, SECTION_LABELS, VERSION, ExternalKind, NameSubsection, SectionId
from ..binary.reader import FormatError, Reader, uleb_at


class SpanKind(IntEnum):
    """The kind of a span; the note under each says what the span's number means, if it has one."""

    SECTION_HEADER = 0
    """Identity, size, and a custom section's name."""
    COUNT = 1
    """The number of entries that follow, and other encoding that belongs to no entry."""
    TYPE = 2
    IMPORT = 3
    """The number counts all imports, of any kind."""
    DECLARATION = 4
    """A function's type; the number is the function's index, imports included, as in all index spaces below."""
    TABLE = 5
    MEMORY = 6
    TAG = 7
    GLOBAL = 8
    EXPORT = 9
    """The number counts the exports."""
    START = 10
    """The number is the function's index."""
    ELEMENT_HEADER = 11
    ELEMENT = 12
    """An entry of a table; the number is the function's index, or -1."""
    CODE = 13
    """A function's body with its size; the number is the function's index."""
    SEGMENT_HEADER = 14
    """The number is the data segment's index, as below."""
    SEGMENT = 15
    FUNCTION_NAME = 16
    GLOBAL_NAME = 17
    SEGMENT_NAME = 18
    LOCAL_NAMES = 19
    """The number is the function's index."""
    OTHER_NAME = 20
    CUSTOM = 21
    """The contents of a custom section."""
    UNKNOWN = 22


Span = tuple[int, int, int]
"""(end, kind, number): it begins where the one before it ends. A plain tuple, since there are several for each function
and named tuples took twice the time of all else here."""


class Import(NamedTuple):
    module: bytes
    name: bytes
    kind: int
    """:class:`ExternalKind`."""
    number: int
    """The index in its index space."""


class Export(NamedTuple):
    name: bytes
    kind: int
    number: int


class SectionSpans:
    """A section: from the byte of its identity to its end."""

    __slots__ = ("contents", "end", "id", "name", "spans", "start")

    def __init__(self, id_: int, name: bytes, start: int, contents: int, end: int) -> None:
        self.id = id_
        self.name = name
        """The name of a custom section."""
        self.start = start
        self.contents = contents
        """The start of the contents, after a custom section's name."""
        self.end = end
        self.spans: list[Span] = [(contents, SpanKind.SECTION_HEADER, -1)]

    @property
    def label(self) -> str:
        """The section's name in reports."""
        if self.id == SectionId.CUSTOM:
            return self.name.decode("utf-8", "backslashreplace")
        return _LABELS.get(self.id, f"section {self.id}")


class ModuleSpans:
    """A module's sections with their spans, and the names and numbers found in them."""

    def __init__(self) -> None:
        self.size = 0
        self.sections: list[SectionSpans] = []
        self.imports: list[Import] = []
        self.exports: list[Export] = []
        self.counts: dict[int, int] = dict.fromkeys((0, 1, 2, 3, 4), 0)
        """Imports by :class:`ExternalKind`."""
        self.function_names: dict[int, bytes] = {}
        self.global_names: dict[int, bytes] = {}
        self.segment_names: dict[int, bytes] = {}
        self.module_name = b""

    def section(self, id_: int, name: bytes = b"") -> SectionSpans | None:
        return next((s for s in self.sections if s.id == id_ and s.name == name), None)


_LABELS: Final = {**SECTION_LABELS, SectionId.ELEMENT: "ELEMENT"}
HEADER: Final = "module header"
"""The name of the module's first eight bytes in reports."""


def walk_module(data: bytes) -> ModuleSpans:
    """Divide a module into spans.

    :raises FormatError: it is not a core module, or its sections are damaged.
    """
    if data[:4] != MAGIC:
        raise FormatError("not a WebAssembly module")
    if data[4:8] != VERSION:
        if data[6:8] == b"\1\0":
            raise FormatError("this is a component: pass the core module that it was made from")
        raise FormatError("not a WebAssembly module of version 1")
    module = ModuleSpans()
    module.size = len(data)
    reader = Reader(data, 8, len(data))
    while reader.pos < reader.end:
        start = reader.pos
        id_ = reader.u8()
        size = reader.uleb()
        contents, end = reader.pos, reader.pos + size
        if end > reader.end:
            raise FormatError(f"the section at {start:#x} is larger than the module")
        name = b""
        if id_ == SectionId.CUSTOM:
            inside = Reader(data, contents, end)
            name = inside.name()
            contents = inside.pos
        section = SectionSpans(id_, name, start, contents, end)
        module.sections.append(section)
        _walk_section(module, section, Reader(data, contents, end))
        reader.pos = end
    return module


def _walk_section(module: ModuleSpans, section: SectionSpans, reader: Reader) -> None:
    walk = _WALKS.get(section.id)
    if section.id == SectionId.CUSTOM and section.name == b"name":
        walk = _names
    kind = SpanKind.CUSTOM if section.id == SectionId.CUSTOM else SpanKind.UNKNOWN
    if walk is not None:
        try:
            walk(module, section.spans, reader)
        except (FormatError, IndexError):
            kind = SpanKind.UNKNOWN
    reached = section.spans[-1][0]
    if reached > section.end:
        # The last entry was read past the end of its section.
        while section.spans[-1][0] > section.end:
            section.spans.pop()
        reached = section.spans[-1][0]
    if reached < section.end:
        section.spans.append((section.end, kind, -1))


def _types(module: ModuleSpans, spans: list[Span], reader: Reader) -> None:
    count = reader.count(3)
    spans.append((reader.pos, SpanKind.COUNT, -1))
    for index in range(count):
        if reader.u8() != 0x60:
            raise FormatError("a type that is not a function's")
        for _ in range(2):
            for _ in range(reader.count()):
                reader.value_type()
        spans.append((reader.pos, SpanKind.TYPE, index))


def _imports(module: ModuleSpans, spans: list[Span], reader: Reader) -> None:
    count = reader.count(4)
    spans.append((reader.pos, SpanKind.COUNT, -1))
    for index in range(count):
        namespace, name = reader.name(), reader.name()
        kind = reader.u8()
        if kind == ExternalKind.FUNCTION:
            reader.uleb()
        elif kind == ExternalKind.TABLE:
            reader.value_type()
            reader.limits()
        elif kind == ExternalKind.MEMORY:
            reader.limits()
        elif kind == ExternalKind.GLOBAL:
            reader.value_type()
            reader.u8()
        elif kind == ExternalKind.TAG:
            reader.u8()
            reader.uleb()
        else:
            raise FormatError("an import of an unknown kind")
        module.imports.append(Import(namespace, name, kind, module.counts[kind]))
        module.counts[kind] += 1
        spans.append((reader.pos, SpanKind.IMPORT, index))


def _declarations(module: ModuleSpans, spans: list[Span], reader: Reader) -> None:
    count = reader.count()
    spans.append((reader.pos, SpanKind.COUNT, -1))
    first = module.counts[ExternalKind.FUNCTION]
    for index in range(first, first + count):
        reader.uleb()
        spans.append((reader.pos, SpanKind.DECLARATION, index))


def _tables(module: ModuleSpans, spans: list[Span], reader: Reader) -> None:
    count = reader.count(3)
    spans.append((reader.pos, SpanKind.COUNT, -1))
    first = module.counts[ExternalKind.TABLE]
    for index in range(first, first + count):
        if reader.data[reader.pos : reader.pos + 1] == b"\x40":
            reader.take(2)
            reader.value_type()
            reader.limits()
            reader.skip_constant_expression()
        else:
            reader.value_type()
            reader.limits()
        spans.append((reader.pos, SpanKind.TABLE, index))


def _memories(module: ModuleSpans, spans: list[Span], reader: Reader) -> None:
    count = reader.count(2)
    spans.append((reader.pos, SpanKind.COUNT, -1))
    first = module.counts[ExternalKind.MEMORY]
    for index in range(first, first + count):
        reader.limits()
        spans.append((reader.pos, SpanKind.MEMORY, index))


def _tags(module: ModuleSpans, spans: list[Span], reader: Reader) -> None:
    count = reader.count(2)
    spans.append((reader.pos, SpanKind.COUNT, -1))
    first = module.counts[ExternalKind.TAG]
    for index in range(first, first + count):
        reader.u8()
        reader.uleb()
        spans.append((reader.pos, SpanKind.TAG, index))


def _globals(module: ModuleSpans, spans: list[Span], reader: Reader) -> None:
    count = reader.count(4)
    spans.append((reader.pos, SpanKind.COUNT, -1))
    first = module.counts[ExternalKind.GLOBAL]
    for index in range(first, first + count):
        reader.value_type()
        reader.u8()
        reader.skip_constant_expression()
        spans.append((reader.pos, SpanKind.GLOBAL, index))


def _exports(module: ModuleSpans, spans: list[Span], reader: Reader) -> None:
    count = reader.count(3)
    spans.append((reader.pos, SpanKind.COUNT, -1))
    for index in range(count):
        module.exports.append(Export(reader.name(), reader.u8(), reader.uleb()))
        spans.append((reader.pos, SpanKind.EXPORT, index))


def _start(module: ModuleSpans, spans: list[Span], reader: Reader) -> None:
    function = reader.uleb()
    spans.append((reader.pos, SpanKind.START, function))


def _elements(module: ModuleSpans, spans: list[Span], reader: Reader) -> None:
    """Read the eight forms of an element segment (section 5.5.12 of the core specification)."""
    count = reader.count(2)
    spans.append((reader.pos, SpanKind.COUNT, -1))
    for _ in range(count):
        flags = reader.uleb()
        if flags > 7:
            raise FormatError("an element segment of an unknown form")
        if not flags & 1:
            if flags & 2:
                reader.uleb()
            reader.skip_constant_expression()
        if flags & 3:
            if flags & 4:
                reader.value_type()
            else:
                reader.u8()
        entries = reader.count()
        spans.append((reader.pos, SpanKind.ELEMENT_HEADER, -1))
        for _ in range(entries):
            if flags & 4:
                # Usually ref.func and an index.
                index = uleb_at(reader.data, reader.pos + 1, reader.end)[0] if reader.data[reader.pos] == 0xD2 else -1
                reader.skip_constant_expression()
            else:
                index = reader.uleb()
            spans.append((reader.pos, SpanKind.ELEMENT, index))


def _code(module: ModuleSpans, spans: list[Span], reader: Reader) -> None:
    count = reader.count(2)
    data, position, end = reader.data, reader.pos, reader.end
    spans.append((position, SpanKind.COUNT, -1))
    kind = int(SpanKind.CODE)
    first = module.counts[ExternalKind.FUNCTION]
    for index in range(first, first + count):
        # Written out: there are as many entries as functions, and this halves the time of the walk.
        size = data[position]
        position += 1
        if size >= 0x80:
            size, position = uleb_at(data, position - 1, end)
        position += size
        if position > end:
            raise FormatError("a function is larger than its section")
        spans.append((position, kind, index))


def _data(module: ModuleSpans, spans: list[Span], reader: Reader) -> None:
    count = reader.count(2)
    spans.append((reader.pos, SpanKind.COUNT, -1))
    for index in range(count):
        flags = reader.uleb()
        if flags > 2:
            raise FormatError("a data segment of an unknown form")
        if flags & 2:
            reader.uleb()
        if not flags & 1:
            reader.skip_constant_expression()
        size = reader.uleb()
        spans.append((reader.pos, SpanKind.SEGMENT_HEADER, index))
        if size > reader.end - reader.pos:
            raise FormatError("a data segment is larger than its section")
        reader.pos += size
        spans.append((reader.pos, SpanKind.SEGMENT, index))


def _data_count(module: ModuleSpans, spans: list[Span], reader: Reader) -> None:
    reader.uleb()
    spans.append((reader.pos, SpanKind.COUNT, -1))


def _names(module: ModuleSpans, spans: list[Span], reader: Reader) -> None:
    known = {
        int(NameSubsection.FUNCTION): (SpanKind.FUNCTION_NAME, module.function_names),
        int(NameSubsection.GLOBAL): (SpanKind.GLOBAL_NAME, module.global_names),
        int(NameSubsection.DATA_SEGMENT): (SpanKind.SEGMENT_NAME, module.segment_names),
    }
    while reader.pos < reader.end:
        subsection = reader.u8()
        size = reader.uleb()
        end = reader.pos + size
        if end > reader.end:
            raise FormatError("a subsection of the name section is too large")
        if subsection in known:
            kind, names = known[subsection]
            part = Reader(reader.data, reader.pos, end)
            count = part.count(2)
            spans.append((part.pos, SpanKind.COUNT, -1))
            for _ in range(count):
                index = part.uleb()
                names[index] = part.name()
                spans.append((part.pos, kind, index))
        elif subsection == NameSubsection.MODULE:
            module.module_name = Reader(reader.data, reader.pos, end).name()
        elif subsection == 2:
            part = Reader(reader.data, reader.pos, end)
            count = part.count(2)
            spans.append((part.pos, SpanKind.COUNT, -1))
            for _ in range(count):
                function = part.uleb()
                for _ in range(part.count(2)):
                    part.uleb()
                    part.name()
                spans.append((part.pos, SpanKind.LOCAL_NAMES, function))
        if spans[-1][0] < end:
            spans.append((end, SpanKind.OTHER_NAME, -1))
        reader.pos = end


_WALKS: Final = {
    SectionId.TYPE: _types,
    SectionId.IMPORT: _imports,
    SectionId.FUNCTION: _declarations,
    SectionId.TABLE: _tables,
    SectionId.MEMORY: _memories,
    SectionId.TAG: _tags,
    SectionId.GLOBAL: _globals,
    SectionId.EXPORT: _exports,
    SectionId.START: _start,
    SectionId.ELEMENT: _elements,
    SectionId.DATA_COUNT: _data_count,
    SectionId.CODE: _code,
    SectionId.DATA: _data,
}
