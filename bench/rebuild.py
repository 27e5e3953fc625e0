"""What it costs to build again after one object of many changed: ``WasmProgram`` against SCons calling the reference.

Run it as ``python -m bench.rebuild``. Both projects link the objects of the generated project, which stand there
compiled; an object is replaced by its edited version and back, and ``scons`` is run after each change.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from bench import inputs, toolchain
from bench.inputs import BenchInput
from bench.measure import ROOT, VARIANTS, WORK, Figures, Run, in_turn, run_process
from bench.toolchain import BenchError
from tests.support.toolchain import ToolchainError

_PROGRAMS = {
    "WasmProgram": """\
env = Environment(tools=["wasmlink"], toolpath=[PyPackageDir("wasmlink_tool.site_tools")], WASMLIBC=False)
env.Replace(WASMDATAORDER="input", WASMRECORDLINKER=False)
env.WasmProgram("module.wasm", $objects, WASMLINKFLAGS=$flags)
""",
    "command": """\
env = Environment(tools=[], LINK=$linker, LINKCOM="$LINK -o $TARGET $LINKFLAGS $SOURCES", LINKFLAGS=$flags)
env.Append(BUILDERS={"Module": Builder(action="$LINKCOM")})
env.Module("module.wasm", $objects)
""",
}


class Project:
    """One SConstruct and its objects, one of which changes."""

    def __init__(self, directory: Path, program: str, chosen: BenchInput, flags: tuple[str, ...]) -> None:
        assert chosen.edited is not None
        original, edited = chosen.edited
        self._directory = directory
        self._object = directory / "objects" / original.name
        self._contents = original.read_bytes(), edited.read_bytes()
        self._version = 0
        shutil.rmtree(directory, ignore_errors=True)
        self._object.parent.mkdir(parents=True)
        files, options = [], list(flags)
        for argument in chosen.arguments:
            if not argument.endswith((".o", ".a")):
                options.append(argument)
                continue
            path = Path(argument)
            # Side by side, but for those that have one name in both places.
            place = directory / "objects" / path.name
            shutil.copyfile(path, place)
            files.append(f"objects/{path.name}")
        text = _PROGRAMS[program]
        for name, value in (("objects", files), ("flags", options), ("linker", list(toolchain.reference_command()))):
            text = text.replace(f"${name}", repr(value))
        (directory / "SConstruct").write_text(text)
        self._scons()
        if "is up to date" not in self._scons().output:
            raise BenchError(f"{directory}: a second build did something")

    def _scons(self) -> Run:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        return run_process([sys.executable, "-m", "SCons", "-Q", "-C", str(self._directory)], environment)

    def run(self) -> Run:
        """Change the object and build."""
        self._version = 1 - self._version
        self._object.write_bytes(self._contents[self._version])
        made = self._scons()
        if "is up to date" in made.output:
            raise BenchError(f"{self._directory}: nothing was linked")
        return made

    @property
    def module(self) -> bytes:
        return (self._directory / "module.wasm").read_bytes()


def measure(chosen: BenchInput, flags: tuple[str, ...], work: Path, rounds: int) -> dict[str, Figures]:
    """The builds of both projects, in turn."""
    flags = ("--no-demangle", *flags)
    projects = {program: Project(work / f"rebuild-{program}", program, chosen, flags) for program in _PROGRAMS}
    figures = in_turn({program: project.run for program, project in projects.items()}, rounds)
    if len({project.module for project in projects.values()}) != 1:
        raise BenchError("the modules differ")
    return figures


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.rebuild", description=__doc__)
    parser.add_argument("--objects", type=int, default=400, help="objects of the project (400)")
    parser.add_argument("--functions", type=int, default=100, help="functions of each of them (100)")
    parser.add_argument("--rounds", type=int, default=5, help="measured builds of each project (5)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON too")
    parser.add_argument("--work", type=Path, default=WORK, help="where what is built is kept")
    options = parser.parse_args(arguments)
    work = options.work.resolve()
    rows: list[dict[str, object]] = []
    try:
        chosen = inputs.generated(work, options.objects, options.functions)
        for name, flags in VARIANTS.items():
            figures = measure(chosen, flags, work, options.rounds)
            ours, command = (figures[program].seconds * 1000 for program in _PROGRAMS)
            print(f"{chosen.name} {name}: WasmProgram {ours:.0f} ms, command {command:.0f} ms, "
                  f"ratio {ours / command:.2f}", flush=True)  # fmt: skip
            rows.append({"variant": name, "ours": ours, "command": command, "ratio": ours / command})
    except ToolchainError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
