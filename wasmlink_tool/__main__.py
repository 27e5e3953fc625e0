"""``python -m wasmlink_tool`` is the ``wasmlink`` command."""

from __future__ import annotations

from wasmlink_tool.cli import run_process

if __name__ == "__main__":
    run_process()
