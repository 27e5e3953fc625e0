"""``--cooperative-threading``: threads that share an instance, whose context the runtime keeps."""

from __future__ import annotations

from pathlib import Path

import pytest
from wasmtime import Func, Global, Instance, Memory, Module, Store, Table

from tests.differential.asm import data, declare_first, extern, func, target_features
from tests.differential.harness import validate
from tests.support.module import Module as Parsed
from tests.support.module import read_module
from tests.support.toolchain import compile_object, make_archive
from wasmlink_tool.cli import main

GLOBALS = "".join(f".globaltype {name}, i32, immutable\n" for name in ("__init_stack_pointer", "__init_tls_base"))
CONTEXT_DECLARED = "".join(
    extern(f"__wasm_get_{what}", "() -> (i32)") + extern(f"__wasm_set_{what}", "(i32) -> ()")
    for what in ("stack_pointer", "tls_base")
)
PROGRAM = (
    GLOBALS
    + CONTEXT_DECLARED
    + extern("__wasm_init_tls", "(i32) -> ()")
    + func("_start", "() -> ()", "global.get __init_stack_pointer", "call __wasm_set_stack_pointer")
    + func("stack", "() -> (i32)", "call __wasm_get_stack_pointer")
    + func("first", "() -> (i32)", "global.get __init_tls_base")
    + func("begin", "(i32) -> ()", "local.get 0", "call __wasm_init_tls")
    + func("resume", "(i32) -> ()", "local.get 0", "call __wasm_set_tls_base")
    + func(
        "count",
        "() -> (i32)",
        *("call __wasm_get_tls_base", "i32.const counter@TLSREL", "i32.add"),
        *("call __wasm_get_tls_base", "i32.const counter@TLSREL", "i32.add", "i32.load 0"),
        *("i32.const 1", "i32.add", "i32.store 0"),
        *("call __wasm_get_tls_base", "i32.const counter@TLSREL", "i32.add", "i32.load 0"),
    )
    + func(
        "through_pointer",
        "() -> (i32)",
        *("call __wasm_get_tls_base", "i32.const pointer@TLSREL", "i32.add", "i32.load 0", "i32.load 0"),
    )
    + func("read_plain", "() -> (i32)", "i32.const 0", "i32.load plain")
    + data("counter", ".int32 40", section=".tdata.counter", segment="T")
    + data("pointer", ".int32 counter", section=".tdata.pointer", segment="T")
    + data("plain", ".int32 7")
    + target_features("+bulk-memory")
)
CONTEXT = ".globaltype kept_stack_pointer, i32\n.globaltype kept_tls_base, i32\n" + "".join(
    f".globl kept_{what}\nkept_{what}:\n"
    + func(f"__wasm_get_{what}", "() -> (i32)", f"global.get kept_{what}")
    + func(f"__wasm_set_{what}", "(i32) -> ()", "local.get 0", f"global.set kept_{what}")
    for what in ("stack_pointer", "tls_base")
)
EXPORTS = [
    f"--export={name}" for name in ["stack", "first", "begin", "resume", "count", "through_pointer", "read_plain"]
]


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of ``program.o`` and of ``libcontext.a``, which has the functions that it calls."""
    monkeypatch.chdir(tmp_path)
    add(tmp_path, "program", PROGRAM)
    add(tmp_path, "context", CONTEXT)
    make_archive(tmp_path / "libcontext.a", ["context.o"])
    return tmp_path


def add(directory: Path, name: str, source: str) -> None:
    (directory / f"{name}.o").write_bytes(compile_object(declare_first(source), ".s", directory / "objects"))


def link(directory: Path, *arguments: str) -> bytes:
    assert main(["--cooperative-threading", *arguments, "-o", "out.wasm"]) == 0
    module = (directory / "out.wasm").read_bytes()
    validate(module)
    return module


def refusal(capfd: pytest.CaptureFixture[str], *arguments: str) -> str:
    capfd.readouterr()
    assert main([*arguments, "-o", "refused.wasm"]) == 1
    assert not Path("refused.wasm").exists()
    return capfd.readouterr().err


@pytest.mark.parametrize("variant", ["", "--no-gc-sections", "--no-stack-first", "--compress-relocations -s"])
def test_each_thread_has_its_own_block(variant: str, directory: Path) -> None:
    store = Store()
    module = link(directory, "program.o", "libcontext.a", *EXPORTS, "--export=__heap_base", *variant.split())
    exports = Instance(store, Module(store.engine, module), []).exports(store)

    def call(name: str, *arguments: int) -> int:
        function = exports[name]
        assert isinstance(function, Func)
        result = function(store, *arguments)
        return result if isinstance(result, int) else 0

    heap, memory = exports["__heap_base"], exports["memory"]
    assert isinstance(heap, Global)
    assert isinstance(memory, Memory)
    assert isinstance(exports["__indirect_function_table"], Table)
    call("_start")
    assert call("stack") > 0
    first, block = call("first"), heap.value(store)
    # The first thread's block is ready when the instance is.
    assert (call("count"), call("through_pointer"), call("read_plain")) == (41, 41, 7)
    call("begin", block)
    assert (call("count"), call("count"), call("through_pointer")) == (41, 42, 42)
    call("resume", first)
    assert (call("count"), call("through_pointer")) == (42, 42)
    assert int.from_bytes(memory.read(store, first, first + 4), "little") == 42
    assert int.from_bytes(memory.read(store, block, block + 4), "little") == 42


def parsed(module: bytes) -> Parsed:
    return read_module(module)


def test_what_the_module_has(directory: Path) -> None:
    module = parsed(link(directory, "program.o", "context.o", *EXPORTS))
    names = module.names["data"]
    passive = {names[index] for index, segment in enumerate(module.data) if segment.flags == 1}
    assert passive == {".tdata"}
    assert len(module.data) > 1
    own = {module.names["global"][index]: entry for index, entry in enumerate(module.globals)}
    assert {name for name in own if "init" in name} == {"__init_stack_pointer", "__init_tls_base"}
    assert not any(entry.mutable for name, entry in own.items() if "init" in name)
    assert not {"__stack_pointer", "__tls_base"} & own.keys()
    assert {(entry.name, entry.kind) for entry in module.exports if entry.kind != "func"} == {
        ("memory", "memory"),
        ("__indirect_function_table", "table"),
    }


def test_the_context_may_be_imported(directory: Path) -> None:
    module = parsed(link(directory, "program.o", *EXPORTS, "--allow-undefined"))
    assert {entry.name for entry in module.imports} == {
        f"__wasm_{verb}_{what}" for verb in ("get", "set") for what in ("stack_pointer", "tls_base")
    }


def test_without_thread_local_data_nothing_is_called(directory: Path) -> None:
    add(directory, "plain", func("_start"))
    module = parsed(link(directory, "plain.o", "libcontext.a"))
    assert (module.start, module.data_count, len(module.functions)) == (None, None, 1)
    assert [entry.name for entry in module.exports if entry.kind == "table"] == ["__indirect_function_table"]


def test_undefined_context_functions_are_reported_once(directory: Path, capfd: pytest.CaptureFixture[str]) -> None:
    use = func("_start", "() -> ()", "i32.const counter@TLSREL", "drop")
    counter = data("counter", ".int32 40", section=".tdata.counter", segment="T")
    add(directory, "own", use + counter + target_features("+bulk-memory"))
    text = refusal(capfd, "--cooperative-threading", "own.o")
    assert text.count("error: ") == 1
    assert "undefined symbol: __wasm_set_tls_base\n>>> called by the linker" in text
    text = refusal(capfd, "--cooperative-threading", "program.o", *EXPORTS)
    assert text.count("undefined symbol: __wasm_set_tls_base") == 1


def test_context_functions_have_the_types_that_code_expects(directory: Path, capfd: pytest.CaptureFixture[str]) -> None:
    use = func("_start", "() -> ()", "i32.const counter@TLSREL", "drop") + func("__wasm_set_tls_base")
    counter = data("counter", ".int32 40", section=".tdata.counter", segment="T")
    add(directory, "own", use + counter + target_features("+bulk-memory"))
    assert "__wasm_set_tls_base must be a function of type" in refusal(capfd, "--cooperative-threading", "own.o")


@pytest.mark.parametrize("name", ["__stack_pointer", "__tls_base"])
def test_objects_for_threads_with_an_instance_each_are_refused(
    name: str, directory: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    add(directory, "old", f".globaltype {name}, i32\n" + func("f", "() -> (i32)", f"global.get {name}"))
    text = refusal(capfd, "--cooperative-threading", "program.o", "libcontext.a", "old.o")
    assert f"old.o: the object imports {name}" in text
    assert "wasm32-wasip3" in text


def test_thread_local_data_is_not_in_the_global_offset_table(
    directory: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    add(directory, "pic", func("f", "() -> (i32)", "global.get counter@GOT@TLS"))
    text = refusal(capfd, "--cooperative-threading", "program.o", "libcontext.a", "pic.o", "--export=f")
    assert "TLS symbol `counter`" in text
    assert "-ftls-model=local-exec" in text


@pytest.mark.parametrize("option", ["--shared-memory", "-shared", "-pie", "--import-table"])
def test_incompatible_options(option: str, directory: Path, capfd: pytest.CaptureFixture[str]) -> None:
    text = refusal(capfd, "--cooperative-threading", option, "program.o", "libcontext.a")
    assert text.startswith("wasmlink: error: --cooperative-threading")
    assert text.count("error: ") == 1


def test_objects_of_such_threads_need_the_option(directory: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert "link with --cooperative-threading" in refusal(capfd, "program.o", "libcontext.a")


def test_relocatable_output_is_linked_again(directory: Path) -> None:
    for name, option in (("with.o", "--cooperative-threading"), ("without.o", "--no-check-features")):
        assert main(["-r", option, "--soname=same", "program.o", "context.o", "-o", name]) == 0
    assert (directory / "with.o").read_bytes() == (directory / "without.o").read_bytes()
    assert [segment.flags for segment in parsed(link(directory, "with.o", *EXPORTS)).data].count(1) == 1
