"""A module is linked again exactly when one of its dependencies changed.

One project is built once for each decider and copied for every test, with its signature file and its time stamps.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.scons.conftest import Outcome, Project

DECIDERS = ("content", "content-timestamp", "timestamp-newer")

SCONSTRUCT = """\
import atexit, sys
atexit.register(lambda: print("RESOLVED" if "wasmlink_tool.extraction" in sys.modules else "REMEMBERED"))
Decider({decider!r})
env.Replace(WASMLIBC=False, WASMENTRY=None, WASMEXPORTS=["run"], WASMCCFLAGS=ARGUMENTS.get("ccflags", "-O1"))
env.Replace(WASMLIBPATH=["lib"], WASMLIBS=ARGUMENTS.get("libs", "shapes first second idle").split())
# The program stands before its libraries: the order of an SConstruct does not matter.
env.WasmProgram("app", ["main.c", "part.c"], WASMLINKFLAGS=ARGUMENTS.get("flags", "").split())
for name in ("shapes", "first", "second", "idle"):
    env.WasmStaticLibrary("lib/" + name, Glob("lib/" + name + "/*.c"))
"""

MAIN = "int area(int), pick(void), part(void);\nint run(void) { return area(pick()) + part(); }\n"
FILES = {
    "main.c": MAIN,
    "part.c": "int helper(void) { return 1; }\nint part(void) { return 2; }\n",
    "lib/shapes/circle.c": "int area(int r) { return 3 * r * r; }\n",
    "lib/shapes/square.c": "int square(int a) { return a * a; }\n",
    "lib/first/pick.c": "int pick(void) { return 1; }\n",
    "lib/second/pick.c": "int pick(void) { return 2; }\n",
    "lib/idle/idle.c": "int idle(void) { return 0; }\n",
}


class Library(Project):
    """The project; its files are older than anything that is built or written from now on."""

    decider = ""

    def write_now(self, name: str, text: str) -> None:
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def age(self) -> None:
        """Make everything older: deciders see whole seconds, and must not take one change for another's time."""
        for path in self.directory.rglob("*"):
            if path.is_file():
                status = path.stat()
                os.utime(path, (status.st_atime - 100, status.st_mtime - 100))

    def after(self, name: str, text: str, *arguments: str) -> Outcome:
        """Return the commands that run after a change of one file. Nothing runs after that, and a clean link writes the
        same bytes."""
        self.write_now(name, text)
        return self.settled(*arguments)

    def settled(self, *arguments: str) -> Outcome:
        outcome = self.scons(*arguments)
        again = self.scons(*arguments)
        assert again.up_to_date, again.output
        assert "REMEMBERED" in again.output
        module = self.path("app.wasm")
        made = module.read_bytes()
        module.unlink()
        assert self.scons(*arguments).steps == ["LINK app.wasm"]
        assert module.read_bytes() == made
        return outcome

    def under_content(self, *steps: str) -> list[str]:
        """Steps that follow a change of an object's time alone only where times count."""
        return [*steps, "LINK app.wasm"] if self.decider == "timestamp-newer" else list(steps)


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    built: dict[str, Path] = {}

    def template(decider: str) -> Path:
        if decider not in built:
            project = Library(tmp_path_factory.mktemp("template"))
            project.sconstruct(SCONSTRUCT.format(decider=decider))
            project.write(FILES)
            assert len(project.scons("-j2").steps) == 12
            project.age()
            # What is built next must not have the very second that the signature file knows.
            time.sleep(1.1)
            built[decider] = project.directory
        return built[decider]

    return template


@pytest.fixture(params=DECIDERS)
def library(request: pytest.FixtureRequest, templates: Callable[[str], Path], tmp_path: Path) -> Library:
    directory = tmp_path / "project"
    shutil.copytree(templates(request.param), directory)
    project = Library(directory)
    project.decider = request.param
    return project


def test_nothing(library: Library) -> None:
    outcome = library.scons()
    assert outcome.up_to_date
    # No object is parsed anew: the part of the linker that would is not even loaded.
    assert "REMEMBERED" in outcome.output


def test_comment(library: Library) -> None:
    assert library.after("main.c", "/* as before */ " + MAIN).steps == library.under_content("CC main.wasm.o")


def test_function(library: Library) -> None:
    steps = library.after("main.c", MAIN.replace("+ part()", "- part()")).steps
    assert steps == ["CC main.wasm.o", "LINK app.wasm"]


def test_member_that_is_not_extracted(library: Library) -> None:
    steps = library.after("lib/shapes/square.c", "int square(int a) { return a * a * a; }\n").steps
    assert steps == ["CC lib/shapes/square.wasm.o", "AR lib/libshapes.wasm.a"]


def test_new_member_that_nothing_needs(library: Library) -> None:
    steps = library.after("lib/shapes/extra.c", "int extra(void) { return 7; }\n").steps
    assert steps == ["CC lib/shapes/extra.wasm.o", "AR lib/libshapes.wasm.a"]


def test_member_that_is_extracted(library: Library) -> None:
    outcome = library.after("lib/shapes/circle.c", "int area(int r) { return 4 * r * r; }\n", "--debug=explain")
    assert outcome.steps == ["CC lib/shapes/circle.wasm.o", "AR lib/libshapes.wasm.a", "LINK app.wasm"]
    assert "`lib/libshapes.wasm.a(circle.wasm.o)' changed\n" in outcome.output
    if library.decider == "content":
        assert "rebuilding `app.wasm' because `lib/libshapes.wasm.a(circle.wasm.o)' changed\n" in outcome.output


