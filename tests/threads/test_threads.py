"""Programs whose threads share a memory, run by node's worker threads: each linker's module gives the same."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.differential import harness
from tests.differential.asm import START, data, extern, func, target_features
from tests.differential.harness import Case, Files
from tests.support.module import Limits, read_module

HERE = Path(__file__).parent
FLAGS = "-mcpu=mvp+atomics+bulk_memory+mutable_globals"
EXPORTS = "block stack block_size block_alignment run counted constructed __wasm_init_tls __stack_pointer"
SHARED = "--shared-memory --import-memory --max-memory=1048576 --no-entry"
VARIANTS = {
    "default": "",
    "no-merge": "--no-merge-data-segments",
    "no-gc": "--no-gc-sections",
    "no-stack-first": "--no-stack-first",
    "compressed": "--compress-relocations -s",
}

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")


def host(script: str, module: Path) -> object:
    """Return the output of a script for node that runs a module with an imported memory."""
    (limits,) = (entry.type for entry in read_module(module.read_bytes()).imports if entry.kind == "memory")
    assert isinstance(limits, Limits)
    assert limits.flags == 3
    command = ["node", str(HERE / script), str(module), str(limits.minimum), str(limits.maximum)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="session")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory that keeps compiled objects for the session."""
    return tmp_path_factory.mktemp("objects")


def link(
    files: Files, args: str, directory: Path, objects: Path, capture: pytest.CaptureFixture[bytes], ours: bool
) -> Path:
    """The linked module's path."""
    from wasmlink_tool.cli import main

    case = Case("threads", files, args)
    harness.prepare(case, directory, objects)
    if ours:
        arguments = harness.command_line(case, reference=False)
        result = harness.run_here(main, arguments, directory, capture.readouterr)
    else:
        result = harness.run_reference(case, directory)
    assert result.status == 0, result.stderr
    return directory / harness.OUTPUT


@needs_node
@pytest.mark.parametrize("variant", VARIANTS)
def test_four_threads(variant: str, tmp_path: Path, objects: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """One memory, initialised once while four threads start; constructors run once; variables of each thread's own."""
    files = {
        "program.c": f"// flags: {FLAGS} -ftls-model=local-exec\n" + (HERE / "program.c").read_text(),
        "far.c": f"// flags: {FLAGS} -fPIC\n" + (HERE / "far.c").read_text(),
    }
    exports = " ".join(f"--export={name}" for name in EXPORTS.split())
    args = f"program.o far.o {SHARED} {exports} {VARIANTS[variant]}"
    found = {
        ours: host("host.cjs", link(files, args, tmp_path / str(ours), objects, capfdbinary, ours))
        for ours in (False, True)
    }
    assert found[True] == found[False]
    result = found[True]
    assert isinstance(result, dict)
    own = {id: value for id, value, *_ in result["results"]}
    assert own == {id: 7 + 1000 * (id + 1) + (3 + 2000) * 100000 for id in range(4)}
    assert {alignment for *_, alignment in result["results"]} == {32}
    assert result["counted"] == 100 + 4 * 1000
    assert result["constructed"] == 6


@needs_node
def test_start_function_after_the_memory(
    tmp_path: Path, objects: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """With ``--start``, each instance calls the function after the memory has been initialised, which happens once."""
    body = ("i32.const 0", "i32.load x", "call log", "i32.const 0", "i32.const 9", "i32.store x")
    source = f"# flags: {FLAGS}\n" + START + func("begin", "() -> ()", *body) + extern("log", "(i32) -> ()")
    source += data("x", ".int32 7") + target_features("+atomics", "+bulk-memory", "+mutable-globals")
    args = f"a.o {SHARED} --start=begin --allow-undefined"
    module = link({"a.s": source}, args, tmp_path / "work", objects, capfdbinary, True)
    assert host("start.cjs", module) == [7, 9]


DYNAMIC = "-shared --experimental-pic -Bsymbolic"
POSITION_INDEPENDENT = {
    "library": DYNAMIC,
    "library-extended-const": f"{DYNAMIC} --extra-features=extended-const",
    "library-no-merge": f"{DYNAMIC} --no-merge-data-segments",
    "program": "-pie --experimental-pic --no-entry --export=__wasm_call_ctors",
    "program-no-gc": "-pie --experimental-pic --no-entry --export=__wasm_call_ctors --no-gc-sections",
}


@needs_node
@pytest.mark.parametrize("variant", POSITION_INDEPENDENT)
def test_position_independent(
    variant: str, tmp_path: Path, objects: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Thread-local objects are constructed in each thread, and its initial pointers are those of the loaded module."""
    files = {"library.cpp": f"// flags: {FLAGS} -fPIC\n" + (HERE / "library.cpp").read_text()}
    exports = " ".join(
        f"--export={name}" for name in ("block", "stack", "run", "counts", "per_thread", "__wasm_init_tls")
    )
    args = f"library.o --shared-memory --import-memory --max-memory=1048576 {exports} {POSITION_INDEPENDENT[variant]}"
    modules = [link(files, args, tmp_path / str(ours), objects, capfdbinary, ours) for ours in (False, True)]
    assert modules[0].read_bytes() == modules[1].read_bytes()
    found = host("library.cjs", modules[1])
    assert isinstance(found, dict)
    expected = {
        id: (7 + 1000 * id) + (3 + 1000 * id) + 1000 + (3 + (id & 1) + 1) * 100000 + 4 * 1000000 for id in range(4)
    }
    assert dict(found["results"]) == expected
    assert found["counts"] == 4 * 100 + 4
