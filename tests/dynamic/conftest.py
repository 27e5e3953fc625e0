"""Fixtures of the tests of dynamic linking."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory that keeps compiled objects for the session."""
    return tmp_path_factory.mktemp("objects")
