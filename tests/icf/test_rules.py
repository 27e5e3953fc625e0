"""The rules of folding: a case for each."""

from __future__ import annotations

from typing import Any

import pytest

from tests.differential.asm import data, extern, func, string
from tests.differential.harness import run_module
from tests.icf.conftest import Link
from wasmlink_tool.diagnostics import LinkError
from wasmlink_tool.linker import link
from wasmlink_tool.options import IcfLevel, LinkOptions

LEVELS = ("safe", "all")


def calls(*names: str) -> str:
    return func("root", "() -> ()", *(f"call {name}" for name in names))


def constant(name: str, *body: str, size: int = 4, **more: Any) -> str:
    return data(name, *body, section=f".rodata.{name}", size=size, **more)


def test_nothing_folds_by_default(folded: Link) -> None:
    source = func("f", "() -> ()", "nop") + func("g", "() -> ()", "nop") + calls("f", "g")
    result = folded("none", {"a.s": source}, exports=["root"])
    assert result.folds == {}
    assert result.functions == {"f", "g", "root"}


@pytest.mark.parametrize("level", LEVELS)
def test_identical_functions_of_several_objects(level: str, folded: Link) -> None:
    first = func("f", "() -> ()", "nop") + calls("f", "g", "h") + extern("g") + extern("h")
    second = func("g", "() -> ()", "nop") + func("h", "() -> ()", "nop", "nop")
    result = folded(level, {"a.s": first, "b.s": second}, exports=["root"])
    assert result.folds == {"f": ["g"]}
    assert result.functions == {"f", "h", "root"}


@pytest.mark.parametrize("level", LEVELS)
def test_functions_of_different_types_do_not_fold(level: str, folded: Link) -> None:
    source = func("f", "(i32) -> ()") + func("g", "(f32) -> ()")
    source += func("root", "() -> ()", "i32.const 1", "call f", "f32.const 1.0", "call g")
    assert folded(level, {"a.s": source}, exports=["root"]).folds == {}


@pytest.mark.parametrize("level", LEVELS)
def test_what_calls_identical_functions_is_identical(level: str, folded: Link) -> None:
    source = "".join(
        func(f"{name}2", "() -> ()", f"call {name}1")
        + func(f"{name}1", "() -> ()", f"call {name}0")
        + func(f"{name}0", "() -> ()", "nop")
        for name in "fg"
    )
    result = folded(level, {"a.s": source + calls("f2", "g2")}, exports=["root"])
    assert result.folds == {"f2": ["g2"], "f1": ["g1"], "f0": ["g0"]}


@pytest.mark.parametrize("level", LEVELS)
def test_mutually_recursive_functions(level: str, folded: Link) -> None:
    source = "".join(
        func(f"{name}0", "() -> ()", f"call {name}1") + func(f"{name}1", "() -> ()", "nop", f"call {name}0")
        for name in "fg"
    )
    source += func("own", "() -> ()", "call own") + func("other", "() -> ()", "call other")
    result = folded(level, {"a.s": source + calls("f0", "g0", "own", "other")}, exports=["root"])
    assert result.folds == {"f0": ["g0"], "f1": ["g1"], "own": ["other"]}


@pytest.mark.parametrize("level", LEVELS)
def test_circles_that_leave_the_class_do_not_fold(level: str, folded: Link) -> None:
    """f calls a function, g calls another one: whatever calls them is different, however far away."""
    source = func("leaf", "() -> ()", "nop") + func("twig", "() -> ()", "nop", "nop")
    for name, last in (("f", "leaf"), ("g", "twig")):
        source += func(f"{name}0", "() -> ()", f"call {name}1") + func(f"{name}1", "() -> ()", f"call {last}")
    assert folded(level, {"a.s": source + calls("f0", "g0")}, exports=["root"]).folds == {}


