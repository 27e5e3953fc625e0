"""The builders: what they take, and what they make."""

from __future__ import annotations

import pytest

from tests.scons.conftest import Project

MAIN = "int one(void), two(void);\nint main(void) { return one() + two() - 3; }\n"
SOURCES = {
    "main.c": MAIN,
    "one.c": "int one(void) { return 1; }\n",
    "two.c": "int two(void) { return 2; }\n",
}

FORMS = {
    "one text": 'env.WasmProgram("app", "main.c one.c two.c".split())',
    "source alone": 'env.WasmProgram(["main.c", "one.c", "two.c"])',
    "keywords": 'env.WasmProgram(target="app", source=["main.c", "one.c", "two.c"])',
    "suffix given": 'env.WasmProgram("app.wasm", ["main.c", "one.c", "two.c"])',
    "nested lists": 'env.WasmProgram("app", [["main.c"], [["one.c"], "two.c"]])',
    "glob": 'env.WasmProgram("app", Glob("*.c"))',
    "nodes": 'env.WasmProgram(File("app.wasm"), [File("main.c"), env.WasmObject("one.c"), "two.c"])',
    "objects": 'env.WasmProgram("app", [env.WasmObject(name) for name in ("main.c", "one.c", "two.c")])',
    "library": 'env.WasmProgram("app", ["main.c", env.WasmLibrary("both", ["one.c", "two.c"])])',
    "library by name": 'env.WasmLibrary("both", ["one.c", "two.c"]); '
    'env.WasmProgram("app", ["main.c", "libboth.wasm.a"])',
    "object by name": 'env.WasmObject("one.c"); env.WasmProgram("app", ["main.c", "one.wasm.o", "two.c"])',
    "generated": 'made = env.Command("made.c", "two.c", Copy("$TARGET", "$SOURCE")); '
    'env.WasmProgram("app", ["main.c", "one.c", made])',
    "variables": 'env["NAME"] = "app"; env["FIRST"] = "one"; '
    'env.WasmProgram("${NAME}", ["main.c", "${FIRST}.c", "two.c"])',
    "chdir of a subdirectory": 'env.WasmProgram("out/app", ["main.c", "one.c", "two.c"])',
}


@pytest.mark.parametrize("form", FORMS)
def test_forms(project: Project, form: str) -> None:
    *first, last = FORMS[form].split("; ")
    project.sconstruct("\n".join([*first, f"modules = {last}", 'print("MADE", *modules)']) + "\n")
    project.write(SOURCES)
    outcome = project.scons()
    name = {"source alone": "main.wasm", "chdir of a subdirectory": "out/app.wasm"}.get(form, "app.wasm")
    assert f"MADE {name}" in outcome.output.splitlines()
    assert project.run(name) == ""
    assert project.scons().up_to_date


def test_no_entry(project: Project) -> None:
    project.sconstruct("""\
        env.Replace(WASMLIBC=False)
        env.WasmProgram("none", "f.c", WASMENTRY=None, WASMEXPORTS="f")
        env.WasmProgram("named", "f.c", WASMENTRY="f")
    """)
    project.write({"f.c": "int f(void) { return 0; }\n"})
    project.scons()
    assert project.exports("none.wasm") == {"f", "memory"}
    assert project.exports("named.wasm") == {"f", "memory"}


def test_llvm_ir(project: Project) -> None:
    project.sconstruct('env.WasmProgram("app", "f.ll", WASMLIBC=False, WASMENTRY=None, WASMEXPORTS="f")\n')
    project.write({"f.ll": "define i32 @f() {\n  ret i32 42\n}\n"})
    project.scons()
    assert "f" in project.exports("app.wasm")


def test_emitters(project: Project) -> None:
    project.sconstruct("""\
        def more(target, source, env):
            return target, source + env.WasmObject("two.c")

        def noted(target, source, env):
            print("EMITTED", *target)
            return target, source

        env.Append(WASMOBJEMITTER=[noted])
        env.WasmLibrary("both", "one.c", WASMLIBEMITTER=[more, noted])
        env.WasmProgram("app", "main.c", LIBS=["both"], LIBPATH=".", WASMPROGEMITTER=noted)
    """)
    project.write(SOURCES)
    output = project.scons().output
    assert "EMITTED libboth.wasm.a" in output and "EMITTED app.wasm" in output and "EMITTED one.wasm.o" in output
    assert project.run("app.wasm") == ""


