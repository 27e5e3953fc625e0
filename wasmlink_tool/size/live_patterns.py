"""Patterns of symbol names: exact names or globs."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable
from typing import Final

_WILD: Final = re.compile(r"[*?\[]")


def matcher(pattern: str) -> Callable[[str], bool]:
    """Return a function that tests whether a name is the pattern or matches it as a glob: C++ names contain stars."""
    if not _WILD.search(pattern):
        return pattern.__eq__
    fits = re.compile(fnmatch.translate(pattern)).match
    return lambda name: name == pattern or fits(name) is not None
