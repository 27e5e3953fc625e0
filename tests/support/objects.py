"""Writes relocatable objects by hand, for what no assembler can be made to produce.

Everything is bytes that are joined; nothing is checked, since wrong objects are the point. The format is that of
Linking.md: names of subsections and symbol kinds are as there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

MAGIC = b"\0asm\1\0\0\0"
SYMBOL_TABLE, SEGMENT_INFO, INIT_FUNCTIONS, COMDAT_INFO = 8, 5, 6, 7
WEAK, LOCAL, HIDDEN, UNDEFINED, EXPORTED, EXPLICIT_NAME, NO_STRIP = 1, 2, 4, 0x10, 0x20, 0x40, 0x80
FUNCTION, DATA, GLOBAL, SECTION, TAG, TABLE = range(6)


def leb(value: int) -> bytes:
    """Unsigned LEB128."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def sleb(value: int) -> bytes:
    """Signed LEB128."""
    out = bytearray()
    while not -0x40 <= value < 0x40:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value & 0x7F])


def blob(content: bytes) -> bytes:
    return leb(len(content)) + content


def name(text: str) -> bytes:
    return blob(text.encode())


def vector(*items: bytes) -> bytes:
    return leb(len(items)) + b"".join(items)


def section(identity: int, content: bytes) -> bytes:
    return bytes([identity]) + blob(content)


def custom(title: str, content: bytes) -> bytes:
    return section(0, name(title) + content)


def subsection(identity: int, content: bytes) -> bytes:
    return bytes([identity]) + blob(content)


def linking(*subsections: bytes, version: int = 2) -> bytes:
    return custom("linking", leb(version) + b"".join(subsections))


def symbol(kind: int, flags: int, *rest: bytes) -> bytes:
    return bytes([kind]) + leb(flags) + b"".join(rest)


def relocation(kind: int, offset: int, index: int, addend: int | None = None) -> bytes:
    return bytes([kind]) + leb(offset) + leb(index) + (b"" if addend is None else sleb(addend))


def relocations(title: str, target: int, *entries: bytes) -> bytes:
    return custom(f"reloc.{title}", leb(target) + vector(*entries))


PAD = b"\x80\x80\x80\x80\x00"

PARTS: Mapping[str, bytes] = {
    "type": section(1, vector(b"\x60\0\0", b"\x60\1\x7f\1\x7f")),
    "import": section(
        2,
        vector(
            name("env") + name("__linear_memory") + b"\2\0\1",
            name("env") + name("ext") + b"\0\0",
            name("env") + name("__stack_pointer") + b"\3\x7f\1",
            name("env") + name("__indirect_function_table") + b"\1\x70\0\0",
        ),
    ),
    "function": section(3, vector(b"\0", b"\1")),
    "global": section(6, vector(b"\x7f\1\x41\7\x0b")),
    "data count": section(12, leb(2)),
    "code": section(
        10,
        vector(
            blob(b"\0\x10" + PAD + b"\x23" + PAD + b"\x1a\x41" + PAD + b"\x1a\x0b"),
            blob(b"\0\x20\0\x28\2" + PAD + b"\x0b"),
        ),
    ),
    "data": section(
        11,
        vector(
            b"\0\x41\0\x0b" + blob(b"\0\0\0\0\0\0\0\0"),
            b"\0\x41\x08\x0b" + blob(b"text\0"),
        ),
    ),
    "debug": custom(".debug_info", bytes(12)),
    "linking": linking(
        subsection(
            SYMBOL_TABLE,
            vector(
                symbol(FUNCTION, 0, leb(1), name("f")),
                symbol(FUNCTION, UNDEFINED, leb(0)),
                symbol(GLOBAL, UNDEFINED, leb(0)),
                symbol(DATA, 0, name("d"), leb(0), leb(0), leb(8)),
                symbol(DATA, LOCAL, name("s"), leb(1), leb(0), leb(5)),
                symbol(DATA, UNDEFINED | WEAK, name("w")),
                symbol(GLOBAL, LOCAL, leb(1), name("g")),
                symbol(FUNCTION, HIDDEN, leb(2), name("h")),
                symbol(TABLE, UNDEFINED, leb(0)),
                symbol(SECTION, LOCAL, leb(7)),
            ),
        ),
        subsection(SEGMENT_INFO, vector(name(".data.d") + leb(2) + leb(0), name(".rodata.s") + leb(0) + leb(1))),
        subsection(INIT_FUNCTIONS, vector(leb(5) + leb(0))),
        subsection(COMDAT_INFO, vector(name("group") + leb(0) + vector(leb(1) + leb(2)))),
    ),
    "reloc.CODE": relocations(
        "CODE", 5, relocation(0, 4, 1), relocation(7, 10, 2), relocation(4, 17, 3, 4), relocation(3, 29, 5, 0)
    ),
    "reloc.DATA": relocations("DATA", 6, relocation(2, 6, 0), relocation(5, 10, 4, 1)),
    "reloc.debug": relocations(
        ".debug_info", 7, relocation(8, 0, 0, 2), relocation(9, 4, 9, 1), relocation(5, 8, 3, 0)
    ),
    "producers": custom("producers", vector(name("language") + vector(name("C11") + name("")))),
    "target_features": custom("target_features", vector(b"+" + name("sign-ext"))),
}
"""A small object with something of everything, section by section, in order."""


def build(parts: Mapping[str, bytes] = PARTS, **replaced: bytes) -> bytes:
    """An object of ``parts``, some of them replaced: ``build(data_count=..., import_=..., reloc_CODE=...)``."""
    named = dict(parts)
    for key, part in replaced.items():
        found = next(known for known in named if re.sub(r"[ .]", "_", known) == key.rstrip("_"))
        named[found] = part
    return MAGIC + b"".join(named.values())


def calling_object(defined: str, called: dict[str, str]) -> bytes:
    """An object with a function that calls others.

    :param called: the names of symbols to those of their imports.
    """
    imports = [name("env") + name(field) + b"\0\0" for field in called.values()]
    body = b"\0" + (b"\x10" + PAD) * len(called) + b"\x0b"
    symbols = [symbol(FUNCTION, 0, leb(len(called)), name(defined))]
    for number, text in enumerate(called):
        symbols.append(symbol(FUNCTION, UNDEFINED | EXPLICIT_NAME, leb(number), name(text)))
    first = 1 + len(leb(len(body))) + 1
    calls = [relocation(0, first + 1 + 6 * number, number + 1) for number in range(len(called))]
    parts = [section(1, vector(b"\x60\0\0"))]
    parts += [section(2, vector(*imports))] if imports else []
    parts += [section(3, vector(b"\0")), section(10, vector(blob(body)))]
    parts += [linking(subsection(SYMBOL_TABLE, vector(*symbols)))]
    parts += [relocations("CODE", len(parts) - 2, *calls)] if calls else []
    return MAGIC + b"".join(parts)
