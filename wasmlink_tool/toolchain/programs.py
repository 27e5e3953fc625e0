"""Installed programs: their locations, their names, and their answers."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence

from .answers import answers
from .driver import ToolchainError

EXECUTABLE_SUFFIX = ".exe" if os.name == "nt" else ""
VERSION_SUFFIX = re.compile(r"(?:-mp)?-?\d+(?:\.\d+)*$")
"""Version suffixes that distributions add to LLVM's programs: ``clang-19``, ``clang19``, ``clang-mp-19``."""


def find_program(name: str, path: str | None = None) -> str | None:
    """Return the file of a program, from its name or path; ``path`` is the search path (the process's own if
    ``None``)."""
    return shutil.which(name, path=path)


def installed_versions(name: str, path: str | None = None, *, preferred: int = 0) -> Iterator[str]:
    """Return all programs of that name on the search path: ``clang-19`` if 19 is preferred, ``clang``, then every
    ``clang-NUMBER``, the newest first."""
    names = [f"{name}-{preferred}", name] if preferred else [name]
    seen = set()
    for candidate in names:
        if program := find_program(candidate, path):
            seen.add(program)
            yield program
    for program in _with_version(name, path):
        if program not in seen:
            yield program


def _with_version(name: str, path: str | None) -> list[str]:
    found: dict[str, tuple[int, ...]] = {}
    search_path = os.environ.get("PATH", os.defpath) if path is None else path
    for directory in search_path.split(os.pathsep):
        try:
            entries = os.listdir(directory or os.curdir)
        except OSError:
            continue
        for entry in entries:
            rest = entry.removesuffix(EXECUTABLE_SUFFIX).removeprefix(name)
            if not entry.startswith(name) or not VERSION_SUFFIX.fullmatch(rest):
                continue
            program = os.path.join(directory, entry)
            if os.access(program, os.X_OK) and os.path.isfile(program):
                found[program] = tuple(map(int, re.findall(r"\d+", rest)))
    # sorted() is stable: of two equal versions, the first on the search path is used.
    return sorted(found, key=lambda program: found[program], reverse=True)


_COMPILER_CACHES = ("ccache", "distcc", "icecc", "sccache")
"""Programs that run the compiler whose name they are called by, the next one on the search path."""


def locate_compiler(name: str, path: str | None = None) -> str | None:
    """Return the file of a compiler, whose contents and version are the compiler's: behind a link to a program such as
    ``ccache``, the compiler that it runs."""
    program = find_program(name, path)
    if program is None or not _is_compiler_cache(program):
        return program
    name = os.path.basename(program)
    search_path = os.environ.get("PATH", os.defpath) if path is None else path
    candidates = (shutil.which(name, path=directory) for directory in search_path.split(os.pathsep) if directory)
    return next((found for found in candidates if found and not _is_compiler_cache(found)), program)


def _is_compiler_cache(program: str) -> bool:
    """Return whether a program that is called like a compiler is a link to a compiler cache."""
    caches = [os.path.basename(file).removesuffix(EXECUTABLE_SUFFIX) for file in (program, os.path.realpath(program))]
    return caches[1] in _COMPILER_CACHES and caches[0] != caches[1]


def find_companion(program: str, name: str, path: str | None = None) -> str | None:
    """Return the program ``name`` (``llvm-ar``) of the same installation as ``program`` (``clang-19``): beside it, or
    beside the file that it links to, with the same version in its name or without; else on the search path."""
    located = find_program(program, path) or program
    version = VERSION_SUFFIX.search(os.path.basename(program).removesuffix(EXECUTABLE_SUFFIX))
    names = [f"{name}{version.group()}", name] if version else [name]
    for directory in dict.fromkeys((os.path.dirname(located), os.path.dirname(os.path.realpath(located)))):
        for candidate in names:
            beside = os.path.join(directory, candidate + EXECUTABLE_SUFFIX)
            if directory and os.path.isfile(beside):
                return beside
    return next(filter(None, (find_program(candidate, path) for candidate in names)), None)


