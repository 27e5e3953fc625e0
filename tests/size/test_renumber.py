"""``--renumber``: functions, types and table entries in another order, where that is smaller, and the same program."""

from __future__ import annotations

import gzip
import random
import re
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from tests.differential import harness
from tests.differential.asm import declare_first, func
from tests.icf.conftest import Folded
from tests.icf.test_behaviour import Generator, results
from tests.support.llvm_tools import code_places, described_code, line_rows, llvm_tool, output_of
from tests.support.module import read_module
from tests.support.toolchain import compile_object, compile_sources
from wasmlink_tool.cli import main
from wasmlink_tool.linker import link
from wasmlink_tool.linking.function_order import by_similarity, by_use
from wasmlink_tool.options import LinkOptions, OptimizeFor


def linked(objects: list[str], **options: Any) -> bytes:
    given: dict[str, Any] = {"entry": None, "output": None, "compress_relocations": True, **options}
    return link(LinkOptions(inputs=objects, **given)).module


def many_functions(seed: int, count: int = 600) -> str:
    """C functions of many kinds, three of each, that call each other: a few are called by nearly all."""
    choice = random.Random(seed)
    steps = [f"x = (x << {i % 7 + 1}) ^ y * {i * 77 + 5}; y += x % {i + 3};" for i in range(200)]
    kinds = [" ".join(choice.choice(steps) for _ in range(14)) for _ in range(count // 3)]
    lines = ["// flags: -fno-builtin -ffunction-sections", "#define KEEP __attribute__((noinline))"]
    lines += [f"KEEP int f{i}(int x, int y);" for i in range(count)]
    popular = [choice.randrange(count // 2, count) for _ in range(5)]
    for i in range(count):
        body = f"{choice.choice(kinds)} x += {choice.randrange(1000)};"
        later = [target for target in popular if target > i]
        calls = "".join(f" x ^= f{target}(y, x);" for target in choice.sample(later, min(2, len(later))))
        following = f" if (x & 1) x += f{i + 1}(x & 15, y);" if i + 1 < count else ""
        lines.append(f"KEEP int f{i}(int x, int y) {{ {body}{calls}{following} return x; }}")
    lines.append(f"int (*table[])(int, int) = {{{', '.join(f'f{i}' for i in range(0, count, 3))}}};")
    entries = " ".join(f"s ^= table[{i % (count // 3)}](n, {i});" for i in range(0, 40, 7))
    lines.append(f"int run(int n) {{ int s = f{count - 9}(n, 3); {entries} return s; }}")
    return "\n".join(lines) + "\n"


CALLS = [f"run({n})" for n in (0, 1, 5, 1000)]


@pytest.mark.parametrize("size", OptimizeFor)
@pytest.mark.parametrize("seed", range(3))
def test_it_is_never_larger_and_computes_the_same(seed: int, size: OptimizeFor, tmp_path: Path) -> None:
    objects = compile_sources({"a.c": many_functions(seed)}, tmp_path, "-Os")
    asked: dict[str, Any] = {"exports": ["run"], "strip_all": True, "optimize_for": size}
    plain, renumbered = (linked(objects, renumber=value, **asked) for value in (False, True))
    compressed, before = (len(gzip.compress(module, 9)) for module in (renumbered, plain))
    assert compressed <= before
    if size is OptimizeFor.RAW:
        assert len(renumbered) <= len(plain)
    else:
        assert compressed < before
    assert harness.run_module(renumbered, CALLS)[0] == harness.run_module(plain, CALLS)[0]


MODES: dict[str, tuple[str, dict[str, Any]]] = {
    "plain": ("", {"compress_relocations": False}),
    "compressed": ("", {}),
    "everything exported": ("", {"export_all": True}),
    "code for any address": ("-fPIC", {}),
    "without optimization": ("-O0", {}),
    "wasm64": ("-target wasm64-freestanding", {"memory64": True}),
    "smallest": ("", {"smallest": True}),
    "table exported": ("", {"export_table": True}),
}


@pytest.mark.parametrize("mode", MODES)
def test_random_programs_compute_the_same(mode: str, tmp_path: Path) -> None:
    flags, options = MODES[mode]
    for seed in (4, 11):
        program = Generator(seed).program()
        objects = compile_sources(program.sources, tmp_path, flags)
        asked = {"exports": program.exports, "strip_all": False, **options}
        modules = [linked(objects, renumber=value, optimize_for=OptimizeFor.GZIP, **asked) for value in (False, True)]
        found, expected = (results(Folded(module, [])) for module in modules)
        assert found == expected


def test_commands_whose_functions_are_wrapped(tmp_path: Path) -> None:
    source = """\
// flags:
static int n; __attribute__((constructor)) void first(void) { n = 3; }
__attribute__((export_name("one"))) int one(void) { return n; }
__attribute__((export_name("two"))) int two(int x) { return n * x; }
"""
    objects = compile_sources({"a.c": source + many_functions(1, 200).partition("\n")[2]}, tmp_path)
    for size in OptimizeFor:
        module = linked(objects, renumber=True, optimize_for=size)
        assert harness.run_module(module, ["one()", "two(5)"])[0] == {"one()": 3, "two(5)": 15}


def test_the_names_are_those_of_the_functions(tmp_path: Path) -> None:
    objects = compile_sources({"a.c": many_functions(2)}, tmp_path)
    plain, renumbered = (
        read_module(linked(objects, exports=["run"], renumber=value, optimize_for=OptimizeFor.GZIP))
        for value in (False, True)
    )
    sizes = [
        {name: len(module.code[number]) for number, name in module.names["function"].items()}
        for module in (plain, renumbered)
    ]
    assert list(plain.names["function"].values()) != list(renumbered.names["function"].values())
    # A few calls take another number of bytes.
    assert all(abs(sizes[0][name] - sizes[1][name]) < 12 for name in sizes[0])


def test_debug_information_follows(tmp_path: Path) -> None:
    if llvm_tool("llvm-dwarfdump") is None or llvm_tool("llvm-objdump") is None:
        pytest.skip("needs llvm-dwarfdump and llvm-objdump")
    objects = compile_sources({"a.c": many_functions(3)}, tmp_path, "-gdwarf-4 -O1")
    paths = tmp_path / "plain.wasm", tmp_path / "renumbered.wasm"
    for path, value in zip(paths, (False, True), strict=True):
        path.write_bytes(linked(objects, exports=["run"], renumber=value, optimize=0, optimize_for=OptimizeFor.GZIP))
    before, after = map(code_places, paths)
    assert sorted(before.values()) == sorted(after.values())
    assert before != after
    rows = [
        [(places[row.address], row.rest) for row in line_rows(module)]
        for module, places in zip(paths, (before, after), strict=True)
    ]
    assert rows[0] == rows[1]
    assert described_code(paths[0], before) == described_code(paths[1], after)
    assert "No errors." in output_of("llvm-dwarfdump", "--verify", str(paths[1]))


def test_the_order_depends_on_the_inputs_alone(tmp_path: Path) -> None:
    """Not on the seed of hashes."""
    objects = compile_sources({"a.c": many_functions(4)}, tmp_path)
    modules = set()
    for seed in ("1", "2"):
        command = [
            sys.executable,
            "-m",
            "wasmlink_tool",
            "--smallest",
            "--optimize-for=gzip",
            "--no-entry",
            "--export=run",
        ]
        command += [*objects, "-o", str(tmp_path / "m.wasm")]
        subprocess.run(command, check=True, env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[2])})
        modules.add((tmp_path / "m.wasm").read_bytes())
    assert len(modules) == 1


def test_the_map_is_that_of_the_module(tmp_path: Path) -> None:
    objects = compile_sources({"a.c": many_functions(5)}, tmp_path)
    module = linked(
        objects, exports=["run"], renumber=True, optimize_for=OptimizeFor.GZIP, map_file=str(tmp_path / "m.map")
    )
    parsed = read_module(module)
    order = list(parsed.names["function"].values())
    found = re.findall(r"^ +- +([0-9a-f]+) +([0-9a-f]+) {9}\S.*:\((\w+)\)$", (tmp_path / "m.map").read_text(), re.M)
    assert [name for _, _, name in found] == order
    offsets = [int(offset, 16) for offset, _, _ in found]
    assert offsets == sorted(offsets)


def many_types(count: int) -> list[str]:
    """Signatures of functions without results."""
    return [" ".join(kinds) for kinds in product(("i32", "i64", "f32", "f64"), repeat=4)][:count]


def test_rare_types_take_the_larger_numbers(tmp_path: Path) -> None:
    """With more than 128 types, in order of first use the last ones would take two bytes."""
    kinds = many_types(200)
    text = "".join(func(f"f{i}", f"({kind.replace(' ', ', ')}) -> ()") for i, kind in enumerate(kinds))
    choice = random.Random(1)
    frequent = [choice.choice(kinds[-20:]).replace(" ", ", ") for _ in range(600)]
    text += "".join(func(f"g{i}", f"({kind}) -> ()") for i, kind in enumerate(frequent))
    (tmp_path / "a.o").write_bytes(compile_object(declare_first(text), ".s", tmp_path / "objects"))
    asked: dict[str, Any] = {"gc_sections": False, "strip_all": True}
    plain, renumbered = (linked([str(tmp_path / "a.o")], renumber=value, **asked) for value in (False, True))
    assert len(plain) - len(renumbered) >= 500


@pytest.mark.parametrize("option", ["-r", "--emit-relocs"])
def test_relocations_do_not_go_with_it(option: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.o").write_bytes(compile_object(declare_first(func("_start")), ".s", tmp_path / "objects"))
    assert main([str(tmp_path / "a.o"), "-o", str(tmp_path / "m.wasm"), "--renumber", option]) == 1
    assert f"{option} and --renumber may not be used together" in capfd.readouterr().err


def leb_size(number: int) -> int:
    return max(number.bit_length() + 6, 7) // 7


def test_no_order_makes_the_numbers_shorter() -> None:
    for seed in range(50):
        choice = random.Random(seed)
        count, first = choice.choice((3, 200, 20_000)), choice.choice((0, 5, 130))
        uses = [choice.choice((0, 1, 1, 2, 50)) for _ in range(count)]
        order = by_use(range(count), uses, first)
        assert sorted(order) == list(range(count))
        best = sorted(uses, reverse=True)
        assert sum(uses[function] * leb_size(first + i) for i, function in enumerate(order)) == sum(
            use * leb_size(first + i) for i, use in enumerate(best)
        )


def test_similar_functions_are_side_by_side() -> None:
    choice = random.Random(1)
    families = [choice.randbytes(300) for _ in range(20)]
    bodies = [family[:200] + choice.randbytes(20) + family[220:] for _ in range(6) for family in families]
    order = by_similarity(bodies)
    assert sorted(order) == list(range(len(bodies)))
    assert [function % 20 for function in order] == [family for family in range(20) for _ in range(6)]


MULTIVALUE = """\
# flags: -mmultivalue
"""


def test_types_of_blocks_are_signed_numbers(tmp_path: Path) -> None:
    """The type index 64 of a block in one byte would be a negative number."""
    kinds = many_types(90)
    text = "".join(func(f"f{i}", f"({kind.replace(' ', ', ')}) -> ()") for i, kind in enumerate(kinds))
    drop = ("block () -> (i32, i32)", "i32.const 1", "i32.const 2", "end_block", "drop")
    source = declare_first(text + func("run", "() -> (i32)", *drop))
    (tmp_path / "a.o").write_bytes(compile_object(MULTIVALUE + source, ".s", tmp_path / "objects"))
    for value in (False, True):
        module = linked([str(tmp_path / "a.o")], export_all=True, strip_all=True, renumber=value, check_features=False)
        assert harness.run_module(module, ["run()"])[0] == {"run()": 1}
