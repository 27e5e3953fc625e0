"""A small run of the fuzzer, and that it finds what it is for."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from random import Random

import pytest

from tests.fuzz import guard, mutate
from tests.fuzz.corpus import build_corpus
from tests.fuzz.guard import run_all, run_numbered, run_one
from tests.fuzz.judge import Finding
from tests.fuzz.shrink import shrink
from tests.fuzz.trials import LEFT_OUT, OPTIONS, OTHER_OPTIONS, SeededTrials, Trial, make_trial
from tests.support.objects import build
from wasmlink_tool.cli.command import main as command
from wasmlink_tool.cli.option_table import all_options
from wasmlink_tool.cli.parser import Parser

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the guard limits processes as Linux does")
LINKS, PARTS = 1500, 4


@pytest.mark.fuzz
@pytest.mark.parametrize("part", range(PARTS))
def test_damaged_inputs(part: int, tmp_path: Path) -> None:
    corpus, lines = build_corpus(tmp_path / "objects", 12)
    trials = [make_trial(f"ci-{part}-{number}", corpus, lines) for number in range(LINKS)]
    linked = 0
    for trial, finding, status in run_all(trials):
        assert finding is None, f"{finding}\nseed {trial.seed}: {trial.arguments}"
        linked += status == 0
    assert linked >= LINKS // 20, "mutations damage so much that hardly anything gets past the reader"


def test_seeds_do_not_depend_on_the_number_of_children(tmp_path: Path) -> None:
    corpus, lines = build_corpus(tmp_path / "objects", 4)
    trials = SeededTrials("jobs", 40, corpus, lines)
    outcomes = [sorted((number, status) for number, _, status in run_numbered(trials, jobs)) for jobs in (1, 3)]
    assert outcomes[0] == outcomes[1]
    assert [number for number, _ in outcomes[0]] == list(range(40))


def test_each_option_of_the_command_is_given() -> None:
    words = [word for option in (*OPTIONS, *OTHER_OPTIONS) for word in option.split(" ")]
    line = Parser().parse(words)
    assert not line.unknown
    assert {option.name for option in all_options() if not line.has(option.name)} == LEFT_OUT.keys()


# The guard


def fuse(monkeypatch: pytest.MonkeyPatch, act: object) -> Finding | None:
    """The finding of a link in which something happens."""
    monkeypatch.setattr(guard, "command", act)
    return run_one(Trial({"a.o": build()}, ["a.o", "--no-entry"]))


def test_hang_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "SECONDS", 0.2)

    def act(arguments: list[str]) -> int:
        while True:
            pass

    found = fuse(monkeypatch, act)
    assert found is not None and found.kind == "hang"


def test_memory_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def act(arguments: list[str]) -> int:
        return len(bytearray(1 << 30))

    found = fuse(monkeypatch, act)
    assert found is not None and found.kind == "traceback" and "MemoryError" in found.where


def test_crash_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def act(arguments: list[str]) -> int:
        os.kill(os.getpid(), signal.SIGKILL)
        return 0

    found = fuse(monkeypatch, act)
    assert found is not None and found.kind == "crash"


def test_lost_output_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def act(arguments: list[str]) -> int:
        Path("out.wasm").write_bytes(b"")
        return 1

    found = fuse(monkeypatch, act)
    assert found is not None and found.kind == "lost output"


def test_next_trials_go_on_after_a_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    real = command

    def act(arguments: list[str]) -> int:
        if "--crash" in arguments:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(arguments)

    monkeypatch.setattr(guard, "command", act)
    files = {"a.o": build()}
    trials = [Trial(files, [word, "--no-entry", "--allow-undefined", "a.o"]) for word in ("-O1", "--crash", "-O1", "x")]
    kinds = [(finding.kind if finding else None, status) for _, finding, status in run_all(trials)]
    assert kinds == [(None, 0), ("crash", -1), (None, 0), (None, 1)]


# Mutations


def test_most_mutations_of_an_object_leave_its_sections_whole() -> None:
    random = Random(1)
    whole = sum(not mutate.split(mutate.mutate(random, build()))[1] for _ in range(400))
    assert whole > 320


def test_shrinking_keeps_the_finding() -> None:
    trial = Trial({"a.o": build(), "b.o": build()}, ["--trace", "-O2", "a.o", "b.o"])
    small = shrink(
        trial, lambda candidate: "a.o" in candidate.arguments and b"reloc.CODE" in candidate.files.get("a.o", b"")
    )
    assert small.arguments == ["a.o"]
    assert set(small.files) == {"a.o"}
    assert len(small.files["a.o"]) < len(build()) // 2


@pytest.mark.parametrize("dialect", mutate.DIALECTS)
def test_whole_archives_are_read(dialect: str) -> None:
    files = {"a.o": build(), "n" * 40: build()}
    files["libx.a"] = mutate.archive([(name.encode(), contents) for name, contents in files.items()], dialect)
    trial = Trial(files, ["libx.a", "--no-entry", "--allow-undefined", "--undefined=f"])
    ((_, finding, status),) = run_all([trial])
    assert (finding, status) == (None, 0)
