"""Another definition of a name counts, or a definition needs what the last link had no need of."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from tests.differential.asm import data, func
from tests.warm.assembled import relink

FLAGS = "# flags: -target wasm32-freestanding -mcpu=mvp\n"
START = ".globl _start\n_start:\n .functype _start () -> ()\n call f\n drop\n end_function\n"
MARKS = {
    "plain": "",
    "exported": ".export_name f, f\n",
    "kept": ".no_dead_strip f\n",
    "hidden": ".hidden f\n",
}


def definition(number: int, mark: str, *, weak: bool) -> str:
    binding = ".weak" if weak else ".globl"
    code = f"f:\n .functype f () -> (i32)\n i32.const {number}\n end_function\n"
    return f"{FLAGS}.functype f () -> (i32)\n{binding} f\n{MARKS[mark]}{code}"


def program(*, is_local: bool) -> str:
    if not is_local:
        return FLAGS + func("_start", "() -> ()", "i32.const d", "drop") + data("d", ".int32 5")
    own = data("d", ".int32 5", section=".tdata.d", segment="T")
    return FLAGS + func("_start", "() -> ()", "i32.const d@TLSREL", "drop") + own


@pytest.mark.parametrize(("weak", "strong"), list(itertools.product(MARKS, MARKS)))
@pytest.mark.parametrize("is_first", [True, False], ids=["weak-first", "strong-first"])
def test_a_weak_definition_counts(
    weak: str, strong: str, is_first: bool, tmp_path: Path, objects: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A strong definition goes and comes: the flags of the other one count meanwhile."""
    start = f"{FLAGS}.functype f () -> (i32)\n{START}"
    both = [definition(1, weak, weak=True), definition(2, strong, weak=False)]
    alone = [both[0], f"{FLAGS}.functype g () -> ()\n.globl g\ng:\n .functype g () -> ()\n end_function\n"]
    steps = [[start, *(of if is_first else reversed(of))] for of in (both, alone, both)]
    assert relink(steps, tmp_path, objects, capfd) == [0, 0, 0]


def test_data_becomes_thread_local(tmp_path: Path, objects: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """It needs features that no object has."""
    steps = [[program(is_local=False)], [program(is_local=True)], [program(is_local=False)]]
    assert relink(steps, tmp_path, objects, capfd) == [0, 1, 0]
