"""The pass of ``--wasm-opt``: binaryen's wasm-opt rewrites the linked module.

The result is kept in the cache directory under a hash of the module, the flags and the program, so the same module is
not optimised twice. Reports of the link describe the module before this pass.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from hashlib import blake2b

from .binary.constants import MAGIC, VERSION
from .diagnostics import Diagnostics, FatalError
from .files import frame, read_frame
from .inputs.cache_directory import MAGIC as CACHE_MAGIC
from .inputs.cache_directory import OPTIMIZED, store_file
from .inputs.parse_cache import cache_at
from .options import LinkOptions
from .temporary_files import TemporaryDirectory
from .toolchain.binaryen import HOW_TO_GET_IT, feature_flags, find_wasm_opt, wasm_opt_version

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence, Set
    from typing import Final, TypeAlias

    Piece: TypeAlias = "bytes | bytearray | memoryview"

_MAGIC: Final = CACHE_MAGIC + b"optimized 1\n"
"""Increase the number when the stored data or its encoding changes."""


def optimize_module(
    options: LinkOptions, pieces: Sequence[Piece], features: Set[str], diagnostics: Diagnostics
) -> list[Piece]:
    """Return what wasm-opt makes of a module.

    :param features: those that the module may use.
    :raises FatalError: there is no wasm-opt, or it fails.
    """
    diagnostics.step("run wasm-opt")
    program = find_wasm_opt()
    if program is None:
        raise FatalError("--wasm-opt: wasm-opt was not found", (HOW_TO_GET_IT,))
    module = b"".join(pieces)
    command = [program, *_flags(options, program, features)]
    root = options.cache_directory
    key = _key(command, module) if root is not None else ""
    if root is not None:
        known = read_frame(os.path.join(root, OPTIMIZED, key), _MAGIC)
        if known is not None:
            return [known]
    optimized = _run(command, module, options.output or "the module")
    if root is not None:
        size = store_file(root, OPTIMIZED, key, frame(_MAGIC, [optimized]))
        cache_at(root, options.cache_limit).wrote(size)
    return [optimized]


def _flags(options: LinkOptions, program: str, features: Set[str]) -> list[str]:
    """Return the user's flags after those that the module needs: its features, and its names if they are kept."""
    enabled = set(features)
    if options.memory64:
        enabled.add("memory64")
    flags = feature_flags(program, enabled)
    if options.keeps_names("functions"):
        # With it, wasm-opt also keeps debug information, and updates it.
        flags.append("-g")
    return [*flags, *shlex.split(options.wasm_opt)]


def _key(command: Sequence[str], module: bytes) -> str:
    digest = blake2b(repr((wasm_opt_version(command[0]), *command[1:])).encode("utf-8", "surrogateescape"))
    digest.update(module)
    return digest.hexdigest()[:40]


def _run(command: Sequence[str], module: bytes, name: str) -> bytes:
    try:
        with TemporaryDirectory("wasmlink-opt-") as directory:
            before, after = (os.path.join(directory, file) for file in ("linked.wasm", "optimized.wasm"))
            with open(before, "wb") as file:
                file.write(module)
            done = subprocess.run(
                [*command, before, "-o", after],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                check=False,
            )
            said = done.stdout.decode("utf-8", "backslashreplace").replace(before, name).splitlines()
            if done.returncode:
                raise FatalError(f"--wasm-opt: {' '.join(command)} failed on {name}", tuple(said[:20]))
            try:
                with open(after, "rb") as result:
                    optimized = result.read()
            except FileNotFoundError:
                optimized = b""
    except OSError as error:
        where = error.filename if isinstance(error.filename, str) else tempfile.gettempdir()
        raise FatalError(f"--wasm-opt: {where}: {error.strerror or error}") from None
    if not optimized.startswith(MAGIC + VERSION):
        # Flags such as --print or -S make it write something else.
        raise FatalError(f"--wasm-opt: {' '.join(command)} did not write a module", tuple(said[:20]))
    return optimized
