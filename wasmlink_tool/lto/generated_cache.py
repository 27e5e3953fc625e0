"""A cache of objects generated from bitcode. Each entry is a file, which a policy can count."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from ..files import frame, read_frame
from ..inputs.cache_directory import GENERATED, MAGIC, store_file

_MAGIC: Final = MAGIC + b"generated 1\n"
"""Increase the number when the stored data or its encoding changes."""


class GeneratedCache:
    """The generated objects in a cache directory. Nothing here raises."""

    def __init__(self, root: str, prune: Callable[[], None]) -> None:
        """:param prune: keeps the directory within its limits."""
        self._root = root
        self._prune = prune

    def load(self, key: str) -> bytes | None:
        """Return the entry of that name, and mark it as used now."""
        path = os.path.join(self._root, GENERATED, key)
        found = read_frame(path, _MAGIC)
        if found is None:
            return None
        with suppress(OSError):
            os.utime(path, follow_symlinks=False)
        self._prune()
        return bytes(found)

    def store(self, key: str, payload: bytes) -> None:
        if store_file(self._root, GENERATED, key, frame(_MAGIC, [payload])):
            self._prune()
