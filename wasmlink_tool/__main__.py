"""``python -m wasmlink_tool`` is the ``wasmlink`` command."""

from __future__ import annotations

import sys

from wasmlink_tool.cli import main

if __name__ == "__main__":
    sys.exit(main())
