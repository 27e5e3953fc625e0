"""``--omit-zeros``: the memory after instantiation is the same, and no module is larger."""

from __future__ import annotations

import itertools
import random
import re
import zlib
from pathlib import Path

import pytest
import wasmtime

from tests.differential.asm import START, data, declare_first, extern
from tests.support.module import Module, Reader, read_module
from tests.support.toolchain import compile_object
from wasmlink_tool.cli import main
from wasmlink_tool.output import omit_zeros
from wasmlink_tool.output.omit_zeros import smallest_division

SECTIONS = (".rodata.", ".data.", ".own.", ".bss.")


def source_of(seed: int, *, pointers: bool = True) -> str:
    """Data objects of random contents: short and long runs of zeros, alone, at either end, and in between."""
    choose = random.Random(seed)
    parts = [START, extern("absent", flags="weak")]
    for number in range(choose.randint(1, 30)):
        body, size = [], 0
        section = choose.choice(SECTIONS)
        for _ in range(choose.randint(1, 12)):
            length = choose.choice((1, 2, 4, 5, 6, 7, 8, 9, 12, 18, 40, 127, 128, 300, 5000, 20000))
            what = choose.choice(("zeros", "bytes", "pointer", "null")) if section != ".bss." else "zeros"
            if what == "zeros" or (what in ("pointer", "null") and not pointers):
                body.append(f".zero {length}")
            elif what == "bytes":
                length = min(length, 300)
                body += [f".int8 {choose.choice((0, 1, 255))}" for _ in range(length)]
            else:
                # Relocated: bytes that are not in the object.
                length = 4
                body.append(f".int32 {'object0' if what == 'pointer' else 'absent'}")
            size += length
        body.append(".int8 0")
        parts.append(
            data(f"object{number}", *body, section=f"{section}{number}", size=size + 1, align=choose.randint(0, 4))
        )
    return declare_first("\n".join(parts))


def link(directory: Path, output: str, *options: str) -> bytes:
    arguments = [str(directory / "a.o"), "-o", str(directory / output), "--export-all", "--no-gc-sections", *options]
    assert main(arguments) == 0
    return (directory / output).read_bytes()


def compile_into(directory: Path, text: str) -> None:
    (directory / "a.o").write_bytes(compile_object(text, ".s", directory / "objects"))


def memory_of(module: bytes, offset: int = 0) -> bytes:
    """Return the memory of an instance; position-independent modules are put at ``offset``."""
    engine = wasmtime.Engine()
    store = wasmtime.Store(engine)
    compiled = wasmtime.Module(engine, module)
    imports: list[wasmtime.Global | wasmtime.Table] = []
    for entry in compiled.imports:
        type_ = entry.type
        if isinstance(type_, wasmtime.GlobalType):
            value = 1 << 16 if entry.name == "__stack_pointer" else offset if entry.name == "__memory_base" else 0
            imports.append(wasmtime.Global(store, type_, wasmtime.Val.i32(value)))
        else:
            assert isinstance(type_, wasmtime.TableType)
            imports.append(wasmtime.Table(store, type_, None))
    exports = wasmtime.Instance(store, compiled, imports).exports(store)
    relocate = exports.get("__wasm_apply_data_relocs")
    if isinstance(relocate, wasmtime.Func):
        relocate(store)
    memory = exports["memory"]
    assert isinstance(memory, wasmtime.Memory)
    return bytes(memory.read(store))


def check_names(plain: Module, packed: Module) -> None:
    """Each data segment is a part of the one that has its name in the plain module."""
    if "data" not in plain.names:
        return
    names = packed.names.get("data", {})
    assert set(names) == set(range(len(packed.data)))
    for index, segment in enumerate(packed.data):
        address = int(segment.offset.split()[-1])
        (owner,) = [
            i
            for i, whole in enumerate(plain.data)
            if int(whole.offset.split()[-1]) <= address
            and address + len(segment.content) <= int(whole.offset.split()[-1]) + len(whole.content)
        ]
        assert names[index] == plain.names["data"][owner]


