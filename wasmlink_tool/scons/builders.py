"""The builders, and the emitters that check their calls."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import SCons.Action
import SCons.Builder
import SCons.Node
import SCons.Tool

from ..toolchain.language_features import SETJMP_SOURCE
from . import compilation_db, dependency_nodes, long_commands, ninja, variable_spelling
from .kinds import Kind
from .link import declare
from .scanner import ignore_archives, scanner
from .settings import CHECKING, SIDE_FILES, Settings
from .suffixes import ASSEMBLY_SUFFIXES, C_SUFFIXES, CXX_SUFFIXES, IR_SUFFIXES, PREPROCESSED_ASSEMBLY_SUFFIXES
from .user_errors import reported_at_the_call
from .variables import link_flags

_STATIC = {"C": "WASMCCCOM", "C++": "WASMCXXCOM", "IR": "WASMIRCOM"}
_SHARED = {"C": "WASMSHCCCOM", "C++": "WASMSHCXXCOM", "IR": "WASMSHIRCOM"}


def object_builder() -> Any:
    """Return ``WasmObject``: one object from each source."""
    return _object_builder("OBJ", _STATIC)


def shared_object_builder() -> Any:
    """Return ``WasmSharedObject``: one position-independent object from each source, with its own suffix."""
    return _object_builder("SHOBJ", _SHARED)


def _object_builder(names: str, commands: Mapping[str, str]) -> Any:
    builder = SCons.Builder.Builder(
        action={},
        emitter={},
        prefix=f"$WASM{names}PREFIX",
        suffix=f"$WASM{names}SUFFIX",
        src_builder=["CFile", "CXXFile"],
        source_scanner=SCons.Tool.SourceFileScanner,
        single_source=True,
    )
    for suffixes, command in (
        (C_SUFFIXES, commands["C"]),
        (CXX_SUFFIXES, commands["C++"]),
        (ASSEMBLY_SUFFIXES, "WASMASCOM"),
        (PREPROCESSED_ASSEMBLY_SUFFIXES, "WASMASPPCOM"),
        (IR_SUFFIXES, commands["IR"]),
    ):
        action = SCons.Action.Action(f"${command}", f"${command}STR")
        for suffix in suffixes:
            builder.add_action(suffix, action)
            users = SCons.Builder.EmitterProxy("WASMOBJEMITTER")
            emitters = [variable_spelling.check, compilation_db.recorder(command), ninja.add_rules, users]
            builder.add_emitter(suffix, SCons.Builder.ListEmitter(emitters))
    return builder


def library_builder() -> Any:
    """Return ``WasmStaticLibrary``."""
    return SCons.Builder.Builder(
        action=SCons.Action.Action("$WASMARCOM", "$WASMARCOMSTR"),
        emitter=[variable_spelling.check, ninja.add_rules, SCons.Builder.EmitterProxy("WASMLIBEMITTER")],
        prefix="$WASMLIBPREFIX",
        suffix="$WASMLIBSUFFIX",
        src_suffix="$WASMOBJSUFFIX",
        src_builder="WasmObject",
        **long_commands.overrides("WASMARCOM"),
    )


def link_builder(kind: Kind, names: str, *, sources: str = "Object", emitter: str = "") -> Any:
    """Return a builder that links, such as ``WasmProgram``.

    ``names`` is a part of the names of the variables for its target's prefix and suffix, and for its emitter unless
    that is given; ``sources`` is the builder that compiles sources.
    """
    check = functools.partial(_emit_link, kind)
    return SCons.Builder.Builder(
        action=SCons.Action.Action("$WASMLINKCOM", "$WASMLINKCOMSTR"),
        emitter=[
            variable_spelling.check,
            check,
            SCons.Builder.EmitterProxy(emitter or f"WASM{names}EMITTER"),
            ignore_archives,
            dependency_nodes.always_scan,
            ninja.add_rules,
        ],
        prefix=f"$WASM{names}PREFIX",
        suffix=f"$WASM{names}SUFFIX",
        src_suffix="$WASMSHOBJSUFFIX" if sources == "SharedObject" else "$WASMOBJSUFFIX",
        src_builder=f"Wasm{sources}",
        target_scanner=scanner(),
        **long_commands.overrides("WASMLINKCOM"),
    )


def composition_builder() -> Any:
    """Return ``WasmCompose``: one component from several; the first imports what the others export."""
    return SCons.Builder.Builder(
        action=SCons.Action.Action("$WASMCOMPOSECOM", "$WASMCOMPOSECOMSTR"),
        emitter=[variable_spelling.check],
        prefix="$WASMPROGPREFIX",
        suffix="$WASMPROGSUFFIX",
        src_suffix="$WASMPROGSUFFIX",
    )


@reported_at_the_call
def _emit_link(kind: Kind, target: list[Any], source: list[Any], env: Any) -> tuple[list[Any], list[Any]]:
    """Check the variables at the call, and add the side files."""
    declare(target[0], env, kind)
    settings = Settings(env, target, source)
    words = settings.words("WASMLINKFLAGS")
    link_flags(env, target, source)
    for name in ("WASMLIBC", "WASMLIBCXX"):
        settings.boolean(name, False)
    for name in ("WASMTOOLCHAIN", "WASMTARGET", "WASMSYSROOT"):
        settings.text(name)
    if not env.get(CHECKING):
        target += _side_files(settings, target[0], words)
    if kind.runtime and settings.boolean("WASMSETJMP", False):
        source += _setjmp_runtime(settings, target[0])
    return target, source


def _setjmp_runtime(settings: Settings, module: Any) -> list[Any]:
    """Return the program's own object of the runtime for ``setjmp``. It is compiled like the program, but without the
    lowering of setjmp, with which some clangs define the tag in every object."""
    kind = "WasmSharedObject" if settings.boolean("WASMPIE", False) else "WasmObject"
    suffix = settings.env.subst("$WASMSHOBJSUFFIX" if kind == "WasmSharedObject" else "$WASMOBJSUFFIX")
    node = module.target_from_source("", f".setjmp{suffix}")
    flags = [settings.env.get("WASMCCFLAGS"), "-mexception-handling"]
    build = settings.env["BUILDERS"][kind]
    objects = build(settings.env, [node], [settings.env.File(SETJMP_SOURCE)], WASMSETJMP=False, WASMCCFLAGS=flags)
    return list(objects)


def _side_files(settings: Settings, module: Any, words: list[str]) -> list[Any]:
    """Return nodes of the additional outputs, each marked with the option that makes the linker write it."""
    env = settings.env
    found = []
    named: dict[str, str] = {}
    if words:
        from .agreement import named_files

        named = named_files(words)
    for side_file in SIDE_FILES:
        variable, option = side_file.variables[0], side_file.options[0]
        value = settings.scalar(variable)
        wanted = value if isinstance(value, SCons.Node.Node) else settings.switch_or_text(variable)
        if wanted:
            node = env.File(module.target_from_source("", side_file.suffix) if wanted is True else wanted)
            node.attributes.wasm_option = f"--{option}="
            found.append(node)
        elif option in named:
            # The flags name it already; paths in commands are relative to the directory in which they run.
            found.append(env.fs.Top.File(named[option]))
    return found
