"""The options for a small module: their values, and what cannot be used together with them."""

from __future__ import annotations

from wasmlink_tool.cli.option_row import one_of
from wasmlink_tool.cli.parser import CommandLine
from wasmlink_tool.diagnostics import Diagnostics
from wasmlink_tool.options import NAME_KINDS, LinkOptions, OptimizeFor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def size_values(line: CommandLine, diagnostics: Diagnostics) -> dict[str, Any]:
    """Return the fields of ``--optimize-for`` and ``--keep-names``."""
    values: dict[str, Any] = {}
    if line.has("optimize-for"):
        size = line.value("optimize-for")
        try:
            values["optimize_for"] = OptimizeFor(size)
        except ValueError:
            diagnostics.error(f"unknown --optimize-for value: {size}", one_of(member.value for member in OptimizeFor))
    if line.has("keep-names"):
        kinds = values["keep_names"] = [kind for kind in line.value("keep-names").split(",") if kind]
        for kind in kinds:
            if kind not in NAME_KINDS:
                diagnostics.error(f"--keep-names: unknown kind '{kind}'; there are {', '.join(NAME_KINDS)}")
    return values


def refused_sizes(options: LinkOptions) -> list[tuple[bool, str]]:
    """Return the combinations that are errors, each with its text."""
    refused = [
        (bool(options.omit_zeros and given), f"--omit-zeros is incompatible with {option}")
        for given, option in (
            (options.shared, "-shared, which imports the memory"),
            (options.import_memory and not options.shared, "--import-memory"),
            (options.shared_memory, "--shared-memory"),
            (options.emit_relocs, "--emit-relocs"),
            (options.relocatable, "-r"),
        )
    ]
    for given, option in (
        (options.wasm_opt, "--wasm-opt"),
        (options.smallest, "--smallest"),
        (options.renumber and not options.smallest, "--renumber"),
    ):
        for keeps, kind in ((options.emit_relocs, "--emit-relocs"), (options.relocatable, "-r")):
            refused.append((bool(given and keeps), f"{kind} and {option} may not be used together"))
    return refused
