"""The producers section (ProducersSection.md): who made the inputs, each tool once."""

from __future__ import annotations

from ..linking.resolution import Resolution
from ..options import LinkOptions
from ..version import __version__
from .encoding import name, vector

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def merge_producers(resolution: Resolution, options: LinkOptions) -> bytes | None:
    """Return the section's contents, or ``None`` if it would be empty."""
    return merge([file.object.producers for file in resolution.objects], options)


def merge(producers: Iterable[dict[str, list[tuple[bytes, bytes]]]], options: LinkOptions) -> bytes | None:
    """Return the contents of the section for objects with these producers, in order; ``None`` if it would be empty."""
    fields: dict[str, dict[bytes, bytes]] = {"language": {}, "processed-by": {}, "sdk": {}}
    for own in producers:
        for field, pairs in own.items():
            merged = fields[field]
            for tool, version in pairs:
                merged.setdefault(tool, version)
    if options.record_linker:
        fields["processed-by"][b"wasmlink"] = __version__.encode()
    encoded = [
        name(field.encode()) + vector(name(tool) + name(version) for tool, version in pairs.items())
        for field, pairs in fields.items()
        if pairs
    ]
    return vector(encoded) if encoded else None
