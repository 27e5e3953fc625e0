"""``--compress-relocations`` with debug information: it describes the shorter code as it describes the other.

The oracle is LLVM: each address that llvm-dwarfdump prints is replaced by what is there according to llvm-objdump ("the
fifth instruction of the second function"). Then both modules must have the same line table, ranges and locations.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from tests.differential import harness
from tests.differential.asm import declare_first, func
from tests.icf.test_behaviour import Generator
from tests.support.linking import describe_relocations
from tests.support.llvm_tools import code_places, described_code, line_rows, llvm_tool, output_of
from tests.support.module import read_module
from tests.support.toolchain import compile_object, compile_sources
from wasmlink_tool.binary.leb128 import padded, sleb, uleb
from wasmlink_tool.binary.reader import Reader
from wasmlink_tool.linker import LinkResult, link
from wasmlink_tool.linking import parallel
from wasmlink_tool.linking.compress.body_places import BodyPlaces
from wasmlink_tool.linking.compress.line_programs import rewrite_program
from wasmlink_tool.linking.explain.line_table import LineProgram, LineSequence, run_program
from wasmlink_tool.options import IcfLevel, LinkOptions

C = {
    "main.c": """\
// flags: -Wno-everything
int other(int), shared(int *), kept[100];
static int inlined(int x, int y) { int z = x * y; if (z > 10) { int w = z - 10; shared(&w); return w; } return z; }
int shared(int *p) { return kept[*p & 63] += *p; }
__attribute__((noinline)) static int removed(int n) { return shared(&n) + other(n); }
int run(int n) {
  int sum = 0;
  for (int i = 0; i < (n & 15); i++) { int q = inlined(i, n); sum += q; shared(&sum); { int r = other(q); sum ^= r; } }
  switch (n) {
    case 1: return sum;
    case 2: return shared(&sum);
    case 3: other(sum); goto last;
    case 4: return 9;
    default: sum++;
  }
last:
  return sum;
}
""",
    "other.c": """\
// flags: -Wno-everything
static int table[] = {1, 2, 3, 4};
int other(int n) { int *p = table; for (int i = 0; i < 4; i++) { int v = p[i] * n; p[i] = v % 1000; } return p[n & 3]; }
int nobody(int n) { return other(n) + 1; }
""",
}
SHARED = """\
struct Shape { int n; Shape(int n) : n(n) {} virtual int area() const { return n; } };
template <class T> T twice(T x) { T y = x + x; if (y > 100) { T z = y - 100; return z; } return y; }
template <class F> inline int apply(F f, int n) { int s = 0; for (int i = 0; i < n; i++) s += f(i); return s; }
"""
CPP = {
    "main.cpp": f"""\
// flags: -Wno-everything
{SHARED}
struct Square : Shape {{ using Shape::Shape; int area() const override {{ return n * n; }} }};
int second(int);
int measure(const Shape &s) {{ return twice(s.area()); }}
extern "C" int run(int n) {{
  Square square(n & 7); Shape shape(n);
  int sum = measure(square) + measure(shape) + second(n);
  return sum + apply([&](int i) {{ int q = twice(i + n); return q ^ sum; }}, n & 7);
}}
""",
    "second.cpp": f"""\
