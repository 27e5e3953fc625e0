"""``--disable-verify``: modules that LLVM's verifier refuses, and the error where it cannot be turned off."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.lto.test_compilers import linked, needs_scripts, program, refusal
from tests.support.toolchain import compile_object

BROKEN = """\
target datalayout = "e-m:e-p:32:32-p10:8:8-p20:8:8-i64:64-i128:128-n32:64-S128-ni:1:10:20"
target triple = "wasm32-unknown-unknown"
define i32 @bad() {
entry:
  br label %two
two:
  %y = add i32 %x, 1
  ret i32 %y
three:
  %x = add i32 1, 2
  br label %two
}
"""
"""A value that is used where it was not computed."""
CANNOT_HELP = "--disable-verify has no effect"
REFUSED = "Instruction does not dominate all uses!"
CRASH = f"""
sys.stderr.write({REFUSED!r} + '\\n  %x = add\\nLLVM ERROR: Broken module found, compilation aborted!\\nStack dump:\\n')
sys.exit(134)
"""


@pytest.fixture
def bitcode(tmp_path: Path) -> Path:
    path = tmp_path / "some.o"
    path.write_bytes(compile_object("// flags: -flto -O2\nint run(int x) { return x; }\n", ".c", tmp_path))
    return path


@needs_scripts
@pytest.mark.parametrize("verify", [True, False])
def test_what_the_verifier_says_is_shown(verify: bool, tmp_path: Path, bitcode: Path) -> None:
    compiler = program(tmp_path / "llvm-lto2", CRASH)
    text = refusal(bitcode, lto_compiler=[compiler], exports=["run"], verify_bitcode=verify)
    assert f"{bitcode}: invalid LLVM IR input: {REFUSED}\n  %x = add" in text
    assert "Stack dump" not in text
    assert (CANNOT_HELP in text) is not verify


@needs_scripts
def test_compilers_are_passed_options_that_they_have(tmp_path: Path, bitcode: Path) -> None:
    """No llvm-lto2 has an option that turns the verifier off."""
    for name, expected in (("llvm-lto2", False), ("clang", True)):
        compiler = program(tmp_path / name, "sys.exit('error: ' + ' '.join(sys.argv[1:]))")
        text = refusal(bitcode, lto_compiler=[compiler], verify_bitcode=False)
        assert ("-Xclang -disable-llvm-verifier" in text) is expected
        assert "-disable-verify" not in text


def broken_module(directory: Path, compiler: str) -> tuple[Path, str]:
    """A module that is broken, and where the compiler is."""
    found = shutil.which(compiler)
    if found is None or shutil.which("llvm-as") is None:
        pytest.skip(f"{compiler} or llvm-as is not installed")
    source, module = directory / "bad.ll", directory / "bad.o"
    source.write_text(BROKEN)
    subprocess.run(["llvm-as", "-disable-verify", str(source), "-o", str(module)], check=True)
    return module, found


@pytest.mark.parametrize("name", ["llvm-lto2-22", "llvm-lto2-19", "clang-22"])
def test_compilers_that_always_verify(name: str, tmp_path: Path) -> None:
    module, compiler = broken_module(tmp_path, name)
    text = refusal(module, lto_compiler=[compiler], exports=["bad"], verify_bitcode=False)
    assert REFUSED in text
    assert CANNOT_HELP in text


def test_a_compiler_that_need_not_verify(tmp_path: Path) -> None:
    module, compiler = broken_module(tmp_path, "clang-19")
    result = linked(module, lto_compiler=[compiler], exports=["bad"], verify_bitcode=False)
    assert b"\x03bad\x00" in result.module
