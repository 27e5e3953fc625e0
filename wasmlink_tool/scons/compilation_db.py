"""``compile_commands.json``: Wasm objects in what SCons's tool ``compilation_db`` writes.

That tool knows SCons's own object builders only: it gives each suffix of theirs an emitter that records the command
``$CCCOM`` or one of its kin. Such emitters are taken from builders that the tool is handed here for the purpose, and
called with an environment in which those variables are the Wasm ones, and in which the include directories that the
compiler has of its own are in the command: an editor's clang does not have them.
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
"""For each command variable, the native one, and a suffix of sources for which that is used."""


def recorder(command: str) -> Callable[..., Any]:
    """An emitter that records compilations by ``command`` where the tool is in use, and changes nothing."""
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
