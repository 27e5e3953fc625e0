"""The end of the command's process: at once, except where something waits for the end of the interpreter."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

RUN = "from wasmlink_tool.cli import run_process; run_process()"
NOISY = """
from functools import partial
class Noisy:
    __del__ = partial(print, "freed", flush=True)
noisy = Noisy()
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("COV", "PYTHONPATH"))}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    return subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True, check=False)


def test_an_object_says_that_it_is_freed() -> None:
    """The next test relies on this."""
    assert run("-c", f"{NOISY}from wasmlink_tool.cli import main; main()", "--version").stdout.endswith("freed\n")


def test_ends_at_once_with_its_output_and_status() -> None:
    done = run("-c", NOISY + RUN, "--version")
    assert done.returncode == 0
    assert done.stdout.startswith("wasmlink ")
    assert "freed" not in done.stdout
    failed = run("-c", NOISY + RUN, "--no-such-option")
    assert failed.returncode == 1
    assert "unknown argument: --no-such-option" in failed.stderr
    assert "freed" not in failed.stdout


@pytest.mark.parametrize(
    "before",
    [
        "import atexit; atexit.register(print, 'later')",
        "import threading; threading.Timer(0.2, print, ['later']).start()",
    ],
    ids=["function at exit", "thread"],
)
def test_waits_for_what_runs_later(before: str) -> None:
    done = run("-c", f"{before}\n{RUN}", "--version")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("later\n")


@pytest.mark.parametrize(
    ("observer", "text"),
    [(["cProfile"], "function calls"), (["trace", "--listfuncs"], "functions called")],
    ids=["profiler", "tracer"],
)
def test_can_be_observed(observer: list[str], text: str) -> None:
    module = "-m" if observer == ["cProfile"] else "--module"
    done = run("-m", *observer, module, "wasmlink_tool", "--version")
    assert done.returncode == 0, done.stderr
    assert text in done.stdout
