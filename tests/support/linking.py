"""The linking section and relocation sections (Linking.md) as lines to read and to compare."""

from __future__ import annotations

from .module import BadModuleError, Reader

SYMBOL_KINDS = ("function", "data", "global", "section", "tag", "table")
COMDAT_KINDS = ("data", "function", "global", "tag", "table", "section")
FLAGS = {
    0x1: "weak",
    0x2: "local",
    0x4: "hidden",
    0x10: "undefined",
    0x20: "exported",
    0x40: "explicit-name",
    0x80: "no-strip",
    0x100: "tls",
    0x200: "absolute",
}
WITH_ADDEND = (3, 4, 5, 8, 9, 11, 14, 15, 16, 17, 21, 22, 23, 25)
FUNCTION, DATA, GLOBAL, SECTION, TAG, TABLE = range(6)
UNDEFINED, EXPLICIT_NAME, ABSOLUTE = 0x10, 0x40, 0x200


def describe_linking(content: bytes) -> list[str]:
    """The linking section: a line for each symbol, segment, constructor and COMDAT group."""
    reader = Reader(content)
    lines = [f"linking version {reader.unsigned()}"]
    parts = {5: _segment, 6: _constructor, 7: _comdat, 8: _symbol}
    while not reader.at_end:
        identity = reader.byte()
        part = Reader(reader.blob())
        if identity not in parts:
            raise BadModuleError(f"linking subsection {identity}")
        lines += [f"linking {parts[identity](part, number)}" for number in range(part.unsigned())]
        if not part.at_end:
            raise BadModuleError("linking subsection: bytes left over")
    return lines


def _symbol(reader: Reader, number: int) -> str:
    kind, flags = reader.byte(), reader.unsigned()
    words = [name for bit, name in FLAGS.items() if flags & bit]
    if flags & ~sum(FLAGS):
        words.append(hex(flags))
    name = place = ""
    if kind == DATA:
        name = reader.name()
        if not flags & UNDEFINED:
            segment, offset, size = reader.unsigned(), reader.unsigned(), reader.unsigned()
            place = f"segment {segment} offset {offset} size {size}"
    elif kind in range(len(SYMBOL_KINDS)):
        place = str(reader.unsigned())
        if kind != SECTION and (not flags & UNDEFINED or flags & EXPLICIT_NAME):
            name = reader.name()
    else:
        raise BadModuleError(f"symbol kind {kind}")
    return f"symbol {number}: {SYMBOL_KINDS[kind]} {name!r} {place} {' '.join(words)}".rstrip()


def _segment(reader: Reader, number: int) -> str:
    name, alignment, flags = reader.name(), reader.unsigned(), reader.unsigned()
    return f"segment {number}: {name} alignment {alignment} flags {flags:#x}"


def _constructor(reader: Reader, number: int) -> str:
    return f"constructor {number}: priority {reader.unsigned()} symbol {reader.unsigned()}"


def _comdat(reader: Reader, number: int) -> str:
    name, flags = reader.name(), reader.unsigned()
    members = [f"{COMDAT_KINDS[reader.byte()]} {reader.unsigned()}" for _ in range(reader.unsigned())]
    return f"comdat {number}: {name} flags {flags} {', '.join(members)}"


def describe_relocations(name: str, content: bytes) -> list[str]:
    """A relocation section: a line for each entry."""
    reader = Reader(content)
    lines = [f"{name} of section {reader.unsigned()}"]
    for _ in range(reader.unsigned()):
        kind, offset, index = reader.byte(), reader.unsigned(), reader.unsigned()
        addend = f" addend {reader.signed()}" if kind in WITH_ADDEND else ""
        lines.append(f"{name}: {kind} at {offset} symbol {index}{addend}")
    return lines
