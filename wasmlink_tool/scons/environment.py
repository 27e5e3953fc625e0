"""The toolchain of a construction environment, and the construction variables that depend on it."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

import SCons.Errors
import SCons.SConsign
import SCons.Util

from ..toolchain.answers import FILE_NAME, answers
from ..toolchain.driver import Runtime, ToolchainError
from ..toolchain.language_features import (
    EXCEPTION_FLAGS,
    check_exceptions,
    check_setjmp,
    code_flags,
    has_exceptions,
)
from ..toolchain.wasi import Kind, Toolchain, find_toolchain
from .expansions import once_for_equal_values
from .settings import CHECKING, Settings, boolean, raw
from .suffixes import ASSEMBLY_SUFFIXES, CXX_SUFFIXES, PREPROCESSED_ASSEMBLY_SUFFIXES


@once_for_equal_values
def toolchain_of(env: Any) -> Toolchain:
    """Return the toolchain of this environment, from ``WASMCC``, ``WASMTOOLCHAIN`` or detection.

    It is looked up when something is built and not when the tool is loaded, so that a build without Wasm targets needs
    no Wasm compiler. Raises SCons's ``UserError``.
    """
    settings = Settings(env)
    answers.keep_in(_answers_file(env), writable=not env.GetOption("no_exec"))
    explicit = raw(env, "WASMCC")
    command: list[str] = []
    if explicit and explicit is not compiler:
        words = SCons.Util.flatten(env.subst_list("$WASMCC"))
        command = [str(word) for word in words]
    path = env["ENV"].get("PATH")
    try:
        toolchain = find_toolchain(
            settings.text("WASMTOOLCHAIN"),
            command,
            path=os.pathsep.join(map(str, path)) if SCons.Util.is_Sequence(path) else path,
            wasi_sdk=str(env["ENV"].get("WASI_SDK_PATH") or os.environ.get("WASI_SDK_PATH", "")),
            sysroot=settings.text("WASMSYSROOT"),
            libc=settings.boolean("WASMLIBC", True),
        )
        toolchain.check()
    except ToolchainError as error:
        raise SCons.Errors.UserError(str(error)) from None
    return toolchain


def _answers_file(env: Any) -> str:
    """Return the file of the compilers' answers, beside SCons's own signature file."""
    signatures = SCons.SConsign.DB_Name or ""
    return os.path.join(env.fs.Top.get_abspath(), os.path.dirname(signatures), FILE_NAME)


def runtime_of(env: Any, *, cxx: bool) -> Runtime:
    """Return the start file and libraries of the toolchain for a link in this environment. Raises ``UserError``."""
    if not boolean(env, "WASMLIBC", True):
        return Runtime()
    toolchain = toolchain_of(env)
    target = Settings(env).text("WASMTARGET")
    reactor = boolean(env, "WASMREACTOR", False) and not env.get(CHECKING)
    exceptions = cxx and uses_exceptions(env)
    try:
        # If nothing is to be built, zig must not compile its library.
        builds = toolchain.kind is Kind.ZIG and not toolchain.knows_runtime(target=target, cxx=cxx, reactor=reactor)
        if builds and env.GetOption("no_exec"):
            return Runtime()
        return toolchain.runtime(target=target, cxx=cxx, reactor=reactor, exceptions=exceptions)
    except ToolchainError as error:
        raise SCons.Errors.UserError(str(error)) from None


# Values of construction variables: SCons calls them with these keywords when it expands a command. In signatures, the
# toolchain counts by its contents and not by its location, so that machines and users can share a cache.


def compiler(target: Any, source: Any, env: Any, for_signature: bool) -> list[str]:
    """Return ``$WASMCC``, or its default."""
    toolchain = toolchain_of(env)
    return [f"{toolchain.identity()}-cc"] if for_signature else list(toolchain.cc)


def cxx_compiler(target: Any, source: Any, env: Any, for_signature: bool) -> list[str]:
    """Return ``$WASMCXX``, or its default."""
    toolchain = toolchain_of(env)
    return [f"{toolchain.identity()}-c++"] if for_signature else list(toolchain.cxx)


def archiver(target: Any, source: Any, env: Any, for_signature: bool) -> list[str]:
    """Return ``$WASMAR``, or its default."""
    toolchain = toolchain_of(env)
    return [f"{toolchain.identity()}-ar"] if for_signature else list(toolchain.ar)


def target_flags(target: Any, source: Any, env: Any, for_signature: bool) -> list[str]:
    """Return ``$_WASMTARGETFLAGS``: the target triple and related flags, for the language of the first source."""
    flags = _target_flags(env)[_language(source)]
    return list(flags.signed if for_signature else flags.given)


def editor_flags(target: Any, source: Any, env: Any, for_signature: bool) -> list[str]:
    """Return the same for tools that parse in place of the compiler, with the compiler's built-in include
    directories."""
    settings = Settings(env)
    language = _language(source)
    try:
        own = toolchain_of(env).include_flags(
            target=settings.text("WASMTARGET"), libc=settings.boolean("WASMLIBC", True), cxx=language == "C++"
        )
    except ToolchainError as error:
        raise SCons.Errors.UserError(str(error)) from None
    return [*_target_flags(env)[language].given, *own]


def _language(source: Any) -> str:
    suffix = os.path.splitext(str(source[0]))[1] if source else ""
    if suffix in CXX_SUFFIXES:
        return "C++"
    return "assembly" if suffix in (*ASSEMBLY_SUFFIXES, *PREPROCESSED_ASSEMBLY_SUFFIXES) else "C"


class Flags(NamedTuple):
    """The flags for one language, and those of them that count in signatures."""

    given: tuple[str, ...]
    signed: tuple[str, ...]


@once_for_equal_values
def _target_flags(env: Any) -> dict[str, Flags]:
    """Return the flags of each language."""
    settings = Settings(env)
    given = settings.env.subst("$WASMCCFLAGS $WASMCFLAGS $WASMCXXFLAGS $WASMASFLAGS").split()
    target = settings.text("WASMTARGET")
    libc = settings.boolean("WASMLIBC", True)
    setjmp = settings.boolean("WASMSETJMP", False)
    try:
        toolchain = toolchain_of(env)
        flags = toolchain.target_flags(target=target, libc=libc, given=given)
        if settings.boolean("WASMSHAREDMEMORY", False):
            # The linker requires it of every object that shares its memory.
            flags += ("-matomics", "-mbulk-memory")
        exceptions = uses_exceptions(env)
        if setjmp:
            check_setjmp(toolchain, target=target, libc=libc)
            flags += ("-mexception-handling",)
        # The user's own flags come later and take precedence.
        smallest = SMALLEST_FLAGS if settings.switch_or_text("WASMSIZE") else ()
        code = smallest + code_flags(toolchain, target=target, exceptions=False, setjmp=setjmp)
        cxx = smallest + code_flags(toolchain, target=target, exceptions=exceptions, setjmp=setjmp)
        if exceptions:
            check_exceptions(toolchain, target=target, libc=libc)
            cxx += ("-fwasm-exceptions",)
        elif not any(flag in EXCEPTION_FLAGS for flag in given) and (
            settings.scalar("WASMEXCEPTIONS") is not None or not libc or not has_exceptions(toolchain, target=target)
        ):
            # The C++ library cannot throw: operators of std::vector would refer to undefined symbols.
            cxx += ("-fno-exceptions",)
    except ToolchainError as error:
        raise SCons.Errors.UserError(str(error)) from None
    own_sysroot = not settings.text("WASMSYSROOT")
    return {
        language: Flags(
            flags + more,
            tuple(flag for flag in flags + more if not (own_sysroot and flag.startswith("--sysroot="))),
        )
        for language, more in (("C", code), ("C++", cxx), ("assembly", ()))
    }


SMALLEST_FLAGS = ("-Oz", "-ffunction-sections", "-fdata-sections")
"""The compilers' flags for ``WASMSIZE``. None changes what a program does."""


def uses_exceptions(env: Any) -> bool:
    """Return whether ``WASMEXCEPTIONS`` enables C++ exceptions."""
    return boolean(env, "WASMEXCEPTIONS", False)
