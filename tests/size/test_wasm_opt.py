"""``--wasm-opt``: binaryen's wasm-opt as the last pass of a link, by a stand-in and, if installed, by itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import wasmtime

from tests.differential.asm import data, declare_first, func
from tests.support.module import read_module
from tests.support.toolchain import compile_object
from wasmlink_tool.cli import main
from wasmlink_tool.toolchain.binaryen import ENVIRONMENT_VARIABLE, find_wasm_opt

SOURCE = declare_first(
    func("_start", "() -> ()", "call twice", "drop")
    + func("twice", "() -> (i32)", "i32.const 20", "i32.const 1", "i32.add", "i32.const 2", "i32.mul")
    + data("table", ".int32 1", ".zero 100", size=104)
)
STAND_IN = """\
#!{python}
import sys
from pathlib import Path

Path({log!r}).open("a").write(" ".join(sys.argv[1:]) + "\\n")
if "--version" in sys.argv:
    print("wasm-opt version {version}")
elif "--help" in sys.argv:
    print("  --enable-sign-ext  x\\n  --enable-threads  x\\n  --enable-multi-memories x")
elif "--fail" in sys.argv:
    print("Fatal: " + sys.argv[-3] + " is not to its liking")
    sys.exit(3)
else:
    module = Path(sys.argv[-3]).read_bytes()
    Path(sys.argv[-1]).write_bytes(b"no module" if "--text" in sys.argv else module + b"\\0\\5\\4test")
"""


@pytest.fixture
def build(tmp_path: Path) -> Path:
    (tmp_path / "a.o").write_bytes(compile_object(SOURCE, ".s", tmp_path / "objects"))
    return tmp_path


@pytest.fixture
def stand_in(build: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the log of a program that adds a custom section."""
    if os.name == "nt":
        pytest.skip("programs are scripts here")
    write_stand_in(build, "1")
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(build / "opt"))
    return build / "log"


def write_stand_in(build: Path, version: str) -> None:
    program = build / "opt"
    program.write_text(STAND_IN.format(python=sys.executable, log=str(build / "log"), version=version))
    program.chmod(0o755)


def link(build: Path, *options: str) -> int:
    return main([str(build / "a.o"), "-o", str(build / "m.wasm"), "--export=twice", "--export=table", *options])


def runs(log: Path) -> list[str]:
    lines = log.read_text().splitlines() if log.exists() else []
    return [line for line in lines if line not in ("--version", "--help")]


def test_the_module_is_what_the_program_writes(build: Path, stand_in: Path) -> None:
    assert link(build) == 0
    plain = (build / "m.wasm").read_bytes()
    assert link(build, "--wasm-opt=-Oz --one-more", "--extra-features=sign-ext,atomics,unheard-of") == 0
    assert read_module((build / "m.wasm").read_bytes()).customs[-1] == ("test", b"")
    (run,) = runs(stand_in)
    assert run.startswith("--mvp-features --enable-threads --enable-sign-ext -g -Oz --one-more ")
    assert link(build, "--wasm-opt=-Oz", "-s") == 0
    assert " -g " not in runs(stand_in)[1]
    assert len((build / "m.wasm").read_bytes()) < len(plain)


def test_the_same_module_is_not_optimised_twice(build: Path, stand_in: Path) -> None:
    modules = []
    for options in ((), (), ("-S",), ("--wasm-opt=-O1",), ()):
        assert link(build, "--wasm-opt=-Oz", f"--cache-dir={build / 'cache'}", *options) == 0
        modules.append((build / "m.wasm").read_bytes())
    assert modules[0] == modules[1] == modules[4]
    # -S changes nothing here: there is no debug information.
    assert len(runs(stand_in)) == 2
    write_stand_in(build, "1.1")
    assert link(build, "--wasm-opt=-Oz", f"--cache-dir={build / 'cache'}") == 0
    assert len(runs(stand_in)) == 3


@pytest.mark.parametrize(
    ("flag", "said"), [("--fail", "m.wasm is not to its liking"), ("--text", "did not write a module")]
)
def test_a_failure_leaves_the_output_as_it_was(
    flag: str, said: str, build: Path, stand_in: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (build / "m.wasm").write_bytes(b"the one before")
    before = set(os.listdir(build))
    assert link(build, f"--wasm-opt={flag}") == 1
    assert said in capfd.readouterr().err
    assert (build / "m.wasm").read_bytes() == b"the one before"
    assert set(os.listdir(build)) - before <= {"log"}


def test_a_program_that_is_absent_is_an_error(
    build: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(build))
    monkeypatch.delenv(ENVIRONMENT_VARIABLE, raising=False)
    monkeypatch.chdir(build)
    assert link(build, "--wasm-opt=-Oz") == 1
    errors = capfd.readouterr().err
    assert "--wasm-opt: wasm-opt was not found" in errors
    assert "install binaryen" in errors
    assert not (build / "m.wasm").exists()


def test_npm_s_package_is_found(build: Path, stand_in: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENVIRONMENT_VARIABLE)
    monkeypatch.setenv("PATH", str(build / "nothing"))
    (build / "node_modules" / ".bin").mkdir(parents=True)
    (build / "opt").rename(build / "node_modules" / ".bin" / "wasm-opt")
    (build / "below").mkdir()
    monkeypatch.chdir(build / "below")
    assert find_wasm_opt() == str(build / "node_modules" / ".bin" / "wasm-opt")


@pytest.mark.parametrize("option", ["-r", "--emit-relocs"])
def test_relocations_do_not_go_with_it(option: str, build: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert link(build, "--wasm-opt=-Oz", option) == 1
    assert f"{option} and --wasm-opt may not be used together" in capfd.readouterr().err


def test_reports_say_that_they_describe_the_module_before(build: Path, stand_in: Path) -> None:
    report = build / "report.json"
    assert link(build) == 0
    size = (build / "m.wasm").stat().st_size
    assert link(build, "--wasm-opt=-Oz", f"--size-report={report}", f"--Map={build / 'map'}") == 0
    found = json.loads(report.read_text())
    assert found["module"] == "m.wasm before wasm-opt -Oz"
    assert found["size"] == size
    assert (build / "map").read_text().startswith("The module before wasm-opt -Oz\n")


def test_wasm_opt_itself(build: Path) -> None:
    program = find_wasm_opt()
    if program is None:
        pytest.skip("needs wasm-opt")
    for options in ((), ("-s",), ("--smallest",), ("--extra-features=bulk-memory,sign-ext,simd128",)):
        assert link(build, *options) == 0
        plain = (build / "m.wasm").read_bytes()
        assert link(build, "--wasm-opt=-Oz", *options) == 0
        optimized = (build / "m.wasm").read_bytes()
        assert len(optimized) < len(plain)
        assert bool(read_module(optimized).names.get("function")) == bool(read_module(plain).names.get("function"))
        engine = wasmtime.Engine()
        store = wasmtime.Store(engine)
        exports = wasmtime.Instance(store, wasmtime.Module(engine, optimized), []).exports(store)
        twice = exports["twice"]
        assert isinstance(twice, wasmtime.Func)
        assert twice(store) == 42
        subprocess.run([program, "--all-features", str(build / "m.wasm"), "-o", str(build / "again.wasm")], check=True)
