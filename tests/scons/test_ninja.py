"""The build files of SCons's tool ``ninja``: ninja builds what SCons would."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.scons.conftest import Project
from wasmlink_tool.scons.command_string import COMMAND

SOURCES = {
    "main.c": '#include <stdio.h>\n#include "value.h"\nint main(void) { printf("%d\\n", VALUE); return 0; }\n',
    "value.h": "#define VALUE 42\n",
}

Ninja = Callable[..., str]


@pytest.fixture
def ninja(project: Project) -> Ninja:
    """Write the build file, then build with ninja; what it prints."""
    package = pytest.importorskip("ninja", reason="the ninja package is not installed (pip install ninja)")
    places = [project.variables["PYTHONPATH"], str(Path(package.__file__).parents[1])]
    project.variables["PYTHONPATH"] = os.pathsep.join(places)
    program = shutil.which("ninja") or shutil.which("ninja", path=str(Path(sys.executable).parent))
    if program is None:
        pytest.skip("the program ninja is not installed")

    def run(*targets: str, generate: bool = True) -> str:
        if generate:
            project.scons("--disable-execute-ninja", "generate-ninja")
        done = subprocess.run(
            [program, *targets],
            cwd=project.directory,
            env=project.variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def sconstruct(project: Project, text: str) -> None:
    project.sconstruct(
        f'env["WASMLINKCOM"] = {COMMAND!r}\nSetOption("experimental", "ninja")\nenv.Tool("ninja")\n{text}'
    )


@pytest.mark.slow
def test_programs(project: Project, ninja: Ninja) -> None:
    """Plain commands, which need no SCons: ninja's rule for what does need it appears in no build of ours."""
    sconstruct(project, 'env.Alias("modules", env.WasmProgram("app", ["main.c"]))\n')
    project.write(SOURCES)
    ninja("app.wasm")
    build_file = project.path("build.ninja").read_text(encoding="utf-8")
    builds = [line for line in build_file.splitlines() if line.startswith("build app.wasm:")]
    assert builds and all("TEMPLATE" not in line for line in builds)
    assert project.run("app.wasm") == "42\n"
    assert "no work to do" in ninja("app.wasm", generate=False)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".c", ".cpp"])
@pytest.mark.parametrize("builder", ["WasmObject", "WasmSharedObject"])
def test_a_header_that_changed_compiles_again(project: Project, ninja: Ninja, builder: str, suffix: str) -> None:
    sconstruct(project, f'env.{builder}("main{suffix}", WASMOBJSUFFIX=".o", WASMSHOBJSUFFIX=".o")\n')
    project.write(
        {f"main{suffix}": '#include "value.h"\nint value() { return VALUE; }\n', "value.h": SOURCES["value.h"]}
    )
    ninja("main.o")
    before = project.path("main.o").read_bytes()
    project.path("value.h").write_text("#define VALUE 7\n", encoding="utf-8")
    assert "main.o" in ninja("main.o", generate=False)
    assert project.path("main.o").read_bytes() != before
    assert "no work to do" in ninja("main.o", generate=False)


@pytest.mark.slow
def test_an_archive_loses_the_members_that_left(project: Project, ninja: Ninja) -> None:
    """This includes archives with more objects than fit on a command line."""
    for sources in (["one.c", "two.c"], ["one.c"]):
        sconstruct(project, f'env.WasmStaticLibrary("parts", {sources!r}, WASMLIBC=False)\n')
        project.write({source: f"int {source[:3]}(void) {{ return 1; }}\n" for source in sources})
        ninja("libparts.wasm.a")
    assert b"one.wasm.o/" in project.path("libparts.wasm.a").read_bytes()
    assert b"two.wasm.o/" not in project.path("libparts.wasm.a").read_bytes()