@pytest.mark.parametrize("level", LEVELS)
def test_what_a_relocation_refers_to_is_compared(level: str, folded: Link) -> None:
    def reader(name: str, place: str) -> str:
        return func(name, "() -> ()", "i32.const 0", f"i32.load {place}", "drop")

    source = data("x", ".int32 1", ".int32 1", size=8) + data("y", ".int32 1")
    source += reader("f", "x") + reader("g", "y") + reader("h", "x+4") + reader("i", "x")
    result = folded(level, {"a.s": source + calls("f", "g", "h", "i")}, exports=["root"])
    assert result.folds == {"f": ["i"]}


@pytest.mark.parametrize("level", LEVELS)
def test_strings_that_are_merged_are_one_place(level: str, folded: Link) -> None:
    def user(name: str, text: str, place: int = 0) -> str:
        use = func(name, "() -> ()", f"i32.const .L{name}+{place}", "drop")
        return string(f".L{name}", text, section=".rodata.str") + use

    objects = {"a.s": user("f", "abc") + calls(*"fghi") + "".join(map(extern, "ghi")), "b.s": user("g", "abc")}
    objects |= {"c.s": user("h", "abd"), "d.s": user("i", "abc", 1)}
    assert folded(level, objects, exports=["root"]).folds == {"f": ["g"]}
    assert folded("safe", objects, exports=["root"], optimize=0).folds == {}


def test_safe_keeps_what_is_exported_or_used(folded: Link) -> None:
    source = "".join(func(name, "() -> ()", "nop") for name in "abcde")
    source += func("u", "() -> ()", "nop", flags="globl no_dead_strip")
    source += func("root", "() -> ()", "call a", "call b", "i32.const c", "drop", "call u") + data("p", ".int32 d")
    result = folded("safe", {"a.s": source}, exports=["root", "p", "e"])
    # Nothing tells what is only called from the one that stays.
    assert result.folds == {"e": ["a", "b", "c", "d"]}
    assert result.functions >= {"e", "u"}
    result = folded("all", {"a.s": source}, exports=["root", "p", "e"])
    assert result.folds == {"a": [*"bcdeu"]}
    assert result.module.export("e").index == result.module.export("root").index - 1


ADDRESSES = (
    "".join(func(name, "() -> ()", "nop") for name in "abcd")
    + func("root", "() -> ()", "call a", "call b", "i32.const c", "drop", "i32.const d", "drop")
    + func("dead", "() -> ()", "i32.const a", "drop")
    + data("dead_data", ".int32 b")
)


def test_safe_keeps_addresses_apart_in_the_table(folded: Link) -> None:
    result = folded("safe", {"a.s": ADDRESSES}, exports=["root"])
    assert result.folds == {"a": ["b", "c", "d"]}
    (element,) = result.module.elements
    assert len(element.functions) == 2
    assert len(set(element.functions)) == 1
    result = folded("all", {"a.s": ADDRESSES}, exports=["root"])
    assert result.folds == {"a": ["b", "c", "d"]}
    assert len(result.module.elements[0].functions) == 1


@pytest.mark.parametrize(
    "options",
    [{"export_table": True}, {"import_table": True}, {"export_all": True, "exports": []}, {"export_dynamic": True}]
    + [{name: ["root", "__indirect_function_table"]} for name in ("exports", "exports_if_defined")],
    ids=lambda options: next(iter(options)),
)
def test_safe_keeps_functions_that_a_host_finds_in_the_table(options: dict[str, Any], folded: Link) -> None:
    source = ADDRESSES.replace(".globl root", ".globl root\n.export_name root, root")
    for name in "abcd":
        source = source.replace(f".globl {name}", f".globl {name}\n.hidden {name}")
    result = folded("safe", {"a.s": source}, **options)
    assert result.folds == ({} if "export_all" in options else {"c": ["a", "b"]})


@pytest.mark.parametrize("dead", [False, True])
def test_safe_keeps_functions_that_code_finds_in_the_table(dead: bool, folded: Link) -> None:
    table = "# flags: -mreference-types\n.tabletype __indirect_function_table, funcref\n"
    reads = func("read", "(i32) -> ()", "local.get 0", "table.get __indirect_function_table", "drop")
    calls = func("go", "(i32) -> ()", "local.get 0", "call_indirect __indirect_function_table, () -> ()")
    result = folded("safe", {"a.s": table + ADDRESSES + reads + calls}, exports=["root", "go"] + ["read"] * (not dead))
    assert result.folds == ({"a": ["b", "c", "d"]} if dead else {"c": ["a", "b"]})


