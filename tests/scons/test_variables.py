"""Construction variables, in all the ways in which SCons users set them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.scons.conftest import ROOT, Project
from wasmlink_tool import scons
from wasmlink_tool.options import FIELDS

MAIN = "int main(void) { return 0; }\n"

WAYS = {
    "override": 'env.WasmProgram("app", "main.c", WASMSTACKSIZE=131072)',
    "clone": 'env.Clone(WASMSTACKSIZE=131072).WasmProgram("app", "main.c")',
    "text": 'env.WasmProgram("app", "main.c", WASMSTACKSIZE="0x20000")',
    "reference": 'env["SIZE"] = 131072; env.WasmProgram("app", "main.c", WASMSTACKSIZE="$SIZE")',
    "late": 'env.WasmProgram("app", "main.c"); env["WASMSTACKSIZE"] = 131072',
    "late append": 'env.WasmProgram("app", "main.c"); env.Append(WASMLINKFLAGS=["-z", "stack-size=131072"])',
    "append": 'env.Append(WASMLINKFLAGS="-zstack-size=131072"); env.WasmProgram("app", "main.c")',
    "merge": 'env.MergeFlags({"WASMSTACKSIZE": 131072}); env.WasmProgram("app", "main.c")',
    "merge flags": 'env.MergeFlags({"WASMLINKFLAGS": ["-zstack-size=131072"]}); env.WasmProgram("app", "main.c")',
    "callable": """\
def size(target, source, env, for_signature):
    return str(131072 if str(target[0]) == "app.wasm" else 1)
env.WasmProgram("app", "main.c", WASMSTACKSIZE=size)""",
    "callable in flags": """\
def size(target, source, env, for_signature):
    return "-zstack-size=131072" if str(target[0]) == "app.wasm" else "--wrong"
env["SIZE"] = size
env.WasmProgram("app", "main.c", WASMLINKFLAGS=["$SIZE"])""",
    "variables": """\
