"""Reading the symbol tables of bitcode files, whole and damaged."""

from __future__ import annotations

import random
import struct
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from tests.badinput.test_mutations import mutate
from tests.support.toolchain import compile_object, zig
from wasmlink_tool import LinkError, LinkOptions, link
from wasmlink_tool.binary.constants import SymbolFlag
from wasmlink_tool.binary.reader import FormatError
from wasmlink_tool.inputs.bitcode import BitcodeFile
from wasmlink_tool.lto.libcalls import runtime_libcalls

HIDDEN, WEAK, UNDEFINED, TLS = (
    SymbolFlag.VISIBILITY_HIDDEN,
    SymbolFlag.BINDING_WEAK,
    SymbolFlag.UNDEFINED,
    SymbolFlag.TLS,
)
SOURCE = """// flags: -flto -O1 -fvisibility=default
extern int elsewhere;
extern int maybe(void) __attribute__((weak));
int common[4];
_Thread_local int mine;
__attribute__((visibility("hidden"))) int hidden(void) { return elsewhere; }
__attribute__((weak)) int weak(void) { return maybe ? maybe() : mine; }
__attribute__((used)) static int local(void) { return 1; }
__attribute__((used)) int kept(void) { return 2; }
double sqrt(double x) { return x; }
"""
INLINE = "// flags: -flto -O0\ninline int f() { static int count; return ++count; }\nint g() { return f(); }\n"


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return compile_object(SOURCE, ".c", tmp_path_factory.mktemp("bitcode"))


def test_symbols(plain: bytes) -> None:
    file = BitcodeFile(plain)
    assert file.architecture == "wasm32"
    assert file.llvm_version >= 15
    assert not file.is_thin
    found = {symbol.name.decode(): symbol for symbol in file.symbols}
    assert {name: symbol.flags for name, symbol in found.items()} == {
        "elsewhere": UNDEFINED,
        "maybe": UNDEFINED | WEAK,
        "common": 0,
        "mine": TLS,
        "hidden": HIDDEN,
        "weak": WEAK,
        "kept": 0,
        "sqrt": 0,
    }
    assert {name for name, symbol in found.items() if symbol.is_function} == {"maybe", "hidden", "weak", "kept", "sqrt"}
    # What the module says is used, and what code generation may call.
    assert {name for name, symbol in found.items() if symbol.is_used} == {"kept", "sqrt"}
    assert file.defined_symbols() == [s.name for s in file.symbols if s.name not in (b"elsewhere", b"maybe")]


def test_groups(tmp_path: Path) -> None:
    file = BitcodeFile(compile_object(INLINE, ".cpp", tmp_path))
    groups = {symbol.name.decode(): symbol.comdat for symbol in file.symbols}
    assert groups["_Z1gv"] == -1
    assert file.comdats[groups["_Z1fv"]] == b"_Z1fv"


def test_thin(tmp_path: Path) -> None:
    assert BitcodeFile(compile_object(SOURCE.replace("-flto", "-flto=thin"), ".c", tmp_path)).is_thin


def test_files_of_several_modules(plain: bytes, tmp_path: Path) -> None:
    assert len(BitcodeFile(plain).modules()) == 1
    text = (
        "// flags: -flto=thin -O1 -fwhole-program-vtables -fvisibility=hidden\n"
        "struct base { virtual int f(); }; int base::f() { return 1; } int g(base *b) { return b->f(); }\n"
    )
    modules = BitcodeFile(compile_object(text, ".cpp", tmp_path)).modules()
    assert len(modules) == 2
    for number, module in enumerate(modules):
        (tmp_path / f"{number}.bc").write_bytes(module)
        command = [zig(), "clang", "--target=wasm32", "-x", "ir", f"{number}.bc", "-S", "-emit-llvm", "-o", "out.ll"]
        subprocess.run(command, cwd=tmp_path, check=True)


def test_position_independent(tmp_path: Path) -> None:
    assert BitcodeFile(compile_object(SOURCE.replace("-flto", "-flto -fPIC"), ".c", tmp_path)).is_position_independent


def test_within_other_data(plain: bytes) -> None:
    """The bitcode starts in the middle of the data, like an archive's member."""
    file = BitcodeFile(b"abc" + plain + b"\n", 3, 3 + len(plain))
    assert file.symbols == BitcodeFile(plain).symbols
    assert file.contents == plain


def test_wrapper(plain: bytes) -> None:
    wrapped = struct.pack("<5I", 0x0B17C0DE, 0, 20, len(plain), 7) + plain + b"padding"
    assert BitcodeFile(wrapped).symbols == BitcodeFile(plain).symbols
    with pytest.raises(FormatError, match="wrapper"):
        BitcodeFile(wrapped[:100])


def test_libcalls() -> None:
    names = runtime_libcalls("wasm32-unknown-unknown")
    assert list(names) == sorted(set(names))
    assert {b"memcpy", b"__multi3", b"sqrtf", b"__atomic_load_16", b"fmodl"} <= set(names)
    assert b"printf" not in names
    assert set(runtime_libcalls("wasm32-unknown-emscripten")) - set(names) == {
        b"__small_printf",
        b"__small_fprintf",
        b"__small_sprintf",
    }


@pytest.mark.parametrize("seed", range(4))
def test_damage_is_an_error_or_nothing(seed: int, plain: bytes) -> None:
    random_source = random.Random(seed)
    refused = 0
    for _ in range(250):
        damaged = mutate(plain, random_source)
        try:
            file = BitcodeFile(damaged)
            assert file.is_thin in (True, False)
        except FormatError:
            refused += 1
    assert refused


def test_every_truncation(plain: bytes) -> None:
    for size in range(0, len(plain) - 4, 13):
        with pytest.raises(FormatError):
            BitcodeFile(plain[:size])


@pytest.mark.parametrize("seed", range(2))
def test_links_of_damaged_files(seed: int, plain: bytes, tmp_path: Path) -> None:
    """The compiler may refuse what the linker could read, or take it."""
    random_source = random.Random(seed)
    path = tmp_path / "damaged.o"
    for _ in range(12):
        path.write_bytes(b"BC\xc0\xde" + mutate(plain, random_source)[4:])
        with suppress(LinkError):
            link(LinkOptions(inputs=[str(path)], entry=None, export_all=True, output=None))


def test_names_take_no_more_than_the_file(plain: bytes) -> None:
    """A table in which every symbol has the whole string table as its name."""
    file = BitcodeFile(plain)
    table = struct.pack("<19I", 3, 0, 0, 0, 0, 76, 0, 76, 10_000, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    table += struct.pack("<6I", 0, 1_000_000, 0, 0, 0xFFFFFFFF, 1 << 10) * 10_000
    with pytest.raises(FormatError, match="a name is outside"):
        file._read_symbols(bytes(1_000_000), table)
