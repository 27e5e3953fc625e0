"""The kinds of links: each builder's own options, and which variables do not concern what it makes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import SCons.Util

_OF_PROGRAMS = frozenset({"WASMENTRY", "WASMREACTOR", "WASMSTACKSIZE", "WASMINITIALMEMORY", "WASMMAXMEMORY"})

_OF_COMPONENTS = frozenset({"WASMWIT", "WASMWORLD", "WASMADAPTER"})


@dataclass(frozen=True)
class Kind:
    """What the links of one builder have in common."""

    options: tuple[str, ...] = ()
    without: frozenset[str] = frozenset()
    """Variables that say nothing here, so that an environment's settings for its programs do no harm."""
    runtime: bool = False
    """Whether the toolchain's start file and libraries are linked."""
    libraries: bool = True
    """Whether ``WASMLIBS`` is linked."""
    dynamic: bool = False
    """Whether shared libraries are looked for."""
    component: bool = False
    """Whether the module becomes a component."""


PROGRAM = Kind(runtime=True, without=_OF_COMPONENTS)
COMPONENT = Kind(runtime=True, component=True, options=("--component",), without=frozenset({"WASMPIE"}))
RELOCATABLE = Kind(
    options=("--relocatable",),
    without=_OF_PROGRAMS
    | _OF_COMPONENTS
    | {"WASMEXPORTS", "WASMIMPORTMEMORY", "WASMALLOWUNDEFINED", "WASMSHAREDMEMORY", "WASMPIE", "WASMBUILDID"},
    # Whoever links the object links them; here they would come in twice.
    libraries=False,
)
SHARED = Kind(
    # What nothing defines is the dynamic linker's to find. (Data is imported from GOT.mem in any case.)
    options=("-shared", "--experimental-pic", "--unresolved-symbols=import-dynamic"),
    without=_OF_PROGRAMS | _OF_COMPONENTS | {"WASMIMPORTMEMORY", "WASMPIE"},
    dynamic=True,
)


def kind_of(target: Any) -> Kind:
    """The kind that a builder noted on its target; a configure check's target has seen no emitter, and is a program."""
    nodes = SCons.Util.flatten(target) if target else []
    kind = getattr(getattr(nodes[0], "attributes", None), "wasm_kind", PROGRAM) if nodes else PROGRAM
    return kind if isinstance(kind, Kind) else PROGRAM
