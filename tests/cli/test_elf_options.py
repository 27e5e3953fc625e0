"""Options that build systems pass to ELF linkers: ignored where that changes nothing, and only there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.objects import build
from wasmlink_tool.cli import main

IGNORED = [
    "--start-group a.o --end-group",
    "-( a.o -)",
    "--as-needed",
    "--as-needed --no-as-needed",
    "--no-undefined",
    "-z defs",
    "-z now -z relro -z lazy -z noexecstack -zcombreloc -z text -z origin -z separate-code",
    "-z max-page-size=4096 -z common-page-size=4096",
    "-z muldefs",
    "--hash-style=gnu",
    "--hash-style both",
    "-rpath-link /usr/lib -rpath-link=/lib --rpath-link=/lib",
    "--enable-new-dtags --disable-new-dtags --eh-frame-hdr --no-eh-frame-hdr",
    "--allow-shlib-undefined --no-copy-dt-needed-entries --no-add-needed --warn-common --sort-common",
    "--undefined-version --no-undefined-version",
    "--fix-cortex-a53-843419 --fix-cortex-a53-835769 --fix-cortex-a8 --no-fix-cortex-a53-843419",
]
REFUSED = [
    "--as-needed -pie --experimental-pic",
    "--as-needed -Bdynamic",
    "--no-undefined --allow-undefined",
    "-z defs --unresolved-symbols=import-dynamic",
    "--no-undefined --warn-unresolved-symbols",
    "--dynamic-list=x",
    "--version-script=x",
    "--discard-all",
    "--no-allow-shlib-undefined",
]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[[str], str]:
    """Link with more arguments: what was printed, or the module in hexadecimal where that is nothing."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.o").write_bytes(build())

    def run(arguments: str) -> str:
        inputs = "" if "a.o" in arguments else "a.o"
        undefined = [] if "undefined" in arguments or "defs" in arguments else ["--allow-undefined"]
        known = ["--no-entry", "--export=f", "-o", "out.wasm", *undefined]
        status = main([*known, *arguments.split(), *inputs.split()])
        printed = capfd.readouterr().err
        return printed if status else printed + (tmp_path / "out.wasm").read_bytes().hex()

    return run


@pytest.mark.parametrize("arguments", IGNORED)
def test_what_is_about_elf_alone_changes_nothing(arguments: str, command: Callable[[str], str]) -> None:
    strict = "undefined" in arguments or "defs" in arguments
    assert command(arguments) == command("--error-unresolved-symbols --undefined=f" if strict else "")


@pytest.mark.parametrize("arguments", REFUSED)
def test_what_would_change_the_output_is_an_error(arguments: str, command: Callable[[str], str]) -> None:
    assert "error: " in command(arguments)