def test_dead_code_takes_no_address(folded: Link) -> None:
    table = {"exports": ["root"], "export_table": True}
    assert folded("safe", {"a.s": ADDRESSES}, **table).folds == {"c": ["a", "b"]}
    assert folded("safe", {"a.s": ADDRESSES}, gc_sections=False, **table).folds == {}


def test_addresses_are_compared_by_what_has_them(folded: Link) -> None:
    """Two functions that return the addresses of identical functions are identical only if those are one."""
    source = func("f", "() -> ()", "nop") + func("g", "() -> ()", "nop")
    source += func("of_f", "() -> (i32)", "i32.const f") + func("of_g", "() -> (i32)", "i32.const g")
    source += func("root", "() -> ()", "call of_f", "drop", "call of_g", "drop")
    assert folded("safe", {"a.s": source}, exports=["root"]).folds == {"f": ["g"]}
    assert folded("all", {"a.s": source}, exports=["root"]).folds == {"f": ["g"], "of_f": ["of_g"]}


def test_a_reference_to_a_function_is_its_address(folded: Link) -> None:
    flags = "# flags: -mreference-types\n"
    source = flags + func("f", "() -> ()", "nop") + func("g", "() -> ()", "nop")
    source += func("root", "() -> ()", "ref.func f", "drop", "call f", "call g")
    assert folded("safe", {"a.s": source}, exports=["root"]).folds == {"f": ["g"]}
    source += func("more", "() -> ()", "ref.func g", "drop")
    assert folded("safe", {"a.s": source}, exports=["root", "more"]).folds == {}


def test_safe_folds_constants_that_are_only_loaded(folded: Link) -> None:
    source = "".join(constant(name, ".int32 7", flags="") for name in "abcde") + data("w", ".int32 7", flags="")
    source += func("root", "() -> ()", *(line for n in "abw" for line in ("i32.const 0", f"i32.load {n}", "drop")))
    source += func("use", "() -> ()", "i32.const c", "drop") + data("p", ".int32 d") + constant("e2", ".int32 7")
    result = folded("safe", {"a.s": source}, exports=["root", "use", "p", "e2"])
    assert result.folds == {".rodata.c": [".rodata.a", ".rodata.b"]}
    result = folded("all", {"a.s": source}, exports=["root", "use", "p", "e2"])
    assert result.folds == {".rodata.a": [".rodata.b", ".rodata.c", ".rodata.d", ".rodata.e2"]}


def test_constants_and_functions_that_refer_to_each_other(folded: Link) -> None:
    """A table of functions, each of which reads the table: equal as a whole, or not at all."""
    source = ""
    for name in "fg":
        source += constant(f"table_{name}", f".int32 {name}", f".int32 table_{name}", size=8)
        source += func(name, "() -> ()", "i32.const 0", f"i32.load table_{name}", "drop")
    result = folded("all", {"a.s": source + calls("f", "g")}, exports=["root"])
    assert result.folds == {"f": ["g"], ".rodata.table_f": [".rodata.table_g"]}
    assert folded("safe", {"a.s": source + calls("f", "g")}, exports=["root"]).folds == {}


def test_the_constant_that_stays_has_the_greatest_alignment(folded: Link) -> None:
    source = constant("pad", ".int8 1", size=1, align=0) + constant("a", ".int32 7", align=0)
    source += constant("b", ".int32 7", align=4)
    source += func("of", "() -> (i32)", "i32.const b") + func("use", "() -> ()", "i32.const a", "drop")
    source += func("pads", "() -> ()", "i32.const pad", "drop")
    result = folded("all", {"a.s": source}, exports=["of", "use", "pads", "a"])
    assert result.folds == {".rodata.a": [".rodata.b"]}
    address = next(export for export in result.module.exports if export.name == "a")
    assert int(result.module.globals[address.index].init.split()[-1]) % 16 == 0


