"""Liveness: what is reached, and what reaches nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.differential.asm import data, extern, func
from tests.differential.cases.liveness import constructor
from tests.linking.conftest import Make, Program
from tests.support.varied_encoding import encode
from tests.support.varied_objects import SIGNATURES, Chunk, Label, Reference, Unit
from wasmlink_tool import LinkOptions, link
from wasmlink_tool.binary.relocations import COMPILED
from wasmlink_tool.linking.mark_live import mark_live


def live(program: Program, file: str) -> set[str]:
    """The live functions and segments of a file."""
    found = program.file(file)
    functions = {name for name, mark in zip(found.function_names, bytes(found.function_live)) if mark}
    return {name.decode() for name in functions | {s.name for s in found.segments if s.live}}


def test_what_the_roots_reach(link_until: Make) -> None:
    source = (
        func("root", "() -> ()", "call a", "i32.const d", "drop")
        + func("a")
        + func("pointed_at")
        + func("dead", "() -> ()", "call deader")
        + func("deader")
        + data("d", ".int32 pointed_at")
        + data("unused", ".int32 dead")
    )
    program = link_until("mark_live", {"a.s": source}, exports=["root"])
    assert live(program, "a.o") == {"root", "a", "pointed_at", ".data.d"}


def test_without_collection_everything_is_live(link_until: Make) -> None:
    program = link_until("mark_live", {"a.s": func("a") + data("d", ".int32 1")}, gc_sections=False)
    assert live(program, "a.o") == {"a", ".data.d"}


def test_constructors_of_a_member_count_once_something_of_it_is_live(link_until: Make) -> None:
    member = func("f") + constructor("init", "nop")
    sources = {"a.s": func("root", "() -> ()", "call f") + extern("f"), "m.s": member}
    arguments = {"inputs": "a.o lib.a", "archives": {"lib.a": "m.o"}}
    assert live(link_until("mark_live", sources, exports=["root"], **arguments), "m.o") == {"f", "init"}
    assert live(link_until("mark_live", sources, **arguments), "m.o") == set()


def test_a_trap_whose_address_alone_is_taken_needs_no_body(link_until: Make) -> None:
    weak = extern("f", flags="weak")
    for body, expected in ((("call f",), 1), (("i32.const f", "drop"), 0)):
        program = link_until("mark_live", {"a.s": func("root", "() -> ()", *body) + weak}, exports=["root"])
        stub = program.symbol("f")
        assert stub.is_stub
        assert stub.file is not None
        assert stub.file.function_live[stub.index] == expected


@pytest.mark.parametrize("order", range(3))
def test_a_type_is_no_call_of_the_symbol_with_its_number(order: int, tmp_path: Path) -> None:
    unit = Unit(0, weak_references={"host"}, order=order)
    types = [Reference(6, str(number)) for number in range(len(SIGNATURES))]
    unit.functions.append(Chunk(labels=[Label("f0")], references=[Reference(1, "host"), *types]))
    (tmp_path / "a.o").write_bytes(encode(unit))
    module = link(LinkOptions(inputs=[str(tmp_path / "a.o")], entry="f0", output=None)).module
    assert b"undefined_weak:host" not in module


def test_a_retained_segment_of_a_linked_file_is_live(link_until: Make) -> None:
    source = func("root") + data("kept", ".int32 1", segment="R") + data("gone", ".int32 1")
    program = link_until("mark_live", {"a.s": source}, exports=["root"])
    assert live(program, "a.o") == {"root", ".data.kept"}


def steps_of_mark_live(link_until: Make, count: int) -> int:
    """The relocations that are looked at one by one where a function calls weak functions that nothing defines."""
    names = [f"f{number}" for number in range(count)]
    calls = func("root", "() -> ()", *(f"call {name}" for name in names))
    source = calls + "".join(extern(name, flags="weak") for name in names)
    program = link_until("seal", {"a.s": source}, exports=["root"])
    steps = 0

    class Counted(list[int]):
        def __getitem__(self, key: Any) -> Any:
            nonlocal steps
            steps += 1
            return super().__getitem__(key)

    file = program.file("a.o")
    relocs = file.relocations(file.object.code_section)
    relocs.indices = Counted(relocs.indices)
    mark_live(program.resolution, program.options)
    assert all(program.symbol(name).referenced for name in names)
    return steps


@pytest.mark.skipif(COMPILED, reason="compiled classes check the types of stand-ins and have no slots")
def test_many_traps_are_found_in_one_step(link_until: Make) -> None:
    assert 0 < steps_of_mark_live(link_until, 80) <= 2 * steps_of_mark_live(link_until, 40) + 10
