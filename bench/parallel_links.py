"""How much faster SCons links with two jobs than with one: ``python -m bench.parallel_links``.

Some equal links of one generated project are made by real ``scons`` runs, with ``-j1`` and ``-j2`` in turn; the modules
are removed before each. The objects are compiled before the clock starts. A run without a link is measured too: what
SCons itself costs is in every figure, and nothing can be won there.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from bench.toolchain import BenchError
from tests.support import generated_project
from tests.support.toolchain import ToolchainError

ROOT = Path(__file__).resolve().parents[1]

SCONSTRUCT = """\
import sys
sys.path.insert(0, {root!r})
env = Environment(tools=["wasmlink"], toolpath=[PyPackageDir("wasmlink_tool.site_tools")], WASMTOOLCHAIN="zig")
env.Append(WASMCCFLAGS=["-g", "-O1", "-w"], WASMSTRIP="debug", WASMLINKCOMSTR="LINK $TARGET", WASMCACHE=None)
objects = [env.WasmObject(source) for source in Glob("*.c")]
for number in range({links}):
    env.WasmProgram(f"module{{number}}", objects)
"""


def prepare(directory: Path, units: int, functions: int, links: int) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for old in directory.glob("*.c"):
        old.unlink()
    files = {f"unit{unit}.c": generated_project.unit_source(unit, functions) for unit in range(units)}
    files |= {"main.c": generated_project.main_source(units), "project.h": generated_project.HEADER}
    files["SConstruct"] = SCONSTRUCT.format(root=str(ROOT), links=links)
    for name, text in files.items():
        (directory / name).write_text(text)


def build(directory: Path, jobs: int) -> float:
    """The seconds of one ``scons`` run."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "SCons", "-Q", f"-j{jobs}"], cwd=directory, capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - start
    if done.returncode:
        raise BenchError(done.stdout + done.stderr)
    return seconds


def relink(directory: Path, jobs: int) -> float:
    for module in directory.glob("*.wasm"):
        module.unlink()
    return build(directory, jobs)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.parallel_links", description=__doc__)
    parser.add_argument("--units", type=int, default=30, help="objects of the project")
    parser.add_argument("--functions", type=int, default=100, help="functions of each object")
    parser.add_argument("--links", type=int, default=8)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--work", type=Path, default=ROOT / "bench" / ".work" / "parallel-links")
    given = parser.parse_args(arguments)
    try:
        prepare(given.work, given.units, given.functions, given.links)
        build(given.work, os.cpu_count() or 1)
        runs: dict[str, list[float]] = {"null": [], "one": [], "several": []}
        modules = set()
        for _ in range(given.rounds):
            runs["null"].append(build(given.work, 1))
            for name, jobs in (("one", 1), ("several", given.jobs)):
                runs[name].append(relink(given.work, jobs))
                # The name section has the module's name, which is as long for each.
                modules.add(tuple(path.read_bytes() for path in sorted(given.work.glob("*.wasm"))))
    except ToolchainError as error:
        print(error, file=sys.stderr)
        return 1
    null, one, several = (statistics.median(seconds) for seconds in runs.values())
    print(
        f"{given.links} links of {(one - null) / given.links * 1000:.0f} ms; scons without a link {null * 1000:.0f} ms"
    )
    print(f"-j1 {one:.2f} s, -j{given.jobs} {several:.2f} s: {several / one:.2f} of -j1 (medians of {given.rounds})")
    print("the same bytes in every run" if len(modules) == 1 else "THE BYTES DIFFER BETWEEN RUNS")
    return 0 if len(modules) == 1 else 1


if __name__ == "__main__":
    sys.exit(main())