MODES = ("", "-s", "-S --compress-relocations", "--no-merge-data-segments", "--data-order=packed -s", "--build-id")


@pytest.mark.parametrize("mode", MODES)
def test_memory_is_the_same_and_the_module_no_larger(mode: str, tmp_path: Path) -> None:
    smaller = 0
    for seed in range(25):
        compile_into(tmp_path, source_of(seed))
        plain = link(tmp_path, "plain.wasm", *mode.split())
        packed = link(tmp_path, "packed.wasm", "--omit-zeros", "--soname=plain.wasm", *mode.split())
        assert memory_of(packed) == memory_of(plain), seed
        assert len(packed) <= len(plain), seed
        check_names(read_module(plain), read_module(packed))
        smaller += len(packed) < len(plain)
    assert smaller > 20


def test_for_compression_the_data_compresses_no_worse(tmp_path: Path) -> None:
    better = 0
    for seed in range(20):
        compile_into(tmp_path, source_of(seed))
        plain = link(tmp_path, "plain.wasm", "-s")
        raw = link(tmp_path, "raw.wasm", "-s", "--omit-zeros")
        packed = link(tmp_path, "packed.wasm", "-s", "--omit-zeros", "--optimize-for=gzip")
        assert memory_of(packed) == memory_of(plain), seed
        sizes = [len(zlib.compress(module, 9)) for module in (plain, raw, packed)]
        # It is the data that is measured, without what is before it in the file.
        assert sizes[2] <= min(sizes) + 8, seed
        better += sizes[2] < sizes[0]
        assert len(packed) <= len(plain)
    assert better


@pytest.mark.parametrize("features", ["--extra-features=extended-const", ""])
def test_position_independent_executables(features: str, tmp_path: Path) -> None:
    for seed in range(8):
        compile_into(tmp_path, "# flags: -fPIC\n" + source_of(seed, pointers=False))
        options = ("-pie", "--experimental-pic", "--initial-memory=4194304", "-s", *features.split())
        plain = link(tmp_path, "plain.wasm", *options)
        packed = link(tmp_path, "packed.wasm", "--omit-zeros", *options)
        for offset in (0, 4096):
            assert memory_of(packed, offset) == memory_of(plain, offset), seed
        assert len(packed) <= len(plain), seed
        if not features:
            assert len(read_module(packed).data) <= 1


def test_wasm64(tmp_path: Path) -> None:
    for seed in range(8):
        compile_into(tmp_path, "# flags: -target wasm64-freestanding\n" + source_of(seed, pointers=False))
        plain = link(tmp_path, "plain.wasm", "-mwasm64")
        packed = link(tmp_path, "packed.wasm", "-mwasm64", "--omit-zeros", "--soname=plain.wasm")
        assert memory_of(packed) == memory_of(plain)
        assert len(packed) < len(plain)
        check_names(read_module(plain), read_module(packed))


def test_a_module_whose_data_is_all_zero_has_no_data_section(tmp_path: Path) -> None:
    compile_into(tmp_path, declare_first(START + data("zeros", ".zero 1000", size=1000)))
    assert "data" in read_module(link(tmp_path, "plain.wasm")).sections
    packed = read_module(link(tmp_path, "packed.wasm", "--omit-zeros"))
    assert "data" not in packed.sections
    assert "data" not in packed.names


