"""The tool ``wasmlink`` of a checkout, which SCons finds here without an installation."""

from __future__ import annotations

import sys
from pathlib import Path

_ROOT = str(Path(__file__).resolve().parents[3])
if _ROOT not in sys.path:
    sys.path.insert(0, _ROOT)

from wasmlink_tool.scons import exists, generate  # noqa: E402

__all__ = ["exists", "generate"]
