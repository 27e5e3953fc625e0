"""``WasmConfigure``: SCons's checks with the Wasm toolchain."""

from __future__ import annotations

import pytest

from tests.scons.conftest import Project

CHECKS = """\
    env.Replace(LIBS=["native"])
    {before}
    checks = env.WasmConfigure()
    print("printf", checks.CheckFunc("printf"))
    print("missing", checks.CheckFunc("no_such_function"))
    print("header", checks.CheckHeader("stdio.h"))
    print("size", checks.CheckTypeSize("long", expect=4))
    print("library", checks.CheckLib("m", "cos"))
    print("no library", checks.CheckLib("nowhere", "cos"))
    print("link", bool(checks.TryLink("int main(void) {{ return 0; }}", ".c")))
    print("no link", bool(checks.TryLink("int f(void); int main(void) {{ return f(); }}", ".c")))
    checked = checks.Finish()
    print("libraries", *checked["WASMLIBS"])
    print("native", *env["LIBS"], *checked["LIBS"])
    print("builders", "Program" in env["BUILDERS"], "Program" in checked["BUILDERS"])
    checked.WasmProgram("app", "app.c")
"""


@pytest.mark.parametrize("jobs", ["-j1", "-j2"])
def test_checks(project: Project, jobs: str) -> None:
    project.sconstruct(CHECKS.format(before='env.Replace(WASMLIBS=["c"])'))
    project.write({"app.c": "#include <math.h>\nint main(int n, char **v) { return (int)cos(n - 1.0) - 1; }\n"})
    outcome = project.scons(jobs)
    lines = outcome.output.splitlines()
    assert [line for line in lines if line.startswith(("printf", "missing", "header", "size"))] == [
        "printf True",
        "missing False",
        "header True",
        "size 4",
    ]
    assert {"library True", "no library False", "link True", "no link False"} <= set(lines)
    assert {"libraries c m", "native native native", "builders False False"} <= set(lines)
    assert not outcome.errors
    assert "undefined symbol: no_such_function" in project.path("config.log").read_text(encoding="utf-8")
    assert project.run("app.wasm") == ""
    assert project.scons(jobs).up_to_date


def test_libraries_shared_with_the_native_ones(project: Project) -> None:
    project.sconstruct("""\
        checks = env.WasmConfigure()
        checks.CheckLib("m", "cos")
        print("libraries", *checks.Finish()["LIBS"])
        Default([])
    """)
    assert "libraries m" in project.scons(check=False).output


SETTINGS = (
    "WASMREACTOR=True",
    "WASMENTRY=None",
    'WASMEXPORTS=["run"]',
    "WASMALLOWUNDEFINED=True",
    'WASMALLOWUNDEFINED=["list"]',
    'WASMLINKFLAGS=["--fatal-warnings", "--unresolved-symbols=ignore-all"]',
    "WASMSHAREDMEMORY=True",
    "WASMPIE=True",
    "WASMMAP=True",
    'WASMMAP="app.map", WASMSIZEREPORT="app.html"',
    'WASMLINKFLAGS=["-Map=flags.map"]',
    "WASMSETJMP=True",
    'WASMPROGEMITTER=lambda target, source, env: (target, [*source, "absent.c"])',
    "WASMINITIALMEMORY=1",
)


def test_checks_link_by_settings_of_their_own(project: Project) -> None:
    """Whatever the environment's link options are, a check finds exactly what exists."""
    settings = ", ".join(f"dict({setting})" for setting in SETTINGS)
    project.sconstruct(f"""\
        for number, settings in enumerate([{settings}]):
            variant = env.Clone(**settings)
            checks = variant.WasmConfigure(conf_dir=f"conf{{number}}")
            print("checked", number, checks.CheckFunc("strnlen"), checks.CheckFunc("no_such_function"))
            finished = checks.Finish()
            assert all(finished[name] == value for name, value in settings.items())
        checks = env.Clone(WASMLIBC=False, WASMENTRY=None).WasmConfigure(conf_dir="bare")
        there = checks.TryLink("int f(int x) {{ return x; }} int main(void) {{ return f(1); }}", ".c")
        missing = checks.TryLink("int f(int x); int main(void) {{ return f(1); }}", ".c")
        checks.Finish()
        print("checked", "bare", bool(there), bool(missing))
        Default([])
    """)
    lines = project.scons(check=False).output.splitlines()
    checked = [line for line in lines if line.startswith("checked")]
    assert checked == [f"checked {name} True False" for name in (*range(len(SETTINGS)), "bare")]


def test_sizes_of_types_without_running_anything(project: Project) -> None:
    """The sizes are those of the target; bitcode is asked in another way."""
    project.sconstruct("""\
        for flags in ([], ["-flto"]):
            checks = env.Clone(WASMCCFLAGS=flags).WasmConfigure(conf_dir=f"conf{len(flags)}", config_h="config.h")
            print("sizes", checks.CheckTypeSize("long"), checks.CheckTypeSize("struct { char x[12]; }"),
                checks.CheckTypeSize("void *", expect=4), checks.CheckTypeSize("void *", expect=8),
                checks.CheckTypeSize("struct nowhere"), checks.CheckTypeSize("bool", language="C++"),
                checks.CheckTypeSize("size_t", includes="#include <stddef.h>"))
            checks.Finish()
        Default("config.h")
    """)
    lines = project.scons().output.splitlines()
    assert [line for line in lines if line.startswith("sizes")] == ["sizes 4 12 4 0 0 1 4"] * 2
    assert "#define SIZEOF_VOID__ 4" in project.path("config.h").read_text(encoding="utf-8")


def test_compilers_are_the_wasm_ones(project: Project) -> None:
    project.sconstruct("""\
        env.Replace(SHCC="native", WASMCCFLAGS=["-Werror"])
        checks = env.WasmConfigure()
        found = [checks.CheckCC(), checks.CheckCXX(), checks.CheckSHCC(), checks.CheckSHCXX()]
        finished = checks.Finish()
        print("compilers", *found, finished["SHCC"], "CXX" in finished, "SharedObject" in finished["BUILDERS"])
        checks = env.Clone(WASMCCFLAGS=["--no-such-flag"]).WasmConfigure(conf_dir="other")
        print("broken", checks.CheckSHCC(), checks.CheckSHCXX())
        Default([])
    """)
    output = project.scons(check=False).output
    assert "compilers True True True True native False False" in output
    assert "broken False False" in output


def test_messages_name_the_line(project: Project) -> None:
    project.sconstruct("""\
        env.Replace(WASMCC="no-such-compiler", WASMTOOLCHAIN="")
        checks = env.WasmConfigure()
    """)
    outcome = project.scons(check=False)
    number = project.path("SConstruct").read_text(encoding="utf-8").splitlines().index("checks = env.WasmConfigure()")
    assert "cannot find the compiler no-such-compiler" in outcome.errors
    assert f'SConstruct", line {number + 1}, in <module>' in outcome.errors
