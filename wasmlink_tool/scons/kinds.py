"""The kinds of links: each builder's own options, and the variables that do not concern it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import SCons.Util

_OF_PROGRAMS = frozenset({"WASMENTRY", "WASMREACTOR", "WASMSTACKSIZE", "WASMINITIALMEMORY", "WASMMAXMEMORY"})

_OF_COMPONENTS = frozenset({"WASMWIT", "WASMWORLD", "WASMADAPTER"})


@dataclass(frozen=True)
class Kind:
    """The common properties of the links of one builder."""

    options: tuple[str, ...] = ()
    without: frozenset[str] = frozenset()
    """Variables that are ignored, so that an environment's settings for its programs do no harm."""
    runtime: bool = False
    """Whether to link the toolchain's start file and libraries."""
    libraries: bool = True
    """Whether to link ``WASMLIBS``."""
    dynamic: bool = False
    """Whether to search for shared libraries."""
    component: bool = False
    """Whether the module becomes a component."""


PROGRAM = Kind(runtime=True, without=_OF_COMPONENTS)
COMPONENT = Kind(runtime=True, component=True, options=("--component",), without=frozenset({"WASMPIE"}))
RELOCATABLE = Kind(
    options=("--relocatable",),
    without=_OF_PROGRAMS
    | _OF_COMPONENTS
    | {"WASMEXPORTS", "WASMIMPORTMEMORY", "WASMALLOWUNDEFINED", "WASMSHAREDMEMORY", "WASMPIE", "WASMBUILDID"}
    | {"WASMICF", "WASMSIZE", "WASMOPT"},
    # They are linked with the object; here they would be linked twice.
    libraries=False,
)
SHARED = Kind(
    # The dynamic linker finds undefined functions. (Data is imported from GOT.mem in any case.)
    options=("-shared", "--experimental-pic", "--unresolved-symbols=import-dynamic"),
    without=_OF_PROGRAMS | _OF_COMPONENTS | {"WASMIMPORTMEMORY", "WASMPIE"},
    dynamic=True,
)


def kind_of(target: Any) -> Kind:
    """Return the kind that a builder recorded on its target; the target of a configure check has no record, and is a
    program."""
    nodes = SCons.Util.flatten(target) if target else []
    kind = getattr(getattr(nodes[0], "attributes", None), "wasm_kind", PROGRAM) if nodes else PROGRAM
    return kind if isinstance(kind, Kind) else PROGRAM