def test_what_is_never_a_constant(folded: Link) -> None:
    """Writable and retained data, and the names of types, whose addresses C++ compares."""
    source = ""
    for name in "ab":
        source += data(f"w{name}", ".int32 7", flags="") + constant(f"r{name}", ".int32 7", flags="", segment="R")
        source += constant(f"_ZTS{name}", ".int32 7", flags="")
    uses = [line for n in ("w", "r", "_ZTS") for x in "ab" for line in (f"i32.const {n}{x}", "drop")]
    assert folded("all", {"a.s": source + func("root", "() -> ()", *uses)}, exports=["root"]).folds == {}


@pytest.mark.parametrize("level", LEVELS)
def test_keep_unique(level: str, folded: Link) -> None:
    source = "".join(func(name, "() -> ()", "nop") for name in "fgh") + calls(*"fgh")
    result = folded(level, {"a.s": source}, exports=["root"], keep_unique=["g", "missing"])
    assert result.folds == {"f": ["h"]}
    assert result.messages[0] == "could not find symbol missing to keep unique"


def test_relocatable_output_is_refused(folded: Link) -> None:
    with pytest.raises(LinkError, match="-r and --icf may not be used together"):
        folded("all", {"a.s": func("f")}, relocatable=True)


def test_constructors_that_are_identical_run_as_often_as_before(folded: Link) -> None:
    source = data("n", ".int32 0") + func("get", "() -> (i32)", "i32.const 0", "i32.load n")
    for name in "fg":
        body = ("i32.const 0", "i32.const 0", "i32.load n", "i32.const 1", "i32.add", "i32.store n")
        source += func(name, "() -> ()", *body) + f'.section .init_array,"",@\n.p2align 2\n.int32 {name}\n'
    result = folded("safe", {"a.s": source}, exports=["__wasm_call_ctors", "get"])
    assert result.folds == {"f": ["g"]}
    assert result.module.code[0].count(b"\x10") == 2


@pytest.mark.parametrize("constructors", [False, True], ids=["reactor", "command"])
def test_exports_keep_their_names(constructors: bool, folded: Link) -> None:
    """Two exports of one function, one of them under the name that its source gives; commands wrap both."""
    source = func("f", "() -> (i32)", "i32.const 3") + func("g", "() -> (i32)", "i32.const 3")
    source += ".export_name g, other\n"
    if constructors:
        source += func("init", "() -> ()", "nop") + '.section .init_array,"",@\n.p2align 2\n.int32 init\n'
    result = folded("all", {"a.s": source}, exports=["f"])
    assert result.folds == {"f": ["g"]}
    assert run_module(result.content, ["f()", "other()"])[0] == {"f()": 3, "other()": 3}


def test_a_weak_function_of_a_shared_library_is_found_by_name(folded: Link) -> None:
    """Another module may define it: neither may its callers be taken for the same."""
    source = "".join(func(name, "() -> ()", "nop", flags="globl weak") for name in "fg")
    source += func("call_f", "() -> ()", "call f", flags="globl hidden")
    source += func("call_g", "() -> ()", "call g", flags="globl hidden") + calls("call_f", "call_g")
    result = folded("all", {"a.s": source}, shared=True, entry=None)
    assert result.folds == {"f": ["g"]}
    hidden = source.replace(".weak f", ".hidden f").replace(".weak g", ".hidden g")
    result = folded("all", {"a.s": hidden}, shared=True, entry=None)
    assert result.folds == {"f": ["g"], "call_f": ["call_g"]}


def test_wrapped_functions(folded: Link) -> None:
    source = func("f", "() -> ()", "nop") + func("g", "() -> ()", "nop") + calls("f", "g")
    source += func("__wrap_f", "() -> ()", "call __real_f") + extern("__real_f")
    result = folded("all", {"a.s": source}, exports=["root"], wrap=["f"])
    assert result.folds == {"f": ["g"]}
    assert result.functions == {"f", "root", "__wrap_f"}


def test_icf_is_an_enumeration() -> None:
    assert LinkOptions(inputs=()).icf is IcfLevel.NONE
    assert callable(link)