def find_zig(path: str | None = None) -> str | None:
    """Return the zig of the ziglang package, else the one on the search path.

    The package is not imported, and its program is run directly: its wrapper would start Python each time.
    """
    spec = importlib.util.find_spec("ziglang")
    program = _zig_beside(spec.origin or "") if spec is not None else None
    return program or find_program("zig", path)


def zig_of_python(python: str) -> str | None:
    """Return the zig that ``python -m ziglang`` runs."""
    question = [python, "-c", "import importlib.util as u; s = u.find_spec('ziglang'); print(s.origin if s else '')"]
    origin = answers.recall(question)
    program = _zig_beside(origin) if isinstance(origin, str) else None
    if program is None:
        origin = ask(question).strip()
        program = _zig_beside(origin)
        if program is not None:
            answers.store(question, origin)
    return program


def _zig_beside(module: str) -> str | None:
    """Return the program of the ziglang package, from the file of its module."""
    program = os.path.join(os.path.dirname(module), "zig" + EXECUTABLE_SUFFIX)
    return program if module and os.path.isfile(program) else None


def zig_cache_directory() -> str:
    """Return the directory of zig's cache: zig's own rule, applied here because builds run with a minimal
    environment."""
    explicit = os.environ.get("ZIG_GLOBAL_CACHE_DIR")
    if explicit:
        return os.path.abspath(explicit)
    if os.name == "nt":
        base = os.environ.get("LOCALAPPDATA")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    if not base or base.startswith("~"):
        base = tempfile.gettempdir()
    return os.path.join(os.path.abspath(base), "zig")


def ask(command: Sequence[str], *, path: str | None = None, directory: str | None = None, errors: bool = False) -> str:
    """Return the output of a command, with standard error if requested; empty if it cannot be run."""
    return _run(command, path, directory, errors)[0]


def ask_once(command: Sequence[str], *, path: str | None = None) -> str:
    """Return :func:`ask`, cached as long as the program's file is the same. The output of a program that fails, or that
    a signal ends, is no answer."""
    remembered = answers.recall(command)
    if isinstance(remembered, str):
        return remembered
    answer, status = _run(command, path)
    if status == 0:
        answers.store(command, answer)
    return answer


def _run(
    command: Sequence[str], path: str | None, directory: str | None = None, errors: bool = False
) -> tuple[str, int]:
    """Return a command's output and its exit status.

    A terminal sends its interrupt to the command too. If that ends it, the caller must not go on with another question.

    :raises KeyboardInterrupt: an interrupt ended it.
    :raises ToolchainError: the same, on a thread other than the main one.
    """
    environment = {**os.environ, "ZIG_GLOBAL_CACHE_DIR": zig_cache_directory()}
    if path is not None:
        environment["PATH"] = path
    try:
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if errors else subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            check=False,
            text=True,
            errors="surrogateescape",
            env=environment,
            cwd=directory,
        )
    except (OSError, ValueError):
        return "", -1
    if done.returncode in (-signal.SIGINT, 128 + signal.SIGINT):
        if threading.current_thread() is threading.main_thread():
            raise KeyboardInterrupt
        raise ToolchainError(f"interrupted while {command[0]} ran")
    return done.stdout, done.returncode


def version_line(command: Sequence[str], *, path: str | None = None) -> str:
    """Return the first line of a compiler's version text. (The other lines contain its location.)"""
    return ask_once([*command, "--version"], path=path).partition("\n")[0].strip()


def llvm_version(command: Sequence[str]) -> int:
    """Return the major version of the LLVM in a program; 0 if it prints none."""
    match = re.search(r"version (\d+)", ask_once([*command, "--version"]))
    return int(match.group(1)) if match else 0


def has_wasm_target(clang: Sequence[str], *, path: str | None = None) -> bool:
    """Return whether a clang generates code for WebAssembly."""
    return "wasm32" in ask_once([*clang, "--print-targets"], path=path)
