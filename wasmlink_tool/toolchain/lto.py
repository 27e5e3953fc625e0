"""Find the compiler that generates code from bitcode: the configured one, or an installed one."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ..diagnostics import FatalError
from ..temporary_files import TemporaryDirectory
from .programs import find_program, find_zig, has_wasm_target, installed_versions, llvm_version

ENVIRONMENT_VARIABLE = "WASMLINK_LTO_COMPILER"
HOW_TO_GET_ONE = (
    "install clang with the WebAssembly target (or 'pip install ziglang', which brings one), or name one with "
    f"--lto-compiler= or {ENVIRONMENT_VARIABLE}"
)


class Compiler(NamedTuple):
    """A program that generates code from bitcode."""

    command: tuple[str, ...]
    is_lto2: bool
    """Whether it is ``llvm-lto2``, which works like LLVM's linkers; otherwise it is a clang."""
    version: int
    """The major version of its LLVM; 0 if it prints none."""

    @property
    def shown(self) -> str:
        return " ".join(self.command)


def find_compiler(configured: Sequence[str], version: int) -> Compiler:
    """Return the compiler for bitcode that LLVM ``version`` wrote (0 if unknown).

    A configured one is used whatever its version is. Otherwise it is the first of ``llvm-lto2``, ``clang`` (both under
    all their names) and zig that is new enough; if none is, the newest.

    :raises FatalError: there is none.
    """
    if configured:
        return _configured(tuple(configured))
    newest: Compiler | None = None
    for command, is_lto2 in _installed(version):
        compiler = _compiler(command, is_lto2)
        if compiler.version and compiler.version >= version:
            return compiler
        if compiler.version > (newest.version if newest is not None else 0):
            newest = compiler
    if newest is None:
        raise FatalError(f"link-time optimisation needs a compiler, and none was found: {HOW_TO_GET_ONE}")
    return newest


def configured_compiler(configured: Sequence[str]) -> tuple[str, ...]:
    """Return the command that the options or else the environment name; empty if neither does."""
    return tuple(configured) or split_command(os.environ.get(ENVIRONMENT_VARIABLE, ""))


def split_command(text: str) -> tuple[str, ...]:
    """Split a compiler's command: the path of an existing program, which may contain blanks, or a program and its
    arguments."""
    if not text or os.path.isfile(text):
        return (text,) if text else ()
    try:
        return tuple(shlex.split(text, posix=os.name != "nt"))
    except ValueError:
        # Not valid shell quoting: perhaps a file name.
        return (text,)


def _configured(command: tuple[str, ...]) -> Compiler:
    program = find_program(command[0])
    if program is None:
        raise FatalError(f"cannot find the compiler for link-time optimisation: {command[0]}")
    name = os.path.basename(program).removesuffix(".exe")
    command = (program, *command[1:])
    if name.startswith("llvm-lto2"):
        return _compiler(command, True)
    if command[-1] in ("cc", "c++") or (name == "zig" and len(command) == 1):
        # zig's own driver chooses targets, flags and caches; its clang follows the arguments.
        command = (*(command[:-1] if len(command) > 1 else command), "clang")
    return _compiler(command, False)


def _installed(version: int) -> Iterator[tuple[tuple[str, ...], bool]]:
    for program in installed_versions("llvm-lto2", preferred=version):
        yield (program,), True
    for program in installed_versions("clang", preferred=version):
        if has_wasm_target((program,)):
            yield (program,), False
    program_of_zig = find_zig()
    if program_of_zig is not None:
        yield (program_of_zig, "clang"), False


def _compiler(command: tuple[str, ...], is_lto2: bool) -> Compiler:
    return Compiler(command, is_lto2, llvm_version((*command, "run") if is_lto2 else command))


def run(
    command: Sequence[str], arguments: Sequence[str] = (), *, directory: str | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run a compiler and wait for it. Long command lines are passed in a file, which all of them support; programs that
    run the compiler, such as ccache, do not, and get ``command`` itself.

    :raises FatalError: it cannot be run.
    """
    with TemporaryDirectory("wasmlink-") as place:
        words = [*command, *arguments]
        if directory is not None and sum(map(len, words)) > 8000:
            # The subcommand of llvm-lto2 is no argument of it.
            leading = len(command) + (words[len(command) : len(command) + 1] == ["run"])
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
