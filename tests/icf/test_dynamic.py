"""Folding in programs and libraries that are loaded together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.dynamic.host import DynamicLinker
from tests.dynamic.test_dynamic import RESULTS, STEPS, TARGETS, Links
from tests.dynamic.test_dynamic import results as results_of
from tests.icf.test_behaviour import CALLS, Generator
from tests.support.toolchain import compile_object
from wasmlink_tool.linker import link
from wasmlink_tool.options import IcfLevel, Input, LinkOptions, UnresolvedPolicy

FLAGS = "-target wasm32-freestanding -mcpu=generic -fPIC"
MODES = ("visible", "symbolic", "hidden")
"""The functions that another module may define: all, those of the program, none."""


def build(level: IcfLevel, seed: int, mode: str, work: Path, objects: Path) -> tuple[dict[str, bytes], int]:
    """Link the random program, one object of it as a library unless all is hidden; return the modules, and how much was
    folded."""
    program = Generator(seed).program()
    paths = []
    for name, text in program.sources.items():
        flags = f"{FLAGS} -fvisibility={'hidden' if mode == 'hidden' else 'default'}"
        path = (work / name).with_suffix(".o")
        path.write_bytes(compile_object(text.replace("// flags:", f"// flags: {flags}"), ".c", objects))
        paths.append(str(path))
    folds = 0

    def module(inputs: list[str | Input], **options: Any) -> bytes:
        nonlocal folds
        result = link(LinkOptions(inputs=inputs, entry=None, icf=level, print_icf_sections=True, **options))
        folds += sum("removing identical" in entry.text for entry in result.diagnostics)
        return result.module

    modules: dict[str, bytes] = {}
    inputs: list[str | Input] = [*paths]
    if mode != "hidden":
        output = str(work / "library.so")
        policy = UnresolvedPolicy.IMPORT_DYNAMIC
        modules["library.so"] = module(
            [inputs.pop()], output=output, shared=True, bsymbolic=mode == "symbolic", unresolved_symbols=policy
        )
        inputs.append(Input(output, shared=True))
    modules["program.wasm"] = module(
        inputs,
        output=str(work / "program.wasm"),
        pie=True,
        exports=program.exports,
        import_memory=("env", "memory"),
        export_dynamic=mode != "hidden",
    )
    return modules, folds


def results(modules: dict[str, bytes]) -> dict[str, object]:
    linker = DynamicLinker(modules, bits=32)
    linker.load("program.wasm", modules["program.wasm"])
    linker.start()
    return {call: linker.call(call.replace("(", " ").rstrip(")")) for call in CALLS}


@pytest.mark.parametrize("mode", MODES)
def test_random_programs_with_a_library_compute_the_same(mode: str, tmp_path: Path, objects: Path) -> None:
    counts = 0
    for seed in (4, 11, 21):
        work = tmp_path / str(seed)
        work.mkdir()
        modules, _ = build(IcfLevel.NONE, seed, mode, work, objects)
        expected = results(modules)
        for level in (IcfLevel.SAFE, IcfLevel.ALL):
            modules, folds = build(level, seed, mode, work, objects)
            counts += folds
            found = results(modules)
            if level is IcfLevel.ALL:
                found["compare(0)"] = expected["compare(0)"]
            assert found == expected, (seed, level)
    assert counts


@pytest.mark.parametrize("level", ["safe", "all"])
@pytest.mark.parametrize("target", TARGETS)
def test_a_program_and_two_libraries(
    target: str, level: str, tmp_path: Path, objects: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    links = Links(target, tmp_path / "work", objects, capfdbinary)
    for output, args in STEPS.items():
        links.link("ours", output, f"{args} --icf={level}")
    modules = {name: (links.directory / name).read_bytes() for name in STEPS}
    assert results_of(modules, target) == RESULTS
