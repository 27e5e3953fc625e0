"""Files of very many custom sections: the module is that of the reference linker."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.objects import (
    COMDAT_INFO,
    FUNCTION,
    LOCAL,
    MAGIC,
    SECTION,
    SYMBOL_TABLE,
    blob,
    custom,
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
from wasmlink_tool.cli import main

NAMES = ("notes", "", ".debug_x", ".debug_str", "other", "more")
COUNT = 1500


def many_sections(function: str) -> bytes:
    """An object whose custom sections have, each to its turn, contents, a reference to another, a COMDAT group."""
    parts = [section(1, b"\1\x60\0\0"), section(3, b"\1\0"), section(10, vector(blob(b"\0\x0b")))]
    symbols = [symbol(FUNCTION, 0, leb(0), name(function))]
    relocs, members = [], []
    for number in range(COUNT):
        title = NAMES[number % len(NAMES)]
        contents = b"%d\0" % (number % 700) if title.startswith(".debug_str") else bytes(number % 5)
        index = len(parts)
        parts.append(custom(title, contents))
        if number % 35 == 4 and title != ".debug_str":
            parts[-1] = custom(title, bytes(9))
            relocs.append(relocations(title, index, relocation(8, 0, 0, 1), relocation(9, 4, len(symbols), 2)))
            symbols.append(symbol(SECTION, LOCAL, leb(index - number % len(NAMES))))
        if number % 102 == 51:
            members.append(leb(5) + leb(index))
    table = subsection(SYMBOL_TABLE, vector(*symbols))
    parts.append(linking(table, subsection(COMDAT_INFO, vector(name("group") + b"\0" + vector(*members)))))
    return MAGIC + b"".join(parts + relocs)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--no-gc-sections"],
        ["-O0"],
        ["--strip-debug", "--export=f"],
        ["-O2", "--export=f"],
    ],
    ids=" ".join,
)
def test_very_many_custom_sections_are_linked_as_few(arguments: list[str], tmp_path: Path, wasm_ld: list[str]) -> None:
    inputs = [str(tmp_path / file) for file in ("a.o", "b.o")]
    (tmp_path / "a.o").write_bytes(many_sections("f"))
    (tmp_path / "b.o").write_bytes(many_sections("g"))
    ours, expected = tmp_path / "ours" / "out.wasm", tmp_path / "reference" / "out.wasm"
    for path in (ours, expected):
        path.parent.mkdir()
    subprocess.run([*wasm_ld, *inputs, "--no-entry", *arguments, "-o", expected], check=True)
    assert main([*inputs, "--no-entry", *arguments, "-o", str(ours)]) == 0
    assert ours.read_bytes() == expected.read_bytes()
    cache = f"--cache-dir={tmp_path / 'cache'}"
    for _ in range(2):
        assert main([*inputs, "--no-entry", *arguments, cache, "-o", str(ours)]) == 0
        assert ours.read_bytes() == expected.read_bytes()
    # wasm-ld crashes where it writes relocations of such objects.
    assert main([*inputs, "-r", "-O0", "-o", str(tmp_path / "both.o")]) == 0
    assert main([str(tmp_path / "both.o"), "--no-entry", *arguments, "-o", str(ours)]) == 0
    assert ours.read_bytes() == expected.read_bytes()
