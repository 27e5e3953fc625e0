"""Objects of C and C++ sources for WASI, with debug information, as programs have them."""

from __future__ import annotations

import concurrent.futures
import os
import shlex
import subprocess
from collections.abc import Iterable
from pathlib import Path

from tests.support.toolchain import ToolchainError, zig

TARGET = ("-target", "wasm32-wasi")
C_FLAGS = ("-g", "-fno-sanitize=undefined", "-w")
CXX_FLAGS = (*C_FLAGS, "-std=c++17", "-fno-exceptions")


def compile_all(sources: Iterable[tuple[Path, Path]], *, optimize: str, flags: Iterable[str] = ()) -> None:
    """Compile (source, object) pairs, those whose object is missing or older, as many at a time as there are cores.

    ``flags`` are added to the compiler's.
    """
    more = tuple(flags)
    stale = [
        (source, target)
        for source, target in sources
        if not target.exists() or target.stat().st_mtime < source.stat().st_mtime
    ]

    def compile_one(pair: tuple[Path, Path]) -> None:
        source, target = pair
        cxx = source.suffix == ".cpp"
        # The sources are named relatively, so that debug information is the same wherever the work directory is.
        own = [*(CXX_FLAGS if cxx else C_FLAGS), optimize, "-ffile-compilation-dir=.", *more]
        temporary = target.with_suffix(f".{os.getpid()}.new")
        command = [zig(), "c++" if cxx else "cc", *TARGET, *own, "-c", source.name, "-o", str(temporary.resolve())]
        done = subprocess.run(command, cwd=source.parent, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ToolchainError(f"{shlex.join(command)} failed:\n{done.stderr.strip()}")
        os.replace(temporary, target)

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(compile_one, stale))
