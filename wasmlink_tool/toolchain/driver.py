"""The commands that a compiler driver would run (``-###``): the linker's command line, and the compiler's own.

The start file, the libraries and the include directories of a toolchain are read from there. They are not guessed from
directory layouts.
"""

from __future__ import annotations

import itertools
import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass


class ToolchainError(Exception):
    """No toolchain was found, or it did not answer; the message says what to do about it."""


@dataclass(frozen=True)
class Runtime:
    """The inputs that a toolchain adds to a link: absolute paths, in link order."""

    start_files: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    library_paths: tuple[str, ...] = ()
    """The directory of the toolchain's optional libraries (``wasi-emulated-signal``, …)."""
    absent: tuple[str, ...] = ()
    """Libraries that the driver names although they are not installed."""

    def is_current(self) -> bool:
        """Return whether it has a libc, all its files still exist and the absent ones are still absent."""
        present = map(os.path.isfile, (*self.start_files, *self.libraries))
        return bool(self.start_files) and all(present) and not any(map(os.path.isfile, self.absent))


def command_lines(answer: str, hidden: Mapping[str, str]) -> Iterator[list[str]]:
    """Return the commands that a driver printed for ``-###``, as words.

    clang quotes words. zig's linker line is not quoted: ``hidden`` maps marks to directories whose names may hold
    blanks, so that they are not split.
    """
    for line in answer.splitlines():
        if line.lstrip().startswith('"'):
            try:
                yield shlex.split(line)
            except ValueError:
                continue
            continue
        for mark, place in hidden.items():
            line = line.replace(place, mark)
        words = line.split()
        for mark, place in hidden.items():
            words = [word.replace(mark, place) for word in words]
        yield words


def find_link_command(commands: Iterator[list[str]], probe: str, output: str) -> list[str] | None:
    """Return the linker's command: the one that writes ``output`` from ``probe``.

    Another command may name the output too: at ``-O``, clang has binaryen's wasm-opt rewrite it if that is installed.
    """
    for words in commands:
        makes_it = any(pair == ("-o", output) for pair in itertools.pairwise(words))
        if makes_it and (probe in words[1:] or words.count(output) == 1):
            return words
    return None


def read_link_command(words: Sequence[str], probe: str) -> Runtime:
    """Return the runtime that a linker's command line names.

    :raises ToolchainError: a library is not in the directories of the command line.
    """
    paths: list[str] = []
    start_files: list[str] = []
    libraries: list[str] = []
    absent: list[str] = []
    following = iter(words[1:])
    for word in following:
        if word in ("-o", "-m", "-z", "--entry"):
            next(following, None)
        elif word.startswith("-L"):
            paths.append(os.path.normpath(word[2:] or next(following, "")))
        elif word.startswith("-l"):
            name = f"lib{word[2:]}.a"
            found = next((path for path in (os.path.join(base, name) for base in paths) if os.path.isfile(path)), None)
            if found is None:
                raise ToolchainError(_without_library(name, paths))
            libraries.append(found)
        elif word.endswith(".o") and word != probe:
            # clang prints the plain name of a start file that it cannot find.
            if os.path.isabs(word) and os.path.isfile(word):
                start_files.append(word)
        elif word.endswith(".a"):
            # clang names its builtins library whether or not it is installed; if it is missing, undefined symbols show
            # it.
            (libraries if os.path.isfile(word) else absent).append(os.path.abspath(word))
    directories = tuple(path for path in paths if os.path.isdir(path))
    return Runtime(tuple(start_files), tuple(libraries), directories, tuple(absent))


def _without_library(name: str, paths: Sequence[str]) -> str:
    places = ", ".join(paths) or "any directory"
    if name.startswith("libc++"):
        return (
            f"the toolchain has no C++ library: {name} was not found in {places}; install libc++ for wasm32 (Debian: "
            "libc++-NN-dev-wasm32), or choose a toolchain that has one (WASMTOOLCHAIN, WASMCC)"
        )
    return f"the toolchain's {name} was not found in {places}; set WASMSYSROOT, or choose another (WASMTOOLCHAIN)"


def read_include_flags(commands: Iterator[list[str]]) -> tuple[str, ...] | None:
    """Return the include directories and macros that a compiler adds by itself, as options of any clang, with
    directories that do not exist (yet); ``None`` if it printed no command for compiling.

    The compiler's builtin headers are left out: a clang with others must use its own.
    """
    for words in commands:
        if "-cc1" not in words:
            continue
        own = os.path.join(words[words.index("-resource-dir") + 1], "include") if "-resource-dir" in words else None
        flags: list[str] = []
        following = iter(words)
        for word in following:
            if word in ("-isystem", "-internal-isystem", "-internal-externc-isystem"):
                directory = os.path.normpath(next(following, ""))
                if directory != own:
                    flags += "-isystem", directory
            elif word == "-D":
                flags.append(f"-D{next(following, '')}")
        return tuple(flags)
    return None


def existing_directories(flags: Sequence[str]) -> tuple[str, ...]:
    """Return include flags without those for directories that do not exist."""
    found: list[str] = []
    following = iter(flags)
    for flag in following:
        if flag != "-isystem":
            found.append(flag)
        elif os.path.isdir(directory := next(following, "")):
            found += flag, directory
    return tuple(found)
