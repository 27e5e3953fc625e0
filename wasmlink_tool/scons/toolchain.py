"""Finding a compiler that makes WebAssembly, and the C and C++ runtime that comes with it.

Nothing here knows SCons. A toolchain is one of

* an explicit choice (a compiler command, a kind, or the directory of a WASI SDK);
* the WASI SDK that ``WASI_SDK_PATH`` names;
* a ``clang`` on the search path that has the WebAssembly target (and, when libc is wanted, finds one);
* the ``ziglang`` package, which is clang with its own libc and libc++

in that order. What a link needs of it, the start file and the libraries, is not guessed from directory layouts: the
compiler driver is asked how it would link (``-###``), which it answers with the command line of its linker.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from enum import Enum
from pathlib import Path

from .memory import memory

WASI_TRIPLES = ("wasm32-wasip1", "wasm32-wasi")
BARE_TRIPLE = "wasm32-unknown-unknown"
EXECUTABLE_SUFFIX = ".exe" if os.name == "nt" else ""

HOW_TO_GET_ONE = """\
no compiler for WebAssembly was found; any one of these helps:
  pip install ziglang (clang with a C and C++ library, nothing else is needed)
  the environment variable WASI_SDK_PATH, naming an unpacked WASI SDK
  a clang on the PATH that has the WebAssembly target, with wasi-libc
  WASMCC, naming the compiler"""


class ToolchainError(Exception):
    """No toolchain, or one that does not answer; the text says what to do about it."""


class Kind(Enum):
    """Whose command line the compiler has, where the families differ."""

    ZIG = "zig"
    CLANG = "clang"
    WASI_SDK = "wasi-sdk"


@dataclass(frozen=True)
class Runtime:
    """What a toolchain adds to a link: absolute paths, in link order."""

    start_files: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    library_paths: tuple[str, ...] = ()
    """Where the toolchain's optional libraries are (``wasi-emulated-signal``, …)."""
    absent: tuple[str, ...] = ()
    """Libraries that the driver names although they are not installed."""

    def is_current(self) -> bool:
        """Whether all files are there still, and those that were absent are so still."""
        present = map(os.path.isfile, (*self.start_files, *self.libraries))
        return all(present) and not any(map(os.path.isfile, self.absent))


@dataclass(frozen=True)
class Toolchain:
    """Commands, each a program and its first arguments."""

    kind: Kind
    cc: tuple[str, ...]
    cxx: tuple[str, ...]
    ar: tuple[str, ...]
    sysroot: str = ""

    def target_flags(self, *, target: str = "", libc: bool = True, given: Sequence[str] = ()) -> tuple[str, ...]:
        """Compiler flags that every compilation needs, to stand before the ``given`` ones.

        ``target`` is a triple, or empty for the usual one.
        """
        if self.kind is Kind.ZIG:
            # zig compiles for debugging unless told otherwise: with debug information, and instrumented for undefined
            # behaviour, which needs a runtime of its own. Here, all compilers get the same flags and do the same. A
            # later -g would not undo -g0 there.
            debug = () if any(flag.startswith("-g") for flag in given) else ("-g0",)
            triple = target or ("wasm32-wasi" if libc else "wasm32-freestanding")
            return ("-target", triple, "-fno-sanitize=undefined", *debug)
        sysroot = (f"--sysroot={self.sysroot}",) if self.sysroot and libc else ()
        if not target:
            target = self._wasi_triple() if libc else BARE_TRIPLE
        return (f"--target={target}", *sysroot)

    def runtime(self, *, target: str = "", cxx: bool = False, reactor: bool = False) -> Runtime:
        """Start file and libraries for a link with libc.

        Raises :class:`ToolchainError` if the driver does not say. The first call for zig takes up to a minute: it
        compiles the library.
        """
        return _runtime(self, target, cxx, reactor)

    def knows_runtime(self, *, target: str = "", cxx: bool = False, reactor: bool = False) -> bool:
        """Whether :meth:`runtime` would answer without asking the driver, for which zig compiles its library."""
        return _remembered_runtime(_runtime_question(self, target, cxx, reactor)) is not None

    def identity(self) -> str:
        """What tells toolchains apart wherever they are installed: the compiler's version and contents."""
        return _identity(self)

    def has_libc(self) -> bool:
        return self.kind is Kind.ZIG or _finds_libc(self) is not None

    def provides(self, library: str) -> bool:
        """Whether ``-l`` this is part of what :meth:`runtime` gives already."""
        if self.kind is Kind.ZIG and library.startswith("wasi-emulated-"):
            return True
        return library in {"c", "m", "pthread", "dl", "rt", "util", "crypt", "resolv", "xnet", "c++", "c++abi"}

    def _wasi_triple(self) -> str:
        triple = _finds_libc(self)
        if triple is None:
            raise ToolchainError(
                f"{shlex.join(self.cc)} has no libc for WASI: install wasi-libc, set WASMSYSROOT to a WASI sysroot, "
                "or build without libc (WASMLIBC=False)"
            )
        return triple


