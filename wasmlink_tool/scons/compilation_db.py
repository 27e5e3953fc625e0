"""``compile_commands.json``: add Wasm objects to the database that SCons's tool ``compilation_db`` writes.

That tool knows SCons's own object builders only: it gives each of their suffixes an emitter that records the command
``$CCCOM`` or a similar one. This module passes it builders to collect such emitters, and calls them with an environment
in which those variables are the Wasm ones, and in which the command has the compiler's built-in include directories,
which an editor's clang does not know.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import SCons.Environment
import SCons.Tool

from .environment import editor_flags

_NATIVE = {
    "WASMCCCOM": ("CCCOM", ".c"),
    "WASMCXXCOM": ("CXXCOM", ".cpp"),
    "WASMASCOM": ("ASCOM", ".s"),
    "WASMASPPCOM": ("ASPPCOM", ".spp"),
    "WASMIRCOM": ("CCCOM", ".c"),
    "WASMSHCCCOM": ("CCCOM", ".c"),
    "WASMSHCXXCOM": ("CXXCOM", ".cpp"),
    "WASMSHIRCOM": ("CCCOM", ".c"),
}
"""Maps each command variable to the native one, and to a suffix of sources that are compiled by that."""


def recorder(command: str) -> Callable[..., Any]:
    """Return an emitter that records compilations by ``command`` if the tool is loaded, and changes nothing."""
    native, suffix = _NATIVE[command]

    def record(target: list[Any], source: list[Any], env: Any) -> tuple[list[Any], list[Any]]:
        if "CompilationDatabase" in env["BUILDERS"]:
            emitter = _emitters().get(suffix)
            if emitter is not None:
                overrides = {native: f"${command}", "_WASMTARGETFLAGS": editor_flags}
                emitter(list(target), list(source), env.Override(overrides))
        return target, source

    return record


def _unchanged(target: list[Any], source: list[Any], env: Any) -> tuple[list[Any], list[Any]]:
    return target, source


@functools.cache
def _emitters() -> dict[str, Any]:
    scratch = SCons.Environment.Environment(tools=[])
    static, _ = SCons.Tool.createObjBuilders(scratch)
    for _, suffix in _NATIVE.values():
        static.add_emitter(suffix, _unchanged)
    SCons.Tool.Tool("compilation_db")(scratch)
    return dict(static.emitter)
