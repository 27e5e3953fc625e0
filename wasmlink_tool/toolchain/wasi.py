"""The toolchain for C and C++: a compiler for WebAssembly, and its runtime.

A toolchain is one of these, in this order:

* an explicit choice (a compiler command, a kind, or the directory of a WASI SDK);
* the WASI SDK that ``WASI_SDK_PATH`` names;
* a clang on the search path, under any of its names, that has the WebAssembly target (and, when libc is needed, finds
one, and its own builtins library);
* the ``ziglang`` package, which is clang with its own libc and libc++;
* a clang without the builtins library.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import shlex
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path

from ..temporary_files import TemporaryDirectory
from .answers import answers
from .driver import (
    Runtime,
    ToolchainError,
    command_lines,
    existing_directories,
    find_link_command,
    read_include_flags,
    read_link_command,
)
from .programs import (
    EXECUTABLE_SUFFIX,
    ask,
    ask_once,
    find_companion,
    find_program,
    find_zig,
    has_wasm_target,
    installed_versions,
    llvm_version,
    locate_compiler,
    version_line,
    zig_cache_directory,
    zig_of_python,
)
from .targets import BARE_TRIPLE, WASI_TRIPLES, Target

HOW_TO_GET_ONE = """\
no compiler for WebAssembly was found; any one of these helps:
  pip install ziglang (clang with a C and C++ library, nothing else is needed)
  the environment variable WASI_SDK_PATH, naming an unpacked WASI SDK
  a clang on the PATH that has the WebAssembly target, with wasi-libc
  WASMCC, naming the compiler"""


class Kind(Enum):
    """The family of a compiler's command line, where families differ."""

    ZIG = "zig"
    CLANG = "clang"
    WASI_SDK = "wasi-sdk"


@dataclass(frozen=True)
class Toolchain:
    """Commands, each a program and its first arguments."""

    kind: Kind
    cc: tuple[str, ...]
    cxx: tuple[str, ...]
    ar: tuple[str, ...]
    sysroot: str = ""
    path: str | None = None
    """The search path for the programs; the process's own if ``None``."""

    def target_flags(self, *, target: str = "", libc: bool = True, given: Sequence[str] = ()) -> tuple[str, ...]:
        """Return compiler flags that every compilation needs, to be put before the ``given`` ones.

        ``target`` is a triple, or empty for the default; the compiler gets its own name for it.

        :raises ToolchainError: there is no libc for it.
        """
        if self.kind is Kind.ZIG:
            # By default, zig compiles for debugging: with debug information, and with checks for undefined behaviour,
            # which need a runtime of their own. Here, all compilers get equal flags and produce equal results. A later
            # -g would not undo -g0 there.
            debug = () if any(flag.startswith("-g") for flag in given) else ("-g0",)
            triple = _zig_target(target or (WASI_TRIPLES[0] if libc else BARE_TRIPLE), libc)
            return ("-target", triple, "-fno-sanitize=undefined", *debug)
        sysroot = (f"--sysroot={self.sysroot}",) if self.sysroot and libc else ()
        return (f"--target={self._triple(target, libc)}", *sysroot)

    def runtime(
        self, *, target: str = "", cxx: bool = False, reactor: bool = False, exceptions: bool = False
    ) -> Runtime:
        """Return start file and libraries for a link with libc.

        The first call for zig takes up to a minute: it compiles the library.

        :raises ToolchainError: there is none for the target, or the driver does not answer.
        """
        return _runtime(self, target, cxx, reactor, exceptions)

    def knows_runtime(
        self, *, target: str = "", cxx: bool = False, reactor: bool = False, exceptions: bool = False
    ) -> bool:
        """Return whether :meth:`runtime` can answer without running the driver, for which zig compiles its library."""
        return _remembered_runtime(_runtime_question(self, target, cxx, reactor, exceptions)) is not None

    def include_flags(self, *, target: str = "", libc: bool = True, cxx: bool = False) -> tuple[str, ...]:
        """Return the include directories and macros that the compiler adds by itself, for tools that parse in its
        place."""
        return _include_flags(self, self.target_flags(target=target, libc=libc), cxx)

    def identity(self) -> str:
        """Return the identity of the compiler, independent of its location: its version and contents."""
        return _identity(self)

    def llvm_version(self) -> int:
        """Return the major version of the clang; 0 if it prints none."""
        return llvm_version(_located(self, self.cc))

    def check(self) -> None:
        """Raise ``ToolchainError`` if the compiler does not exist, or does not support WebAssembly."""
        _check(self)

    def has_libc(self) -> bool:
        return self.kind is Kind.ZIG or _triple_with_libc(self, WASI_TRIPLES) is not None

    def provides(self, library: str) -> bool:
        """Return whether :meth:`runtime` includes this library already; the name is that of ``-l``."""
        if self.kind is Kind.ZIG and library.startswith("wasi-emulated-"):
            return True
        return library in {"c", "m", "pthread", "dl", "rt", "util", "crypt", "resolv", "xnet", "c++", "c++abi"}

    def _triple(self, triple: str, libc: bool) -> str:
        """Return the name under which clang finds a libc for a target, or the target's own."""
        if not libc:
            target = Target.of_triple(triple or BARE_TRIPLE)
            return target.bare if target.is_bare else triple
        if not triple:
            found = _triple_with_libc(self, WASI_TRIPLES)
            if found is None:
                self.check()
                raise ToolchainError(
                    f"{shlex.join(self.cc)} has no libc for WASI: install wasi-libc, set WASMSYSROOT to a WASI "
                    "sysroot, or build without libc (WASMLIBC=False)"
                )
            return found
        target = Target.of_triple(triple)
        if target.is_bare:
            return target.bare
        return _triple_with_libc(self, tuple(dict.fromkeys((triple, *target.triples)))) or triple


