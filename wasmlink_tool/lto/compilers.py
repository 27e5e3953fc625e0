"""Which compiler generates code: the one that is named, or one of those that are installed."""

from __future__ import annotations

import functools
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ..diagnostics import FatalError

ENVIRONMENT_VARIABLE = "WASMLINK_LTO_COMPILER"
HOW_TO_GET_ONE = (
    "install clang with the WebAssembly target (or 'pip install ziglang', which brings one), or name one with "
    f"--lto-compiler= or {ENVIRONMENT_VARIABLE}"
)
_SUFFIX = ".exe" if os.name == "nt" else ""


class Compiler(NamedTuple):
    """A program that generates code from bitcode."""

    command: tuple[str, ...]
    is_lto2: bool
    """It is ``llvm-lto2``, which does what LLVM's linkers do; else a clang."""
    version: int
    """The major version of its LLVM; 0 if it does not say."""

    @property
    def shown(self) -> str:
        return " ".join(self.command)


def find_compiler(configured: Sequence[str], version: int) -> Compiler:
    """The compiler to use for bitcode that LLVM ``version`` wrote (0 if that is not known).

    What is configured is used whatever its version is. Else the first that is new enough of ``llvm-lto2``, ``clang``
    (both also under their names with the version) and zig; else the newest.

    :raises FatalError: there is none.
    """
    if configured:
        return _configured(tuple(configured))
    newest: Compiler | None = None
    for command, is_lto2 in _installed(version):
        compiler = Compiler(command, is_lto2, _version(command, is_lto2))
        if compiler.version and compiler.version >= version:
            return compiler
        if compiler.version > (newest.version if newest is not None else 0):
            newest = compiler
    if newest is None:
        raise FatalError(f"link-time optimisation needs a compiler, and none was found: {HOW_TO_GET_ONE}")
    return newest


def configured_compiler(configured: Sequence[str]) -> tuple[str, ...]:
    """The command that the options or else the environment name; empty if neither does."""
    return tuple(configured) or split_command(os.environ.get(ENVIRONMENT_VARIABLE, ""))


def split_command(text: str) -> tuple[str, ...]:
    """A compiler's command as one text: a program's path, spaces and all, or a program and its arguments."""
    if not text or os.path.isfile(text):
        return (text,) if text else ()
    return tuple(shlex.split(text, posix=os.name != "nt"))


def _configured(command: tuple[str, ...]) -> Compiler:
    program = shutil.which(command[0])
    if program is None:
        raise FatalError(f"cannot find the compiler for link-time optimisation: {command[0]}")
    name = os.path.basename(program).removesuffix(".exe")
    command = (program, *command[1:])
    if name.startswith("llvm-lto2"):
        return Compiler(command, True, _version(command, True))
    if command[-1] in ("cc", "c++") or (name == "zig" and len(command) == 1):
        # zig's own driver chooses targets, flags and caches; the clang in it does as it is told.
        command = (*(command[:-1] if len(command) > 1 else command), "clang")
    return Compiler(command, False, _version(command, False))


def _installed(version: int) -> Iterator[tuple[tuple[str, ...], bool]]:
    for name in ("llvm-lto2", "clang"):
        for candidate in (f"{name}-{version}", name) if version else (name,):
            program = shutil.which(candidate)
            if program is not None and (name != "clang" or _has_wasm_target(program)):
                yield (program,), name == "llvm-lto2"
    program = zig_program()
    if program is not None:
        yield (program, "clang"), False


def zig_program() -> str | None:
    """The zig of the ziglang package, which is not imported for it, or of the search path."""
    spec = importlib.util.find_spec("ziglang")
    if spec is not None and spec.origin is not None:
        program = os.path.join(os.path.dirname(spec.origin), "zig" + _SUFFIX)
        if os.path.isfile(program):
            return program
    return shutil.which("zig")


@functools.cache
def _version(command: tuple[str, ...], is_lto2: bool) -> int:
    said = _ask((*command, "run", "--version") if is_lto2 else (*command, "--version"))
    match = re.search(r"version (\d+)", said)
    return int(match.group(1)) if match else 0


@functools.cache
def _has_wasm_target(clang: str) -> bool:
    return "wasm32" in _ask((clang, "--print-targets"))


def _ask(command: Sequence[str]) -> str:
    try:
        done = run(command)
    except FatalError:
        return ""
    return done.stdout.decode("utf-8", "replace")


def run(command: Sequence[str], *, directory: str | None = None) -> subprocess.CompletedProcess[bytes]:
    """Run a compiler and wait for it. Long command lines go through a file, which all of them read.

    :raises FatalError: it cannot be run.
    """
    with tempfile.TemporaryDirectory(prefix="wasmlink-") as place:
        words = list(command)
        if directory is not None and sum(map(len, words)) > 8000:
            leading = 2 if words[1:2] in (["clang"], ["run"]) else 1
            path = os.path.join(place, "arguments.rsp")
            with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
                file.writelines(_quoted(word) + "\n" for word in words[leading:])
            words = [*words[:leading], f"@{path}"]
        try:
            return subprocess.run(
                words,
                cwd=directory,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
            )
        except (OSError, ValueError) as error:
            raise FatalError(f"cannot run {command[0]}: {getattr(error, 'strerror', None) or error}") from None


def _quoted(word: str) -> str:
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'
