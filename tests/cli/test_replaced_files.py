"""A link replaces its outputs, and no other file: no input, no other output, no device, no name of an open file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.support import objects
from wasmlink_tool.options import FIELDS, WRITTEN

COMMAND = [sys.executable, "-m", "wasmlink_tool", "--no-entry", "--import-undefined"]
LINK = [*COMMAND[2:], "a.o", "-o", "out.wasm"]
posix = pytest.mark.skipif(os.name != "posix", reason="needs a POSIX system")
needs_descriptors = pytest.mark.skipif(
    not os.path.exists("/proc/self/fd/1"), reason="the system has no names for open files"
)
OPTIONS = [field.options[0] for field in FIELDS if field.path == WRITTEN and field.name != "output"]
OPTIONS.append("reproduce")


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "a.o").write_bytes(objects.build())
    (tmp_path / "out.wasm").write_bytes(b"previous")
    return tmp_path


def _run(work: Path, *arguments: str, output: str = "out.wasm") -> subprocess.CompletedProcess[bytes]:
    command = [*COMMAND, "-o", output, *arguments]
    return subprocess.run(command, cwd=work, capture_output=True, check=False, timeout=60)


def _written(option: str, path: str) -> list[str]:
    return [f"--{option}={path}", *(["--why-live=*"] if option == "why-live-file" else [])]


# Inputs


@pytest.mark.parametrize("option", OPTIONS)
def test_no_output_replaces_an_input(work: Path, option: str) -> None:
    done = _run(work, "a.o", *_written(option, "a.o"))
    assert done.returncode == 1
    assert b"a.o would replace an input of the link: a.o" in done.stderr
    assert (work / "a.o").read_bytes() == objects.build()
    assert (work / "out.wasm").read_bytes() == b"previous"


@pytest.mark.parametrize("path", ["a.o", "./a.o", "sub/../a.o"])
def test_nor_does_the_module(work: Path, path: str) -> None:
    (work / "sub").mkdir()
    done = _run(work, "a.o", output=path)
    assert done.returncode == 1
    assert f"output file {path} would replace an input of the link: a.o".encode() in done.stderr
    assert (work / "a.o").read_bytes() == objects.build()


@posix
def test_an_input_is_recognised_behind_links(work: Path) -> None:
    (work / "link.o").symlink_to("a.o")
    (work / "here").symlink_to(".")
    assert b"would replace an input of the link: link.o" in _run(work, "link.o", output="here/a.o").stderr
    assert b"would replace an input of the link: link.o" in _run(work, "link.o", output="link.o").stderr
    # The old contents stay under the other name.
    os.link(work / "a.o", work / "hard.o")
    assert _run(work, "a.o", output="hard.o").returncode == 0
    assert _run(work, "a.o", output="link.o").returncode == 0
    assert (work / "a.o").read_bytes() == objects.build()


def test_an_archive_to_repeat_a_link_that_reads_nothing(work: Path) -> None:
    assert _run(work, "a.o", "--no-such-option", "--reproduce=a.o").returncode == 1
    assert (work / "a.o").read_bytes() == objects.build()


def test_a_list_is_an_input_too(work: Path) -> None:
    (work / "list").write_text("f\n")
    done = _run(work, "a.o", "--allow-undefined-file=list", "--Map=list")
    assert b"map file list would replace an input of the link: list" in done.stderr
    assert (work / "list").read_text() == "f\n"


def test_the_time_report_of_a_warm_link(work: Path) -> None:
    assert _run(work, "a.o", "--cache-dir=cache").returncode == 0
    (work / "out.wasm").write_bytes(b"previous")
    done = _run(work, "a.o", "--cache-dir=cache", "--time-report=a.o")
    assert b"time report file a.o would replace an input of the link: a.o" in done.stderr
    assert (work / "a.o").read_bytes() == objects.build()
    assert (work / "out.wasm").read_bytes() == b"previous"


# Other outputs


@pytest.mark.parametrize("option", OPTIONS)
def test_no_output_replaces_another(work: Path, option: str) -> None:
    done = _run(work, "a.o", *_written(option, "out.wasm"))
    assert done.returncode == 1
    assert b"out.wasm would replace the output file" in done.stderr
    assert (work / "out.wasm").read_bytes() == b"previous"


def test_two_reports_of_one_name(work: Path) -> None:
    done = _run(work, "a.o", "--Map=report", "--dependency-file=./report")
    assert b"dependency file ./report would replace the map file" in done.stderr
    assert not (work / "report").exists()
    assert _run(work, "a.o", f"--Map={os.devnull}", f"--dependency-file={os.devnull}").returncode == 0


# Names of open files


@needs_descriptors
@pytest.mark.parametrize("option", ["o", *OPTIONS])
@pytest.mark.parametrize("mode", ["wb", "ab"])
def test_the_name_of_an_open_file_stays(work: Path, option: str, mode: str) -> None:
    """A shell's ``-o /dev/stdout > file``: the file gets the bytes, after what is in it already."""
    (work / "name").symlink_to("/proc/self/fd/1")
    (work / "second").symlink_to("name")
    (work / "file").write_bytes(b"before")
    written = ["-o", "second"] if option == "o" else ["-o", "out.wasm", *_written(option, "second")]
    with open(work / "file", mode) as standard_output:
        done = subprocess.run(
            [*COMMAND, "a.o", *written], cwd=work, stdout=standard_output, stderr=subprocess.PIPE, check=False
        )
    assert (done.returncode, done.stderr) == (0, b"")
    assert (work / "name").is_symlink()
    assert (work / "second").is_symlink()
    contents = (work / "file").read_bytes()
    assert contents.startswith(b"before") == (mode == "ab")
    # The LTO's object is empty: there is no bitcode.
    assert option == "lto-obj-path" or len(contents) > len(b"before")


