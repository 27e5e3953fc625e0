"""Objects under edits, written by hand: every relocation type, symbol kind and section kind that a warm link meets.

A compiler writes few relocation types, and the addends that it chooses. Here a unit has relocations of all types in its
code, data and custom sections, and an edit changes what a relocation adds to its target: up to, before and past the
end of the target, into the middle of a string, into another's tail. What the bytes around a field are does not matter,
since nothing runs the module.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from tests.support.objects import (
    COMDAT_INFO,
    DATA,
    EXPLICIT_NAME,
    EXPORTED,
    FUNCTION,
    GLOBAL,
    HIDDEN,
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
    subsection,
    symbol,
    vector,
)

UNITS = 5
TLS, ABSOLUTE = 0x100, 0x200
FEATURES = ("atomics", "bulk-memory", "mutable-globals")
STRINGS, THREAD_LOCAL, RETAIN = 1, 2, 4
"""Flags of segments."""
ADDENDS = (0, 0, 0, 1, 2, 3, 4, 5, 7, 8, 9, 13, 16, -1, -2, -4, -16, 100, 65535, 65536, -65536, 0x7FFFFF00, -0x7FFFFF00)
WORDS = (b"text", b"next", b"ext", b"context", b"xt", b"", b"t", b"other", b"another", b"the other")

# Symbols of each unit, by number.
(OWN, STATIC, SHARED_WEAK, NEXT, HOST, MISSING_FUNCTION, DEAD, STACK, OWN_GLOBAL, VALUE, NEXT_VALUE, STRING, TAIL,
 THREAD, MISSING, FIXED_ADDRESS, EXCEPTION, TABLE_SYMBOL, INFO, STR, ABBREV, ZEROS) = range(22)  # fmt: skip
FUNCTIONS = (OWN, STATIC, SHARED_WEAK, NEXT, HOST, MISSING_FUNCTION)
PLACES = (VALUE, NEXT_VALUE, STRING, TAIL, MISSING, FIXED_ADDRESS, ZEROS)
ADDEND_TYPES = frozenset((3, 4, 5, 8, 9, 11, 21, 23))
LEB_TARGETS: dict[int, tuple[int, ...]] = {
    0: FUNCTIONS,
    1: FUNCTIONS,
    3: PLACES,
    4: PLACES,
    6: (0, 1),
    7: (STACK, OWN_GLOBAL, VALUE, OWN),
    10: (EXCEPTION,),
    11: (VALUE, NEXT_VALUE, STRING, TAIL, FIXED_ADDRESS, ZEROS),
    12: (OWN, STATIC, SHARED_WEAK, NEXT),
    20: (TABLE_SYMBOL,),
    21: (THREAD,),
}
"""Relocation types whose fields are LEB128 numbers of five bytes, with the symbols (or types) that they may name."""
FIXED_TARGETS: dict[int, tuple[int, ...]] = {2: FUNCTIONS, 5: (*PLACES, THREAD), 13: (STACK, OWN_GLOBAL), 26: FUNCTIONS}
"""The same of fields of four bytes."""
CUSTOM_TARGETS = {**FIXED_TARGETS, 5: (*PLACES, THREAD), 8: (OWN, STATIC, SHARED_WEAK, DEAD), 9: (INFO, STR, ABBREV)}
FROM_PLACE = {23: (VALUE, STRING, TAIL, ZEROS)}
COMMON = frozenset((0, 1, 2, 3, 4, 5, 6, 7, 10, 20, 21))
SYMBOL_KINDS = {"function", "data", "global", "section", "tag", "table", "type"}


def kind_of(type_: int, index: int) -> str:
    """Return the kind of symbol that a relocation names."""
    if type_ == 6:
        return "type"
    if index in (*FUNCTIONS, DEAD):
        return "function"
    if index in (STACK, OWN_GLOBAL):
        return "global"
    if index in (INFO, STR, ABBREV):
        return "section"
    return {EXCEPTION: "tag", TABLE_SYMBOL: "table"}.get(index, "data")


@dataclass
class Unit:
    """An object, and the (section, relocation type, kind of symbol) of each of its relocations."""

    contents: bytes
    references: set[tuple[str, int, str]] = field(default_factory=set)


class _Writer:
    """Fields of a section, with their relocations."""

    def __init__(self, title: str, fixed: Random, choice: Random, risk: float, *, is_usual: bool = False) -> None:
        """:param is_usual: debug information names the starts of strings, as compilers write it."""
        self.title = title
        self.is_usual = is_usual
        self.fixed = fixed
        self.choice = choice
        self.risk = risk
        self.entries: list[bytes] = []
        self.references: set[tuple[str, int, str]] = set()

    def fields(self, start: int, targets: dict[int, tuple[int, ...]], count: int) -> bytes:
        """Return ``count`` fields that begin at offset ``start``. What they name is the same in all edits but few."""
        out = b""
        for _ in range(count):
            type_ = self.fixed.choice(sorted(targets))
            index = self.fixed.choice(targets[type_])
            if self.choice.random() < self.risk:
                type_ = self.choice.choice(sorted(targets))
                index = self.choice.choice(targets[type_])
            width = 5 if type_ in LEB_TARGETS else 4
            filler = b"\x1a" * self.choice.choice((0, 0, 1, 2)) if self.title == "CODE" else b""
            out += filler
            addend = self.addend(type_, index) if type_ in ADDEND_TYPES else None
            self.entries.append(relocation(type_, start + len(out), index, addend))
            self.references.add((self.title, type_, kind_of(type_, index)))
            out += PAD if width == 5 else bytes(4)
        return out

    def addend(self, type_: int, index: int) -> int:
        if self.is_usual and (type_ == 9 or index in (STRING, TAIL)):
            return 0
        if type_ == 9:
            return self.choice.choice((0, 0, 1, 3, 5, 8))
        if type_ == 8:
            return self.choice.choice((0, 1, 2, 6))
        if self.choice.random() < 0.7:
            return self.choice.choice(ADDENDS[:12])
        return self.choice.choice(ADDENDS)


def unit(number: int, variant: int, shade: int) -> Unit:
    """Return a unit: its variant decides what it refers to, its shade what is added to that, and in a few shades also
    what it refers to. Odd variants have relocations of the types that compilers write for static links."""
    risk = 0.02 if shade % 8 == 7 else 0.0
    fixed = Random(f"unit {number} {variant}")
    choice = Random(f"unit {number} {variant} {shade}")
    following = (number + 1) % UNITS
    code = _Writer("CODE", fixed, choice, risk)
    in_code = {**LEB_TARGETS, **FIXED_TARGETS}
    in_data = {**in_code, **FROM_PLACE}
    if variant % 2:
        in_code = {type_: targets for type_, targets in LEB_TARGETS.items() if type_ in COMMON}
        in_code[7] = (STACK, OWN_GLOBAL)
        in_data = {type_: targets for type_, targets in FIXED_TARGETS.items() if type_ in COMMON}
    bodies: list[bytes] = []
    position = 1
    for _ in range(4):
        count = fixed.randrange(3, 12)
        # A size of two bytes, as long as a body is.
        no_locals = b"\0"
        fields = code.fields(position + 2 + len(no_locals), in_code, count)
        body = no_locals + fields + b"\x1a" * choice.choice((0, 3, 30, 130)) + bytes(127)
        bodies.append(leb(len(body))[:2] + body)
        position += len(bodies[-1])
    assert all(0x80 <= len(body) - 2 < 1 << 14 for body in bodies)
    data = _Writer("DATA", fixed, choice, risk)
    words = b"".join(word + b"\0" for word in (WORDS[0], *fixed.sample(WORDS, 5)))
    tail = len(WORDS[0]) + 1
    sizes = (64, len(words), 16, 8, 12, 12)
    segments: list[bytes] = []
    position = 1
    for place, size in enumerate(sizes):
        position += 4 + len(leb(size))
        if place == 1:
            content = words
        elif place in (0, 2):
            count = size // 5
            content = data.fields(position, in_data, count)
            content += choice.randbytes(size - len(content))
        else:
            content = bytes(size) if place == 3 else choice.randbytes(size)
        segments.append(b"\0\x41\0\x0b" + blob(content))
        position += size
    info = _Writer("CUSTOM", fixed, choice, risk, is_usual=variant % 3 != 2)
    debug = info.fields(0, CUSTOM_TARGETS, fixed.randrange(6, 20)) + choice.randbytes(choice.choice((0, 0, 3)))
    imports = (
        name("env") + name("__linear_memory") + b"\2\0\1",
        name("env") + name(f"f{following}") + b"\0\1",
        name("host") + name("print") + b"\0\1",
        name("env") + name("missing") + b"\0\0",
        name("env") + name("__stack_pointer") + b"\3\x7f\1",
        name("env") + name("__indirect_function_table") + b"\1\x70\0\0",
    )
    symbols = (
        symbol(FUNCTION, 0, leb(3), name(f"f{number}")),
        symbol(FUNCTION, LOCAL, leb(4), name("own")),
        symbol(FUNCTION, WEAK, leb(5), name("shared")),
        symbol(FUNCTION, UNDEFINED, leb(0)),
        symbol(FUNCTION, UNDEFINED | EXPLICIT_NAME, leb(1), name("host")),
        symbol(FUNCTION, UNDEFINED | WEAK, leb(2)),
        symbol(FUNCTION, HIDDEN, leb(6), name(f"dead{number}")),
        symbol(GLOBAL, UNDEFINED, leb(0)),
        symbol(GLOBAL, LOCAL, leb(1), name("counter")),
        symbol(DATA, 0, name(f"d{number}"), leb(0), leb(0), leb(sizes[0])),
        symbol(DATA, UNDEFINED, name(f"d{following}")),
        symbol(DATA, LOCAL, name(".L.str"), leb(1), leb(0), leb(2)),
        symbol(DATA, LOCAL, name(".L.str.1"), leb(1), leb(tail), leb(2)),
        symbol(DATA, TLS, name(f"t{number}"), leb(2), leb(0), leb(16)),
        symbol(DATA, UNDEFINED | WEAK, name("nowhere")),
        symbol(DATA, LOCAL | ABSOLUTE, name("fixed"), leb(0), leb(0x1234), leb(4)),
        symbol(TAG, 0, leb(0), name(f"exception{number}")),
        symbol(TABLE, UNDEFINED | NO_STRIP, leb(0)),
        symbol(SECTION, LOCAL, leb(8)),
        symbol(SECTION, LOCAL, leb(9)),
        symbol(SECTION, LOCAL, leb(10)),
        symbol(DATA, LOCAL, name("zeros"), leb(3), leb(0), leb(8)),
        symbol(DATA, EXPORTED | NO_STRIP, name(f"kept{number}"), leb(4), leb(0), leb(12)),
        symbol(DATA, WEAK, name("group_data"), leb(5), leb(0), leb(12)),
    )
    infos = (
        name(f".data.d{number}") + leb(2) + leb(0),
        name(".rodata.str1.1") + leb(0) + leb(STRINGS),
        name(f".tdata.t{number}") + leb(2) + leb(THREAD_LOCAL),
        name(".bss.zeros") + leb(2) + leb(0),
        name(".data.kept") + leb(3) + leb(RETAIN),
        name(".data.group_data") + leb(2) + leb(0),
    )
    parts = [
        section(1, vector(b"\x60\0\0", b"\x60\1\x7f\1\x7f")),
        section(2, vector(*imports)),
        section(3, vector(b"\1", b"\1", b"\1", b"\0")),
        section(13, vector(b"\0\0")),
        section(6, vector(b"\x7f\1\x41\7\x0b")),
        section(12, leb(len(segments))),
        section(10, vector(*bodies)),
        section(11, vector(*segments)),
        custom(".debug_info", debug),
        custom(".debug_str", b"".join(word + b"\0" for word in choice.sample(WORDS, 5))),
        custom(".debug_abbrev", choice.randbytes(choice.choice((16, 16, 24)))),
        linking(
            subsection(SYMBOL_TABLE, vector(*symbols)),
            subsection(SEGMENT_INFO, vector(*infos)),
            subsection(INIT_FUNCTIONS, vector(leb(100) + leb(DEAD)) if number == 2 else vector()),
            subsection(COMDAT_INFO, vector(name("shared") + leb(0) + vector(leb(1) + leb(5), leb(0) + leb(5)))),
        ),
        relocations("CODE", 6, *code.entries),
        relocations("DATA", 7, *data.entries),
        relocations(".debug_info", 8, *info.entries),
        custom("target_features", vector(*(b"+" + name(feature) for feature in FEATURES))),
    ]
    return Unit(MAGIC + b"".join(parts), code.references | data.references | info.references)
