"""Sources compiled where they stand, as a build does it: with relative paths that debug information repeats."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from wasmlink_tool import Input, LinkError, LinkOptions, link
from wasmlink_tool.diagnostics import Severity

Compile = Callable[..., str]
Explain = Callable[..., dict[str, tuple[str, ...]]]


@pytest.fixture
def compile_at(zig: list[str], tmp_path: Path) -> Compile:
    """``compile_at("src/a.c", text, *flags)``: the path of the object, beside the source."""

    def compile_one(name: str, text: str, *flags: str) -> str:
        source = tmp_path / name
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_text(text, encoding="utf-8")
        output = source.with_suffix(".o")
        command = [*zig, "cc", "-target", "wasm32-freestanding", "-fno-sanitize=all", "-O0", *flags]
        if not any(flag.startswith("-g") for flag in flags):
            command.append("-g0")
        subprocess.run([*command, "-c", name, "-o", str(output)], cwd=tmp_path, check=True, capture_output=True)
        return str(output)

    return compile_one


@pytest.fixture
def explain() -> Explain:
    """``explain(*inputs, **options)``: the extra lines of each undefined symbol's first error, by symbol."""

    def explain_all(*inputs: str | Input, **options: object) -> dict[str, tuple[str, ...]]:
        settings: dict[str, object] = {"entry": None, "exports": ["run"], "output": None}
        with pytest.raises(LinkError) as raised:
            link(LinkOptions(inputs=inputs, **(settings | options)))  # type: ignore[arg-type]
        found: dict[str, tuple[str, ...]] = {}
        for entry in raised.value.diagnostics:
            if entry.severity is Severity.ERROR and ": undefined symbol: " in entry.text:
                name = entry.text.rsplit(": ", 1)[1]
                assert name not in found or not entry.hints, "explained twice"
                found.setdefault(name, entry.hints)
        return found

    return explain_all
