"""Fixtures that every test may use."""

from __future__ import annotations

import signal
import sys
from array import array
from collections.abc import Iterator

import hypothesis
import pytest

from tests.support import toolchain
from tests.support.known_skips import SkipCounter
from wasmlink_tool.inputs.object_file import ObjectFile
from wasmlink_tool.linking.chunks import LinkedFile

if sys.platform != "win32":
    import resource

MOST_BYTES = 1 << 30
"""The maximum size of a file that a test or its process writes: larger modules are errors before they are written."""

# No test asserts a time: on a busy machine any example can take longer than hypothesis allows by default.
hypothesis.settings.register_profile("wasmlink", deadline=None)
hypothesis.settings.load_profile("wasmlink")


def pytest_configure(config: pytest.Config) -> None:
    if sys.platform != "win32":
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        if hard == resource.RLIM_INFINITY or hard > MOST_BYTES:
            resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_BYTES, hard))
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(SkipCounter())


if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    # Shells start background jobs so; processes that the tests start would ignore interrupts, too.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _nothing_adds_to_shared_collections() -> Iterator[None]:
    """Files without elements of a kind share an empty collection: no pass may add to it."""
    yield
    for value in (ObjectFile(b""), LinkedFile("", gc_sections=True)):
        for cls in type(value).__mro__:
            for attribute in getattr(cls, "__slots__", ()):
                held = getattr(value, attribute)
                assert not isinstance(held, (list, dict, bytearray, array)) or not held, attribute


@pytest.fixture(scope="session")
def zig() -> list[str]:
    """The command prefix of zig: ``[*zig, "cc", ...]`` is clang."""
    return [toolchain.zig()]


@pytest.fixture(scope="session")
def wasm_ld() -> list[str]:
    """The command prefix of the reference linker."""
    return list(toolchain.reference_command())
