"""Files of the command are written completely or not at all, and an interrupted command leaves nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from tests.support import objects

COMMAND = [sys.executable, "-m", "wasmlink_tool", "--no-entry", "--import-undefined"]
posix = pytest.mark.skipif(os.name != "posix", reason="needs a POSIX system")
needs_full = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "a.o").write_bytes(objects.build())
    (tmp_path / "out.wasm").write_bytes(b"previous")
    return tmp_path


def _run(work: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, "-o", "out.wasm", "a.o", *arguments]
    return subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)


@needs_full
@pytest.mark.parametrize("option", ["--time-report", "--Map", "--dependency-file", "--why-extract", "--reproduce"])
def test_a_full_device(work: Path, option: str) -> None:
    """The error is about that file, and what fails before the output is written leaves the last one."""
    done = _run(work, f"{option}=/dev/full")
    assert done.returncode == 1
    assert "/dev/full: No space left on device" in done.stderr
    assert (work / "out.wasm").read_bytes() == b"previous"
    assert sorted(os.listdir(work)) == ["a.o", "out.wasm"]


@needs_full
def test_a_time_report_of_a_warm_link(work: Path) -> None:
    assert _run(work, "--cache-dir=cache").returncode == 0
    (work / "out.wasm").write_bytes(b"previous")
    assert _run(work, "--cache-dir=cache", "--time-report=/dev/full").returncode == 1
    assert (work / "out.wasm").read_bytes() == b"previous"


@posix
@pytest.mark.parametrize("option", ["--Map", "--dependency-file", "--why-extract", "--time-report", "--reproduce"])
def test_a_report_replaces_the_last_one(work: Path, option: str) -> None:
    """A program that is reading the last report reads it to its end."""
    report, other = work / "report", work / "other"
    report.write_bytes(b"last")
    os.link(report, other)
    assert _run(work, f"{option}=report").returncode == 0
    assert other.read_bytes() == b"last"
    assert report.read_bytes() != b"last"


def test_a_failed_link_leaves_an_archive_to_repeat_it(work: Path) -> None:
    done = _run(work, "--reproduce=r.tar", "--export=missing")
    assert done.returncode == 1
    with tarfile.open(work / "r.tar") as archive:
        assert archive.getnames()[:2] == ["r/response.txt", "r/version.txt"]
        assert len(archive.getnames()) == 3


def test_a_report_without_a_name(work: Path) -> None:
    """It is an error before anything is done; as in wasm-ld, an empty value of other options means no file."""
    done = _run(work, "--size-report=", "--Map=m")
    assert done.returncode == 1
    assert "cannot open size report file : its name is empty" in done.stderr
    assert sorted(os.listdir(work)) == ["a.o", "out.wasm"]
    assert _run(work, "--Map=", "--dependency-file=", "--why-extract=").returncode == 0


@posix
def test_a_directory_that_cannot_be_written(work: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root can write anywhere")
    work.chmod(0o500)
    try:
        assert "out.wasm: Permission denied" in _run(work).stderr
    finally:
        work.chmod(0o700)


@posix
def test_a_hole_is_written_where_the_module_has_zeros(tmp_path: Path) -> None:
    size = 32 << 20
    data = objects.vector(b"\0\x41\0\x0b" + objects.blob(b"x" + bytes(size)))
    small = {
        "data count": objects.section(12, objects.leb(1)),
        "data": objects.section(11, data),
        "linking": objects.linking(
            objects.subsection(
                objects.SYMBOL_TABLE,
                objects.vector(objects.symbol(objects.DATA, 0, objects.name("d"), b"\0", b"\0", objects.leb(size + 1))),
            )
        ),
    }
    (tmp_path / "a.o").write_bytes(b"\0asm\1\0\0\0" + b"".join(small.values()))
    done = _run(tmp_path, "--export=d")
    assert done.returncode == 0, done.stderr
    module = tmp_path / "out.wasm"
    assert size < module.stat().st_size < size + 1000
    assert module.read_bytes().count(0) > size
    probe = tmp_path / "probe"
    with open(probe, "wb") as file:
        file.truncate(size)
    if probe.stat().st_blocks:
        pytest.skip("the file system has no holes")
    assert module.stat().st_blocks * 512 < size // 4


# Signals

_LINK = """
import os, signal, sys
# As a shell starts a command in the foreground, whatever the tests were started from.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGTERM, signal.SIG_DFL)
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
from wasmlink_tool import files, host
from wasmlink_tool.cli import command
from wasmlink_tool.output import writer
host.UNNAMED_FLAG = 0
commit = files.StagedFile.commit
def slow(self):
    print("writing", flush=True)
    signal.pause()
    commit(self)
files.StagedFile.commit = slow
sys.exit(command.main())
"""


@posix
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, getattr(signal, "SIGHUP", signal.SIGTERM)])
def test_a_command_that_is_ended_leaves_nothing(work: Path, number: signal.Signals) -> None:
    status = _end(work, number)
    assert status == (130 if number == signal.SIGINT else -number)
    assert sorted(os.listdir(work)) == ["a.o", "out.wasm"]
    assert (work / "out.wasm").read_bytes() == b"previous"


@posix
def test_the_next_link_removes_what_a_killed_one_left(work: Path) -> None:
    assert _end(work, signal.SIGKILL) == -signal.SIGKILL
    assert len(os.listdir(work)) == 3
    (work / "out.wasm.tmp1").touch()
    assert _run(work).returncode == 0
    assert sorted(os.listdir(work)) == ["a.o", "out.wasm", "out.wasm.tmp1"]


def _end(work: Path, number: signal.Signals) -> int:
    command = [sys.executable, "-c", _LINK, *COMMAND[3:], "-o", "out.wasm", "a.o"]
    with subprocess.Popen(command, cwd=work, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        time.sleep(0.1)
        process.send_signal(number)
        return process.wait(60)


@posix
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "x"], "cannot open output file x: its directory was deleted"),
        (["-o", "{}/x"], ""),
        (["-o", "{}/x", "--component"], "the main module imports function"),
        (["-o", "{}/x", "--Map=m"], "cannot open map file m: its directory was deleted"),
        (["-o", "{}/x", "--reproduce=m.tar"], "--reproduce: cannot open m.tar"),
        (["-o", "{}/x", "--reproduce={}/m.tar", "--cache-dir={}/c", "--size-report={}/s.json"], ""),
    ],
)
def test_a_deleted_working_directory(work: Path, arguments: list[str], message: str) -> None:
    """Absolute paths do not need it, and an error is about the relative one."""
    gone = work / "gone"
    gone.mkdir()
    code = "import os, sys; os.rmdir(os.getcwd()); from wasmlink_tool.cli.command import main; sys.exit(main())"
    command = [sys.executable, "-c", code, *COMMAND[3:], str(work / "a.o"), *(word.format(work) for word in arguments)]
    done = subprocess.run(command, cwd=gone, capture_output=True, text=True, check=False)
    assert (message in done.stderr) if message else not done.stderr, done.stderr
    assert done.returncode == (1 if message else 0)
