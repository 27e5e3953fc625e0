"""Names with blanks, names that look like options, many long names, and misspelt names of variables."""

from __future__ import annotations

import pytest

from tests.scons.conftest import ROOT, Project
from wasmlink_tool.scons.command_string import COMMAND

MAIN = "int f(void);\nint main(void) { return f() - 3; }\n"
PART = "int f(void) { return 3; }\n"
BARE = 'WASMLIBC=False, WASMENTRY=None, WASMEXPORTS=["f"]'


@pytest.mark.parametrize(
    "setting",
    [
        'LIBS=["f"], LIBPATH=["my libs"]',
        'LIBS=["f"], LIBPATH=[Dir("my libs")]',
        'LIBS=["f"], LIBPATH=["#my libs"]',
        'LIBS=["f"], LIBPATH=["$WHERE"], WHERE="my libs"',
        'LIBS=["f"], LIBPATH="$WHERE elsewhere", WHERE=["my libs"]',
        'LIBS=["f"], LIBPATH="elsewhere" + os.pathsep + "plain"',
        'LIBS="f g", LIBPATH="elsewhere plain"',
        'LIBS=[File("my libs/libf.wasm.a")]',
        'LIBS=["long name"], LIBPATH=["my libs"]',
        'LIBS=[":libf.wasm.a"], LIBPATH=["my libs"]',
    ],
)
def test_blanks_in_elements_of_lists(project: Project, setting: str) -> None:
    """An element of a list is one name; a string is split, as SCons does."""
    project.sconstruct(f"""\
        import os
        for library in ("my libs/f", "my libs/long name", "plain/f", "plain/g"):
            env.WasmStaticLibrary(library, env.WasmObject(library + "-part", "part.c"), WASMLIBC=False)
        env.WasmProgram("app", "main.c", {setting})
    """)
    project.write({"main.c": MAIN, "part.c": PART})
    project.scons("app.wasm")
    assert project.run("app.wasm") == ""
    assert project.scons("app.wasm").up_to_date


def test_blanks_in_a_list_of_symbols(project: Project) -> None:
    project.sconstruct('env.WasmProgram("app", "main.c", WASMALLOWUNDEFINED=["my symbols.txt"])\n')
    project.write({"main.c": MAIN, "my symbols.txt": "f\n"})
    project.scons()
    assert project.path("app.wasm").exists()


@pytest.mark.parametrize("command", ["", COMMAND], ids=["action", "command"])
@pytest.mark.parametrize("name", ["-x.o", "@x.o", "--help.o"])
def test_an_object_that_is_called_like_an_option(project: Project, name: str, command: str) -> None:
    project.sconstruct(f"""\
        made = env.WasmObject("made", "part.c", WASMLIBC=False)
        copied = env.Command({name!r}, made, Copy("$TARGET", "$SOURCE"))
        if {command!r}:
            env["WASMLINKCOM"] = {command!r}
        env.WasmProgram("app", copied, {BARE})
        library = env.WasmStaticLibrary("parts", copied)
        env.WasmProgram("other", [], LIBS=library, {BARE})
    """)
    project.write({"part.c": PART, "x.o": "-o stolen.wasm"})
    project.scons()
    assert "f" in project.exports("app.wasm") & project.exports("other.wasm")
    assert not project.path("stolen.wasm").exists()
    assert project.scons().up_to_date


@pytest.mark.slow
@pytest.mark.parametrize("toolchain", ["zig"])
def test_more_objects_than_a_command_line_takes(project: Project, toolchain: str) -> None:
    directory = "/".join(["a-long-name-of-a-directory"] * 5)
    project.sconstruct(f"""\
        env.Replace(WASMTOOLCHAIN={toolchain!r}, WASMLINKCOM={COMMAND.replace("$_WASMSOURCES", "$SOURCES")!r})
        one = env.WasmObject("part.c", WASMLIBC=False)
        objects = [env.Command(f"{directory}/it's {{n}}.wasm.o", one, Copy("$TARGET", "$SOURCE")) for n in range(1200)]
        library = env.WasmStaticLibrary("many", objects)
        env.WasmProgram("app", objects, {BARE}, WASMLINKFLAGS=["-z", "muldefs"])
    """)
    project.write({"part.c": PART})
    project.scons("libmany.wasm.a", "app.wasm")
    archive = project.path("libmany.wasm.a").read_bytes()
    assert archive.count(b"it's ") == 1200
    assert "f" in project.exports("app.wasm")


