"""Sizes under SCons: the report as a target, a line when the size changes, and a limit that fails the build."""

from __future__ import annotations

import re

import pytest

from tests.scons.conftest import Project

SMALL = "int main(void) { return 3; }\n"
LARGE = """\
int printf(const char *, ...);
int main(void) { return printf("%d %f\\n", 3, 1.5) < 0; }
"""


def notes(output: str) -> list[str]:
    return [line for line in output.splitlines() if re.match(r"app\.wasm [\d,]+ bytes \(", line)]


def test_a_line_is_printed_when_the_size_changes(project: Project) -> None:
    project.sconstruct('env.WasmProgram("app", "app.c", WASMSTRIP="debug")')
    project.write({"app.c": SMALL})
    assert notes(project.scons().output) == []
    small = project.path("app.wasm").stat().st_size
    project.write({"app.c": LARGE})
    (note,) = notes(project.scons().output)
    large = project.path("app.wasm").stat().st_size
    assert note.startswith(f"app.wasm {large:,} bytes (+{large - small:,}: ")
    assert "printf_core +" in note
    assert notes(project.scons().output) == []
    project.write({"app.c": SMALL})
    assert f"({small - large:,}: " in notes(project.scons("-j2").output)[0]


@pytest.mark.parametrize("settings", ["WASMSIZENOTE=False", "WASMCACHE=None"])
def test_the_line_can_be_turned_off(project: Project, settings: str) -> None:
    project.sconstruct(f'env.WasmProgram("app", "app.c", {settings})')
    for text in (SMALL, LARGE, SMALL):
        project.write({"app.c": text})
        assert notes(project.scons().output) == []


def test_the_report_is_a_target(project: Project) -> None:
    project.sconstruct(
        """
        env.WasmProgram("app", "app.c", WASMSIZEREPORT=True)
        env.WasmProgram("other", "other.c", WASMSIZEREPORT="sizes.json")
        """
    )
    project.write({"app.c": SMALL, "other.c": SMALL})
    project.scons()
    assert project.path("app.size.html").read_text().startswith("<!DOCTYPE html>")
    assert project.path("sizes.json").read_text().startswith('{"format"')
    assert project.scons().up_to_date
    project.path("app.size.html").unlink()
    assert project.scons().steps == ["LINK app.wasm"]
    project.scons("-c")
    assert not project.path("app.size.html").exists()
    assert not project.path("sizes.json").exists()


def test_a_module_over_the_limit_fails_the_build(project: Project) -> None:
    project.sconstruct('env.WasmProgram("app", "app.c", WASMSIZELIMIT=ARGUMENTS.get("limit", "40k"))')
    project.write({"app.c": LARGE})
    outcome = project.scons("limit=1k", check=False)
    assert outcome.status
    assert "over its limit of 1,024" in outcome.errors
    assert "of function printf_core" in outcome.errors
    assert not project.path("app.wasm").exists()
    assert project.path("app.too-large.wasm").read_bytes().startswith(b"\0asm")
    assert project.scons("limit=10M").steps == ["LINK app.wasm"]
    assert project.scons("limit=gzip:1M").steps == ["LINK app.wasm"]


@pytest.mark.parametrize("value", ['"many"', "True", "3.5", '["a"]'])
def test_a_wrong_limit_is_an_error_of_the_call(project: Project, value: str) -> None:
    project.sconstruct(f'env.WasmProgram("app", "app.c", WASMSIZELIMIT={value})')
    project.write({"app.c": SMALL})
    outcome = project.scons(check=False)
    assert outcome.status
    assert "WASMSIZELIMIT is" in outcome.output + outcome.errors


def test_the_smallest_module(project: Project) -> None:
    """``WASMSIZE`` compiles for size and links with ``--smallest``; explicit flags and ``WASMSTRIP`` count."""
    project.sconstruct(
        """
        env["WASMCCCOMSTR"] = env["WASMLINKCOMSTR"] = None
        env.WasmProgram("small", "app.c", OBJPREFIX="s-", WASMSIZE=True)
        env.WasmProgram("named", "app.c", OBJPREFIX="n-", WASMSIZE=True, WASMSTRIP=False, WASMCCFLAGS="-O1")
        env.WasmRelocatable("whole", "app.c", OBJPREFIX="s-", WASMSIZE=True)
        """
    )
    project.write({"app.c": LARGE})
    lines = project.scons().output.splitlines()

    def command(target: str) -> list[str]:
        (words,) = [line.split() for line in lines if f"-o {target}" in line]
        return words

    assert "-Oz" in command("s-app.wasm.o")
    words = command("n-app.wasm.o")
    assert words.index("-Oz") < words.index("-O1")
    assert "--smallest" in command("small.wasm")
    assert {"--smallest", "--no-strip-all"} <= set(command("named.wasm"))
    assert "--smallest" not in command("s-whole.wasm.o")
    assert b"printf_core" in project.path("named.wasm").read_bytes()
    assert b"printf_core" not in project.path("small.wasm").read_bytes()
    assert project.run("small.wasm") == "3 1.500000\n" == project.run("named.wasm")


def test_identical_functions_are_folded(project: Project) -> None:
    project.sconstruct(
        """
        env.WasmProgram("plain", "app.c")
        env.WasmProgram("folded", "app.c", WASMICF="safe", WASMLINKFLAGS="--print-icf-sections")
        env.Clone(WASMICF="all").WasmRelocatable("again", "app.c")
        """
    )
    names = ("first", "second")
    text = "__attribute__((noinline)) int NAME(int n) { return n ? NAME(n / 3) * n : 7; }"
    functions = [text.replace("NAME", name) for name in names]
    calls = "int main(int count, char **words) { return first(count) + second(count); }"
    project.write({"app.c": "\n".join([*functions, calls, ""])})
    output = project.scons().output
    assert "removing identical section" in output
    sizes = [project.path(f"{name}.wasm").stat().st_size for name in ("folded", "plain")]
    assert sizes[0] < sizes[1]
    assert project.scons().up_to_date
