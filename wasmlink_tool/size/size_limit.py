"""The limit of the module's size (``--size-limit``), and the error for a module that exceeds it."""

from __future__ import annotations

import os
from typing import Final

from ..binary.reader import FormatError
from ..diagnostics import Diagnostics, FatalError
from ..options import LinkOptions
from ..output.encoding import Chunk
from ..output.writer import OutputFile
from .finished_module import report_of_module
from .function_owners import FunctionOwners
from .size_budget import SizeLimit
from .size_changes import SizeChanges, signed
from .size_report import SizeReport

_CULPRITS: Final = 5


def check_limit(
    options: LinkOptions,
    written: list[Chunk],
    module: list[Chunk],
    owners: FunctionOwners | None,
    changes: SizeChanges | None,
    diagnostics: Diagnostics,
) -> None:
    """Report an error if the output exceeds the limit, and write it beside the output instead.

    :param module: the core module, where ``written`` is a component made from it.
    :param owners: the names and objects of its functions.
    :param changes: the growth since an earlier report, if there is one to compare with.
    """
    assert options.size_limit is not None
    try:
        limit = SizeLimit(options.size_limit)
    except ValueError as error:
        raise FatalError(str(error)) from None
    size = limit.measure(written)
    if size <= limit.bytes:
        return
    name = options.output or "the module"
    form = " after gzip -9" if limit.compressed else ""
    text = f"{name} has {size:,} bytes{form}, {size - limit.bytes:,} over its limit of {limit.bytes:,}"
    hints = list(_culprits(module, owners, changes))
    if options.output not in (None, "-", ""):
        beside = beside_path(str(options.output))
        try:
            with OutputFile(beside, written):
                hints.append(f"the module is in {beside}")
        except FatalError as error:
            hints[-1] = str(error)
    diagnostics.error(text, tuple(hints))


def beside_path(output: str) -> str:
    """Return ``app.too-large.wasm`` for ``app.wasm``."""
    stem, suffix = os.path.splitext(output)
    return f"{stem}.too-large{suffix}"


def _culprits(module: list[Chunk], owners: FunctionOwners | None, changes: SizeChanges | None) -> list[str]:
    if changes is not None and any(change.delta > 0 for change in changes.changes):
        grown = [change for change in changes.changes if change.delta > 0][:_CULPRITS]
        return [
            f"grown: {signed(change.delta)} {change.label}" + (f", {change.why}" if change.why else "")
            for change in grown
        ]
    try:
        report = report_of_module(b"".join(module), "", owners, sources=False)
    except FormatError:
        return []
    return largest(report)


def largest(report: SizeReport) -> list[str]:
    """Return the largest parts of a module; debug information counts as one."""
    debug = sum(part.size for part in report.parts if part.kind == "debug")
    rows = [(debug, "debug information (--strip-debug leaves it out)")] if debug else []
    for part in report.parts:
        if part.kind not in ("debug", "overhead"):
            owner = report.object_name(part)
            what = part.name if part.name.startswith("data segment ") else f"{part.kind} {part.name}"
            rows.append((part.size, what + (f" ({owner})" if owner else "")))
    rows.sort(key=lambda row: (-row[0], row[1]))
    return [f"large: {size:,} bytes of {name}" for size, name in rows[:_CULPRITS]]
