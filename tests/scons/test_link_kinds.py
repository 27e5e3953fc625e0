"""The builders of other things than static programs: relocatable objects, shared libraries, plug-ins; and the
variables for position-independent programs, threads and 64-bit memory."""

from __future__ import annotations

import json
import re

import pytest
import wasmtime

from tests.scons.conftest import Project
from tests.scons.test_builders import SOURCES
from tests.support.module import Limits, Module, read_module

FORMS = {
    "texts": '("all", ["one.c", "two.c"])',
    "keywords": '(target="all", source=["one.c", "two.c"])',
    "nested lists and a glob": '("all", [[Glob("one.c")], [["two.c"]]])',
    "nodes": '(File("{name}"), [File("one.c"), "two.c"])',
    "overrides": '("all", ["one.c", "two.c"], WASMSTRIP="debug", CCFLAGS=["-O1"])',
}
MADE = {
    "WasmRelocatable": "all.wasm.o",
    "WasmSharedLibrary": "liball.wasm.so",
    "WasmLoadableModule": "all.wasm.so",
}


def module(project: Project, name: str) -> Module:
    return read_module(project.path(name).read_bytes())


@pytest.mark.parametrize("form", FORMS)
def test_forms(project: Project, form: str) -> None:
    calls = [f"env.{builder}{FORMS[form].format(name=name)}" for builder, name in MADE.items()]
    project.sconstruct("\n".join(f'print("MADE", *{call})' for call in calls) + "\n")
    project.write(SOURCES)
    if form == "overrides":
        # The objects of one source with other flags would be other targets; here all calls give the same.
        assert "-O1" not in project.scons().output
    output = project.scons("-c").output + project.scons().output
    assert [line for line in output.splitlines() if line.startswith("MADE")][:3] == [
        f"MADE {name}" for name in MADE.values()
    ]
    assert all(project.path(name).exists() for name in MADE.values())
    assert project.scons().up_to_date


def test_relocatable_is_an_input(project: Project) -> None:
    """Nothing of the runtime, of the libraries or of a program's settings is in it."""
    project.sconstruct("""\
        env.Append(WASMEXPORTS=["main"], WASMSTACKSIZE=131072, WASMLIBS=["two"], WASMLIBPATH=["."])
        env.WasmStaticLibrary("two", "two.c")
        both = env.WasmRelocatable("both", ["main.c", "one.c"], WASMMAP=True)
        env.WasmProgram("app", both[0])
    """)
    project.write(SOURCES)
    project.scons()
    assert "linking" in dict(module(project, "both.wasm.o").customs)
    assert b"_start" not in project.path("both.wasm.o").read_bytes()
    assert project.path("both.wasm.map").exists()
    assert project.run("app.wasm") == ""
    assert project.scons().up_to_date
    project.write({"one.c": "int one(void) { return 0 + 1; }\nint more(void) { return 3; }\n"})
    steps = project.scons().steps
    assert steps == ["CC one.wasm.o", "LINK both.wasm.o", "LINK app.wasm"]


SHARED = {
    "shapes.c": """\
#include <stdlib.h>
#define API __attribute__((visibility("default")))
int area(int width, int height);
API int *sizes(int count) { return calloc(count, area(2, 3)); }
""",
    "area.c": '__attribute__((visibility("default"))) int area(int width, int height) { return width * height; }\n',
    "plugin.c": """\
int area(int width, int height);
extern int host_value;
__attribute__((visibility("default"))) int run(int x) { return area(x, host_value); }
""",
}


def dylink(project: Project, name: str) -> bytes:
    """The section for the dynamic linker, which must be the first."""
    section, content = module(project, name).customs[0]
    assert section == "dylink.0"
    return content