def find_toolchain(
    setting: str = "",
    cc: Sequence[str] = (),
    *,
    path: str | None = None,
    wasi_sdk: str = "",
    sysroot: str = "",
    libc: bool = True,
) -> Toolchain:
    """The toolchain to use.

    ``setting`` is ``zig``, ``clang``, ``wasi-sdk``, or the directory of a WASI SDK; ``cc`` an explicit compiler
    command; both may be empty. ``path`` is the search path for programs (the process's own if ``None``),
    ``wasi_sdk`` the value of ``WASI_SDK_PATH``. Raises :class:`ToolchainError` when there is none.
    """
    return _find(setting, tuple(cc), path, wasi_sdk, sysroot, libc)


@functools.cache
def _find(setting: str, cc: tuple[str, ...], path: str | None, sdk: str, sysroot: str, libc: bool) -> Toolchain:
    if cc:
        return replace(_of_command(cc, path), sysroot=sysroot)
    if setting == Kind.ZIG.value:
        zig = _zig(path)
        if zig is None:
            raise ToolchainError("no zig was found: pip install ziglang")
        return zig
    if setting == Kind.CLANG.value:
        clang = shutil.which("clang", path=path)
        if clang is None:
            raise ToolchainError("no clang was found on the PATH")
        return replace(_of_command((clang,), path), sysroot=sysroot)
    if setting == Kind.WASI_SDK.value:
        if not sdk:
            raise ToolchainError("the WASI SDK was asked for, but WASI_SDK_PATH is not set")
        return _wasi_sdk(sdk, sysroot)
    if setting:
        return _wasi_sdk(setting, sysroot)
    if sdk:
        return _wasi_sdk(sdk, sysroot)
    clang = shutil.which("clang", path=path)
    if clang is not None and _has_wasm_target(clang):
        toolchain = replace(_of_command((clang,), path), sysroot=sysroot)
        if not libc or toolchain.has_libc():
            return toolchain
    found = _zig(path)
    if found is None:
        raise ToolchainError(HOW_TO_GET_ONE)
    return found


def _of_command(cc: tuple[str, ...], path: str | None) -> Toolchain:
    """A toolchain around a compiler command: ``zig cc`` (also as ``python -m ziglang cc``), or a clang."""
    if len(cc) > 1 and cc[-1] == "cc":
        return Toolchain(Kind.ZIG, cc, (*cc[:-1], "c++"), (*cc[:-1], "ar"))
    program, arguments = cc[0], cc[1:]
    directory, name = os.path.split(program)
    cxx = os.path.join(directory, re.sub(r"clang(?!\+\+)", "clang++", name, count=1))
    return Toolchain(Kind.CLANG, cc, (cxx, *arguments), (_llvm_ar(program, path),))


