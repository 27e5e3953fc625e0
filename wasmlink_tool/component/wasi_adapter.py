"""The adapter of ``wasi_snapshot_preview1`` for a program: which kind it takes, and where one is installed.

Programs of today's WASI C libraries import preview 1. An adapter provides that from the interfaces of WASI 0.2. There
are three kinds: for commands, which have a main function and export ``wasi:cli/run``; for reactors, which are called;
and for HTTP proxies, with fewer imports.
"""

from __future__ import annotations

import os
from importlib.util import find_spec

from ..binary.constants import MAGIC, VERSION
from ..binary.reader import FormatError
from .cli_run import INTERFACE, NAME, START, run_module
from .componentize import Adapter, read_adapter_file
from .core_module import CoreModule, read_module, read_sections
from .descriptions import read_descriptions
from .errors import ComponentError, quote
from .names import parse_qualified_name, without_version

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from importlib.machinery import ModuleSpec
    from typing import Final

    from .wit_model import World

PREVIEW1: Final = "wasi_snapshot_preview1"
VARIABLE: Final = "WASMLINK_WASI_ADAPTER"
COMMAND: Final = "command"
REACTOR: Final = "reactor"
PROXY: Final = "proxy"
NONE: Final = "none"
KINDS: Final = (COMMAND, REACTOR, PROXY, NONE)

_JCO: Final = os.path.join("node_modules", "@bytecodealliance", "jco", "lib")
_TARAWASM: Final = os.path.join("lang_deps", "wasi_snapshot_preview1.wasm")
_ENCODER: Final = "wasm-component-ld"
_DEFAULT_VERSION: Final = "0.2.0"
_HOW: Final = (
    "give one with --wasi-adapter=FILE or WASMLINK_WASI_ADAPTER, or install one: "
    "'pip install tarawasm' or 'npm install @bytecodealliance/jco'"
)


class _Found:
    """An adapter that was found, and what its world says of it."""

    def __init__(self, file: str, data: bytes) -> None:
        self.file = file
        self.data = data
        core = read_module(data, file)
        self.worlds: list[World] = [description.world for description in read_descriptions(core, file)]
        self.kind = _kind_of(self.worlds)


def _kind_of(worlds: list[World]) -> str:
    """Return for which programs an adapter is, by its worlds."""
    if any(without_version(name) == INTERFACE for world in worlds for name in world.exports):
        return COMMAND
    imports = {without_version(name) for world in worlds for name in world.imports}
    return REACTOR if "wasi:filesystem/types" in imports else PROXY


def wasi_adapters(
    module: bytes,
    wanted: str | None,
    folder: str,
    environment: Mapping[str, str],
    packages: Callable[[str], ModuleSpec | None] = find_spec,
) -> list[Adapter]:
    """Return the adapters that a core module takes for WASI: none, one, or one and what exports ``wasi:cli/run``.

    ``wanted`` is a kind or a file, or ``None`` to let the module decide; ``folder`` is where the search for
    ``node_modules`` begins; ``packages`` finds installed Python packages.

    :raises ComponentError: the module needs one and none is found.
    """
    if wanted == NONE:
        return []
    core = read_module(module, "the main module")
    worlds = [description.world for description in read_descriptions(core, "the main module")]
    imports = any(given.module == PREVIEW1 for given in core.imports)
    has_main = any(export.name == START for export in core.exports)
    exports_run = any(without_version(name) == INTERFACE for world in worlds for name in world.exports)
    wants_run = has_main and not exports_run
    if wanted is not None and wanted not in KINDS:
        found: _Found | None = _Found(wanted, read_adapter_file(wanted))
    else:
        kind = wanted or (COMMAND if wants_run else REACTOR)
        if wanted is None and not imports and not wants_run:
            return []
        found = _search(kind, wanted is None, _candidates(folder, environment, packages), environment)
        if found is None and (imports or wanted is not None):
            raise _not_found(core, wanted)
    adapters = [] if found is None else [Adapter(PREVIEW1, found.data, found.file)]
    if wants_run and wanted not in (REACTOR, PROXY) and (found is None or found.kind != COMMAND):
        # Without an adapter, the program's own world says which version it was built for.
        version = _version(worlds if found is None else found.worlds)
        adapters.append(Adapter(NAME, run_module(version), "the module that exports wasi:cli/run"))
    return adapters


