"""Small programs, taken as far as a pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.differential.asm import declare_first
from tests.support.toolchain import compile_object, make_archive
from wasmlink_tool.diagnostics import Diagnostics
from wasmlink_tool.linking.chunks import ObjectInput
from wasmlink_tool.linking.mark_live import mark_live
from wasmlink_tool.linking.plan import Plan, make_plan
from wasmlink_tool.linking.resolution import Resolution
from wasmlink_tool.linking.resolve import resolve
from wasmlink_tool.linking.seal import seal
from wasmlink_tool.linking.symbols import Symbol
from wasmlink_tool.linking.synthetic_symbols import resolve_indirect_function_table
from wasmlink_tool.opening import checked, open_inputs
from wasmlink_tool.options import Input, LinkOptions


@dataclass
class Program:
    """A link that stops after a pass."""

    options: LinkOptions
    diagnostics: Diagnostics
    resolution: Resolution
    plan: Plan | None = None

    def symbol(self, name: str) -> Symbol:
        return self.resolution.symbols[name.encode()]

    def file(self, name: str) -> ObjectInput:
        (found,) = [file for file in self.resolution.objects if Path(file.input.member).name == name]
        return found

    @property
    def files(self) -> list[str]:
        """The files of the link, in order."""
        return [Path(file.input.member).name for file in self.resolution.objects]

    @property
    def errors(self) -> list[str]:
        return [entry.text for entry in self.diagnostics.entries]

    @property
    def final(self) -> Plan:
        assert self.plan is not None
        return self.plan


Make = Callable[..., Program]


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("objects")


@pytest.fixture
def link_until(tmp_path: Path, compiled: Path) -> Make:
    """``link_until("mark_live", {"a.s": …}, inputs="a.o lib.a", archives={"lib.a": "b.o"})``."""

    def run(
        last: str, sources: dict[str, str], *, inputs: str = "", archives: dict[str, str] | None = None, **more: Any
    ) -> Program:
        for name, text in sources.items():
            source = declare_first(text) if name.endswith(".s") else text
            path = (tmp_path / name).with_suffix(".o")
            path.write_bytes(compile_object(source, Path(name).suffix, compiled))
        for name, members in (archives or {}).items():
            make_archive(tmp_path / name, members.split())
        names = inputs.split() or [Path(name).with_suffix(".o").name for name in sources]
        paths = [Input(str(tmp_path / name)) for name in names]
        options = checked(LinkOptions(**{"inputs": paths, "output": None, "entry": None, **more}))
        diagnostics = Diagnostics()
        files, opened = open_inputs(options, diagnostics)
        resolution = resolve(options, files, opened, diagnostics)
        program = Program(options, diagnostics, resolution)
        if last == "resolve":
            return program
        seal(resolution, options, diagnostics)
        if last == "seal":
            return program
        mark_live(resolution, options)
        if last == "mark_live":
            return program
        resolve_indirect_function_table(resolution, options, diagnostics, required=False)
        diagnostics.check()
        assert last == "make_plan"
        program.plan = make_plan(resolution, options, diagnostics)
        return program

    return run
