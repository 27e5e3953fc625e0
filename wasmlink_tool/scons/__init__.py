"""The SCons tool: ``Environment(tools=["default", "wasmlink"])``.

``WasmProgram``, ``WasmObject`` and ``WasmStaticLibrary`` stand beside SCons's own builders; no variable of the native
toolchain is changed, and WebAssembly objects and libraries have suffixes of their own, so that one environment builds
both.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import SCons.Action
import SCons.Builder
import SCons.Errors
import SCons.Scanner
import SCons.Tool
import SCons.Util

from . import environment
from .link import LinkAction, declare, scan
from .suffixes import ASSEMBLY_SUFFIXES, C_SUFFIXES, CXX_SUFFIXES, PREPROCESSED_ASSEMBLY_SUFFIXES
from .toolchain import zig_cache_directory
from .variables import link_flags, scalar


def generate(env: Any) -> None:
    """Add the builders and the construction variables, keeping what is set already."""
    defaults: dict[str, Any] = {
        # Toolchain
        "WASMTOOLCHAIN": "",
        "WASMTARGET": "",
        "WASMSYSROOT": "",
        "WASMLIBC": True,
        "WASMCC": environment.compiler,
        "WASMCXX": environment.cxx_compiler,
        "WASMAR": environment.archiver,
        "WASMAS": "$WASMCC",
        # Compilation
        "WASMCFLAGS": SCons.Util.CLVar("$CFLAGS"),
        "WASMCXXFLAGS": SCons.Util.CLVar("$CXXFLAGS"),
        "WASMCCFLAGS": SCons.Util.CLVar("$CCFLAGS"),
        "WASMASFLAGS": SCons.Util.CLVar("$ASFLAGS"),
        "_WASMTARGETFLAGS": environment.target_flags,
        "_WASMCPPFLAGS": "$CPPFLAGS $_WASMCPPDEFFLAGS $_WASMCPPINCFLAGS",
        "_WASMCPPDEFFLAGS": '${_defines("-D", CPPDEFINES, "", __env__, TARGET, SOURCE)}',
        "_WASMCPPINCFLAGS": '${_concat("-I", CPPPATH, "", __env__, RDirs, TARGET, SOURCE, affect_signature=False)}',
        "WASMCCCOM": "$WASMCC $_WASMTARGETFLAGS $WASMCFLAGS $WASMCCFLAGS $_WASMCPPFLAGS -c -o $TARGET $SOURCES",
        "WASMCXXCOM": "$WASMCXX $_WASMTARGETFLAGS $WASMCXXFLAGS $WASMCCFLAGS $_WASMCPPFLAGS -c -o $TARGET $SOURCES",
        "WASMASCOM": "$WASMAS $_WASMTARGETFLAGS $WASMASFLAGS -c -o $TARGET $SOURCES",
        "WASMASPPCOM": "$WASMAS $_WASMTARGETFLAGS $WASMASFLAGS $_WASMCPPFLAGS -c -o $TARGET $SOURCES",
        "WASMOBJPREFIX": "$OBJPREFIX",
        "WASMOBJSUFFIX": ".wasm.o",
        # Static libraries
        "WASMARFLAGS": SCons.Util.CLVar("rcs"),
        "WASMARCOM": "$WASMAR $WASMARFLAGS $TARGET $SOURCES",
        "WASMLIBPREFIX": "lib",
        "WASMLIBSUFFIX": ".wasm.a",
        # The link
        "WASMPROGPREFIX": "",
        "WASMPROGSUFFIX": ".wasm",
        "WASMLIBS": "$LIBS",
        "WASMLIBPATH": "$LIBPATH",
        "WASMLINKFLAGS": SCons.Util.CLVar(),
        "WASMLINKCOM": LinkAction(),
        "WASMDATAORDER": "packed",
        "WASMRECORDLINKER": True,
    }
    env.SetDefault(**defaults)
    # SCons runs commands with a bare environment, in which zig would not find a place for its cache.
    env["ENV"].setdefault("ZIG_GLOBAL_CACHE_DIR", zig_cache_directory())

    builders = env["BUILDERS"]
    builders["WasmObject"] = _object_builder()
    builders["WasmStaticLibrary"] = builders["WasmLibrary"] = SCons.Builder.Builder(
        action=SCons.Action.Action("$WASMARCOM", "$WASMARCOMSTR"),
        emitter="$WASMLIBEMITTER",
        prefix="$WASMLIBPREFIX",
        suffix="$WASMLIBSUFFIX",
        src_suffix="$WASMOBJSUFFIX",
        src_builder="WasmObject",
    )
    builders["WasmProgram"] = SCons.Builder.Builder(
        action=SCons.Action.Action("$WASMLINKCOM", "$WASMLINKCOMSTR"),
        emitter=[_emit_program, SCons.Builder.EmitterProxy("WASMPROGEMITTER")],
        prefix="$WASMPROGPREFIX",
        suffix="$WASMPROGSUFFIX",
        src_suffix="$WASMOBJSUFFIX",
        src_builder="WasmObject",
        target_scanner=SCons.Scanner.ScannerBase(scan, "WasmLinkScanner"),
    )


def exists(env: Any) -> bool:
    """Whether this environment has a toolchain for WebAssembly."""
    try:
        environment.toolchain_of(env)
    except SCons.Errors.UserError:
        return False
    return True


def _object_builder() -> Any:
    builder = SCons.Builder.Builder(
        action={},
        emitter={},
        prefix="$WASMOBJPREFIX",
        suffix="$WASMOBJSUFFIX",
        src_builder=["CFile", "CXXFile"],
        source_scanner=SCons.Tool.SourceFileScanner,
        single_source=True,
    )
    for suffixes, command in (
        (C_SUFFIXES, "WASMCCCOM"),
        (CXX_SUFFIXES, "WASMCXXCOM"),
        (ASSEMBLY_SUFFIXES, "WASMASCOM"),
        (PREPROCESSED_ASSEMBLY_SUFFIXES, "WASMASPPCOM"),
    ):
        action = SCons.Action.Action(f"${command}", f"${command}STR")
        for suffix in suffixes:
            builder.add_action(suffix, action)
            builder.add_emitter(suffix, SCons.Builder.EmitterProxy("WASMOBJEMITTER"))
    return builder


def _reported_at_the_call(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make SCons report an error of ``function`` at the user's call.

    SCons names the innermost frame that is not in a directory ``SCons``, which would be one of this tool's. So errors
    are cut off from where they were raised, and this frame is given a file name by which SCons takes it for its own.
    """

    def checked(target: list[Any], source: list[Any], env: Any) -> Any:
        try:
            return function(target, source, env)
        except SCons.Errors.UserError as error:
            raise error.with_traceback(None) from None

    place = os.path.join(os.path.dirname(__file__), "SCons", os.path.basename(__file__))
    checked.__code__ = checked.__code__.replace(co_filename=place)
    return checked


@_reported_at_the_call
def _emit_program(target: list[Any], source: list[Any], env: Any) -> tuple[list[Any], list[Any]]:
    """Check the variables where the call is, and add the map file."""
    link_flags(env)
    declare(target[0], env)
    wanted = scalar(env, "WASMMAP")
    if wanted:
        name = target[0].target_from_source("", ".map") if wanted is True else wanted
        map_file = env.File(name)
        map_file.attributes.wasm_map = True
        target.append(map_file)
    return target, source