def _llvm_ar(clang: str, path: str | None) -> str:
    """The archiver that belongs to a clang: beside it, or where the program itself is, or by name and version."""
    located = shutil.which(clang, path=path) or clang
    suffix = re.search(r"-\d+$", os.path.basename(clang))
    names = [f"llvm-ar{suffix.group()}"] if suffix else []
    names.append("llvm-ar")
    for directory in dict.fromkeys((os.path.dirname(located), os.path.dirname(os.path.realpath(located)))):
        for name in names:
            candidate = os.path.join(directory, name + EXECUTABLE_SUFFIX)
            if os.path.isfile(candidate):
                return candidate
    for name in names:
        if candidate := shutil.which(name, path=path) or "":
            return candidate
    return "ar"


def _wasi_sdk(directory: str, sysroot: str) -> Toolchain:
    programs = [os.path.join(directory, "bin", name + EXECUTABLE_SUFFIX) for name in ("clang", "clang++", "llvm-ar")]
    if not os.path.isfile(programs[0]):
        raise ToolchainError(f"{directory} is no WASI SDK: there is no bin/clang in it")
    cc, cxx, ar = programs
    own = os.path.join(directory, "share", "wasi-sysroot")
    return Toolchain(Kind.WASI_SDK, (cc,), (cxx,), (ar,), sysroot or (own if os.path.isdir(own) else ""))


def _zig(path: str | None) -> Toolchain | None:
    """The ziglang package's zig, run directly (its Python wrapper would cost a Python start each time)."""
    spec = importlib.util.find_spec("ziglang")
    program: str | None = None
    if spec is not None and spec.origin is not None:
        program = os.path.join(os.path.dirname(spec.origin), "zig" + EXECUTABLE_SUFFIX)
    if program is None or not os.path.isfile(program):
        program = shutil.which("zig", path=path)
    if program is None:
        return None
    return Toolchain(Kind.ZIG, (program, "cc"), (program, "c++"), (program, "ar"))


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


def _environment() -> dict[str, str]:
    return {**os.environ, "ZIG_GLOBAL_CACHE_DIR": zig_cache_directory()}


def _output(command: Sequence[str], *, errors: bool = False) -> str:
    """What a command prints, on standard error too if asked for; empty if it cannot be run."""
    try:
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if errors else subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            check=False,
            text=True,
            errors="surrogateescape",
            env=_environment(),
        )
    except OSError:
        return ""
    return done.stdout


def _program(command: Sequence[str]) -> str:
    """The file of a command's program, for the memory; the name itself if it is not found."""
    return shutil.which(command[0]) or command[0]