def _zig_target(triple: str, libc: bool) -> str:
    target = Target.of_triple(triple)
    if libc and target.system.startswith("wasi") and target.system != "wasip1":
        what = "libc with threads" if target.has_threads else f"libc for {target.system}"
        raise ToolchainError(
            f"zig has no {what} (WASMTARGET is {triple}): choose another toolchain (WASMTOOLCHAIN, WASI_SDK_PATH), or "
            "build without libc (WASMLIBC=False)"
        )
    return target.zig_name


def find_toolchain(
    setting: str = "",
    cc: Sequence[str] = (),
    *,
    path: str | None = None,
    wasi_sdk: str = "",
    sysroot: str = "",
    libc: bool = True,
) -> Toolchain:
    """Return the toolchain to use.

    ``setting`` is ``zig``, ``clang``, ``wasi-sdk``, or the directory of a WASI SDK; ``cc`` an explicit compiler
    command; both may be empty. ``path`` is the search path for programs (the process's own if ``None``), ``wasi_sdk``
    the value of ``WASI_SDK_PATH``.

    :raises ToolchainError: there is none.
    """
    return _find(setting, tuple(cc), path, wasi_sdk, sysroot, libc)


@functools.cache
def _find(setting: str, cc: tuple[str, ...], path: str | None, sdk: str, sysroot: str, libc: bool) -> Toolchain:
    if cc:
        return _of_command(cc, path, sysroot)
    if setting == Kind.ZIG.value:
        zig = _zig(path)
        if zig is None:
            raise ToolchainError("no zig was found: pip install ziglang, or name one with WASMCC (WASMCC='zig cc')")
        return zig
    if setting == Kind.CLANG.value:
        return _installed_clang(path, sysroot, libc)
    if setting == Kind.WASI_SDK.value:
        if not sdk:
            raise ToolchainError("WASMTOOLCHAIN asks for the WASI SDK, but WASI_SDK_PATH is not set")
        return _wasi_sdk(sdk, sysroot, path)
    if setting:
        return _wasi_sdk(setting, sysroot, path)
    if sdk:
        return _wasi_sdk(sdk, sysroot, path)
    clangs = list(_clangs(path, sysroot))
    lacking = [_lacks(clang, libc) for clang in clangs]
    zig = _zig(path)
    # A clang without its builtins library links small programs only.
    for accepted in ((None,), (None, _NO_BUILTINS)):
        for clang, lack in zip(clangs, lacking):
            if lack in accepted:
                return clang
        if zig is not None:
            return zig
    raise ToolchainError(
        "\n".join([HOW_TO_GET_ONE, *(f"{clang.cc[0]} {lack}" for clang, lack in zip(clangs, lacking))])
    )


