"""What the modules of tests import."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"
MODULES = sorted(TESTS.rglob("*.py"))


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def test_only_the_tests_of_the_benchmark_import_it() -> None:
    """What both need is in tests/support, which the benchmark imports."""
    found = [
        f"{path.relative_to(TESTS).as_posix()} imports {name}"
        for path in MODULES
        if path.relative_to(TESTS).parts[0] != "bench"
        for name in imported(ast.parse(path.read_text(encoding="utf-8")))
        if name.split(".")[0] == "bench"
    ]
    assert found == []
