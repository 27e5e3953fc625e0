"""A program and two libraries, one of which needs the other, loaded together: they call and read each other's things,
in 32 and in 64 bits. Both linkers' modules are the same, also where each links against the other's libraries."""

from __future__ import annotations

from itertools import product
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


class Links:
    """The steps to the three modules, in one directory."""

    def __init__(self, target: str, directory: Path, objects: Path, capture: pytest.CaptureFixture[bytes]) -> None:
        self.directory = directory
        self.wide = ["-m", "wasm64"] if target.startswith("64") else []
        self.capture = capture
        directory.mkdir()
        for name in ("program", "first", "second"):
            text = source(f"{name}.c", TARGETS[target])
            (directory / f"{name}.o").write_bytes(compile_object(text, ".c", objects))

    def link(self, linker: str, output: str, args: str) -> None:
        arguments = ["-o", output, *args.split(), *self.wide]
        if linker == "reference":
            result = harness.run_process(reference_command(), arguments, self.directory)
        else:
            result = harness.run_here(main, arguments, self.directory, self.capture.readouterr)
        assert result.status == 0, result.stderr
        assert not result.stderr

    def modules(self, library: str, program: str) -> dict[str, bytes]:
        """The modules by name: both libraries by one linker, the program by another."""
        for output, args in STEPS.items():
            self.link(program if output == "program.wasm" else library, output, args)
        return {name: (self.directory / name).read_bytes() for name in STEPS}


def results(modules: dict[str, bytes], target: str) -> dict[str, object]:
    linker = DynamicLinker(modules, bits=int(target[:2]))
    linker.load("program.wasm", modules["program.wasm"])
    linker.start()
    return {call: linker.call(call) for call in RESULTS}


LINKERS = ("reference", "ours")


@pytest.mark.parametrize("target", TARGETS)
def test_three_modules(target: str, tmp_path: Path, objects: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    found = []
    for library, program in product(LINKERS, LINKERS):
        links = Links(target, tmp_path / f"{library}-{program}", objects, capfdbinary)
        found.append(links.modules(library, program))
    assert found[1:] == found[:1] * 3
    modules = found[0]
    assert needs_of(modules["first.so"]).libraries == ["second.so"]
    assert needs_of(modules["first.so"]).paths == ["/libraries"]
    assert needs_of(modules["program.wasm"]).libraries == ["first.so", "second.so"]
    assert ("env", "missing") in needs_of(modules["program.wasm"]).weak
    assert results(modules, target) == RESULTS


@pytest.mark.parametrize("target", ["32", "64-extended-const"])
def test_relinked_objects(
    target: str, tmp_path: Path, objects: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Objects that went through ``-r`` of either linker make the same modules, by either."""
    for first, second in product(LINKERS, LINKERS):
        links = Links(target, tmp_path / f"{first}-{second}", objects, capfdbinary)
        for name in ("program", "first", "second"):
            links.link(first, "again.o", f"-r {name}.o")
            (links.directory / "again.o").replace(links.directory / f"{name}.o")
        assert results(links.modules(second, second), target) == RESULTS
