"""Random edits of objects and files that differ in everything: warm links write what clean ones do."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.varied_edits import VariedProject, varied_differences
from tests.support.varied_encoding import encode
from tests.support.varied_objects import Chunk, Label, Reference, Unit
from wasmlink_tool import LinkOptions, link


@pytest.mark.parametrize("seed", range(1, 7))
def test_random_edits(seed: int, tmp_path: Path) -> None:
    project = VariedProject(tmp_path, seed)
    assert list(varied_differences(project, 60)) == []
    assert project.reused["used"] > 0


def relink(work: Path, steps: list[list[Unit]]) -> list[str]:
    """Link each step's units, warm and clean; return how the warm links began."""
    how = []
    for units in steps:
        inputs = []
        for number, unit in enumerate(units):
            path = work / f"u{number}.o"
            path.write_bytes(encode(unit))
            inputs.append(str(path))
        report = work / "report.json"
        clean = LinkOptions(inputs=inputs, entry="f0", output=str(work / "module.wasm"))
        warm = replace(clean, cache_directory=str(work / "cache"), time_report=str(report))
        assert link(warm).module == link(clean).module
        how.append(json.loads(report.read_text())["last_link"])
    return how


def with_sections(number: int, titles: list[str]) -> Unit:
    unit = Unit(number, customs=[Chunk(title, content=title.encode()) for title in titles])
    unit.functions.append(Chunk(labels=[Label(f"f{number}")]))
    return unit


@pytest.mark.parametrize("titles", [["b", "a"], ["b"], ["c", "a", "b"], ["b", "a", "a"]], ids="-".join)
@pytest.mark.parametrize("is_other_first", [False, True], ids=["first", "second"])
def test_order_of_custom_sections_in_an_object_changes(titles: list[str], is_other_first: bool, tmp_path: Path) -> None:
    """The output has them in the order in which their names first appear."""
    other = with_sections(1, ["a"] if is_other_first else ["a", "b"])
    steps = [[with_sections(0, changed), other] for changed in (["a", "b"], titles)]
    if is_other_first:
        steps = [list(reversed(step)) for step in steps]
    # An object that comes lets all names be resolved again.
    for more in ([], [with_sections(2, [])]):
        relink(tmp_path, [steps[0], steps[1] + more])


@pytest.mark.parametrize("after", range(1, 8))
@pytest.mark.parametrize("more", [False, True], ids=["", "and a function comes"])
def test_type_of_a_wrapped_function_changes(after: int, more: bool, tmp_path: Path) -> None:
    """The wrapper of a command's function has its type."""

    def unit(signature: int) -> Unit:
        made = Unit(0, constructors=[(100, "c0")])
        made.functions = [Chunk(labels=[Label("f0")], signature=signature), Chunk(labels=[Label("c0")])]
        if signature and more:
            made.functions.insert(0, Chunk(labels=[Label("f7")]))
        return made

    assert b"f0.command_export" in link_bytes(tmp_path, unit(0))
    relink(tmp_path, [[unit(0)], [unit(after)], [unit(0)]])


@pytest.mark.parametrize("is_wrapped", [False, True], ids=["", "and a wrapper calls them"])
def test_constructor_comes_to_have_a_result(is_wrapped: bool, tmp_path: Path) -> None:
    """The caller drops it."""

    def unit(signature: int) -> Unit:
        made = Unit(0, constructors=[(100, "c0")])
        made.functions = [Chunk(labels=[Label("f0")]), Chunk(labels=[Label("c0")], signature=signature)]
        if not is_wrapped:
            made.functions[0].references = [Reference(0, "__wasm_call_ctors")]
        return made

    relink(tmp_path, [[unit(0)], [unit(1)], [unit(0)]])


def link_bytes(work: Path, unit: Unit) -> bytes:
    (work / "one.o").write_bytes(encode(unit))
    return link(LinkOptions(inputs=[str(work / "one.o")], entry="f0", output=None)).module
