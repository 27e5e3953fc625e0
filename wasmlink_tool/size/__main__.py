"""``python -m wasmlink_tool.size``: see :mod:`.size_command`."""

import sys

from .size_command import main

sys.exit(main())
