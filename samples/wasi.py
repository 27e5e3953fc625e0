"""Runs a WASI command under wasmtime: see :mod:`wasmlink_tool.run`."""

from __future__ import annotations

import sys

from wasmlink_tool.run import main

if __name__ == "__main__":
    sys.exit(main())
