"""Which linker this is, for signatures: a changed linker relinks, in a checkout as after an upgrade."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

from ..version import __version__

_FRONTS = ("scons", "site_tools")
"""Packages that take no part in a link: what they make of variables is in the signature as options."""


@functools.cache
def linker_identity() -> str:
    """The version and a digest of the linker's source; the same for every Python version and directory."""
    root = Path(__file__).parent.parent
    digest = hashlib.sha256()
    for source in sorted(root.rglob("*.py"), key=lambda path: path.relative_to(root).parts):
        name = source.relative_to(root)
        if name.parts[0] not in _FRONTS:
            digest.update(f"{name.as_posix()}\0".encode())
            digest.update(hashlib.sha256(source.read_bytes()).digest())
    return f"wasmlink {__version__} {digest.hexdigest()[:32]}"