def test_shared_libraries(project: Project) -> None:
    """Undefined symbols are imported, libc's too; a library that another needs is named in it."""
    project.sconstruct("""\
        env.WasmSharedLibrary("area", "area.c")
        env.WasmSharedLibrary("shapes", ["shapes.c"], WASMLIBS=["area", "c", "m"], WASMLIBPATH=".", WASMMAP=True)
        env.WasmLoadableModule("plugin", "plugin.c", WASMLIBS=["area"], WASMLIBPATH=["."])
        env.WasmObject("area.c")
    """)
    project.write(SHARED)
    project.scons()
    built = {"area.wasm.o", "area.wasm.os", "libarea.wasm.so", "libshapes.wasm.so", "libshapes.wasm.map"}
    assert built <= project.files()
    assert "area" in project.exports("libarea.wasm.so")
    assert "sizes" in project.exports("libshapes.wasm.so")
    imports = {(entry.module, entry.name) for entry in module(project, "libshapes.wasm.so").imports}
    assert {("env", "calloc"), ("env", "area"), ("env", "__memory_base"), ("env", "memory")} <= imports
    assert b"libarea.wasm.so" in dylink(project, "libshapes.wasm.so")
    imports = {(entry.module, entry.name) for entry in module(project, "plugin.wasm.so").imports}
    assert {("env", "area"), ("GOT.mem", "host_value")} <= imports
    assert project.scons().up_to_date
    project.write({"area.c": SHARED["area.c"].replace("width * height", "height * width + 1")})
    steps = project.scons("-j2").steps
    assert {"CC area.wasm.os", "LINK libarea.wasm.so"} <= set(steps)
    project.scons("-c")
    assert not {"libarea.wasm.so", "area.wasm.os", "libshapes.wasm.map"} & project.files()


def test_shared_libraries_by_command(project: Project) -> None:
    """The command string links to the same bytes."""
    project.sconstruct("""\
        from wasmlink_tool.scons.command_string import COMMAND
        if ARGUMENTS.get("command"):
            env["WASMLINKCOM"] = COMMAND
        env.WasmSharedLibrary("area", "area.c")
        env.WasmRelocatable("both", ["area.c", "plugin.c"])
    """)
    project.write(SHARED)
    project.scons()
    names = ("libarea.wasm.so", "both.wasm.o")
    first = [project.path(name).read_bytes() for name in names]
    for name in names:
        project.path(name).unlink()
    project.scons("command=1")
    assert [project.path(name).read_bytes() for name in names] == first


def test_emitters(project: Project) -> None:
    project.sconstruct("""\
        def noted(target, source, env):
            print("EMITTED", *target)
            return target, source

        env.Append(WASMSHLIBEMITTER=[noted], WASMLDMODULEEMITTER=[noted], WASMRELOCATABLEEMITTER=[noted])
        env.WasmSharedLibrary("area", "area.c")
        env.WasmLoadableModule("plugin", "plugin.c")
        env.WasmRelocatable("both", ["area.c", "plugin.c"])
    """)
    project.write(SHARED)
    lines = project.scons("-n").output.splitlines()
    assert {"EMITTED libarea.wasm.so", "EMITTED plugin.wasm.so", "EMITTED both.wasm.o"} <= set(lines)


def test_errors_are_reported_at_the_call(project: Project) -> None:
    project.sconstruct('env.WasmSharedLibrary("area", "area.c", WASMSTRIP="most")\n')
    project.write(SHARED)
    outcome = project.scons(check=False)
    assert outcome.status == 2
    assert "scons: *** WASMSTRIP is 'most', but must be " in outcome.errors
    assert re.search(r'File ".*SConstruct", line \d+, in <module>', outcome.errors)


def test_position_independent_program(project: Project) -> None:
    project.sconstruct("""\
        env.WasmSharedLibrary("area", "area.c")
        env.WasmProgram(
            "main", env.WasmSharedObject("main.c"), WASMPIE=True, WASMLIBC=False, WASMENTRY=None, WASMEXPORTS="start",
            WASMLIBS="area", WASMLIBPATH="."
        )
    """)
    project.write({**SHARED, "main.c": "int area(int, int);\nint start(void) { return area(6, 7); }\n"})
    project.scons()
    assert b"libarea.wasm.so" in dylink(project, "main.wasm")
    assert "start" in project.exports("main.wasm")
    assert project.scons().up_to_date


