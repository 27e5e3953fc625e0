"""Links damaged inputs and asserts what holds for every one of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from tests.support.deadline import processor_time
from wasmlink_tool import LinkError, LinkOptions, link
from wasmlink_tool.diagnostics import Severity
from wasmlink_tool.options import Input, UnresolvedPolicy

SECONDS = 10.0
"""No small damaged input may take longer. Far above what is needed, since machines that test are busy."""
OF_THE_WHOLE = re.compile(r"no input files|^(data|memory|initial memory|maximum memory) ")
"""Errors that are about all inputs together and name none."""
PREVIOUS = b"what an earlier link wrote"


def attempt(directory: Path, inputs: Sequence[str | Input], names: Sequence[str], **options: object) -> str | None:
    """Link ``inputs``: the error's text, or None where the link succeeds.

    Whatever else it raises fails the test, and so does an error that names none of ``names``, a previous output
    that a failed link touched, or a file left beside it.
    """
    output = directory / "out.wasm"
    output.write_bytes(PREVIOUS)
    before = sorted(path.name for path in directory.iterdir())
    settings: dict[str, object] = {
        "entry": None,
        "gc_sections": False,
        "unresolved_symbols": UnresolvedPolicy.IGNORE,
        "output": str(output),
    }
    try:
        with processor_time(SECONDS):
            link(LinkOptions(inputs=inputs, **(settings | options)))  # type: ignore[arg-type]
    except LinkError as error:
        if error.__cause__ is not None:
            # A failure that nothing foresaw, though it reads like an error.
            raise error.__cause__ from error
        errors = [str(entry) for entry in error.diagnostics if entry.severity is Severity.ERROR]
        assert errors
        unnamed = [text for text in errors if not any(name in text for name in names) and not OF_THE_WHOLE.search(text)]
        assert not unnamed, f"an error names no file: {unnamed}"
        assert output.read_bytes() == PREVIOUS
        assert sorted(path.name for path in directory.iterdir()) == before
        return "\n".join(errors)
    return None
