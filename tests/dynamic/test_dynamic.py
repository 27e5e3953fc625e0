"""A program and two libraries, one of which needs the other, loaded together: they call and read each other's things,
in 32 and in 64 bits. Both linkers' modules are the same, also where each links against the other's libraries."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.differential import harness
from tests.dynamic.host import DynamicLinker, needs_of
from tests.support.toolchain import compile_object, reference_command
from wasmlink_tool.cli import main

HERE = Path(__file__).parent
TARGETS = {
    "32": "wasm32-freestanding -mcpu=generic",
    "32-extended-const": "wasm32-freestanding -mcpu=generic+extended_const",
    "64": "wasm64-freestanding -mcpu=generic",
    "64-extended-const": "wasm64-freestanding -mcpu=generic+extended_const",
}
LIBRARY = "-shared --experimental-pic --unresolved-symbols=import-dynamic"
STEPS = {
    # second knows nothing of first, which it uses nevertheless.
    "second.so": f"second.o {LIBRARY} --soname=second",
    "first.so": f"first.o second.so {LIBRARY} --rpath=/libraries",
    "program.wasm": "program.o first.so second.so -pie --experimental-pic --no-entry --import-memory --export-dynamic",
}
RESULTS = {
    "data_pointers": 3 * 10 + 5,
    "function_pointers": 21 * 100 + 6,
    # 1 → 21 + 3 → 72 + 5 → 78 + 4 → (82 + 1000) + (82 + 10) + 20, and what is logged
    "list": 1082 + 92 + 20 + 1,
    "chosen 0": 14,
    "chosen 1": 27,
    "chosen 2": 8,
    "same_address": 1,
    "weak_functions": 1001 * 10 + 11,
    "weak_missing": 1,
    "library_data": 2,
    "constructors": 21,
    "letter 1": ord("p"),
}


def source(name: str, target: str) -> str:
    text = (HERE / name).read_text().replace('#include "program.h"', (HERE / "program.h").read_text())
    return f"// flags: -target {target} -fPIC\n{text}"


def link_all(directory: Path, linkers: dict[str, str], wide: str, capture: pytest.CaptureFixture[bytes]) -> None:
    """Take the steps, each with the reference or with this linker."""
    for output, args in STEPS.items():
        arguments = ["-o", output, *args.split(), *wide.split()]
        if linkers[output] == "reference":
            result = harness.run_process(reference_command(), arguments, directory)
        else:
            result = harness.run_here(main, arguments, directory, capture.readouterr)
        assert result.status == 0, result.stderr
        assert not result.stderr


@pytest.mark.parametrize("target", TARGETS)
def test_three_modules(target: str, tmp_path: Path, objects: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    bits = int(target[:2])
    made = {
        name: compile_object(source(f"{name}.c", TARGETS[target]), ".c", objects)
        for name in ("program", "first", "second")
    }
    found = []
    for library, program in (
        ("reference", "reference"),
        ("ours", "reference"),
        ("reference", "ours"),
        ("ours", "ours"),
    ):
        directory = tmp_path / f"{library}-{program}"
        directory.mkdir()
        for name, content in made.items():
            (directory / f"{name}.o").write_bytes(content)
        linkers = {"second.so": library, "first.so": library, "program.wasm": program}
        link_all(directory, linkers, "-m wasm64" if bits == 64 else "", capfdbinary)
        found.append({name: (directory / name).read_bytes() for name in STEPS})
    assert found[1:] == found[:1] * 3

    modules = found[0]
    assert needs_of(modules["first.so"]).libraries == ["second.so"]
    assert needs_of(modules["first.so"]).paths == ["/libraries"]
    assert needs_of(modules["program.wasm"]).libraries == ["first.so", "second.so"]
    assert ("env", "missing") in needs_of(modules["program.wasm"]).weak
    linker = DynamicLinker(modules, bits=bits)
    linker.load("program.wasm", modules["program.wasm"])
    linker.start()
    assert {call: linker.call(call) for call in RESULTS} == RESULTS
