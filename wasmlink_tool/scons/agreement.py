"""Whether the typed variables and ``WASMLINKFLAGS`` agree, read with the command's own parser."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import SCons.Errors

from ..cli.interpret import link_options
from ..cli.parser import CommandLine, Parser
from ..diagnostics import Diagnostics
from .variables import Settings


@dataclass(frozen=True)
class Family:
    """The options that one variable stands for: their names in the option table, and what they set."""

    options: tuple[str, ...]
    fields: tuple[str, ...]
    off: bool = False
    """Whether the variable's ``False`` denies the options."""


FAMILIES = {
    "WASMENTRY": Family(("entry", "no-entry"), ("entry",)),
    "WASMREACTOR": Family(("entry", "no-entry"), ("entry",)),
    "WASMSTACKSIZE": Family(("z",), ("stack_size",)),
    "WASMINITIALMEMORY": Family(("initial-memory",), ("initial_memory",)),
    "WASMMAXMEMORY": Family(("max-memory", "no-growable-memory"), ("max_memory", "growable_memory")),
    "WASMIMPORTMEMORY": Family(("import-memory",), ("import_memory",), off=True),
    "WASMALLOWUNDEFINED": Family(
        ("allow-undefined", "unresolved-symbols", "error-unresolved-symbols", "warn-unresolved-symbols"),
        ("unresolved_symbols",),
        off=True,
    ),
    "WASMBUILDID": Family(("build-id",), ("build_id",), off=True),
    "WASMSTRIP": Family(("strip-all", "strip-debug"), ("strip_all", "strip_debug"), off=True),
    "WASMDATAORDER": Family(("data-order",), ("data_order",)),
    "WASMRECORDLINKER": Family(("record-linker", "no-record-linker"), ("record_linker",)),
    "WASMSHAREDMEMORY": Family(("shared-memory",), ("shared_memory",), off=True),
    "WASMPIE": Family(("pie", "no-pie"), ("pie",), off=True),
    "WASMTARGET": Family(("m",), ("memory64",)),
}
"""Variables that can contradict an option. ``WASMEXPORTS`` and ``--export`` add to one list."""

SIDE_FILES = {"WASMMAP": "Map", "WASMDEPENDENCYFILE": "dependency-file", "WASMWHYEXTRACT": "why-extract"}
"""Variables that name a further output, and the option of each."""


@functools.lru_cache(maxsize=64)
def parse(words: tuple[str, ...]) -> CommandLine:
    return Parser().parse(list(words))


def check_agreement(settings: Settings, typed: Mapping[str, Sequence[str]], words: Sequence[str]) -> None:
    """Raise ``UserError`` naming the first variable that says other than the flags."""
    line = parse(tuple(words))
    if line.has("o"):
        raise SCons.Errors.UserError(f"WASMLINKFLAGS has {_given(line, ('o',))}, but the target names the output")
    asked = None
    for name, family in FAMILIES.items():
        if not any(line.has(option) for option in family.options):
            continue
        denies = family.off and name in settings.env and settings.scalar(name) is False
        if not typed[name] and not denies:
            continue
        asked = asked or link_options(line, Diagnostics())
        said = link_options(parse(tuple(typed[name])), Diagnostics())
        if family.options == ("z",) and asked.stack_size is None:
            continue
        if any(getattr(asked, field) != getattr(said, field) for field in family.fields):
            raise contradiction(name, settings.scalar(name), _given(line, family.options))
    for name, option in SIDE_FILES.items():
        if line.has(option) and settings.switch_or_text(name):
            raise contradiction(name, settings.scalar(name), _given(line, (option,)))


def contradiction(name: str, value: Any, given: str) -> Exception:
    text = f"{name} is {value!r}, but WASMLINKFLAGS has {given}: say it in one of them"
    return SCons.Errors.UserError(text)  # type: ignore[no-any-return]


def named_files(words: Sequence[str]) -> dict[str, str]:
    """The further outputs that the flags name: of each option the last, standard output left out."""
    if not words:
        return {}
    line = parse(tuple(words))
    return {option: line.value(option) for option in SIDE_FILES.values() if line.value(option) not in ("", "-")}


def _given(line: CommandLine, options: tuple[str, ...]) -> str:
    argument = line.last(*options)
    assert argument is not None
    joined = argument.value is None or argument.text.endswith(argument.value)
    return argument.text if joined else f"{argument.text} {argument.value}"
