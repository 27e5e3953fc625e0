"""Ctrl-C while modules are linked: it ends the build, is reported, and leaves nothing behind. And advice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.scons.conftest import Project
from tests.support.archives import THIN, member
from wasmlink_tool.scons.rephrase import PHRASES, in_variables

PACKAGE = Path(sys.modules[in_variables.__module__].__file__ or "").parents[1]
SLOW_COMPILER = """\
#!{python}
import os, sys, time
if "--version" in sys.argv:
    print("clang version 99.0.0")
else:
    open({started!r} + str(os.getpid()), "w").close()
    time.sleep(600)
"""
"""Generates code for longer than any test waits."""


@contextmanager
def started_build(project: Project, *flags: str) -> Iterator[subprocess.Popen[str]]:
    """Build in a session of its own, as a terminal's foreground job has; end what still runs."""
    build = subprocess.Popen(
        [sys.executable, "-m", "SCons", *flags],
        cwd=project.directory,
        env=project.variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield build
    finally:
        if build.poll() is None:
            os.killpg(build.pid, signal.SIGKILL)
            build.communicate()


def interrupt(build: subprocess.Popen[str]) -> None:
    """Interrupt a build as a terminal does: it ends, and says so."""
    os.killpg(build.pid, signal.SIGINT)
    _, errors = build.communicate(timeout=120)
    assert build.returncode == 2
    assert "wasmlink: error: interrupted" in errors
    assert "Traceback" not in errors


@pytest.mark.skipif(os.name == "nt", reason="there are no process groups to send a signal to")
@pytest.mark.parametrize("jobs", ["-j1", "-j2"])
def test_an_interrupt_ends_links(project: Project, tmp_path: Path, jobs: str) -> None:
    started = tmp_path / "started"
    started.mkdir()
    compiler = tmp_path / "clang"
    compiler.write_text(SLOW_COMPILER.format(python=sys.executable, started=f"{started}/"), encoding="utf-8")
    compiler.chmod(0o755)
    project = Project(tmp_path / "project")
    project.sconstruct(f"""\
        main = env.WasmObject("main.c", WASMCCFLAGS=["-flto"])
        for name in ("one", "two"):
            env.WasmProgram(name, main, WASMLINKFLAGS=[{f"--lto-compiler={compiler}"!r}])
    """)
    project.write({"main.c": "int main(void) { return 0; }\n"})
    project.variables["TMPDIR"] = str(tmp_path / "temporary")
    (tmp_path / "temporary").mkdir()
    project.scons("main.wasm.o")
    before = project.files()
    with started_build(project, "-Q", jobs) as build:
        while len(list(started.iterdir())) < int(jobs[2:]):
            assert build.poll() is None
            time.sleep(0.05)
        interrupt(build)
    # What the tool and SCons remember is no leftover.
    left = {name for name in project.files() - before if not name.startswith((".sconsign", ".wasmlink-toolchains"))}
    assert left == set()
    assert list((tmp_path / "temporary").iterdir()) == []
    cache = project.path(".sconsign.wasmlink.cache")
    assert not [path for path in cache.rglob("*") if ".tmp" in path.name]


@pytest.mark.skipif(os.name == "nt", reason="there are no process groups to send a signal to")
@pytest.mark.parametrize("flags", [["-j1"], ["-Q", "-j2"], ["-j8"]], ids=" ".join)
def test_an_interrupt_ends_a_scan(tmp_path: Path, flags: list[str]) -> None:
    """On whichever thread SCons scans: here a scan that waits for a pipe, a member of a thin archive."""
    project = Project(tmp_path / "project")
    project.sconstruct("""\
        main = env.WasmObject("main.c")
        env.WasmProgram("app", main, LIBS=[File("libthin.a")])
    """)
    project.write({"main.c": "int f(void); int main(void) { return f(); }\n"})
    project.path("libthin.a").write_bytes(THIN + member("pipe.o/", b""))
    project.scons("main.wasm.o")
    os.mkfifo(project.path("pipe.o"))
    writer = -1
    with started_build(project, *flags) as build:
        try:
            while writer < 0:
                assert build.poll() is None
                time.sleep(0.05)
                # Only once the scan reads it.
                with suppress(OSError):
                    writer = os.open(project.path("pipe.o"), os.O_WRONLY | os.O_NONBLOCK)
            time.sleep(0.1)
            interrupt(build)
        finally:
            if writer >= 0:
                os.close(writer)
    assert not project.path("app.wasm").exists()


# Advice


@pytest.mark.parametrize(("phrase", "ours"), PHRASES)
def test_phrases_of_advice_are_the_linkers(phrase: str, ours: str) -> None:
    """Each is in its source, or was until a message was reworded."""
    sources = (path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py") if path.parent.name != "scons")
    assert any(phrase in source.replace('"\n        "', "").replace('"\n    "', "") for source in sources)
    assert "WASM" in ours or "LIBPATH" in ours


@pytest.mark.parametrize(
    ("call", "source", "advice"),
    [
        ('env.WasmProgram("app", "main.c", WASMLIBC=False)', "int f(void) { return 1; }", "WASMENTRY=None"),
        ('env.WasmProgram("app", "main.c", LIBS=["nowhere"])', "int main(void) { return 0; }", "LIBPATH"),
        (
            'env.WasmProgram("app", "main.c", WASMLIBC=False, WASMENTRY="run")',
            "int __cxa_throw(void); int run(void) { return __cxa_throw(); }",
            "WASMEXCEPTIONS=False",
        ),
        (
            'env.WasmProgram("app", "main.c", WASMLIBC=False, WASMENTRY="run")',
            "int setjmp(void *); int run(void) { return setjmp(0); }",
            "WASMSETJMP=True",
        ),
    ],
    ids=["entry", "library", "exceptions", "setjmp"],
)
@pytest.mark.parametrize("jobs", ["-j1", "-j2"])
def test_advice_names_variables(project: Project, jobs: str, call: str, source: str, advice: str) -> None:
    project.sconstruct(call + "\n")
    project.write({"main.c": source + "\n"})
    outcome = project.scons(jobs, check=False)
    assert outcome.status == 2
    assert advice in outcome.errors
