"""The search for a toolchain, and the interpretation of a compiler driver's output. The compilers here are scripts."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from wasmlink_tool.toolchain.driver import Runtime, ToolchainError
from wasmlink_tool.toolchain.wasi import Kind, Toolchain, find_toolchain

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
    words += ["-lc", {builtins!r}, "-o", arguments[-1]]
    print("clang version 99", " " + " ".join('"%s"' % word for word in words), sep="\\n", file=sys.stderr)
    if {rewrites}:
        print(' "/usr/bin/wasm-opt" "%s" "-O2" "-o" "%s"' % (arguments[-1], arguments[-1]), file=sys.stderr)
elif arguments == ["--version"]:
    print({version!r})
"""


def make_clang(
    directory: Path,
    *,
    libc: Path | None = None,
    wasm: bool = True,
    suffix: str = "",
    rewrites: bool = False,
    version: str = "Some clang version 99.1",
    builtins: str = "",
) -> Path:
    """A clang, its companions beside it, in ``directory``; ``rewrites``: with binaryen's wasm-opt on the path."""
    directory.mkdir(parents=True, exist_ok=True)
    text = FAKE_CLANG.format(
        python=sys.executable,
        libc=str(libc or ""),
        wasm=wasm,
        rewrites=rewrites,
        version=version,
        builtins=builtins or str((libc or directory) / "libclang_rt.builtins.a"),
    )
    for name in ("clang", "clang++", "llvm-ar"):
        program = directory / f"{name}{suffix}"
        program.write_text(text, encoding="utf-8")
        program.chmod(0o755)
    return directory


@pytest.fixture
def libc(tmp_path: Path) -> Path:
    directory = tmp_path / "with a space" / "lib"
    directory.mkdir(parents=True)
    for name in ("crt1-command.o", "crt1-reactor.o", "libc.a", "libc++.a", "libclang_rt.builtins.a"):
        (directory / name).touch()
    return directory


