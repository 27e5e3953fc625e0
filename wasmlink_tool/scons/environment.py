"""The toolchain of a construction environment, and the construction variables that ask for it."""

from __future__ import annotations

import os
from typing import Any

import SCons.Errors
import SCons.Util

from .toolchain import Runtime, Toolchain, ToolchainError, find_toolchain
from .variables import boolean, raw, scalar


def toolchain_of(env: Any) -> Toolchain:
    """The toolchain that this environment chose, by ``WASMCC``, ``WASMTOOLCHAIN`` or detection.

    Asked for when something is built and not when the tool is loaded, so that a build without Wasm targets needs no
    Wasm compiler. Raises SCons's ``UserError``.
    """
    explicit = raw(env, "WASMCC")
    command: list[str] = []
    if explicit and explicit is not compiler:
        words = SCons.Util.flatten(env.subst_list("$WASMCC"))
        command = [str(word) for word in words]
    path = env["ENV"].get("PATH")
    try:
        return find_toolchain(
            str(scalar(env, "WASMTOOLCHAIN") or ""),
            command,
            path=os.pathsep.join(map(str, path)) if SCons.Util.is_Sequence(path) else path,
            wasi_sdk=str(env["ENV"].get("WASI_SDK_PATH") or os.environ.get("WASI_SDK_PATH", "")),
            sysroot=str(scalar(env, "WASMSYSROOT") or ""),
            libc=boolean(env, "WASMLIBC", True),
        )
    except ToolchainError as error:
        raise SCons.Errors.UserError(str(error)) from None


def runtime_of(env: Any, *, cxx: bool) -> Runtime:
    """Start file and libraries of the toolchain for a link in this environment. Raises ``UserError``."""
    if not boolean(env, "WASMLIBC", True):
        return Runtime()
    try:
        return toolchain_of(env).runtime(
            target=str(scalar(env, "WASMTARGET") or ""), cxx=cxx, reactor=boolean(env, "WASMREACTOR", False)
        )
    except ToolchainError as error:
        raise SCons.Errors.UserError(str(error)) from None


# Values of construction variables: SCons calls them with these keywords when it expands a command.


def compiler(target: Any, source: Any, env: Any, for_signature: bool) -> list[str]:
    """``$WASMCC`` unless it is set."""
    return list(toolchain_of(env).cc)


def cxx_compiler(target: Any, source: Any, env: Any, for_signature: bool) -> list[str]:
    """``$WASMCXX`` unless it is set."""
    return list(toolchain_of(env).cxx)


def archiver(target: Any, source: Any, env: Any, for_signature: bool) -> list[str]:
    """``$WASMAR`` unless it is set."""
    return list(toolchain_of(env).ar)


def target_flags(target: Any, source: Any, env: Any, for_signature: bool) -> list[str]:
    """``$_WASMTARGETFLAGS``: the target triple and what goes with it."""
    given = SCons.Util.flatten(env.subst_list("$WASMCCFLAGS $WASMCFLAGS $WASMCXXFLAGS $WASMASFLAGS"))
    try:
        flags = toolchain_of(env).target_flags(
            target=str(scalar(env, "WASMTARGET") or ""),
            libc=boolean(env, "WASMLIBC", True),
            given=[str(flag) for flag in given],
        )
    except ToolchainError as error:
        raise SCons.Errors.UserError(str(error)) from None
    return list(flags)
