"""The scanner under SCons's other ways to build: everywhere a module is linked when it must be, and not otherwise."""

from __future__ import annotations

import json
import os
import shutil
import textwrap
from pathlib import Path

import pytest

import wasmlink_tool
from tests.scons.conftest import PREAMBLE, Outcome, Project

SETTINGS = 'env.Replace(WASMLIBC=False, WASMENTRY=None, WASMEXPORTS=["run"], WASMCCFLAGS=["-O1"])\n'
MAIN = "int area(int);\nint run(void) { return area(2); }\n"
CIRCLE = "int area(int r) { return 3 * r * r; }\n"
SQUARE = "int square(int a) { return a * a; }\n"
LIBRARY = {"main.c": MAIN, "lib/circle.c": CIRCLE, "lib/square.c": SQUARE}
BUILD = """\
env.WasmProgram("app", ["main.c"], WASMLIBS=["shapes"], WASMLIBPATH=["lib"])
env.WasmStaticLibrary("lib/shapes", ["lib/circle.c", "lib/square.c"])
"""


@pytest.fixture
def plain(project: Project) -> Project:
    """A program and a library, not built yet."""
    return described(project, BUILD)


def described(project: Project, build: str) -> Project:
    project.sconstruct(SETTINGS + textwrap.dedent(build))
    project.write(LIBRARY)
    return project


def lines_about(name: str, outcome: Outcome) -> list[str]:
    return [line for line in outcome.steps if name in line]


def assert_incremental(project: Project, circle: str = "lib/circle.c", square: str = "lib/square.c") -> None:
    """After a build: nothing, then a member that is not linked, then one that is."""
    assert project.scons().up_to_date
    project.write({square: SQUARE.replace("*", "+")})
    steps = project.scons().steps
    assert [step.split()[0] for step in steps] == ["CC", "AR"]
    project.write({circle: CIRCLE.replace("3", "4")})
    steps = project.scons().steps
    assert [step.split()[0] for step in steps] == ["CC", "AR", "LINK"]
    assert project.scons().up_to_date


# Where files are


@pytest.mark.parametrize("duplicate", [0, 1])
def test_variant_directory(project: Project, duplicate: int) -> None:
    described(
        project,
        f"""\
        VariantDir("build", ".", duplicate={duplicate})
        env.WasmProgram("build/app", ["build/main.c"], WASMLIBS=["shapes", "vendor"], WASMLIBPATH=["build/lib"])
        env.WasmStaticLibrary("build/lib/shapes", ["build/lib/circle.c", "build/lib/square.c"])
        """,
    )
    # A library that came with the sources, in place of one that is built.
    vendor = Project(project.path("elsewhere"))
    vendor.sconstruct(SETTINGS + 'env.WasmStaticLibrary("vendor", ["vendor.c"])\n')
    vendor.write({"vendor.c": "int vendor(void) { return 1; }\n"})
    vendor.scons()
    shutil.copy(vendor.path("libvendor.wasm.a"), project.path("lib"))
    needing = MAIN.replace("return", "extern int vendor(void); return vendor() +")
    project.write({"main.c": needing})
    assert project.scons().steps[-1] == "LINK build/app.wasm"
    assert_incremental(project)
    vendor.write({"vendor.c": "int vendor(void) { return 2; }\n"})
    vendor.scons()
    shutil.copy(vendor.path("libvendor.wasm.a"), project.path("lib"))
    assert project.scons().steps == ["LINK build/app.wasm"]


