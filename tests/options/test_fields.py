"""The table of option fields: it is complete, and what derives from it respects every row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from tests.differential.asm import declare_first, extern, func
from tests.support.toolchain import compile_object
from wasmlink_tool.cli.option_row import LATER, NO_EFFECT
from wasmlink_tool.cli.option_table import all_options
from wasmlink_tool.cli.parser import Parser
from wasmlink_tool.cli.reproduce import response_text
from wasmlink_tool.diagnostics import LinkError
from wasmlink_tool.linker import link
from wasmlink_tool.options import (
    COMPUTED,
    DENIAL,
    FIELDS,
    FLAG,
    KEPT,
    LAST_VALUE,
    VALUE,
    VALUES,
    WRITTEN,
    Field,
    IcfLevel,
    LinkOptions,
    needs_full_link,
)
from wasmlink_tool.scons.settings import SIDE_FILES
from wasmlink_tool.scons.variables import TYPED
from wasmlink_tool.size.size_report import SizeReport, to_json

WITHOUT_A_LINK = {"help", "version"}
"""Options that end the command."""
NEEDS_BITCODE = {"lto_object_path", "lto_debug_pass_manager", "save_temps"}
"""Reports of code generation, which a link without bitcode does not have."""


def test_every_field_has_one_row() -> None:
    assert [row.name for row in FIELDS] == [field.name for field in fields(LinkOptions)]


def test_every_option_sets_a_field() -> None:
    known = {option.name: option for option in all_options()}
    named = {name for row in FIELDS for name in row.options}
    assert named <= known.keys()
    unclassified = {
        name
        for name, option in known.items()
        if name not in named and not option.is_presentation and option.status not in (LATER, NO_EFFECT)
    }
    assert unclassified == WITHOUT_A_LINK


def test_every_field_can_be_given_on_the_command_line() -> None:
    assert [row.name for row in FIELDS if not row.options] == []


def test_a_field_whose_type_is_a_list_is_checked_as_one() -> None:
    given: dict[str, Any] = {"inputs": ["a.o"]}
    for row in FIELDS:
        is_list = "Sequence" in LinkOptions.__annotations__[row.name]
        assert row.is_list == is_list, row.name
        if is_list:
            with pytest.raises(LinkError, match=f"{row.name} must be a list"):
                link(LinkOptions(**{**given, row.name: "atomics"}))


def test_plain_readings_fit_their_fields() -> None:
    known = {option.name: option for option in all_options()}
    for row in FIELDS:
        takes_value = any("<" in form for form in known[row.options[0]].forms.split(" "))
        assert row.reading == COMPUTED or takes_value == (row.reading not in (FLAG, DENIAL)), row.name
        assert row.is_list or row.reading not in (VALUES, LAST_VALUE), row.name
        assert row.reading != DENIAL or row.default is True, row.name
        assert row.reading != VALUE or not row.is_list, row.name


def test_what_is_not_significant_is_declared_to_be_a_report_or_about_speed() -> None:
    about_speed = {"verbose", "thinlto_jobs", "threads"}
    silent = {row.name for row in FIELDS if not row.significant and not row.report and not row.cache}
    assert silent == about_speed


def test_construction_variables_are_those_of_the_tool() -> None:
    named = {name for row in FIELDS for name in row.variables}
    side_files = {name for row in SIDE_FILES for name in row.variables}
    assert named == set(TYPED) | side_files
    assert all(row.suffix for row in SIDE_FILES)


@pytest.fixture
def program(tmp_path: Path) -> list[str]:
    source = declare_first(
        func("_start", "() -> ()", "call f", "call same") + func("unused") + func("same") + extern("f")
    )
    paths = []
    for name, text in (("main.o", source), ("f.o", func("f"))):
        path = tmp_path / name
        path.write_bytes(compile_object(text, ".s", tmp_path))
        paths.append(str(path))
    return paths


def _asking(row: Field, work: Path) -> Any:
    if row.name == "on_read":
        return lambda path, content: (work / "read").open("a").write(f"{path} {len(content)}\n")
    if row.name == "size_diff":
        old = work.parent / "old.json"
        old.write_text(to_json(SizeReport("old.wasm", 0)))
        return str(old)
    if row.path == WRITTEN:
        return [str(work / row.name)] if row.is_list else str(work / row.name)
    if row.is_list:
        return ["f"]
    assert row.default is False
    return True


REPORTS = [row for row in FIELDS if row.report and row.name not in NEEDS_BITCODE]


@pytest.mark.parametrize("row", REPORTS, ids=lambda row: row.name)
def test_a_report_is_made_whatever_the_cache_holds(row: Field, program: list[str], tmp_path: Path) -> None:
    outcomes = []
    cache = str(tmp_path / "cache")
    for _ in range(2):
        link(LinkOptions(inputs=program, output=None, cache_directory=cache))
    for directory, place in ((None, "clean"), (cache, "warm"), (cache, "again")):
        work = tmp_path / place
        work.mkdir()
        asked: dict[str, Any] = {row.name: _asking(row, work)}
        if row.name == "why_live_file":
            asked["why_live"] = ["f"]
        if row.name == "print_icf_sections":
            asked["icf"] = IcfLevel.SAFE
        options = LinkOptions(inputs=program, output=None, cache_directory=directory, **asked)
        result = link(options)
        said = [(entry.severity, entry.text) for entry in result.diagnostics]
        files = {path.name: path.read_bytes() for path in work.iterdir()}
        assert said or files
        outcomes.append((result.module, said, files if row.name != "time_report" else set(files)))
    assert outcomes[1] == outcomes[0]
    assert outcomes[2] == outcomes[0]


def test_a_warm_link_is_refused_for_every_field_that_it_does_not_respect() -> None:
    plain: dict[str, Any] = {}
    for row in FIELDS:
        if row.warm or row.name in plain:
            continue
        value: Any
        if row.reading == FLAG:
            value = not getattr(LinkOptions(inputs=()), row.name)
        else:
            value = {"memory64": True, "wrap": ["f"], "build_id": "fast", "trace_symbols": ["f"]}.get(row.name, "x")
        options = LinkOptions(inputs=(), **{row.name: value})
        assert needs_full_link(options) is row
    assert needs_full_link(LinkOptions(inputs=())) is None
    assert needs_full_link(LinkOptions(inputs=(), memory64=False, gc_sections=True, wrap=[])) is None


def _response(arguments: Sequence[str]) -> list[str]:
    return response_text(Parser().parse(list(arguments))).splitlines()


WRITES = [row for row in FIELDS if row.path in (WRITTEN, KEPT) and row.name not in ("cache_directory", "size_note")]


@pytest.mark.parametrize("row", WRITES, ids=lambda row: row.name)
def test_a_reproduced_link_writes_to_its_own_directory(row: Field) -> None:
    option = row.options[0]
    (line,) = _response([f"--{option}=/elsewhere/file" if len(option) > 1 else f"-{option}/elsewhere/file"])
    assert line.endswith("file")
    assert "elsewhere" not in line


def test_a_reproduced_link_has_no_cache_of_ours() -> None:
    assert _response(["--cache-dir=/elsewhere", "--cache-size=1"]) == []
