"""Check that the typed variables and ``WASMLINKFLAGS`` agree, with the command's own parser."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import SCons.Errors

from ..cli.interpret import link_options
from ..cli.parser import CommandLine, Parser
from ..diagnostics import Diagnostics
from ..options import FIELDS
from .settings import DENYING, SIDE_FILES, Settings


@dataclass
class Family:
    """The options of one variable: their names in the option table, and the fields that they set."""

    options: dict[str, None] = field(default_factory=dict)
    fields: list[str] = field(default_factory=list)


def _families() -> dict[str, Family]:
    """Return the variables that can contradict an option. Variables that add to a list, as ``--export`` does,
    cannot."""
    found: dict[str, Family] = {}
    for row in FIELDS:
        if not row.is_list and row not in SIDE_FILES:
            for variable in row.variables:
                family = found.setdefault(variable, Family())
                family.options |= dict.fromkeys(row.options)
                family.fields.append(row.name)
    return found


FAMILIES = _families()


@functools.lru_cache(maxsize=64)
def parse(words: tuple[str, ...]) -> CommandLine:
    return Parser().parse(list(words))


def check_agreement(settings: Settings, typed: Mapping[str, Sequence[str]], words: Sequence[str]) -> None:
    """Raise ``UserError`` naming the first variable that contradicts the flags."""
    line = parse(tuple(words))
    if line.has("o"):
        raise SCons.Errors.UserError(f"WASMLINKFLAGS has {_given(line, ('o',))}, but the target names the output")
    for word in line.unknown:
        if word.startswith("-Wl,"):
            given = word.removeprefix("-Wl,").replace(",", " ")
            raise SCons.Errors.UserError(
                f"WASMLINKFLAGS has {word}: it holds the linker's own options, not a compiler's; write {given}"
            )
        if word == "-Xlinker":
            raise SCons.Errors.UserError(
                "WASMLINKFLAGS has -Xlinker: it holds the linker's own options, not a compiler's; leave it out"
            )
    by_flags = None
    for name, family in FAMILIES.items():
        if not any(line.has(option) for option in family.options):
            continue
        denies = name in DENYING and name in settings.env and settings.scalar(name) is False
        if not typed[name] and not denies:
            continue
        by_flags = by_flags or link_options(line, Diagnostics())
        by_variable = link_options(parse(tuple(typed[name])), Diagnostics())
        if family.fields == ["stack_size"] and by_flags.stack_size is None:
            # Another keyword of -z.
            continue
        if any(getattr(by_flags, row) != getattr(by_variable, row) for row in family.fields):
            raise contradiction(name, settings.scalar(name), _given(line, family.options))
    for side_file in SIDE_FILES:
        name, option = side_file.variables[0], side_file.options[0]
        if line.has(option) and settings.switch_or_text(name):
            raise contradiction(name, settings.scalar(name), _given(line, (option,)))


def contradiction(name: str, value: Any, given: str) -> Exception:
    text = f"{name} is {value!r}, but WASMLINKFLAGS has {given}: set it in only one of them"
    return SCons.Errors.UserError(text)  # type: ignore[no-any-return]


def named_files(words: Sequence[str]) -> dict[str, str]:
    """Return the additional outputs that the flags name: the last file of each option, without standard output."""
    if not words:
        return {}
    line = parse(tuple(words))
    named = {side_file.options[0]: line.value(side_file.options[0]) for side_file in SIDE_FILES}
    return {option: path for option, path in named.items() if path not in ("", "-")}


def _given(line: CommandLine, options: Iterable[str]) -> str:
    argument = line.last(*options)
    assert argument is not None
    joined = argument.value is None or argument.text.endswith(argument.value)
    return argument.text if joined else f"{argument.text} {argument.value}"