@pytest.fixture
def no_zig(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ziglang package is not installed."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)


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


def test_clang_without_its_builtins_comes_last(tmp_path: Path, libc: Path) -> None:
    path = str(make_clang(tmp_path / "bin", libc=libc, builtins="/nowhere/libclang_rt.builtins.a"))
    assert find_toolchain(path=path).kind is Kind.ZIG
    assert find_toolchain("clang", path=path).cc == (f"{path}/clang",)
    assert find_toolchain("clang", path=path).runtime().absent == ("/nowhere/libclang_rt.builtins.a",)
    complete = make_clang(tmp_path / "old", libc=libc, suffix="-9")
    both = f"{path}{os.pathsep}{complete}"
    assert find_toolchain("clang", path=both).cc == find_toolchain(path=both).cc == (f"{complete}/clang-9",)


@pytest.mark.usefixtures("no_zig")
def test_clang_without_its_builtins_is_better_than_none(tmp_path: Path, libc: Path) -> None:
    path = str(make_clang(tmp_path / "bin", libc=libc, builtins="/nowhere/libclang_rt.builtins.a"))
    assert find_toolchain(path=path).cc == (f"{path}/clang",)


def test_clang_without_libc_serves_where_none_is_wanted(tmp_path: Path) -> None:
    path = str(make_clang(tmp_path / "bin"))
    assert find_toolchain(path=path, libc=True).kind is Kind.ZIG
    bare = find_toolchain(path=path, libc=False)
    assert bare.kind is Kind.CLANG
    assert bare.target_flags(libc=False) == ("--target=wasm32-unknown-unknown",)
    with pytest.raises(ToolchainError, match="install wasi-libc"):
        bare.target_flags()


@pytest.mark.usefixtures("no_zig")
def test_nothing_there(tmp_path: Path) -> None:
    path = str(tmp_path)
    with pytest.raises(ToolchainError, match="pip install ziglang"):
        find_toolchain(path=path)
    with pytest.raises(ToolchainError, match="pip install ziglang"):
        find_toolchain("zig", path=path)
    with pytest.raises(ToolchainError, match=r"no clang was found on the PATH .* name it with WASMCC"):
        find_toolchain("clang", path=path)
    with pytest.raises(ToolchainError, match="WASI_SDK_PATH is not set"):
        find_toolchain("wasi-sdk", path=path)
    with pytest.raises(ToolchainError, match="/nowhere is not a WASI SDK"):
        find_toolchain("/nowhere", path=path)


@pytest.mark.usefixtures("no_zig")
def test_what_was_passed_over_is_named(tmp_path: Path) -> None:
    path = str(make_clang(make_clang(tmp_path / "bin", suffix="-19"), wasm=False))
    with pytest.raises(ToolchainError) as caught:
        find_toolchain(path=path)
    lines = str(caught.value).splitlines()
    assert f"{path}/clang has no WebAssembly target" in lines
    assert f"{path}/clang-19 has no libc for WASI" in lines


@pytest.mark.parametrize("setting", ["", "clang"])
def test_versioned_names(tmp_path: Path, libc: Path, setting: str) -> None:
    """The newest that can do it, with the archiver of its version."""
    path = str(make_clang(tmp_path / "bin", libc=libc, suffix="-9"))
    make_clang(tmp_path / "bin", libc=libc, suffix="-19")
    make_clang(tmp_path / "bin", suffix="-21")
    found = find_toolchain(setting, path=path)
    assert (found.cc, found.cxx) == ((f"{path}/clang-19",), (f"{path}/clang++-19",))
    assert found.ar == (f"{path}/llvm-ar-19",)
    make_clang(tmp_path / "other", libc=libc)
    assert find_toolchain(setting, path=f"{path}{os.pathsep}{tmp_path / 'other'}").cc == (f"{tmp_path}/other/clang",)


@pytest.mark.parametrize("name", ["no-such-clang", "/nowhere/clang"])
def test_an_absent_compiler_is_reported_as_that(name: str) -> None:
    with pytest.raises(ToolchainError, match=f"cannot find the compiler {name}: set WASMCC"):
        find_toolchain(cc=[name], path="").check()


def test_an_absent_compiler_behind_another_program(tmp_path: Path) -> None:
    ccache = tmp_path / "ccache"
    ccache.write_text('#!/bin/sh\nexec "$@"\n', encoding="utf-8")
    ccache.chmod(0o755)
    with pytest.raises(ToolchainError, match="cannot find the compiler clang-99: set WASMCC"):
        find_toolchain(cc=["ccache", "clang-99"], path=str(tmp_path)).check()
    python = [str(ccache), "-m", "ziglang", "cc"]
    with pytest.raises(ToolchainError, match="pip install ziglang"):
        find_toolchain(cc=python, path=str(tmp_path)).check()


def test_a_program_that_is_no_compiler(tmp_path: Path) -> None:
    silent = tmp_path / "tool"
    silent.write_text("#!/bin/sh\n", encoding="utf-8")
    silent.chmod(0o755)
    with pytest.raises(ToolchainError, match=r"tool is not a clang \(it prints no version\)"):
        find_toolchain(cc=[str(silent)]).check()


def test_zig_alone_is_its_c_compiler() -> None:
    found = find_toolchain(cc=["/opt/zig/zig"], path="")
    assert (found.kind, found.cc, found.cxx) == (Kind.ZIG, ("/opt/zig/zig", "cc"), ("/opt/zig/zig", "c++"))


INCLUDES = """\
#!{python}
print(' "clang" "-cc1" "-resource-dir" "/nowhere"', *('"-internal-isystem" "%s"' % name for name in {directories}))
"""


def test_include_directories_that_appear_later(tmp_path: Path) -> None:
    """The answer is remembered; whether its directories exist is not, nor is an answer without a C++ library."""
    program = tmp_path / "clang"
    (tmp_path / "clang++").symlink_to(program)
    for cxx in (False, True):
        directory = tmp_path / f"include-{cxx}"
        directories = [str(directory), str(tmp_path)]
        for _ in range(2):
            program.write_text(INCLUDES.format(python=sys.executable, directories=directories), encoding="utf-8")
            program.chmod(0o755)
            os.utime(program, (1, 1))
            # Each run of SCons is a process of its own.
            script = (
                "from wasmlink_tool.toolchain.answers import answers; "
                "from wasmlink_tool.toolchain.wasi import find_toolchain; "
                f"answers.keep_in({str(tmp_path / 'answers')!r}, writable=True); "
                f"print(find_toolchain(cc=[{str(program)!r}]).include_flags(target='wasm32-wasi', cxx={cxx}))"
            )
            done = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, check=True)
            existing = [path for path in directories if os.path.isdir(path)]
            assert done.stdout == f"{tuple(word for path in existing for word in ('-isystem', path))}\n"
            directory.mkdir(exist_ok=True)
            if cxx:
                directories = [str(directory / "c++" / "v1"), *directories]
                (directory / "c++" / "v1").mkdir(parents=True, exist_ok=True)


