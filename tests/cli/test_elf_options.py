"""Options that build systems pass to ELF linkers: ignored where that changes nothing, and only there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.objects import build, calling_object
from tests.support.toolchain import make_archive
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
    "-dynamic-linker /lib/ld.so --dynamic-linker=/lib/ld.so -no-dynamic-linker",
    "-plugin liblto_plugin.so -plugin-opt=-pass-through=-lgcc",
    "--gdb-index --no-gdb-index -X --discard-locals --discard-none --relax --no-relax -EL",
    "--sysroot=/opt/sysroot -L/opt/sysroot/lib -nostdlib --exclude-libs ALL --exclude-libs=libx.a -Bsymbolic-functions",
    "--no-keep-memory --reduce-memory-overheads --no-ld-generated-unwind-info --rosegment --no-rosegment",
    "--no-warn-execstack --no-warn-rwx-segments",
    "-z nocopyreloc -z nodelete -z execstack -z ibt -z shstk -z cet-report=error",
    "--push-state --pop-state",
    "--no-warn-common --warn-once --no-warn-mismatch --check-sections --no-check-sections --no-warn-backrefs",
    "--apply-dynamic-relocs --no-apply-dynamic-relocs --pack-dyn-relocs=relr --use-android-relr-tags",
    "--no-call-graph-profile-sort --call-graph-profile-sort=none --no-warn-symbol-ordering",
    "--compress-debug-sections=none --no-error-execstack --no-error-rwx-segments --no-omagic --no-nmagic",
    "--no-mmap-output-file --no-dependent-libraries",
    "--fix-cortex-a53-843419 --fix-cortex-a53-835769 --fix-cortex-a8 --no-fix-cortex-a53-843419",
]
REFUSED = [
    "--as-needed -pie --experimental-pic",
    "--as-needed -Bdynamic",
    "--no-undefined --allow-undefined",
    "-z defs --unresolved-symbols=import-dynamic",
    "--no-undefined --warn-unresolved-symbols",
    "--dynamic-list=x",
    "-plugin-opt=O3",
    "--sysroot=/opt/sysroot -L=/lib",
    "--exclude-libs ALL --export-dynamic",
    "--exclude-libs ALL --export-all",
    "-Bsymbolic-functions -shared --experimental-pic",
    "--retain-symbols-file=x",
    "--pop-state",
    "--version-script=x",
    "--discard-all",
    "--compress-debug-sections=zlib",
    "--call-graph-profile-sort=hfsort",
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


def test_states_are_pushed_and_popped(command: Callable[[str], str], tmp_path: Path) -> None:
    """``--push-state`` remembers what ``--whole-archive`` says, which holds until ``--pop-state``."""
    (tmp_path / "unused.o").write_bytes(calling_object("unused", {}))
    make_archive(tmp_path / "libunused.a", ["unused.o"])
    archive = f"{tmp_path}/libunused.a a.o --no-gc-sections"
    for before, same in (
        ("--push-state --whole-archive --pop-state", ""),
        ("--push-state --whole-archive", "--whole-archive"),
        ("--whole-archive --push-state --no-whole-archive --pop-state", "--whole-archive"),
        ("--push-state --whole-archive --push-state --no-whole-archive --pop-state", "--whole-archive"),
    ):
        assert command(f"{before} {archive}") == command(f"{same} {archive}")
    assert command(f"--whole-archive {archive}") != command(archive)
