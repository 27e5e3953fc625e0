"""The toolchain of a construction environment, and the construction variables that ask for it."""

from __future__ import annotations

import os
from typing import Any

import SCons.Errors
import SCons.SConsign
import SCons.Util

from ..toolchain.answers import FILE_NAME, answers
from ..toolchain.driver import Runtime, ToolchainError
from ..toolchain.wasi import Kind, Toolchain, find_toolchain
from .expansions import once_for_equal_values
from .settings import Settings, boolean, raw


@once_for_equal_values
def toolchain_of(env: Any) -> Toolchain:
    """The toolchain that this environment chose, by ``WASMCC``, ``WASMTOOLCHAIN`` or detection.

    Asked for when something is built and not when the tool is loaded, so that a build without Wasm targets needs no
    Wasm compiler. Raises SCons's ``UserError``.
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
    """Beside SCons's own signature file."""
    signatures = SCons.SConsign.DB_Name or ""
    return os.path.join(env.fs.Top.get_abspath(), os.path.dirname(signatures), FILE_NAME)


def runtime_of(env: Any, *, cxx: bool) -> Runtime:
    """Start file and libraries of the toolchain for a link in this environment. Raises ``UserError``."""
    if not boolean(env, "WASMLIBC", True):
        return Runtime()
    toolchain = toolchain_of(env)
    target = Settings(env).text("WASMTARGET")
    reactor = boolean(env, "WASMREACTOR", False)
    try:
        # Where nothing is to be built, zig is not made to build its library.
        builds = toolchain.kind is Kind.ZIG and not toolchain.knows_runtime(target=target, cxx=cxx, reactor=reactor)
        if builds and env.GetOption("no_exec"):
            return Runtime()
        return toolchain.runtime(target=target, cxx=cxx, reactor=reactor)
    except ToolchainError as error:
        raise SCons.Errors.UserError(str(error)) from None


# Values of construction variables: SCons calls them with these keywords when it expands a command. In signatures, the
# toolchain counts by its contents and not by its place, so that machines and users can share a cache.


def compiler(target: Any, source: Any, env: Any, for_signature: bool) -> list[str]:
    """``$WASMCC`` unless it is set."""
    toolchain = toolchain_of(env)
    return [f"{toolchain.identity()}-cc"] if for_signature else list(toolchain.cc)


def cxx_compiler(target: Any, source: Any, env: Any, for_signature: bool) -> list[str]:
    """``$WASMCXX`` unless it is set."""
    toolchain = toolchain_of(env)
    return [f"{toolchain.identity()}-c++"] if for_signature else list(toolchain.cxx)


def archiver(target: Any, source: Any, env: Any, for_signature: bool) -> list[str]:
    """``$WASMAR`` unless it is set."""
    toolchain = toolchain_of(env)
    return [f"{toolchain.identity()}-ar"] if for_signature else list(toolchain.ar)


def target_flags(target: Any, source: Any, env: Any, for_signature: bool) -> list[str]:
    """``$_WASMTARGETFLAGS``: the target triple and what goes with it."""
    flags, signed = _target_flags(env)
    return list(signed if for_signature else flags)


@once_for_equal_values
def _target_flags(env: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The flags, and those of them that count in signatures."""
    settings = Settings(env)
    given = settings.env.subst("$WASMCCFLAGS $WASMCFLAGS $WASMCXXFLAGS $WASMASFLAGS")
    try:
        flags = toolchain_of(env).target_flags(
            target=settings.text("WASMTARGET"),
            libc=settings.boolean("WASMLIBC", True),
            given=given.split(),
        )
        if settings.boolean("WASMSHAREDMEMORY", False):
            # What the linker asks of every object that shares its memory.
            flags += ("-matomics", "-mbulk-memory")
    except ToolchainError as error:
        raise SCons.Errors.UserError(str(error)) from None
    if settings.text("WASMSYSROOT"):
        return flags, flags
    return flags, tuple(flag for flag in flags if not flag.startswith("--sysroot="))
