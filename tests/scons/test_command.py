"""``WASMLINKCOM`` as a command string: the same links as processes of the command."""

from __future__ import annotations

import json
from pathlib import Path

from tests.scons.conftest import Project
from wasmlink_tool.scons.command_string import COMMAND

SOURCES = {
    "main.c": '#include <stdio.h>\nint part(void);\nint main(void) { printf("%d\\n", part()); return 0; }\n',
    "part.c": "int part(void) { return 42; }\n",
}
BODY = """\
    if ARGUMENTS.get("command"):
        env["WASMLINKCOM"] = {command!r}
    env.WasmLibrary("part", "part.c")
    env.WasmProgram("app", "main.c", LIBS="part", LIBPATH=".", WASMEXPORTS=["part"], WASMMAP=True,
                    WASMDEPENDENCYFILE=True, WASMSTRIP="debug")
"""


def test_same_bytes(project: Project) -> None:
    project.sconstruct(BODY.format(command=COMMAND))
    project.write(SOURCES)
    project.scons()
    names = ("app.wasm", "app.map", "app.d")
    first = [project.path(name).read_bytes() for name in names]
    for name in names:
        project.path(name).unlink()
    assert project.scons("command=1").steps == ["LINK app.wasm"]
    assert [project.path(name).read_bytes() for name in names] == first
    assert project.scons("command=1").up_to_date
    assert project.run("app.wasm") == "42\n"


def test_what_changes_the_link_runs_the_command(project: Project) -> None:
    project.sconstruct(f'env["WASMLINKCOM"] = {COMMAND!r}\n' + 'env.WasmProgram("app", Glob("*.c"))\n')
    project.write(SOURCES)
    project.scons()
    project.write({"part.c": SOURCES["part.c"] + "/* as before */\n"})
    assert project.scons().steps == ["CC part.wasm.o"]
    project.write({"part.c": SOURCES["part.c"].replace("42", "43")})
    assert project.scons().steps == ["CC part.wasm.o", "LINK app.wasm"]
    assert project.run("app.wasm") == "43\n"


def test_failure(project: Project) -> None:
    project.sconstruct(f'env["WASMLINKCOM"] = {COMMAND!r}\n' + 'env.WasmProgram("app", "main.c")\n')
    project.write(SOURCES)
    outcome = project.scons(check=False)
    assert outcome.status == 2
    assert "wasmlink: error: main.wasm.o: undefined symbol: part" in outcome.errors.replace("\n>>> ", " ")


def test_dependency_file_names_all_inputs(project: Project) -> None:
    project.sconstruct(BODY.format(command=COMMAND))
    project.write(SOURCES)
    project.scons("command=1")
    text = project.path("app.d").read_text(encoding="utf-8").replace("\\\n", " ")
    target, _, inputs = text.splitlines()[0].partition(":")
    assert target == "app.wasm"
    names = {Path(name).name for name in inputs.split()}
    assert {"main.wasm.o", "libpart.wasm.a", "crt1-command.o", "libc.a"} <= names


def test_compile_commands(project: Project) -> None:
    project.sconstruct("""\
        env.Tool("compilation_db")
        env.CompilationDatabase()
        env.WasmProgram("app", ["main.c", "other.cpp"])
    """)
    project.write({"main.c": "int main(void) { return 0; }\n", "other.cpp": "int other() { return 0; }\n"})
    project.scons("compile_commands.json")
    entries = json.loads(project.path("compile_commands.json").read_text(encoding="utf-8"))
    assert [(entry["file"], entry["output"]) for entry in entries] == [
        ("main.c", "main.wasm.o"),
        ("other.cpp", "other.wasm.o"),
    ]
    assert all(" -c -o " in entry["command"] for entry in entries)
    assert " cc " in entries[0]["command"] and " c++ " in entries[1]["command"]
