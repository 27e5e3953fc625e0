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
    "variants": "27 reaches 1 in 111 steps",
    "tree": "3 by 4 has 12",
    "twin": "wasm: 25 primes below 100",
    "host": "10 primes: [2, 3, 5, 7, 11, 13, 17, 19, 23, 29]",
    "plugin": "reverse (plug-in 2, 4 swaps): SNIATNUOM",
    "size": "checksum 8ae709c9",
    "component": "plug-in: doubling",
    "bindings": "Ada 36, Grace 85: 121 years",
    "component_hello": "Hello from WebAssembly, with 0 arguments.",
    "threads": "4 threads found 2262 primes",
}
NEEDS = {
    "cxx": pytest.mark.slow,
    "threads": pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed"),
}


def test_every_sample_is_tested() -> None:
    assert {path.parent.name for path in (ROOT / "samples").glob("*/SConstruct")} == set(PRINTED)


@pytest.mark.parametrize("name", [pytest.param(name, marks=NEEDS.get(name, ())) for name in PRINTED])
def test_sample(name: str, tmp_path: Path) -> None:
    built = shutil.ignore_patterns("*.o", "*.os", "*.a", "*.so", "*.wasm", ".sconsign*", "__pycache__")
    shutil.copytree(ROOT / "samples", tmp_path / "samples", ignore=built)
    project = Project(tmp_path / "samples" / name)
    assert PRINTED[name] in project.scons("run").output.splitlines()
    assert project.scons().up_to_date
    project.scons("-c")
    left = {path for path in project.files() if path.endswith((".o", ".os", ".a", ".so", ".wasm"))}
    assert not left


def test_tree_is_fetched_from_a_cache(tmp_path: Path) -> None:
    """Another checkout, in another directory, compiles and links nothing."""
    built = shutil.ignore_patterns("*.o", "*.a", "*.wasm", ".sconsign*", "build")
    modules = []
    for checkout in ("here", "over/there"):
        shutil.copytree(ROOT / "samples", tmp_path / checkout, ignore=built)
        project = Project(tmp_path / checkout / "tree")
        output = project.scons(f"cache={tmp_path / 'cache'}").output
        modules.append(project.path("build/app/report.wasm").read_bytes())
    assert modules[0] == modules[1]
    lines = [line for line in output.splitlines() if line.strip()]
    assert lines
    assert all(line.startswith("Retrieved `") for line in lines)


def test_tree_links_nothing_for_a_member_that_is_not_needed(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "samples", tmp_path / "samples", ignore=shutil.ignore_patterns("build", ".sconsign*"))
    project = Project(tmp_path / "samples" / "tree")
    project.scons()
    source = project.path("geometry/box.c").read_text(encoding="utf-8")
    project.write({"geometry/box.c": source.replace("* depth", "* depth + 0 * width + depth * 0 + 1")})
    output = project.scons().output
    assert "libgeometry.wasm.a" in output
    assert "report.wasm" not in output
