"""The cases, a module for each part of the link."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

from tests.differential.harness import Case


def all_cases() -> Iterator[tuple[str, Case]]:
    """Each case with the name of its module."""
    for found in pkgutil.iter_modules(__path__):
        for case in importlib.import_module(f"{__name__}.{found.name}").CASES:
            yield found.name, case
