"""Builds a sample with SCons and runs what it built: ``python3 samples/run.py hello``.

All that is needed, the compiler included, is installed into the checkout's own virtual environment first.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SAMPLES = Path(__file__).resolve().parent
sys.path.insert(0, str(SAMPLES.parent / ".ci"))

from environment import environment  # noqa: E402


def main(arguments: list[str]) -> int:
    names = sorted(path.parent.name for path in SAMPLES.glob("*/SConstruct"))
    if len(arguments) != 1 or arguments[0] not in names:
        print(f"usage: {sys.argv[0]} SAMPLE, one of: {', '.join(names)}", file=sys.stderr)
        return 2
    python = str(environment("samples"))
    directory = SAMPLES / arguments[0]
    return subprocess.run([python, "-m", "SCons", "-Q", "-C", str(directory), "run"], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