def _clangs(path: str | None, sysroot: str) -> Iterator[Toolchain]:
    return (_of_command((program,), path, sysroot) for program in installed_versions("clang", path))


_NO_BUILTINS = "has no builtins library (libclang_rt.builtins) for WASI"


def _lacks(clang: Toolchain, libc: bool) -> str | None:
    """Return what a detected clang lacks; ``None`` if it is complete."""
    if not has_wasm_target(_located(clang, clang.cc), path=clang.path):
        return "has no WebAssembly target"
    if not libc:
        return None
    if not clang.has_libc():
        return "has no libc for WASI"
    try:
        return _NO_BUILTINS if clang.runtime().absent else None
    except ToolchainError as error:
        return f"does not link for WASI: {error}"


def _installed_clang(path: str | None, sysroot: str, libc: bool) -> Toolchain:
    """Return the first complete clang; otherwise the one that lacks least, whose defects are reported when they
    matter."""
    clangs = list(_clangs(path, sysroot))
    if not clangs:
        raise ToolchainError(
            f"no clang was found on the PATH ({os.environ.get('PATH', '') if path is None else path}), nor one with a "
            "version in its name (clang-19): install one, or name it with WASMCC"
        )
    lacking = [_lacks(clang, libc) for clang in clangs]
    for accepted in (None, _NO_BUILTINS):
        if accepted in lacking:
            return clangs[lacking.index(accepted)]
    return clangs[0]


def _of_command(cc: tuple[str, ...], path: str | None, sysroot: str) -> Toolchain:
    """Return the toolchain of a compiler command: ``zig cc`` (also as ``python -m ziglang cc``), or a clang."""
    if len(cc) == 1 and os.path.basename(cc[0]).removesuffix(EXECUTABLE_SUFFIX) == "zig":
        cc = (*cc, "cc")
    if len(cc) > 1 and cc[-1] == "cc":
        return Toolchain(Kind.ZIG, cc, (*cc[:-1], "c++"), (*cc[:-1], "ar"), path=path)
    place = _compiler_place(cc)
    program = cc[place]
    directory, name = os.path.split(program)
    cxx = os.path.join(directory, re.sub(r"clang(?!\+\+)", "clang++", name, count=1))
    ar = find_companion(program, "llvm-ar", path) or "ar"
    return Toolchain(Kind.CLANG, cc, (*cc[:place], cxx, *cc[place + 1 :]), (ar,), sysroot, path)


def _wasi_sdk(directory: str, sysroot: str, path: str | None) -> Toolchain:
    programs = [os.path.join(directory, "bin", name + EXECUTABLE_SUFFIX) for name in ("clang", "clang++", "llvm-ar")]
    if not os.path.isfile(programs[0]):
        raise ToolchainError(
            f"{directory} is not a WASI SDK (no bin/clang): WASMTOOLCHAIN or WASI_SDK_PATH must name the directory "
            "that has bin and share"
        )
    cc, cxx, ar = programs
    own = os.path.join(directory, "share", "wasi-sysroot")
    return Toolchain(Kind.WASI_SDK, (cc,), (cxx,), (ar,), sysroot or (own if os.path.isdir(own) else ""), path)


def _zig(path: str | None) -> Toolchain | None:
    program = find_zig(path)
    if program is None:
        return None
    return Toolchain(Kind.ZIG, (program, "cc"), (program, "c++"), (program, "ar"), path=path)


def _compiler_place(command: Sequence[str]) -> int:
    """Return the index of the clang in a command: it may be preceded by a program that runs it, such as ccache."""
    return next((number for number, word in enumerate(command) if "clang" in os.path.basename(word)), 0)


