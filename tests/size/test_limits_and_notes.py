"""``--size-limit`` and ``--size-note``, and the command ``wasmlink-size``."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.differential.asm import declare_first, extern, func
from tests.support.toolchain import compile_object
from wasmlink_tool.cli import main
from wasmlink_tool.inputs.cache_directory import prune
from wasmlink_tool.options import CachePolicy
from wasmlink_tool.size.size_budget import SizeLimit
from wasmlink_tool.size.size_command import main as size_main
from wasmlink_tool.size.size_report import from_json

BODY = [f"i32.const {i * 7919 % 65536}\ndrop" for i in range(400)]
MAIN = declare_first(func("_start", "() -> ()", "call large") + extern("large"))


@pytest.fixture
def build(tmp_path: Path) -> Path:
    sources = {
        "main": MAIN,
        "large": func("large", "() -> ()", *BODY),
        "larger": func("large", "() -> ()", *BODY, *BODY),
    }
    for name, text in sources.items():
        (tmp_path / f"{name}.o").write_bytes(compile_object(text, ".s", tmp_path / "objects"))
    return tmp_path


def link(build: Path, *options: str, large: str = "large") -> int:
    output = [] if "-o" in options else ["-o", str(build / "app.wasm")]
    return main([*output, str(build / "main.o"), str(build / f"{large}.o"), *options])


@pytest.mark.parametrize("options", [(), ("-s",)])
def test_a_module_over_its_limit_is_an_error_and_left_beside(
    build: Path, capfd: pytest.CaptureFixture[str], options: tuple[str, ...]
) -> None:
    assert link(build, *options) == 0
    good = (build / "app.wasm").read_bytes()
    assert link(build, *options, f"--size-limit={len(good)}") == 0
    capfd.readouterr()
    assert link(build, *options, f"--size-limit={len(good) - 1}") == 1
    errors = capfd.readouterr().err
    assert f"app.wasm has {len(good):,} bytes, 1 over its limit of {len(good) - 1:,}" in errors
    assert re.search(r">>> large: [\d,]+ bytes of function large", errors)
    assert f"the module is in {build / 'app.too-large.wasm'}" in errors
    assert (build / "app.too-large.wasm").read_bytes() == good
    assert (build / "app.wasm").read_bytes() == good


def test_a_limit_of_the_compressed_size(build: Path) -> None:
    assert link(build) == 0
    packed = len(gzip.compress((build / "app.wasm").read_bytes(), 9, mtime=0))
    assert packed < (build / "app.wasm").stat().st_size
    assert link(build, f"--size-limit=gzip:{packed}") == 0
    assert link(build, f"--size-limit=gzip:{packed - 1}") == 1


def test_the_culprits_are_what_grew(build: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert link(build, f"--size-report={build / 'old.json'}") == 0
    assert link(build, f"--size-diff={build / 'old.json'}", "--size-limit=1k", large="larger") == 1
    assert re.search(r">>> grown: \+[\d,]+ large", capfd.readouterr().err)


@pytest.mark.parametrize("cache", [False, True])
def test_a_limit_holds_whatever_the_cache_has(build: Path, cache: bool) -> None:
    options = [f"--cache-dir={build / 'cache'}"] if cache else []
    for _ in range(3):
        assert link(build, "--size-limit=100", *options) == 1
        assert not (build / "app.wasm").exists()
    assert link(build, "--size-limit=100k", *options) == 0
    assert link(build, "--size-limit=100k", *options) == 0


def test_units() -> None:
    assert SizeLimit("100").bytes == 100
    assert (SizeLimit("2k").bytes, SizeLimit("3M").bytes) == (2048, 3 << 20)
    assert (SizeLimit("gzip:4k").bytes, SizeLimit("gzip:4k").compressed) == (4096, True)
    for wrong in ("", "k", "-1", "1.5k", "zip:3", "gzip:", "0x10", "9" * 30):
        with pytest.raises(ValueError, match="invalid size limit"):
            SizeLimit(wrong)


def test_a_wrong_limit_is_told_before_the_link(build: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert link(build, "--size-limit=many") == 1
    assert "--size-limit: invalid size limit: 'many'" in capfd.readouterr().err


@pytest.mark.parametrize("options", [(), ("-s",), ("--cache-dir={}/cache",)])
def test_a_note_when_the_size_changes(build: Path, capfd: pytest.CaptureFixture[str], options: tuple[str, ...]) -> None:
    given = [option.format(build) for option in options] + [f"--size-note={build / 'sizes' / 'app'}"]

    def said(large: str) -> str:
        (build / "part.o").write_bytes((build / f"{large}.o").read_bytes())
        assert link(build, *given, large="part") == 0
        return capfd.readouterr().out

    assert said("large") == ""
    first = (build / "app.wasm").stat().st_size
    assert said("large") == ""
    grown = said("larger")
    second = (build / "app.wasm").stat().st_size
    assert re.fullmatch(rf"app\.wasm {second:,} bytes \(\+{second - first:,}: large \+[\d,]+\)\n", grown), grown
    assert said("larger") == ""
    assert f"({first - second:,}: large -" in said("large")


def test_notes_in_a_cache_are_pruned_with_it(build: Path) -> None:
    cache = build / "cache"
    note = cache / "sizes" / ("a" * 40)
    for size in ("1000000", "1"):
        assert link(build, f"--cache-dir={cache}", f"--size-note={note}") == 0
        assert note.exists()
        prune(str(cache), CachePolicy(size=int(size)))
        assert note.exists() == (size != "1")


def test_a_damaged_note_is_none(build: Path, capfd: pytest.CaptureFixture[str]) -> None:
    note = build / "note"
    for content in (b"", b"wasmlink sizes 1\n", b"\0" * 100):
        note.write_bytes(content)
        assert link(build, f"--size-note={note}") == 0
        assert capfd.readouterr().out == ""
    # Where it cannot be written the link succeeds all the same.
    assert link(build, f"--size-note={build}") == 0


def test_the_command_compares_in_every_format(build: Path, capfd: pytest.CaptureFixture[str]) -> None:
    old, new = build / "old.json", build / "new.json"
    assert link(build, f"--size-report={old}") == 0
    assert link(build, f"--size-report={new}", large="larger") == 0
    delta = from_json(new.read_text()).size - from_json(old.read_text()).size
    capfd.readouterr()
    assert size_main([str(old), str(new)]) == 0
    assert f"(+{delta:,})" in capfd.readouterr().out.splitlines()[0]
    assert size_main([str(old), str(new), "--format=markdown"]) == 0
    assert f"(+{delta:,}, " in capfd.readouterr().out.splitlines()[0]
    assert size_main([str(old), str(new), "-o", str(build / "out.json")]) == 0
    value = json.loads((build / "out.json").read_text())
    assert value["delta"] == delta == sum(change["delta"] for change in value["changes"])
    assert size_main([str(old), str(new), "-o", str(build / "out.html")]) == 0
    assert (build / "out.html").read_text().startswith("<!DOCTYPE html>")
    assert size_main([str(build / "app.wasm"), "--format=json"]) == 0
    assert json.loads(capfd.readouterr().out)["linked"] is False
    assert size_main([str(new), "--why-live=large"]) == 0
    assert capfd.readouterr().out.splitlines()[1].split() == ["_start", "entry", "main.o"]


def test_the_command_says_what_is_wrong(build: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (build / "text").write_text("no report")
    for arguments, problem in (
        ([str(build / "absent")], "No such file"),
        ([str(build / "text")], "not JSON"),
        ([str(build / "main.o"), "--why-live=x"], "only a link knows"),
        ([str(build / "main.o"), "-o", str(build / "no" / "where.json")], "cannot write"),
    ):
        assert size_main(arguments) == 1
        error = capfd.readouterr().err
        assert error.startswith("wasmlink-size: error: ")
        assert problem in error


def test_the_module_can_be_run(build: Path) -> None:
    assert link(build) == 0
    done = subprocess.run(
        [sys.executable, "-m", "wasmlink_tool.size", str(build / "app.wasm")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(f"app.wasm: {(build / 'app.wasm').stat().st_size:,} bytes\n")


def test_a_plain_link_imports_nothing_of_this(build: Path) -> None:
    code = (
        "import sys; from wasmlink_tool.cli import main; status = main(sys.argv[1:]); "
        "print(sorted(name for name in sys.modules if '.size' in name)); sys.exit(status)"
    )
    arguments = ["-o", str(build / "app.wasm"), str(build / "main.o"), str(build / "large.o")]
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