SIDE_FILES = """\
    env.CacheDir("cache")
    module = env.WasmProgram("out/app", "main.c", WASMMAP=True, WASMDEPENDENCYFILE="app.deps",
                             WASMLINKFLAGS="--why-extract=${TARGET.base}.why")
    print("MADE", *module)
    env.Install("installed", module)
"""


def test_side_files_are_targets(project: Project) -> None:
    names = ["out/app.wasm", "out/app.map", "app.deps", "out/app.why"]
    project.sconstruct(SIDE_FILES)
    project.write({"main.c": "int main(void) { return 0; }\n"})
    outcome = project.scons()
    assert f"MADE {' '.join(names)}" in outcome.output.splitlines()
    first = {name: project.path(name).read_bytes() for name in names}
    assert {f"installed/{name.rpartition('/')[2]}" for name in names} <= project.files()
    assert project.scons().up_to_date

    project.path("app.deps").unlink()
    assert "LINK" not in "".join(project.scons().steps)
    project.scons("-c")
    assert not any(project.path(name).exists() for name in names)
    assert project.scons().steps == []
    assert {name: project.path(name).read_bytes() for name in names} == first


def test_choosing_a_toolchain(project: Project) -> None:
    project.sconstruct("""\
        import wasmlink_tool.scons as tool
        env.WasmToolchain("zig")
        print("zig", tool.exists(env))
        print("nowhere", tool.exists(env.Clone(WASMCC="no-such-compiler")), tool.exists(env.Clone(WASMTOOLCHAIN="/no")))
        again = Environment(
            tools=[("wasmlink", {"toolchain": "/no/sdk"})], toolpath=[PyPackageDir("wasmlink_tool.site_tools")]
        )
        print("argument", again["WASMTOOLCHAIN"])
        env.WasmToolchain("/no/sdk")
    """)
    outcome = project.scons(check=False)
    assert outcome.output.splitlines()[:3] == ["zig True", "nowhere False False", "argument /no/sdk"]
    assert "scons: *** /no/sdk is not a WASI SDK" in outcome.errors
    assert 'SConstruct", line' in outcome.errors


def test_variants(project: Project) -> None:
    project.sconstruct("""\
        variants = env.WasmVariants(
            {
                "build": {"debug": {"WASMCCFLAGS": ["-g"]}, "release": {"WASMCCFLAGS": ["-O2"], "WASMSTRIP": "all"}},
                "kind": {"": {}, "reactor": {"WASMREACTOR": True, "WASMEXPORTS": ["one"]}},
            }
        )
        for variant in variants:
            variant.WasmProgram("$WASMVARIANTDIR/app", [f"$WASMVARIANTDIR/{name}.c" for name in ("main", "one", "two")])
    """)
    project.write(SOURCES)
    project.scons("-j2")
    assert project.run("build/debug/app.wasm") == project.run("build/release/app.wasm") == ""
    assert {"_initialize", "one"} <= project.exports("build/release-reactor/app.wasm")
    assert project.path("build/release/app.wasm").stat().st_size < project.path("build/debug/app.wasm").stat().st_size
    assert project.scons().up_to_date


def test_variants_of_the_wrong_form(project: Project) -> None:
    project.sconstruct('env.WasmVariants({"build": {"debug": "-g"}})\n')
    outcome = project.scons(check=False)
    assert "WasmVariants: build must be a dict of dicts" in outcome.errors
    assert 'SConstruct", line' in outcome.errors


def test_progress_on_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    import sys
    import time

    from wasmlink_tool.scons import progress as module

    monkeypatch.setattr(module, "PATIENCE", 0.02)
    progress = module.Progress()
    with progress.link("quiet.wasm"):
        time.sleep(0.1)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress.link("quick.wasm"):
        pass
    with progress.link("slow.wasm"), progress.link("slower.wasm"):
        time.sleep(0.2)
    shown = capsys.readouterr().err
    assert "linking slow.wasm, slower.wasm (0 s)" in shown
    assert "quick" not in shown
    assert shown.endswith("\r\x1b[K")