def memory(project: Project, name: str) -> Limits:
    (limits,) = module(project, name).memories
    return limits


def test_shared_memory(project: Project) -> None:
    project.sconstruct("""\
        env.Replace(WASMSHAREDMEMORY=True, WASMLIBC=False, WASMENTRY=None, WASMEXPORTS=["count"])
        env.WasmProgram("counter", "counter.c", WASMMAXMEMORY=1 << 20)
    """)
    counter = "static int total;\nint count(void) { return __atomic_add_fetch(&total, 1, __ATOMIC_SEQ_CST); }\n"
    project.write({"counter.c": counter})
    project.scons()
    assert memory(project, "counter.wasm").flags == 3
    assert memory(project, "counter.wasm").maximum == 16


def test_memory64(project: Project) -> None:
    project.sconstruct("""\
        env.Replace(WASMTARGET="wasm64-freestanding", WASMLIBC=False, WASMENTRY=None, WASMEXPORTS=["size"])
        env.WasmProgram("wide", "wide.c")
    """)
    project.write({"wide.c": "int size(void) { return sizeof(void *); }\n"})
    project.scons()
    assert memory(project, "wide.wasm").flags & 4
    configuration = wasmtime.Config()
    configuration.wasm_memory64 = True
    engine = wasmtime.Engine(configuration)
    store = wasmtime.Store(engine)
    loaded = wasmtime.Module.from_file(engine, str(project.path("wide.wasm")))
    size = wasmtime.Instance(store, loaded, []).exports(store)["size"]
    assert isinstance(size, wasmtime.Func)
    assert size(store) == 8


def test_static_library_of_shared_objects(project: Project) -> None:
    """A shared library takes the members that it needs from an archive of position-independent objects."""
    project.sconstruct("""\
        env.WasmStaticLibrary("parts", env.WasmSharedObject(["area.c", "one.c"]))
        env.WasmSharedLibrary("shapes", "shapes.c", WASMLIBS=["parts"], WASMLIBPATH=["."])
    """)
    project.write({**SHARED, **SOURCES})
    project.scons()
    assert "area" in project.exports("libshapes.wasm.so")
    project.write({"one.c": "int one(void) { return 11; }\n"})
    assert project.scons().steps == ["CC one.wasm.os", "AR libparts.wasm.a"]


def test_compilation_database(project: Project) -> None:
    project.sconstruct("""\
        env.Tool("compilation_db")
        env.CompilationDatabase()
        env.WasmSharedLibrary("area", "area.c")
        Default("compile_commands.json")
    """)
    project.write(SHARED)
    project.scons()
    (entry,) = json.loads(project.path("compile_commands.json").read_text(encoding="utf-8"))
    assert entry["output"] == "area.wasm.os"
    assert " -fPIC " in entry["command"]


def test_variants_of_memories(project: Project) -> None:
    project.sconstruct("""\
        env.Replace(WASMLIBC=False, WASMENTRY=None, WASMEXPORTS=["size"])
        kinds = {"plain": {}, "threads": {"WASMSHAREDMEMORY": True}, "wide": {"WASMTARGET": "wasm64-freestanding"}}
        for variant in env.WasmVariants({"memory": kinds}):
            variant.WasmProgram("$WASMVARIANTDIR/size", "$WASMVARIANTDIR/size.c")
    """)
    project.write({"size.c": "int size(void) { return sizeof(void *); }\n"})
    project.scons("-j2")
    flags = {kind: memory(project, f"build/{kind}/size.wasm").flags for kind in ("plain", "threads", "wide")}
    assert flags["plain"] == 0 and flags["threads"] & 2 and flags["wide"] & 4
