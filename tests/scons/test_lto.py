"""``-flto`` among the compiler's flags: objects and members of libraries are bitcode, and the link generates code."""

from __future__ import annotations

from tests.scons.conftest import Project

SCONSTRUCT = """\
    env.Append(WASMCCFLAGS=["-flto", "-O2"])
    env.WasmStaticLibrary("twice", ["twice.c", "other.c"])
    env.WasmProgram("app", ["main.c"], WASMLIBS=["twice"], WASMLIBPATH=["."])
"""
SOURCES = {
    "main.c": """\
        #include <stdio.h>
        int twice(int);
        int main(int argc, char **argv) { printf("%d\\n", twice(21)); return 0; }
        """,
    "twice.c": "int twice(int x) { return x * 2; }\n",
    # Code generation alone asks for memcpy.
    "other.c": "struct big { int a[1000]; }; void copy(struct big *a, struct big *b) { *a = *b; }\n",
}


def test_a_program(project: Project) -> None:
    project.sconstruct(SCONSTRUCT)
    project.write(SOURCES)
    project.scons()
    assert project.path("twice.wasm.o").read_bytes()[:4] == b"BC\xc0\xde"
    assert project.run("app.wasm") == "42\n"
    first = project.path("app.wasm").read_bytes()
    # The call is gone: it was inlined across the two files.
    assert b"twice" not in first.split(b"name", 1)[-1]
    assert project.scons().up_to_date

    project.write({"twice.c": "int twice(int x) { return x * 3; }\n"})
    assert project.scons().steps[-1] == "LINK app.wasm"
    assert project.run("app.wasm") == "63\n"

    project.write({"twice.c": SOURCES["twice.c"]})
    project.scons("-j4")
    assert project.path("app.wasm").read_bytes() == first