def _located(toolchain: Toolchain, command: Sequence[str]) -> list[str]:
    """Return a command of a toolchain with its programs as files, which identify its answers; a program that is not
    found stays a name."""
    words = list(command)
    words[0] = locate_compiler(words[0], toolchain.path) or words[0]
    place = _compiler_place(words)
    if toolchain.kind is not Kind.ZIG:
        words[place] = locate_compiler(words[place], toolchain.path) or words[place]
    elif words[1:-1] == ["-m", "ziglang"]:
        # The package may change while the interpreter does not.
        zig = zig_of_python(words[0])
        words = [zig, words[-1]] if zig is not None else words
    elif len(words) > 2:
        words[-2] = find_program(words[-2], toolchain.path) or words[-2]
    return words


@functools.cache
def _check(toolchain: Toolchain) -> None:
    shown = shlex.join(toolchain.cc)
    command = _located(toolchain, toolchain.cc)
    programs = {0, _compiler_place(command)} if toolchain.kind is not Kind.ZIG else {0}
    for place in sorted(programs):
        if find_program(command[place], toolchain.path) is None:
            raise ToolchainError(
                f"cannot find the compiler {toolchain.cc[place]}: set WASMCC to one that is there, or add its "
                'directory to the PATH that SCons gives programs (env.AppendENVPath("PATH", …))'
            )
    if toolchain.kind is Kind.ZIG:
        if command[1:-1] == ["-m", "ziglang"]:
            raise ToolchainError(
                f"{shown} does not run: pip install ziglang for {command[0]}, or set WASMCC to another compiler"
            )
        return
    version = version_line(command, path=toolchain.path)
    if has_wasm_target(command, path=toolchain.path):
        return
    if "clang" not in version.lower():
        raise ToolchainError(
            f"{shown} is not a clang ({version or 'it prints no version'}) and makes no WebAssembly: set WASMCC to a "
            "clang or to 'zig cc', or leave it unset, to have one found"
        )
    if ask_once([*command, "--print-targets"], path=toolchain.path):
        raise ToolchainError(f"{shown} ({version}) has no WebAssembly target: set WASMCC to a clang that has it")


