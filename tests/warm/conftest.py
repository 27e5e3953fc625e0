"""Fixtures of the tests of links after edits."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory that keeps compiled objects for the session; all workers of pytest-xdist share it."""
    base = tmp_path_factory.getbasetemp()
    directory = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "objects"
    directory.mkdir(exist_ok=True)
    return directory
