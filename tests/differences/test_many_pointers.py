"""Data with more pointers than one function can relocate: engines refuse a function of more than 7,654,321 bytes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.differences.loading import run_at
from tests.differential import harness
from tests.differential.asm import START, data, func
from tests.support.meaning import describe
from tests.support.module import read_module

Linker = Callable[[harness.Files, str], harness.Result]
SHARED = "-shared --experimental-pic -Bsymbolic"
COUNT = 100_000


def read(name: str, bits: int = 32) -> str:
    """A function that reads a word at an address."""
    pointer = f"i{bits}"
    return func(name, f"({pointer}) -> ({pointer})", "local.get 0", f"{pointer}.load 0")


def pointers(body: list[str], size: int) -> str:
    return data("table", *body, section=".data.a", size=size) + data(
        "x", ".int32 1", ".int32 2", section=".data.b", size=8
    )


def link(linked: Linker, body: list[str], args: str = SHARED) -> bytes:
    source = START + read("read") + pointers(body, 4 * len(body)) + func("f") + func("g")
    result = linked({"a.s": source}, f"a.o {args} --export=table --export=x --export=read")
    assert result.module is not None, result.stderr
    harness.validate(result.module)
    return result.module


@pytest.mark.parametrize("args", [SHARED, "-pie --experimental-pic"])
def test_many_equal_pointers(args: str, linked: Linker) -> None:
    module = link(linked, [".int32 x"] * COUNT, args)
    # Less than a hundredth of a store for each; the data are all zeros, or nearly.
    assert len(module) < 4 * COUNT + 100_000
    x = 1024 + 4 * COUNT
    calls = [f"read({1024 + 4 * at})" for at in (0, 1, COUNT // 2, COUNT - 1)]
    assert run_at(module, 1024, calls) == dict.fromkeys(calls, x)


def test_many_different_pointers(linked: Linker) -> None:
    """Pointers to data and functions, with addends, in runs of any length, and with other data between them."""
    body = []
    expected: dict[int, int] = {}
    x = 1024 + 4 * 120_000
    for at in range(120_000):
        what = at * 7 % 11
        if what < 4:
            body.append(f".int32 x+{at * at % 5000}")
            expected[at] = x + at * at % 5000
        elif what < 6:
            body.append(".int32 " + "fg"[what - 4])
            expected[at] = -1
        elif what < 10:
            body.append(f".int32 x+{what}")
            expected[at] = x + what
        else:
            body.append(".int32 77")
            expected[at] = 77
    module = link(linked, body)
    places = [0, 1, 2, 3, *range(100, 140), *range(5000, 120_000, 911), 119_998, 119_999]
    found = run_at(module, 1024, [f"read({1024 + 4 * at})" for at in places])
    functions = set()
    for at in places:
        value = found[f"read({1024 + 4 * at})"]
        if expected[at] < 0:
            functions.add((body[at], value))
        else:
            assert value == expected[at], at
    # Each function has one index, and they are two.
    assert len(functions) == len({name for name, _ in functions}) == len({value for _, value in functions}) == 2


def test_few_pointers_are_relocated_as_in_the_reference(linked: Linker) -> None:
    """Up to a megabyte of code, nothing differs; tests/differential compares it byte for byte."""
    lines = describe(read_module(link(linked, [".int32 x"] * 1000)))
    assert sum("apply_data_relocs" in line and line.startswith("func ") for line in lines) == 1


def test_pointers_of_others_too(linked: Linker) -> None:
    """Pointers through the global offset table are read from there, for each field or once for a run."""
    body = [".int32 absent", ".int32 x"] * 40_000 + [".int32 absent+4"] * 10_000 + [".int32 x"] * 10
    source = START + read("read") + pointers(body, 4 * len(body))
    result = linked(
        {"a.s": source},
        "a.o -shared --experimental-pic --unresolved-symbols=import-dynamic --export=table --export=read",
    )
    assert result.module is not None, result.stderr
    harness.validate(result.module)
    # The loader of these tests gives 0 for the entries of the table.
    calls = [f"read({1024 + 4 * at})" for at in (0, 1, 79_998, 80_000, 89_999, 90_000)]
    assert [*run_at(result.module, 1024, calls).values()] == [0, 0, 0, 4, 4, 0]


def test_wide_pointers(linked: Linker) -> None:
    flags = "# flags: -target wasm64-freestanding\n"
    body = [f".int64 x+{at % 3}" for at in range(60_000)] + [".int64 x"] * 60_000
    source = (
        flags + START + data("table", *body, section=".data.a", size=8 * len(body), align=3) + data("x", ".int32 1")
    )
    result = linked({"a.s": source}, f"a.o -m wasm64 {SHARED} --export=table")
    assert result.module is not None, result.stderr
    import wasmtime

    config = wasmtime.Config()
    config.wasm_memory64 = True
    wasmtime.Module.validate(wasmtime.Engine(config), result.module)