@needs_descriptors
def test_a_closed_file_has_a_name_no_more(work: Path) -> None:
    (work / "name").symlink_to("/proc/self/fd/99")
    done = _run(work, "a.o", output="name")
    assert b"cannot open output file name: No such file or directory" in done.stderr
    assert (work / "name").is_symlink()


# Inputs that are no regular files


@posix
def test_a_cached_link_reads_a_pipe_once(work: Path) -> None:
    """A link reads it, be its contents known, new, or other than those of the file of the last link."""
    (work / "list").write_text("f\n")
    options = ["a.o", "--allow-undefined-file=list", "--cache-dir=cache"]
    assert _run(work, *options).returncode == 0
    (work / "list").unlink()
    os.mkfifo(work / "list")
    for contents in (b"f\n", b"f\n", b"g\n"):
        writer = threading.Thread(target=(work / "list").write_bytes, args=(contents,))
        writer.start()
        assert _run(work, *options).returncode == 0
        writer.join(60)


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="there is no /dev/zero")
@pytest.mark.parametrize(
    "command",
    [
        [*LINK, "--size-report=report.json", "--size-diff=/dev/zero"],
        [*LINK, "--component", "--adapt=/dev/zero"],
        [*LINK, "--component", "--component-type=/dev/zero"],
        ["wasmlink_tool.component", "/dev/zero", "-o", "out.wasm"],
        ["wasmlink_tool.component", "bindings", "/dev/zero"],
        ["wasmlink_tool.size", "/dev/zero"],
    ],
    ids=lambda command: " ".join(command[-2:]),
)
def test_a_device_without_an_end_is_not_read_to_it(work: Path, command: list[str]) -> None:
    import resource

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))

    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=work, capture_output=True, preexec_fn=limit, check=False, timeout=60
    )
    assert done.returncode == 1
    assert b"/dev/zero: not" in done.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("wasmlink_tool.size out.wasm", "cannot write to standard output: No space left on device"),
        ("wasmlink_tool.size out.wasm -o /dev/full", "cannot write /dev/full: No space left on device"),
        ("wasmlink_tool.component out.wasm -o /dev/full", "cannot write /dev/full: No space left on device"),
        ("wasmlink_tool.component out.wasm -o missing/x", "cannot write missing/x: No such file or directory"),
    ],
)
def test_other_commands_name_what_they_cannot_write(work: Path, command: str, message: str) -> None:
    # A module without imports, which is a component of nothing.
    (work / "out.wasm").write_bytes(b"\0asm\1\0\0\0")
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", *command.split()], cwd=work, stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 1
    assert done.stderr.decode().rstrip().endswith(f"error: {message}")
    assert len(done.stderr.splitlines()) == 1


@posix
def test_a_closed_standard_output_is_an_error(work: Path) -> None:
    command = [sys.executable, "-m", "wasmlink_tool.size", "a.o"]
    done = subprocess.run(command, cwd=work, stderr=subprocess.PIPE, preexec_fn=lambda: os.close(1), check=False)
    assert done.stderr.decode() == "wasmlink-size: error: cannot write to standard output: it is closed\n"


def test_a_size_note_replaces_no_foreign_file(work: Path) -> None:
    (work / "note").write_text("mine")
    assert _run(work, "a.o", "--size-note=note").returncode == 0
    assert (work / "note").read_text() == "mine"
    (work / "note").write_text("")
    assert _run(work, "a.o", "--size-note=note").returncode == 0
    assert (work / "note").read_bytes().startswith(b"wasmlink sizes")


def test_a_report_says_which_files(work: Path) -> None:
    """As many files may be written as have different names."""
    options = [word for option in OPTIONS for word in _written(option, f"{option}.json")]
    assert _run(work, "a.o", *options).returncode == 0
    assert json.loads((work / "size-report.json").read_bytes())
    assert all((work / f"{option}.json").exists() for option in OPTIONS)
