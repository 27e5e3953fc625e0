"""Small programs linked with identical code folding."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.differential.asm import declare_first
from tests.differential.conftest import objects
from tests.support.module import Module, read_module
from tests.support.toolchain import compile_object
from wasmlink_tool.linker import link
from wasmlink_tool.options import IcfLevel, LinkOptions

__all__ = ["objects"]


@dataclass
class Folded:
    """A link, and what it reported."""

    content: bytes
    messages: list[str]

    @property
    def module(self) -> Module:
        return read_module(self.content)

    @property
    def functions(self) -> set[str]:
        """The functions of the module, by the name section."""
        return {name for name in self.module.names["function"].values() if not name.startswith("__wasm")}

    @property
    def folds(self) -> dict[str, list[str]]:
        """Return the folds: the name of each kept function or segment without its file, and the names of those that it
        replaces."""
        found: dict[str, list[str]] = {}
        survivor = ""
        for message in self.messages:
            match = re.fullmatch(r"(selected|  removing identical) section .*:\((.*)\)", message)
            if match and match[1] == "selected":
                survivor = match[2]
                found[survivor] = []
            elif match:
                found[survivor].append(match[2])
        return found


Link = Callable[..., Folded]


@pytest.fixture
def folded(tmp_path: Path, objects: Path) -> Link:
    """``folded("safe", {"a.s": …}, exports=["root"])``."""

    def run(level: str, sources: dict[str, str], **more: Any) -> Folded:
        paths = []
        for name, text in sources.items():
            source = declare_first(text) if name.endswith(".s") else text
            path = (tmp_path / name).with_suffix(".o")
            path.write_bytes(compile_object(source, Path(name).suffix, objects))
            paths.append(str(path))
        options: dict[str, Any] = {"inputs": paths, "output": None, "entry": None, "print_icf_sections": True, **more}
        result = link(LinkOptions(icf=IcfLevel(level), **options))
        return Folded(result.module, [entry.text for entry in result.diagnostics])

    return run
