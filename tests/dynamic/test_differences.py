"""This linker works where wasm-ld crashes or writes unusable modules."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.differential import harness
from tests.differential.asm import START, data, extern, func, target_features
from tests.support.meaning import describe
from wasmlink_tool.cli import main

DYNAMIC = "-shared --experimental-pic --unresolved-symbols=import-dynamic"
READS = func("use", "() -> ()", "global.get f@GOT", "drop")
HIDDEN = extern("f", "() -> ()", "hidden")
Linker = Callable[[str, str], harness.Result]


@pytest.fixture
def linked(tmp_path: Path, objects: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> Linker:
    def run(source: str, args: str) -> harness.Result:
        case = harness.Case("work", {"a.s": source}, f"a.o {args}")
        harness.prepare(case, tmp_path / "work", objects)
        arguments = harness.command_line(case, reference=False)
        return harness.run_here(main, arguments, tmp_path / "work", capfdbinary.readouterr)

    return run


def body(result: harness.Result, name: str) -> str:
    """A function's code, in hexadecimal."""
    lines = describe(harness.parsed(result))
    (found,) = (line.split(" = ")[1] for line in lines if line.startswith(f"func {name}["))
    return found


@pytest.mark.parametrize("options", [DYNAMIC, "-pie --experimental-pic --allow-undefined", f"{DYNAMIC} -Bsymbolic"])
def test_hidden_function_that_nothing_defines(options: str, linked: Linker) -> None:
    """It can have no address: the dynamic linker must not look for it elsewhere."""
    result = linked(START + data("q", ".int32 f") + HIDDEN, f"{options} --export=q")
    assert result.status == 1
    assert "error: a.o: undefined symbol: f" in result.stderr
    assert not result.files


@pytest.mark.parametrize("options", [DYNAMIC, "-pie --experimental-pic"])
def test_weak_hidden_function_that_nothing_defines(options: str, linked: Linker) -> None:
    """Its address is null, which no code relocates."""
    result = linked(START + data("q", ".int32 f", ".int32 q", size=8) + HIDDEN + ".weak f\n", f"{options} --export=q")
    assert result.module is not None, result.stderr
    harness.validate(result.module)
    assert body(result, "__wasm_apply_data_relocs").count("36 02 00") == 1
    (segment,) = harness.parsed(result).data
    assert segment.content[:4] == bytes(4)


def test_pointer_to_a_thread_local_variable_in_other_data(linked: Linker) -> None:
    """It is that of the first thread, whose block stands among the static data."""
    source = "# flags: -mcpu=mvp+atomics+bulk_memory+mutable_globals\n.globaltype __stack_pointer, i32\n"
    source += START + func("use", "() -> ()", "global.get __stack_pointer", "drop")
    source += data("t", ".int32 5", section=".tdata.t", segment="T") + data("q", ".int32 t")
    source += target_features("+atomics", "+bulk-memory", "+mutable-globals")
    result = linked(source, "-pie --experimental-pic --shared-memory --export=q --export=use")
    module = harness.parsed(result)
    globals_ = [entry.name for entry in module.imports if entry.kind == "global"]
    base = globals_.index("__memory_base")
    assert base > 0
    assert body(result, "__wasm_apply_data_relocs") == (f"00 41 04 23 {base:02x} 6a 23 {base:02x} 41 00 6a 36 02 00 0b")


def test_table_that_only_dead_code_calls_through(linked: Linker) -> None:
    source = START + READS + func("f", flags="globl hidden")
    source += func("dead", "() -> ()", "i32.const 1", "call_indirect () -> ()", flags="hidden")
    result = linked(source, "-shared --experimental-pic --export=use")
    assert result.module is not None
    harness.validate(result.module)
    lines = describe(harness.parsed(result))
    assert "import env.__indirect_function_table table funcref [1, -] flags 0" in lines
    assert any(re.match(r"element flags 0 table 0 .*: f\[", line) for line in lines)


def test_names_of_imports_whose_calls_trap(linked: Linker) -> None:
    source = START + func("use", "() -> ()", "call f", "call g") + extern("f") + extern("g")
    result = linked(source, "-pie --experimental-pic --unresolved-symbols=ignore-all --export=use")
    lines = describe(harness.parsed(result))
    assert "name function 0 f" in lines
    assert "name function 1 g" in lines
    assert len({line for line in lines if line.startswith("name function")}) == len(
        [line for line in lines if line.startswith("name function")]
    )
