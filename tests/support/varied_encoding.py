"""The bytes of an object of :mod:`.varied_objects`."""

from __future__ import annotations

from random import Random

from tests.support.objects import (
    COMDAT_INFO,
    DATA,
    EXPLICIT_NAME,
    FUNCTION,
    GLOBAL,
    INIT_FUNCTIONS,
    LOCAL,
    MAGIC,
    NO_STRIP,
    PAD,
    SECTION,
    SEGMENT_INFO,
    SYMBOL_TABLE,
    TABLE,
    TAG,
    UNDEFINED,
    WEAK,
    blob,
    custom,
    leb,
    linking,
    name,
    relocation,
    relocations,
    section,
    sleb,
    subsection,
    symbol,
    vector,
)
from tests.support.varied_objects import (
    ABSOLUTE,
    OWN,
    SIGNATURES,
    STRINGS,
    TLS,
    WITH_ADDEND,
    Chunk,
    Label,
    Unit,
    kind_of,
    signature_of,
)

FIXED_WIDTH = frozenset((2, 5, 8, 9, 13, 23, 26))


class _Object:
    """Indices of what a unit has, and of what it refers to without having it."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.defined: dict[str, bytes] = {}
        self.imports = [name("env") + name("__linear_memory") + b"\2\0\1"]
        self.wanted: dict[str, None] = {}
        for chunk in (*unit.functions, *unit.segments, *unit.customs):
            for reference in chunk.references:
                if reference.type != 6:
                    self.wanted.setdefault(reference.target)
        self.own = own = {label.name for chunk in (*unit.functions, *unit.segments) for label in chunk.labels}
        own |= {label.name for label in (*unit.globals, *unit.tags)}
        missing = [text for text in self.wanted if text not in own and not text.startswith("section ")]
        kinds = {text: kind_of(text) for text in missing}
        self.undefined: dict[str, bytes] = {}
        for kind in (FUNCTION, GLOBAL, TAG, TABLE, DATA):
            count = 0
            for text in (text for text in missing if kinds[text] == kind):
                self._refer(text, kind, count)
                count += 1
            if kind == FUNCTION:
                self.first_function = count
            elif kind == GLOBAL:
                self.first_global = count
            elif kind == TAG:
                self.first_tag = count

    def _refer(self, text: str, kind: int, number: int) -> None:
        flags = UNDEFINED | (WEAK if text in self.unit.weak_references else 0)
        if kind == DATA:
            if text == "fixed":
                self.undefined[text] = symbol(DATA, LOCAL | ABSOLUTE, name(text), leb(0), leb(0x1234), leb(4))
                return
            self.undefined[text] = symbol(DATA, flags | (TLS if text[0] == "t" else 0), name(text))
            return
        description = {
            FUNCTION: b"\0" + leb(signature_of(text)),
            GLOBAL: b"\3\x7f\1",
            TAG: b"\4\0" + leb(1),
            TABLE: b"\1\x70\0\0",
        }[kind]
        known = self.unit.imported.get(text, ("host", "print", signature_of(text)) if text == "host" else None)
        if kind == FUNCTION and known is not None:
            module, title, signature = known
            self.imports.append(name(module) + name(title) + b"\0" + leb(signature))
            self.undefined[text] = symbol(kind, flags | EXPLICIT_NAME, leb(number), name(text))
            return
        self.imports.append(name("env") + name(text) + description)
        self.undefined[text] = symbol(kind, flags | (NO_STRIP if kind == TABLE else 0), leb(number))

    def symbols(self, section_numbers: dict[int, int]) -> tuple[list[bytes], dict[str, int]]:
        """Return the symbol table, and the number of each symbol by name."""
        unit = self.unit
        found = dict(self.undefined)
        for number, function in enumerate(unit.functions, self.first_function):
            for label in function.labels:
                found[label.name] = symbol(FUNCTION, label.flags, leb(number), name(label.name))
        for number, segment in enumerate(unit.segments):
            size = len(segment.content) + _size_of_fields(segment)
            for label in segment.labels:
                place = min(label.offset, size)
                rest = leb(number) + leb(place) + leb(min(label.size, size - place))
                found[label.name] = symbol(DATA, label.flags, name(label.name), rest)
        for number, label in enumerate(unit.globals, self.first_global):
            found[label.name] = symbol(GLOBAL, label.flags, leb(number), name(label.name))
        for number, label in enumerate(unit.tags, self.first_tag):
            found[label.name] = symbol(TAG, label.flags, leb(number), name(label.name))
        for number, index in section_numbers.items():
            found[f"section {number}"] = symbol(SECTION, LOCAL, leb(index))
        names = list(found)
        Random(unit.order).shuffle(names)
        return [found[text] for text in names], {text: number for number, text in enumerate(names)}


def _size_of_fields(chunk: Chunk) -> int:
    return sum((4 if reference.type in FIXED_WIDTH else 5) for reference in chunk.references)


def _fields(
    chunk: Chunk, start: int, numbers: dict[str, int], own: set[str], *, has_filler: bool
) -> tuple[bytes, list[bytes]]:
    out, entries = b"", []
    for reference in chunk.references:
        if has_filler:
            out += b"\x1a" * reference.filler
        index = int(reference.target) if reference.type == 6 else numbers.get(reference.target)
        if index is None or (reference.type in OWN and reference.target not in own):
            # What it named is gone.
            out += bytes(4)
            continue
        addend = reference.addend if reference.type in WITH_ADDEND else None
        entries.append(relocation(reference.type, start + len(out), index, addend))
        out += bytes(4) if reference.type in FIXED_WIDTH else PAD
    return out, entries


def _global(label: Label) -> bytes:
    return bytes((0x7F, label.offset == 0, 0x41)) + sleb(label.size) + b"\x0b"


def encode(unit: Unit) -> bytes:
    """Return the object of a unit."""
    made = _Object(unit)
    head = [section(1, vector(*SIGNATURES)), section(2, vector(*made.imports))]
    head.append(section(3, vector(*(leb(function.signature) for function in unit.functions))))
    if unit.tags:
        head.append(section(13, vector(*(b"\0" + leb(1) for _ in unit.tags))))
    if unit.globals:
        head.append(section(6, vector(*(_global(label) for label in unit.globals))))
    head.append(section(12, leb(len(unit.segments))))
    code_section, data_section = len(head), len(head) + 1
    places = {number: data_section + 1 + number for number in range(len(unit.customs))}
    symbols, numbers = made.symbols(places)
    code_entries: list[bytes] = []
    bodies = []
    position = len(leb(len(unit.functions)))
    for function in unit.functions:
        size = 1 + len(_fields(function, 0, numbers, made.own, has_filler=True)[0]) + len(function.content) + 1
        fields, entries = _fields(function, position + len(leb(size)) + 1, numbers, made.own, has_filler=True)
        bodies.append(blob(b"\0" + fields + function.content + b"\x0b"))
        code_entries += entries
        position += len(bodies[-1])
    data_entries: list[bytes] = []
    segments = []
    position = len(leb(len(unit.segments)))
    for segment in unit.segments:
        size = len(_fields(segment, 0, numbers, made.own, has_filler=False)[0]) + len(segment.content)
        position += 4 + len(leb(size))
        fields, entries = _fields(segment, position, numbers, made.own, has_filler=False)
        content = fields + segment.content
        if segment.flags & STRINGS and not content.endswith(b"\0"):
            content = content[:-1] + b"\0"
        segments.append(b"\0\x41\0\x0b" + blob(content))
        data_entries += entries
        position += size
    parts = [*head, section(10, vector(*bodies)), section(11, vector(*segments))]
    tails: list[bytes] = []
    for number, chunk in enumerate(unit.customs):
        fields, entries = _fields(chunk, 0, numbers, made.own, has_filler=False)
        (tails if chunk.title == "producers" else parts).append(custom(chunk.title, fields + chunk.content))
        if entries:
            tails.append(relocations(chunk.title, places[number], *entries))
    parts.append(_linking(unit, made, symbols, numbers))
    parts += [relocations("CODE", code_section, *code_entries)] if code_entries else []
    parts += [relocations("DATA", data_section, *data_entries)] if data_entries else []
    features = vector(*(b"+" + name(feature) for feature in sorted(unit.features)))
    return MAGIC + b"".join([*parts, *tails, custom("target_features", features)])


def _linking(unit: Unit, made: _Object, symbols: list[bytes], numbers: dict[str, int]) -> bytes:
    infos = [name(s.title) + leb(s.alignment) + leb(s.flags) for s in unit.segments]
    groups: dict[str, list[bytes]] = {}
    for number, function in enumerate(unit.functions, made.first_function):
        if function.group:
            groups.setdefault(function.group, []).append(leb(1) + leb(number))
    for number, segment in enumerate(unit.segments):
        if segment.group:
            groups.setdefault(segment.group, []).append(leb(0) + leb(number))
    constructors = [leb(priority) + leb(numbers[text]) for priority, text in unit.constructors]
    return linking(
        subsection(SYMBOL_TABLE, vector(*symbols)),
        subsection(SEGMENT_INFO, vector(*infos)),
        subsection(INIT_FUNCTIONS, vector(*constructors)),
        subsection(COMDAT_INFO, vector(*(name(text) + leb(0) + vector(*parts) for text, parts in groups.items()))),
    )
