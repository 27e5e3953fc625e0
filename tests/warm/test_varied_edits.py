"""Random edits of objects and files that differ in everything: warm links write what clean ones do."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.objects import LOCAL
from tests.support.varied_edits import VariedProject, varied_differences
from tests.support.varied_encoding import encode
from tests.support.varied_objects import STRINGS, Chunk, Label, Reference, Unit
from wasmlink_tool import LinkOptions, link
from wasmlink_tool.diagnostics import LinkError


@pytest.mark.parametrize("seed", range(1, 7))
def test_random_edits(seed: int, tmp_path: Path) -> None:
    project = VariedProject(tmp_path, seed)
    assert list(varied_differences(project, 60)) == []
    assert project.reused["used"] > 0


def relink(work: Path, steps: list[list[Unit]]) -> list[str]:
    """Link each step's units, warm and clean; return how the warm links began."""
    how = []
    for units in steps:
        inputs = write(work, units)
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


def outcome(options: LinkOptions) -> bytes | str:
    try:
        return link(options).module
    except LinkError as error:
        return str(error)


@pytest.mark.parametrize("is_resolved_again", [False, True], ids=["", "and an object comes"])
@pytest.mark.parametrize("signature", [0, 1, 2])
def test_type_of_the_start_function_changes(signature: int, is_resolved_again: bool, tmp_path: Path) -> None:
    """It has no parameters and no results: any other type is an error."""
    more = with_sections(1, [])
    found = []
    for step, units in enumerate(([starting(0)], [starting(signature), *[more] * is_resolved_again])):
        inputs = write(tmp_path, units)
        clean = LinkOptions(inputs=inputs, entry=None, start="f0", output=str(tmp_path / "module.wasm"))
        found.append(outcome(replace(clean, cache_directory=str(tmp_path / "cache"))))
        assert found[step] == outcome(clean)
    assert isinstance(found[1], bytes) == (signature == 0)


@pytest.mark.parametrize("called", ["host", "elsewhere", "f0", ""])
def test_no_function_of_an_object_is_in_the_output(called: str, tmp_path: Path) -> None:
    """The linker's own function is all that the code section has, and the next section starts where it ends."""

    def unit(*names: str) -> Unit:
        return Unit(0, functions=[Chunk(labels=[Label("f0")], references=[Reference(0, name) for name in names])])

    for units in ([unit("host")], [unit(*[called] * bool(called))], [unit("host", "f0")]):
        clean = LinkOptions(inputs=write(tmp_path, units), entry=None, start="__wasm_call_ctors", import_undefined=True)
        clean.output = str(tmp_path / "module.wasm")
        assert outcome(replace(clean, cache_directory=str(tmp_path / "cache"))) == outcome(clean)


def starting(signature: int) -> Unit:
    return Unit(0, functions=[Chunk(labels=[Label("f0")], signature=signature, content=b"\x1a" * signature)])


@pytest.mark.parametrize("is_resolved_again", [False, True], ids=["", "and an object comes"])
def test_function_comes_to_have_the_name_of_the_table(is_resolved_again: bool, tmp_path: Path) -> None:
    """The name is reserved."""
    reserved = starting(0)
    reserved.functions.append(Chunk(labels=[Label("__indirect_function_table")]))
    more = with_sections(1, [])
    for units in ([starting(0)], [reserved, *[more] * is_resolved_again], [starting(0)]):
        clean = LinkOptions(inputs=write(tmp_path, units), entry="f0", output=str(tmp_path / "module.wasm"))
        assert outcome(replace(clean, cache_directory=str(tmp_path / "cache"))) == outcome(clean)


def with_string(offset: int, addend: int) -> Unit:
    """A symbol at an offset in strings, and a reference to it with an addend."""
    words = b"text\0other\0xt\0"
    string = Chunk(".rodata.str1.1", [Label("v0", LOCAL, offset, 1)], content=words, flags=STRINGS)
    references = [Reference(type_, "v0", addend) for type_ in (3, 4, 5)]
    data = Chunk(".data.d0", [Label("d0")], references=references[2:], content=bytes(4))
    code = Chunk(labels=[Label("f0")], references=[*references, Reference(3, "d0")])
    return Unit(0, functions=[code], segments=[string, data], customs=[Chunk(".debug_info", references=references[2:])])


ADDENDS = (0, 1, 4, 5, 7, 14, 15, 1000, -1, -1000, 0x7FFFFF00, -0x80000000)


@pytest.mark.parametrize("offset", [0, 2, 5, 14])
@pytest.mark.parametrize("optimize", [0, 1, 2])
def test_addends_of_symbols_in_merged_strings(offset: int, optimize: int, tmp_path: Path) -> None:
    """To the middle of a string, to its end, past it, before the first, and around the end of the address space."""
    other = with_string(5, 0)
    other.number = 1
    other.functions[0].labels[0].name, other.segments[1].labels[0].name = "f1", "d1"
    other.functions[0].references.pop()
    for addend in ADDENDS:
        inputs = write(tmp_path, [with_string(offset, addend), other])
        clean = LinkOptions(inputs=inputs, entry="f0", optimize=optimize, output=str(tmp_path / "module.wasm"))
        clean.exports_if_defined = ["f1"]
        assert outcome(replace(clean, cache_directory=str(tmp_path / "cache"))) == outcome(clean)


def write(work: Path, units: list[Unit]) -> list[str]:
    """Write the units' objects, and return their paths."""
    paths = [work / f"u{number}.o" for number in range(len(units))]
    for path, unit in zip(paths, units, strict=True):
        path.write_bytes(encode(unit))
    return list(map(str, paths))


def link_bytes(work: Path, unit: Unit) -> bytes:
    (work / "one.o").write_bytes(encode(unit))
    return link(LinkOptions(inputs=[str(work / "one.o")], entry="f0", output=None)).module
