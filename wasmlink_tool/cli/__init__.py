"""The ``wasmlink`` command: wasm-ld's command line as a front end to :func:`wasmlink_tool.link`."""

from __future__ import annotations

from wasmlink_tool.cli.command import main, run_process

__all__ = ["main", "run_process"]
