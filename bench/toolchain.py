"""The toolchain of the benchmark: clang and the libraries of the ziglang package, and the reference linker."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.support.toolchain import ToolchainError, zig
from tests.support.wasi_objects import C_FLAGS, TARGET


class BenchError(ToolchainError):
    """The benchmark cannot go on; the text says why and what to do."""


@cache
def reference_command() -> tuple[str, ...]:
    """The reference linker, started directly.

    ``WASMLINK_REFERENCE`` names one; otherwise version 22 as a distribution installs it, then the zig executable.
    """
    chosen = os.environ.get("WASMLINK_REFERENCE")
    if chosen:
        return tuple(shlex.split(chosen))
    for candidate in ("/usr/lib/llvm-22/bin/wasm-ld", shutil.which("wasm-ld-22")):
        if candidate and os.access(candidate, os.X_OK):
            return (candidate,)
    return (zig(), "wasm-ld")


def reference_version() -> str:
    """The first line that the reference prints of itself."""
    done = _run([*reference_command(), "--version"])
    return done.splitlines()[0] if done else "unknown"


def _run(command: list[str], cwd: Path | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"{shlex.join(command)} failed:\n{done.stderr.strip()}")
    return done.stdout or done.stderr


@dataclass(frozen=True, slots=True)
class Libraries:
    """The libraries and start files of a program, in the toolchain's order."""

    before: tuple[str, ...]
    after: tuple[str, ...]

    def around(self, objects: Iterable[str]) -> list[str]:
        return [*self.before, *objects, *self.after]

    def named(self, name: str) -> str:
        for path in (*self.before, *self.after):
            if Path(path).name == name:
                return path
        raise BenchError(f"the toolchain links no {name}")


def libraries(work: Path, *, cxx: bool) -> Libraries:
    """libc, compiler-rt and for C++ libc++, which zig builds on their first use; copied into ``work``.

    zig's own cache may be emptied at any time, and its paths are long and differ between machines.
    """
    directory = work / ("libraries-cxx" if cxx else "libraries-c")
    recipe = directory / "order"
    if not recipe.exists():
        directory.mkdir(parents=True, exist_ok=True)
        probe = directory / ("probe.cpp" if cxx else "probe.c")
        probe.write_text("int main(void) { return 0; }\n" if not cxx else "int main() { return 0; }\n")
        command = [zig(), "c++" if cxx else "cc", *TARGET, *C_FLAGS, "-v", probe.name, "-o", "probe.wasm"]
        done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
        links = [line for line in done.stderr.splitlines() if line.startswith("wasm-ld ")]
        if done.returncode or not links:
            raise BenchError(f"{shlex.join(command)} showed no link:\n{done.stderr[-2000:]}")
        names = []
        for path in shlex.split(links[-1])[1:]:
            if not path.endswith((".o", ".a")):
                continue
            if Path(path).stem == "probe":
                names.append("")  # where a program's own objects stand
                continue
            shutil.copyfile(directory / path, directory / Path(path).name)
            names.append(Path(path).name)
        recipe.write_text("\n".join(names))
    names = recipe.read_text().split("\n")
    own = names.index("")
    return Libraries(
        tuple(str(directory / name) for name in names[:own]), tuple(str(directory / name) for name in names[own + 1 :])
    )
