"""Links of assembled sources that change, clean and with a cache."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.toolchain import compile_object
from wasmlink_tool.cli import main


def relink(
    steps: list[list[str]], work: Path, objects: Path, capfd: pytest.CaptureFixture[str], *options: str
) -> list[int]:
    """Assemble and link the sources of each step, clean and with a cache; return the statuses.

    Both links write the same module, or say the same.

    :param objects: the directory that keeps assembled sources.
    """
    output = work / "module.wasm"
    paths = [work / f"{number}.o" for number in range(len(steps[0]))]
    statuses = []
    for sources in steps:
        for path, source in zip(paths, sources, strict=True):
            path.write_bytes(compile_object(source, ".s", objects))
        found = []
        for more in ([], [f"--cache-dir={work / 'cache'}"]):
            output.unlink(missing_ok=True)
            status = main(["-o", str(output), *map(str, paths), *options, *more])
            said = capfd.readouterr().err
            found.append((status, output.read_bytes() if output.exists() else said))
        assert found[0] == found[1]
        statuses.append(found[0][0])
    return statuses