def test_sconscript_tree(project: Project) -> None:
    described(
        project,
        """\
        Export("env")
        SConscript(["app/SConscript", "lib/SConscript"])
        """,
    )
    project.write(
        {
            "app/SConscript": 'Import("env")\n'
            'env.WasmProgram("app", ["#main.c"], WASMLIBS=["shapes"], WASMLIBPATH=["#lib"])\n',
            "lib/SConscript": 'Import("env")\nenv.WasmStaticLibrary("shapes", ["circle.c", "square.c"])\n',
        }
    )
    assert project.scons().steps[-1] == "LINK app/app.wasm"
    assert_incremental(project)
    below = project.path("app")
    up = Project(below)
    project.write({"lib/square.c": SQUARE})
    assert up.scons("-u").steps == ["CC lib/square.wasm.o", "AR lib/libshapes.wasm.a"]
    project.write({"lib/circle.c": CIRCLE})
    assert up.scons("-D").steps[-1] == "LINK app/app.wasm"


def test_repository(project: Project) -> None:
    central = described(Project(project.path("central")), BUILD)
    central.scons()
    work = Project(project.path("work"))
    repository = f"Repository({str(central.directory)!r})\n"
    # No file of its has the time of another in the repository.
    work.write(dict.fromkeys((f"nothing{number}" for number in range(100)), ""))
    work.write({"SConstruct": repository + PREAMBLE + SETTINGS + BUILD})
    # All that the repository has is of use.
    assert work.scons().up_to_date
    assert not [name for name in work.files() if name.endswith((".o", ".a", ".wasm"))]
    work.write({"lib/square.c": SQUARE.replace("*", "+")})
    assert work.scons().steps == ["CC lib/square.wasm.o", "AR lib/libshapes.wasm.a"]
    work.write({"lib/circle.c": CIRCLE.replace("3", "4")})
    assert work.scons().steps == ["CC lib/circle.wasm.o", "AR lib/libshapes.wasm.a", "LINK app.wasm"]
    assert work.scons().up_to_date


def test_archive_as_a_source(project: Project) -> None:
    described(
        project,
        """\
        shapes = env.WasmStaticLibrary("lib/shapes", ["lib/circle.c", "lib/square.c"])
        env.WasmProgram("app", ["main.c", shapes])
        """,
    )
    assert project.scons("-j4", "--random").steps[-1] == "LINK app.wasm"
    assert_incremental(project)


def test_archive_of_another_builder_and_of_any_name(project: Project) -> None:
    described(
        project,
        """\
        shapes = env.WasmStaticLibrary("lib/shapes", ["lib/circle.c", "lib/square.c"])
        copied = env.Command("copied.bin", shapes, Copy("$TARGET", "$SOURCE"))
        env.WasmProgram("app", ["main.c"], WASMLIBS=[copied])
        """,
    )
    assert project.scons("-j4", "--random").steps[-1] == "LINK app.wasm"
    assert_incremental(project)


# Files that options name


def test_symbol_list_and_response_files_in_flags(project: Project) -> None:
    described(
        project,
        """\
        generated = env.Command("generated.rsp", "names.txt", Copy("$TARGET", "$SOURCE"))
        env.WasmProgram("app", ["main.c"], WASMLIBS=["shapes"], WASMLIBPATH=["lib"],
            WASMLINKFLAGS=["@flags.rsp", "@generated.rsp"])
        env.WasmStaticLibrary("lib/shapes", ["lib/circle.c", "lib/square.c"])
        """,
    )
    project.write(
        {
            "main.c": MAIN.replace("return", "extern int host(void); return host() +"),
            "flags.rsp": "@inner.rsp --allow-undefined-file=host.txt\n",
            "inner.rsp": "--export-memory=ram\n",
            "host.txt": "host\n",
            "names.txt": "--export-if-defined=cube\n",
        }
    )
    project.scons("-j4", "--random")
    assert project.exports("app.wasm") == {"ram", "run"}
    assert_incremental(project)
    project.write({"inner.rsp": "--export-memory=store\n"})
    assert project.scons().steps == ["LINK app.wasm"]
    assert project.exports("app.wasm") == {"store", "run"}
    project.write({"host.txt": "host\nguest\n"})
    assert project.scons().steps == ["LINK app.wasm"]
    # What a file of options asks for decides which members are extracted.
    project.write({"names.txt": "--export=square\n"})
    assert project.scons().steps == ["LINK app.wasm"]
    assert "square" in project.exports("app.wasm")
    project.write({"lib/square.c": SQUARE})
    assert project.scons().steps[-1] == "LINK app.wasm"
    assert project.scons().up_to_date


