"""The order of an object's sections: what LLVM's reader takes is taken, and nothing else, for every pair."""

from __future__ import annotations

import subprocess
from itertools import permutations
from pathlib import Path

import pytest

from tests.support.objects import (
    DATA,
    FUNCTION,
    MAGIC,
    SYMBOL_TABLE,
    blob,
    custom,
    leb,
    linking,
    name,
    section,
    subsection,
    symbol,
    vector,
)
from tests.support.toolchain import reference_command
from wasmlink_tool.binary.reader import FormatError
from wasmlink_tool.inputs.object_reader import read_object

NAMES = subsection(1, vector())
SYMBOLS = subsection(
    SYMBOL_TABLE, vector(symbol(FUNCTION, 0, leb(0), name("_start")), symbol(DATA, 0, name("d"), *[leb(0)] * 3))
)
SECTIONS = {
    "type": section(1, vector(b"\x60\0\0")),
    "import": section(2, vector(name("env") + name("__linear_memory") + b"\2\0\1")),
    "function": section(3, vector(b"\0")),
    "table": section(4, vector()),
    "memory": section(5, vector()),
    "tag": section(13, vector()),
    "global": section(6, vector()),
    "export": section(7, vector()),
    "element": section(9, vector()),
    "data count": section(12, leb(1)),
    "code": section(10, vector(blob(b"\0\x0b"))),
    "data": section(11, vector(b"\0\x41\0\x0b" + blob(bytes(4)))),
    "linking": linking(SYMBOLS),
    "reloc": custom("reloc.CODE", leb(0) + vector()),
    "name": custom("name", NAMES),
    "producers": custom("producers", vector()),
    "target_features": custom("target_features", vector()),
    "notes": custom("notes", b"x"),
}
"""Sections in a valid order. A custom section comes first, so that relocations for section 0 have a target."""
FIRST = custom("first", b"x")


def swapped(one: str, other: str) -> list[str]:
    order = list(SECTIONS)
    i, j = order.index(one), order.index(other)
    order[i], order[j] = order[j], order[i]
    return order


def moved_behind(one: str, other: str) -> list[str]:
    order = [kind for kind in SECTIONS if kind != one]
    order.insert(order.index(other) + 1, one)
    return order


def reference_takes(path: Path) -> bool:
    arguments = [*reference_command(), "-r", str(path), "-o", str(path.with_suffix(".out"))]
    return not subprocess.run(arguments, capture_output=True, check=False, timeout=60).returncode


def we_take(content: bytes) -> bool:
    try:
        read_object(content)
    except FormatError:
        return False
    return True


@pytest.mark.parametrize("arrange", [swapped, moved_behind])
@pytest.mark.parametrize("one", SECTIONS)
def test_every_pair_of_sections(arrange: object, one: str, tmp_path: Path) -> None:
    assert callable(arrange)
    assert we_take(MAGIC + FIRST + b"".join(SECTIONS.values()))
    for other in SECTIONS:
        if other == one:
            continue
        content = MAGIC + FIRST + b"".join(SECTIONS[kind] for kind in arrange(one, other))
        path = tmp_path / "a.o"
        path.write_bytes(content)
        assert we_take(content) is reference_takes(path), (one, other)


@pytest.mark.parametrize("order", list(permutations(("reloc", "name", "producers", "target_features"))))
def test_every_order_behind_the_linking_section(order: tuple[str, ...], tmp_path: Path) -> None:
    content = MAGIC + FIRST + b"".join(SECTIONS[kind] for kind in [k for k in SECTIONS if k not in order] + [*order])
    path = tmp_path / "a.o"
    path.write_bytes(content)
    assert we_take(content) is reference_takes(path)


@pytest.mark.parametrize("twice", SECTIONS)
def test_a_section_that_comes_twice(twice: str, tmp_path: Path) -> None:
    """Relocation sections may, for different sections; this one is for the same."""
    content = MAGIC + FIRST + b"".join(part * (1 + (kind == twice)) for kind, part in SECTIONS.items())
    path = tmp_path / "a.o"
    path.write_bytes(content)
    assert we_take(content) is (reference_takes(path) and twice != "reloc")
