"""``scons`` builds the right targets, and builds only outdated ones again."""

from __future__ import annotations

import pytest

from tests.scons.conftest import Project

MAIN = "#include <stdio.h>\nconst char *greeting(void);\nint main(void) { puts(greeting()); return 0; }\n"
GREETING = 'const char *greeting(void) { return "good morning"; }\n'
OTHER_GREETING = GREETING.replace("morning", "evening")


@pytest.fixture
def program(project: Project) -> Project:
    project.sconstruct('env.WasmProgram("app", ["main.c", "greeting.c"], WASMLINKFLAGS=ARGUMENTS.get("flags", ""))\n')
    project.write({"main.c": MAIN, "greeting.c": GREETING})
    assert project.scons().steps == ["CC main.wasm.o", "CC greeting.wasm.o", "LINK app.wasm"]
    return project


@pytest.fixture
def with_library(project: Project) -> Project:
    project.sconstruct("""\
        # The program stands before the library: the order of an SConstruct does not matter.
        env.WasmProgram("app", ["main.c"], LIBS=["greeting"], LIBPATH=["lib"])
        env.WasmStaticLibrary("lib/greeting", ["lib/greeting.c"])
    """)
    project.write({"main.c": MAIN, "lib/greeting.c": GREETING})
    steps = project.scons().steps
    assert sorted(steps) == [
        "AR lib/libgreeting.wasm.a",
        "CC lib/greeting.wasm.o",
        "CC main.wasm.o",
        "LINK app.wasm",
    ]
    assert steps[-1] == "LINK app.wasm"
    return project


def test_program_runs(program: Project) -> None:
    assert program.run("app.wasm") == "good morning\n"


def test_nothing_changed(program: Project) -> None:
    assert program.scons().up_to_date


def test_nothing_else_is_left_behind(program: Project) -> None:
    program.scons("-c")
    # What links have parsed stays for the next build.
    left = {name for name in program.files() if not name.startswith(".sconsign.wasmlink.cache/")}
    assert left == {
        "SConstruct",
        ".sconsign.dblite",
        ".sconsign.wasmlink",
        ".wasmlink-toolchains.json",
        "main.c",
        "greeting.c",
    }


def test_comment_compiles_and_does_not_link(program: Project) -> None:
    program.write({"greeting.c": GREETING + "/* as before */\n"})
    assert program.scons().steps == ["CC greeting.wasm.o"]
    assert program.scons().up_to_date


def test_changed_source_links(program: Project) -> None:
    program.write({"greeting.c": OTHER_GREETING})
    assert program.scons().steps == ["CC greeting.wasm.o", "LINK app.wasm"]
    assert program.run("app.wasm") == "good evening\n"
    assert program.scons().up_to_date


def test_changed_option_only_links(program: Project) -> None:
    assert program.scons("flags=--export=greeting").steps == ["LINK app.wasm"]
    assert "greeting" in program.exports("app.wasm")
    assert program.scons("flags=--export=greeting").up_to_date


def test_deleted_module_links(program: Project) -> None:
    first = program.path("app.wasm").read_bytes()
    program.path("app.wasm").unlink()
    assert program.scons().steps == ["LINK app.wasm"]
    assert program.path("app.wasm").read_bytes() == first


def test_header_compiles(project: Project) -> None:
    project.sconstruct('env.WasmProgram("app", ["main.c"], CPPPATH=["include"], CPPDEFINES={"NAME": "1"})\n')
    source = "#include <answer.h>\n#ifndef NAME\n#error\n#endif\nint main(void) { return ANSWER; }\n"
    project.write({"main.c": source, "include/answer.h": "#define ANSWER 42\n"})
    project.scons()
    project.write({"include/answer.h": "#define ANSWER 43\n"})
    assert project.scons().steps == ["CC main.wasm.o", "LINK app.wasm"]


def test_library(with_library: Project) -> None:
    assert with_library.run("app.wasm") == "good morning\n"
    assert with_library.scons().up_to_date


def test_changed_library_links(with_library: Project) -> None:
    with_library.write({"lib/greeting.c": OTHER_GREETING})
    assert with_library.scons("app.wasm").steps == [
        "CC lib/greeting.wasm.o",
        "AR lib/libgreeting.wasm.a",
        "LINK app.wasm",
    ]
    assert with_library.run("app.wasm") == "good evening\n"


def test_library_forms(project: Project) -> None:
    """A node, a ``#`` path, a name in a variable, and a library given as a source."""
    project.sconstruct("""\
        one = env.WasmLibrary("one", ["one.c"])
        env.WasmLibrary("sub/two", ["two.c"])
        env.WasmLibrary("sub/three", ["three.c"])
        four = env.WasmLibrary("four", ["four.c"])
        env["MORE"] = ["three"]
        env.WasmProgram("app", ["main.c", four], LIBS=[one, "two", "$MORE", "m"], LIBPATH="#/sub")
    """)
    names = ["one", "two", "three", "four"]
    project.write({f"{name}.c": f"int {name}(void) {{ return {len(name)}; }}\n" for name in names})
    calls = " + ".join(f"{name}()" for name in names)
    declarations = "".join(f"int {name}(void);\n" for name in names)
    source = f'#include <stdio.h>\n{declarations}int main(void) {{ printf("%d\\n", {calls}); return 0; }}\n'
    project.write({"main.c": source})
    project.scons()
    assert project.run("app.wasm") == "15\n"
    assert project.scons().up_to_date


