"""Small modules, each for one rule, against the reference: equal bytes, or both refuse."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.component import reference
from wasmlink_tool.component import Adapter, ComponentError, Options, componentize

MEMORY = '(memory (export "memory") 1)'
REALLOC = '(func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 0)'


def embedded(wit: str, wat: str, folder: Path, world: str = "w", encoding: str = "utf8") -> bytes:
    """A module with the description of a world; ``;;`` in ``world`` stands between several."""
    source = folder / "world.wit"
    source.write_text(wit, encoding="utf-8")
    module = folder / "module.wasm"
    module.write_bytes(reference.run("parse", given=wat.encode()))
    for name in world.split(";;"):
        if name:
            output = folder / "embedded.wasm"
            options = ["--world", name, "--encoding", encoding]
            reference.run("component", "embed", source, module, *options, "-o", output)
            module.write_bytes(output.read_bytes())
    return module.read_bytes()


def outcomes(
    module: bytes, adapters: dict[str, bytes], flags: list[str], folder: Path
) -> tuple[bytes | str, bytes | str]:
    """Our component and the reference's, or what either says."""
    options = Options()
    options.merge_imports_based_on_semver = "--merge-imports-based-on-semver=false" not in flags
    options.reject_legacy_names = "--reject-legacy-names" in flags
    options.realloc_via_memory_grow = "--realloc-via-memory-grow" in flags
    arguments = list(flags)
    given: list[Adapter] = []
    for name, data in adapters.items():
        (folder / f"{name}.adapter").write_bytes(data)
        arguments += ["--adapt", f"{name}={folder / f'{name}.adapter'}"]
        given.append(Adapter(name, data))
    ours: bytes | str
    theirs: bytes | str
    try:
        whole = componentize(module, given, options)
        reference.validate(whole)
        ours = reference.strip(whole)
    except ComponentError as error:
        ours = str(error)
    try:
        theirs = reference.strip(reference.component(module, folder, *arguments))
    except reference.RefusedError as error:
        theirs = str(error)
    return ours, theirs


WIT = """
package a:b@1.2.3;
interface i { f: func(s: string) -> list<u8>; g: func(a: u32) -> u32; }
interface r {
  resource t { constructor(); m: func(); s: static func() -> u32; }
  take: func(t: t);
  lend: func(t: borrow<t>);
}
interface types { record p { x: u32 } flags fl { a, b } }
interface old { use types.{p}; h: func(p: p); }
world w { import i; import r; import types; import old; }
world e { export i; }
world er { export r; }
world both { import i; export i; import r; export r; }
world root { import f: func(s: string) -> string; export g: func(a: list<u32>) -> u32; }
world nothing {}
world only-types { export types; }
"""

EXPORT_I = """(func (export "a:b/i@1.2.3#f") (param i32 i32) (result i32) i32.const 0)
  (func (export "a:b/i@1.2.3#g") (param i32) (result i32) i32.const 0)"""

EXPORT_R = """(func (export "a:b/r@1.2.3#[constructor]t") (result i32) i32.const 0)
  (func (export "a:b/r@1.2.3#[method]t.m") (param i32))
  (func (export "a:b/r@1.2.3#[static]t.s") (result i32) i32.const 0)
  (func (export "a:b/r@1.2.3#take") (param i32))
  (func (export "a:b/r@1.2.3#lend") (param i32))"""

