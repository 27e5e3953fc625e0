"""The last pass of a link with ``--component``: the module becomes a component."""

from __future__ import annotations

import os

from .component.componentize import Options, componentize_pieces, read_adapter
from .component.errors import ComponentError
from .component.wasi_adapter import NONE, PREVIEW1, wasi_adapters
from .diagnostics import Diagnostics, FatalError
from .files import working_directory
from .options import LinkOptions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    Piece: TypeAlias = "bytes | bytearray | memoryview"


def make_component(options: LinkOptions, chunks: Sequence[Piece], diagnostics: Diagnostics) -> list[Piece]:
    """Return the component for a linked module in pieces.

    :raises FatalError: the module does not fit its worlds, or an adapter or module that it needs was not found.
    """
    diagnostics.step("make a component")
    settings = Options()
    settings.merge_imports_based_on_semver = options.merge_imports_based_on_semver
    settings.realloc_via_memory_grow = options.realloc_via_memory_grow
    settings.reject_legacy_names = options.reject_legacy_names
    settings.names = not options.strip_all
    settings.main_world_first = options.main_world_first
    try:
        module = b"".join(chunks) + _described_worlds(options)
        adapters = [read_adapter(text) for text in options.adapters]
        wanted = options.wasi_adapter
        if wanted is None and any(adapter.name == PREVIEW1 for adapter in adapters):
            wanted = NONE
        adapters += wasi_adapters(module, wanted, working_directory(), os.environ)
        for adapter in adapters:
            if options.on_read is not None and os.path.isfile(adapter.file):
                options.on_read(adapter.file, adapter.data)
        pieces: list[Piece] = []
        pieces += componentize_pieces(module, adapters, settings, options.output or "the module")
        return pieces
    except ComponentError as error:
        raise FatalError(str(error)) from None


def _described_worlds(options: LinkOptions) -> bytes:
    """Return sections that describe the worlds of WIT text.

    :raises ComponentError: the text is wrong, or does not have the requested world.
    """
    if not options.component_types:
        return b""
    from .component.wit_packages import WitPackages
    from .component.world_section import ENCODINGS, component_type_section

    encoding = options.string_encoding or "utf8"
    if encoding not in ENCODINGS:
        raise FatalError(f"--string-encoding={encoding}: expected {', '.join(ENCODINGS)}")
    sections = []
    for path in options.component_types:
        packages = WitPackages(path)
        if options.on_read is not None:
            for file, data in packages.files.items():
                options.on_read(file, data)
        sections.append(component_type_section(packages.world(options.component_world), encoding))
    return b"".join(sections)
