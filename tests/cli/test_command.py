"""The command's output, its streams, its program name and its exit status."""

from __future__ import annotations

import copy
import dataclasses
import gc
import io
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.cli.conftest import Runner
from wasmlink_tool import linker
from wasmlink_tool.binary.relocations import COMPILED
from wasmlink_tool.cli import command, main
from wasmlink_tool.cli.reporter import Reporter, stream_has_colors, write
from wasmlink_tool.diagnostics import Diagnostic, Diagnostics, LinkError, Severity
from wasmlink_tool.options import LinkOptions
from wasmlink_tool.version import __version__

VERSION = f"wasmlink {__version__} (compatible with LLD 22; {'compiled' if COMPILED else 'pure'})\n"

Linker = Callable[[LinkOptions], object]


@pytest.fixture
def link_says(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[LinkOptions]]:
    """Replace the link by one that says certain things; the options that it gets are returned."""

    def replace(*entries: Diagnostic, error: Exception | None = None) -> list[LinkOptions]:
        seen: list[LinkOptions] = []

        def link(options: LinkOptions) -> object:
            seen.append(options)
            if error is not None:
                raise error
            if any(entry.severity is Severity.ERROR for entry in entries):
                raise LinkError(entries)
            return SimpleNamespace(diagnostics=entries)

        monkeypatch.setattr(linker, "link", link)
        return seen

    return replace


LINE = ["empty.o", "-o", "out"]


def test_version(run: Runner, link_says: Callable[..., list[LinkOptions]]) -> None:
    links = link_says()
    for arguments in (["--version"], ["-version", *LINE], ["-v"], ["-V"], ["-v", "-lfoo"], ["--version", "-v"]):
        outcome = run(arguments)
        assert (outcome.status, outcome.out, outcome.err) == (0, VERSION, "")
    assert links == []
    assert run(["--version", "--foo"]).status == 1


def test_v_with_an_input_links(run: Runner, link_says: Callable[..., list[LinkOptions]]) -> None:
    links = link_says()
    outcome = run(["-v", *LINE])
    assert (outcome.status, outcome.out, len(links)) == (0, VERSION, 1)


def test_a_link(workdir: Path, run: Runner) -> None:
    outcome = run(["--no-entry", "empty.o", "-o", "out.wasm", "--trace"])
    assert (outcome.status, outcome.out, outcome.err) == (0, "empty.o\n", "")
    assert (workdir / "out.wasm").read_bytes().startswith(b"\0asm\1\0\0\0")


def test_help_names_every_option(run: Runner) -> None:
    outcome = run(["--help", "missing.o"])
    assert (outcome.status, outcome.err) == (0, "")
    assert "Usage: wasm-ld [options] file..." in outcome.out
    for name in ("--gc-sections", "-L <dir>", "--build-id[=<style>]", "--data-order=<order>", "--shared "):
        assert name in outcome.out
    assert max(map(len, outcome.out.splitlines())) <= 110
    assert run(["--help", "--foo"]).status == 1


def test_warnings_of_a_link_that_succeeds(run: Runner, link_says: Callable[..., list[LinkOptions]]) -> None:
    link_says(
        Diagnostic(Severity.LOG, "Loading: empty.o"),
        Diagnostic(Severity.MESSAGE, "empty.o"),
        Diagnostic(Severity.WARNING, "something", ("a hint",)),
        Diagnostic(Severity.WARNING, "another"),
    )
    outcome = run(["-z", "foo", *LINE])
    assert outcome.status == 0
    assert outcome.out == "empty.o\n"
    assert outcome.err == (
        "wasm-ld: warning: unknown -z value: foo\n"
        "wasm-ld: Loading: empty.o\n"
        "wasm-ld: warning: something\n>>> a hint\n"
        "\nwasm-ld: warning: another\n"
    )


def test_errors_of_a_link(run: Runner, link_says: Callable[..., list[LinkOptions]]) -> None:
    link_says(*[Diagnostic(Severity.ERROR, f"error {number}") for number in range(30)])
    assert run(LINE).err.count("error: error ") == 20
    assert run(LINE).err.endswith(
        "error: too many errors emitted, stopping now (use --error-limit=0 to see all errors)\n"
    )
    for limit, shown in ((0, 30), (-1, 30), (29, 29), (30, 30), (1, 1)):
        outcome = run([f"--error-limit={limit}", *LINE])
        assert (outcome.status, outcome.err.count("error: error ")) == (1, shown)
        assert ("too many errors" in outcome.err) == (shown < 30)


def test_a_multi_line_error_as_the_reference_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    text = "duplicate symbol: f\n>>> defined in a.o\n>>> defined in b.o"
    Reporter("wasm-ld").report([Diagnostic(Severity.ERROR, text), Diagnostic(Severity.ERROR, "next")])
    assert capsys.readouterr().err == f"wasm-ld: error: {text}\n\nwasm-ld: error: next\n"


def test_order_of_very_many_diagnostics(capsys: pytest.CaptureFixture[str]) -> None:
    severities = (Severity.MESSAGE, Severity.WARNING, Severity.LOG, Severity.ERROR)
    entries = [Diagnostic(severities[i % 4], f"{i}", ("hint",) if i % 3 else ()) for i in range(9000)]
    assert not Reporter("x", error_limit=2000).report(entries)
    printed = capsys.readouterr()
    assert [int(line) for line in printed.out.splitlines() if line[0] != ">"] == list(range(0, 8003, 4))
    errors = [line for line in printed.err.splitlines() if line and line[0] != ">"]
    assert "too many errors" in errors.pop()
    assert [int(line.rsplit(": ", 1)[1]) for line in errors] == [i for i in range(8003) if i % 4]