def test_library_in_flags(project: Project) -> None:
    """Found by SCons as the linker will find it, and built before it."""
    described(
        project,
        """\
        env.Replace(WASMLIBSUFFIX=".a")
        env.WasmProgram("app", ["main.c"], WASMLINKFLAGS=["-Llib", "-lshapes"])
        env.WasmStaticLibrary("lib/shapes", ["lib/circle.c", "lib/square.c"])
        """,
    )
    assert project.scons("-j4", "--random").steps[-1] == "LINK app.wasm"
    assert_incremental(project)


def test_list_of_imports_beside_an_archive(plain: Project) -> None:
    plain.scons()
    plain.write({"lib/libshapes.wasm.imports": "host\n"})
    assert plain.scons().steps == ["LINK app.wasm"]
    assert plain.scons().up_to_date
    plain.path("lib/libshapes.wasm.imports").unlink()
    assert plain.scons().steps == ["LINK app.wasm"]
    assert plain.scons().up_to_date


# Order


def test_everything_generated(project: Project) -> None:
    """A generated header, sources and library are there before what needs them, on a clean build too."""
    described(
        project,
        """\
import sys
env.Append(CPPPATH=["gen"], WASMLIBPATH=["lib"])
slowly = f"{sys.executable} slowly.py $SOURCE $TARGET"
env.WasmProgram("app", ["main.c", "gen/extra.c"], WASMLIBS=["shapes", "more"])
env.Command("gen/extra.c", "extra.in", slowly)
env.Command("gen/value.h", "value.in", slowly)
circle = env.Command("gen/circle.c", "lib/circle.c", slowly)
env.WasmStaticLibrary("lib/shapes", [circle, "lib/square.c"])
more = env.WasmStaticLibrary("built", ["more.c"])
env.Command("lib/libmore.wasm.a", more, slowly)
""",
    )
    project.write(
        {
            "slowly.py": "import shutil, sys, time\ntime.sleep(0.3)\nshutil.copyfile(sys.argv[1], sys.argv[2])\n",
            "main.c": '#include "value.h"\nint area(int), extra(void);\n'
            "int run(void) { return area(VALUE) + extra(); }\n",
            "extra.in": "int more(void);\nint extra(void) { return more(); }\n",
            "value.in": "#define VALUE 5\n",
            "more.c": "int more(void) { return 1; }\n",
        }
    )
    project.scons("-j8", "--random")
    first = project.path("app.wasm").read_bytes()
    assert project.scons("-j8", "--random").up_to_date
    project.write({"value.in": "#define VALUE 6\n"})
    assert project.scons("-j8", "--random").steps == ["CC main.wasm.o", "LINK app.wasm"]
    project.write({"more.c": "int more(void) { return 2; }\n"})
    assert project.scons("-j8", "--random").steps[-1] == "LINK app.wasm"
    assert project.scons("-j8", "--random").up_to_date
    project.scons("-c")
    project.write({"value.in": "#define VALUE 5\n", "more.c": "int more(void) { return 1; }\n"})
    project.scons("-j8", "--random")
    assert project.path("app.wasm").read_bytes() == first


# What is remembered


