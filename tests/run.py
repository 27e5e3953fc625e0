"""Lint, types and tests of the checkout, in an environment that is made when it is needed.

The tests run twice, each time on an installed wheel: the pure one, and the one that mypyc compiled. To stay within the
time of a run on each change, the compiled one runs a part of them; ``python3 tests/run.py --everything`` runs all.

Other arguments go to pytest: ``python3 tests/run.py -k archive`` runs a part of the tests, on the checkout as it is.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / ".ci"))

from environment import environment  # noqa: E402

WHOLE = (
    ["ruff", "check", "--quiet", "."],
    ["mypy"],
    ["pytest", "-m", "packaging"],
    ["tests.installed", "pure"],
    ["tests.installed", "compiled"],
)
"""The steps of a run without arguments."""
EVERYTHING = "--everything"
MINUTES = {"": 20, EVERYTHING: 90}


def main(arguments: list[str]) -> int:
    python = str(environment("dev"))
    # The tests start scons, wasmlink and others by name.
    path = os.pathsep.join([os.path.dirname(python), os.environ.get("PATH", os.defpath)])
    variables = {**os.environ, "PATH": path, "VIRTUAL_ENV": str(Path(python).parent.parent)}
    variables.pop("PYTHONHOME", None)
    whole = arguments in ([], [EVERYTHING])
    steps = list(WHOLE) if whole else [["pytest", "-n", "auto", *arguments]]
    if arguments == [EVERYTHING]:
        steps = [[name, EVERYTHING, *rest] if name == "tests.installed" else [name, *rest] for name, *rest in WHOLE]
    if whole:
        print(f"{len(steps)} steps, about {MINUTES[''.join(arguments)]} minutes on two processors:", flush=True)
        for step in steps:
            print(f"   {' '.join(step)}", flush=True)
    failed = []
    for step in steps:
        print(f"== {' '.join(step)}", flush=True)
        if subprocess.run([python, "-m", *step], cwd=ROOT, env=variables, check=False).returncode:
            failed.append(step[0])
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
