"""The sizes of the parts add up to the file, section by section, for all inputs and options."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.differential import harness
from tests.differential.asm import data, declare_first, extern, func
from tests.differential.cases import all_cases
from tests.differential.generate import program, rich_program
from tests.differential.generate_dynamic import programs
from tests.differential.harness import Case
from tests.support.module import Reader
from wasmlink_tool.cli import main
from wasmlink_tool.size.size_report import SizeReport, causes, from_json

REPORT = "sizes.json"
CASES = [(point, case) for point, case in all_cases() if case.exit == 0 and "{report}" not in case.args]


def link_with_report(
    case: Case, directory: Path, objects: Path, capture: pytest.CaptureFixture[bytes]
) -> tuple[bytes, SizeReport] | None:
    """The module and its report; ``None`` where the case links nothing."""
    harness.prepare(case, directory, objects)
    arguments = [*harness.command_line(case, reference=False), f"--size-report={REPORT}"]
    result = harness.run_here(main, arguments, directory, capture.readouterr)
    if result.status or REPORT not in result.files:
        return None
    module = result.module
    if module is None:
        # Under another name, or to standard output beside other text.
        named = [content for content, _ in result.files.values() if content.startswith(b"\0asm")]
        if len(named) != 1:
            return None
        module = named[0]
    return module, from_json(result.files[REPORT][0])


def sections_of(module: bytes) -> list[tuple[int, str, int, int]]:
    """(identity, custom name, size with the header, start of the contents), by the tests' own reader."""
    reader = Reader(module, 8)
    found = []
    while not reader.at_end:
        start = reader.position
        identity = reader.byte()
        content = reader.blob()
        name = Reader(content).name() if identity == 0 else ""
        found.append((identity, name, reader.position - start, reader.position - len(content)))
    return found


def code_entries(module: bytes) -> list[int]:
    """The size of each function's entry in the code section."""
    for identity, _, _, contents in sections_of(module):
        if identity == 10:
            reader = Reader(module, contents)
            sizes = []
            for _ in range(reader.unsigned()):
                start = reader.position
                reader.blob()
                sizes.append(reader.position - start)
            return sizes
    return []


def check(module: bytes, report: SizeReport) -> None:
    assert report.size == len(module)
    assert sum(part.size for part in report.parts) == len(module)
    sections = sections_of(module)
    assert [size for _, size in report.sections] == [8, *(size for _, _, size, _ in sections)]
    by_section: dict[str, int] = {}
    for part in report.parts:
        assert all(size > 0 for size in part.sizes.values())
        for section, size in part.sizes.items():
            by_section[section] = by_section.get(section, 0) + size
    expected: dict[str, int] = {}
    for name, size in report.sections:
        expected[name] = expected.get(name, 0) + size
    assert by_section == expected
    assert [part.sizes["CODE"] for part in report.parts if part.kind == "function"] == code_entries(module)
    for index, part in enumerate(report.parts):
        chain = causes(report, index)
        assert chain[-1] == index
        if part.kind in ("function", "data", "import"):
            assert report.parts[chain[0]].cause == -1
            assert part.reason, part
            assert part.retained >= part.size or part.kind == "data"
            assert part.overhead <= part.sizes.get("CODE", 0)


@pytest.mark.parametrize("case", [pytest.param(case, id=f"{point}-{case.name}") for point, case in CASES])
def test_parts_of_a_case_add_up(
    case: Case, tmp_path: Path, objects: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    found = link_with_report(case, tmp_path / "ours", objects, capfdbinary)
    if found is not None:
        check(*found)


MODES: tuple[str, ...] = (
    "",
    "-r",
    "--emit-relocs",
    "-s --compress-relocations",
    "-S -O2",
    "--no-gc-sections",
    "-O0",
    "--omit-zeros",
    "-s --omit-zeros --no-gc-sections",
    "--renumber",
    "--renumber --compress-relocations --optimize-for=gzip",
)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("make", [program, rich_program])
def test_parts_of_random_programs_add_up_in_every_mode(
    make: Callable[[int], Case], mode: str, tmp_path: Path, objects: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    linked = 0
    for seed in range(12):
        case = make(seed)
        found = link_with_report(replace(case, args=f"{case.args} {mode}"), tmp_path / str(seed), objects, capfdbinary)
        if found is not None:
            check(*found)
            linked += 1
    assert linked >= 2


def test_parts_of_random_dynamic_programs_add_up(
    tmp_path: Path, objects: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    linked = 0
    for seed in range(15):
        for library in programs(seed)[0]:
            found = link_with_report(library, tmp_path / f"{seed}-{library.name}", objects, capfdbinary)
            if found is not None:
                check(*found)
                linked += 1
    assert linked >= 5


@pytest.mark.parametrize("mode", ["-r", "--emit-relocs"])
def test_relocations_belong_to_what_they_apply_to(
    mode: str, tmp_path: Path, objects: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    source = declare_first(
        func("_start", "() -> ()", "call helper", "call helper", "i32.const datum", "drop")
        + data("datum", ".int32 helper", ".int32 datum", size=8)
        + extern("helper")
    )
    case = Case("relocations", {"a.s": source, "b.s": func("helper")}, f"{mode} a.o b.o")
    found = link_with_report(case, tmp_path / "work", objects, capfdbinary)
    assert found is not None
    check(*found)
    parts = {(part.kind, part.name): part for part in found[1].parts}
    # Three entries, of four bytes or five: type, offset, symbol, and the addend of the datum's address.
    assert parts["function", "_start"].sizes["reloc.CODE"] in range(10, 16)
    assert "reloc.CODE" not in parts["function", "helper"].sizes
    relocations = parts["relocations", "reloc.DATA"]
    assert found[1].object_name(relocations) == "a.o"
