"""The marks that an update keeps are those that a walk from the roots gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.toolchain import compile_object
from tests.warm.program import EDITS, OF_CXX, program
from tests.warm.test_edit_classes import UNITS, Project
from wasmlink_tool import LinkOptions, link
from wasmlink_tool.binary.relocations import COMPILED
from wasmlink_tool.incremental.mark_again import Marks
from wasmlink_tool.inputs import parse_cache

pytestmark = pytest.mark.skipif(COMPILED, reason="methods of compiled classes cannot be replaced")


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Compare both ways to mark in each update; return whether the shorter one was enough."""
    found: list[bool] = []
    mark_more = Marks.mark_more

    def compare(marks: Marks) -> bytearray | None:
        more = mark_more(marks)
        found.append(more is not None)
        if more is not None:
            # Symbols without a place in a file are told to be live in another way.
            every = marks.mark_all()
            assert more[: marks.in_files] == every[: marks.in_files]
            assert more[marks.first_new :] == every[marks.first_new :]
        return more

    monkeypatch.setattr(Marks, "mark_more", compare)
    return found


@pytest.mark.parametrize("suffix", [".c", ".cpp"])
def test_marks_of_edits(suffix: str, tmp_path: Path, objects: Path, compared: list[bool]) -> None:
    project = Project(tmp_path, objects, suffix, "stripped")
    project.link(project.write(program(suffix, UNITS, hosted=False)), cached=True)
    for name, edit in EDITS.items():
        if suffix == ".c" and name in OF_CXX:
            continue
        made = program(suffix, UNITS, hosted=False)
        edit(made)
        for version in (made, program(suffix, UNITS, hosted=False)):
            inputs = project.write(version)
            parse_cache.forget()
            project.link(inputs, cached=True)
    assert compared.count(True) > 10


NOT_INLINE = "__attribute__((noinline))"
OTHER = f'void again(void);\n{NOT_INLINE} void other(void) {{ again(); asm(""); }}\n'
CHANGED = (
    "void other(void);\n"
    f'{NOT_INLINE} void again(void) {{ other(); asm(""); }}\n'
    f'{NOT_INLINE} void enter(void) {{ CALL asm(""); }}\n'
    "void _start(void) { enter(); }\n"
)


def test_cycle_that_nothing_enters(tmp_path: Path, objects: Path, compared: list[bool]) -> None:
    """A function of another object is still called, but only by what nothing else calls any longer."""
    (tmp_path / "other.o").write_bytes(compile_object(OTHER, ".c", objects))
    changed = tmp_path / "changed.o"
    options = LinkOptions(
        inputs=[str(changed), str(tmp_path / "other.o")], output=None, cache_directory=str(tmp_path / "cache")
    )
    for call, is_enough in (("other();", []), ("", [False])):
        changed.write_bytes(compile_object(CHANGED.replace("CALL", call), ".c", objects))
        parse_cache.forget()
        module = link(options).module
        clean = LinkOptions(inputs=options.inputs, output=None)
        assert module == link(clean).module
        assert compared == is_enough
