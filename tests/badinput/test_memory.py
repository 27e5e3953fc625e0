"""Small inputs that ask for much memory: each link runs in a process whose peak is measured."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.archives import HEADER, THIN, member
from tests.support.objects import (
    DATA,
    FUNCTION,
    LOCAL,
    MAGIC,
    SECTION,
    SYMBOL_TABLE,
    blob,
    build,
    custom,
    leb,
    linking,
    name,
    section,
    subsection,
    symbol,
    vector,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is measured as Linux does")

MEASURE = """
import sys
from wasmlink_tool.cli import main
status = main(sys.argv[1:])
for line in open("/proc/self/status"):
    if line.startswith("VmHWM"):
        print("peak", line.split()[1], status)
"""
FACTOR, FREE = 20, 64 << 20
"""The most memory, beyond that of a link of next to nothing: so many times the input, and so many bytes."""


def run(directory: Path, *arguments: str, shell: str = "") -> tuple[int, int, str]:
    """The peak of a link in bytes, its exit status and its messages."""
    command = [sys.executable, "-c", MEASURE, "--no-entry", "-o", "out.wasm", *arguments]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    if shell:
        command = ["bash", "-c", f'"$@" {shell}', "bash", *command]
    done = subprocess.run(
        command, cwd=directory, env=environment, capture_output=True, text=True, errors="replace", timeout=120
    )
    words = next(line for line in done.stdout.splitlines() if line.startswith("peak ")).split()
    return int(words[1]) * 1024, int(words[2]), done.stderr


def check(directory: Path, *files: str, arguments: tuple[str, ...] = ()) -> tuple[int, str]:
    (directory / "small.o").write_bytes(build())
    least, _, _ = run(directory, "small.o", "--allow-undefined")
    peak, status, said = run(directory, *files, *arguments)
    size = sum((directory / file).stat().st_size for file in files)
    assert peak - least <= FACTOR * size + FREE, f"{(peak - least) >> 20} MiB for {size} bytes"
    return status, said


@pytest.mark.parametrize("magic", [HEADER, THIN])
def test_members_that_share_one_long_name(magic: bytes, tmp_path: Path) -> None:
    table = b"n" * 400_000
    header = member("/0", b"")
    (tmp_path / "lib.a").write_bytes(magic + member("//", table) + header * 6_000)
    status, said = check(tmp_path, "lib.a", arguments=("--whole-archive",))
    assert status == 1
    assert "lib.a" in said


def test_members_of_a_thin_archive_that_are_one_file(tmp_path: Path) -> None:
    (tmp_path / "big.o").write_bytes(build() + section(0, name("notes") + bytes(400_000)))
    (tmp_path / "lib.a").write_bytes(THIN + member("big.o/", b"") * 3_000)
    check(tmp_path, "lib.a")


def test_an_ordinary_archive_of_long_names_is_read(tmp_path: Path) -> None:
    """Names of which each stands once are no damage, however long they are."""
    names = [f"{number:05}{'n' * 3_000}.o" for number in range(200)]
    table, members = b"", b""
    for title in names:
        members += member(f"/{len(table)}", MAGIC + linking())
        table += title.encode() + b"/\n"
    (tmp_path / "lib.a").write_bytes(HEADER + member("//", table) + members)
    assert check(tmp_path, "lib.a", arguments=("--whole-archive",)) == (0, "")


def test_names_that_stand_for_long_ones(tmp_path: Path) -> None:
    """A template's arguments, each of which repeats the one before twice."""

    def mangled(number: int) -> str:
        title = f"f{number}"
        return f"_Z{len(title)}{title}I1aIiE" + "".join(f"S0_IS{k}_S{k}_E" for k in "123456789ABCDEF") + "Evv"

    names = [mangled(number) for number in range(400)]
    table = subsection(SYMBOL_TABLE, vector(*(symbol(FUNCTION, 0, leb(i), name(n)) for i, n in enumerate(names))))
    (tmp_path / "a.o").write_bytes(
        MAGIC
        + section(1, vector(b"\x60\0\0"))
        + section(3, vector(*[b"\0"] * len(names)))
        + section(10, vector(*[blob(b"\0\x0b")] * len(names)))
        + linking(table)
    )
    for extra in ((), ("-Map=map.txt",)):
        status, _ = check(tmp_path, "a.o", arguments=("--no-gc-sections", *extra))
        assert status == 0


@pytest.mark.parametrize(
    ("kind", "rest"),
    [(FUNCTION, leb(0) + name("")), (SECTION, leb(0)), (DATA, name("") + leb(0) + leb(0) + leb(1))],
    ids=["functions", "sections", "data"],
)
def test_an_object_of_local_symbols(kind: int, rest: bytes, tmp_path: Path) -> None:
    """Each takes three to six bytes."""
    one = symbol(kind, LOCAL, rest)
    count = 1_500_000 // len(one)
    (tmp_path / "a.o").write_bytes(
        MAGIC
        + (custom("notes", b"text") if kind == SECTION else b"")
        + section(1, vector(b"\x60\0\0"))
        + section(3, vector(b"\0"))
        + section(10, vector(blob(b"\0\x0b")))
        + section(11, vector(b"\0\x41\0\x0b" + blob(b"data")))
        + linking(subsection(SYMBOL_TABLE, leb(count) + one * count))
    )
    assert check(tmp_path, "a.o", arguments=("--no-gc-sections",)) == (0, "")


def test_an_object_of_short_strings(tmp_path: Path) -> None:
    strings = b"".join(b"%c%c%c\0" % (1 + i % 250, 1 + i // 250 % 250, 1 + i // 62500) for i in range(400_000))
    (tmp_path / "a.o").write_bytes(MAGIC + custom(".debug_str", strings) + linking())
    assert check(tmp_path, "a.o") == (0, "")


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="there is no /dev/zero")
@pytest.mark.parametrize(
    ("arguments", "shell"),
    [
        (("/dev/zero",), ""),
        (("small.o", "--allow-undefined-file=/dev/zero"), ""),
        (("small.o", "@/dev/zero"), ""),
        (("/dev/stdin",), "< /dev/zero"),
        (("/dev/stdin",), "< <(yes)"),
    ],
)
def test_a_file_without_an_end(arguments: tuple[str, ...], shell: str, tmp_path: Path) -> None:
    (tmp_path / "small.o").write_bytes(build())
    least, _, _ = run(tmp_path, "small.o", "--allow-undefined")
    peak, status, said = run(tmp_path, *arguments, shell=shell)
    assert status == 1
    assert "/dev/" in said
    assert peak - least <= 4 * FREE


def test_pipes_are_inputs(tmp_path: Path) -> None:
    """wasm-ld reads them, too: an object from standard input, a list from a shell's process substitution."""
    (tmp_path / "small.o").write_bytes(build())
    for arguments, shell in (
        (("/dev/stdin", "--allow-undefined"), "< small.o"),
        (("/dev/stdin", "--allow-undefined"), "< <(cat small.o)"),
        (("small.o", "--no-gc-sections"), "--allow-undefined-file=<(echo ext; echo w)"),
        (("small.o",), "@<(echo --allow-undefined)"),
    ):
        _, status, said = run(tmp_path, *arguments, shell=shell)
        assert (status, said) == (0, "")
