"""Errors in builds are reported to the user, with the call."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.scons.conftest import Project

MAIN = "int main(void) { return 0; }\n"


def test_undefined_symbol(project: Project) -> None:
    project.sconstruct('env.WasmProgram("app", ["main.c"])\n')
    project.write({"main.c": "int missing(void);\nint main(void) { return missing(); }\n"})
    outcome = project.scons(check=False)
    assert outcome.status == 2
    assert outcome.errors.count("wasmlink: error: main.wasm.o: undefined symbol: missing") == 1
    assert "scons: *** [app.wasm] Error 1" in outcome.errors
    assert "Traceback" not in outcome.errors
    assert not project.path("app.wasm").exists()


def test_one_failing_link_leaves_the_others(project: Project) -> None:
    project.sconstruct("""\
        env.WasmProgram("bad", ["bad.c"])
        env.WasmProgram("good", ["good.c"])
    """)
    project.write({"bad.c": "int missing(void);\nint main(void) { return missing(); }\n", "good.c": MAIN})
    outcome = project.scons("-k", check=False)
    assert outcome.status == 2
    assert "LINK good.wasm" in outcome.steps
    assert project.path("good.wasm").exists()


def test_missing_library(project: Project) -> None:
    project.sconstruct('env.WasmProgram("app", ["main.c"], LIBS=["nowhere"])\n')
    project.write({"main.c": MAIN})
    outcome = project.scons(check=False)
    assert "wasmlink: error: unable to find library -lnowhere" in outcome.errors
    assert "scons: *** [app.wasm] Error 1" in outcome.errors


def test_compile_error(project: Project) -> None:
    project.sconstruct('env.WasmProgram("app", ["main.c"])\n')
    project.write({"main.c": "int main(void) { return }\n"})
    outcome = project.scons(check=False)
    assert "scons: *** [main.wasm.o] Error 1" in outcome.errors
    assert not project.path("app.wasm").exists()


@pytest.fixture
def without_toolchain(project: Project, tmp_path: Path) -> Project:
    """No compiler on the search path, no WASI SDK, and a ziglang package that holds nothing."""
    empty = tmp_path / "elsewhere"
    project.write({"elsewhere/ziglang/__init__.py": ""})
    project.variables["PYTHONPATH"] = os.pathsep.join([str(empty), project.variables["PYTHONPATH"]])
    project.variables.pop("WASI_SDK_PATH", None)
    return project


def test_missing_toolchain(without_toolchain: Project) -> None:
    project = without_toolchain
    project.sconstruct("""\
        env.Replace(WASMTOOLCHAIN="", ENV={"PATH": ""})
        env.WasmProgram("app", ["main.c"])
        env.Command("other", "main.c", Copy("$TARGET", "$SOURCE"))
    """)
    project.write({"main.c": MAIN})
    outcome = project.scons("app.wasm", check=False)
    assert outcome.status == 2
    assert "no compiler for WebAssembly was found" in outcome.errors
    assert "pip install ziglang" in outcome.errors
    assert "WASI_SDK_PATH" in outcome.errors
    assert "Traceback" not in outcome.errors
    # What needs no compiler for WebAssembly is built all the same.
    project.scons("other")
    project.scons("-c")


def test_named_toolchain_is_missing(project: Project) -> None:
    project.sconstruct("""\
        env.Replace(WASMTOOLCHAIN="/nowhere/wasi-sdk")
        env.WasmProgram("app", ["main.c"])
    """)
    project.write({"main.c": MAIN})
    outcome = project.scons(check=False)
    assert "/nowhere/wasi-sdk is not a WASI SDK" in outcome.errors


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("WASMSTACKSIZE='big'", "WASMSTACKSIZE is 'big', but must be a number of bytes"),
        ("WASMMAXMEMORY=True", "WASMMAXMEMORY is True, but must be a number of bytes"),
        ("WASMSTRIP='some'", "WASMSTRIP is 'some', but must be"),
        ("WASMDATAORDER='random'", "WASMDATAORDER is 'random', but must be"),
        ("WASMICF='some'", "WASMICF is 'some', but must be 'safe', 'all' or False"),
        ("WASMOPT=True", "WASMOPT is True, but must be flags of wasm-opt"),
        ("WASMSIZE='small'", "WASMSIZE is 'small', but must be True, False, 'raw' or 'gzip'"),
        ("WASMREACTOR='maybe'", "WASMREACTOR is 'maybe', but must be True or False"),
        ("WASMENTRY=3", "WASMENTRY is 3, but must be"),
    ],
)
def test_wrong_value(project: Project, setting: str, told: str) -> None:
    project.sconstruct(f'env.WasmProgram("app", ["main.c"], {setting})\n')
    project.write({"main.c": MAIN})
    outcome = project.scons(check=False)
    assert outcome.status == 2
    assert told in outcome.errors
    assert 'SConstruct", line' in outcome.errors
    assert "Traceback" not in outcome.errors


def test_unknown_option(project: Project) -> None:
    project.sconstruct('env.WasmProgram("app", ["main.c"], WASMLINKFLAGS=["--no-such-thing"])\n')
    project.write({"main.c": MAIN})
    outcome = project.scons(check=False)
    assert "wasmlink: error: unknown argument: --no-such-thing" in outcome.errors
    assert "scons: *** [app.wasm] Error 1" in outcome.errors


def test_a_defect_in_a_scan_is_reported(project: Project) -> None:
    """The build goes on, with all libraries as dependencies; without a word, nobody would see why it links again."""
    project.sconstruct('env.WasmProgram("app", ["main.c"])\n')
    project.write(
        {
            "main.c": "int main(void) { return 0; }\n",
            "site_scons/site_init.py": "from wasmlink_tool.inputs.symbol_interface import SymbolSource\n"
            "def parse(self):\n"
            "    raise AssertionError('a bug')\n"
            "SymbolSource.parse = parse\n",
        }
    )
    outcome = project.scons()
    assert outcome.steps == ["CC main.wasm.o", "LINK app.wasm"]
    (first,) = (line for line in outcome.errors.splitlines() if "warning" in line)
    assert first.startswith("wasmlink: warning: cannot determine dependencies: ")
    assert first.endswith(": internal error: AssertionError: a bug")
    assert "please report it" in outcome.errors
    assert project.scons().up_to_date
