"""The text of ``--help``, from the option table."""

from __future__ import annotations

from wasmlink_tool.cli.option_row import LATER, NO_EFFECT, Option
from wasmlink_tool.cli.option_table import EITHER, FLAG, OPTIONS, SEPARATE, spellings

_INDENT = 2
_COLUMN = 34
_WIDTH = 100


def help_text(program: str) -> str:
    """Return the usage, then every option with its spellings, in groups."""
    lines = ["A linker for WebAssembly with wasm-ld's command line.", "", f"Usage: {program} [options] file..."]
    for title, options in OPTIONS:
        lines += ["", f"{title}:"]
        for option in options:
            lines += _entry(option)
    lines += ["", "@<file> stands for the arguments that <file> holds.", ""]
    return "\n".join(lines)


def summary(option: Option) -> str:
    """Return one spelling for each name: with two dashes if it has that form, with the value joined if possible."""
    shown: dict[str, str] = {}
    for form in option.forms.split(" "):
        text, kind, value = spellings(form)[-1]
        name = text.strip("-=")
        previous = shown.get(name)
        if previous is None:
            shown[name] = f"{text} {value}" if kind in (SEPARATE, EITHER) else text + value
        elif kind == FLAG:
            shown[name] = f"{text}[{previous[len(text) :]}]"
    return ", ".join(shown.values())


def _entry(option: Option) -> list[str]:
    head = " " * _INDENT + summary(option)
    text = option.help
    if option.status in (LATER, NO_EFFECT):
        text += f" ({option.status})"
    lines = []
    if len(head) >= _COLUMN:
        lines.append(head)
        head = ""
    for word in text.split():
        if len(head) >= _COLUMN and len(head) + 1 + len(word) > _WIDTH:
            lines.append(head)
            head = ""
        head = head.ljust(_COLUMN) + word if len(head) < _COLUMN else f"{head} {word}"
    return [*lines, head]
