"""LLVM's tools as oracles: what they print about a module."""

from __future__ import annotations

import re
import shutil
import subprocess
from bisect import bisect_left
from pathlib import Path
from typing import NamedTuple

from tests.support.module import Reader, read_module

CODE = 10
"""The number of the code section."""


def llvm_tool(name: str) -> str | None:
    """The newest tool of this name, with or without a version in it; ``None`` if there is none."""
    names = (*(f"{name}-{number}" for number in range(30, 12, -1)), name)
    return next(filter(None, map(shutil.which, names)), None)


def output_of(name: str, *arguments: str) -> str:
    tool = llvm_tool(name)
    assert tool is not None
    done = subprocess.run([tool, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


_INSTRUCTION = re.compile(r"^\s+([0-9a-f]+): [0-9a-f ]+\t", re.M)


def code_places(module: Path) -> dict[int, str]:
    """Map each address in a module's functions at which something begins or ends to what that is.

    Addresses count from the contents of the code section, as in debug information.
    """
    data = module.read_bytes()
    parsed = read_module(data)
    names = parsed.names.get("function", {})
    imported = len(parsed.imported("func"))
    reader = _code_section(data)
    contents = reader.position
    listed = [int(address, 16) - contents for address in _INSTRUCTION.findall(_disassembly(module))]
    places: dict[int, str] = {}
    for number in range(reader.unsigned()):
        size = reader.unsigned()
        start = reader.position - contents
        reader.take(size)
        name = names.get(imported + number, str(number))
        for i, address in enumerate(listed[bisect_left(listed, start) : bisect_left(listed, start + size)]):
            places[address] = f"instruction {i} of function {name}"
        places[start] = f"start of function {name}"
        places[start + size] = f"end of function {name}"
    return places


def _disassembly(module: Path) -> str:
    return output_of("llvm-objdump", "-d", str(module))


def _code_section(data: bytes) -> Reader:
    """A reader at the contents of a module's code section."""
    reader = Reader(data, 8)
    while reader.byte() != CODE:
        reader.take(reader.unsigned())
    reader.unsigned()
    return reader


class Row(NamedTuple):
    address: int
    rest: tuple[str, ...]
    """Line, column, file, ISA, discriminator, operation and flags."""


_ROW = re.compile(r"^0x([0-9a-f]{16}) +(.*)$", re.M)


def line_rows(module: Path) -> list[Row]:
    """The rows of a module's line tables, in order."""
    printed = output_of("llvm-dwarfdump", "--debug-line", str(module))
    return [Row(int(address, 16), tuple(rest.split())) for address, rest in _ROW.findall(printed)]


_SUBPROGRAM = re.compile(r"^(?=0x[0-9a-f]+: +DW_TAG_(?:subprogram|compile_unit))", re.M)
_DEAD = "DW_AT_low_pc\t(dead code)"
"""Removed functions have no start: what else they print are sums without a meaning."""
_ADDRESS = re.compile(
    r"(?<=_pc\t\()0x[0-9a-f]+|(?<=\[)0x[0-9a-f]+(?=, 0x)|(?<=\[0x[0-9a-f]{8}, )0x[0-9a-f]+"
    r"|(?<=\[0x[0-9a-f]{16}, )0x[0-9a-f]+"
)
_LINE_TABLE = re.compile(r"DW_AT_stmt_list\t\(0x[0-9a-f]+\)")


def described_code(module: Path, places: dict[int, str]) -> str:
    """Return what llvm-dwarfdump prints of ``.debug_info``, with ranges and locations, and places for addresses."""
    printed = output_of("llvm-dwarfdump", "--debug-info", str(module)).partition("\n")[2]

    def place(match: re.Match[str]) -> str:
        return places.get(int(match[0], 16), match[0])

    parts = _SUBPROGRAM.split(_LINE_TABLE.sub("", printed))
    return "".join(part if _DEAD in part else _ADDRESS.sub(place, part) for part in parts)
