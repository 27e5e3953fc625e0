"""One line after a link that changed the module's size (``--size-note``).

The sizes by name are in a small file that each link leaves for the next. If the size is the same, nothing is computed:
the parts in the file still add up to it.
"""

from __future__ import annotations

import json
import os
import zlib
from typing import Final

from ..binary.reader import FormatError
from ..diagnostics import Diagnostics
from ..files import frame, read_frame
from ..inputs.cache_directory import store_beside
from ..options import LinkOptions
from ..output.encoding import Chunk
from .finished_module import report_of_module
from .function_owners import FunctionOwners
from .size_changes import signed
from .size_report import SizeReport
from .source_names import base_name

_MAGIC: Final = b"wasmlink sizes 1\n"
_SHOWN: Final = 3
_LEAST_SHARE: Final = 0.05
"""A fraction of the difference: smaller changes are left out of the line."""

_LEAST_LIMIT: Final = 1 << 20
_MOST_TIMES: Final = 32
"""The maximum size of the unpacked file is the first number and this multiple of its size: names repeat each other, but
a file that unpacks to a thousand times its size is not ours."""

Sizes = dict[str, int]


def note_size(
    options: LinkOptions,
    written: list[Chunk],
    module: list[Chunk],
    owners: FunctionOwners | None,
    diagnostics: Diagnostics,
) -> None:
    """Report by how much the size changed since the file was written, and update the file."""
    path = options.size_note
    assert path is not None
    size = sum(map(len, written))
    last = _load(path)
    if last is not None and last[0] == size:
        return
    try:
        report = report_of_module(b"".join(module), "", owners, sources=False)
    except FormatError:
        return
    sizes = sizes_by_name(report)
    if last is not None:
        name = base_name(options.output or "module")
        diagnostics.message(note_text(name, size, size - last[0], last[1], sizes))
    _save(path, size, sizes)


def sizes_by_name(report: SizeReport) -> Sizes:
    sizes: Sizes = {}
    for part in report.parts:
        name = "debug information" if part.kind == "debug" else part.name
        sizes[name] = sizes.get(name, 0) + part.size
    return sizes


def note_text(name: str, size: int, delta: int, old: Sizes, new: Sizes) -> str:
    """Return ``app.wasm 128,104 bytes (+1,204: printf +1,100, ...)``."""
    deltas = [(new.get(part, 0) - old.get(part, 0), part) for part in {**old, **new}]
    deltas = [(change, part) for change, part in deltas if abs(change) >= max(1, abs(delta) * _LEAST_SHARE)]
    deltas.sort(key=lambda item: (-abs(item[0]), item[1]))
    shown = [f"{_shortened(part)} {signed(change)}" for change, part in deltas[:_SHOWN]]
    if len(deltas) > _SHOWN:
        shown.append("...")
    because = f": {', '.join(shown)}" if shown else ""
    return f"{name} {size:,} bytes ({signed(delta)}{because})"


def _shortened(name: str) -> str:
    return name if len(name) <= 60 else f"{name[:57]}..."


def _load(path: str) -> tuple[int, Sizes] | None:
    try:
        packed = read_frame(path, _MAGIC)
        if packed is None:
            return None
        unpacker = zlib.decompressobj()
        value = json.loads(unpacker.decompress(packed, _LEAST_LIMIT + _MOST_TIMES * len(packed)))
        size, sizes = value["size"], value["parts"]
        if isinstance(size, int) and all(isinstance(number, int) for number in sizes.values()):
            return size, sizes
    except (OSError, ValueError, zlib.error, LookupError, TypeError, AttributeError, RecursionError):
        pass
    return None


def _save(path: str, size: int, sizes: Sizes) -> None:
    """Write the file. The note is a courtesy: if the file cannot be written, the next link prints none."""
    text = json.dumps({"size": size, "parts": sizes}, ensure_ascii=False, separators=(",", ":"))
    try:
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    except OSError:
        return
    store_beside(path, frame(_MAGIC, [zlib.compress(text.encode("utf-8", "replace"), 1)]))