def test_assembly_and_objects_as_sources(project: Project) -> None:
    project.sconstruct("""\
        added = env.WasmObject("added", "add.s")
        env.WasmProgram("app", ["main.c", added, env.WasmObject("twice.S")])
    """)
    function = (
        ".globl {0}\n.type {0},@function\n{0}:\n .functype {0} (i32) -> (i32)\n"
        " local.get 0\n i32.const {1}\n {2}\n end_function\n"
    )
    project.write(
        {
            "main.c": "#include <stdio.h>\nint add(int), twice(int);\n"
            'int main(void) { printf("%d\\n", twice(add(20))); return 0; }\n',
            "add.s": function.format("add", 1, "i32.add"),
            "twice.S": "#define FACTOR 2\n" + function.format("twice", "FACTOR", "i32.mul"),
        }
    )
    assert sorted(project.scons().steps) == [
        "AS added.wasm.o",
        "ASPP twice.wasm.o",
        "CC main.wasm.o",
        "LINK app.wasm",
    ]
    assert project.run("app.wasm") == "42\n"


def test_reactor(project: Project) -> None:
    project.sconstruct('env.WasmProgram("app", ["app.c"], WASMREACTOR=True, WASMEXPORTS=["answer"])\n')
    project.write({"app.c": "int answer(void) { return 42; }\n"})
    project.scons()
    assert {"_initialize", "answer", "memory"} <= project.exports("app.wasm")


def test_map_file_is_a_target(project: Project) -> None:
    project.sconstruct('env.WasmProgram("app", ["app.c"], WASMMAP=True)\n')
    project.write({"app.c": "int main(void) { return 0; }\n"})
    project.scons()
    assert "_start" in project.path("app.map").read_text(encoding="utf-8")
    project.path("app.map").unlink()
    assert project.scons().steps == ["LINK app.wasm"]
    project.scons("-c")
    assert not project.path("app.map").exists()


def test_same_bytes_in_another_directory(project: Project) -> None:
    for directory in ("first", "second/deeper"):
        other = Project(project.path(directory))
        other.write({"main.c": MAIN, "greeting.c": GREETING})
        other.sconstruct('env.WasmProgram("app", ["main.c", "greeting.c"])\n')
        other.scons()
    assert project.path("first/app.wasm").read_bytes() == project.path("second/deeper/app.wasm").read_bytes()


def test_variant_directories(project: Project) -> None:
    project.sconstruct("""\
        for name, flags in {"debug": ["-g", "-O0"], "release": ["-O2"]}.items():
            variant = env.Clone(WASMCCFLAGS=flags, WASMSTRIP="all" if name == "release" else False)
            variant.VariantDir(name, ".", duplicate=0)
            variant.WasmProgram(f"{name}/app", [f"{name}/main.c", f"{name}/greeting.c"])
    """)
    project.write({"main.c": MAIN, "greeting.c": GREETING})
    project.scons()
    assert project.run("debug/app.wasm") == project.run("release/app.wasm") == "good morning\n"
    assert project.path("release/app.wasm").stat().st_size < project.path("debug/app.wasm").stat().st_size
    assert project.scons().up_to_date


def test_names_are_relative_to_their_sconscript(project: Project) -> None:
    project.sconstruct("""\
        Export("env")
        SConscript(["parts/SConscript", "app/SConscript"])
    """)
    project.write(
        {
            "parts/SConscript": 'Import("env")\nenv.WasmStaticLibrary("greeting", ["greeting.c"])\n',
            "parts/greeting.c": GREETING,
            "app/SConscript": 'Import("env")\n'
            'env.WasmProgram("app", ["main.c"], LIBS=["greeting"], LIBPATH=["../parts"], '
            'WASMALLOWUNDEFINED=["host.txt"], WASMMAP="app.map")\n',
            "app/main.c": MAIN.replace("return 0", "extern int host(void); return host ? 0 : host()"),
            "app/host.txt": "",
        }
    )
    failed = project.scons(check=False)
    assert "undefined symbol: host" in failed.errors
    project.write({"app/host.txt": "host\n"})
    assert project.scons().steps == ["LINK app/app.wasm"]
    assert project.scons().up_to_date


def test_links_on_worker_threads(project: Project) -> None:
    """SCons's threads have small stacks."""
    names = [f"app{number}" for number in range(6)]
    project.sconstruct(f"""\
        for name in {names!r}:
            parts = [env.WasmObject(f"{{name}}-{{part}}", f"{{part}}.c") for part in ("main", "greeting")]
            env.WasmProgram(name, parts)
    """)
    project.write({"main.c": MAIN, "greeting.c": GREETING})
    project.scons("-j4", "--random")
    assert {project.run(f"{name}.wasm") for name in names} == {"good morning\n"}


def test_generated_by_a_cxx_program_is_still_c(project: Project) -> None:
    """The C++ library is for what is linked, not for what took part in making it."""
    project.sconstruct("""\
        generated = env.Command("generated.c", "generator.cpp", Copy("$TARGET", "$SOURCE"))
        env.WasmProgram("app", generated)
    """)
    project.write({"generator.cpp": "int main(void) { return 0; }\n"})
    assert "libc++.a" not in project.scons("--tree=all").output
