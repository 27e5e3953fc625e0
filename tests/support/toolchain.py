"""The ziglang package as the tests' toolchain: clang, ar and the reference linker."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import os
import shlex
import subprocess
from pathlib import Path

TARGET = "wasm32-freestanding"
COMPILE = ("cc", "-c", "-target", TARGET)
LANGUAGE_FLAGS = {
    ".s": (),
    ".c": ("-O1", "-fno-sanitize=all"),
    ".cpp": ("-O1", "-fno-sanitize=all", "-fno-exceptions", "-fno-rtti"),
}
FLAGS_MARK = ("# flags:", "// flags:")


class ToolchainError(RuntimeError):
    """A tool is missing or failed; the text says which, and what to do."""


@functools.cache
def zig() -> str:
    """The path of the ziglang package's executable: run directly, it saves a Python start for every call."""
    spec = importlib.util.find_spec("ziglang")
    if spec is None or spec.origin is None:
        raise ToolchainError("the tests and the benchmark need the ziglang package: pip install ziglang")
    return str(Path(spec.origin).parent / ("zig.exe" if os.name == "nt" else "zig"))


@functools.cache
def reference_command() -> tuple[str, ...]:
    """The reference linker; ``WASMLINK_REFERENCE`` names another one."""
    other = os.environ.get("WASMLINK_REFERENCE")
    return tuple(shlex.split(other)) if other else (zig(), "wasm-ld")


def source_flags(text: str) -> list[str]:
    """Flags that a source asks for in its first line: ``# flags: -g`` or ``// flags: -g``."""
    first = text.lstrip().split("\n", 1)[0]
    for mark in FLAGS_MARK:
        if first.startswith(mark):
            return shlex.split(first[len(mark) :])
    return []


def compile_object(text: str, suffix: str, cache: Path) -> bytes:
    """Compile a source to a relocatable object, at most once for each content among all workers that share ``cache``.

    Two workers that compile the same source at the same time both do the work; the renaming makes that harmless.
    """
    flags = [*COMPILE, *LANGUAGE_FLAGS[suffix], *source_flags(text)]
    if not any(flag.startswith("-g") for flag in flags):
        flags.append("-g0")
    key = hashlib.sha256("\0".join([zig(), suffix, text, *flags]).encode()).hexdigest()[:32]
    known = cache / f"{key}.o"
    if not known.exists():
        work = cache / f"{key}.{os.getpid()}"
        work.mkdir(parents=True, exist_ok=True)
        source = work / f"input{suffix}"
        source.write_text(text, encoding="utf-8")
        done = subprocess.run(
            [zig(), *flags, "-ffile-compilation-dir=.", source.name, "-o", "input.o"],
            cwd=work,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ToolchainError(f"compiling failed:\n{done.stderr}\n{text}")
        os.replace(work / "input.o", known)
    return known.read_bytes()


def make_archive(path: Path, members: list[str], *, style: str = "gnu", thin: bool = False, index: bool = True) -> None:
    """Archive files, which stand beside ``path``, with ``ar``."""
    command = [zig(), "ar", f"--format={style}"]
    if thin:
        command.append("--thin")
    command += ["rcs" if index else "rcS", path.name, *members]
    subprocess.run(command, cwd=path.parent, check=True, capture_output=True)


def compile_sources(sources: dict[str, str], directory: Path, flags: str = "") -> list[str]:
    """Compile sources, with more flags than their own; return the objects' paths."""
    paths = []
    for name, text in sources.items():
        path = (directory / name).with_suffix(".o")
        asked = text.replace("// flags:", f"// flags: {flags}", 1)
        path.write_bytes(compile_object(asked, Path(name).suffix, directory / "objects"))
        paths.append(str(path))
    return paths
