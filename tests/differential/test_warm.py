"""Links that begin with what the last one left in a cache: what they write and say is what a link without one does.

Each case is linked with an empty cache, once more with nothing changed, and then after each of several objects was
touched: it gets a section that no output has, or one that every output has, so that it is another object to the cache.
At last one of them is edited in what it refers to.
"""

from __future__ import annotations

import zlib
from dataclasses import replace
from pathlib import Path

import pytest

from tests.differential import harness
from tests.differential.cases import all_cases
from tests.differential.generate import rich_program
from tests.differential.harness import Case, Result
from tests.support.edited_relocations import drop_references, raise_addends
from tests.support.objects import MAGIC, custom
from wasmlink_tool.cli import main
from wasmlink_tool.inputs import parse_cache

ROOMS_LEFT_OUT = ("lto", "cache")
"""Code is generated from bitcode; caches are told where they are."""
CASES = [
    pytest.param(case, id=f"{room}-{case.name}")
    for room, case in all_cases()
    if room not in ROOMS_LEFT_OUT and "uuid" not in case.args and "cache-dir" not in case.args
]
PROGRAMS = [pytest.param(rich_program(seed), id=f"program{seed}") for seed in range(0, 120, 4)]
MOST_TOUCHED = 3
TOUCHES = (custom("touched", b""), custom("touched", b"once"))


def is_object(path: Path) -> bool:
    return path.suffix == ".o" and path.read_bytes().startswith(MAGIC)


@pytest.mark.parametrize("case", [*CASES, *PROGRAMS])
def test_same_as_without_a_cache(
    case: Case, tmp_path: Path, objects: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    directory = tmp_path / "link"
    arguments = harness.command_line(case, reference=False)
    strict = replace(case, bytewise=True, ignore="")

    # As in lld, nothing is before the flavor.
    flavor = 2 * (arguments[:1] == ["-flavor"])

    def link(*more: str) -> Result:
        # As in a new process, half of the time.
        if zlib.crc32(case.name.encode()) & 1:
            parse_cache.forget()
        words = [*arguments[:flavor], *more, *arguments[flavor:]]
        result = harness.run_here(main, words, directory, capfdbinary.readouterr)
        for name in result.files:
            # The next link writes it anew.
            (directory / name).unlink()
        return result

    def check(what: str) -> None:
        clean, warm = link(), link(f"--cache-dir={tmp_path / 'cache'}")
        problems = harness.compare(strict, clean, warm)
        assert not problems, "\n\n".join([f"args: {case.args}", what, *problems])

    harness.prepare(case, directory, objects)
    check("with an empty cache")
    check("with nothing changed")
    touched = [path for path in sorted(directory.iterdir()) if is_object(path)][:MOST_TOUCHED]
    for number, path in enumerate(touched):
        # Compiled objects are shared, as links to one file.
        contents = path.read_bytes()
        path.unlink()
        path.write_bytes(contents + TOUCHES[number % len(TOUCHES)])
        check(f"with {path.name} touched")
    if touched:
        path = touched[zlib.crc32(case.name.encode()) % len(touched)]
        contents = path.read_bytes()
        for edit in (raise_addends, drop_references):
            if edit(contents) != contents:
                path.write_bytes(edit(contents))
                check(f"with {path.name} edited: {edit.__name__}")
