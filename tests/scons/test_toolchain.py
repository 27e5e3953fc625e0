"""Which toolchain is found, and what is read from a compiler driver's answer. The compilers here are scripts."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from wasmlink_tool.scons import toolchain as module
from wasmlink_tool.scons.toolchain import Kind, Toolchain, ToolchainError, find_toolchain

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the fake compilers are scripts with an interpreter line")

FAKE_CLANG = """\
#!{python}
import os, sys
libc = {libc!r}
arguments = sys.argv[1:]
if arguments == ["--print-targets"]:
    print("    wasm32 - WebAssembly 32-bit" if {wasm} else "    x86-64 - 64-bit X86")
elif "-print-file-name=crt1-command.o" in arguments:
    found = libc and "--target=wasm32-wasi" in arguments
    print("clang: warning: something", file=sys.stderr)
    print(os.path.join(libc, "crt1-command.o") if found else "crt1-command.o")
elif "-###" in arguments:
    start = "crt1-reactor.o" if "-mexec-model=reactor" in arguments else "crt1-command.o"
    words = ["/usr/bin/wasm-ld", "-m", "wasm32", "-L" + libc, os.path.join(libc, start), *arguments[-3:-2]]
    if "clang++" in sys.argv[0]:
        words += ["-lc++"]
    words += ["-lc", "/nowhere/libclang_rt.builtins.a", "-o", arguments[-1]]
    print("clang version 99", " " + " ".join('"%s"' % word for word in words), sep="\\n", file=sys.stderr)
"""


def make_clang(directory: Path, *, libc: Path | None = None, wasm: bool = True) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    for name in ("clang", "clang++", "llvm-ar"):
        program = directory / name
        program.write_text(FAKE_CLANG.format(python=sys.executable, libc=str(libc or ""), wasm=wasm), encoding="utf-8")
        program.chmod(0o755)
    return directory


@pytest.fixture
def libc(tmp_path: Path) -> Path:
    directory = tmp_path / "with a space" / "lib"
    directory.mkdir(parents=True)
    for name in ("crt1-command.o", "crt1-reactor.o", "libc.a", "libc++.a"):
        (directory / name).touch()
    return directory


def test_order(tmp_path: Path, libc: Path) -> None:
    sdk = tmp_path / "sdk"
    make_clang(sdk / "bin", libc=libc)
    path = str(make_clang(tmp_path / "bin", libc=libc))

    assert find_toolchain(path=path, wasi_sdk=str(sdk)).kind is Kind.WASI_SDK
    assert find_toolchain(path=path).cc == (f"{path}/clang",)
    assert find_toolchain(path="").kind is Kind.ZIG
    assert find_toolchain("zig", path=path, wasi_sdk=str(sdk)).kind is Kind.ZIG
    assert find_toolchain("clang", path=path, wasi_sdk=str(sdk)).kind is Kind.CLANG
    assert find_toolchain(str(sdk), path=path).cc == (str(sdk / "bin" / "clang"),)
    assert find_toolchain("zig", ["my-clang"], path=path, wasi_sdk=str(sdk)).cc == ("my-clang",)


def test_clang_without_the_target_is_passed_over(tmp_path: Path, libc: Path) -> None:
    path = str(make_clang(tmp_path / "bin", libc=libc, wasm=False))
    assert find_toolchain(path=path).kind is Kind.ZIG


def test_clang_without_libc_serves_where_none_is_wanted(tmp_path: Path) -> None:
    path = str(make_clang(tmp_path / "bin"))
    assert find_toolchain(path=path, libc=True).kind is Kind.ZIG
    bare = find_toolchain(path=path, libc=False)
    assert bare.kind is Kind.CLANG
    assert bare.target_flags(libc=False) == ("--target=wasm32-unknown-unknown",)
    with pytest.raises(ToolchainError, match="install wasi-libc"):
        bare.target_flags()


def test_nothing_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_zig", lambda path: None)
    module._find.cache_clear()
    with pytest.raises(ToolchainError, match="pip install ziglang"):
        find_toolchain(path="")
    with pytest.raises(ToolchainError, match="WASI_SDK_PATH is not set"):
        find_toolchain("wasi-sdk", path="")
    with pytest.raises(ToolchainError, match="no WASI SDK"):
        find_toolchain("/nowhere", path="")
    module._find.cache_clear()


@pytest.mark.parametrize(
    ("command", "cxx", "ar"),
    [
        (["clang"], ("clang++",), ("ar",)),
        (["/opt/llvm/clang-19", "-v"], ("/opt/llvm/clang++-19", "-v"), ("ar",)),
        (["zig", "cc"], ("zig", "c++"), ("zig", "ar")),
        (["python", "-m", "ziglang", "cc"], ("python", "-m", "ziglang", "c++"), ("python", "-m", "ziglang", "ar")),
    ],
)
def test_companions_of_an_explicit_compiler(command: list[str], cxx: tuple[str, ...], ar: tuple[str, ...]) -> None:
    found = find_toolchain(cc=command, path="")
    assert (found.cc, found.cxx, found.ar) == (tuple(command), cxx, ar)


def test_runtime_of_clang(tmp_path: Path, libc: Path) -> None:
    clang = find_toolchain("clang", path=str(make_clang(tmp_path / "bin", libc=libc)))
    assert clang.target_flags() == ("--target=wasm32-wasi",)
    runtime = clang.runtime()
    assert runtime.start_files == (str(libc / "crt1-command.o"),)
    assert runtime.libraries == (str(libc / "libc.a"),)
    assert runtime.library_paths == (str(libc),)
    assert clang.runtime(cxx=True).libraries == (str(libc / "libc++.a"), str(libc / "libc.a"))
    assert clang.runtime(reactor=True).start_files == (str(libc / "crt1-reactor.o"),)


def test_runtime_of_zig(zig: list[str]) -> None:
    runtime = find_toolchain("zig").runtime()
    assert [os.path.basename(path) for path in runtime.start_files] == ["crt1-command.o"]
    assert {"libc.a", "libcompiler_rt.a"} <= {os.path.basename(path) for path in runtime.libraries}
    assert all(os.path.isfile(path) for path in (*runtime.start_files, *runtime.libraries))


def test_driver_that_does_not_answer() -> None:
    silent = Toolchain(Kind.CLANG, ("/nowhere/clang",), ("/nowhere/clang++",), ("ar",))
    with pytest.raises(ToolchainError, match="did not say how it links"):
        silent.runtime(target="wasm32-wasi")
