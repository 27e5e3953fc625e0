"""Reports of modules that another linker made, or nobody in particular."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.differential import harness
from tests.differential.generate import program, rich_program
from tests.differential.harness import Case
from tests.size.test_report_sums import code_entries, sections_of
from wasmlink_tool.binary.reader import FormatError
from wasmlink_tool.size.finished_module import report_of_module

MAGIC = b"\0asm\1\0\0\0"


def check_sums(module: bytes) -> None:
    report = report_of_module(module, "m.wasm")
    assert report.size == len(module) == sum(part.size for part in report.parts)
    assert [size for _, size in report.sections] == [8, *(size for _, _, size, _ in sections_of(module))]
    assert all(part.size > 0 for part in report.parts)


@pytest.mark.parametrize("make", [program, rich_program])
def test_modules_of_the_reference_linker_add_up(make: Callable[[int], Case], tmp_path: Path, objects: Path) -> None:
    seen = 0
    for seed in range(12):
        case = make(seed)
        harness.prepare(case, tmp_path / str(seed), objects)
        module = harness.run_reference(case, tmp_path / str(seed)).module
        if module is not None:
            seen += 1
            check_sums(module)
            report = report_of_module(module, "m.wasm")
            code = [part.sizes["CODE"] for part in report.parts if part.kind == "function" and "CODE" in part.sizes]
            assert code == code_entries(module)
    assert seen >= 3


def test_names_and_sources_come_from_the_module(tmp_path: Path, objects: Path) -> None:
    source = """// flags: -g
#line 7 "made/up.cpp"
extern "C" void host(int);
struct Shape { int sides; __attribute__((noinline)) int area(int x); };
int Shape::area(int x) { host(x); return x * sides; }
extern "C" void _start() { Shape s{3}; host(s.area(4)); }
"""
    case = Case("names", {"a.cpp": source}, "a.o --allow-undefined")
    harness.prepare(case, tmp_path / "work", objects)
    module = harness.run_reference(case, tmp_path / "work").module
    assert module is not None
    report = report_of_module(module, "m.wasm")
    functions = {part.name: part for part in report.parts if part.kind == "function"}
    assert {"Shape::area(int)", "_start"} <= functions.keys()
    assert report.source_name(functions["Shape::area(int)"]).endswith("made/up.cpp")
    assert "env.host" in {part.name for part in report.parts if part.kind == "import"}
    assert any(part.name == ".debug_info" and part.kind == "debug" for part in report.parts)


def test_what_is_not_understood_is_one_part() -> None:
    types = b"\1\4\1\x4e\1\x50"
    report = report_of_module(MAGIC + types + b"\x7b\3abc" + b"\0\5\4note", "m.wasm")
    assert report.size == sum(part.size for part in report.parts)
    assert {part.name for part in report.parts if part.kind == "unknown"} == {"TYPE", "section 123"}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"\0asm\x0d\0\1\0", "component"),
        (b"\0asm\2\0\0\0", "version 1"),
        (MAGIC + b"\1\x7f\0", "larger than the module"),
        (b"!<arch>\n", "not a WebAssembly module"),
    ],
)
def test_other_files_are_refused(content: bytes, problem: str) -> None:
    with pytest.raises(FormatError, match=problem):
        report_of_module(content, "m.wasm")


def test_damaged_modules_add_up_or_are_refused(tmp_path: Path, objects: Path) -> None:
    case = rich_program(3)
    module = b""
    for seed in range(3, 30):
        case = rich_program(seed)
        harness.prepare(case, tmp_path / str(seed), objects)
        found = harness.run_reference(case, tmp_path / str(seed)).module
        if found is not None:
            module = found
            break
    assert module
    choose = random.Random(5)
    whole = 0
    for _ in range(1500):
        damaged = bytearray(module)
        for _ in range(choose.choice((1, 1, 3))):
            damaged[choose.randrange(8, len(damaged))] = choose.randrange(256)
        try:
            report = report_of_module(bytes(damaged), "m.wasm")
        except FormatError:
            continue
        whole += 1
        assert report.size == sum(part.size for part in report.parts)
    assert whole > 300
