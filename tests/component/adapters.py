"""Adapters of preview 1 for tests, and modules that use them."""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path

from wasmlink_tool.binary.constants import ExternalKind
from wasmlink_tool.binary.leb128 import uleb
from wasmlink_tool.component.component_writer import encode_text
from wasmlink_tool.component.core_module import CoreModule, Signature, read_module
from wasmlink_tool.component.helper_modules import section

NAME = "wasi_snapshot_preview1"


@functools.cache
def reactor() -> bytes:
    """The adapter for reactors that the tarawasm package carries."""
    spec = importlib.util.find_spec("tarawasm")
    if spec is None or spec.origin is None:
        raise RuntimeError("the tests need the tarawasm package: pip install tarawasm")
    return (Path(spec.origin).parent / "lang_deps" / "wasi_snapshot_preview1.wasm").read_bytes()


def functions(adapter: bytes) -> list[tuple[str, Signature]]:
    """The functions of an adapter that programs import."""
    core: CoreModule = read_module(adapter, "the adapter")
    return [
        (export.name, core.function_signature(export.index))
        for export in core.exports
        if export.kind == ExternalKind.FUNCTION and "#" not in export.name and not export.name.startswith("cabi")
    ]


def importing(field: str, signature: Signature, realloc: str | None = None) -> bytes:
    """A module that imports one function, and exports a memory and an allocation function of that name."""
    types = [Signature(b"\x7f" * 4, b"\x7f").encode(), Signature(b"", b"").encode(), signature.encode()]
    imports = [encode_text(NAME) + encode_text(field) + b"\0" + uleb(2)]
    exports = [encode_text("memory") + b"\2\0", encode_text("_start") + b"\0\2"]
    if realloc is not None:
        exports.append(encode_text(realloc) + b"\0\1")
    bodies = [b"\4\0\x41\0\x0b", b"\2\0\x0b"]
    parts = [section(1, types), section(2, imports), section(3, [b"\0", b"\1"]), section(5, [b"\0\1"])]
    return b"".join([b"\0asm\1\0\0\0", *parts, section(7, exports), section(10, bodies)])
