"""Fixtures that every test may use."""

from __future__ import annotations

import pytest

from tests.support import toolchain
from tests.support.known_skips import SkipCounter


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(SkipCounter())


@pytest.fixture(scope="session")
def zig() -> list[str]:
    """The command prefix of zig: ``[*zig, "cc", ...]`` is clang."""
    return [toolchain.zig()]


@pytest.fixture(scope="session")
def wasm_ld() -> list[str]:
    """The command prefix of the reference linker."""
    return list(toolchain.reference_command())
