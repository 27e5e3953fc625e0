"""Memory of links of very many very small things, which take the least bytes of an input."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench.memory import COMMAND, FACTOR, FREE, KINDS, OURS, peak
from tests.support.archives import HEADER
from tests.support.objects import build

SIZE = 1_200_000


@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured as Linux does")
@pytest.mark.parametrize(
    "kind", ["constructors", "tags", "globals", "tables", "custom sections", "features", "members"]
)
def test_memory_is_in_proportion_to_the_input(kind: str, tmp_path: Path) -> None:
    each, make = KINDS[kind]
    contents = make(SIZE // each)
    (tmp_path / "small.o").write_bytes(build())
    path = tmp_path / ("lib.a" if contents.startswith(HEADER) else "a.o")
    path.write_bytes(contents)
    least = peak([*OURS, *COMMAND, "small.o"], tmp_path)
    (tmp_path / "out.wasm").unlink()
    used = peak([*OURS, *COMMAND, path.name], tmp_path)
    assert (tmp_path / "out.wasm").exists()
    assert used - least <= FACTOR * len(contents) + FREE, f"{(used - least) / len(contents):.0f} times the input"
