"""Response files: quoting against the reference, nesting, encodings, and what cannot be read."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.cli.conftest import Runner
from wasmlink_tool.cli.response_files import ResponseFileError, expand, split_posix, split_windows

QUOTED = [
    "a b\tc\nd\r\ne",
    "'a b' \"c d\" e\\ f",
    "a\\",
    "\"x\\\"y\" 'p\\'q'",
    "a'b'\"c\"d",
    "\"unterminated x",
    "# not a comment",
    '"" x "" y',
    "a\\\\b a\\b \"a\\b\" 'a\\b'",
    '"a""b" c"d"e',
    '\\"a\\\\"b c\\\\\\"d e',
    "a\\\nb",
    "a\vb\fc",
]  # fmt: skip


def check(text: str, workdir: Path, reference: Runner) -> None:
    (workdir / "r.rsp").write_bytes(text.encode())
    for quoting, split in (("posix", split_posix), ("windows", split_windows)):
        theirs = reference([f"--rsp-quoting={quoting}", "--error-limit=0", "@r.rsp"])
        lines = [
            f"wasm-ld: error: cannot open {argument}: No such file or directory" for argument in split(text) if argument
        ]
        assert theirs.err.split() == "\n".join(lines).split(), (quoting, text)


@pytest.mark.parametrize("text", QUOTED)
def test_quoting_as_the_reference(text: str, workdir: Path, reference: Runner) -> None:
    check(text, workdir, reference)


def test_quoting_as_the_reference_at_random(workdir: Path, reference: Runner) -> None:
    generator = random.Random(7)
    for _ in range(60):
        check("x" + "".join(generator.choices('ab\\\\""\' \n\t', k=20)), workdir, reference)


def test_nested_files(workdir: Path) -> None:
    (workdir / "one").write_text("a @two d")
    (workdir / "two").write_text("'b c'")
    assert expand(["x", "@one", "@two", "y"], "posix") == ["x", "a", "b c", "d", "b c", "y"]


def test_paths_are_relative_to_the_working_directory(workdir: Path) -> None:
    (workdir / "sub").mkdir()
    (workdir / "sub" / "one").write_text("@two")
    (workdir / "sub" / "two").write_text("x")
    assert expand(["@sub/one"], "posix") == ["@two"]


def test_a_missing_file_is_an_argument(workdir: Path) -> None:
    assert expand(["@missing"], "posix") == ["@missing"]


@pytest.mark.parametrize(
    "content",
    [b"--foo 'b\xc3\xa9'", b"\xef\xbb\xbf--foo b\xc3\xa9", "--foo bé".encode("utf-16"), b"--foo\0bar b\xc3\xa9"],
)
def test_encodings(content: bytes, workdir: Path) -> None:
    (workdir / "r").write_bytes(content)
    assert expand(["@r"], "posix") == ["--foo", "bé"]


def test_bytes_that_are_not_utf_8_survive(workdir: Path) -> None:
    (workdir / "r").write_bytes(b"a\xff")
    assert expand(["@r"], "posix")[0].encode("utf-8", "surrogateescape") == b"a\xff"


def test_a_file_that_names_itself(workdir: Path, run: Runner) -> None:
    (workdir / "one").write_text("@two")
    (workdir / "two").write_text("@one")
    outcome = run(["@one"])
    assert (outcome.status, outcome.err) == (1, "wasm-ld: error: recursive expansion of: 'one'\n")


def test_files_that_double_for_ever(workdir: Path) -> None:
    for number in range(40):
        (workdir / f"r{number}").write_text(f"@r{number + 1} @r{number + 1}")
    with pytest.raises(ResponseFileError, match="too many response files"):
        expand(["@r0"], "posix")


def test_a_directory(workdir: Path, run: Runner) -> None:
    (workdir / "d").mkdir()
    outcome = run(["@d"])
    assert outcome.status == 1
    assert outcome.err.startswith("wasm-ld: error: cannot open @d: ")


def test_quoting_is_read_outside_of_files(workdir: Path, run: Runner) -> None:
    (workdir / "r").write_text("--rsp-quoting=windows a\\b")
    assert "cannot open ab:" in run(["--rsp-quoting=posix", "@r"]).err
    (workdir / "r").write_text("--rsp-quoting=posix a\\b")
    assert "cannot open a\\b:" in run(["--rsp-quoting=windows", "@r"]).err


def test_a_long_chain_of_files(workdir: Path) -> None:
    """Each file is looked for among those that are open at the time in one step."""
    for i in range(3000):
        (workdir / f"{i}.rsp").write_text(f"@{i + 1}.rsp" if i < 2999 else "--end")
    assert expand(["@0.rsp"], "posix") == ["--end"]
