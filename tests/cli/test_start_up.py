"""The modules that the command imports: each costs its share of a link that takes some dozen milliseconds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.toolchain import compile_object
from wasmlink_tool.binary.relocations import COMPILED

SLOW = {
    *("ast", "argparse", "asyncio", "base64", "contextlib", "copy", "dataclasses", "dis"),
    *("email", "enum", "fnmatch", "functools", "hashlib", "heapq", "importlib.metadata", "importlib.util", "inspect"),
    *("ipaddress", "json", "locale", "logging", "mmap", "multiprocessing", "mypy_extensions", "pathlib", "pickle"),
    *("platform", "random", "re", "shutil", "signal", "socket", "ssl", "string", "subprocess", "tempfile", "textwrap"),
    *("threading", "tokenize", "traceback", "typing", "unittest", "urllib", "warnings", "weakref", "xml", "zlib"),
    "SCons",
}
"""Modules that no plain link needs."""
if COMPILED:
    # The start of compiled modules imports importlib, and that imports this.
    SLOW.remove("warnings")
OURS = {f"wasmlink_tool.{name}" for name in ("component", "incremental", "lto", "scons", "size", "toolchain")}
SOURCE = """
.functype helper () -> (i32)
.globl _start
.type _start,@function
_start:
  .functype _start () -> ()
  call helper
  drop
  end_function
.globl helper
.type helper,@function
helper:
  .functype helper () -> (i32)
  i32.const text
  end_function
.section .rodata.text,"",@
text:
  .asciz "hello"
  .size text, 6
"""
PROGRAM = """
import sys
before = set(sys.modules)
from wasmlink_tool.cli import main
status = main(sys.argv[1:])
print(*sorted(set(sys.modules) - before))
sys.exit(status)
"""


def imported(directory: Path, *arguments: str) -> set[str]:
    """The modules that a command imports; those that Python itself has imported before are not ours to avoid."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("COV", "PYTHONPATH"))}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    done = subprocess.run(
        [sys.executable, "-S", "-c", PROGRAM, *arguments],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.splitlines()[-1].split())


def needless(modules: set[str]) -> list[str]:
    return sorted(name for name in modules if any(name == slow or name.startswith(f"{slow}.") for slow in SLOW | OURS))


def test_a_plain_link_imports_no_slow_module(tmp_path: Path) -> None:
    (tmp_path / "a.o").write_bytes(compile_object(SOURCE, ".s", tmp_path / "objects"))
    found = imported(tmp_path, "-o", "a.wasm", "a.o")
    assert "wasmlink_tool.linker" in found
    assert needless(found) == []


def test_a_link_again_imports_no_slow_module(tmp_path: Path) -> None:
    """The output is replaced then."""
    (tmp_path / "a.o").write_bytes(compile_object(SOURCE, ".s", tmp_path / "objects"))
    imported(tmp_path, "-o", "a.wasm", "a.o")
    assert needless(imported(tmp_path, "-o", "a.wasm", "a.o")) == []


def test_the_version_is_printed_without_the_linker(tmp_path: Path) -> None:
    found = imported(tmp_path, "--version")
    assert "wasmlink_tool.linker" not in found
    assert needless(found) == []