CASES: dict[str, tuple[str, str]] = {
    "nothing is used": ("w", f"(module {MEMORY})"),
    "an empty module": ("nothing", "(module)"),
    "no world": ("", "(module)"),
    "only what is imported": ("w", '(module (import "a:b/i@1.2.3" "g" (func (param i32) (result i32))))'),
    "no memory": ("w", '(module (import "a:b/i@1.2.3" "f" (func (param i32 i32 i32))))'),
    "no realloc": ("w", f'(module (import "a:b/i@1.2.3" "f" (func (param i32 i32 i32))) {MEMORY})'),
    "memory and realloc": ("w", f'(module (import "a:b/i@1.2.3" "f" (func (param i32 i32 i32))) {MEMORY} {REALLOC})'),
    "imported memory": (
        "both",
        f"""(module (import "a:b/i@1.2.3" "f" (func (param i32 i32 i32))) (import "env" "memory" (memory 1))
        (import "a:b/r@1.2.3" "[method]t.m" (func (param i32))) {REALLOC} {EXPORT_I}
        {EXPORT_R}
        (func (export "a:b/r@1.2.3#[dtor]t") (param i32)))""",
    ),
    "imported memory with a maximum": ("w", '(module (import "env" "memory" (memory 1 5)))'),
    "another memory is imported": ("w", '(module (import "env" "mem" (memory 1)))'),
    "a global is imported": ("w", '(module (import "a:b/i@1.2.3" "x" (global i32)))'),
    "only a static function": ("w", '(module (import "a:b/r@1.2.3" "[static]t.s" (func (result i32))))'),
    "only a drop": ("w", '(module (import "a:b/r@1.2.3" "[resource-drop]t" (func (param i32))))'),
    "two drops": (
        "both",
        f"""(module (import "a:b/r@1.2.3" "[resource-drop]t" (func (param i32)))
        (import "[export]a:b/r@1.2.3" "[resource-drop]t" (func (param i32)))
        (import "[export]a:b/r@1.2.3" "[resource-new]t" (func (param i32) (result i32)))
        (import "[export]a:b/r@1.2.3" "[resource-rep]t" (func (param i32) (result i32))) {MEMORY} {REALLOC} {EXPORT_I}
        {EXPORT_R})""",
    ),
    "the wrong type of a drop": ("w", '(module (import "a:b/r@1.2.3" "[resource-drop]t" (func (param i64))))'),
    "an unknown function": ("w", '(module (import "a:b/i@1.2.3" "nope" (func)))'),
    "an unknown interface": ("w", '(module (import "a:b/nope@1.2.3" "f" (func)))'),
    "an unknown module": ("w", '(module (import "nope" "f" (func)))'),
    "another compatible version": ("w", '(module (import "a:b/i@1.0.0" "g" (func (param i32) (result i32))))'),
    "a newer compatible version": ("w", '(module (import "a:b/i@1.9.0" "g" (func (param i32) (result i32))))'),
    "an incompatible version": ("w", '(module (import "a:b/i@2.0.0" "g" (func (param i32) (result i32))))'),
    "half a version": ("w", '(module (import "a:b/i@1.2" "g" (func (param i32) (result i32))))'),
    "no version": ("w", '(module (import "a:b/i" "g" (func (param i32) (result i32))))'),
    "the standard names": ("w", '(module (import "cm32p2|a:b/i@1" "g" (func (param i32) (result i32))))'),
    "the standard names with a whole version": (
        "w", '(module (import "cm32p2|a:b/i@1.2.3" "g" (func (param i32) (result i32))))'
    ),
    "an unknown standard name": ("w", '(module (import "cm32p2x" "g" (func)))'),
    "a standard drop": ("w", '(module (import "cm32p2|a:b/r@1" "t_drop" (func (param i32))))'),
    "standard root": (
        "root",
        """(module (import "cm32p2" "f" (func (param i32 i32 i32))) (memory (export "cm32p2_memory") 1)
        (func (export "cm32p2_realloc") (param i32 i32 i32 i32) (result i32) i32.const 0)
        (func (export "cm32p2||g") (param i32 i32) (result i32) i32.const 0)
        (func (export "cm32p2||g_post") (param i32)) (func (export "cm32p2_initialize")))""",
    ),
    "legacy root": (
        "root",
        f"""(module (import "$root" "f" (func (param i32 i32 i32))) {MEMORY} {REALLOC}
        (func (export "g") (param i32 i32) (result i32) i32.const 0) (func (export "_initialize")))""",
    ),
    "mixed names": (
        "root",
        f"""(module (import "cm32p2" "f" (func (param i32 i32 i32))) {MEMORY} {REALLOC}
        (func (export "g") (param i32 i32) (result i32) i32.const 0))""",
    ),
    "two memories under two names": (
        "e", f'(module {MEMORY} (memory (export "cm32p2_memory") 1) {REALLOC} {EXPORT_I})'
    ),
    "two memories": ("e", f'(module {MEMORY} (memory (export "other") 1) {REALLOC} {EXPORT_I})'),
    "an export is missing": (
        "e",
        f"""(module {MEMORY} {REALLOC}
        (func (export "a:b/i@1.2.3#g") (param i32) (result i32) i32.const 0))""",
    ),
    "an export of another version": (
        "e", f'(module {MEMORY} {REALLOC} {EXPORT_I.replace("1.2.3", "1.2.4")})'
    ),
    "the wrong type of an export": (
        "e", f'(module {MEMORY} {REALLOC} {EXPORT_I.replace("(param i32)", "(param i64)")})'
    ),
    "an export is not a function": (
        "e",
        f"""(module {MEMORY} {REALLOC} {EXPORT_I.replace('(export "a:b/i@1.2.3#g")', '')}
        (global (export "a:b/i@1.2.3#g") i32 (i32.const 0)))""",
    ),
    "post-return": (
        "e", f'(module {MEMORY} {REALLOC} {EXPORT_I} (func (export "cabi_post_a:b/i@1.2.3#f") (param i32)))'
    ),
    "the wrong type of a post-return": (
        "e", f'(module {MEMORY} {REALLOC} {EXPORT_I} (func (export "cabi_post_a:b/i@1.2.3#f")))'
    ),
    "post-return without result": (
        "er",
        f"""(module {EXPORT_R}
        (func (export "cabi_post_a:b/r@1.2.3#take")) (func (export "a:b/r@1.2.3#[dtor]t") (param i32)))""",
    ),
    "the wrong type of a destructor": (
        "er",
        f"""(module {EXPORT_R}
        (func (export "a:b/r@1.2.3#[dtor]t")))""",
    ),
    "reallocs for each direction": (
        "both",
        f"""(module (import "a:b/i@1.2.3" "f" (func (param i32 i32 i32))) {MEMORY} {EXPORT_I}
        (func (export "cabi_import_realloc") (param i32 i32 i32 i32) (result i32) i32.const 0)
        (func (export "cabi_export_realloc") (param i32 i32 i32 i32) (result i32) i32.const 0)
        {EXPORT_R})""",
    ),
    "an old name of realloc": (
        "e", f'(module {MEMORY} {EXPORT_I} {REALLOC.replace("cabi_realloc", "canonical_abi_realloc")})'
    ),
    "the wrong type of realloc": (
        "e", f'(module {MEMORY} {EXPORT_I} (func (export "cabi_realloc") (param i32) (result i32) i32.const 0))'
    ),
    "the wrong type of an initializer": ("w", '(module (func (export "_initialize") (param i32)))'),
    "a repeated import": (
        "w",
        """(module (import "a:b/i@1.2.3" "g" (func (param i32) (result i32)))
        (import "a:b/i@1.2.3" "g" (func (param i32) (result i32)))
        (import "a:b/i@1.2.3" "g" (func (param i32) (result i32))))""",
    ),
    "a repeated import that is late": (
        "w",
        f"""(module (import "a:b/i@1.2.3" "f" (func (param i32 i32 i32)))
        (import "a:b/i@1.2.3" "f" (func (param i32 i32 i32))) {MEMORY} {REALLOC})""",
    ),
    "types only are exported": ("only-types", "(module)"),
    "several worlds": ("w;;e", f"(module {MEMORY} {REALLOC} {EXPORT_I})"),
    "several worlds, the other way round": ("e;;w", f"(module {MEMORY} {REALLOC} {EXPORT_I})"),
    "one world twice": ("e;;e", f"(module {MEMORY} {REALLOC} {EXPORT_I})"),
    "used types are imported before": ("w", '(module (import "a:b/old@1.2.3" "h" (func (param i32))))'),
    "a start function and elements": (
        "w",
        """(module (func $s) (start $s) (table 1 funcref) (elem (i32.const 0) $s)
        (memory 1) (data (i32.const 0) "x"))""",
    ),
    "the main module's own import": ("w", '(module (import "__main_module__" "x" (func)))'),
    "an intrinsic": ("w", '(module (import "$root" "[backpressure-inc]" (func)))'),
    "contexts": (
        "w",
        """(module (import "$root" "[context-get-1]" (func (result i32)))
        (import "$root" "[context-set-i32-0]" (func (param i32)))
        (import "$root" "[context-set-1]" (func (param i32))))""",
    ),
    "waits": (
        "w",
        f"""(module (import "$root" "[waitable-set-wait]" (func (param i32 i32) (result i32)))
        (import "$root" "[waitable-set-poll]" (func (param i32 i32) (result i32)))
        (import "$root" "[thread-yield]" (func (result i32)))
        (import "$root" "[async-lower][subtask-cancel]" (func (param i32) (result i32))) {MEMORY})""",
    ),
    "a wait without a memory": (
        "w", '(module (import "$root" "[waitable-set-wait]" (func (param i32 i32) (result i32))))'
    ),
    "the wrong type of an intrinsic": ("w", '(module (import "$root" "[backpressure-inc]" (func (param i32))))'),
}  # fmt: skip


