"""Programs that are installed: where they are, under which names, and what they answer."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence

from .answers import answers

EXECUTABLE_SUFFIX = ".exe" if os.name == "nt" else ""
VERSION_SUFFIX = re.compile(r"(?:-mp)?-?\d+(?:\.\d+)*$")
"""What distributions add to the name of a program of LLVM: ``clang-19``, ``clang19``, ``clang-mp-19``."""


def find_program(name: str, path: str | None = None) -> str | None:
    """The file of a program, from its name or path; ``path`` is the search path (the process's own if ``None``)."""
    return shutil.which(name, path=path)


def installed_versions(name: str, path: str | None = None, *, preferred: int = 0) -> Iterator[str]:
    """All programs of that name on the search path: ``clang-19`` where 19 is preferred, ``clang``, then every
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
    # sorted() is stable: of two equal versions, the one that the search path has first.
    return sorted(found, key=lambda program: found[program], reverse=True)


def find_companion(program: str, name: str, path: str | None = None) -> str | None:
    """The program ``name`` (``llvm-ar``) of the installation that ``program`` (``clang-19``) is of: beside it, or
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
    """The zig of the ziglang package, else that of the search path.

    The package is not imported, and its program is run directly: its wrapper would start Python each time.
    """
    spec = importlib.util.find_spec("ziglang")
    if spec is not None and spec.origin is not None:
        program = os.path.join(os.path.dirname(spec.origin), "zig" + EXECUTABLE_SUFFIX)
        if os.path.isfile(program):
            return program
    return find_program("zig", path)


def zig_cache_directory() -> str:
    """Where zig keeps what it has built: its own rule, applied here because builds run with a bare environment."""
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
    """What a command prints, on standard error too if asked for; empty if it cannot be run."""
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
        return ""
    return done.stdout


def ask_once(command: Sequence[str], *, path: str | None = None) -> str:
    """As :func:`ask`, remembered while the program's file is the same."""
    remembered = answers.recall(command)
    if isinstance(remembered, str):
        return remembered
    answer = ask(command, path=path)
    answers.store(command, answer)
    return answer


def version_line(command: Sequence[str], *, path: str | None = None) -> str:
    """The first line of what a compiler says of its version. (The others say where it is installed.)"""
    return ask_once([*command, "--version"], path=path).partition("\n")[0].strip()


def llvm_version(command: Sequence[str]) -> int:
    """The major version of the LLVM in a program; 0 if it does not print one."""
    match = re.search(r"version (\d+)", ask_once([*command, "--version"]))
    return int(match.group(1)) if match else 0


def has_wasm_target(clang: Sequence[str], *, path: str | None = None) -> bool:
    """Return whether a clang generates code for WebAssembly."""
    return "wasm32" in ask_once([*clang, "--print-targets"], path=path)
