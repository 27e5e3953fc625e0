"""Links after one object changed: each in a new Python, with the cache that the link before has left."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from bench.inputs import BenchInput
from bench.measure import Run, run_process, write_response_file
from bench.toolchain import BenchError


class WarmLinks:
    """One input in a separate directory, where its object can change."""

    def __init__(self, chosen: BenchInput, flags: tuple[str, ...], work: Path, environment: Mapping[str, str]) -> None:
        assert chosen.edited is not None
        original, edited = chosen.edited
        self._contents = original.read_bytes(), edited.read_bytes()
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        self._object = work / original.name
        self._environment = environment
        self._work = work
        self._output = work / "cached" / "module.wasm"
        self._clean = work / "clean" / "module.wasm"
        self._output.parent.mkdir()
        self._clean.parent.mkdir()
        arguments = [str(self._object) if argument == str(original) else argument for argument in chosen.arguments]
        self._arguments = write_response_file(work / "link.rsp", ["--no-demangle", *flags, *arguments])
        self._write(0)
        # The cache that a build before has filled, and what the changed object makes of the module.
        self._link(self._output, "--cache-dir", str(work / "cache"))
        self._write(1)
        self._link(self._clean)

    def _write(self, version: int) -> None:
        self._object.write_bytes(self._contents[version])

    def _link(self, output: Path, *flags: str) -> Run:
        command = [sys.executable, "-m", "bench.in_process", *flags, "-o", str(output), f"@{self._arguments}"]
        made = run_process(command, self._environment)
        return Run(float(made.output.split()[-1]), made.peak, made.output)

    def run(self) -> Run:
        """Link the original, then the edited object; the cost of the latter."""
        cache = "--cache-dir", str(self._work / "cache")
        self._write(0)
        self._link(self._output, *cache)
        self._write(1)
        made = self._link(self._output, *cache)
        if self._output.read_bytes() != self._clean.read_bytes():
            raise BenchError(f"{self._work}: the link with the cache made another module")
        return made