def test_another_compiler_is_reported_as_that(tmp_path: Path) -> None:
    directory = make_clang(tmp_path / "bin", wasm=False, version="gcc (Debian 12.2.0) 12.2.0")
    gcc = directory / "gcc"
    (directory / "clang").rename(gcc)
    with pytest.raises(ToolchainError, match=r"gcc is not a clang \(gcc \(Debian 12.2.0\) 12.2.0\).*set WASMCC"):
        find_toolchain(cc=[str(gcc)]).check()
    native = make_clang(tmp_path / "native", wasm=False) / "clang"
    with pytest.raises(ToolchainError, match="has no WebAssembly target"):
        find_toolchain(cc=[str(native)]).check()


def test_a_program_that_runs_the_compiler(tmp_path: Path) -> None:
    path = str(make_clang(tmp_path / "bin", suffix="-19"))
    found = find_toolchain(cc=["ccache", "clang-19"], path=path)
    assert (found.cxx, found.ar) == (("ccache", "clang++-19"), (f"{path}/llvm-ar-19",))


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


@pytest.mark.parametrize("rewrites", [False, True])
def test_runtime_of_clang(tmp_path: Path, libc: Path, rewrites: bool) -> None:
    """A clang that would run binaryen's wasm-opt on the output works, too."""
    clang = find_toolchain("clang", path=str(make_clang(tmp_path / "bin", libc=libc, rewrites=rewrites)))
    assert clang.target_flags() == ("--target=wasm32-wasi",)
    runtime = clang.runtime()
    assert runtime.start_files == (str(libc / "crt1-command.o"),)
    builtins = str(libc / "libclang_rt.builtins.a")
    assert runtime.libraries == (str(libc / "libc.a"), builtins)
    assert runtime.library_paths == (str(libc),)
    assert clang.runtime(cxx=True).libraries == (str(libc / "libc++.a"), str(libc / "libc.a"), builtins)
    assert clang.runtime(reactor=True).start_files == (str(libc / "crt1-reactor.o"),)


def test_runtime_of_zig(zig: list[str]) -> None:
    runtime = find_toolchain("zig").runtime()
    assert [os.path.basename(path) for path in runtime.start_files] == ["crt1-command.o"]
    assert {"libc.a", "libcompiler_rt.a"} <= {os.path.basename(path) for path in runtime.libraries}
    assert all(os.path.isfile(path) for path in (*runtime.start_files, *runtime.libraries))


def test_driver_that_does_not_answer(tmp_path: Path) -> None:
    program = tmp_path / "clang"
    program.write_text("#!/bin/sh\n[ $1 != --print-targets ] && echo clang version 99\n", encoding="utf-8")
    program.chmod(0o755)
    silent = Toolchain(Kind.CLANG, (str(program),), (str(program),), ("ar",))
    with pytest.raises(ToolchainError, match="did not print a link command"):
        silent.runtime(target="wasm32-wasi")


def test_a_runtime_without_start_file_is_no_answer(tmp_path: Path, libc: Path) -> None:
    """It is an error each time, and an older answer of that kind is not believed."""
    program = make_clang(tmp_path / "bin", libc=libc) / "clang"
    (libc / "crt1-command.o").unlink()
    clang = find_toolchain(cc=[str(program)])
    for _ in range(2):
        with pytest.raises(ToolchainError, match="its link has no start file"):
            clang.runtime(target="wasm32-wasi")
    assert not Runtime().is_current()
    (libc / "crt1-command.o").touch()
    assert clang.runtime(target="wasm32-wasi").start_files == (str(libc / "crt1-command.o"),)


# Triples


