"""Names of every production of the grammars, and what is printed for them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.module import read_module
from wasmlink_tool.demangle import demangle, demangle_text

NAMES = Path(__file__).with_name("names.txt")


def known_names() -> Iterator[tuple[str, str]]:
    for line in NAMES.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            mangled, _, readable = line.partition("\t")
            yield mangled, readable or mangled


def test_known_names() -> None:
    expected = dict(known_names())
    assert {name: demangle_text(name) for name in expected} == expected


def test_bytes_and_text() -> None:
    assert demangle(b"_ZN1A1fEv") == b"A::f()"
    assert demangle_text("_ZN1A1fEv") == "A::f()"
    # Lengths count bytes; what isn't Unicode passes through.
    assert demangle_text("_ZN3é11fEv") == "é1::f()"
    assert demangle(b"_ZN1\xff1fEv") == b"\xff::f()"
    assert demangle_text("_ZN1\udcff1fEv") == "\udcff::f()"
    assert demangle_text("naïve") == "naïve"
    assert demangle(b"") == b""
    assert demangle(b"_Z1fv\0") == b"_Z1fv\0"
    assert demangle(b"_Z1f\0v") == b"_Z1f\0v"
    assert demangle(b"_RNvC1a2\xc3\xa9") == b"_RNvC1a2\xc3\xa9"


def test_numbers_as_glibc_prints_them() -> None:
    """LLVM leaves floating-point numbers to the C library, and these aren't printed alike by all."""
    numbers = {
        "d0000000000000001": "0x0.0000000000001p-1022",
        "f00000001": "0x1p-149f",
        "e4000c800000000000000": "0xc.8p-2L",
        "ebfff8000000000000000": "-0x8p-3L",
        "e00000000000000000001": "0x0.000000000000001p-16385L",
        "e00000000000000000000": "0x0p+0L",
        "e3fff0000000000000001": "nanL",
    }
    for mangled, readable in numbers.items():
        assert demangle_text(f"_Z1fIL{mangled}EEvv") == f"void f<{readable}>()"


def test_back_references_in_d() -> None:
    """Names that the reference reads or doesn't depending on what stands behind them in its memory."""
    assert demangle(b"_D3foo3barQeZ") == b"foo.bar.bar"
    assert demangle(b"_D3foo4__S13barZ") == b"foo.bar"
    assert demangle(b"_D3fooQaZ") == b"_D3fooQaZ"
    assert demangle(b"_D3fooQzZ") == b"_D3fooQzZ"


def test_the_reference_agrees(tmp_path: Path, zig: list[str], wasm_ld: list[str]) -> None:
    """A module that defines each name: the reference's name section has it demangled, or raw if so told.

    The last name isn't one of D's: of these the reference looks at what stands behind them.
    """
    mangled = [name for name, _ in known_names() if name.isascii()]
    lines = [f'void f{i}(void) __asm__("{name}");\nvoid f{i}(void) {{}}' for i, name in enumerate(mangled)]
    (tmp_path / "names.c").write_text("\n".join(lines) + "\n", encoding="utf-8")
    compiled = subprocess.run(
        [*zig, "cc", "-c", "-target", "wasm32-freestanding", "names.c", "-o", "names.o"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    if compiled.returncode:
        pytest.fail(compiled.stderr)

    def linked_names(option: str) -> dict[int, str]:
        command = [*wasm_ld, "--no-entry", "--no-gc-sections", option, "names.o", "-o", "names.wasm"]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
        return read_module((tmp_path / "names.wasm").read_bytes()).names["function"]

    raw, readable = linked_names("--no-demangle"), linked_names("--demangle")
    assert len(raw) >= len(mangled)
    assert {name: demangle_text(name) for name in raw.values()} == {raw[i]: readable[i] for i in raw}
