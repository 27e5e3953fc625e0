"""Sizes that a memory or a table cannot have: the error says how much is needed, and what the most is.

wasm-ld takes sizes modulo 2^32, or writes modules that no engine takes.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.differential import harness
from tests.differential.asm import START, data

Linker = Callable[[harness.Files, str], harness.Result]
WIDE = "# flags: -target wasm64-freestanding\n"
GIB = 1 << 30


def aligned(name: str) -> str:
    """A variable of 4 bytes, 2 GiB from its neighbours: objects hold all of their zeros, but none of the holes."""
    return data(name, ".int32 1", section=f".data.{name}", align=31)


HUGE = {f"{name}.s": START * (name == "a") + aligned(name) for name in "abc"}
OBJECTS = "a.o b.o c.o --export=a --export=b --export=c --no-merge-data-segments"
END = 4 * GIB + 4
"""The variables of the three, one after another, from an aligned address on."""
POINTER = {"a.s": START + data("p", ".int32 _start")}
WIDE_POINTER = {"a.s": WIDE + START + data("p", ".int64 _start", size=8, align=3)}


@pytest.mark.parametrize(
    ("args", "needed"),
    [
        ("", 2 * GIB + END),
        ("--no-stack-first", 2 * GIB + END + 12 + 65536),
        ("--global-base=3221225472", 4 * GIB + END),
        ("-z stack-size=4294901760", 4 * GIB + END),
        ("--page-size=1", 2 * GIB + END),
        ("-pie --experimental-pic", END),
        ("-shared --experimental-pic", END),
        ("--import-memory", 2 * GIB + END),
        ("--initial-memory=65536", 2 * GIB + END),
        ("--shared-memory --max-memory=65536 --no-check-features", 2 * GIB + END),
    ],
)
def test_static_data_beyond_the_address_space(args: str, needed: int, linked: Linker) -> None:
    result = linked(HUGE, f"{OBJECTS} {args}")
    assert result.status == 1
    found = re.search(r"memory too large: (\d+) bytes needed, cannot be greater than 4294967295\n", result.stderr)
    assert found is not None, result.stderr
    # The heap begins at a multiple of 16, and threads agree by a word of their own.
    assert needed <= int(found[1]) < needed + 16
    assert ">>> static data: " in result.stderr
    assert not result.files


@pytest.mark.parametrize(
    "args",
    [
        "-z stack-size=4294967296",
        "-z stack-size=18446744073709551600",
        "--global-base=4294967292",
        "--global-base=4294967295",
        "--global-base=9223372036854775807",
        "--global-base=4294901760 --no-stack-first",
        "--page-size=1 --global-base=4294967292",
    ],
)
def test_stack_or_base_at_the_end_of_the_address_space(args: str, linked: Linker) -> None:
    result = linked(POINTER, f"a.o --export=p {args}")
    assert result.status == 1
    assert "memory too large" in result.stderr
    assert "cannot be greater than 4294967295" in result.stderr
    assert not result.files


@pytest.mark.parametrize(
    ("args", "most"),
    [
        ("--initial-memory=4294967296 --page-size=1", 4294967295),
        ("--max-memory=4294967296 --page-size=1", 4294967295),
        ("--initial-heap=4294967295 --page-size=1", 4294901755),
    ],
)
def test_pages_of_one_byte_are_counted_in_32_bits(args: str, most: int, linked: Linker) -> None:
    result = linked(POINTER, f"a.o --export=p {args}")
    assert result.status == 1
    assert f"too large, cannot be greater than {most}" in result.stderr
    assert linked(POINTER, f"a.o --export=p {args.replace('4294967296', '4294967295')}").status == ("heap" in args)


def test_the_last_bytes_of_the_address_space_can_be_had(linked: Linker) -> None:
    result = linked(POINTER, "a.o --export=p --global-base=4294967280")
    assert result.module is not None, result.stderr
    harness.validate(result.module)


def test_wide_memory_has_a_limit_too(linked: Linker) -> None:
    sources = {f"{name}.s": WIDE + START * (name == "a") + aligned(name) for name in "abcdefghi"}
    most = linked(sources, f"-m wasm64 {OBJECTS} {' '.join(f'{name}.o' for name in 'defg')} --export=g")
    assert most.module is not None, most.stderr
    validate_wide(most.module)
    exports = " ".join(f"{name}.o --export={name}" for name in "defghi")
    result = linked(sources, f"-m wasm64 {OBJECTS} {exports}")
    assert result.status == 1
    assert "bytes needed, cannot be greater than 17179869184" in result.stderr
    assert not result.files


@pytest.mark.parametrize("args", ["-pie --experimental-pic", "-shared --experimental-pic"])
def test_wide_position_independent_data_has_a_32_bit_size(args: str, linked: Linker) -> None:
    sources = {f"{name}.s": WIDE + START * (name == "a") + aligned(name) for name in "abc"}
    result = linked(sources, f"-m wasm64 {OBJECTS} {args}")
    assert result.status == 1
    assert f"static data too large: {END} bytes, cannot be greater than 4294967295" in result.stderr


@pytest.mark.parametrize("base", ["4294967295", "4294967296", "-1"])
def test_function_table_beyond_what_indices_reach(base: str, linked: Linker) -> None:
    result = linked(POINTER, f"a.o --export=p --table-base={base}")
    assert result.status == 1
    needed = int(base) % (1 << 64) + 1
    assert f"table too large: {needed} elements needed, cannot be greater than 4294967295" in result.stderr
    assert not result.files


def test_the_last_index_can_be_had(linked: Linker) -> None:
    result = linked(POINTER, "a.o --export=p --table-base=4294967294")
    assert result.module is not None, result.stderr
    harness.validate(result.module)


def test_wide_table_takes_a_wide_base(linked: Linker) -> None:
    """The address of the function is its index there, and the table is large enough."""
    result = linked(WIDE_POINTER, "-m wasm64 a.o --export=p --table-base=4294967296")
    assert result.module is not None, result.stderr
    validate_wide(result.module)
    module = harness.parsed(result)
    (segment,) = (segment for segment in module.data if segment.content)
    assert int.from_bytes(segment.content[:8], "little") == 4294967296
    result = linked(WIDE_POINTER, "-m wasm64 a.o --export=p --table-base=-1")
    assert result.status == 1
    assert "cannot be greater than 18446744073709551615" in result.stderr


def test_narrow_field_of_a_wide_object_must_hold_its_value(linked: Linker) -> None:
    """Such a field is truncated by wasm-ld: another function, another variable."""
    narrow = {"a.s": WIDE + START + data("p", ".int32 _start") + data("q", ".int32 x") + data("x", ".int32 1")}
    assert linked(narrow, "-m wasm64 a.o --export=p --export=q").status == 0
    for args, symbol in (("--table-base=4294967296", "_start"), ("--global-base=8589934592", "x")):
        result = linked(narrow, f"-m wasm64 a.o --export=p --export=q {args}")
        assert result.status == 1
        assert "out of range" in result.stderr
        assert f"references `{symbol}`" in result.stderr


def validate_wide(module: bytes) -> None:
    import wasmtime

    config = wasmtime.Config()
    config.wasm_memory64 = True
    wasmtime.Module.validate(wasmtime.Engine(config), module)
