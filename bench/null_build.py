"""What a null build costs: ``WasmProgram`` against SCons's own ``Program``, over the same objects.

Run it as ``python -m bench.null_build``. Both projects are compiled by the same command, once, and kept.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
from collections.abc import Sequence
from pathlib import Path

from bench import toolchain
from bench.measure import ROOT, WORK, Run, run_process
from bench.toolchain import BenchError
from tests.support.toolchain import ToolchainError, zig

_COMMON = """\
env = Environment(
    tools=["cc", "gnulink", "ar", "wasmlink"],
    toolpath=[PyPackageDir("wasmlink_tool.site_tools")],
    WASMTOOLCHAIN="zig",
    CPPPATH=["include"],
    # Else SCons hashes the compiler itself where its file is recent.
    IMPLICIT_COMMAND_DEPENDENCIES=False,
)
sources = Glob("src/*.c")
"""
_PROGRAMS = {
    "WasmProgram": 'env.WasmProgram("app", sources)\n',
    # No library at all, as a native program has none that SCons knows of.
    "Program": """\
env.Replace(CC=$compiler, LINK=$linker, LINKCOM="$LINK -o $TARGET --no-entry --allow-undefined $SOURCES")
env.Program("app.wasm", sources)
""",
}


def _write(path: Path, text: str) -> None:
    if not path.exists() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _project(directory: Path, program: str, objects: int) -> None:
    compiler = [zig(), "cc", "-target", "wasm32-wasi"]
    linker = list(toolchain.reference_command())
    text = _PROGRAMS[program].replace("$compiler", repr(compiler)).replace("$linker", repr(linker))
    _write(directory / "SConstruct", _COMMON + text)
    _write(directory / "include" / "project.h", "#define STEP 3\n")
    for unit in range(objects):
        calls = f"int step_{unit + 1}(int);\n" if unit + 1 < objects else ""
        value = f"step_{unit + 1}(value)" if calls else "value"
        body = f'#include "project.h"\n{calls}int step_{unit}(int value) {{ return {value} * STEP + {unit}; }}\n'
        _write(directory / "src" / f"unit{unit}.c", body)
    main = '#include <stdio.h>\nint step_0(int);\nint main(void) { printf("%d\\n", step_0(1)); return 0; }\n'
    _write(directory / "src" / "main.c", main)


def _scons(directory: Path, *arguments: str) -> Run:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "SCons", "-Q", "-C", str(directory), *arguments]
    return run_process(command, environment)


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(work: Path, objects: int, rounds: int) -> dict[str, tuple[float, float]]:
    """The cheapest null build of each project: seconds of the clock, and of the processor, which other work on the
    machine disturbs less."""
    directories = {}
    for program in _PROGRAMS:
        directory = work / f"null-{program.lower()}-{objects}"
        _project(directory, program, objects)
        _scons(directory, f"-j{os.cpu_count() or 1}")
        if "is up to date" not in _scons(directory).output:
            raise BenchError(f"{directory}: a second build did something")
        directories[program] = directory
    best = dict.fromkeys(directories, (float("inf"), float("inf")))
    for _ in range(rounds):
        for program, directory in directories.items():
            before = _processor_seconds()
            seconds = _scons(directory).seconds
            used = _processor_seconds() - before
            best[program] = min(best[program][0], seconds), min(best[program][1], used)
    return best


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.null_build", description=__doc__)
    parser.add_argument("--objects", type=int, default=400, help="objects of each project (400)")
    parser.add_argument("--rounds", type=int, default=7, help="measured builds of each project (7)")
    parser.add_argument("--build", action="store_true", help="build both projects and stop")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON too")
    parser.add_argument("--work", type=Path, default=WORK, help="where what is built is kept")
    options = parser.parse_args(arguments)
    try:
        seconds = measure(options.work.resolve(), options.objects, 0 if options.build else options.rounds)
    except ToolchainError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    if options.build:
        return 0
    print(f"null build of {options.objects} objects, best of {options.rounds}:")
    for what, ours, plain in zip(("clock", "processor"), seconds["WasmProgram"], seconds["Program"]):
        print(f"{what}: WasmProgram {ours * 1e3:.0f} ms, Program {plain * 1e3:.0f} ms, ratio {ours / plain:.3f}")
    if options.json:
        rows = [{"program": program, "clock": clock, "processor": used} for program, (clock, used) in seconds.items()]
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
