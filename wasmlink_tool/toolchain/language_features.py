"""C++ exceptions and ``setjmp``: the requirements of each toolchain, and checks for them."""

from __future__ import annotations

import functools
import os
import shlex
from pathlib import Path

from .answers import answers
from .driver import ToolchainError
from .programs import ask
from .wasi import Kind, Toolchain

SETJMP_SOURCE = str(Path(__file__).with_name("runtime") / "setjmp.c")
"""The source of the runtime for ``setjmp``; it is compiled with the program."""

EXCEPTION_FLAGS = ("-fexceptions", "-fno-exceptions", "-fwasm-exceptions", "-fignore-exceptions")
"""Flags that decide how C++ is compiled."""

_HOW_TO_GET_THEM = (
    "choose a toolchain with a libc++ that has them, a recent WASI SDK for one (WASI_SDK_PATH, WASMTOOLCHAIN), or "
    "compile without (WASMEXCEPTIONS=False)"
)
_OLDEST_FOR_SETJMP = 19
"""The first LLVM whose lowering calls the functions in :data:`SETJMP_SOURCE`."""
_STANDARD_EXCEPTIONS = 20
"""The first LLVM with this option for exceptions as engines implement them now."""


def code_flags(toolchain: Toolchain, *, target: str, exceptions: bool, setjmp: bool) -> tuple[str, ...]:
    """Return flags for all languages that generate code: C, C++ and LLVM's intermediate representation."""
    if not exceptions and not setjmp:
        return ()
    standard = ("-mllvm", "-wasm-use-legacy-eh=false") if toolchain.llvm_version() >= _STANDARD_EXCEPTIONS else ()
    return (*(("-mllvm", "-wasm-enable-sjlj") if setjmp else ()), *standard)


def check_setjmp(toolchain: Toolchain, *, target: str, libc: bool) -> None:
    """Raise ``ToolchainError`` if ``setjmp`` cannot work."""
    shown = shlex.join(toolchain.cc)
    version = toolchain.llvm_version()
    if version and version < _OLDEST_FOR_SETJMP:
        raise ToolchainError(
            f"WASMSETJMP needs clang {_OLDEST_FOR_SETJMP} or newer, and {shown} is version {version}: choose another "
            "(WASMCC, WASMTOOLCHAIN)"
        )
    if not libc:
        return
    flags = toolchain.include_flags(target=target)
    directories = [directory for directory in flags if os.path.isfile(os.path.join(directory, "stdio.h"))]
    # A later directory may be the host's.
    if directories and not os.path.isfile(os.path.join(directories[0], "setjmp.h")):
        raise ToolchainError(
            f"WASMSETJMP: the libc of {shown} has no setjmp.h in {directories[0]}; choose a toolchain with a newer "
            "wasi-libc (pip install ziglang and WASMTOOLCHAIN='zig', or a recent WASI SDK)"
        )


def has_exceptions(toolchain: Toolchain, *, target: str = "") -> bool:
    """Return whether the toolchain's C++ library can throw."""
    # zig builds its own for WASI, without exceptions.
    return toolchain.kind is not Kind.ZIG and _has_exceptions(toolchain, target)


@functools.cache
def _has_exceptions(toolchain: Toolchain, target: str) -> bool:
    try:
        flags = toolchain.target_flags(target=target)
    except ToolchainError:
        return False
    path = ask([*toolchain.cxx, *flags, "-print-file-name=libc++abi.a"], path=toolchain.path).strip()
    return _defines_throw(path)


def check_exceptions(toolchain: Toolchain, *, target: str, libc: bool) -> None:
    """Raise ``ToolchainError`` if C++ exceptions cannot work."""
    if not libc:
        return
    shown = shlex.join(toolchain.cxx)
    if toolchain.kind is Kind.ZIG:
        raise ToolchainError(f"WASMEXCEPTIONS: the C++ library of {shown} has no exceptions: {_HOW_TO_GET_THEM}")
    runtime = toolchain.runtime(target=target, cxx=True, exceptions=True)
    if not any(map(_defines_throw, runtime.libraries)):
        searched = ", ".join(path for path in runtime.libraries if "c++" in os.path.basename(path))
        raise ToolchainError(
            f"WASMEXCEPTIONS: the C++ library of {shown} has no exceptions ({searched}): {_HOW_TO_GET_THEM}"
        )


def _defines_throw(path: str) -> bool:
    """Return whether an archive defines ``__cxa_throw``, by the symbol index at its beginning."""
    question = [path, "defines __cxa_throw"]
    remembered = answers.recall(question)
    if isinstance(remembered, bool):
        return remembered
    try:
        with open(path, "rb") as file:
            header = file.read(68)
            if not header.startswith(b"!<arch>\n"):
                return False
            has_index = header[8:24].rstrip() in (b"/", b"/SYM64/") or b"__.SYMDEF" in header
            contents = file.read(int(header[56:66])) if has_index else file.read()
    except (OSError, ValueError):
        return False
    found = b"\0__cxa_throw\0" in contents if has_index else b"__cxa_throw" in contents
    answers.store(question, found)
    return found
