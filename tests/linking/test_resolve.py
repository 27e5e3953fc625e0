"""Resolution: which files join, in which order, and which definition a name means."""

from __future__ import annotations

from tests.differential.asm import extern, func
from tests.linking.conftest import Make
from wasmlink_tool.linking.symbols import LAZY

MAIN = func("main", "() -> ()", "call f") + extern("f")


def test_a_member_joins_before_the_file_that_needed_it(link_until: Make) -> None:
    sources = {"a.s": MAIN, "f.s": func("f", "() -> ()", "call g") + extern("g"), "g.s": func("g"), "h.s": func("h")}
    program = link_until("resolve", sources, inputs="lib.a a.o", archives={"lib.a": "f.o g.o h.o"})
    assert program.files == ["g.o", "f.o", "a.o"]
    assert program.symbol("h").state == LAZY
    assert [(member.rpartition("/")[2], symbol) for _, member, symbol in program.resolution.extractions] == [
        ("lib.a(g.o)", "g"),
        ("lib.a(f.o)", "f"),
    ]


def test_a_weak_reference_links_no_member(link_until: Make) -> None:
    sources = {"a.s": func("main", "() -> ()", "call f") + extern("f", flags="weak"), "f.s": func("f")}
    program = link_until("seal", sources, inputs="a.o lib.a", archives={"lib.a": "f.o"})
    assert program.files == ["a.o"]
    assert program.symbol("f").is_stub


def test_a_strong_definition_replaces_a_weak_one_and_the_first_weak_one_stays(link_until: Make) -> None:
    weak = func("f", flags="weak")
    program = link_until("resolve", {"a.s": weak, "b.s": weak, "c.s": func("f")}, inputs="a.o b.o")
    assert program.symbol("f").file is program.file("a.o")
    program = link_until("resolve", {"a.s": weak, "c.s": func("f")})
    assert program.symbol("f").file is program.file("c.o")


def test_two_strong_definitions_are_reported(link_until: Make) -> None:
    program = link_until("resolve", {"a.s": func("f"), "b.s": func("f") + func("g")}, allow_multiple_definition=True)
    assert program.errors == []
    assert program.symbol("f").file is program.file("a.o")


def test_the_first_file_with_a_comdat_group_has_it(link_until: Make) -> None:
    group = '.section .text.f,"G",@,grp,comdat\n.weak f\n.type f,@function\nf:\n.functype f () -> ()\nend_function\n'
    program = link_until("resolve", {"a.s": group, "b.s": group})
    assert program.symbol("f").file is program.file("a.o")
    discarded = [list(program.file(name).function_discarded) for name in ("a.o", "b.o")]
    assert discarded == [[0], [1]]


def test_wrap_exchanges_what_names_mean(link_until: Make) -> None:
    source = MAIN + func("__wrap_f", "() -> ()", "call __real_f") + extern("__real_f")
    program = link_until("seal", {"a.s": source, "b.s": func("f")}, wrap=["f"])
    names = {symbol.name for symbol in program.file("a.o").symbols}
    assert names >= {b"__wrap_f", b"f", b"main"}
    find = program.resolution.table.find
    assert find(b"f") is program.symbol("__wrap_f")
    assert find(b"__real_f") is program.symbol("f")


def test_functions_of_one_name_and_two_signatures_become_one_and_a_trap(link_until: Make) -> None:
    caller = func("main", "() -> ()", "i32.const 1", "call f") + extern("f", "(i32) -> ()")
    program = link_until("seal", {"a.s": caller, "b.s": func("f")})
    assert any("function signature mismatch: f" in text for text in program.errors)
    (called,) = [symbol for symbol in program.file("a.o").symbols if symbol.name == b"f"]
    assert called.is_stub
    assert program.symbol("f").file is program.file("b.o")