def test_a_diagnostic_is_copied_with_its_fields() -> None:
    entry = Diagnostic(Severity.ERROR, "text", ("hint",))
    for other in (copy.copy(entry), copy.deepcopy(entry), pickle.loads(pickle.dumps(entry))):
        assert (other, hash(other), repr(other)) == (entry, hash(entry), repr(entry))
    assert [field.name for field in dataclasses.fields(entry)] == ["severity", "text", "hints"]
    with pytest.raises(AttributeError):
        entry.text = "other"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        object.__setattr__(entry, "other", 1)


def test_a_link_error_is_pickled_with_its_diagnostics() -> None:
    error = LinkError((Diagnostic(Severity.WARNING, "w"), Diagnostic(Severity.ERROR, "e", ("hint",))))
    other = pickle.loads(pickle.dumps(error))
    assert (str(other), other.diagnostics) == ("e\n>>> hint", error.diagnostics)


def test_colors(capsys: pytest.CaptureFixture[str]) -> None:
    Reporter("x", color=True).report(
        [Diagnostic(Severity.ERROR, "e"), Diagnostic(Severity.WARNING, "w"), Diagnostic(Severity.LOG, "l")]
    )
    assert capsys.readouterr().err == "x: \x1b[0;31merror: \x1b[0me\nx: \x1b[0;35mwarning: \x1b[0mw\nx: l\n"


def test_automatic_colors(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm")
    assert stream_has_colors(Terminal()) == (os.name != "nt")
    assert not stream_has_colors(io.StringIO())
    assert not stream_has_colors(None)
    monkeypatch.setenv("TERM", "dumb")
    assert not stream_has_colors(Terminal())


def test_names_that_are_not_utf_8_are_written_as_they_are() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    write(stream, b"a\xffb\n".decode("utf-8", "surrogateescape"))
    assert raw.getvalue() == b"a\xffb\n"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/usr/bin/wasm-ld", "wasm-ld"),
        ("wasm-ld.exe", "wasm-ld"),
        ("wasm-ld-22", "wasm-ld-22"),
        ("wasm32-wasi-wasm-ld", "wasm32-wasi-wasm-ld"),
        ("/usr/bin/wasmlink", "wasmlink"),
        ("/usr/lib/python3/site-packages/wasmlink_tool/__main__.py", "wasmlink"),
        ("lld", "wasmlink"),
        ("", "wasmlink"),
    ],
)
def test_program_name(path: str, name: str) -> None:
    assert command.program_name(path) == name


def test_main_takes_the_name_it_was_run_as(
    workdir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["/somewhere/wasm-ld", "--foo"])
    assert main() == 1
    assert main(["--bar"]) == 1
    assert (
        capsys.readouterr().err == "wasm-ld: error: unknown argument: --foo\nwasm-ld: error: unknown argument: --bar\n"
    )


def test_the_garbage_of_the_process_s_own_command_is_left_alone(
    workdir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["wasmlink", "--version"])
    gc.unfreeze()
    assert main(["--version"]) == 0
    assert gc.get_freeze_count() == 0
    assert main() == 0
    assert gc.get_freeze_count() > 0
    assert gc.isenabled()
    gc.unfreeze()


def test_interruption_is_quiet(
    workdir: Path, link_says: Callable[..., list[LinkOptions]], monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    def interrupted(options: LinkOptions) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr(linker, "link", interrupted)
    assert main(LINE) == 130
    assert capsys.readouterr().err == ""


def test_an_error_of_the_system_is_one_line(
    link_says: Callable[..., list[LinkOptions]], workdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    link_says(error=PermissionError(13, "Permission denied", "some/file"))
    assert main(LINE) == 1
    assert capsys.readouterr().err == "wasmlink: error: some/file: Permission denied\n"


def test_a_defect_is_an_error_that_says_so(
    link_says: Callable[..., list[LinkOptions]], workdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    link_says(error=AssertionError("a bug"))
    assert main(LINE) == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "wasmlink: error: the command line: internal error: AssertionError: a bug"
    assert lines[1].startswith(">>> in cli/")
    assert "please report it" in lines[2]


def help_process(stdout: int) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(
        [sys.executable, "-m", "wasmlink_tool", "--help"], env=environment, stdout=stdout, stderr=subprocess.PIPE
    )


@pytest.mark.skipif(os.name == "nt", reason="pipes break in another way")
def test_a_broken_pipe_is_quiet() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = help_process(writer)
    os.close(writer)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (1, b"")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_is_one_line() -> None:
    with open("/dev/full", "wb") as full:
        process = help_process(full.fileno())
        _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert err.startswith(b"wasmlink: error: cannot write to standard output: ")
    assert err.count(b"\n") == 1


def test_fatal_warnings_of_the_command_line(run: Runner, link_says: Callable[..., list[LinkOptions]]) -> None:
    links = link_says()
    outcome = run(["-z", "foo", "--fatal-warnings", *LINE])
    assert (outcome.status, outcome.err, links) == (1, "wasm-ld: error: unknown -z value: foo\n", [])


def test_diagnostics_count_over_both_phases(run: Runner) -> None:
    diagnostics = Diagnostics()
    diagnostics.error("one")
    reporter = Reporter("x", error_limit=1)
    assert reporter.report(diagnostics.entries)
    assert not reporter.report(diagnostics.entries)
