"""Cache for functions of an environment: computed once for equal values of the variables that they depend on.

SCons expands a compile command twice for each object, also in a build that does nothing.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any, TypeVar

import SCons.Util

_FLAGS = ("CCFLAGS", "CFLAGS", "CXXFLAGS", "ASFLAGS")
_NAMES = (
    *("WASMTOOLCHAIN", "WASMTARGET", "WASMSYSROOT", "WASMLIBC", "WASMCC", "WASMSHAREDMEMORY"),
    *("WASMEXCEPTIONS", "WASMSETJMP"),
    *(f"WASM{name}" for name in _FLAGS),
    *_FLAGS,
)
"""The variables that choose a toolchain and its options."""

_T = TypeVar("_T")


def once_for_equal_values(function: Callable[[Any], _T]) -> Callable[[Any], _T]:
    """Cache the last result of ``function`` for as long as the variables that choose a toolchain have the same values.
    If these refer to other variables, or are callables, it is called each time."""
    last_values: list[Any] = []
    last: list[_T] = []

    @functools.wraps(function)
    def remembered(env: Any) -> _T:
        execution = env["ENV"]
        values = [env.get(name) for name in _NAMES]
        values += execution.get("PATH"), execution.get("WASI_SDK_PATH"), os.environ.get("WASI_SDK_PATH")
        if last and values == last_values:
            return last[0]
        result = function(env)
        last.clear()
        if _are_plain(values):
            # Lists are copied: SCons's Append changes them in place.
            last_values[:] = [list(value) if SCons.Util.is_Sequence(value) else value for value in values]
            last.append(result)
        return result

    return remembered


def _are_plain(values: list[Any]) -> bool:
    """Return whether equal values have the same meaning, whatever else the environment holds."""
    text = repr(values)
    for name in _FLAGS:
        # The variables that the defaults refer to are among the values.
        text = text.replace(f"'${name}'", "")
    if "$" in text:
        return False
    items = [item for value in values if SCons.Util.is_Sequence(value) for item in value]
    if any(callable(item) or not SCons.Util.is_Scalar(item) for item in items):
        return False
    return all(not callable(value) or value.__module__.rpartition(".")[0] == __package__ for value in values)
