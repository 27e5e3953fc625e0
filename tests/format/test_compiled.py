"""Whether the package under test is the one that is meant: the pure one, or the compiled one."""

from __future__ import annotations

import os

from wasmlink_tool.binary import relocations


def test_compiled_or_not() -> None:
    assert ("WASMLINK_EXPECT_COMPILED" in os.environ) == relocations.COMPILED
