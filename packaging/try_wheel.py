"""Tries an installed wheel: ``python packaging/try_wheel.py``, with ``ziglang`` and ``wasmtime`` installed beside it.

In a new directory, hello is built by SCons and run, and a function is linked by the command and called.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

HELLO = '#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n'
SCONSTRUCT = """\
env = Environment(tools=["wasmlink"], toolpath=[PyPackageDir("wasmlink_tool.site_tools")], WASMTOOLCHAIN="zig")
env.WasmProgram("hello", ["hello.c"], WASMSTRIP="debug")
"""


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.joinpath("hello.c").write_text(HELLO)
        directory.joinpath("SConstruct").write_text(SCONSTRUCT)
        print(_output(directory, "wasmlink_tool", "--version").strip())
        _output(directory, "SCons", "-Q")
        if _output(directory, "wasmlink_tool.run", "hello.wasm") != "hello\n":
            sys.exit("hello.wasm does not print hello")
        directory.joinpath("plain.c").write_text("int twice(int number) { return 2 * number; }\n")
        _output(directory, "ziglang", "cc", "--target=wasm32-wasi", "-O1", "-c", "plain.c", "-o", "plain.o")
        _output(directory, "wasmlink_tool", "--no-entry", "--export=twice", "-o", "plain.wasm", "plain.o")
        import wasmtime

        store = wasmtime.Store()
        module = wasmtime.Module.from_file(store.engine, str(directory / "plain.wasm"))
        twice = wasmtime.Instance(store, module, []).exports(store)["twice"]
        if not isinstance(twice, wasmtime.Func) or twice(store, 21) != 42:
            sys.exit("the module that the command linked does not work")
    print("the wheel works")
    return 0


def _output(directory: Path, module: str, *arguments: str) -> str:
    """The output of a Python module that must succeed, run in ``directory``: nothing of a checkout is imported."""
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=directory,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{module} {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
