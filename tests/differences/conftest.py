"""Fixtures of the tests of deliberate differences."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.differential import harness
from tests.differential.harness import Case, Result
from wasmlink_tool.cli import main


@pytest.fixture(scope="session")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory that keeps compiled objects for the session."""
    return tmp_path_factory.mktemp("objects")


@pytest.fixture
def linked(
    tmp_path: Path, objects: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> Callable[[harness.Files, str], Result]:
    """Link files with a command line, in a directory of their own."""

    def run(files: harness.Files, args: str) -> Result:
        directory = tmp_path / f"link{len(list(tmp_path.iterdir()))}"
        case = Case("link", files, args)
        harness.prepare(case, directory, objects)
        arguments = harness.command_line(case, reference=False)
        return harness.run_here(main, arguments, directory, capfdbinary.readouterr)

    return run
