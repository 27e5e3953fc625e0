"""Measure the start of the command: ``python -m bench.start_up``.

``hello``, a program of one object with libc, is linked by the installed command, by ``python -m wasmlink_tool`` and by
the reference, in turn; a Python that does nothing is beside them. The clock is a median, the processor's time a
minimum. ``--imports`` prints what each module's import takes, the least of several runs.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from bench import inputs, toolchain
from bench.inputs import BenchInput
from bench.measure import WORK, Figures, Run, in_turn, our_environment, run_process, write_response_file
from tests.support.toolchain import ToolchainError

REFERENCE, COMMAND, MODULE, PYTHON = "reference", "wasmlink", "python -m wasmlink_tool", "python -c pass"
_IMPORT = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s*(\S+)")


def measure(chosen: BenchInput, work: Path, rounds: int) -> dict[str, Figures]:
    """Link with each command in turn."""
    commands = {
        REFERENCE: list(toolchain.reference_command()),
        MODULE: [sys.executable, "-m", "wasmlink_tool"],
        PYTHON: [sys.executable, "-c", "pass"],
    }
    installed = Path(sysconfig.get_path("scripts"), "wasmlink")
    if installed.exists():
        commands[COMMAND] = [str(installed)]
    work.mkdir(parents=True, exist_ok=True)
    arguments = write_response_file(work / "start-up.rsp", ["-S", *chosen.arguments])

    def task(name: str, command: list[str]) -> Callable[[], Run]:
        if name == PYTHON:
            return partial(run_process, command, our_environment())
        output = work / f"start-up-{name.split()[0]}.wasm"
        return partial(run_process, [*command, "-o", str(output), f"@{arguments}"], our_environment())

    return in_turn({name: task(name, command) for name, command in commands.items()}, rounds)


def rows(figures: Mapping[str, Figures]) -> list[dict[str, object]]:
    """The figures as JSON has them: milliseconds, and ratios to the reference."""
    reference = figures[REFERENCE]
    return [
        {
            "command": name,
            "clock": each.seconds * 1000,
            "fastest": each.fastest * 1000,
            "processor": each.processor_seconds * 1000,
            "clock_ratio": each.seconds / reference.seconds,
            "processor_ratio": each.processor_seconds / reference.processor_seconds,
        }
        for name, each in figures.items()
    ]


def import_times(chosen: BenchInput, work: Path, rounds: int) -> dict[str, int]:
    """Microseconds of each module's import, without those that it imports: the least of all rounds."""
    best: dict[str, int] = {}
    arguments = write_response_file(work / "start-up.rsp", ["-S", *chosen.arguments])
    output = work / "start-up-imports.wasm"
    command = [sys.executable, "-X", "importtime", "-m", "wasmlink_tool", "-o", str(output), f"@{arguments}"]
    for _ in range(rounds):
        done = subprocess.run(command, env=our_environment(), capture_output=True, text=True, check=True)
        for microseconds, name in _IMPORT.findall(done.stderr):
            best[name] = min(best.get(name, sys.maxsize), int(microseconds))
    return best


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.start_up", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=30, help="measured runs of each command (30)")
    parser.add_argument("--imports", action="store_true", help="print the cost of each module's import instead")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON too")
    parser.add_argument("--work", type=Path, default=WORK, help="where what is built is kept")
    options = parser.parse_args(arguments)
    work = options.work.resolve()
    try:
        chosen = inputs.hello(work)
        if options.imports:
            times = import_times(chosen, work, options.rounds)
            print(f"{sum(times.values())} us, {len(times)} modules")
            for name, microseconds in sorted(times.items(), key=lambda each: -each[1]):
                print(f"{microseconds:6} {name}")
            return 0
        found = rows(measure(chosen, work, options.rounds))
    except ToolchainError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    print(f"hello -S, {options.rounds} rounds: clock (median), processor (least), ratios to the reference")
    for row in found:
        text = "{command:24} {clock:6.1f} ms {clock_ratio:5.2f}   {processor:6.1f} ms {processor_ratio:5.2f}"
        print(text.format(**row))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