// flags: -Wno-everything
{SHARED}
int second(int n) {{ Shape s(n); return twice(n) + apply([](int i) {{ return twice(i); }}, s.area() & 7); }}
""",
}
LANGUAGES = {"c": C, "c++": CPP}
CALLS = [f"run({n})" for n in (0, 1, 2, 3, 4, 100)]


def linked(objects: list[str], **options: Any) -> LinkResult:
    # Strings are not merged: llvm-dwarfdump takes the end of another string for damage.
    given: dict[str, Any] = {"entry": None, "exports": ["run"], "output": None, "optimize": 0, **options}
    return link(LinkOptions(inputs=objects, **given))


def both(objects: list[str], directory: Path, **options: Any) -> tuple[Path, Path]:
    """Link with and without compressed relocations; return the modules."""
    paths = directory / "plain.wasm", directory / "compressed.wasm"
    for path, compress in zip(paths, (False, True), strict=True):
        result = linked(objects, compress_relocations=compress, **options)
        assert result.diagnostics == ()
        path.write_bytes(result.module)
    return paths


@pytest.fixture
def tools() -> None:
    if llvm_tool("llvm-dwarfdump") is None or llvm_tool("llvm-objdump") is None:
        pytest.skip("needs llvm-dwarfdump and llvm-objdump")


def check_description(plain: Path, compressed: Path) -> None:
    """Check that the debug information of both modules describes the same code."""
    assert compressed.stat().st_size < plain.stat().st_size
    before, after = code_places(plain), code_places(compressed)
    assert list(before.values()) == list(after.values())
    assert before.keys() != after.keys()
    rows, new_rows = (
        [(places.get(row.address, row.address), row.rest) for row in line_rows(module)]
        for module, places in ((plain, before), (compressed, after))
    )
    assert rows
    assert rows == new_rows
    text = described_code(compressed, after)
    assert text == described_code(plain, before)
    assert " of function " in text
    assert "No errors." in output_of("llvm-dwarfdump", "--verify", str(compressed))


VARIANTS = {
    "version 2": "-gdwarf-2 -O1",
    "version 3": "-gdwarf-3 -O1",
    "version 4, not optimised": "-gdwarf-4 -O0",
    "version 4": "-gdwarf-4 -O2",
    "version 5, not optimised": "-gdwarf-5 -O0",
    "version 5": "-gdwarf-5 -O2",
    "an index of ranges": "-gdwarf-4 -gdwarf-aranges -O2",
    "types apart": "-gdwarf-4 -fdebug-types-section -O1",
    "offsets from addresses": "-gdwarf-5 -O2 -mllvm -minimize-addr-in-v5=Form",
    "ranges in place of ends": "-gdwarf-5 -O2 -mllvm -minimize-addr-in-v5=Ranges",
}


@pytest.mark.parametrize("flags", VARIANTS.values(), ids=VARIANTS)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.usefixtures("tools")
def test_every_address_refers_to_the_same_instruction(language: str, flags: str, tmp_path: Path) -> None:
    plain, compressed = both(compile_sources(LANGUAGES[language], tmp_path, flags), tmp_path)
    check_description(plain, compressed)
    results = [harness.run_module(module.read_bytes(), CALLS)[0] for module in (plain, compressed)]
    assert results[0] == results[1]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.usefixtures("tools")
def test_random_programs(seed: int, tmp_path: Path) -> None:
    program = Generator(seed).program()
    objects = compile_sources(program.sources, tmp_path, "-gdwarf-4" if seed % 2 else "-gdwarf-5")
    check_description(*both(objects, tmp_path, exports=program.exports))


@pytest.mark.usefixtures("tools")
def test_64_bit_addresses(tmp_path: Path) -> None:
    objects = compile_sources(C, tmp_path, "-gdwarf-4 -O1 -target wasm64-freestanding")
    check_description(*both(objects, tmp_path, memory64=True))


@pytest.mark.usefixtures("tools")
def test_assembly(tmp_path: Path) -> None:
    source = declare_first(
        func("run", "(i32) -> (i32)", "local.get 0", "call f") + func("f", "(i32) -> (i32)", "local.get 0")
    )
    path = tmp_path / "run.o"
    path.write_bytes(compile_object("# flags: -g\n" + source, ".s", tmp_path / "objects"))
    check_description(*both([str(path)], tmp_path))


@pytest.mark.usefixtures("tools")
def test_folded_functions(tmp_path: Path) -> None:
    """Their line tables refer to the functions that stay, whose code has another position."""
    for seed in (4, 6):
        program = Generator(seed).program()
        objects = compile_sources(program.sources, tmp_path, "-gdwarf-4")
        check_description(*both(objects, tmp_path, exports=program.exports, icf=IcfLevel.ALL))


def test_child_processes_write_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    objects = compile_sources(C, tmp_path, "-gdwarf-5 -O1")
    expected = linked(objects, compress_relocations=True).module
    monkeypatch.setattr(parallel, "WORTH_A_PROCESS", 1)
    assert linked(objects, compress_relocations=True, threads=2).module == expected


def test_a_cache_directory_changes_nothing(tmp_path: Path) -> None:
    objects = compile_sources(C, tmp_path, "-gdwarf-4 -O1")
    expected = linked(objects, compress_relocations=True).module
    for _ in range(3):
        found = linked(objects, compress_relocations=True, cache_directory=str(tmp_path / "cache"))
        assert found.module == expected


def test_emitted_relocations_refer_to_the_fields_where_they_are(tmp_path: Path) -> None:
    objects = compile_sources(C, tmp_path, "-gdwarf-4 -O1")
    plain, compressed = (
        read_module(linked(objects, compress_relocations=value, emit_relocs=True).module) for value in (False, True)
    )
    for name in (".debug_line", ".debug_info"):
        contents = compressed.custom(name)
        assert contents is not None
        entries, others = (
            describe_relocations(name, module.custom(f"reloc.{name}") or b"") for module in (compressed, plain)
        )
        assert len(entries) == len(others) > 0


REFUSED = {
    "addresses as expressions": ("-gdwarf-5 -O1 -mllvm -minimize-addr-in-v5=Expressions", "DW_AT_low_pc"),
    "another file": ("-gdwarf-4 -O1 -gsplit-dwarf=single", "-gsplit-dwarf"),
}


@pytest.mark.parametrize(("flags", "why"), REFUSED.values(), ids=REFUSED)
def test_code_that_debug_information_cannot_follow_stays_as_it_is(flags: str, why: str, tmp_path: Path) -> None:
    (main,) = compile_sources({"main.c": C["main.c"]}, tmp_path, flags)
    (other,) = compile_sources({"other.c": C["other.c"]}, tmp_path, "-gdwarf-4 -O1")
    plain, result = (linked([main, other], compress_relocations=value) for value in (False, True))
    (warning,) = result.diagnostics
    assert warning.text.startswith(f"{main}: relocations in its code are not compressed")
    assert why in warning.text
    before, after = (
        dict(zip(module.names["function"].values(), module.code, strict=True))
        for module in map(read_module, (plain.module, result.module))
    )
    assert before["run"] == after["run"]
    assert len(before["other"]) > len(after["other"])
    stripped = linked([main, other], compress_relocations=True, strip_debug=True)
    assert stripped.diagnostics == ()
    assert len(stripped.module) < len(result.module)


# Line number programs, random ones

HEADER = LineProgram(1, 1, -5, 14, [0, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1], [None, "a.c", "b.c"], [b""])


def random_program(choice: random.Random, size: int) -> bytes:
    """A sequence after its first address: every opcode, advances of every length, up to ``size`` in all."""
    out = bytearray()
    address = 0
    while address < size:
        kind = choice.randrange(12)
        by = choice.choice((0, 1, choice.randrange(20), choice.randrange(200)))
        if kind < 4:
            opcode = choice.randrange(13, 256)
            address += (opcode - 13) // 14
            out.append(opcode)
        elif kind == 4:
            out.append(1)
        elif kind == 5:
            address += by
            out += b"\2" + (uleb(by) if choice.random() < 0.7 else padded(by, 4))
        elif kind == 6:
            out += b"\3" + sleb(choice.randrange(0, 1000))
        elif kind == 7:
            out += b"\4" + uleb(choice.randrange(1, 3))
        elif kind == 8:
            address += 17
            out.append(8)
        elif kind == 9:
            address += by
            out += b"\x09" + by.to_bytes(2, "little")
        elif kind == 10:
            out += choice.choice((b"\5\x09", b"\6", b"\7", b"\x0a", b"\x0b", b"\x0c\1", b"\0\2\4\7"))
        else:
            out += b"\0\3\x80ab"
    return bytes(out) + b"\0\1\1"


def rows_of(program: bytes, address: int) -> tuple[list[tuple[int, object]], int]:
    sequences: list[LineSequence] = []
    contents = b"\0\5\2" + address.to_bytes(4, "little") + program
    run_program(Reader(contents, 0, len(contents)), HEADER, sequences)
    (sequence,) = sequences
    return list(zip(sequence.addresses, sequence.rows, strict=True)), sequence.end


def test_random_line_programs_have_the_rows_of_the_shorter_code() -> None:
    for seed in range(300):
        choice = random.Random(seed)
        size = choice.choice((40, 300, 3000))
        body = BodyPlaces([], [0])
        position = 0
        while (position := position + choice.randrange(5, 60)) < size:
            body.ends.append(position)
            body.saved.append(body.saved[-1] + choice.randrange(5))
        program = b"\x15" + random_program(choice, size)
        rows, end = rows_of(program, 0)
        out = bytearray()
        assert rewrite_program(
            program, 0, len(program), HEADER.line_range, bytes(HEADER.operands), body, 0, out
        ) == len(program)
        new_rows, new_end = rows_of(bytes(out), 0)
        assert new_rows == [(body.place(address), row) for address, row in rows], seed
        assert new_end == body.place(end)


def test_places_in_shortened_numbers_ascend() -> None:
    body = BodyPlaces([10, 20], [0, 4, 8])
    places = [body.place(offset) for offset in range(30)]
    assert places == sorted(places)
    assert [body.place(offset) for offset in (5, 10, 15, 20)] == [5, 6, 11, 12]