def test_linker_is_a_dependency(plain: Project) -> None:
    """Another version or another source of the linker links again; another Python does not."""
    package = plain.path("copy/wasmlink_tool")
    shutil.copytree(Path(wasmlink_tool.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    plain.variables["PYTHONPATH"] = str(package.parent)
    plain.scons()
    assert plain.scons().up_to_date
    with (package / "linking" / "resolve.py").open("a", encoding="utf-8") as file:
        file.write("# changed\n")
    outcome = plain.scons("--debug=explain")
    assert outcome.steps == ["LINK app.wasm"]
    assert "rebuilding `app.wasm' because `wasmlink' changed\n" in outcome.output
    assert plain.scons().up_to_date


@pytest.mark.parametrize("damage", ["empty", "foreign", "flipped", "deep", "gone"])
def test_damaged_memory(plain: Project, damage: str) -> None:
    plain.scons()
    memory = plain.path(".sconsign.wasmlink")
    intact = memory.read_bytes()
    if damage == "gone":
        memory.unlink()
    elif damage == "flipped":
        memory.write_bytes(intact.replace(b"circle", b"square"))
    else:
        memory.write_bytes({"empty": b"", "foreign": b"\x80\x04cos\nsystem\n", "deep": b"[" * 100_000}[damage])
    damaged = memory.read_bytes() if memory.exists() else b""
    assert plain.scons().up_to_date
    # A file that begins as another program's may be somebody's.
    assert memory.read_bytes() == (damaged if damage in ("foreign", "deep") else intact)
    plain.write({"lib/circle.c": CIRCLE.replace("3", "4")})
    assert plain.scons().steps[-1] == "LINK app.wasm"


def test_memory_is_data(plain: Project) -> None:
    plain.scons()
    _, _, body = plain.path(".sconsign.wasmlink").read_bytes().partition(b"\n")
    assert [*json.loads(body)] == ["linker", "stamp", "findings"]


def test_memory_that_cannot_be_written(plain: Project) -> None:
    plain.path(".sconsign.wasmlink").mkdir()
    plain.scons()
    assert plain.scons().up_to_date


def test_memory_turned_off(plain: Project) -> None:
    plain.sconstruct(SETTINGS + "env['WASMCACHE'] = None\n" + BUILD)
    plain.scons()
    assert plain.scons().up_to_date
    assert not plain.path(".sconsign.wasmlink").exists()


def test_signature_file_elsewhere(plain: Project) -> None:
    plain.sconstruct(SETTINGS + "SConsignFile('state/signatures')\n" + BUILD)
    plain.path("state").mkdir()
    plain.scons()
    assert plain.path("state/signatures.wasmlink").exists()
    assert plain.scons().up_to_date


# Options of scons


def test_dry_run_writes_nothing(plain: Project) -> None:
    before = plain.files()
    plain.scons("-n")
    # SCons itself makes its signature file, which stays empty.
    assert plain.files() - before <= {".sconsign.dblite"}
    plain.scons()
    built = {name: plain.path(name).read_bytes() for name in plain.files()}
    plain.write({"main.c": MAIN.replace("area(2)", "area(3)")})
    # One level only: the object is still what it was.
    assert plain.scons("-n").steps == ["CC main.wasm.o"]
    built["main.c"] = plain.path("main.c").read_bytes()
    assert {name: plain.path(name).read_bytes() for name in plain.files()} == built
    plain.path("app.wasm").unlink()
    del built["app.wasm"]
    assert plain.scons("-n").steps == ["CC main.wasm.o", "LINK app.wasm"]
    assert {name: plain.path(name).read_bytes() for name in plain.files()} == built


def test_clean(plain: Project) -> None:
    before = plain.files()
    plain.scons()
    plain.scons("-c", "app.wasm")
    assert {name for name in plain.files() - before if name.endswith((".o", ".a", ".wasm"))} == set()
    plain.scons()
    assert plain.scons().up_to_date


def test_question(plain: Project) -> None:
    assert plain.scons("-q", check=False).status == 1
    plain.scons()
    assert plain.scons("-q").status == 0
    plain.write({"lib/circle.c": CIRCLE.replace("3", "4")})
    assert plain.scons("-q", check=False).status == 1


def test_keep_going(project: Project) -> None:
    described(project, BUILD + 'env.WasmProgram("other", ["other.c"])\nenv.WasmProgram("bad", ["bad.c"])\n')
    project.write(
        {
            "other.c": "int run(void) { return 1; }\n",
            "bad.c": "int missing(void);\nint run(void) { return missing(); }\n",
        }
    )
    outcome = project.scons("-k", check=False)
    assert outcome.status == 2
    assert project.path("app.wasm").exists()
    assert project.path("other.wasm").exists()
    assert not project.path("bad.wasm").exists()
    project.write({"bad.c": "int run(void) { return 2; }\n"})
    assert project.scons("-k").steps == ["CC bad.wasm.o", "LINK bad.wasm"]


def test_silent(plain: Project) -> None:
    assert plain.scons("-s").output == ""


def test_tree(plain: Project) -> None:
    plain.scons()
    shown = plain.scons("--tree=prune", "app.wasm").output
    assert "+-lib/libshapes.wasm.a(circle.wasm.o)\n  | +-lib/libshapes.wasm.a\n" in shown
    assert "square.wasm.o)" not in shown
    assert "+-wasmlink\n" in shown
    assert "+-libraries of app.wasm\n" in shown
    plain.scons("--tree=all,status", "--taskmastertrace=-", "--debug=count,memory,time")


def test_signature_file_is_read_without_the_tool(plain: Project) -> None:
    plain.scons()
    plain.write({"SConstruct": 'Command("copy", "main.c", Copy("$TARGET", "$SOURCE"))\n'})
    outcome = plain.scons("app.wasm", "copy")
    assert "sconsign" not in outcome.errors


# Functions of scons


def test_functions(project: Project) -> None:
    described(
        project,
        BUILD
        + """\
app = "app.wasm"
Alias("everything", [app, "lib/libshapes.wasm.a"])
Depends(app, "notes.txt")
Requires(app, "log.txt")
env.Command("log.txt", "log.in", Copy("$TARGET", "$SOURCE"))
NoClean(app)
Precious(app)
installed = env.Install("installed", app)
AddPostAction(app, lambda target, source, env: print("AFTER"))
AddPreAction(app, lambda target, source, env: print("BEFORE"))
Progress(["-\\r", "|\\r"], interval=5)
""",
    )
    project.write({"notes.txt": "1\n", "log.in": "1\n"})
    outcome = project.scons("everything", "installed")
    printed = [line.rsplit("\r")[-1] for line in outcome.output.splitlines()]
    assert printed.index("BEFORE") < printed.index("LINK app.wasm") < printed.index("AFTER")
    assert project.path("installed/app.wasm").read_bytes() == project.path("app.wasm").read_bytes()
    assert project.path("log.txt").exists()
    assert "AFTER" not in project.scons("everything", "installed").output
    project.write({"log.in": "2\n"})
    assert "AFTER" not in project.scons("everything", "installed").output
    project.write({"notes.txt": "2\n"})
    assert "AFTER" in project.scons("everything", "installed").output
    project.write({"lib/square.c": SQUARE.replace("*", "+")})
    assert "AFTER" not in project.scons("everything", "installed").output
    project.write({"lib/circle.c": CIRCLE.replace("3", "4")})
    assert "AFTER" in project.scons("everything", "installed").output
    project.scons("-c")
    assert project.path("app.wasm").exists()


def test_ignored_library(project: Project) -> None:
    described(project, BUILD + 'Ignore("app.wasm", "lib/libshapes.wasm.a")\n')
    assert project.scons().steps[-1] == "LINK app.wasm"
    project.write({"lib/circle.c": CIRCLE.replace("3", "4")})
    assert project.scons().steps == ["CC lib/circle.wasm.o", "AR lib/libshapes.wasm.a"]


def test_explicit_dependency_on_a_whole_library(project: Project) -> None:
    described(project, BUILD + 'Depends("app.wasm", "lib/libshapes.wasm.a")\n')
    project.scons()
    project.write({"lib/square.c": SQUARE.replace("*", "+")})
    assert project.scons().steps[-1] == "LINK app.wasm"


# Caches


def test_cache_directory_serves_another_checkout(project: Project) -> None:
    cache = f"CacheDir({str(project.path('cache'))!r})\n"
    checkouts = []
    for directory in ("one", "two/deeper"):
        checkout = Project(project.path(directory))
        checkout.sconstruct(cache + SETTINGS + BUILD)
        checkout.write(LIBRARY)
        checkouts.append(checkout)
    one, two = checkouts
    assert len(one.scons().steps) == 5
    outcome = two.scons("--cache-debug=-")
    assert outcome.steps == []
    assert outcome.output.count("Retrieved `") == 5
    assert "CacheRetrieve(app.wasm)" in outcome.output
    assert two.path("app.wasm").read_bytes() == one.path("app.wasm").read_bytes()
    assert two.scons().up_to_date
    # A member that is not linked makes no other module.
    two.write({"lib/square.c": SQUARE.replace("*", "+")})
    assert two.scons().steps == ["CC lib/square.wasm.o", "AR lib/libshapes.wasm.a"]
    two.path("app.wasm").unlink()
    assert "Retrieved `app.wasm' from cache" in two.scons().output


def test_two_runs_at_the_same_time(project: Project) -> None:
    """Findings of both are kept, or recomputed: neither run harms the other."""
    described(project, 'env.WasmProgram("one", ["main.c", "lib/circle.c"])\n')
    memory = project.path(".sconsign.wasmlink")
    project.scons()
    first = json.loads(memory.read_bytes().partition(b"\n")[2])["findings"]
    described(project, 'env.WasmProgram("two", ["lib/circle.c", "main.c"])\n')
    project.scons()
    both = json.loads(memory.read_bytes().partition(b"\n")[2])["findings"]
    assert len(first) == 1
    assert len(both) == 2
    left = {name for name in os.listdir(project.directory) if name.startswith(".sconsign.wasmlink.")}
    assert left == {".sconsign.wasmlink.cache"}


def test_dependencies_that_are_said_not_to_change(project: Project) -> None:
    """``--implicit-deps-unchanged``: which they are is as before, and what they hold counts."""
    project.sconstruct("""\
        env.WasmStaticLibrary("parts", ["part.c", "other.c"])
        env.WasmProgram("app", ["main.c"], LIBS=["parts"], LIBPATH=["."], WASMMAP=True)
    """)
    project.write(
        {
            "main.c": "int part(void);\nint main(void) { return part() - 1; }\n",
            "part.c": "int part(void) { return 1; }\n",
            "other.c": "int other(void) { return 1; }\n",
        }
    )
    option = "--implicit-deps-unchanged"
    project.scons()
    assert project.scons(option).up_to_date
    assert project.scons(option).up_to_date
    project.write({"other.c": "int other(void) { return 2; }\n"})
    assert project.scons(option).steps == ["CC other.wasm.o", "AR libparts.wasm.a"]
    project.write({"part.c": "int part(void) { static int one = 1; return one; }\n"})
    assert "LINK app.wasm" in project.scons(option).steps
    assert project.scons(option).up_to_date
    assert project.scons().up_to_date


@pytest.mark.parametrize(
    ("side_file", "setting"),
    [
        ("app.map", "WASMMAP=True"),
        ("app.d", "WASMDEPENDENCYFILE=True"),
        ("listing", 'WASMLINKFLAGS=["-Map=listing"]'),
        ("", "WASMSTRIP=None"),
    ],
)
def test_a_renamed_object(project: Project, side_file: str, setting: str) -> None:
    """Side files name the objects; the module does not."""
    project.write({"main.c": "int main(void) { return 0; }\n"})
    for name in ("before", "after"):
        project.sconstruct(f'env.WasmProgram("app", env.WasmObject("{name}", "main.c"), {setting})\n')
        steps = project.scons().steps
    assert ("LINK app.wasm" in steps) is bool(side_file)
    if side_file:
        text = project.path(side_file).read_text(encoding="utf-8")
        assert "after.wasm.o" in text and "before.wasm.o" not in text
    assert project.scons().up_to_date
