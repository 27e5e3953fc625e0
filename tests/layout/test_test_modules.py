"""Rules for the tests' own modules: their imports and replacements."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

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
    """Code that both need is in tests/support, which the benchmark imports."""
    found = [
        f"{path.relative_to(TESTS).as_posix()} imports {name}"
        for path in MODULES
        if path.relative_to(TESTS).parts[0] != "bench"
        for name in imported(ast.parse(path.read_text(encoding="utf-8")))
        if name.split(".")[0] == "bench"
    ]
    assert found == []


PRIVATE = {
    # pytest-xdist has threads of its own, so that a test cannot choose how many there are.
    "differential/test_parallel.py": {"_thread._count"},
}
"""Replacements of private names, or of names that are given as strings."""


def replaced(tree: ast.AST) -> Iterator[str]:
    """Names that are given to monkeypatch or unittest.mock, and either are private or are paths of modules in strings.

    A path in a string outlives the renaming of what it names, and nothing checks it.
    """
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        names = [argument.value for argument in node.args[:2] if isinstance(argument, ast.Constant)]
        texts = [name for name in names if isinstance(name, str)]
        if node.func.attr in ("setattr", "delattr") or ast.unparse(node.func).endswith(("patch.object", "mock.patch")):
            is_path = isinstance(node.args[0], ast.Constant)
            is_private = any(name.startswith("_") and not name.endswith("__") for name in texts)
            if is_path or is_private:
                yield ".".join(texts if is_path else [ast.unparse(node.args[0]), *texts])


def test_tests_replace_nothing_private() -> None:
    found = {path.relative_to(TESTS).as_posix(): set(replaced(ast.parse(path.read_text("utf-8")))) for path in MODULES}
    assert {name: names for name, names in found.items() if names} == PRIVATE


def test_what_is_replaced_is_found() -> None:
    source = """
monkeypatch.setattr("package.module.name", 1)
monkeypatch.setattr(module, "_name", 1)
monkeypatch.setattr(module, "__init__", 1)
monkeypatch.setattr(module, "name", 1)
mock.patch("package.name")
"""
    assert [*replaced(ast.parse(source))] == ["package.module.name", "module._name", "package.name"]


@pytest.mark.skipif(os.name != "posix", reason="needs a POSIX system")
def test_no_test_writes_gigabytes(tmp_path: Path) -> None:
    with open(tmp_path / "file", "wb") as file:
        file.truncate(1 << 30)
        with pytest.raises(OSError, match="File too large"):
            file.truncate((1 << 30) + 1)
