"""Reports of links that fold: maps, chains of references and size reports name what is folded."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.differential import harness
from tests.differential.asm import data, extern, func
from tests.differential.harness import Archive, Case
from tests.icf.test_behaviour import Generator
from tests.size.test_report_sums import check, link_with_report
from wasmlink_tool.cli import main
from wasmlink_tool.size.size_command import main as size_command

FIRST = (
    func("root", "() -> ()", "call one", "call two", "i32.const c", "drop", "i32.const d", "drop")
    + func("one", "() -> ()", "call leaf")
    + func("leaf", "() -> ()", "nop")
    + data("c", ".int32 7", section=".rodata.c")
    + extern("two")
)
SECOND = (
    func("two", "() -> ()", "call leaf_of_two")
    + func("leaf_of_two", "() -> ()", "nop")
    + data("d", ".int32 7", section=".rodata.d")
    + func("construct", "() -> ()", "unreachable")
    + '.section .init_array,"",@\n.p2align 2\n.int32 construct\n'
)
Run = Callable[..., harness.Result]


@pytest.fixture
def run(tmp_path: Path, objects: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    def link(args: str) -> harness.Result:
        case = Case(
            "case",
            {"a.s": FIRST.replace("\n.functype start_of_two () -> ()", ""), "lib.a": Archive({"b.s": SECOND})},
            args,
        )
        harness.prepare(case, tmp_path / "work", objects)
        arguments = ["-o", "out.wasm", "--no-entry", "--export=root", "--icf=all", *args.split(), "a.o", "lib.a"]
        result = harness.run_here(main, arguments, tmp_path / "work", capfdbinary.readouterr)
        assert result.status == 0, result.stderr
        return result

    return link


def test_the_map_lists_folded_symbols_with_the_chunk_that_stays(run: Run) -> None:
    text = run("-Map=out.map").files["out.map"][0].decode()
    rows = [line.split() for line in text.splitlines()]
    labels = [row[-1] for row in rows]
    at = labels.index("a.o:(one)")
    assert labels[at : at + 3] == ["a.o:(one)", "one", "two"]
    assert rows[at + 1][:3] == rows[at + 2][:3]
    at = labels.index("a.o:(.rodata.c)")
    assert labels[at : at + 3] == ["a.o:(.rodata.c)", "c", "d"]


def answers(run: Run, *patterns: str) -> dict[str, dict[str, Any]]:
    result = run(" ".join(["--why-live-file=why.json", *(f"--why-live={pattern}" for pattern in patterns)]))
    return {answer["pattern"]: answer for answer in json.loads(result.files["why.json"][0])["answers"]}


def test_chains_name_what_is_folded(run: Run) -> None:
    found = answers(run, "two", "leaf_of_two", "d", "section:.rodata.d", "construct", "one")
    assert found["two"]["folds"] == ["two (lib.a(b.o)) is folded into one (a.o)"]
    assert [step["name"] for step in found["two"]["chains"][0]] == ["root", "one"]
    assert found["leaf_of_two"]["folds"] == ["leaf_of_two (lib.a(b.o)) is folded into leaf (a.o)"]
    assert [step["name"] for step in found["leaf_of_two"]["chains"][0]] == ["root", "one", "leaf"]
    for pattern in ("d", "section:.rodata.d"):
        assert found[pattern]["folds"] == ["d (lib.a(b.o)) is folded into c (a.o)"]
    assert "folds" not in found["one"]
    # The object is a part of the program because of what is folded.
    assert [step["name"] for step in found["construct"]["chains"][0]] == ["root", "one", "lib.a(b.o)", "construct"]


def test_the_text_of_a_chain_begins_with_the_fold(run: Run) -> None:
    text = run("--why-live=two").stdout.decode()
    assert text.splitlines()[0] == "two (lib.a(b.o)) is folded into one (a.o)"
    # The shortest chain is that of the other one.
    assert "(folded)" not in text


def test_a_report_is_asked_for_what_is_folded(
    run: Run, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    run("--size-report=out.json")
    assert size_command([str(tmp_path / "work" / "out.json"), "--why-live=two"]) == 0
    assert capfdbinary.readouterr().out.decode().splitlines()[:2] == [
        "two (lib.a(b.o)) is folded into one",
        "one (function, a.o)",
    ]


@pytest.mark.parametrize(
    ("args", "name", "expected"),
    [
        ("--icf=safe --export=other", "f", "call to g (folded)"),
        ("--icf=all --export=other --export=g", "g", "--export to g (folded)"),
    ],
)
def test_a_step_names_the_folded_symbol_that_is_referred_to(
    args: str, name: str, expected: str, tmp_path: Path, objects: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    source = func("f", "() -> ()", "nop") + func("middle", "() -> ()", "nop", "call f")
    source += func("other", "() -> ()", "call middle") + func("root", "() -> ()", "call g")
    source += func("g", "() -> ()", "nop")
    harness.prepare(Case("case", {"a.s": source}, ""), tmp_path / "work", objects)
    arguments = ["-o", "out.wasm", "--no-entry", "--export=root", *args.split(), f"--why-live={name}", "a.o"]
    result = harness.run_here(main, arguments, tmp_path / "work", capfdbinary.readouterr)
    assert expected in result.stdout.decode()


def test_parts_of_a_size_report_add_up_and_name_what_is_folded(
    tmp_path: Path, objects: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    names: set[str] = set()
    for seed, args in ((4, "--icf=safe"), (6, "--icf=all"), (4, "--icf=all -s"), (5, "--icf=all --emit-relocs")):
        program = Generator(seed).program()
        exports = " ".join(f"--export={name}" for name in program.exports)
        case = Case("case", dict(program.sources), f"--no-entry {exports} {args} u0.o u1.o u2.o")
        found = link_with_report(case, tmp_path / f"{seed}{args}".replace(" ", ""), objects, capfdbinary)
        assert found is not None
        module, report = found
        check(module, report)
        folded = [name for part in report.parts for name in part.folded]
        assert folded
        assert not {name.split(" ")[0] for name in folded} & {part.name for part in report.parts if part.object >= 0}
        names.update(folded)
    assert any("(u1.o)" in name for name in names)