@pytest.mark.parametrize(
    ("triple", "libc", "zig_name"),
    [
        ("", True, "wasm32-wasi"),
        ("", False, "wasm32-freestanding"),
        ("wasm32-wasip1", True, "wasm32-wasi"),
        ("wasm32-unknown-wasi", True, "wasm32-wasi"),
        ("wasm32-unknown-unknown", False, "wasm32-freestanding"),
        ("wasm32", False, "wasm32-freestanding"),
        ("wasm64-unknown-unknown", False, "wasm64-freestanding"),
        ("wasm64-freestanding", False, "wasm64-freestanding"),
        ("wasm32-wasip1-threads", False, "wasm32-wasi"),
    ],
)
def test_triples_in_the_names_of_zig(zig: list[str], tmp_path: Path, triple: str, libc: bool, zig_name: str) -> None:
    flags = find_toolchain("zig").target_flags(target=triple, libc=libc)
    assert flags[:2] == ("-target", zig_name)
    source = tmp_path / "f.c"
    source.write_text("int f(void) { return 1; }\n", encoding="utf-8")
    command = [*zig, "cc", *flags, "-c", str(source), "-o", str(tmp_path / "f.o")]
    assert subprocess.run(command, capture_output=True, text=True, check=False).returncode == 0


@pytest.mark.parametrize("triple", ["wasm32-wasip1-threads", "wasm32-wasip2"])
def test_a_libc_that_zig_does_not_have(triple: str) -> None:
    with pytest.raises(ToolchainError, match=f"zig has no libc .*WASMTARGET is {triple}"):
        find_toolchain("zig").target_flags(target=triple)


def test_triples_in_the_names_of_clang(tmp_path: Path, libc: Path) -> None:
    """A libc is found under the old name of its target too, and one that is for no system is clang's own name."""
    clang = find_toolchain(cc=[str(make_clang(tmp_path / "bin", libc=libc) / "clang")])
    assert clang.target_flags(target="wasm32-wasip1") == ("--target=wasm32-wasi",)
    assert clang.target_flags(target="wasm64-freestanding", libc=False) == ("--target=wasm64-unknown-unknown",)
    assert clang.target_flags(target="wasm32-wasip2") == ("--target=wasm32-wasip2",)
    with pytest.raises(ToolchainError, match=r"no libc for WASMTARGET='wasm32-unknown-unknown'.*WASMLIBC=False"):
        clang.runtime(target="wasm32-unknown-unknown")


# The clangs that are installed


def real_clangs() -> list[str]:
    found = [name for name in ("clang-14", "clang-19", "clang-22", "clang") if shutil.which(name)]
    return [name for name in found if find_toolchain(cc=[name]).has_libc()]


def layouts() -> list[str]:
    """The ways in which a compiler can be installed: under its name, or as in a WASI SDK."""
    return ["path", "sdk"]


@pytest.mark.parametrize("layout", layouts())
@pytest.mark.parametrize("binaryen", [False, True], ids=["", "binaryen"])
@pytest.mark.parametrize(
    "name", real_clangs() or [pytest.param("", marks=pytest.mark.skip(reason="no clang with a libc is installed"))]
)
def test_runtime_of_an_installed_clang(name: str, binaryen: bool, layout: str, tmp_path: Path) -> None:
    """Start file and libc, whether or not the driver would run wasm-opt."""
    program = shutil.which(name)
    assert program is not None
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    (tmp_path / "bin").mkdir()
    if binaryen:
        (tmp_path / "bin" / "wasm-opt").write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
        (tmp_path / "bin" / "wasm-opt").chmod(0o755)
    if layout == "sdk":
        sdk = tmp_path / "sdk"
        (sdk / "bin").mkdir(parents=True)
        for companion in ("clang", "clang++", "llvm-ar"):
            original = shutil.which(name.replace("clang", companion))
            if original is not None:
                os.symlink(original, sdk / "bin" / companion)
        include, lib = "/usr/include/wasm32-wasi", "/usr/lib/wasm32-wasi"
        if not os.path.isdir(include) or not os.path.isdir(lib):
            pytest.skip("the libc is not where Debian has it")
        for place, original in (("include", include), ("lib", lib)):
            (sdk / "share" / "wasi-sysroot" / place).mkdir(parents=True)
            os.symlink(original, sdk / "share" / "wasi-sysroot" / place / "wasm32-wasi")
        toolchain = find_toolchain(str(sdk), path=path)
        assert toolchain.sysroot == str(sdk / "share" / "wasi-sysroot")
    else:
        toolchain = find_toolchain(cc=[name], path=path)
    toolchain.check()
    runtime = toolchain.runtime()
    assert [os.path.basename(file) for file in runtime.start_files] == ["crt1-command.o"]
    assert "libc.a" in {os.path.basename(file) for file in runtime.libraries}
    reactor = toolchain.runtime(reactor=True)
    assert [os.path.basename(file) for file in reactor.start_files] == ["crt1-reactor.o"]
    assert toolchain.include_flags()[:1] == ("-isystem",)
