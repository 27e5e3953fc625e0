"""Links after random edits, with the cache and without: ``python -m bench.edits --edits 5000 --seed 1``.

The edits are those of :mod:`tests.support.random_edits`; with ``--objects``, those of
:mod:`tests.support.object_edits`, which need no compiler and change what relocations add to their targets; with
``--varied``, those of :mod:`tests.support.varied_edits`, which change everything that an object can have.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.support.edit_sources import SHADES
from tests.support.object_edits import ObjectProject, object_differences
from tests.support.random_edits import Project, differences
from tests.support.varied_edits import VariedProject, varied_differences


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.edits", description=__doc__)
    parser.add_argument("--edits", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--shades", type=int, default=SHADES, help="texts of each variant of each unit")
    parser.add_argument("--objects", action="store_true", help="edit hand-written objects; odd seeds: common ones")
    parser.add_argument("--varied", action="store_true", help="edit objects that differ in everything")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as directory:
        work = Path(directory)
        reused: Counter[str]
        if options.varied:
            varied = VariedProject(work, options.seed)
            reused, lines = varied.reused, varied_differences(varied, options.edits)
        elif options.objects:
            objects = ObjectProject(work, options.seed, is_common=options.seed % 2 == 1)
            reused, lines = objects.reused, object_differences(objects, options.edits)
        else:
            project = Project(work, options.seed, options.shades)
            reused, lines = project.reused, differences(project, options.edits)
        found = 0
        for line in lines:
            found += 1
            print(line, flush=True)
    print(f"{options.edits} edits, seed {options.seed}: {found} differences; links from the last one:")
    for how, count in reused.most_common():
        print(f"{count:6d}  {how}")
    linked = reused.total() - reused["the link failed"]
    if not linked:
        print("no link succeeded: nothing was compared", file=sys.stderr)
    return 1 if found or not linked else 0


if __name__ == "__main__":
    raise SystemExit(main())
