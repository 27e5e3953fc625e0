"""The tool in an environment with others: it changes nothing of theirs, and is found wherever it is installed."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import SCons

from tests.scons.conftest import ROOT, Project

FAKE_COMPILER = """\
import sys
arguments = sys.argv[1:]
with open(arguments[arguments.index("-o") + 1], "w") as output:
    output.write(" ".join(arguments))
"""


def test_native_and_wasm_in_one_environment(project: Project) -> None:
    project.write(
        {
            "SConstruct": textwrap.dedent("""\
                import sys
                compiler = [sys.executable, File("compiler.py").abspath]
                env = Environment(
                    tools=["cc", "gnulink", "ar", "wasmlink"],
                    toolpath=[PyPackageDir("wasmlink_tool.site_tools")],
                    WASMTOOLCHAIN="zig",
                )
                env.Replace(CC=compiler, LINK=compiler, CCFLAGS=["-DSHARED=1"], OBJSUFFIX=".o", PROGSUFFIX="")
                env.Program("app", ["main.c", "part.c"])
                env.WasmProgram("app", ["main.c", "part.c"])
            """),
            "compiler.py": FAKE_COMPILER,
            "main.c": "int part(void);\nint main(void) { return part() - SHARED; }\n",
            "part.c": "int part(void) { return SHARED; }\n",
        }
    )
    project.scons()
    assert project.path("app").read_text(encoding="utf-8").split() == ["-o", "app", "main.o", "part.o"]
    assert "-DSHARED=1" in project.path("main.o").read_text(encoding="utf-8")
    assert project.run("app.wasm") == ""
    assert project.scons().up_to_date


def test_changes_no_variable_of_other_tools(project: Project) -> None:
    project.write(
        {
            "SConstruct": textwrap.dedent("""\
                env = Environment(tools=["cc", "c++", "gnulink", "ar", "as"], ENV={"PATH": "/bin"})
                before = {name: str(value) for name, value in env.Dictionary().items()}
                env.Tool("wasmlink", toolpath=[PyPackageDir("wasmlink_tool.site_tools")])
                after = {name: str(value) for name, value in env.Dictionary().items()}
                changed = [name for name in after if after[name] != before.get(name)]
                print("changed:", *sorted(name for name in changed if not name.startswith(("WASM", "_WASM"))))
                print("added to ENV:", *sorted(set(env["ENV"]) - {"PATH"}))
                Default([])
            """)
        }
    )
    lines = project.scons(check=False).output.splitlines()
    assert "changed: BUILDERS ENV TOOLS" in lines
    # zig keeps what it compiles there; nothing else knows the name.
    assert "added to ENV: ZIG_GLOBAL_CACHE_DIR" in lines


def test_what_was_set_before_is_kept(project: Project) -> None:
    project.write(
        {
            "SConstruct": textwrap.dedent("""\
                env = Environment(
                    tools=[("wasmlink")], toolpath=[PyPackageDir("wasmlink_tool.site_tools")], WASMOBJSUFFIX=".wo",
                    WASMCC="mine", WASMTOOLCHAIN="zig",
                )
                twin = env.Clone(tools=["wasmlink"], toolpath=[PyPackageDir("wasmlink_tool.site_tools")])
                print(env.subst("$WASMCC $WASMOBJSUFFIX"), twin.subst("$WASMCC $WASMOBJSUFFIX"))
                Default([])
            """)
        }
    )
    assert "mine .wo mine .wo" in project.scons(check=False).output


def test_found_through_site_scons(project: Project) -> None:
    """Nothing is installed, and the checkout is not on Python's path."""
    project.variables.pop("PYTHONPATH")
    project.write(
        {
            "SConstruct": 'env = Environment(tools=["wasmlink"], WASMTOOLCHAIN="zig")\n'
            'env.WasmProgram("app", ["main.c"], WASMLIBC=False, WASMENTRY="main")\n',
            "main.c": "int main(void) { return 0; }\n",
        }
    )
    project.scons(f"--site-dir={ROOT / 'site_scons'}")
    assert project.path("app.wasm").exists()


@pytest.mark.slow
@pytest.mark.packaging
def test_installed(project: Project, tmp_path: Path) -> None:
    """Only the wheel is installed, in a new environment: the command and the tool work."""
    wheels = tmp_path / "wheels"
    source = tmp_path / "source"
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    packaged = [str(path.relative_to(ROOT)) for path in (ROOT / "wasmlink_tool").rglob("*.py")]
    names = tracked or [*packaged, "wasmlink_tool/py.typed", "pyproject.toml", "README.md", "LICENSE"]
    for name in names:
        if name.startswith("wasmlink_tool/") or name in ("pyproject.toml", "README.md", "LICENSE"):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    _succeeds(
        [*pip, "wheel", "--no-build-isolation", "--no-deps", "--no-index", "-w", str(wheels), str(source)], tmp_path
    )
    (wheel,) = wheels.glob("wasmlink-*.whl")

    environment = tmp_path / "environment"
    _succeeds([sys.executable, "-m", "venv", "--without-pip", str(environment)], tmp_path)
    scripts = environment / ("Scripts" if os.name == "nt" else "bin")
    python = str(scripts / "python")
    _succeeds([*pip, "--python", python, "install", "--no-deps", "--no-index", str(wheel)], tmp_path)
    # SCons, the one dependency, and the compiler are lent from this environment, so that no network is needed.
    purelib = _succeeds([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], tmp_path).strip()
    os.symlink(Path(SCons.__file__).parent, Path(purelib) / "SCons")

    assert _succeeds([str(scripts / "wasmlink"), "--version"], tmp_path).startswith("wasmlink 0.")
    assert _succeeds([python, "-m", "wasmlink_tool", "--version"], tmp_path).startswith("wasmlink 0.")
    assert (Path(purelib) / "wasmlink_tool" / "py.typed").exists()

    from tests.support.toolchain import zig

    project = Project(tmp_path / "project")
    project.sconstruct(f'env.WasmProgram("app", ["main.c"], WASMCC=[{zig()!r}, "cc"], WASMSTRIP="debug")\n')
    project.write({"main.c": '#include <stdio.h>\nint main(void) { puts("installed"); return 0; }\n'})
    _succeeds([python, "-m", "SCons", "-Q"], project.directory)
    assert project.run("app.wasm") == "installed\n"


def _succeeds(command: list[str], directory: Path) -> str:
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=directory, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout
