"""The plan: addresses, table entries, indices and exports."""

from __future__ import annotations

import pytest

from tests.differential.asm import data, extern, func, string
from tests.linking.conftest import Make
from wasmlink_tool.diagnostics import LinkError

DATA = data("a", ".int32 1") + data("b", ".int64 2", align=3, size=8)
USES = func("root", "() -> ()", "i32.const a", "drop", "i32.const b", "drop")


def test_the_stack_comes_first_and_data_is_aligned(link_until: Make) -> None:
    program = link_until("make_plan", {"a.s": USES + DATA}, exports=["root"], stack_size=4096)
    assert program.symbol("a").address == 4096
    assert program.symbol("b").address == 4104
    assert program.final.memory.pages == 1


def test_the_stack_after_the_data(link_until: Make) -> None:
    program = link_until(
        "make_plan",
        {"a.s": USES + DATA},
        exports=["root", "__data_end", "__heap_base", "__stack_low"],
        stack_size=4096,
        stack_first=False,
        global_base=2048,
    )
    places = {name: program.symbol(name).address for name in ("a", "__data_end", "__stack_low", "__heap_base")}
    assert places == {"a": 2048, "__data_end": 2064, "__stack_low": 2064, "__heap_base": 2064 + 4096}


def test_functions_are_numbered_imports_first_then_the_linkers_then_by_file(link_until: Make) -> None:
    host = extern("host") + ".import_module host, env\n.import_name host, host\n"
    sources = {"a.s": func("root", "() -> ()", "call host", "call g") + host + extern("g"), "b.s": func("g")}
    program = link_until("make_plan", sources, exports=["root"], entry=None)
    numbers = {name: program.symbol(name).function_number for name in ("host", "root", "g")}
    assert numbers == {"host": 0, "root": 1, "g": 2}
    assert program.final.spaces.function_count == 3


def test_table_entries_are_in_the_order_of_first_use_and_unique(link_until: Make) -> None:
    source = (
        func("root", "() -> ()", "i32.const g", "drop", "i32.const f", "drop", "i32.const g", "drop")
        + func("f")
        + func("g")
    )
    program = link_until("make_plan", {"a.s": source}, exports=["root"])
    assert [symbol.name for symbol in program.final.scan.table_entries] == [b"g", b"f"]
    assert [program.symbol(name).table_slot for name in ("g", "f", "root")] == [1, 2, -1]


def test_an_undefined_function_is_reported_with_its_file(link_until: Make) -> None:
    program = link_until("mark_live", {"a.s": func("root", "() -> ()", "call gone") + extern("gone")}, exports=["root"])
    assert program.errors == []
    with pytest.raises(LinkError, match=r"a\.o: undefined symbol: gone"):
        link_until("make_plan", {"a.s": func("root", "() -> ()", "call gone") + extern("gone")}, exports=["root"])


def test_merged_strings_have_one_place(link_until: Make) -> None:
    uses = func("NAME", "() -> ()", "i32.const sNAME", "drop")
    sources = {f"{n}.s": uses.replace("NAME", n) + string(f"s{n}", "text") for n in ("x", "y")}
    program = link_until("make_plan", sources, exports=["x", "y"])
    places = [
        symbol.address
        for name in ("x.o", "y.o")
        for symbol in program.file(name).symbols
        if symbol.name in (b"sx", b"sy")
    ]
    assert len(places) == 2
    assert len(set(places)) == 1


def test_exports_are_in_symbol_order_after_the_memory(link_until: Make) -> None:
    source = func("b") + func("a") + func("hidden", flags="globl hidden")
    program = link_until("make_plan", {"a.s": source}, export_dynamic=True)
    assert [export.name for export in program.final.exports] == [b"memory", b"b", b"a"]


def test_constructors_run_in_the_order_of_their_priorities(link_until: Make) -> None:
    from tests.differential.cases.liveness import constructor

    source = func("_start") + constructor("late", "nop", priority="65000") + constructor("early", "nop", priority="7")
    program = link_until("make_plan", {"a.s": source}, entry="_start")
    assert [symbol.name for symbol in program.final.init_functions.symbols] == [b"early", b"late"]
