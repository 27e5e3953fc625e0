"""Fields that hold how far a symbol is from the field itself (Swift's relative pointers).

wasm-ld takes none of them into position-independent output. Within the module the distance is known; to what nothing
defines it is an error, or 0 where the reference is weak. In static links both linkers write the same.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.differences.loading import run_at
from tests.differential import harness
from tests.differential.asm import START, data, func

Linker = Callable[[harness.Files, str], harness.Result]
TABLE = (
    START + data("table", ".int32 0", ".int32 {0}-table-4", ".int32 here-table-8", size=12) + data("here", ".int32 7")
)
WEAK = TABLE.format("absent") + ".weak absent\n"
STRONG = TABLE.format("absent")
MODES = ["", "-pie --experimental-pic", "-shared --experimental-pic", "-shared --experimental-pic -Bsymbolic"]
LENIENT = ["", "--unresolved-symbols=ignore-all", "--unresolved-symbols=import-dynamic", "--allow-undefined"]


def words(result: harness.Result) -> list[int]:
    (segment,) = harness.parsed(result).data
    return [int.from_bytes(segment.content[at : at + 4], "little", signed=True) for at in (4, 8)]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("policy", LENIENT)
def test_distance_to_an_absent_weak_symbol_is_null(mode: str, policy: str, linked: Linker) -> None:
    result = linked({"a.s": WEAK}, f"a.o {mode} {policy} --export=table")
    assert words(result) == [0, 4]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("policy", LENIENT)
def test_distance_to_what_nothing_defines(mode: str, policy: str, linked: Linker) -> None:
    """Static output leaves 0 where the symbol may be undefined, as wasm-ld does; elsewhere it is an error."""
    result = linked({"a.s": STRONG}, f"a.o {mode} {policy} --export=table")
    if not mode and policy in ("--unresolved-symbols=ignore-all", "--allow-undefined"):
        assert words(result) == [0, 4]
        return
    assert result.status == 1
    assert "a.o" in result.stderr
    assert "absent" in result.stderr
    assert not result.files


@pytest.mark.parametrize("mode", MODES)
def test_distance_to_a_symbol_of_a_shared_library(mode: str, linked: Linker, tmp_path: Path) -> None:
    library = linked({"l.s": data("absent", ".int32 1")}, "l.o -shared --experimental-pic --export=absent")
    assert library.module is not None
    (tmp_path / "lib.so").write_bytes(library.module)
    result = linked({"a.s": STRONG}, f"-Bdynamic a.o {tmp_path / 'lib.so'} {mode} --export=table")
    assert result.status == 1
    assert "R_WASM_MEMORY_ADDR_LOCREL_I32" in result.stderr
    assert "lib.so" in result.stderr


@pytest.mark.parametrize("mode", MODES[1:])
def test_code_that_relocates_data_leaves_distances_alone(mode: str, linked: Linker) -> None:
    source = WEAK + data("pointer", ".int32 here") + func("read", "() -> (i32)", "i32.const 1032", "i32.load 0")
    result = linked({"a.s": source}, f"a.o {mode} --export=table --export=pointer --export=read")
    assert result.module is not None, result.stderr
    assert run_at(result.module, 1024, ["read()"]) == {"read()": 4}


def test_a_second_link_keeps_the_distance(linked: Linker, tmp_path: Path) -> None:
    first = linked({"a.s": WEAK, "b.s": data("before", ".int64 1", ".int64 2", size=16)}, "-r b.o a.o")
    assert first.module is not None
    (tmp_path / "first.o").write_bytes(first.module)
    result = linked({"c.s": data("more", ".int32 9")}, f"{tmp_path / 'first.o'} c.o --export=table")
    module = harness.parsed(result)
    content = next(segment.content for segment in module.data if segment.content)
    assert int.from_bytes(content[8:12], "little") == 4
    assert content[4:8] == bytes(4)
