"""The builders, and the emitters that check a call where it stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import SCons.Action
import SCons.Builder
import SCons.Errors
import SCons.Node
import SCons.Tool

from . import compilation_db
from .link import declare
from .scanner import ignore_archives, scanner
from .suffixes import ASSEMBLY_SUFFIXES, C_SUFFIXES, CXX_SUFFIXES, IR_SUFFIXES, PREPROCESSED_ASSEMBLY_SUFFIXES
from .user_errors import reported_at_the_call
from .variables import Settings, link_flags

SIDE_FILES = (
    ("WASMMAP", "Map", "-Map=", ".map"),
    ("WASMDEPENDENCYFILE", "dependency-file", "--dependency-file=", ".d"),
    ("WASMWHYEXTRACT", "why-extract", "--why-extract=", ".extracted"),
)
"""Further outputs of a link: variable, name in the option table, option, and the suffix of the usual name."""


def object_builder() -> Any:
    """``WasmObject``: one object from each source."""
    builder = SCons.Builder.Builder(
        action={},
        emitter={},
        prefix="$WASMOBJPREFIX",
        suffix="$WASMOBJSUFFIX",
        src_builder=["CFile", "CXXFile"],
        source_scanner=SCons.Tool.SourceFileScanner,
        single_source=True,
    )
    for suffixes, command in (
        (C_SUFFIXES, "WASMCCCOM"),
        (CXX_SUFFIXES, "WASMCXXCOM"),
        (ASSEMBLY_SUFFIXES, "WASMASCOM"),
        (PREPROCESSED_ASSEMBLY_SUFFIXES, "WASMASPPCOM"),
        (IR_SUFFIXES, "WASMIRCOM"),
    ):
        action = SCons.Action.Action(f"${command}", f"${command}STR")
        for suffix in suffixes:
            builder.add_action(suffix, action)
            emitters = [compilation_db.recorder(command), SCons.Builder.EmitterProxy("WASMOBJEMITTER")]
            builder.add_emitter(suffix, SCons.Builder.ListEmitter(emitters))
    return builder


def library_builder() -> Any:
    """``WasmStaticLibrary``."""
    return SCons.Builder.Builder(
        action=SCons.Action.Action("$WASMARCOM", "$WASMARCOMSTR"),
        emitter="$WASMLIBEMITTER",
        prefix="$WASMLIBPREFIX",
        suffix="$WASMLIBSUFFIX",
        src_suffix="$WASMOBJSUFFIX",
        src_builder="WasmObject",
    )


def program_builder() -> Any:
    """``WasmProgram``."""
    return SCons.Builder.Builder(
        action=SCons.Action.Action("$WASMLINKCOM", "$WASMLINKCOMSTR"),
        emitter=[_emit_program, SCons.Builder.EmitterProxy("WASMPROGEMITTER"), ignore_archives],
        prefix="$WASMPROGPREFIX",
        suffix="$WASMPROGSUFFIX",
        src_suffix="$WASMOBJSUFFIX",
        src_builder="WasmObject",
        target_scanner=scanner(),
    )


@reported_at_the_call
def _emit_program(target: list[Any], source: list[Any], env: Any) -> tuple[list[Any], list[Any]]:
    """Check the variables where the call is, and add the side files."""
    settings = Settings(env, target, source)
    words = settings.words("WASMLINKFLAGS")
    link_flags(env, target, source)
    for name in ("WASMLIBC", "WASMLIBCXX"):
        settings.boolean(name, False)
    for name in ("WASMTOOLCHAIN", "WASMTARGET", "WASMSYSROOT"):
        settings.text(name)
    declare(target[0], env)
    target += _side_files(settings, target[0], words)
    return target, source


def _side_files(settings: Settings, module: Any, words: list[str]) -> list[Any]:
    """Nodes of the further outputs, each marked with the option that makes the linker write it."""
    env = settings.env
    found = []
    named: dict[str, str] = {}
    if words:
        from .agreement import named_files

        named = named_files(words)
    for variable, option, spelling, suffix in SIDE_FILES:
        value = settings.scalar(variable)
        wanted = value if isinstance(value, SCons.Node.Node) else settings.switch_or_text(variable)
        if wanted:
            node = env.File(module.target_from_source("", suffix) if wanted is True else wanted)
            node.attributes.wasm_option = spelling
            found.append(node)
        elif option in named:
            # The flags have it already; names in commands are relative to where commands run.
            found.append(env.fs.Top.File(named[option]))
    return found


def unsupported(name: str, what: str) -> Callable[..., Any]:
    """A method in the place of a builder that there is not yet."""

    def call(env: Any, *arguments: Any, **keywords: Any) -> Any:
        raise SCons.Errors.UserError(f"{name} is not supported yet: wasmlink cannot {what}")

    call.__name__ = name
    return reported_at_the_call(call)


UNSUPPORTED = {
    "WasmRelocatable": "link to an object file (-r)",
    "WasmSharedLibrary": "make shared libraries",
    "WasmLoadableModule": "make modules that are loaded dynamically",
}
