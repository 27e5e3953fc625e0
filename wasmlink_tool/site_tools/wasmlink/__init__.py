"""The tool ``wasmlink``, as SCons loads it."""

from __future__ import annotations

from wasmlink_tool.scons import exists, generate

__all__ = ["exists", "generate"]
