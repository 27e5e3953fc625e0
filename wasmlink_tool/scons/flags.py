"""Words of a link's command line, read as the command reads them."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from ..cli.option_row import NO_EFFECT
from ..cli.option_table import all_options
from ..cli.words import parse, parser
from ..options import FIELDS

_WITHOUT_CONSEQUENCES = frozenset(
    [option for field in FIELDS if not (field.significant or field.report) for option in field.options]
    + [option.name for option in all_options() if option.is_presentation]
)
"""Options, by their names in the option table, that change neither the outputs nor whether there are any. Options that
ask for a report are not among them: who adds one wants to see the report."""


@dataclass
class NamedInputs:
    """The inputs that options name, whether they exist or not."""

    files: list[str] = field(default_factory=list)
    libraries: list[str] = field(default_factory=list)
    """Names of libraries to search for."""
    directories: list[str] = field(default_factory=list)
    """The directories to search."""


def named_inputs(words: list[str]) -> NamedInputs:
    """Return the inputs that these words name, response files first."""
    files = _response_files(words)
    line = parse(words)
    if line is None:
        return NamedInputs(files)
    files += line.values("allow-undefined-file")[-1:]
    # An @file that does not exist (yet) is an ordinary file name.
    files += [argument.text.removeprefix("@") for argument in line.arguments if argument.option is None]
    return NamedInputs(files, line.values("l"), line.values("L"))


def _response_files(words: list[str]) -> list[str]:
    """Return the response files that the words name, directly or through other response files, each once."""
    if not any(word.startswith("@") for word in words):
        return []
    from ..cli.response_files import split_posix, split_windows

    quoting = parser().parse(words).value("rsp-quoting") or ("windows" if os.name == "nt" else "posix")
    split = split_windows if quoting == "windows" else split_posix
    found: dict[str, None] = {}
    pending = list(reversed(words))
    while pending:
        word = pending.pop()
        path = word[1:]
        if word[:1] == "@" and path not in found and os.path.isfile(path):
            found[path] = None
            with open(path, encoding="utf-8", errors="surrogateescape") as file:
                pending += reversed(split(file.read()))
    return list(found)


def significant(words: list[str]) -> list[str]:
    """Return the options among the words in a canonical form, for a signature: their spelling is left out, and so are
    options that cannot affect the link."""
    if not words:
        return []
    line = parser().parse(words)
    words_that_count: list[str] = []
    for argument in line.arguments:
        option = argument.option
        if option is None:
            words_that_count.append(argument.text)
        elif option.name not in _WITHOUT_CONSEQUENCES and option.status != NO_EFFECT:
            words_that_count.append(option.name if argument.value is None else f"{option.name}={argument.value}")
    return words_that_count + line.unknown + ([line.missing_value] if line.missing_value is not None else [])