def _version(worlds: list[World]) -> str:
    """Return the version of ``wasi:cli`` that worlds import."""
    for world in worlds:
        for key in world.imports:
            name = parse_qualified_name(key)
            if name is not None and name.package == "wasi:cli" and name.version is not None:
                return name.version.text
    return _DEFAULT_VERSION


def _not_found(core: CoreModule, wanted: str | None) -> ComponentError:
    fields = sorted(given.field for given in core.imports if given.module == PREVIEW1)
    kind = f"{wanted} adapter" if wanted else "adapter"
    if not fields:
        return ComponentError(f"no {kind} for {PREVIEW1} was found: {_HOW}")
    return ComponentError(
        f"the program uses WASI preview 1 ({quote(fields[0])} of {quote(PREVIEW1)}), and no {kind} for it was found: "
        f"{_HOW}"
    )


def _search(kind: str, any_kind: bool, installed: Iterator[_Found], environment: Mapping[str, str]) -> _Found | None:
    """Return an installed adapter of a kind; with ``any_kind``, one for reactors if there is no better one."""
    second: _Found | None = None
    named = environment.get(VARIABLE)
    for found in [_Found(named, read_adapter_file(named))] if named else installed:
        if found.kind == kind or named:
            return found
        if any_kind and found.kind == REACTOR and second is None:
            second = found
    return second


def _candidates(
    folder: str, environment: Mapping[str, str], packages: Callable[[str], ModuleSpec | None]
) -> Iterator[_Found]:
    """Find installed adapters, the preferred ones first."""
    current = os.path.abspath(folder) if folder else ""
    while current:
        for kind in (COMMAND, REACTOR, PROXY):
            path = os.path.join(current, _JCO, f"{PREVIEW1}.{kind}.wasm")
            if os.path.isfile(path):
                yield _Found(path, read_adapter_file(path))
        above = os.path.dirname(current)
        if above == current:
            break
        current = above
    try:
        spec = packages("tarawasm")
    except (ImportError, ValueError):
        spec = None
    if spec is not None and spec.origin is not None:
        path = os.path.join(os.path.dirname(spec.origin), _TARAWASM)
        if os.path.isfile(path):
            yield _Found(path, read_adapter_file(path))
    for directory in environment.get("PATH", "").split(os.pathsep):
        for name in (_ENCODER, f"{_ENCODER}.exe"):
            path = os.path.join(directory, name)
            if directory and os.path.isfile(path):
                yield from _embedded(path)


def _embedded(path: str) -> Iterator[_Found]:
    """Find the adapters that lie uncompressed in an executable."""
    data = read_adapter_file(path)
    start = data.find(MAGIC + VERSION)
    while start >= 0:
        end = _end_of_module(data, start)
        try:
            found = _Found(path, data[start:end])
            if found.worlds:
                yield found
        except (ComponentError, FormatError):
            pass  # Something else that begins like a module.
        start = data.find(MAGIC + VERSION, start + 8)


def _end_of_module(data: bytes, start: int) -> int:
    """Return where a module ends that others follow: before what is no section of it."""
    end = start + 8
    last = end
    while True:
        position = end
        if position >= len(data) or data[position] > 13:
            return last
        position += 1
        size = shift = 0
        while position < len(data):
            byte = data[position]
            position += 1
            size |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        else:
            return last
        end = position + size
        if shift > 35 or end > len(data):
            return last
        try:
            read_sections(data[start:end])
        except FormatError:
            return last
        last = end