@functools.cache
def _identity(toolchain: Toolchain) -> str:
    command = _located(toolchain, toolchain.cc)
    question = [*command, "identity"]
    remembered = answers.recall(question)
    if isinstance(remembered, str):
        return remembered
    if toolchain.kind is Kind.ZIG:
        first_line = ask([*command[:-1], "version"], path=toolchain.path).partition("\n")[0].strip()
    else:
        first_line = version_line(command, path=toolchain.path)
    digest = hashlib.blake2b(f"{first_line}\0".encode("utf-8", "surrogateescape"), digest_size=16)
    place = max(0, len(command) - 2) if toolchain.kind is Kind.ZIG else _compiler_place(command)
    try:
        with open(command[place], "rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
        if toolchain.kind is Kind.WASI_SDK:
            digest.update(Path(command[place]).parent.parent.joinpath("VERSION").read_bytes())
    except OSError:
        pass
    identity = f"{toolchain.kind.value}-{digest.hexdigest()}"
    if first_line:
        answers.store(question, identity)
    return identity


@functools.cache
def _triple_with_libc(toolchain: Toolchain, triples: tuple[str, ...]) -> str | None:
    """Return the first triple for which a clang finds a start file, and so a libc."""
    sysroot = [f"--sysroot={toolchain.sysroot}"] if toolchain.sysroot else []
    for triple in triples:
        question = [
            *_located(toolchain, toolchain.cc),
            f"--target={triple}",
            *sysroot,
            "-print-file-name=crt1-command.o",
        ]
        # Only success is cached: a libc may be installed at any time.
        answer = answers.recall(question)
        if isinstance(answer, str) and os.path.isfile(answer):
            return triple
        answer = ask(question, path=toolchain.path).strip()
        if os.path.isabs(answer) and os.path.isfile(answer):
            answers.store(question, answer)
            return triple
    return None


def _runtime_question(toolchain: Toolchain, target: str, cxx: bool, reactor: bool, exceptions: bool) -> list[str]:
    """Return the driver's command without the files, and for zig with the directory in which it builds libraries."""
    driver = toolchain.cxx if cxx else toolchain.cc
    # Optimized, since zig adds a sanitizer's runtime to a debug link.
    flags = [*toolchain.target_flags(target=target), "-O2", *(["-mexec-model=reactor"] if reactor else [])]
    if exceptions:
        # A WASI SDK has its C++ library twice.
        flags.append("-fwasm-exceptions")
    cache = [f"cache={zig_cache_directory()}"] if toolchain.kind is Kind.ZIG else []
    return [*_located(toolchain, driver), *flags, "-###", *cache]


def _remembered_runtime(question: Sequence[str]) -> Runtime | None:
    answer = answers.recall(question)
    try:
        runtime = Runtime(**{name: tuple(map(os.fspath, paths)) for name, paths in answer.items()})
    except (AttributeError, TypeError):
        return None
    return runtime if runtime.is_current() else None


@functools.cache
def _runtime(toolchain: Toolchain, target: str, cxx: bool, reactor: bool, exceptions: bool) -> Runtime:
    if target and Target.of_triple(target).is_bare:
        raise ToolchainError(
            f"there is no libc for WASMTARGET={target!r}: build without libc (WASMLIBC=False), or for WASI"
        )
    question = _runtime_question(toolchain, target, cxx, reactor, exceptions)
    remembered = _remembered_runtime(question)
    if remembered is not None:
        return remembered
    toolchain.check()
    with _probe() as (directory, hidden):
        probe, output = os.path.join(directory, "probe.o"), os.path.join(directory, "probe.wasm")
        Path(probe).touch()
        command = [*question[: question.index("-###") + 1], probe, "-o", output]
        library = "C++" if cxx else "C"
        with _patience(f"wasmlink: {toolchain.kind.value} builds its {library} library (this is done once)"):
            # In that directory, since zig shortens paths below the working directory.
            answer = ask(command, path=toolchain.path, directory=directory, errors=True)
        words = find_link_command(command_lines(answer, hidden), probe, output)
        if words is None:
            printed = f":\n{answer.strip()}" if answer.strip() else ""
            raise ToolchainError(f"{shlex.join(command)} did not print a link command (-###){printed}")
        runtime = read_link_command(words, probe)
    if not runtime.start_files:
        raise ToolchainError(
            f"{shlex.join(toolchain.cc)} has no libc for {target or 'WASI'} (its link has no start file): install "
            "wasi-libc, set WASMSYSROOT to a WASI sysroot, or build without libc (WASMLIBC=False)"
        )
    answers.store(question, asdict(runtime))
    return runtime


@functools.cache
def _include_flags(toolchain: Toolchain, flags: tuple[str, ...], cxx: bool) -> tuple[str, ...]:
    driver = toolchain.cxx if cxx else toolchain.cc
    question = [*_located(toolchain, driver), *flags, "-###", "-c"]
    remembered = answers.recall(question)
    if isinstance(remembered, list) and all(isinstance(flag, str) for flag in remembered):
        return existing_directories(remembered)
    with _probe() as (directory, hidden):
        probe = os.path.join(directory, "probe.cpp" if cxx else "probe.c")
        Path(probe).touch()
        answer = ask([*question, probe, "-o", os.path.join(directory, "probe.o")], path=toolchain.path, errors=True)
    found = read_include_flags(command_lines(answer, hidden)) or ()
    # clang does not print the directory of a C++ library that may be installed later.
    if found and (not cxx or any("c++" in flag for flag in found)):
        answers.store(question, list(found))
    return existing_directories(found)


@contextmanager
def _probe() -> Iterator[tuple[str, Mapping[str, str]]]:
    """Return a directory for the files of a driver's run, and the directories that must not be split at blanks."""
    with TemporaryDirectory("wasmlink-") as directory:
        # Resolved, as the compiler may print it.
        directory = os.path.realpath(directory)
        yield directory, {"\0cache": zig_cache_directory(), "\0probe": directory}


@contextmanager
def _patience(message: str) -> Iterator[None]:
    """Print a message if the program takes long."""
    timer = threading.Timer(1.5, print, (message,), {"file": sys.stderr, "flush": True})
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
