"""Measure the growth of a link's cost with the program: ``python -m bench.growth``.

The generated project is linked with 100 and with 1,600 objects: the whole process without a cache, and in a Python that
has the package imported after one object changed, with the cache of the link before. The cost should grow no faster
than the objects do.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench import inputs
from bench.inputs import BenchInput
from bench.measure import VARIANTS, WORK, our_environment, run_process, write_response_file
from bench.warm import WarmLinks
from tests.support.toolchain import ToolchainError


@dataclass(frozen=True, slots=True)
class Growth:
    """The cost of one kind of link of a small and of a large program: milliseconds, medians."""

    variant: str
    kind: str
    """``cold`` or ``warm``."""
    small: float
    large: float
    input_growth: float
    """Bytes of the large program's objects to those of the small one's. Of libc hardly anything is linked."""

    @property
    def ratio(self) -> float:
        """The growth of the cost to that of the objects."""
        return self.large / self.small / self.input_growth


def measure(work: Path, objects: tuple[int, int], functions: int, rounds: int) -> list[Growth]:
    # The largest first: the small project is a part of it.
    large, small = (inputs.generated(work, count, functions) for count in sorted(objects, reverse=True))
    sizes = [sum(path.stat().st_size for path in each.files if path.suffix == ".o") for each in (large, small)]
    rows = []
    for variant, flags in VARIANTS.items():
        first, last = (_times(work, each, flags, rounds) for each in (small, large))
        rows += [Growth(variant, kind, first[kind], last[kind], sizes[0] / sizes[1]) for kind in first]
    return rows


def _times(work: Path, chosen: BenchInput, flags: Sequence[str], rounds: int) -> dict[str, float]:
    place = work / "growth"
    # It links twice first, so that the files are in the system's cache.
    warm = WarmLinks(chosen, tuple(flags), place / "warm", our_environment())
    arguments = write_response_file(place / "link.rsp", [*flags, *chosen.arguments])
    command = [sys.executable, "-m", "wasmlink_tool", "-o", str(place / "module.wasm"), f"@{arguments}"]
    runs = [(run_process(command, our_environment()), warm.run()) for _ in range(rounds)]
    return {
        kind: statistics.median(each[number].seconds for each in runs) * 1000
        for number, kind in enumerate(("cold", "warm"))
    }


def print_rows(rows: Sequence[Growth], objects: tuple[int, int]) -> None:
    first, last = sorted(objects)
    for row in rows:
        print(f"(e) {first} to {last} objects, {row.variant}, {row.kind}: {row.small:.0f} to {row.large:.0f} ms, "
              f"{row.ratio:.2f} of the objects' growth in bytes (goal 1.0)", flush=True)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.growth", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--objects", type=int, nargs=2, default=(100, 1600), help="of the two projects (100 1600)")
    parser.add_argument("--functions", type=int, default=100, help="functions of each object (100)")
    parser.add_argument("--rounds", type=int, default=2, help="measured links of each kind (2)")
    parser.add_argument("--build", action="store_true", help="compile the larger project and stop")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON too")
    parser.add_argument("--work", type=Path, default=WORK, help="where what is built is kept")
    options = parser.parse_args(arguments)
    work = options.work.resolve()
    try:
        if options.build:
            for count in sorted(options.objects, reverse=True):
                inputs.generated(work, count, options.functions)
            return 0
        rows = measure(work, tuple(options.objects), options.functions, options.rounds)
    except ToolchainError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    print_rows(rows, tuple(options.objects))
    if options.json:
        options.json.write_text(json.dumps([{**asdict(row), "ratio": row.ratio} for row in rows], indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
