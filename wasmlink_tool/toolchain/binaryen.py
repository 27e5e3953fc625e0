"""Find binaryen's ``wasm-opt``, and the flags for a module's features."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator

from .programs import ask_once, find_program, version_line

ENVIRONMENT_VARIABLE = "WASMLINK_WASM_OPT"
HOW_TO_GET_IT = (
    f"install binaryen ('npm install binaryen', or your distribution's package), or name its wasm-opt with "
    f"{ENVIRONMENT_VARIABLE}"
)
_NAMES = {
    "atomics": ("threads",),
    "bulk-memory": ("bulk-memory",),
    "bulk-memory-opt": ("bulk-memory-opt", "bulk-memory"),
    "call-indirect-overlong": ("call-indirect-overlong", "reference-types"),
    "multimemory": ("multimemory", "multi-memories"),
    "nontrapping-fptoint": ("nontrapping-float-to-int",),
    "simd128": ("simd",),
}
"""wasm-opt's names of a feature, the newest first. Features that are not listed have one name."""


def find_wasm_opt() -> str | None:
    """Return the wasm-opt that the environment names, that the search path has, or that npm installed in this directory
    or one above it."""
    named = os.environ.get(ENVIRONMENT_VARIABLE)
    if named:
        return find_program(named)
    return find_program("wasm-opt") or next(filter(None, (find_program("wasm-opt", place) for place in _npm())), None)


def _npm() -> Iterator[str]:
    directory = os.getcwd()
    while True:
        yield os.path.join(directory, "node_modules", ".bin")
        above = os.path.dirname(directory)
        if above == directory:
            return
        directory = above


def wasm_opt_version(program: str) -> str:
    """Return what the program prints as its version."""
    return version_line([program])


def feature_flags(program: str, features: Iterable[str]) -> list[str]:
    """Return the flags that let wasm-opt use just these features, as far as it knows them."""
    known = set(re.findall(r"--enable-([a-z0-9-]+)", ask_once([program, "--help"])))
    flags = ["--mvp-features"]
    for feature in sorted(features):
        name = next((name for name in _NAMES.get(feature, (feature,)) if name in known), None)
        if name is not None:
            flags.append(f"--enable-{name}")
    return flags
