"""The command in process, and the reference linker beside it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from wasmlink_tool.cli import command

EMPTY_OBJECT = b"\0asm\1\0\0\0" + b"\0\x09\x07linking\2"


@dataclass(frozen=True)
class Outcome:
    status: int
    out: str
    err: str

    @property
    def without_hints(self) -> tuple[int, str]:
        """Status and diagnostics without further lines, which are ours, and without the blank lines they cause."""
        lines = [line for line in self.err.splitlines() if line and not line.startswith(">>> ")]
        return self.status, "\n".join(lines)


Runner = Callable[[Sequence[str]], Outcome]


@pytest.fixture
def workdir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory of both linkers, with an object in it that has nothing in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.o").write_bytes(EMPTY_OBJECT)
    return tmp_path


@pytest.fixture
def run(workdir: Path, capsys: pytest.CaptureFixture[str]) -> Runner:
    """Run our command under wasm-ld's name."""

    def run(arguments: Sequence[str]) -> Outcome:
        capsys.readouterr()
        status = command.run("wasm-ld", list(arguments))
        captured = capsys.readouterr()
        return Outcome(status, captured.out, captured.err)

    return run


@pytest.fixture
def reference(workdir: Path, wasm_ld: list[str]) -> Runner:
    def run(arguments: Sequence[str]) -> Outcome:
        done = subprocess.run(
            [*wasm_ld, *arguments], capture_output=True, text=True, errors="surrogateescape", check=False, timeout=60
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    return run