variables = Variables(None, {"WASMSTACKSIZE": "131072"})
variables.Add("WASMSTACKSIZE")
variables.Update(env)
env.WasmProgram("app", "main.c")""",
}


@pytest.mark.parametrize("way", WAYS)
def test_ways_to_set_a_variable(project: Project, way: str) -> None:
    project.sconstruct('env["WASMLINKCOMSTR"] = None\n' + WAYS[way] + "\n")
    project.write({"main.c": MAIN})
    assert re.search(r"-z ?stack-size=131072 ", project.scons("-n").output)


def test_list_variables(project: Project) -> None:
    project.sconstruct("""\
        env.Append(WASMEXPORTS="first second")
        env.Append(WASMEXPORTS=["third"])
        env.WasmProgram("app", "app.c", WASMENTRY=None, WASMLIBC=False)
        env.Append(WASMEXPORTS="fourth")
    """)
    names = ["first", "second", "third", "fourth"]
    project.write({"app.c": "".join(f"int {name}(void) {{ return 0; }}\n" for name in names)})
    project.scons()
    assert set(names) <= project.exports("app.wasm")


CONTRADICTIONS = {
    'WASMENTRY="main"': "--entry=other",
    "WASMENTRY=None": "-e other",
    "WASMREACTOR=True": "--no-entry",
    "WASMSTACKSIZE=65536": "-z stack-size=131072",
    "WASMINITIALMEMORY=65536": "--initial-memory=131072",
    "WASMMAXMEMORY=65536": "--no-growable-memory",
    "WASMIMPORTMEMORY=False": "--import-memory",
    'WASMIMPORTMEMORY="a,b"': "--import-memory=b,c",
    "WASMALLOWUNDEFINED=True": "--unresolved-symbols=report-all",
    "WASMALLOWUNDEFINED=False": "--allow-undefined",
    'WASMBUILDID="sha1"': "--build-id=fast",
    'WASMSTRIP="debug"': "--strip-all",
    "WASMSTRIP=False": "-s",
    'WASMDATAORDER="packed"': "--data-order=input",
    'WASMICF="safe"': "--icf=all",
    "WASMICF=False": "--icf=safe",
    'WASMOPT="-Oz"': "--wasm-opt=-O1",
    "WASMRECORDLINKER=True": "--no-record-linker",
    "WASMSHAREDMEMORY=False": "--shared-memory",
    "WASMPIE=True": "--no-pie",
    'WASMTARGET="wasm64-unknown-unknown"': "-m wasm32",
    "WASMMAP=True": "-Map=other.map",
    "WASMDEPENDENCYFILE=True": "--dependency-file=other.d",
    "WASMWHYEXTRACT=True": "--why-extract=other.txt",
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project(tmp_path_factory.mktemp("contradictions"))
    calls = {**CONTRADICTIONS, "WASMSTRIP=None": "-o other.wasm"}
    lines = [
        f'if which == "{number}": env.WasmProgram("app", "main.c", {setting}, WASMLINKFLAGS="{flags}")'
        for number, (setting, flags) in enumerate(calls.items())
    ]
    project.sconstruct('which = ARGUMENTS["which"]\n' + "\n".join(lines) + "\n")
    project.write({"main.c": MAIN})
    return project


@pytest.mark.parametrize("setting", CONTRADICTIONS)
def test_contradictions(shared: Project, setting: str) -> None:
    outcome = shared.scons(f"which={list(CONTRADICTIONS).index(setting)}", check=False)
    name = setting.partition("=")[0]
    assert outcome.status == 2
    assert f"scons: *** {name} is " in outcome.errors
    assert f", but WASMLINKFLAGS has {CONTRADICTIONS[setting]}: set it in only one of them" in outcome.errors
    assert re.search(r'File ".*SConstruct", line \d+, in <module>', outcome.errors)
    assert "Traceback" not in outcome.errors


def test_the_output_is_the_target(shared: Project) -> None:
    outcome = shared.scons(f"which={len(CONTRADICTIONS)}", check=False)
    assert "WASMLINKFLAGS has -o other.wasm, but the target names the output" in outcome.errors


@pytest.mark.parametrize(
    ("setting", "flags"),
    [
        ("WASMSTACKSIZE=65536", "-z stack-size=65536"),
        ('WASMSTRIP="debug"', "--strip-debug"),
        ("WASMSTACKSIZE=65536", "--initial-memory=131072 -z muldefs"),
        ('WASMEXPORTS=["main"]', "--export=_start"),
        ("WASMSTRIP=None", "--data-order=input --no-record-linker"),
        ('WASMALLOWUNDEFINED=["list.txt"]', "--unresolved-symbols=report-all"),
    ],
)
def test_no_contradiction(project: Project, setting: str, flags: str) -> None:
    project.sconstruct(f'env.WasmProgram("app", "main.c", {setting}, WASMLINKFLAGS="{flags}")\n')
    project.write({"main.c": MAIN, "list.txt": ""})
    project.scons("-n")


def test_late_contradiction_names_the_place(project: Project) -> None:
    project.sconstruct("""\
        env.WasmProgram("app", "main.c")
        env.Replace(WASMSTACKSIZE=65536, WASMLINKFLAGS=["-zstack-size=131072"])
    """)
    project.write({"main.c": MAIN})
    outcome = project.scons("-k", check=False)
    assert outcome.status == 2
    assert "WASMSTACKSIZE is 65536, but WASMLINKFLAGS has -zstack-size=131072" in outcome.errors
    line = project.path("SConstruct").read_text(encoding="utf-8").splitlines().index('env.WasmProgram("app", "main.c")')
    assert re.search(rf"for app.wasm, declared in .*SConstruct, line {line + 1}\b", outcome.errors)
    assert "LINK" not in outcome.output
    assert "Traceback" not in outcome.errors


def test_table_of_variables() -> None:
    """Every variable that the code reads is in the reference, and nothing else is."""
    page = (ROOT / "docs" / "variables.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"`(WASM[A-Z]+)`", "\n".join(re.findall(r"^\| (`.*?) \|", page, flags=re.M))))
    sources = Path(scons.__file__).parent.glob("*.py")
    read = set(re.findall(r'"(WASM[A-Z]+)"', "\n".join(Path(source).read_text(encoding="utf-8") for source in sources)))
    read |= {name for field in FIELDS for name in field.variables}
    commands = {name for name in documented if name.endswith("COMSTR")}
    assert {f"{name}STR" for name in read if name.endswith("COM")} == commands
    builders = ("PROG", "LIB", "OBJ", "SHLIB", "LDMODULE")
    emitters = {f"WASM{builder}EMITTER" for builder in builders}
    assert documented - commands == read - commands | emitters


def test_defaults_in_the_table(project: Project) -> None:
    page = (ROOT / "docs" / "variables.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(WASM[A-Z]+)` \| .* \| `([^`]*)` \|$", page, flags=re.M)
    assert len(rows) > 20
    project.sconstruct(
        'plain = Environment(tools=["wasmlink"], toolpath=[PyPackageDir("wasmlink_tool.site_tools")])\n'
        + "".join(f'print("{name}", plain.get("{name}"), sep="|")\n' for name, _ in rows)
        + "Default([])\n"
    )
    actual = dict(line.split("|", 1) for line in project.scons(check=False).output.splitlines() if "|" in line)
    assert actual == dict(rows)
