"""The report of a link that can never start from the last one names the option that is the reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.toolchain import compile_object
from wasmlink_tool import LinkOptions, link


@pytest.mark.parametrize(
    ("option", "chosen"),
    [
        ("--relocatable", {"relocatable": True, "entry": None}),
        ("--emit-relocs", {"emit_relocs": True}),
        ("--renumber", {"renumber": True}),
        ("--renumber", {"smallest": True}),
        ("--compress-relocations with debug information", {"compress_relocations": True}),
        ("--reproduce", {"on_read": lambda path, data: None}),
    ],
    ids=lambda value: value if isinstance(value, str) else "+".join(value),
)
def test_the_report_names_the_option(option: str, chosen: dict[str, Any], tmp_path: Path) -> None:
    unit = tmp_path / "unit.o"
    unit.write_bytes(compile_object("int f(int x) { return x; } void _start(void) { f(1); }", ".c", tmp_path))
    report = tmp_path / "report.json"
    for _ in range(2):
        link(
            LinkOptions(
                inputs=[str(unit)],
                output=str(tmp_path / "app.wasm"),
                cache_directory=str(tmp_path / "cache"),
                time_report=str(report),
                **chosen,
            )
        )
        assert json.loads(report.read_text())["last_link"] == f"not used: {option} needs a whole link"