def leb_size(value: int) -> int:
    return max(1, -(-value.bit_length() // 7))


def test_the_division_is_the_smallest_of_all() -> None:
    choose = random.Random(1)
    for _ in range(300):
        filled, at = [], 0
        for _ in range(choose.randint(1, 9)):
            start = at + choose.randint(1, 12)
            at = start + choose.choice((1, 5, 100, 120, 126, 128, 16370, 16384))
            filled.append((start, at))
        costs = [choose.randint(4, 10) for _ in filled]

        by_start = {start: cost for (start, _), cost in zip(filled, costs)}
        every = []
        for joined in itertools.product((False, True), repeat=len(filled) - 1):
            division = [filled[0]]
            for (start, end), join in zip(filled[1:], joined):
                if join:
                    division[-1] = (division[-1][0], end)
                else:
                    division.append((start, end))
            every.append(division)
        sizes = [sum(by_start[s] + leb_size(e - s) + e - s for s, e in division) for division in every]
        assert sizes[every.index(smallest_division(filled, costs))] == min(sizes)


def test_there_are_never_more_segments_than_engines_take(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The values are told apart by the runs before them, of which the longest have to be the ones left out.
    runs = [20 + number * 7 % 50 for number in range(50)]
    body = [line for length in runs for line in (f".zero {length}", ".int8 7")]
    compile_into(tmp_path, declare_first(START + data("table", *body, size=sum(runs) + len(runs))))
    plain = link(tmp_path, "plain.wasm", "-s")
    most = link(tmp_path, "most.wasm", "-s", "--omit-zeros")
    assert len(read_module(most).data) == len(runs)
    monkeypatch.setattr(omit_zeros, "MOST_SEGMENTS", 10)
    limited = link(tmp_path, "limited.wasm", "-s", "--omit-zeros")
    assert memory_of(limited) == memory_of(plain)
    segments = read_module(limited).data
    assert len(segments) == 10
    kept = max(len(match) for segment in segments for match in re.findall(rb"\0+", segment.content))
    starts = [int(segment.offset.split()[1]) for segment in segments]
    left_out = [b - a - len(s.content) for a, b, s in zip(starts, starts[1:], segments)]
    assert kept <= min(left_out)


@pytest.mark.parametrize(
    ("option", "named"),
    [
        ("--import-memory", "--import-memory"),
        ("--shared-memory --max-memory=1048576", "--shared-memory"),
        ("--emit-relocs", "--emit-relocs"),
        ("-r", "-r"),
        ("-shared --experimental-pic", "-shared"),
    ],
)
def test_what_needs_whole_segments_is_an_error(
    option: str, named: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    compile_into(tmp_path, START)
    assert main([str(tmp_path / "a.o"), "-o", str(tmp_path / "m.wasm"), "--omit-zeros", *option.split()]) == 1
    assert f"--omit-zeros is incompatible with {named}" in capfd.readouterr().err
    assert not (tmp_path / "m.wasm").exists()


def test_the_map_has_the_place_of_every_segment_and_symbol(tmp_path: Path) -> None:
    compile_into(tmp_path, source_of(3))
    module = link(tmp_path, "m.wasm", "--omit-zeros", f"--Map={tmp_path / 'map'}")
    memory = memory_of(module)
    rows = [line.split(None, 3) for line in (tmp_path / "map").read_text().splitlines()[1:]]
    # Offsets in the map do not count the header of the section.
    start, contents = next((at, contents) for at, identity, contents in section_places(module) if identity == 11)
    shown = 0
    for address, offset, _, name in rows:
        if name.startswith("object") and address != "-":
            place = int(offset, 16)
            first = module[place + contents - start] if place else 0
            assert first == memory[int(address, 16)], name
            shown += bool(place)
    assert shown
    in_map = [(int(row[0], 16), int(row[2], 16)) for row in rows if row[3].startswith(".") and row[0] != "-"]
    segments = [(int(s.offset.split()[1]), len(s.content)) for s in read_module(module).data]
    assert [segment for segment in segments if segment not in in_map] == []


def section_places(module: bytes) -> list[tuple[int, int, int]]:
    """Return where each section starts, its identity, and where its contents start."""
    reader = Reader(module, 8)
    found = []
    while not reader.at_end:
        start, identity = reader.position, reader.byte()
        content = reader.blob()
        found.append((start, identity, reader.position - len(content)))
    return found
