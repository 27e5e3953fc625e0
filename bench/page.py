"""The page with the figures of both packages: ``python -m bench.page``.

Each package is built and installed as ``tests.installed`` does it, then measured from a directory without the package's
sources: one run of each module in :data:`RUNS`. The figures are kept as JSON in ``bench/.work/figures/``; ``--keep``
writes the page from those of the last run. ``--build`` builds all packages and inputs, which takes half an hour, and
measures nothing: the run after it takes about twelve minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import start_up, toolchain
from bench.measure import ROOT, VARIANTS, WORK, percentile
from tests import installed

PAGE = ROOT / "docs" / "benchmarks.md"
RUNS = {
    "links": ["bench", "--rounds", "2"],
    "start": ["bench.start_up", "--rounds", "30"],
    "edits": ["bench.edit_classes", "--rounds", "1"],
    "builds": ["bench.rebuild", "--rounds", "2"],
    "null-builds": ["bench.null_build", "--objects", "200", "--rounds", "7"],
    "growth": ["bench.growth", "--rounds", "1"],
}
"""The runs to measure: the module to run and its arguments."""
BUILT = ("links", "edits", "null-builds", "growth")
"""The runs that compile something, and take ``--build`` to stop after that."""

Row = dict[str, Any]
Figures = dict[str, dict[str, list[Row]]]
"""By package, then by run."""


def run(kind: str, only: Sequence[str], *, build: bool = False) -> None:
    """Measure one package, or with ``build`` only compile what that takes. What it prints goes to standard error.

    :raises SystemExit: something failed.
    """
    prepared = installed.prepare(kind)
    if prepared is None:
        sys.exit(f"the {kind} package could not be installed")
    python, tree = prepared
    place = WORK / "figures"
    place.mkdir(parents=True, exist_ok=True)
    for name in only:
        module, *arguments = RUNS[name]
        path = place / f"{kind}-{name}.json"
        chosen = _every_input(arguments) if name == "links" else arguments
        last = ["--build"] if build else ["--json", str(path)]
        command = [str(python), "-m", module, *chosen, "--work", str(WORK), *last]
        started = time.monotonic()
        print(f"== {kind}: {' '.join(command[1:])}", file=sys.stderr, flush=True)
        variables = installed.environment(python)
        if subprocess.run(command, cwd=tree, env=variables, stdout=sys.stderr, check=False).returncode:
            sys.exit(f"measuring the {kind} package failed")
        print(f"   {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)


def _every_input(arguments: list[str]) -> list[str]:
    """Name all inputs: growth and builds with SCons are runs of their own."""
    from bench.inputs import INPUTS

    return [*arguments, *(f"--only={name}" for name in INPUTS)]


def kept() -> Figures:
    """Return the figures of the last run."""
    place = WORK / "figures"
    paths = {kind: {name: place / f"{kind}-{name}.json" for name in RUNS} for kind in installed.KINDS}
    return {
        kind: {name: json.loads(path.read_text()) if path.exists() else [] for name, path in each.items()}
        for kind, each in paths.items()
    }


# The page


def page(figures: Figures, machine: str) -> str:
    """Return the text of the page."""
    return "\n".join(
        [
            "# Benchmarks",
            "",
            "This page shows how long links take, by the pure and by the compiled package, against wasm-ld. It is",
            "written by",
            "",
            "```sh",
            "python -m bench.page",
            "```",
            "",
            f"on {machine}. A ratio is our figure to that of wasm-ld's whole process: below 1.0 we are faster, or take",
            "less memory. [bench/README.md](../bench/README.md) describes the programs.",
            "",
            "## What to expect",
            "",
            *_summary(figures),
            "",
            "- *After an edit* is a link with the cache of the link before, in a Python that has the package imported,",
            "  as SCons makes it.",
            "- *First link* has an empty cache and fills it; the command is run without a cache, from start to exit.",
            "- SCons is compared with SCons that calls wasm-ld as a command, from start to exit.",
            "- *Growth* is that of the time divided by that of the objects' size: 1.0 is linear.",
            "",
            "## Links after an edit",
            "",
            *_edits(figures),
            "",
            "*Fast* repeats no decision, *updated* some, *passes* decides anew and copies what stayed, *whole* copies",
            "nothing; [architecture](architecture.md#warm-links) describes them.",
            "",
            "## First links",
            "",
            *_links(figures),
            "",
            "*Process* is the command from start to exit; *in process*, the call of `link` with an empty cache, which",
            "it fills; *after an edit*, a statement more in one function, with that cache. *Memory* is the peak of the",
            "process, of the pure package. *Same bytes*: the module is wasm-ld's.",
            "",
            "## Start",
            "",
            *_start(figures),
            "",
            "`hello -S`; the clock is a median, the processor's time a minimum.",
            "",
        ]
    )


# What to expect


def _summary(figures: Figures) -> list[str]:
    lines = [[what, *cells] for what, *cells in zip(_SUMMARY, *(_expected(figures[kind]) for kind in installed.KINDS))]
    return _table(["", *installed.KINDS], lines)


_SUMMARY = (
    "after an edit, stripped: median; 90th percentile",
    "after an edit, with debug information: median; 90th percentile",
    "edits whose link reuses the last one",
    "first link in SCons or Python: geometric mean; worst",
    "first link by the command: geometric mean; worst",
    "`hello` by the command",
    "`scons` after one of 400 objects changed: stripped; with debug information",
    "`scons` with nothing to do, to SCons's own `Program`",
    "peak memory, first link by the command: geometric mean; worst",
    "peak memory, after an edit: geometric mean; worst",
    "growth from 100 to 1,600 objects, first link: stripped; with debug information",
    "growth, after an edit: stripped; with debug information",
)


def _expected(found: Mapping[str, list[Row]]) -> list[str]:
    """The figures of one package, a cell for each line of the summary; empty where nothing was measured."""
    edits, links = found["edits"], found["links"]
    ratios = {variant: [row["ratio"] for row in edits if row["variant"] == variant] for variant in VARIANTS}
    used = [row["how"] != "whole" for row in edits]
    warm = [row for row in links if row["warm_peak"] is not None]
    command = [row["clock_ratio"] for row in found["start"] if row["command"] == start_up.COMMAND]
    clock = {row["program"]: row["clock"] for row in found["null-builds"]}
    growth = {kind: [row["ratio"] for row in found["growth"] if row["kind"] == kind] for kind in ("cold", "warm")}
    return [
        *(_cell([statistics.median(each), percentile(each)] if each else []) for each in ratios.values()),
        f"{sum(used) / len(used):.0%}" if used else "",
        _cell(_mean_and_worst([row["in_process"] / row["reference"] for row in links])),
        _cell(_mean_and_worst([row["ours"] / row["reference"] for row in links])),
        _cell(command),
        _cell([row["ratio"] for row in found["builds"]]),
        _cell([clock["WasmProgram"] / clock["Program"]] if clock else []),
        _cell(_mean_and_worst([row["our_peak"] / row["reference_peak"] for row in links])),
        _cell(_mean_and_worst([row["warm_peak"] / row["reference_peak"] for row in warm])),
        *(_cell(each) for each in growth.values()),
    ]


def _mean_and_worst(ratios: Sequence[float]) -> list[float]:
    return [statistics.geometric_mean(ratios), max(ratios)] if ratios else []


def _cell(ratios: Sequence[float]) -> str:
    return "; ".join(f"{ratio:.2f}" for ratio in ratios)


# Tables


def _table(header: Sequence[str], rows: Iterable[Sequence[str]], words: int = 1) -> list[str]:
    """Lines of a table whose first columns are words and whose other columns are numbers."""
    lines = [header, ["---" if i < words else "--:" for i in range(len(header))], *rows]
    return ["| " + " | ".join(cells) + " |" for cells in lines]


def _ratio(time: float | None, reference: float) -> str:
    return "" if time is None else f"{time / reference:.2f}"


def _by(rows: Iterable[Row], *keys: str) -> dict[tuple[str, ...], Row]:
    return {tuple(row[key] for key in keys): row for row in rows}


def _links(figures: Figures) -> list[str]:
    found = {kind: _by(figures[kind]["links"], "name", "variant") for kind in installed.KINDS}
    columns = (("process", "ours"), ("in process", "in_process"), ("after an edit", "warm"))
    header = ["input", "MB in", "wasm-ld ms", "pure ms", "compiled ms"]
    header += [f"{kind}: {name}" for name, _ in columns for kind in installed.KINDS]
    header += ["memory", "same bytes"]
    lines = []
    for key, pure in found["pure"].items():
        compiled = found["compiled"].get(key)
        if compiled is None:
            continue
        cells = [" ".join(key), f"{pure['input_size'] / 1e6:.1f}", f"{pure['reference']:.0f}"]
        cells += [f"{pure['ours']:.0f}", f"{compiled['ours']:.0f}"]
        cells += [_ratio(row[column], row["reference"]) for _, column in columns for row in (pure, compiled)]
        cells.append(f"{pure['our_peak'] / pure['reference_peak']:.2f}")
        cells.append("yes" if pure["identical"] and compiled["identical"] else "no")
        lines.append(cells)
    return _table(header, lines)


def _start(figures: Figures) -> list[str]:
    header = ["package", "command", "clock ms", "ratio", "processor ms", "ratio"]
    lines = [
        [
            kind,
            f"`{row['command']}`" if row["command"] != "reference" else "wasm-ld",
            f"{row['clock']:.1f}",
            f"{row['clock_ratio']:.2f}",
            f"{row['processor']:.1f}",
            f"{row['processor_ratio']:.2f}",
        ]
        for kind in installed.KINDS
        for row in figures[kind]["start"]
    ]
    return _table(header, lines, words=2)


def _edits(figures: Figures) -> list[str]:
    found = {kind: _by(figures[kind]["edits"], "program", "variant", "edit") for kind in installed.KINDS}
    columns = list(dict.fromkeys((kind, *key[:2]) for key in found["pure"] for kind in installed.KINDS))
    edits = list(dict.fromkeys(key[2] for key in found["pure"]))
    lines = []
    for edit in edits:
        rows = [found[kind].get((program, variant, edit)) for kind, program, variant in columns]
        lines.append([edit, *("" if row is None else f"{row['ratio']:.2f} {row['how']}" for row in rows)])
    each = [
        [row["ratio"] for key, row in found[kind].items() if key[:2] == (program, variant)]
        for kind, program, variant in columns
    ]
    lines.append(["**median**", *(f"{statistics.median(ratios):.2f}" if ratios else "" for ratios in each)])
    lines.append(["**90th percentile**", *(f"{percentile(ratios):.2f}" if ratios else "" for ratios in each)])
    return _table(["edit", *(f"{kind}: {program} {variant}" for kind, program, variant in columns)], lines)


def machine_line() -> str:
    """Describe where the figures come from."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), model)
    except OSError:
        pass
    commit = subprocess.run(
        ["git", "log", "-1", "--format=%h of %cs"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()
    return (
        f"{os.cpu_count()} processors ({model}), Python {platform.python_version()}, {toolchain.reference_version()}"
        + (f", at commit {commit}" if commit else "")
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.page", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--only", action="append", choices=list(RUNS), help="measure this again, and keep the rest")
    parser.add_argument("--keep", action="store_true", help="measure nothing: write the page from the last figures")
    parser.add_argument("--build", action="store_true", help="build all packages and inputs, and measure nothing")
    parser.add_argument("--output", type=Path, default=PAGE, help=f"default: {PAGE.relative_to(ROOT)}")
    options = parser.parse_args(arguments)
    only = options.only or tuple(RUNS)
    if options.build:
        run("compiled", [name for name in only if name in BUILT], build=True)
        return 0 if installed.prepare("pure") else 1
    if not options.keep:
        for kind in installed.KINDS:
            run(kind, only)
    text = page(kept(), machine_line())
    options.output.write_text(text, encoding="utf-8")
    print(f"wrote {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
