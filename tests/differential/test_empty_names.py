"""Names that are present and empty are names: as the reference has them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.meaning import describe
from tests.support.module import read_module
from tests.support.objects import (
    EXPLICIT_NAME,
    FUNCTION,
    GLOBAL,
    MAGIC,
    PAD,
    SYMBOL_TABLE,
    UNDEFINED,
    blob,
    leb,
    linking,
    name,
    relocation,
    relocations,
    section,
    subsection,
    symbol,
    vector,
)
from tests.support.toolchain import reference_command
from wasmlink_tool import LinkOptions, link
from wasmlink_tool.options import UnresolvedPolicy

CASES = [(module, field, explicit) for module in ("", "env", "m") for field in ("", "f") for explicit in (True, False)]


def program(module: str, field: str, *, explicit: bool) -> bytes:
    """An object that calls an imported function and reads an imported global."""
    flags = UNDEFINED | (EXPLICIT_NAME if explicit else 0)
    return MAGIC + b"".join(
        (
            section(1, vector(b"\x60\0\0")),
            section(
                2,
                vector(
                    name("env") + name("__linear_memory") + b"\2\0\1",
                    name(module) + name(field) + b"\0\0",
                    name(module) + name(field + "g") + b"\3\x7f\0",
                ),
            ),
            section(3, vector(b"\0")),
            section(10, vector(blob(b"\0\x10" + PAD + b"\x23" + PAD + b"\x1a\x0b"))),
            linking(
                subsection(
                    SYMBOL_TABLE,
                    vector(
                        symbol(FUNCTION, 0, leb(1), name("_start")),
                        symbol(FUNCTION, flags, leb(0), *([name("call")] if explicit else [])),
                        symbol(GLOBAL, flags, leb(0), *([name("read")] if explicit else [])),
                    ),
                )
            ),
            relocations("CODE", 3, relocation(0, 4, 1), relocation(7, 10, 2)),
        )
    )


@pytest.mark.parametrize(("module", "field", "explicit"), CASES)
@pytest.mark.parametrize("again", [False, True], ids=["", "relocatable"])
def test_import_with_an_empty_name(module: str, field: str, explicit: bool, again: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.o"
    path.write_bytes(program(module, field, explicit=explicit))
    output = tmp_path / "reference.wasm"
    arguments = ["-r"] if again else ["--import-undefined", "--unresolved-symbols=ignore-all"]
    subprocess.run([*reference_command(), *arguments, str(path), "-o", str(output)], check=True)
    options = LinkOptions(inputs=[str(path)], output=None, relocatable=again)
    if not again:
        options.import_undefined = True
        options.unresolved_symbols = UnresolvedPolicy.IGNORE
    ours = [line for line in describe(read_module(link(options).module)) if line.startswith("import")]
    assert ours == [line for line in describe(read_module(output.read_bytes())) if line.startswith("import")]
