"""A tag that a shared library exports resolves references, as its functions do; wasm-ld 22 calls it undefined."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.differential import harness
from tests.differential.asm import func
from tests.support.meaning import describe

Linker = Callable[[harness.Files, str], harness.Result]
FLAGS = "# flags: -mcpu=mvp+exception_handling+mutable_globals\n"
TAG = ".tagtype problem i32\n"
LIBRARY = FLAGS + TAG + ".globl problem\nproblem:\n" + func("raise", "() -> ()", "i32.const 7", "throw problem")
PROGRAM = FLAGS + TAG + func("_start", "() -> ()", "i32.const 3", "throw problem")


@pytest.fixture
def library(linked: Linker, tmp_path: Path) -> Path:
    made = linked({"l.s": LIBRARY}, "l.o -shared --experimental-pic --export=problem --export=raise")
    assert made.module is not None, made.stderr
    path = tmp_path / "lib.so"
    path.write_bytes(made.module)
    return path


@pytest.mark.parametrize("mode", ["-pie --experimental-pic", "-shared --experimental-pic --export=_start", ""])
@pytest.mark.parametrize("order", ["a.o {}", "{} a.o"])
def test_tag_of_a_shared_library_is_imported(mode: str, order: str, linked: Linker, library: Path) -> None:
    result = linked({"a.s": PROGRAM}, f"-Bdynamic {mode} {order.format(library)}")
    assert result.module is not None, result.stderr
    harness.validate(result.module)
    lines = describe(harness.parsed(result))
    assert any(line.startswith("import env.problem tag") for line in lines), "\n".join(lines)
    assert not any(line.startswith("tag problem") for line in lines)


def test_tag_that_is_not_thrown_is_not_imported(linked: Linker, library: Path) -> None:
    result = linked({"a.s": FLAGS + func("_start")}, f"-Bdynamic -pie --experimental-pic a.o {library}")
    assert not any("problem" in line for line in describe(harness.parsed(result)))


def test_tag_of_the_program_itself_stays(linked: Linker, library: Path) -> None:
    own = PROGRAM.replace("_start:", "_start:") + ".globl problem\nproblem:\n"
    result = linked({"a.s": own}, f"-Bdynamic -pie --experimental-pic {library} a.o")
    assert result.module is not None, result.stderr
    assert not any(line.startswith("import env.problem") for line in describe(harness.parsed(result)))


def test_tag_of_another_type(linked: Linker, library: Path) -> None:
    other = PROGRAM.replace("problem i32", "problem i64").replace("i32.const 3", "i64.const 3")
    result = linked({"a.s": other}, f"-Bdynamic -pie --experimental-pic a.o {library}")
    assert "Tag signature mismatch: problem" in result.stderr
    assert f">>> defined as (i32) -> void in {library}" in result.stderr


def test_reference_of_another_kind(linked: Linker, library: Path) -> None:
    calls = func("_start", "() -> ()", "call problem") + ".functype problem () -> ()\n"
    result = linked({"a.s": calls}, f"-Bdynamic -pie --experimental-pic a.o {library}")
    assert result.status == 1
    assert "symbol type mismatch: problem" in result.stderr
