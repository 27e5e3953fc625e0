"""Methods that the tool adds to environments besides its builders."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import SCons.Errors
import SCons.Util

from .environment import toolchain_of
from .user_errors import reported_at_the_call


@reported_at_the_call
def WasmToolchain(env: Any, name: str) -> None:  # noqa: N802
    """Choose the toolchain: ``zig``, ``clang``, ``wasi-sdk``, or the directory of a WASI SDK. It must exist."""
    if not isinstance(name, str) or not name:
        raise SCons.Errors.UserError(f"WasmToolchain({name!r}): the argument must name a toolchain")
    env["WASMTOOLCHAIN"] = name
    toolchain_of(env)


@reported_at_the_call
def WasmVariants(  # noqa: N802
    env: Any,
    axes: Mapping[str, Mapping[str, Any]],
    *,
    variant_dir: str = "build",
    src_dir: str = ".",
    duplicate: Any = 0,
) -> list[Any]:
    """Return a clone of the environment for every combination of values, each with a variant directory of the sources.

    ``axes`` has, for each choice (the build type, for example), the names of its values, and with each name the
    construction variables that it sets: a list or dict is appended to the environment's value, any other value replaces
    it. In a clone, ``$WASMVARIANT`` is the combination's name (``debug-reactor``) and ``$WASMVARIANTDIR`` its directory
    under ``variant_dir``.
    """
    for axis, values in axes.items():
        if not isinstance(values, Mapping) or not all(isinstance(settings, Mapping) for settings in values.values()):
            raise SCons.Errors.UserError(f"WasmVariants: {axis} must be a dict of dicts of construction variables")
    clones = []
    for combination in itertools.product(*(values.items() for values in axes.values())):
        name = "-".join(value for value, _ in combination if value)
        clone = env.Clone()
        for _, settings in combination:
            for variable, value in settings.items():
                if SCons.Util.is_Sequence(value) or SCons.Util.is_Dict(value):
                    clone.Append(**{variable: value})
                else:
                    clone[variable] = value
        directory = clone.Dir(f"{variant_dir}/{name}")
        clone.VariantDir(directory, src_dir, duplicate=duplicate)
        clone["WASMVARIANT"] = name
        clone["WASMVARIANTDIR"] = directory
        clones.append(clone)
    return clones
