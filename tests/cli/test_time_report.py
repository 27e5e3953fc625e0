"""``--time-report``: the steps of a link and how much of everything there was. Times are not asserted."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.random_edits import Project
from wasmlink_tool.inputs import parse_cache
from wasmlink_tool.linker import link
from wasmlink_tool.options import Input, LinkOptions


def _report(project: Project, inputs: list[str | Input], path: Path | str, *, cached: bool = False) -> str:
    directory = str(project.cache) if cached else None
    options = LinkOptions(inputs=inputs, output=None, time_report=str(path), cache_directory=directory)
    texts = [diagnostic.text for diagnostic in link(options).diagnostics]
    return "\n".join(texts) if path == "-" else Path(path).read_text()


def test_text(tmp_path: Path) -> None:
    project = Project(tmp_path, 1)
    text = _report(project, project.write(), "-")
    assert " ms  resolve" in text
    assert f"{len(project.write()) - 2:12d}  objects linked" in text


def test_json_of_links_from_the_last_one(tmp_path: Path) -> None:
    parse_cache.forget()
    project = Project(tmp_path, 1)
    inputs = project.write()
    first = json.loads(_report(project, inputs, tmp_path / "first.json", cached=True))
    assert first["last_link"] == "not used: no state"
    assert first["counts"]["objects linked"] == len(inputs) - 2
    second = json.loads(_report(project, inputs, tmp_path / "second.json", cached=True))
    assert second["last_link"] == "used"
    assert second["counts"]["objects copied from the last module"] == len(inputs) - 2
    assert {"name", "seconds"} == second["phases"][0].keys()