@pytest.mark.parametrize("flags", [[], ["--reject-legacy-names"]], ids=["", "standard-names-only"])
@pytest.mark.parametrize("case", list(CASES), ids=lambda name: str(name).replace(" ", "-"))
def test_a_module_becomes_what_the_reference_makes_of_it(case: str, flags: list[str], tmp_path: Path) -> None:
    world, wat = CASES[case]
    ours, theirs = outcomes(embedded(WIT, wat, tmp_path, world), {}, flags, tmp_path)
    if isinstance(theirs, str):
        assert isinstance(ours, str), theirs
    else:
        assert ours == theirs


DEPENDENCIES = """
package a:b;
world prog { import c:d/x@0.2.0; import c:d/y@0.2.0; export c:d/z@0.2.0; }
world newer { import c:d/x@0.2.6; import c:d/z@0.2.6; import c:d/y@0.3.0; }
world newest { import c:d/x@0.2.12; import c:d/only@0.2.12; export c:d/run@0.2.12; }
package c:d@0.2.0 {
  interface x { resource e; f: func(s: string); gone: func(); }
  interface y { use x.{e}; g: func(e: e) -> string; }
  interface z { use x.{e}; z: func() -> option<e>; }
}
package c:d@0.3.0 { interface y { g: func(); } }
package c:d@0.2.6 {
  interface x { resource e; f: func(s: string); }
  interface z { use x.{e}; z: func() -> option<e>; }
}
package c:d@0.2.12 {
  interface x { resource e; f: func(s: string); more: func() -> e; }
  interface only { use x.{e}; o: func(e: borrow<e>, s: string) -> list<u8>; }
  interface run { run: func() -> result; }
}
"""

