"""Debug information of folded functions: tombstones, except in line tables, as in ELF lld."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.icf.conftest import Folded, Link
from tests.icf.test_behaviour import Generator

SOURCES = {
    "one.c": """\
__attribute__((noinline)) int one(int n) { int s = 0; for (int i = 0; i < n; i++) s += n ^ i; return s; }
int two(int);
int run(int n) { return one(n) + two(n) * 5; }
""",
    "two.c": """\

__attribute__((noinline)) int two(int n) {
  int s = 0;
  for (int i = 0; i < n; i++)
    s += n ^ i;
  return s;
}
""",
}
SET_ADDRESS = re.compile(rb"\x00\x05\x02(....)", re.DOTALL)
"""In a line table: where a sequence begins."""


def dwarfdump() -> str:
    for version in ("", *(f"-{number}" for number in range(30, 12, -1))):
        found = shutil.which(f"llvm-dwarfdump{version}")
        if found:
            return found
    pytest.skip("needs llvm-dwarfdump")


def linked(level: str, flags: str, folded: Link, **more: object) -> Folded:
    sources = {name: f"// flags: {flags} -O1\n{text}" for name, text in SOURCES.items()}
    return folded(level, sources, exports=["run"], **more)


def section(result: Folded, name: str) -> bytes:
    found = result.module.custom(name)
    assert found is not None
    return found


def sequences(result: Folded) -> list[int]:
    """Return the addresses at which the line table's sequences begin."""
    return [int.from_bytes(found, "little") for found in SET_ADDRESS.findall(section(result, ".debug_line"))]


@pytest.mark.parametrize("flags", ["-gdwarf-4", "-gdwarf-5"])
def test_the_line_table_of_a_folded_function_is_that_of_the_other_place(flags: str, folded: Link) -> None:
    plain, result = (linked(level, flags, folded) for level in ("none", "all"))
    assert result.folds == {"one": ["two"]}
    one, run, two = sequences(plain)
    assert one < run < two
    assert sequences(result) == [one, run, one]
    addresses = ".debug_info" if flags == "-gdwarf-4" else ".debug_addr"
    gone = b"\xff\xff\xff\xff"
    assert gone not in section(plain, addresses)
    # The unit and the function begin there; in an index of addresses they share an entry.
    assert section(result, addresses).count(gone) == (2 if flags == "-gdwarf-4" else 1)


def test_emitted_relocations_are_those_of_the_values(folded: Link) -> None:
    """A field with a tombstone has no relocation left: the next tool would make it an address again."""
    plain, result = (linked(level, "-gdwarf-4", folded, emit_relocs=True) for level in ("none", "all"))
    counts = [section(found, "reloc..debug_info") for found in (plain, result)]
    assert len(counts[1]) < len(counts[0])


@pytest.mark.parametrize("flags", ["-gdwarf-4", "-gdwarf-4 -fdebug-types-section"])
@pytest.mark.parametrize("level", ["safe", "all"])
def test_debug_information_is_valid(level: str, flags: str, folded: Link, tmp_path: Path) -> None:
    tool = dwarfdump()
    folds = 0
    for seed in (4, 6):
        program = Generator(seed).program()
        sources = {name: text.replace("// flags:", f"// flags: {flags}") for name, text in program.sources.items()}
        result = folded(level, sources, exports=program.exports)
        folds += len(result.folds)
        path = tmp_path / "module.wasm"
        path.write_bytes(result.content)
        done = subprocess.run([tool, "--verify", str(path)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
        assert "No errors." in done.stdout
    assert folds
