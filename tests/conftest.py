"""Fixtures that every test may use."""

from __future__ import annotations

import pytest

from tests.support import toolchain


@pytest.fixture(scope="session")
def zig() -> list[str]:
    """The command prefix of zig: ``[*zig, "cc", ...]`` is clang."""
    return [toolchain.zig()]


@pytest.fixture(scope="session")
def wasm_ld() -> list[str]:
    """The command prefix of the reference linker."""
    return list(toolchain.reference_command())
