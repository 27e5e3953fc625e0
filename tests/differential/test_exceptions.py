"""Exceptions thrown in one object and caught in another, as engines at hand can run them."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.differential import harness
from tests.differential.asm import START, extern, func
from tests.differential.harness import Case

FLAGS = "# flags: -mcpu=mvp+exception_handling+multivalue\n"
TAG = ".tagtype e i32\n"
DEFINED = ".globl e\ne:\n"
THROWER = func("thrower", "(i32) -> ()", "local.get 0", "throw e")
LEGACY = func("run", "(i32) -> (i32)", "try i32", "local.get 0", "call thrower", "i32.const 0", "catch e", "end_try")
CURRENT = func(
    "run",
    "(i32) -> (i32)",
    "block i32",
    "try_table (catch e 0)",
    "local.get 0",
    "call thrower",
    "end_try_table",
    "i32.const 0",
    "end_block",
)
HOST = (
    "const module = new WebAssembly.Module(require('node:fs').readFileSync(process.argv[1]));"
    "const { run } = new WebAssembly.Instance(module, {}).exports;"
    "console.log(JSON.stringify([run(42), run(-1)]));"
)


@pytest.fixture(params=["defined with the thrower", "defined with the catcher", "weak in both"])
def sources(request: pytest.FixtureRequest) -> tuple[str, str]:
    """Return the catcher's and the thrower's declarations of the tag."""
    return {
        "defined with the thrower": ("", DEFINED),
        "defined with the catcher": (DEFINED, ""),
        "weak in both": (".weak e\ne:\n", ".weak e\ne:\n"),
    }[request.param]


def modules(catcher: str, sources: tuple[str, str], tmp_path: Path, objects: Path) -> list[Path]:
    """The module, linked by the reference, and by this linker at once and in two steps."""
    from wasmlink_tool import LinkOptions, link

    files: harness.Files = {
        "a.s": FLAGS + TAG + START + catcher + extern("thrower", "(i32) -> ()") + sources[0],
        "b.s": FLAGS + TAG + THROWER + sources[1],
    }
    directory = tmp_path / "work"
    case = Case("exceptions", files, "a.o b.o --export=run")
    harness.prepare(case, directory, objects)
    result = harness.run_reference(case, directory)
    assert result.status == 0, result.stderr
    inputs = [str(directory / "a.o"), str(directory / "b.o")]
    link(LinkOptions(inputs=inputs, exports=["run"], output=str(directory / "ours.wasm")))
    link(LinkOptions(inputs=inputs, entry=None, relocatable=True, output=str(directory / "both.o")))
    link(LinkOptions(inputs=[str(directory / "both.o")], exports=["run"], output=str(directory / "again.wasm")))
    return [directory / name for name in (harness.OUTPUT, "ours.wasm", "again.wasm")]


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_legacy_encoding(sources: tuple[str, str], tmp_path: Path, objects: Path) -> None:
    for module in modules(LEGACY, sources, tmp_path, objects):
        done = subprocess.run(
            ["node", "-e", HOST, str(module)], capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) == [42, -1], module.name


def test_current_encoding(sources: tuple[str, str], tmp_path: Path, objects: Path) -> None:
    import wasmtime

    for module in modules(CURRENT, sources, tmp_path, objects):
        config = wasmtime.Config()
        config.wasm_exceptions = True
        store = wasmtime.Store(wasmtime.Engine(config))
        instance = wasmtime.Instance(store, wasmtime.Module(store.engine, module.read_bytes()), [])
        run = instance.exports(store)["run"]
        assert isinstance(run, wasmtime.Func)
        assert [run(store, 42), run(store, -1)] == [42, -1], module.name
