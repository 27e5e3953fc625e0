"""``python -m wasmlink_tool.size``: see :mod:`.size_command`."""

import sys

from .size_command import main

if __name__ == "__main__":
    sys.exit(main())
