"""Digests of links, to compare systems: ``python -m tests.platforms.link_digests DIRECTORY RESPONSE-FILE...``.

Each response file is linked without a cache, then three times with one, below ``DIRECTORY``, which must not exist. One
line is printed for each: its name, and the digests of the four modules. It needs no package but this one, so that it
runs on an embedded Python.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Sequence

from wasmlink_tool.cli import main as wasmlink


def main(arguments: Sequence[str]) -> int:
    directory, *files = arguments
    os.makedirs(directory)
    output = os.path.join(directory, "module.wasm")
    failed = False
    for number, file in enumerate(files):
        digests = []
        for flags in ([], *[[f"--cache-dir={os.path.join(directory, f'cache{number}')}"]] * 3):
            failed |= bool(wasmlink(["--data-order=input", *flags, "-o", output, f"@{file}"]))
            with open(output, "rb") as module:
                digests.append(hashlib.sha256(module.read()).hexdigest()[:16])
        print(file, *digests, flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
