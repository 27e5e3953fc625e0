"""Memory of links of very many very small things, which take the least bytes of an input."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench.memory import FACTOR, FREE, INPUTS, OPTIONS, OURS, OUTPUT, peak
from bench.memory_links import LINKS
from tests.support.objects import build

SIZE = 1_200_000
LARGE = 3_000_000


@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured as Linux does")
@pytest.mark.parametrize(
    ("kind", "size"),
    [
        ("constructors", SIZE),
        ("tags", SIZE),
        ("globals", SIZE),
        ("tables", SIZE),
        ("custom sections", SIZE),
        ("features", SIZE),
        ("global functions", LARGE),
        ("functions", LARGE),
        ("segments", LARGE),
        ("undefined data", SIZE),
        ("undefined functions", SIZE),
        ("import names", SIZE),
        ("exported data", SIZE),
        ("segments of a byte", SIZE),
        ("output segments", SIZE),
        ("overlapping relocations without addends", LARGE),
        ("relocatable undefined", SIZE),
        ("shared data", SIZE),
        ("undefined function errors", LARGE),
        ("removed functions", LARGE),
        ("weak undefined functions", LARGE),
        ("global offset table", LARGE),
        ("map of functions", LARGE),
        ("map of segments", LARGE),
        ("relocatable functions", LARGE),
    ],
)
def test_memory_is_in_proportion_to_the_input(kind: str, size: int, tmp_path: Path) -> None:
    each, make, options = INPUTS[kind]
    contents = make(size // each)
    (tmp_path / "small.o").write_bytes(build())
    (tmp_path / "a.o").write_bytes(contents)
    least = peak([*OURS, *OUTPUT, *options, "small.o"], tmp_path)
    (tmp_path / "out.wasm").unlink(missing_ok=True)
    used = peak([*OURS, *OUTPUT, *options, "a.o"], tmp_path)
    assert (tmp_path / "out.wasm").exists() is not kind.endswith("errors")
    assert used - least <= FACTOR * len(contents) + FREE, f"{(used - least) / len(contents):.0f} times the input"


@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured as Linux does")
@pytest.mark.parametrize("kind", ["lines of a stub library", "custom sections of a byte"])
def test_memory_of_a_link_is_in_proportion_to_its_files(kind: str, tmp_path: Path) -> None:
    link = LINKS[kind](LARGE)
    (tmp_path / "small.o").write_bytes(build())
    for path, contents in link.files.items():
        (tmp_path / path).write_bytes(contents)
    least = peak([*OURS, *OUTPUT, *OPTIONS, "small.o"], tmp_path)
    used = peak([*OURS, *OUTPUT, *OPTIONS, *link.arguments], tmp_path)
    assert used - least <= FACTOR * link.size + FREE, f"{(used - least) / link.size:.0f} times the input"
