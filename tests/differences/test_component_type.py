"""``component-type`` sections are components of their own: wasm-ld joins them to something that no tool reads."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.differential import harness
from tests.differential.asm import START, data
from wasmlink_tool.cli import main

Linker = Callable[[harness.Files, str], harness.Result]
NAME = "component-type:wit-bindgen:0.40.0:app:encoded world"


def world(text: str, name: str = NAME) -> str:
    return f'.section .custom_section.{name},"",@\n.ascii "{text}"\n'.replace(
        f".custom_section.{name}", f'".custom_section.{name}"'
    )


FILES: harness.Files = {
    "a.s": START + world("one") + world("plain", "notes"),
    "b.s": data("b", ".int32 1") + world("two") + world("text", "notes"),
    "c.s": data("c", ".int32 2") + world("one"),
    "d.s": data("d", ".int32 3") + world("one", "component-type:other"),
}


def contents(result: harness.Result, name: str) -> list[bytes]:
    return [content for found, content in harness.parsed(result).customs if found == name]


@pytest.mark.parametrize("args", ["", "-r", "--emit-relocs", "-s", "--no-gc-sections", "-pie --experimental-pic"])
def test_each_world_is_written_by_itself_and_once(args: str, linked: Linker) -> None:
    result = linked(FILES, f"a.o b.o c.o d.o {args}")
    assert result.module is not None, result.stderr
    assert contents(result, NAME) == [b"one", b"two"]
    assert contents(result, "component-type:other") == [b"one"]
    assert contents(result, "notes") == [b"plaintext"]


def test_worlds_of_a_second_link(linked: Linker, tmp_path: Path) -> None:
    first = linked(FILES, "a.o b.o -r")
    assert first.module is not None
    (tmp_path / "first.o").write_bytes(first.module)
    result = linked(FILES, f"{tmp_path / 'first.o'} c.o")
    assert contents(result, NAME) == [b"one", b"two"]


def test_worlds_after_an_edit(tmp_path: Path, objects: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """A warm link never keeps an outdated world."""
    directory, arguments = (
        tmp_path / "work",
        ["-o", "out.wasm", "a.o", "b.o", "c.o", f"--cache-dir={tmp_path / 'cache'}"],
    )
    for text in ("two", "four", "one", "two"):
        files: harness.Files = {**FILES, "b.s": data("b", ".int32 1") + world(text)}
        if directory.exists():
            shutil.rmtree(directory)
        harness.prepare(harness.Case("work", files, ""), directory, objects)
        result = harness.run_here(main, arguments, directory, capfdbinary.readouterr)
        assert result.module is not None, result.stderr
        assert contents(result, NAME) == ([b"one"] if text == "one" else [b"one", text.encode()])
