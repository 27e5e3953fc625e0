"""``WasmConfigure``: SCons's checks, with the Wasm toolchain.

The checks use SCons's builders and compiler variables by name, so in the clone that they use these are the Wasm ones
until ``Finish``. They link with their own settings: the exports of a program, or what it may leave undefined, must not
decide whether a function exists.
"""

from __future__ import annotations

import re
from typing import Any

from .environment import toolchain_of
from .settings import CHECKING, items, raw
from .user_errors import reported_at_the_call

_BUILDERS = {
    "Program": "WasmProgram",
    "Object": "WasmObject",
    "StaticObject": "WasmObject",
    "SharedObject": "WasmSharedObject",
}
_COMPILERS = {"CC": "$WASMCC", "CXX": "$WASMCXX", "SHCC": "$WASMCC", "SHCXX": "$WASMCXX"}
"""Variables that checks read to find out whether there is a compiler."""
_REPLACED = {**_COMPILERS, CHECKING: True, "WASMPROGEMITTER": []}
"""The environment's values while it checks. An emitter for programs may add sources that are not the check's."""


@reported_at_the_call
def WasmConfigure(env: Any, **keywords: Any) -> Any:  # noqa: N802
    """Return ``Configure`` with the Wasm toolchain; ``Finish`` returns a clone of the environment with the results.

    Libraries that checks add to ``LIBS`` are moved to ``WASMLIBS`` if that has a value of its own.
    """
    if not env.GetOption("clean") and not env.GetOption("help"):
        # An error here names the line of the call; an error in a check would not.
        toolchain_of(env)
    clone = env.Clone()
    builders = clone["BUILDERS"]
    native_builders = {name: builders.get(name) for name in _BUILDERS}
    for name, wasm in _BUILDERS.items():
        builders[name] = builders[wasm]
    native = {name: clone.get(name) for name in _REPLACED}
    clone.Replace(**_REPLACED)
    own_libraries = raw(clone, "WASMLIBS") is not raw(clone, "LIBS")
    libraries = clone.get("LIBS")
    if own_libraries:
        clone["LIBS"] = items(clone, "WASMLIBS")
        clone["WASMLIBS"] = "$LIBS"
    tests = {"CheckTypeSize": check_type_size, **keywords.pop("custom_tests", {})}
    context = clone.Configure(custom_tests=tests, **keywords)
    finish = context.Finish

    def restore() -> Any:
        finish()
        for name, builder in native_builders.items():
            if builder is None:
                del builders[name]
            else:
                builders[name] = builder
        _set_again(clone, native)
        if own_libraries:
            clone["WASMLIBS"] = clone["LIBS"]
            _set_again(clone, {"LIBS": libraries})
        return clone

    context.Finish = restore
    return context


def _set_again(env: Any, values: dict[str, Any]) -> None:
    for name, value in values.items():
        if value is not None:
            env[name] = value
        elif name in env:
            del env[name]


_SIZE_PROGRAM = """\
{includes}
typedef {type} wasmlink_type;
#define DIGIT(place) ('0' + sizeof(wasmlink_type) / place % 10)
extern {linkage} char wasmlink_size[];
char wasmlink_size[] = {{
    'w', 'a', 's', 'm', 'l', 'i', 'n', 'k', ' ', 's', 'i', 'z', 'e', '=', DIGIT(100000), DIGIT(10000), DIGIT(1000),
    DIGIT(100), DIGIT(10), DIGIT(1), 0
}};
"""
_MARK = b"wasmlink size="
_DIGITS = 6
_ARRAY_PROGRAM = """\
{includes}
typedef {type} wasmlink_type;
int wasmlink_array[sizeof(wasmlink_type) == {size} ? 1 : -1];
"""
_LIKELY_SIZES = (4, 8, 1, 2, 16, 12, 20, 24, 32, 40, 48, 56, 64, *(size for size in range(3, 129) if size % 4))


def check_type_size(
    context: Any, type_name: str, includes: str = "", language: str | None = None, expect: int | None = None
) -> int:
    """Return the size of a type, or 0 if it is not ``expect`` or the type does not exist. Nothing is run: the size is
    read from an object."""
    context.Display(f"Checking size of {type_name} ... ")
    is_cxx = language is not None and language.upper() in ("C++", "CXX")
    suffix = ".cpp" if is_cxx else ".c"
    size = 0
    program = _SIZE_PROGRAM.format(includes=includes, type=type_name, linkage='"C"' if is_cxx else "")
    if context.TryCompile(program, suffix):
        with open(context.lastTarget.get_abspath(), "rb") as file:
            _, mark, rest = file.read().partition(_MARK)
        if mark:
            size = int(rest[:_DIGITS])
        else:
            # The data of bitcode, for example, is packed.
            size = next(
                (
                    likely
                    for likely in _LIKELY_SIZES
                    if context.TryCompile(_ARRAY_PROGRAM.format(includes=includes, type=type_name, size=likely), suffix)
                ),
                0,
            )
    if expect is not None and size != int(expect):
        size = 0
    context.Result(str(size) if size else "no")
    if size:
        name = re.sub("[^A-Z0-9_]", "_", f"SIZEOF_{type_name}".upper())
        context.sconf.Define(name, size, f"The size of `{type_name}', as computed by sizeof.")
    return size
