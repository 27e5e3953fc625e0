"""Tests are skipped for known reasons only, and how many are is printed."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.known_skips import KNOWN, is_known

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"


def reasons(tree: ast.AST) -> Iterator[str]:
    """The reasons that a module gives for skips; ``*`` stands for what it fills in."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        kind = ast.unparse(node.func).rpartition(".")[2]
        if kind not in ("skip", "skipif", "importorskip"):
            continue
        texts: list[ast.AST] = [keyword.value for keyword in node.keywords if keyword.arg == "reason"]
        yield from map(_template, texts or (node.args[:1] if kind == "skip" else []))


def _template(node: ast.AST) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "*" for part in node.values)
    return str(ast.literal_eval(node))


def test_the_known_reasons_are_those_of_the_tests() -> None:
    """On a machine that has every tool, too, where nothing is skipped."""
    found = {
        reason
        for path in TESTS.rglob("test_*.py")
        if path != Path(__file__)
        for reason in reasons(ast.parse(path.read_text(encoding="utf-8")))
    }
    found |= set(reasons(ast.parse((TESTS / "component" / "reference.py").read_text(encoding="utf-8"))))
    assert found == {reason for each in KNOWN.values() for reason in each}


SKIPS = """
import pytest

@pytest.mark.skipif(True, reason="{first}")
def test_first(): pass

def test_second(): pytest.skip("{second}")

@pytest.mark.xfail(strict=True)
def test_third(): assert False
"""
CONFTEST = "from tests.conftest import pytest_configure  # noqa: F401\n"


@pytest.mark.parametrize("processes", [(), ("-n", "1")], ids=["alone", "distributed"])
def test_a_skip_for_another_reason_fails_the_run(tmp_path: Path, processes: tuple[str, ...]) -> None:
    assert is_known("needs node") and not is_known("needs nodes") and not is_known("time is short")
    (tmp_path / "conftest.py").write_text(CONFTEST)
    run = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *processes, "--rootdir", str(tmp_path)]
    for second, status in (("needs node", 0), ("time is short", 1)):
        (tmp_path / "test_skips.py").write_text(SKIPS.format(first="needs node", second=second))
        command = [*run, "--basetemp", str(tmp_path / "temporary"), str(tmp_path)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == status, done.stdout + done.stderr
        assert f"{2 - status:6d}  needs node\n" in done.stdout
        assert ("test_skips.py::test_second: time is short\n" in done.stdout) == bool(status)


@pytest.mark.parametrize("processes", [(), ("-n", "1")], ids=["alone", "distributed"])
def test_a_module_that_is_skipped_is_counted(tmp_path: Path, processes: tuple[str, ...]) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    module = 'import pytest\npytest.skip("time is short", allow_module_level=True)\n'
    (tmp_path / "test_module.py").write_text(module)
    (tmp_path / "test_other.py").write_text("def test_other(): pass\n")
    run = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *processes, "--rootdir", str(tmp_path)]
    command = [*run, "--basetemp", str(tmp_path / "temporary"), str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "     1  time is short\n" in done.stdout
