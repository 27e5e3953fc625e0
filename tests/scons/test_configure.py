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
