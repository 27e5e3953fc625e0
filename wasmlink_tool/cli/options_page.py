"""The table of docs/options.md, from the option table: ``python -m wasmlink_tool.cli.options_page docs/options.md``.

Only the part of the page between the two marks is replaced.
"""

from __future__ import annotations

import sys
from pathlib import Path

from wasmlink_tool.cli.option_row import NO_EFFECT, Option
from wasmlink_tool.cli.option_table import OPTIONS

BEGIN = "<!-- begin: python -m wasmlink_tool.cli.options_page docs/options.md -->"
END = "<!-- end -->"


def tables() -> str:
    """Return one Markdown table for each group of options."""
    lines: list[str] = []
    for title, options in OPTIONS:
        lines += ["", f"### {title}", "", "| Option | Meaning | Status |", "| --- | --- | --- |"]
        lines += [_row(option) for option in options]
    return "\n".join([*lines, ""])


def updated(page: str) -> str:
    """Return ``page`` with up-to-date tables; a page without both marks is a ValueError."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError("the page does not have both marks")
    return f"{before}{BEGIN}\n{tables()}\n{END}{after}"


def _row(option: Option) -> str:
    forms = "<br>".join(f"`{form.replace('_<', ' <').replace('[_]', '[ ]')}`" for form in option.forms.split(" "))
    meaning = option.help
    if option.note and option.status != NO_EFFECT:
        meaning += f". {option.note}"
    status = f"{option.status}: {option.note}" if option.note and option.status == NO_EFFECT else option.status
    if option.ours:
        status += " (ours)"
    cells = (forms, _escaped(meaning), _escaped(status))
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _escaped(text: str) -> str:
    return text.replace("<", "&lt;").replace("__", "\\_\\_").replace("*", "\\*")


def main() -> None:
    path = Path(sys.argv[1])
    path.write_text(updated(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
