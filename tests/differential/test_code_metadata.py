"""Code metadata names the right places, whatever a link does to functions.

wasm-ld does not know these sections and breaks them, so that what must come out is written here: every hint of a
function in the output stands before the constant that marks its place, and no hint of any other is left.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.differential import harness
from tests.differential.harness import Case
from tests.support import objects as o
from tests.support.module import Module, Reader, read_module
from tests.support.toolchain import reference_command
from wasmlink_tool.cli import main

NAME = "metadata.code.branch_hint"
IMPORTED = ["ext"]
Functions = dict[str, int]
"""Names, and how many hints each has."""


def marker(function: str, number: int) -> bytes:
    return b"\x44" + struct.pack("<d", sum(function.encode()) * 1000 + number)


def make_object(functions: Functions, called: list[str], *, relocated: bool, damage: bool = False) -> bytes:
    """An object whose functions call imports and load from memory between their marks, with a hint at each mark."""
    code, relocs, bodies = [], [], []
    offset = 1
    imports = [*IMPORTED, *called]
    for name, marks in functions.items():
        body = bytearray(b"\0")
        wanted = []
        for number in range(marks):
            wanted.append((len(body) + 1, 0, len(functions) + number % len(imports)))
            body += b"\x10" + o.PAD
            wanted.append((len(body) + 1, 4, len(functions) + len(imports)))
            body += b"\x41" + o.PAD + b"\x1a"
            body += marker(name, number) + b"\x1a"
        body += b"\x0b"
        entry = o.blob(bytes(body))
        start = offset + len(entry) - len(body)
        for place, kind, symbol in wanted:
            relocs.append(o.relocation(kind, start + place, symbol, 0 if kind == 4 else None))
        offset += len(entry)
        code.append(entry)
        bodies.append(bytes(body))
    hints, hint_relocs = [], []
    position = 1
    for number, (name, marks) in enumerate(functions.items()):
        index = len(imports) + number
        places = [bodies[number].index(marker(name, i)) for i in range(marks)]
        instances = o.vector(*(o.leb(place) + o.blob(bytes([i & 1])) for i, place in enumerate(places)))
        encoded = (bytes([index | 0x80, 0x80, 0x80, 0x80, 0]) if relocated else o.leb(index)) + instances
        hint_relocs.append(o.relocation(0, position, number))
        position += len(encoded)
        hints.append(encoded)
    content = o.vector(*hints)
    symbols = [o.symbol(o.FUNCTION, 0, o.leb(len(imports) + i), o.name(n)) for i, n in enumerate(functions)]
    symbols += [o.symbol(o.FUNCTION, o.UNDEFINED, o.leb(i)) for i in range(len(imports))]
    symbols += [o.symbol(o.DATA, o.LOCAL, o.name("d"), o.leb(0), o.leb(0), o.leb(4))]
    parts = [
        o.section(1, o.vector(b"\x60\0\0")),
        o.section(2, o.vector(*(o.name("env") + o.name(name) + b"\0\0" for name in imports), MEMORY)),
        o.section(3, o.vector(*[b"\0"] * len(functions))),
        o.section(10, o.vector(*code)),
        o.section(11, o.vector(b"\0\x41\0\x0b" + o.blob(bytes(4)))),
        o.custom(NAME, content[:-1] if damage else content),
        o.linking(
            o.subsection(o.SYMBOL_TABLE, o.vector(*symbols)),
            o.subsection(o.SEGMENT_INFO, o.vector(o.name(".data.d") + o.leb(2) + o.leb(0))),
        ),
        o.relocations("CODE", 3, *relocs),
        *([o.relocations(NAME, 5, *hint_relocs)] if relocated else []),
    ]
    return o.MAGIC + b"".join(parts)


MEMORY = o.name("env") + o.name("__linear_memory") + b"\2\0\1"
A: Functions = {"a": 3, "unused": 2, "b": 30}
B: Functions = {"c": 1, "dead": 1, "e": 200}
Link = Callable[..., bytes]


@pytest.fixture
def linked(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> Link:
    """The output of a link of objects, by either linker."""

    numbers = itertools.count()

    def run(objects: list[bytes], args: str, *, reference: bool = False) -> bytes:
        directory = tmp_path / str(next(numbers))
        directory.mkdir()
        names = [f"o{number}.o" for number in range(len(objects))]
        for name, content in zip(names, objects, strict=True):
            (directory / name).write_bytes(content)
        case = Case("", {}, " ".join([*names, args]))
        if reference:
            result = harness.run_process(reference_command(), harness.command_line(case, reference=True), directory)
        else:
            arguments = harness.command_line(case, reference=False)
            result = harness.run_here(main, arguments, directory, capfdbinary.readouterr)
        assert result.status == 0, result.stderr
        assert result.module is not None
        return result.module

    return run


def hints(module: Module) -> dict[str, list[int]]:
    """Function to the places that its hints name. Fails where the section is not as it must be."""
    content = module.custom(NAME)
    if content is None:
        return {}
    reader = Reader(content)
    found: dict[str, list[int]] = {}
    last = -1
    for _ in range(reader.unsigned()):
        index = reader.unsigned()
        assert index > last, "functions are not in order"
        last = index
        places = []
        for number in range(reader.unsigned()):
            places.append(reader.unsigned())
            assert reader.blob() == bytes([number & 1])
        found[module.names["function"][index]] = places
    assert reader.at_end, "there is something behind the vector of functions"
    return found


def expected(module: Module, functions: Functions) -> dict[str, list[int]]:
    first = len(module.imported("func"))
    bodies = {module.names["function"][i]: body for i, body in enumerate(module.code, first)}
    return {
        name: [bodies[name].index(marker(name, number)) for number in range(marks)]
        for name, marks in functions.items()
        if name in bodies
    }


PLAIN = "--import-undefined --no-entry --export=b --export=c --export=e"


@pytest.mark.parametrize("relocated", [True, False])
@pytest.mark.parametrize("compress", ["", "-S --compress-relocations"])
@pytest.mark.parametrize("emit", ["", "--emit-relocs"])
@pytest.mark.parametrize("collect", ["--gc-sections", "--no-gc-sections"])
def test_places(relocated: bool, compress: str, emit: str, collect: str, linked: Link) -> None:
    inputs = [make_object(A, ["c"], relocated=relocated), make_object(B, ["b"], relocated=relocated)]
    module = read_module(linked(inputs, f"{PLAIN} {compress} {emit} {collect}"))
    found = hints(module)
    assert found == expected(module, A | B)
    assert ("dead" in found) == ("unused" in found) == (collect == "--no-gc-sections")


def test_nothing_is_left_of_removed_functions(linked: Link) -> None:
    module = read_module(linked([make_object({"a": 1}, [], relocated=True)], "--no-entry --import-undefined"))
    assert module.custom(NAME) is None


@pytest.mark.parametrize("relocated", [True, False])
def test_what_is_right_keeps_its_bytes(relocated: bool, linked: Link) -> None:
    inputs = [make_object(A, [], relocated=relocated)]
    args = "--import-undefined --no-entry --export=a --export=unused --export=b"
    assert linked(inputs, args) == linked(inputs, args, reference=True)


def test_a_section_that_cannot_be_read_stays_what_it_is(linked: Link) -> None:
    inputs = [make_object(A, [], relocated=True, damage=True), make_object({"e": 2}, [], relocated=True)]
    args = "--import-undefined --no-entry --no-gc-sections"
    assert linked(inputs, args) == linked(inputs, args, reference=True)


@pytest.mark.parametrize("compress", ["", "-S --compress-relocations", "-S --compress-relocations --renumber"])
@pytest.mark.parametrize("by_reference", [True, False])
def test_linked_again(compress: str, by_reference: bool, linked: Link) -> None:
    """Objects that either linker wrote with ``-r``: wasm-ld leaves the vectors of two objects one after another."""
    inputs = [make_object(A, ["c"], relocated=True), make_object(B, ["b"], relocated=True)]
    again = linked(inputs, "-r", reference=by_reference)
    if not by_reference:
        first = read_module(again)
        assert hints(first) == expected(first, A | B)
        assert again == linked([again], "-r --soname=out.wasm")
    third = make_object({"z": 2}, ["a"], relocated=True)
    module = read_module(linked([third, again], f"{PLAIN} --export=z {compress}"))
    found = hints(module)
    assert found == expected(module, A | B | {"z": 2})
    assert set(found) == {"b", "c", "e", "z", "a"}


@pytest.mark.parametrize("compress", ["", "-S --compress-relocations"])
def test_relocations_that_are_kept_name_the_places(compress: str, linked: Link) -> None:
    """``--emit-relocs``: every relocation of a call stands behind a call's opcode."""
    data = linked(
        [make_object(A, ["c"], relocated=True), make_object(B, ["b"], relocated=True)],
        f"{PLAIN} --emit-relocs {compress}",
    )
    module = read_module(data)
    code = next(content for identity, content in sections(data) if identity == 10)
    relocs = Reader(module.custom("reloc.CODE") or b"")
    reader = Reader(relocs.data, relocs.position)
    reader.unsigned()
    seen = 0
    for _ in range(reader.unsigned()):
        kind, offset = reader.byte(), reader.unsigned()
        reader.unsigned()
        if kind == 4:
            reader.signed()
        assert code[offset - 1] == {0: 0x10, 4: 0x41}[kind]
        seen += 1
    assert seen == 2 * (30 + 1 + 200)


def sections(data: bytes) -> list[tuple[int, bytes]]:
    reader = Reader(data, 8)
    found = []
    while not reader.at_end:
        identity = reader.byte()
        found.append((identity, reader.blob()))
    return found
