"""Projects that real ``scons`` processes build."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import wasmtime

ROOT = Path(__file__).resolve().parents[2]

PREAMBLE = """\
env = Environment(
    tools=["wasmlink"],
    toolpath=[PyPackageDir("wasmlink_tool.site_tools")],
    WASMCCCOMSTR="CC $TARGET",
    WASMCXXCOMSTR="CXX $TARGET",
    WASMASCOMSTR="AS $TARGET",
    WASMASPPCOMSTR="ASPP $TARGET",
    WASMARCOMSTR="AR $TARGET",
    WASMLINKCOMSTR="LINK $TARGET",
    WASMTOOLCHAIN="zig",
)
"""
"""An environment that prints what it does in words that tests compare."""


@dataclass(frozen=True)
class Outcome:
    """The result of one run of scons."""

    status: int
    output: str
    errors: str

    @property
    def steps(self) -> list[str]:
        """The steps that ran, in order, by the words of :data:`PREAMBLE`."""
        words = ("CC ", "CXX ", "AS ", "ASPP ", "AR ", "LINK ")
        return [line for line in self.output.splitlines() if line.startswith(words)]

    @property
    def up_to_date(self) -> bool:
        return self.status == 0 and "is up to date." in self.output and not self.steps


class Project:
    """A directory with an SConstruct."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.variables = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
        self._clock = 1_000_000_000

    def sconstruct(self, text: str) -> None:
        """The SConstruct after :data:`PREAMBLE`."""
        self.write({"SConstruct": PREAMBLE + textwrap.dedent(text)})

    def write(self, files: Mapping[str, str]) -> None:
        """Write files, each at a second of its own: SCons's deciders see whole seconds only."""
        for name, text in files.items():
            path = self.directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            self._clock += 1
            os.utime(path, (self._clock, self._clock))

    def scons(self, *arguments: str, check: bool = True) -> Outcome:
        done = subprocess.run(
            [sys.executable, "-m", "SCons", "-Q", *arguments],
            cwd=self.directory,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        outcome = Outcome(done.returncode, done.stdout, done.stderr)
        if check:
            assert outcome.status == 0, f"{outcome.output}\n{outcome.errors}"
        return outcome

    def path(self, name: str) -> Path:
        return self.directory / name

    def run(self, module: str, *arguments: str) -> str:
        """Return the output of a WASI command module."""
        done = subprocess.run(
            [sys.executable, str(ROOT / "samples" / "wasi.py"), module, *arguments],
            cwd=self.directory,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def exports(self, module: str) -> set[str]:
        loaded = wasmtime.Module.from_file(wasmtime.Engine(), str(self.path(module)))
        return {export.name for export in loaded.exports}

    def files(self) -> set[str]:
        return {str(path.relative_to(self.directory)) for path in self.directory.rglob("*") if path.is_file()}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)
