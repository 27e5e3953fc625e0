"""Files are replaced whole or not at all, and nothing stays of what was interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from wasmlink_tool import files, host, temporary_files

posix = pytest.mark.skipif(os.name != "posix", reason="needs a POSIX system")


@pytest.fixture(params=["unnamed", "named"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways of writing: with files that have no name until they are whole, and without."""
    if request.param == "named":
        monkeypatch.setattr(host, "UNNAMED_FLAG", 0)
    return str(request.param)


@pytest.mark.usefixtures("way")
def test_a_file_is_replaced(tmp_path: Path) -> None:
    target = tmp_path / "file"
    for contents in (b"first", b"second"):
        files.replace_file(str(target), [contents[:2], memoryview(contents)[2:]])
        assert target.read_bytes() == contents
        assert os.listdir(tmp_path) == ["file"]


@pytest.mark.usefixtures("way")
def test_a_file_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for contents in (b"first", b"second"):
        files.replace_file("file", [contents])
    assert Path("file").read_bytes() == b"second"


@posix
@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("mode", [0o666, 0o777, 0o600])
def test_permissions_are_those_of_a_new_file(tmp_path: Path, mode: int) -> None:
    mask = os.umask(0o027)
    try:
        for _ in range(2):
            files.replace_file(str(tmp_path / "file"), [b""], mode=mode)
    finally:
        os.umask(mask)
    assert (tmp_path / "file").stat().st_mode & 0o777 == mode & ~0o027


@posix
@pytest.mark.usefixtures("way")
def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (tmp_path / "file").symlink_to(victim)
    files.replace_file(str(tmp_path / "file"), [b"new"])
    assert victim.read_bytes() == b"precious"
    assert not (tmp_path / "file").is_symlink()


@pytest.mark.usefixtures("way")
def test_a_failure_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"old")

    def chunks() -> Iterator[bytes]:
        yield b"new" * 100_000
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        files.replace_file(str(target), chunks())
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.usefixtures("way")
def test_a_name_of_full_length(tmp_path: Path) -> None:
    target = tmp_path / ("n" * 255)
    for contents in (b"first", b"second"):
        files.replace_file(str(target), [contents])
    assert target.read_bytes() == b"second"


@pytest.mark.usefixtures("way")
def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        files.replace_file(str(tmp_path / "no" / "file"), [b""])


def test_many_threads_replace_one_file(tmp_path: Path) -> None:
    target = str(tmp_path / "file")
    contents = [bytes([i]) * 10_000 for i in range(8)]
    threads = [threading.Thread(target=files.replace_file, args=(target, [data])) for data in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Path(target).read_bytes() in contents
    assert os.listdir(tmp_path) == ["file"]


# What is left by processes that end


_WRITER = """
import sys, time
from wasmlink_tool import files, host, temporary_files
host.UNNAMED_FLAG = 0
def chunks():
    yield bytes(1 << 20)
    print("writing", flush=True)
    time.sleep(60)
if sys.argv[1] == "file":
    files.replace_file(sys.argv[2], chunks())
else:
    with temporary_files.TemporaryDirectory("wasmlink-test-") as path:
        open(path + "/file", "w").close()
        list(chunks())
"""


def _killed(tmp_path: Path, kind: str) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", _WRITER, kind, str(tmp_path / "file")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGKILL)


@posix
def test_the_next_directory_of_the_kind_removes_what_a_killed_process_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A link with bitcode that is killed leaves its directory to the next one."""
    _killed(tmp_path, "directory")
    assert len(os.listdir(tmp_path)) == 1
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with temporary_files.TemporaryDirectory("wasmlink-test-") as path:
        assert os.listdir(tmp_path) == [os.path.basename(path)]
    assert os.listdir(tmp_path) == []


@posix
@pytest.mark.parametrize("kind", ["file", "directory"])
def test_what_a_killed_process_left_is_removed(tmp_path: Path, kind: str) -> None:
    _killed(tmp_path, kind)
    (left,) = os.listdir(tmp_path)
    temporary_files.remove_abandoned(str(tmp_path), "other")
    assert os.listdir(tmp_path) == [left]
    temporary_files.remove_abandoned(str(tmp_path))
    assert os.listdir(tmp_path) == []


@posix
def test_what_is_not_proved_to_be_abandoned_stays(tmp_path: Path) -> None:
    _killed(tmp_path, "file")
    (left,) = os.listdir(tmp_path)
    (tmp_path / left).unlink()
    head, mark = left.rsplit(".tmp", 1)
    number, tail = mark.split("-")
    elsewhere = f"{head}.tmp{number}-{'0' * 8}{tail[8:]}"
    kept = {
        temporary_files.temporary_name("file"),
        f"file.tmp{number}",
        f"file.tmp{number}-{tail}0",
        f"file.tmp{number}-{tail[:-1]}g",
        f"{left}.c",
        elsewhere,
    }
    for name in kept:
        (tmp_path / name).touch()
    (tmp_path / left).symlink_to(tmp_path / f"file.tmp{number}")
    temporary_files.remove_abandoned(str(tmp_path))
    assert {*os.listdir(tmp_path)} == {*kept, left}
    long_ago = time.time() - 2 * 86_400
    os.utime(tmp_path / elsewhere, (long_ago, long_ago))
    temporary_files.remove_abandoned(str(tmp_path))
    assert {*os.listdir(tmp_path)} == {*kept, left} - {elsewhere}


def test_temporary_files_are_registered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with temporary_files.TemporaryDirectory("wasmlink-test-") as path:
        Path(path, "file").touch()
        temporary_files.remove_temporaries()
        assert os.listdir(tmp_path) == []


# Frames


def test_a_frame(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for contents in ([], [b"one", b"", b"two"], [bytes(5 << 20)]):
        path.write_bytes(b"".join(files.frame(b"magic\n", contents)))
        found = files.read_frame(str(path), b"magic\n")
        assert found is not None
        assert found == b"".join(contents)
        assert files.read_frame(str(path), b"other\n") is None


def test_a_damaged_frame(tmp_path: Path) -> None:
    path = tmp_path / "file"
    good = b"".join(files.frame(b"magic\n", [b"contents"]))
    changed = [good[:i] + bytes([good[i] ^ 1 << bit]) + good[i + 1 :] for i in range(len(good)) for bit in range(8)]
    for data in (*changed, *(good[:size] for size in range(len(good))), good + b"\0"):
        path.write_bytes(data)
        assert files.read_frame(str(path), b"magic\n") is None


@posix
def test_what_is_no_regular_file_is_not_read(tmp_path: Path) -> None:
    frame = tmp_path / "frame"
    frame.write_bytes(b"".join(files.frame(b"magic\n", [b"contents"])))
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(frame)
    (tmp_path / "zero").symlink_to("/dev/zero")
    for name in ("pipe", "link", "zero", "none", "."):
        assert files.read_frame(str(tmp_path / name), b"magic\n") is None


@pytest.mark.parametrize(
    ("function", "make"), [("mkdir", temporary_files.TemporaryDirectory), ("open", files.StagedFile)]
)
def test_an_interrupt_while_it_is_made(
    function: str, make: Callable[[str], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system has made the file or directory, and the interrupt comes before the call returns."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(host, "UNNAMED_FLAG", 0)
    original = getattr(os, function)

    def interrupted(*arguments: object, **keywords: object) -> object:
        original(*arguments, **keywords)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, function, interrupted)
    with pytest.raises(KeyboardInterrupt):
        make("wasmlink-test")
    monkeypatch.undo()
    assert os.listdir(tmp_path) == []
