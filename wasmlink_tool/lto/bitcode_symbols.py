"""Symbol tables for bitcode files without one, or with an unknown layout."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence

from ..diagnostics import FatalError
from ..temporary_files import TemporaryDirectory
from ..toolchain.lto import Compiler, configured_compiler, find_compiler, run


def with_symbol_table(configured: Sequence[str], name: str, bitcode: bytes) -> bytes:
    """Return the same modules, rewritten by a compiler, which adds the table. ``name`` is for messages.

    :raises FatalError: there is no compiler, or it cannot read the file.
    """
    compiler = find_compiler(configured_compiler(configured), 0)
    with TemporaryDirectory("wasmlink-lto-") as directory:
        with open(os.path.join(directory, "in.bc"), "wb") as file:
            file.write(bitcode)
        done = run(_command(compiler), directory=directory)
        try:
            with open(os.path.join(directory, "out.bc"), "rb") as file:
                return file.read()
        except OSError:
            message = done.stderr.decode("utf-8", "replace").strip().replace("in.bc", name)
            raise FatalError(message if name in message else f"{name}: {message}") from None


def _command(compiler: Compiler) -> list[str]:
    if not compiler.is_lto2:
        flags = ["--target=wasm32", "-Xclang", "-disable-llvm-passes", "-Wno-override-module"]
        return [*compiler.command, *flags, "-c", "-emit-llvm", "-o", "out.bc", "-x", "ir", "in.bc"]
    # llvm-lto2 cannot write a module, but opt of the same installation can.
    program = compiler.command[0]
    companion = os.path.join(os.path.dirname(program), os.path.basename(program).replace("llvm-lto2", "opt"))
    return [shutil.which(companion) or "opt", "-o", "out.bc", "in.bc"]