PROGRAM = f"""(module
  (import "c:d/x@0.2.0" "f" (func (param i32 i32)))
  (import "c:d/x@0.2.0" "[resource-drop]e" (func (param i32)))
  (import "c:d/y@0.2.0" "g" (func (param i32 i32)))
  (import "old" "a" (func (param i32) (result i32)))
  (import "old" "b" (func))
  {MEMORY} {REALLOC}
  (func (export "_start"))
  (func (export "c:d/z@0.2.0#z") (result i32) i32.const 0))"""

PROGRAM_ALONE = "".join(line for line in PROGRAM.splitlines(keepends=True) if '"old"' not in line)

ADAPTER = """(module
  (import "env" "memory" (memory 0))
  (import "c:d/x@0.2.12" "f" (func $f (param i32 i32)))
  (import "c:d/x@0.2.12" "more" (func $more (result i32)))
  (import "c:d/only@0.2.6" "o" (func $o (param i32 i32 i32 i32)))
  (import "__main_module__" "_start" (func $start))
  (import "__main_module__" "cabi_realloc" (func $realloc (param i32 i32 i32 i32) (result i32)))
  (global $__stack_pointer (mut i32) (i32.const 0))
  (global $allocation_state (mut i32) (i32.const 0))
  (global $unused (mut i32) (i32.const 7))
  (func $helper (param i32) (result i32) (local i64 i32 i32)
    global.get $__stack_pointer global.get $allocation_state i32.add
    i32.load offset=4 local.get 0 (block (param i32 i32) (result i32) i32.add)
    call $more i32.add)
  (func (export "a") (param i32) (result i32) local.get 0 call $helper)
  (func (export "b") i32.const 1 i32.const 2 call $f)
  (func (export "c") i32.const 1 i32.const 2 i32.const 3 i32.const 4 call $o)
  (func (export "d") global.get $unused drop)
  (func (export "cabi_import_realloc") (param i32 i32 i32 i32) (result i32)
    local.get 0 local.get 1 local.get 2 local.get 3 call $realloc)
  (func (export "c:d/run@0.2.12#run") (result i32) call $start i32.const 0))"""

