"""The ``wasm-component-ld`` command: clang and rustc call it for their wasm32-wasip2 targets.

Its command line is wasm-ld's plus its own options, most of which ``wasmlink`` has too. The others are removed here, and
the rest becomes a link with ``--component``.
"""

from __future__ import annotations

import os
import sys

from wasmlink_tool.cli import command
from wasmlink_tool.cli.option_table import FLAG, all_options, spellings
from wasmlink_tool.cli.parser import Parser
from wasmlink_tool.cli.reporter import write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

PROGRAM: Final = "wasm-component-ld"
STATUS_USAGE: Final = 2

_TAKES_VALUE: Final = frozenset(("append-lld-flag", "wasm-ld-path", "validate-component"))
_HAS_OPTIONAL_VALUE: Final = frozenset(("validate-component",))
_FLAGS: Final = frozenset(("skip-wit-component",))
_SHARED: Final = frozenset(("-shared", "--shared"))


class Arguments:
    """The command line, split into its parts."""

    def __init__(self) -> None:
        self.rest: list[str] = []
        """The arguments for ``wasmlink``."""
        self.makes_component = True
        self.values: dict[str, list[str]] = {}
        self.problem = ""


def _separate_spellings() -> frozenset[str]:
    """Return the spellings of wasm-ld's options whose value is the next argument."""
    found: set[str] = set()
    for option in all_options():
        for form in option.forms.split():
            found.update(text for text, kind, _ in spellings(form) if kind not in (FLAG,) and not text.endswith("="))
    return frozenset(found)


def take_apart(arguments: list[str]) -> Arguments:
    """Remove the options of ``wasm-component-ld`` from a command line whose response files are expanded."""
    result = Arguments()
    separate = _separate_spellings()
    position = 0
    while position < len(arguments):
        argument = arguments[position]
        position += 1
        name, equals, value = argument[2:].partition("=") if argument[:2] == "--" else ("", "", "")
        if name in _FLAGS and not equals:
            result.makes_component = False
        elif name in _HAS_OPTIONAL_VALUE and not equals:
            result.values.setdefault(name, []).append("true")
        elif name in _TAKES_VALUE:
            if not equals:
                if position == len(arguments):
                    result.problem = f"--{name}: missing argument"
                    break
                value = arguments[position]
                position += 1
            result.values.setdefault(name, []).append(value)
            if name == "append-lld-flag":
                result.rest.append(value)
        elif argument in ("-v", "--verbose"):
            result.rest.append("--verbose")
        elif argument == "--output" or argument.startswith("--output="):
            result.rest += ["-o", *([value] if equals else arguments[position : position + 1])]
            position += not equals
        else:
            if argument in _SHARED:
                result.makes_component = False
            result.rest.append(argument)
            if argument in separate and position < len(arguments):
                # The value of a wasm-ld option is never one of these options.
                result.rest.append(arguments[position])
                position += 1
    return result


def main(argv: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    return command.main(argv, run)


def run(program: str, arguments: list[str]) -> int:
    """Link and make a component."""
    del program
    if arguments[:1] == ["-flavor"]:
        problem = command.flavor_problem(arguments[1:2])
        if problem:
            write(sys.stderr, f"{PROGRAM}: error: {problem}\n")
            return STATUS_USAGE
        arguments = arguments[2:]
    errors: list[str] = []
    parser = Parser()
    expanded = command.expand_response_files(parser, arguments, errors)
    taken = take_apart(expanded)
    problem = errors[0] if errors else taken.problem or _problem_of_values(taken)
    line = parser.parse(taken.rest)
    if not problem and line.unknown:
        problem = f"unknown argument: {line.unknown[0]}"
    if problem:
        write(sys.stderr, f"{PROGRAM}: error: {problem}\n")
        return STATUS_USAGE
    added = ["--component", "--main-world-first"] if taken.makes_component else []
    status = command.run(PROGRAM, [*added, *taken.rest])
    if status == 0 and taken.makes_component and taken.values.get("validate-component", ["false"])[-1] == "true":
        return _validate(line.value("o"))
    return status


def _problem_of_values(taken: Arguments) -> str:
    """Return the error about the values of this command's own options."""
    validate = taken.values.get("validate-component", ["true"])[-1]
    if validate not in ("true", "false"):
        return f"--validate-component: 'true' or 'false' is expected, not '{validate}'"
    return ""


def _validate(output: str) -> int:
    """Validate the output with wasm-tools; this package has no validator."""
    import shutil
    import subprocess

    tool = shutil.which("wasm-tools")
    if tool is None:
        text = "--validate-component: there is no wasm-tools on the PATH, so the component was not validated"
        write(sys.stderr, f"{PROGRAM}: warning: {text}\n")
        return 0
    done = subprocess.run([tool, "validate", "--features", "all", os.path.abspath(output)], check=False)
    return 1 if done.returncode else 0
