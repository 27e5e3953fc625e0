"""``python -m tests.fuzz --links 1000000``: link that many damaged inputs, and report what went wrong."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
import time
from collections import Counter
from pathlib import Path

from tests.fuzz.corpus import build_corpus
from tests.fuzz.guard import run_numbered, run_one
from tests.fuzz.judge import Finding
from tests.fuzz.shrink import shrink
from tests.fuzz.trials import SeededTrials, Trial

BATCH = 500
ROOT = Path(__file__).resolve().parent.parent.parent


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--links", type=int, default=2000, help="how many links to run")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so long")
    parser.add_argument("--seed", default="0", help="another seed gives other links")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="how many at a time; the links are the same"
    )
    parser.add_argument("--cases", type=int, default=400, help="how many differential cases to take inputs from")
    parser.add_argument("--keep", type=Path, default=ROOT / ".cache" / "fuzz", help="where findings are kept")
    parser.add_argument("--no-shrink", action="store_true", help="keep findings as they are")
    options = parser.parse_args(arguments)
    started = time.monotonic()
    corpus, lines = build_corpus(options.keep / "objects", options.cases)
    print(f"{len(corpus)} inputs to start from", flush=True)
    findings: dict[str, Finding] = {}
    counts: Counter[str] = Counter()
    ends: Counter[str] = Counter()
    begun = time.monotonic()
    number = 0
    trials = SeededTrials(options.seed, options.links, corpus, lines)
    for which, finding, status in run_numbered(trials, options.jobs):
        number += 1
        ends["linked" if status == 0 else "refused"] += 1
        if finding is not None:
            counts[finding.key] += 1
            trial = trials[which]
            print(f"{finding.key} (seed {trial.seed})", flush=True)
            if finding.key not in findings:
                findings[finding.key] = finding
                print(f"  {keep(options.keep, finding, trial, small=not options.no_shrink)}", flush=True)
        if number % BATCH == 0:
            rate = number / (time.monotonic() - begun)
            print(f"{number} links, {rate:.0f}/s, {dict(ends)}, findings: {dict(counts)}", flush=True)
        if time.monotonic() - started > options.seconds:
            break
    print_summary(number, time.monotonic() - begun, ends, counts)
    return 1 if findings else 0


def keep(root: Path, finding: Finding, trial: Trial, *, small: bool) -> Path:
    """Write a finding's trial to a directory of its own, shrunk, with the command line that links it."""
    if small:
        trial = shrink(trial, lambda candidate: _same(run_one(candidate), finding))
    place = root / "".join(letter if letter.isalnum() else "-" for letter in finding.key)[:80]
    place.mkdir(parents=True, exist_ok=True)
    for name, contents in trial.files.items():
        (place / name).write_bytes(contents)
    (place / "run.sh").write_text(f"wasmlink -o out.wasm {shlex.join(trial.arguments)}\n", encoding="utf-8")
    about = {"finding": finding.key, "seed": trial.seed, "warm": trial.warm, "text": finding.text}
    (place / "finding.json").write_text(json.dumps(about, indent=1), encoding="utf-8")
    return place


def _same(found: Finding | None, wanted: Finding) -> bool:
    return found is not None and found.key == wanted.key


def print_summary(links: int, seconds: float, ends: Counter[str], counts: Counter[str]) -> None:
    print(f"\n{links} links in {seconds / 3600:.2f} h: {ends['linked']} linked, {ends['refused']} refused")
    if not counts:
        print("nothing found")
    for key, count in counts.most_common():
        print(f"{count:7}  {key}")


if __name__ == "__main__":
    sys.exit(main())