ADAPTER_CASES: dict[str, tuple[str, str, str, str, list[str]]] = {
    "all of it": ("prog", PROGRAM, "newest", ADAPTER, []),
    "without merging": ("prog", PROGRAM, "newest", ADAPTER, ["--merge-imports-based-on-semver=false"]),
    "memory is grown": ("prog", PROGRAM, "newest", ADAPTER, ["--realloc-via-memory-grow"]),
    "no realloc": ("prog", PROGRAM.replace(REALLOC, ""), "newest", ADAPTER, []),
    "no state": ("prog", PROGRAM, "newest", ADAPTER.replace("$allocation_state", "$other"), []),
    "no stack": ("prog", PROGRAM, "newest", ADAPTER.replace("$__stack_pointer", "$other"), []),
    "no state and no realloc": (
        "prog", PROGRAM.replace(REALLOC, ""), "newest", ADAPTER.replace("$allocation_state", "$other"), []
    ),
    "no start": ("prog", PROGRAM.replace("_start", "start"), "newest", ADAPTER, []),
    "no memory": ("prog", PROGRAM.replace(MEMORY, ""), "newest", ADAPTER, []),
    "nothing is wanted of it": (
        "prog",
        PROGRAM_ALONE,
        "newest",
        ADAPTER,
        [],
    ),
    "it is not needed": (
        "prog",
        PROGRAM_ALONE,
        "newer",
        '(module (func (export "a")))',
        [],
    ),
    "another world": (
        "prog",
        PROGRAM,
        "newer",
        """(module (import "c:d/x@0.2.6" "f" (func $f (param i32 i32))) (import "c:d/y@0.3.0" "g" (func $g))
        (func (export "a") (param i32) (result i32) call $g i32.const 0) (func (export "b")))""",
        [],
    ),
    "it has data": (
        "prog", PROGRAM, "newer",
        '(module (memory 1) (data (i32.const 0) "x") (func (export "a") (param i32) (result i32) i32.const 0)'
        ' (func (export "b")))',
        [],
    ),
    "it has a table that is used": (
        "prog", PROGRAM, "newer",
        '(module (table 1 funcref) (func (export "a") (param i32) (result i32) i32.const 0)'
        ' (func (export "b") i32.const 0 call_indirect))',
        [],
    ),
    "it has a table that is not used": (
        "prog", PROGRAM, "newer",
        '(module (table 1 funcref) (memory 1) (func (export "a") (param i32) (result i32) i32.const 0)'
        ' (func (export "b")))',
        [],
    ),
    "a function is missing": (
        "prog", PROGRAM, "newer", '(module (func (export "a") (param i32) (result i32) i32.const 0))', []
    ),
    "a repeated import of a function of it": (
        "prog", PROGRAM.replace('(import "old" "b" (func))', '(import "old" "b" (func)) (import "old" "b" (func))'),
        "newest", ADAPTER, [],
    ),
    "its imports repeat": (
        "prog", PROGRAM, "newest",
        ADAPTER.replace('(import "__main_module__" "_start" (func $start))',
                        '(import "__main_module__" "_start" (func $start)) (import "__main_module__" "_start" (func))'),
        [],
    ),
    "it imports of the main module what is not there": (
        "prog", PROGRAM, "newest", ADAPTER.replace('"__main_module__" "_start"', '"__main_module__" "nope"'), []
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", list(ADAPTER_CASES), ids=lambda name: str(name).replace(" ", "-"))
def test_an_adapter_becomes_what_the_reference_makes_of_it(case: str, tmp_path: Path) -> None:
    world, program, adapter_world, adapter, flags = ADAPTER_CASES[case]
    module = embedded(DEPENDENCIES, program, tmp_path, world)
    given = {"old": embedded(DEPENDENCIES, adapter, tmp_path, adapter_world)}
    ours, theirs = outcomes(module, given, flags, tmp_path)
    if isinstance(theirs, str):
        assert isinstance(ours, str), theirs
    else:
        assert ours == theirs


@pytest.mark.parametrize("depth", [10, 94, 95, 96])
@pytest.mark.parametrize("place", ["interface", "world"])
def test_types_are_nested_as_deep_as_the_reference_takes(depth: int, place: str, tmp_path: Path) -> None:
    nested = "u8"
    for _ in range(depth):
        nested = f"option<{nested}>"
    function = f"func(a: {nested})"
    world = f"import i: interface {{ f: {function}; }}" if place == "interface" else f"import f: {function};"
    module = reference.dummy_module(f"package a:b; world w {{ {world} }}", tmp_path)
    ours, theirs = outcomes(module, {}, [], tmp_path)
    assert ours == theirs or (isinstance(ours, str) and isinstance(theirs, str))


RUN = '(module (func (export "c:d/run@0.2.12#run") (result i32) i32.const 0))'

CRASHES: dict[str, tuple[str, str, str, str, str]] = {
    "a program and an adapter export one thing": (
        "runs", RUN, "runs", RUN.replace("(module", '(module (func (export "a"))'),
        "adapter old exports 'c:d/run@0.2.12', and so does the module",
    ),
    "a function has names of both schemes": (
        "runs", RUN.replace("(export", '(export "cm32p2|c:d/run@0.2|run") (export'), "", "",
        "exports function 'run' of interface 'c:d/run@0.2.12' twice",
    ),
    "an adapter that nothing needs exports types": (
        "nothing", "(module)", "types", "(module)", "nothing needs the adapter, and it exports an interface of types",
    ),
    "the program imports of itself": (
        "nothing", '(module (import "__main_module__" "f" (func)) (func (export "f")))', "", "",
        "imports 'f' of '__main_module__': only adapters can",
    ),
}  # fmt: skip
"""Modules on which the reference crashes."""


@pytest.mark.parametrize("case", list(CRASHES), ids=lambda name: str(name).replace(" ", "-"))
def test_what_the_reference_crashes_at_is_one_clear_error(case: str, tmp_path: Path) -> None:
    world, program, adapter_world, adapter, text = CRASHES[case]
    wit = DEPENDENCIES.replace(
        "world newer",
        "interface t { type t = u32; } world runs { export c:d/run@0.2.12; } world nothing {} "
        "world types { export t; } world newer",
    )
    module = embedded(wit, program, tmp_path, world)
    given = {"old": embedded(wit, adapter, tmp_path, adapter_world)} if adapter else {}
    ours, theirs = outcomes(module, given, [], tmp_path)
    assert isinstance(theirs, str)
    assert isinstance(ours, str) and text in ours


@pytest.mark.parametrize("field", ["[thread-index]", "[thread-suspend]", "[error-context-drop]"])
def test_what_is_not_supported_is_refused_by_name(field: str, tmp_path: Path) -> None:
    module = embedded(WIT, f'(module (import "$root" "{field}" (func)))', tmp_path)
    with pytest.raises(ComponentError, match="which belongs to the asynchronous ABI: that is not supported"):
        componentize(module)