def test_a_spawn_of_the_users_own_starts_commands(project: Project) -> None:
    project.sconstruct("""\
        def spawn(shell, escape, program, words, variables, start=env["SPAWN"]):
            print("STARTS", program.rpartition("/")[2], flush=True)
            return start(shell, escape, program, words, variables)
        env["SPAWN"] = spawn
        env.WasmStaticLibrary("parts", "part.c", WASMLIBC=False)
    """)
    project.write({"part.c": PART})
    assert project.scons().output.count("STARTS zig") == 2


# Variables


@pytest.mark.parametrize(
    ("call", "likely"),
    [
        ('env.WasmProgram("app", "part.c", WASMEXPORT=["f"])', "WASMEXPORTS"),
        ('env.WasmLoadableModule("app", "part.c", WASMEXPROTS=["f"])', "WASMEXPORTS"),
        ('env.WasmObject("part.c", WASMCFLAG="-O2")', "WASMCFLAGS"),
        ('env.WasmStaticLibrary("parts", "part.c", WASM_AR="ar")', "WASMAR"),
        ('env.Clone(WASMINITIAL_MEMORY=65536).WasmProgram("app", "part.c")', "WASMINITIALMEMORY"),
        ('env.WasmProgram("app", "part.c", WAMSEXPORTS=["f"])', "WASMEXPORTS"),
    ],
)
def test_a_misspelt_variable(project: Project, call: str, likely: str) -> None:
    project.sconstruct(call + "\n")
    project.write({"part.c": PART})
    outcome = project.scons(check=False)
    assert outcome.status == 2
    assert f": did you mean {likely}?" in outcome.errors
    assert (
        f'SConstruct", line {len(project.path("SConstruct").read_text().splitlines())}, in <module>' in outcome.errors
    )


def test_variables_of_the_users_own(project: Project) -> None:
    project.sconstruct("""\
        env.Replace(WASMTIME="wasmtime", WASMER="wasmer", WASM_OPT="wasm-opt", WASM="yes", WASM2WAT="wasm2wat")
        env.WasmObject("part.c", WASMLIBC=False)
    """)
    project.write({"part.c": PART})
    project.scons()


def test_every_documented_variable_is_known(project: Project) -> None:
    """Each may be set in an environment, and none is taken for another."""
    text = (ROOT / "docs" / "variables.md").read_text(encoding="utf-8")
    rows = [line.split(" | ")[0] for line in text.splitlines() if line.startswith("| `WASM")]
    names = {
        name for row in rows for name in row.replace("`", " ").replace(",", " ").split() if name.startswith("WASM")
    }
    assert len(names) > 60
    project.sconstruct(f"""\
        from wasmlink_tool.scons import variable_spelling
        print("unknown:", *sorted(set({sorted(names)!r}) - variable_spelling.known))
        Default([])
    """)
    assert "unknown:\n" in project.scons(check=False).output


@pytest.mark.parametrize(
    ("flags", "advice"),
    [
        ("-Wl,--export=f,-zstack-size=65536", "write --export=f -zstack-size=65536"),
        ("-Xlinker --export=f", "WASMLINKFLAGS has -Xlinker: it holds the linker's own options"),
    ],
)
def test_options_for_a_compiler_in_the_flags_of_the_linker(flags: str, advice: str, project: Project) -> None:
    project.sconstruct(f'env.WasmProgram("app", "part.c", WASMLINKFLAGS={flags!r})\n')
    project.write({"part.c": PART})
    outcome = project.scons(check=False)
    assert outcome.status == 2
    assert advice in outcome.errors


@pytest.mark.parametrize("builder", ["WasmProgram", "WasmLoadableModule", "WasmSharedLibrary"])
def test_an_export_that_nothing_defines(project: Project, builder: str) -> None:
    project.sconstruct(f'env.{builder}("app", "main.c", WASMEXPORTS=["nope"])\n')
    project.write({"main.c": "int main(void) { return 0; }\n"})
    outcome = project.scons(check=False)
    assert outcome.status == 2
    assert "symbol exported via --export not found: nope" in outcome.errors