def test_source_that_needs_another_member(library: Library) -> None:
    needing = MAIN.replace("int area(int)", "int area(int), square(int)").replace("+ part()", "+ square(part())")
    outcome = library.after("main.c", needing, "--debug=explain")
    assert outcome.steps == ["CC main.wasm.o", "LINK app.wasm"]
    assert "`lib/libshapes.wasm.a(square.wasm.o)' is a new dependency\n" in outcome.output
    assert "circle" not in outcome.output
    library.age()
    steps = library.after("lib/shapes/square.c", "int square(int a) { return a * a * a; }\n").steps
    assert steps == ["CC lib/shapes/square.wasm.o", "AR lib/libshapes.wasm.a", "LINK app.wasm"]


def test_library_that_gives_nothing(library: Library) -> None:
    steps = library.after("lib/idle/idle.c", "int idle(void) { return 1; }\n").steps
    assert steps == ["CC lib/idle/idle.wasm.o", "AR lib/libidle.wasm.a"]


def test_new_member_that_defines_what_another_did(library: Library) -> None:
    outcome = library.after("lib/shapes/a.c", "int area(int r) { return r; }\n", "--debug=explain")
    assert outcome.steps == ["CC lib/shapes/a.wasm.o", "AR lib/libshapes.wasm.a", "LINK app.wasm"]
    assert "`lib/libshapes.wasm.a(circle.wasm.o)' is no longer a dependency\n" in outcome.output
    assert "`lib/libshapes.wasm.a(a.wasm.o)' is a new dependency\n" in outcome.output


@pytest.mark.parametrize("flags", ["--export=helper", "-zstack-size=131072", "--strip-all"])
def test_link_option(library: Library, flags: str) -> None:
    outcome = library.settled(f"flags={flags}", "--debug=explain")
    assert outcome.steps == ["LINK app.wasm"]
    if library.decider == "content-timestamp":
        # SCons itself names objects of another time here, and is content with that.
        return
    assert "because the build action changed:\n" in outcome.output
    (new,) = (line.split() for line in outcome.output.splitlines() if line.startswith("               new: wasmlink "))
    assert {"--export=run", flags} <= set(new)


@pytest.mark.parametrize("argument", ["flags=--verbose --threads=2", "-j4"])
def test_option_without_consequences(library: Library, argument: str) -> None:
    assert library.scons(argument).up_to_date


def test_compile_option_without_consequences(library: Library) -> None:
    outcome = library.scons("ccflags=-O1 -DNOT_USED", "app.wasm")
    assert outcome.steps.count("LINK app.wasm") == (library.decider == "timestamp-newer")
    assert "CC main.wasm.o" in outcome.steps


def test_order_of_libraries(library: Library) -> None:
    before = library.path("app.wasm").read_bytes()
    outcome = library.settled("libs=shapes second first idle", "--debug=explain")
    assert outcome.steps == ["LINK app.wasm"]
    assert "`lib/libsecond.wasm.a(pick.wasm.o)' is a new dependency\n" in outcome.output
    assert library.path("app.wasm").read_bytes() != before


def test_libraries_that_give_nothing_in_another_order(library: Library) -> None:
    assert library.scons("libs=idle shapes first second").up_to_date
    assert library.scons("libs=shapes first second").up_to_date


def test_deleted_module(library: Library) -> None:
    library.path("app.wasm").unlink()
    assert library.settled().steps == ["LINK app.wasm"]


def test_implicit_cache(library: Library) -> None:
    """Stored dependencies are not believed: an archive may give other members than before."""
    assert library.scons("--implicit-cache").up_to_date
    library.write_now("lib/shapes/a.c", "int area(int r) { return r; }\n")
    assert library.scons("--implicit-cache").steps[-1] == "LINK app.wasm"
    assert library.scons("--implicit-cache").up_to_date
    library.age()
    library.write_now("lib/shapes/square.c", "int square(int a) { return a + a; }\n")
    assert library.scons("--implicit-cache").steps == ["CC lib/shapes/square.wasm.o", "AR lib/libshapes.wasm.a"]
    library.age()
    library.write_now("lib/shapes/a.c", "int area(int r) { return r + 1; }\n")
    assert library.scons("--implicit-cache").steps[-1] == "LINK app.wasm"
    assert library.scons().up_to_date


def test_interactive_mode(library: Library) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "SCons", "-Q", "--interactive"],
        cwd=library.directory,
        env=library.variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def build() -> list[str]:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write("build\n!echo DONE\n")
            process.stdin.flush()
            steps = []
            for line in process.stdout:
                shown = line.replace("scons>>> ", "").rstrip()
                if shown == "DONE":
                    break
                steps += [shown] if shown.startswith(("CC", "AR", "LINK")) else []
            return steps

        assert build() == []
        library.write_now("lib/shapes/square.c", "int square(int a) { return a; }\n")
        assert build() == ["CC lib/shapes/square.wasm.o", "AR lib/libshapes.wasm.a"]
        library.age()
        library.write_now("lib/shapes/circle.c", "int area(int r) { return r; }\n")
        assert build() == ["CC lib/shapes/circle.wasm.o", "AR lib/libshapes.wasm.a", "LINK app.wasm"]
        library.age()
        library.write_now("lib/idle/idle.c", "int idle(void) { return 2; }\n")
        assert build() == ["CC lib/idle/idle.wasm.o", "AR lib/libidle.wasm.a"]
        assert build() == []
        process.stdin.close()
