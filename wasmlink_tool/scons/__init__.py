"""The SCons tool: ``Environment(tools=["default", "wasmlink"])``.

``WasmProgram``, ``WasmObject``, ``WasmStaticLibrary`` and the other builders are added beside SCons's own. No variable
of the native toolchain is changed, and WebAssembly objects and static libraries have their own suffixes, so that one
environment builds both.
"""

from __future__ import annotations

from typing import Any

import SCons.Errors
import SCons.Util

from ..toolchain.programs import zig_cache_directory
from . import bindings, command_string, configure, environment, long_commands, methods, variable_spelling
from .builders import composition_builder, library_builder, link_builder, object_builder, shared_object_builder
from .kinds import COMPONENT, PROGRAM, RELOCATABLE, SHARED
from .link import LinkAction

__all__ = ["exists", "generate"]


def generate(env: Any, *, toolchain: str = "") -> None:
    """Add the builders and the construction variables, keeping existing values.

    ``toolchain`` is a value for ``WASMTOOLCHAIN``: ``tools=["default", ("wasmlink", {"toolchain": "zig"})]``.
    """
    if toolchain:
        env["WASMTOOLCHAIN"] = toolchain
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
        "WASMIRCOM": "$WASMCC $_WASMTARGETFLAGS $WASMCCFLAGS -Wno-override-module -c -o $TARGET $SOURCES",
        "WASMPICFLAGS": SCons.Util.CLVar("-fPIC"),
        "WASMSHCCCOM": (
            "$WASMCC $_WASMTARGETFLAGS $WASMCFLAGS $WASMCCFLAGS $WASMPICFLAGS $_WASMCPPFLAGS -c -o $TARGET $SOURCES"
        ),
        "WASMSHCXXCOM": (
            "$WASMCXX $_WASMTARGETFLAGS $WASMCXXFLAGS $WASMCCFLAGS $WASMPICFLAGS $_WASMCPPFLAGS -c -o $TARGET $SOURCES"
        ),
        "WASMSHIRCOM": (
            "$WASMCC $_WASMTARGETFLAGS $WASMCCFLAGS $WASMPICFLAGS -Wno-override-module -c -o $TARGET $SOURCES"
        ),
        "WASMSHCCCOMSTR": "$WASMCCCOMSTR",
        "WASMSHCXXCOMSTR": "$WASMCXXCOMSTR",
        "WASMSHIRCOMSTR": "$WASMIRCOMSTR",
        "WASMOBJPREFIX": "$OBJPREFIX",
        "WASMOBJSUFFIX": ".wasm.o",
        "WASMSHOBJPREFIX": "$WASMOBJPREFIX",
        "WASMSHOBJSUFFIX": ".wasm.os",
        # Static libraries
        "WASMARFLAGS": SCons.Util.CLVar("rcs"),
        "WASMARCOM": "$WASMAR $WASMARFLAGS $TARGET $_WASMSOURCES",
        "WASMLIBPREFIX": "lib",
        "WASMLIBSUFFIX": ".wasm.a",
        # The link
        "WASMPROGPREFIX": "",
        "WASMPROGSUFFIX": ".wasm",
        "WASMSHLIBPREFIX": "lib",
        "WASMSHLIBSUFFIX": ".wasm.so",
        "WASMLDMODULEPREFIX": "",
        "WASMLDMODULESUFFIX": "$WASMSHLIBSUFFIX",
        "WASMLIBS": "$LIBS",
        "WASMLIBPATH": "$LIBPATH",
        "WASMLINKFLAGS": SCons.Util.CLVar(),
        # As in other flags, an appended string is split; elements of lists are not.
        "WASMEXPORTS": SCons.Util.CLVar(),
        "WASMLINKCOM": LinkAction(),
        "WASMLINK": command_string.program,
        # Components
        "WASMTOOLS": "wasm-tools",
        "WASMCOMPOSECOM": "$WASMTOOLS compose -o $TARGET ${SOURCES[0]} $_WASMDEFINITIONS",
        "WASMBINDINGS": command_string.bindings_program,
        "WASMBINDINGSCOM": "$WASMBINDINGS $_WASMBINDINGSFLAGS --out-dir ${TARGET.dir}",
        "_WASMDEFINITIONS": command_string.definitions,
        "_WASMSOURCES": command_string.sources,
        "_WASMSPAWN": long_commands.spawn,
        "_WASMLINKFLAGS": command_string.link_options,
        "_WASMSTARTFILES": command_string.start_files,
        "_WASMLIBFLAGS": command_string.libraries,
    }
    env.SetDefault(**defaults)
    variable_spelling.known.update(name for name in defaults if not name.startswith("_"))
    # SCons runs commands with a minimal environment, in which zig would not find a directory for its cache.
    env["ENV"].setdefault("ZIG_GLOBAL_CACHE_DIR", zig_cache_directory())

    builders = env["BUILDERS"]
    builders["WasmObject"] = object_builder()
    builders["WasmStaticLibrary"] = builders["WasmLibrary"] = library_builder()
    builders["WasmSharedObject"] = shared_object_builder()
    builders["WasmProgram"] = link_builder(PROGRAM, "PROG")
    builders["WasmComponent"] = link_builder(COMPONENT, "PROG")
    builders["WasmCompose"] = composition_builder()
    builders["WasmRelocatable"] = link_builder(RELOCATABLE, "OBJ", emitter="WASMRELOCATABLEEMITTER")
    builders["WasmSharedLibrary"] = link_builder(SHARED, "SHLIB", sources="SharedObject")
    builders["WasmLoadableModule"] = link_builder(SHARED, "LDMODULE", sources="SharedObject")
    for method in (bindings.WasmBindings, methods.WasmToolchain, methods.WasmVariants, configure.WasmConfigure):
        env.AddMethod(method)


def exists(env: Any) -> bool:
    """Return whether this environment has a toolchain for WebAssembly."""
    try:
        compiler = environment.toolchain_of(env).cc[0]
    except SCons.Errors.UserError:
        return False
    return env.WhereIs(compiler) is not None
