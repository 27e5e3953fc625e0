"""The samples build, run, and are up to date afterwards."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.scons.conftest import ROOT, Project

PRINTED = {
    "hello": "Hello from WebAssembly, with 0 arguments.",
    "cxx": '6 words, most often "the" (3 times)',
    "library": "circle 12.566, square 9.000",
    "host": "10 primes: [2, 3, 5, 7, 11, 13, 17, 19, 23, 29]",
}


def test_every_sample_is_tested() -> None:
    assert {path.parent.name for path in (ROOT / "samples").glob("*/SConstruct")} == set(PRINTED)


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n == "cxx" else n for n in PRINTED])
def test_sample(name: str, tmp_path: Path) -> None:
    built = shutil.ignore_patterns("*.o", "*.a", "*.wasm", ".sconsign*", "__pycache__")
    shutil.copytree(ROOT / "samples", tmp_path / "samples", ignore=built)
    project = Project(tmp_path / "samples" / name)
    assert PRINTED[name] in project.scons("run").output.splitlines()
    assert project.scons().up_to_date
    project.scons("-c")
    left = {path for path in project.files() if path.endswith((".o", ".a", ".wasm"))}
    assert not left
