"""Links at the same time: the same result, one failure at a time, and nothing left behind by an interrupted build."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.scons.conftest import Project
from tests.support import generated_project
from wasmlink_tool.scons import workers

posix = pytest.mark.skipif(os.name == "nt", reason="sends signals and looks into /proc")


@pytest.fixture
def many(project: Project) -> Project:
    """Eight links of the same objects."""
    project.sconstruct("""\
        env.Append(WASMCCFLAGS=["-g", "-w"])
        objects = [env.WasmObject(source) for source in Glob("*.c")]
        for number in range(8):
            env.WasmProgram(f"module{number}", objects, WASMMAP=True)
    """)
    units = 4
    project.write({f"unit{unit}.c": generated_project.unit_source(unit, 200) for unit in range(units)})
    project.write({"main.c": generated_project.main_source(units), "project.h": generated_project.HEADER})
    project.scons("-j2")
    return project


def modules(project: Project) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in project.directory.glob("module*.wasm")}


def remove(project: Project) -> None:
    for path in project.directory.glob("module*"):
        path.unlink()


def test_output_does_not_depend_on_the_jobs(many: Project) -> None:
    built = modules(many)
    maps = {path.name: path.read_bytes() for path in many.directory.glob("*.map")}
    assert len(built) == len(maps) == 8
    for jobs in ("-j1", "-j3"):
        remove(many)
        many.scons(jobs)
        assert modules(many) == built
        assert {path.name: path.read_bytes() for path in many.directory.glob("*.map")} == maps
    assert many.scons("-j2").up_to_date


def test_a_failing_link_fails_alone(project: Project) -> None:
    names = [f"bad{number}" for number in range(4)]
    project.sconstruct(f"""\
        for name in {names!r}:
            env.WasmProgram(name, [name + ".c"])
        env.WasmProgram("good", ["good.c"])
    """)
    count = 8
    project.write({"good.c": "int main(void) { return 0; }\n"})
    for name in names:
        missing = [f"missing_{name}_{number}" for number in range(count)]
        declared = "".join(f"int {symbol}(void);\n" for symbol in missing)
        called = " + ".join(f"{symbol}()" for symbol in missing)
        project.write({f"{name}.c": f"{declared}int main(void) {{ return {called}; }}\n"})
    outcome = project.scons("-k", "-j4", check=False)
    assert outcome.status == 2
    assert project.run("good.wasm") == ""
    for name in names:
        assert f"scons: *** [{name}.wasm] Error 1" in outcome.errors
    lines = [line for line in outcome.errors.splitlines() if "undefined symbol: missing" in line]
    order = [line.rpartition("missing_")[2].partition("_")[0] for line in lines]
    # Each link's lines are together: the name changes as often as there are links.
    assert len(lines) == count * len(names)
    assert sum(first != second for first, second in itertools.pairwise(order)) == len(names) - 1


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("jobs", ["-j1", "-j2"])
def test_interrupted(many: Project, number: signal.Signals, jobs: str) -> None:
    built = modules(many)
    before = many.files()
    remove(many)
    # A session of its own, as a terminal's foreground job has: an interrupt there reaches all its processes.
    scons = subprocess.Popen(
        [sys.executable, "-m", "SCons", "-Q", jobs],
        cwd=many.directory,
        env=many.variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not modules(many) and time.monotonic() < deadline:
        time.sleep(0.005)
    if number == signal.SIGKILL:
        scons.kill()
    else:
        os.killpg(scons.pid, number)
    output, _ = scons.communicate(timeout=60)
    assert "Traceback" not in output

    deadline = time.monotonic() + 10
    while _processes_in(many.directory) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _processes_in(many.directory)
    left = modules(many)
    assert 0 < len(left) < len(built)
    assert all(built[name] == content for name, content in left.items())
    assert many.files() <= before
    many.scons("-j2")
    assert modules(many) == built


def _processes_in(directory: Path) -> list[int]:
    """The processes that work there: a build's, since no other knows of it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if Path(os.readlink(process / "cwd")) == directory.resolve():
                found.append(int(process.name))
        except OSError:
            pass
    return found


@posix
def test_a_killed_worker_fails_its_link(many: Project) -> None:
    remove(many)
    many.write(
        {
            "site_scons/site_init.py": "import os\n"
            "from wasmlink_tool.scons import workers\n"
            "def run(self, program, arguments, original=workers.Worker.run):\n"
            "    if 'module3.wasm' in arguments:\n"
            "        os.kill(self._process.pid, 9)\n"
            "    return original(self, program, arguments)\n"
            "workers.Worker.run = run\n"
        }
    )
    outcome = many.scons("-k", "-j2", check=False)
    assert outcome.status == 2
    assert "the linking process ended unexpectedly (signal 9)" in outcome.errors
    assert "scons: *** [module3.wasm] Error 1" in outcome.errors
    assert len(modules(many)) == 7


def test_links_share_the_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[list[str]] = []
    pool = workers.Pool()

    def run(worker: workers.Worker, program: str, arguments: list[str]) -> dict[str, object]:
        told.append(arguments)
        if len(told) in (1, 2):
            # One more while this one is at work.
            pool.run(program, ["--threads=9"])
        return {"status": 0}

    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(5)), raising=False)
    monkeypatch.setattr(workers.Worker, "__init__", lambda _: None)
    monkeypatch.setattr(workers.Worker, "run", run)
    for _ in range(2):
        pool.run("wasmlink", ["a.o"])
    # What the user says comes later, and counts.
    assert told == [
        ["--threads=5", "a.o"],
        ["--threads=2", "--threads=9"],
        ["--threads=1", "--threads=9"],
        ["--threads=5", "a.o"],
    ]