@functools.cache
def _identity(toolchain: Toolchain) -> str:
    program = _program(toolchain.cc)
    question = [program, *toolchain.cc[1:], "identity"]
    remembered = memory.recall(question)
    if isinstance(remembered, str):
        return remembered
    version = [*toolchain.cc[1:-1], "version"] if toolchain.kind is Kind.ZIG else [*toolchain.cc[1:], "--version"]
    # The further lines of clang's answer say where it is installed.
    first_line = _output((program, *version)).partition("\n")[0].strip()
    digest = hashlib.blake2b(f"{first_line}\0".encode("utf-8", "surrogateescape"), digest_size=16)
    try:
        with open(program, "rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
        if toolchain.kind is Kind.WASI_SDK:
            digest.update(Path(program).parent.parent.joinpath("VERSION").read_bytes())
    except OSError:
        pass
    identity = f"{toolchain.kind.value}-{digest.hexdigest()}"
    memory.store(question, identity)
    return identity


def _has_wasm_target(clang: str) -> bool:
    question = [_program((clang,)), "--print-targets"]
    remembered = memory.recall(question)
    if not isinstance(remembered, bool):
        remembered = "wasm32" in _output(question)
        memory.store(question, remembered)
    return remembered


@functools.cache
def _finds_libc(toolchain: Toolchain) -> str | None:
    """The triple for which a clang finds a start file, and so a libc."""
    sysroot = [f"--sysroot={toolchain.sysroot}"] if toolchain.sysroot else []
    for triple in WASI_TRIPLES:
        question = [
            _program(toolchain.cc),
            *toolchain.cc[1:],
            f"--target={triple}",
            *sysroot,
            "-print-file-name=crt1-command.o",
        ]
        # Only what was found is remembered: a libc may be installed at any time.
        answer = memory.recall(question)
        if isinstance(answer, str) and os.path.isfile(answer):
            return triple
        answer = _output(question).strip()
        if os.path.isabs(answer) and os.path.isfile(answer):
            memory.store(question, answer)
            return triple
    return None


def _runtime_question(toolchain: Toolchain, target: str, cxx: bool, reactor: bool) -> list[str]:
    """The question without the files that it takes, and for zig with the place where it builds libraries."""
    driver = toolchain.cxx if cxx else toolchain.cc
    # Optimized: zig adds a sanitizer's runtime to a debug link.
    flags = [*toolchain.target_flags(target=target), "-O2", *(["-mexec-model=reactor"] if reactor else [])]
    cache = [f"cache={zig_cache_directory()}"] if toolchain.kind is Kind.ZIG else []
    return [_program(driver), *driver[1:], *flags, "-###", *cache]


def _remembered_runtime(question: Sequence[str]) -> Runtime | None:
    answer = memory.recall(question)
    try:
        runtime = Runtime(**{name: tuple(map(os.fspath, paths)) for name, paths in answer.items()})
    except (AttributeError, TypeError):
        return None
    return runtime if runtime.is_current() else None


@functools.cache
def _runtime(toolchain: Toolchain, target: str, cxx: bool, reactor: bool) -> Runtime:
    question = _runtime_question(toolchain, target, cxx, reactor)
    remembered = _remembered_runtime(question)
    if remembered is not None:
        return remembered
    with tempfile.TemporaryDirectory(prefix="wasmlink-") as directory:
        probe = os.path.join(directory, "probe.o")
        Path(probe).touch()
        command = [*question[: question.index("-###") + 1], probe, "-o", os.path.join(directory, "probe.wasm")]
        with _patience(
            f"wasmlink: {toolchain.kind.value} builds its {'C++' if cxx else 'C'} library (this is done once)"
        ):
            said = _output(command, errors=True)
        words = _link_command(said, directory)
        if words is None:
            raise ToolchainError(
                f"{shlex.join(command)} did not say how it links" + (f":\n{said.strip()}" if said.strip() else "")
            )
        runtime = _read_link_command(words, probe)
    memory.store(question, asdict(runtime))
    return runtime


@contextmanager
def _patience(message: str) -> Iterator[None]:
    """Say what is waited for, if it takes long."""
    timer = threading.Timer(1.5, print, (message,), {"file": sys.stderr, "flush": True})
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _link_command(said: str, directory: str) -> list[str] | None:
    """The words of the linker's command line in a driver's ``-###`` output.

    clang quotes them, zig does not: there, the directories whose names may hold spaces are hidden from the splitting.
    """
    for line in reversed(said.splitlines()):
        if "probe.wasm" not in line:
            continue
        if line.lstrip().startswith('"'):
            return shlex.split(line)
        hidden = {"\0cache": zig_cache_directory(), "\0probe": directory}
        for mark, place in hidden.items():
            line = line.replace(place, mark)
        words = line.split()
        for mark, place in hidden.items():
            words = [word.replace(mark, place) for word in words]
        return words
    return None


def _read_link_command(words: Sequence[str], probe: str) -> Runtime:
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
                raise ToolchainError(f"the toolchain's {name} was not found in {', '.join(paths) or 'any directory'}")
            libraries.append(found)
        elif word.endswith(".o") and word != probe:
            start_files.append(os.path.abspath(word))
        elif word.endswith(".a"):
            # clang names its builtins library whether or not it is installed; what is missing shows as undefined.
            (libraries if os.path.isfile(word) else absent).append(os.path.abspath(word))
    directories = tuple(path for path in paths if os.path.isdir(path))
    return Runtime(tuple(start_files), tuple(libraries), directories, tuple(absent))
