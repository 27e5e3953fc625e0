"""Judge the outcome of a trial, and group equal findings."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.fuzz.trials import OUTPUT

if TYPE_CHECKING:
    import wasmtime

PREVIOUS = b"what an earlier link wrote"
SIDE_FILES = frozenset(
    ("out.map", "why.txt", "out.d", "link.tar", "times.json", "cache", OUTPUT, "stdout", "stderr", "out.wasm.lto.o")
)
_INTERNAL = re.compile(r"internal error: (\w+).*?(?:>>> in (\S+), line (\d+))", re.DOTALL)


@dataclass(frozen=True)
class Finding:
    """``kind`` and ``where`` tell findings apart: of those that agree, one is enough."""

    kind: str
    where: str = ""
    text: str = ""

    @property
    def key(self) -> str:
        return f"{self.kind}: {self.where}"


def judge(directory: Path, status: int, said: str, given: frozenset[str]) -> Finding | None:
    """Judge a link that ended: its exit status, what it printed, and what it left in its directory.

    :param given: the names of the files that were there before.
    """
    found = _INTERNAL.search(said)
    if found is not None:
        return Finding("traceback", f"{found[1]} {found[2]}:{found[3]}", said[-2000:])
    if "internal error" in said or "Traceback (most recent" in said:
        last = said.strip().splitlines()[-1]
        return Finding("traceback", last[:80], said[-2000:])
    if "out of memory" in said:
        return Finding("memory", "", said[-2000:])
    output = directory / OUTPUT
    # Options may name another output, or none.
    contents = output.read_bytes() if output.is_file() else b""
    if status:
        if contents != PREVIOUS:
            return Finding("lost output", f"{len(contents)} bytes", said[-2000:])
        if "error" not in said and status == 1:
            return Finding("no message", "", said[-2000:])
    elif contents != PREVIOUS and contents[:4] != b"\0asm":
        return Finding("partial output", f"{len(contents)} bytes", said[-2000:])
    return stray_file(directory, said, given)


def stray_file(directory: Path, said: str, given: frozenset[str]) -> Finding | None:
    """Judge what links that have ended left in their directory."""
    # Damaged options name files, too.
    names = (name for name in os.listdir(directory) if name not in SIDE_FILES and name not in given and ".tmp" in name)
    stray = min(names, default="")
    return Finding("stray file", re.sub(r"[0-9a-f]{6,}", "#", stray), said[-2000:]) if stray else None


_PROPOSALS = ("threads", "memory64", "multi_memory", "exceptions", "tail_call", "gc", "function_references",
              "wide_arithmetic", "custom_page_sizes", "relaxed_simd", "stack_switching")  # fmt: skip


@functools.cache
def _engine() -> wasmtime.Engine:
    import wasmtime

    config = wasmtime.Config()
    # A child of a fork has none of the threads that would take part.
    config.parallel_compilation = False
    for proposal in _PROPOSALS:
        with suppress(AttributeError, wasmtime.WasmtimeError):
            setattr(config, f"wasm_{proposal}", True)
    return wasmtime.Engine(config)


def is_invalid(module: bytes) -> str:
    """Why wasmtime refuses a module; empty where it accepts it."""
    import wasmtime

    try:
        wasmtime.Module.validate(_engine(), module)
    except wasmtime.WasmtimeError as error:
        return str(error)
    return ""


_OTHER_REASONS = re.compile(
    rb"wasm64|cannot be used against|undefined symbol|mismatch|duplicate symbol|cannot open|"
    # Of strings in a debug section, which is not read if it is removed.
    rb"not null terminated"
)


def reference_refuses(directory: Path, files: Iterable[str]) -> bool:
    """Return whether wasm-ld takes one of the objects for damaged: it does not even copy it, for no reason that has to
    do with other objects or with options."""
    program = shutil.which("wasm-ld-22") or shutil.which("wasm-ld")
    if program is None:
        return False
    for file in files:
        if file.endswith(".o"):
            command = [program, "-r", "--no-check-features", "-o", "copy", file]
            done = subprocess.run(command, cwd=directory, capture_output=True, check=False, timeout=60)
            (directory / "copy").unlink(missing_ok=True)
            if done.returncode == 1 and not _OTHER_REASONS.search(done.stderr):
                return True
    return False
