"""Which linker this is, for signatures: a changed linker relinks, in a checkout as after an upgrade."""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Iterator

from ..version import __version__

_FRONTS = ("scons", "site_tools", "__pycache__")
"""Directories that take no part in a link: what SCons's side makes of variables is in the signature as options."""


@functools.cache
def linker_identity() -> str:
    """The version and a digest of the linker's source; the same for every Python version and directory."""
    digest = hashlib.sha256()
    for name, path in sorted(_sources(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))):
        with open(path, "rb", buffering=0) as file:
            source = file.read()
        digest.update(f"{'/'.join(name)}\0{len(source)}\0".encode())
        digest.update(source)
    return f"wasmlink {__version__} {digest.hexdigest()[:32]}"


def _sources(root: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """Name, in parts, and path of each source file."""
    pending: list[tuple[str, ...]] = [()]
    while pending:
        place = pending.pop()
        with os.scandir(os.path.join(root, *place)) as entries:
            for entry in entries:
                if entry.name.endswith(".py"):
                    yield (*place, entry.name), entry.path
                elif entry.name not in _FRONTS and entry.is_dir():
                    pending.append((*place, entry.name))
