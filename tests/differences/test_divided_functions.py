"""Other generated functions that grow with the input: they are divided too, before engines refuse them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.differences.loading import run_at
from tests.differential import harness
from tests.differential.asm import START, data, func, target_features

Linker = Callable[[harness.Files, str], harness.Result]
COUNT = 70_000


@pytest.mark.parametrize("count", [1000, 2 * COUNT])
@pytest.mark.parametrize("mode", ["--shared-memory --max-memory=4194304", "--cooperative-threading"])
def test_pointers_in_thread_local_data(count: int, mode: str, linked: Linker) -> None:
    """Every thread's block gets pointers to its own variables, and the same to those that are not thread-local."""
    body = [(".int32 x", ".int32 p+4", ".int32 x+4", ".int32 77")[at % 7 % 4] for at in range(count)]
    cooperative = "cooperative" in mode
    source = (
        "# flags: -mcpu=mvp+atomics+bulk_memory+mutable_globals\n"
        + START
        + func("read", "(i32) -> (i32)", "local.get 0", "i32.load 0")
        + data("q", *body, section=".tdata.a", segment="T", size=4 * count)
        + data("x", ".int32 1", ".int32 2", section=".tdata.b", segment="T", size=8)
        + data("p", ".int32 5", ".int32 6", size=8)
        + target_features("+atomics", "+bulk-memory", "+mutable-globals")
    )
    if cooperative:
        # The base is in a global of the module, to be asked for by the test.
        source += (
            ".globaltype base, i32\n.globl base\nbase:\n"
            + func("__wasm_get_tls_base", "() -> (i32)", "global.get base")
            + func("__wasm_set_tls_base", "(i32) -> ()", "local.get 0", "global.set base")
        )
    block = 1 << 20
    arguments = f"a.o {mode} --initial-memory=4194304 --export=read --no-gc-sections --export=__wasm_init_tls"
    result = linked({"a.s": source}, arguments)
    assert result.module is not None, result.stderr
    harness.validate(result.module)
    assert b"__wasm_apply_tls_relocs" in result.module
    assert (b"__wasm_apply_tls_relocs.0" in result.module) is (count > 65536)
    places = [0, 1, 2, 3, 4, 5, 6, 7, count // 2, count // 2 + 1, *range(count - 9, count)]
    calls = [f"read({block + 4 * at})" for at in places]
    found, _ = harness.run_module(result.module, [f"__wasm_init_tls({block})", *calls])
    x = block + 4 * count
    address = int(str(found[f"read({block + 4})"])) - 4
    # p is static data, at the same place for all threads.
    assert 0 < address < block
    expected = {".int32 x": x, ".int32 x+4": x + 4, ".int32 p+4": address + 4, ".int32 77": 77}
    assert [found[call] for call in calls] == [expected[body[at]] for at in places]


@pytest.mark.parametrize("count", [1000, COUNT])
def test_entries_of_the_global_offset_table(count: int, linked: Linker) -> None:
    flags = "# flags: -mcpu=mvp+mutable_globals\n"
    labels = "".join(f".globl v{at}\n.type v{at},@object\nv{at}:\n.int32 {at}\n.size v{at}, 4\n" for at in range(count))
    parts = [range(first, min(first + 1000, count)) for first in range(0, count, 1000)]
    loads = [[f"global.get v{at}@GOT\ni32.const {at}\ni32.add\ni32.xor" for at in part] for part in parts]
    source = (
        flags
        + START
        + "".join(func(f"sum{at}", "() -> (i32)", "i32.const 0", *load) for at, load in enumerate(loads))
        + func("sum", "() -> (i32)", "i32.const 0", *(f"call sum{at}\ni32.xor" for at in range(len(parts))))
        + func("last", "() -> (i32)", f"global.get v{count - 1}@GOT", "i32.load 0")
        + f'.section .data.all,"",@\n.p2align 2\n{labels}'
    )
    result = linked({"a.s": source}, "a.o -pie --experimental-pic --export=sum --export=last")
    assert result.module is not None, result.stderr
    harness.validate(result.module)
    assert b"__wasm_apply_global_relocs" in result.module
    assert (b"__wasm_apply_global_relocs.0" in result.module) is (count > 65536)
    expected = 0
    for at in range(count):
        expected ^= 1024 + 4 * at + at
    assert run_at(result.module, 1024, ["sum()", "last()"]) == {"sum()": expected, "last()": count - 1}
