"""Thread-local and plain declarations of one variable, and thread-local data where nothing is shared.

A libc built for one thread defines ``errno`` as plain data; a program built with atomics declares it thread-local.
What counts is that all code finds the same variable; each test runs the module and asks.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.differences.loading import run_at
from tests.differential import harness
from tests.differential.asm import START, data, func, target_features

FEATURES = target_features("+atomics", "+bulk-memory", "+mutable-globals")
PLAIN = data("pad", ".int32 77") + data("x", ".int32 5")
LOCAL = data("y", ".int32 6", section=".tdata.y", segment="T") + data("x", ".int32 5", section=".tdata.x", segment="T")
OTHER = data("o", ".int32 1", ".int32 2", section=".tdata.o", segment="TR", size=8)
SHARED = "--shared-memory --max-memory=1048576 --export=__wasm_init_tls"
PIE = "-pie --experimental-pic"
Linker = Callable[..., harness.Result]


@pytest.fixture
def linked(linked: Callable[[harness.Files, str], harness.Result]) -> Linker:
    """Link objects that are made of sources by name."""

    def run(args: str, **sources: str) -> harness.Result:
        names = " ".join(f"{name}.o" for name in sources)
        return linked({f"{name}.s": text for name, text in sources.items()}, f"{names} {args}")

    return run


def source(bits: int, *text: str) -> str:
    flags = f"# flags: -target wasm{bits}-freestanding -mcpu=mvp+atomics+bulk_memory+mutable_globals\n"
    return flags + f".globaltype __tls_base, i{bits}\n" + "".join(text) + FEATURES


def relative(bits: int, name: str = "by_tls_base") -> str:
    pointer = f"i{bits}"
    return func(name, f"() -> ({pointer})", "global.get __tls_base", f"{pointer}.const x@TLSREL", f"{pointer}.add")


def absolute(bits: int) -> str:
    return func("by_address", f"() -> (i{bits})", f"i{bits}.const x")


def value(bits: int) -> str:
    return func("value", "() -> (i32)", f"i{bits}.const x", "i32.load 0")


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("definition", [PLAIN, LOCAL], ids=["plain", "thread-local"])
@pytest.mark.parametrize("other", [[], [OTHER]], ids=["alone", "beside-thread-local-data"])
@pytest.mark.parametrize("options", ["", "--emit-relocs", "--no-gc-sections"])
def test_all_declarations_mean_one_variable(
    bits: int, definition: str, other: list[str], options: str, linked: Linker
) -> None:
    wide = "-m wasm64" * (bits == 64)
    sources = {
        "use": source(bits, START, relative(bits)),
        "read": source(
            bits, absolute(bits), value(bits), data("p", f".int{bits} x", size=bits // 8, align=bits // 32 + 1)
        ),
        "get": source(bits, func("by_pointer", f"() -> (i{bits})", f"i{bits}.const p", f"i{bits}.load 0")),
        "define": source(bits, definition, *other),
    }
    names = ["by_tls_base", "by_address", "by_pointer", "value"]
    exports = " ".join(f"--export={name}" for name in names)
    result = linked(f"{wide} {exports} {options}", **sources)
    assert result.module is not None, result.stderr
    found, _ = harness.run_module(result.module, [f"{name}()" for name in names])
    assert found["value()"] == 5
    assert found["by_tls_base()"] == found["by_address()"] == found["by_pointer()"] != 0


def test_a_second_link_finds_the_same_variable(linked: Linker, tmp_path: Path) -> None:
    """The declaration and the definition meet under ``-r`` already; the base is known only later."""
    first = linked(
        "-r --no-check-features", use=source(32, START, relative(32), absolute(32)), define=source(32, PLAIN, OTHER)
    )
    assert first.module is not None, first.stderr
    (tmp_path / "first.o").write_bytes(first.module)
    result = linked(
        f"{tmp_path / 'first.o'} --export=by_tls_base --export=by_address", more=source(32, data("q", ".int32 x"))
    )
    assert result.module is not None, result.stderr
    found, _ = harness.run_module(result.module, ["by_tls_base()", "by_address()"])
    assert found["by_tls_base()"] == found["by_address()"] != 0


def test_address_of_an_exported_variable_without_shared_memory(linked: Linker) -> None:
    """It is data like any other: the global holds its address, not how far it is from ``__tls_base``."""
    result = linked("--export=x --export=by_address", a=source(32, START, absolute(32), LOCAL))
    assert result.module is not None
    found, _ = harness.run_module(result.module, ["by_address()"])
    assert exported_value(result.module, "x") == found["by_address()"]


def exported_value(module: bytes, name: str) -> object:
    import wasmtime

    store = wasmtime.Store()
    instance = wasmtime.Instance(store, wasmtime.Module(store.engine, module), [])
    found = instance.exports(store)[name]
    assert isinstance(found, wasmtime.Global)
    return found.value(store)


@pytest.mark.parametrize("extended", ["", "--extra-features=extended-const"])
def test_position_independent_output_without_shared_memory(extended: str, linked: Linker) -> None:
    """``__tls_base`` is the memory base, and so are the entries of the global offset table."""
    got = func("by_table", "() -> (i32)", "global.get x@GOT@TLS")
    result = linked(
        f"{PIE} {extended} --export=by_tls_base --export=by_table --export=x_of_y",
        a=source(32, START, relative(32), got, func("x_of_y", "() -> (i32)", "global.get y@GOT@TLS", "i32.load 4")),
        b=source(32, LOCAL),
    )
    assert result.module is not None, result.stderr
    calls = ["by_tls_base()", "by_table()", "x_of_y()"]
    found = run_at(result.module, 1024, calls)
    assert found == {"by_tls_base()": 1028, "by_table()": 1028, "x_of_y()": 5}


@pytest.mark.parametrize(
    ("uses", "says"),
    [
        (source(32, START, relative(32)), "R_WASM_MEMORY_ADDR_TLS_SLEB cannot be used against non-TLS symbol `x`"),
        (source(32, START, absolute(32)), "R_WASM_MEMORY_ADDR_SLEB cannot be used against TLS symbol `x`"),
        (
            source(32, START, func("by_address", "() -> (i32)", "i32.const 0", "i32.load x")),
            "R_WASM_MEMORY_ADDR_LEB cannot be used against TLS symbol `x`",
        ),
    ],
    ids=["thread-local-meets-plain", "plain-meets-thread-local", "plain-offset-meets-thread-local"],
)
def test_no_value_is_right_where_memory_is_shared(uses: str, says: str, linked: Linker) -> None:
    definition = PLAIN if "non-TLS" in says else LOCAL
    name = "by_tls_base" if "TLSREL" in uses else "by_address"
    result = linked(f"{SHARED} --export={name}", use=uses, define=source(32, definition, OTHER))
    assert result.status == 1
    assert f"use.o: relocation {says}" in result.stderr
    assert ">>> defined in define.o" in result.stderr
    assert not result.files


def test_static_data_points_to_the_first_threads_variable(linked: Linker) -> None:
    """A thread's own data points to its own variable: both are read after the block was made."""
    own = data("q", ".int32 x", section=".tdata.q", segment="T")
    sources = {
        "a": source(
            32,
            START,
            func("first", "() -> (i32)", "i32.const p", "i32.load 0", "i32.load 0"),
            func("address", "() -> (i32)", "i32.const p", "i32.load 0"),
            func("mine", "() -> (i32)", "global.get __tls_base", "i32.const q@TLSREL", "i32.add", "i32.load 0"),
            relative(32),
            data("p", ".int32 x"),
            own,
        ),
        "b": source(32, LOCAL),
    }
    names = ["first", "address", "mine", "by_tls_base"]
    result = linked(f"{SHARED} {' '.join(f'--export={name}' for name in names)}", **sources)
    assert result.module is not None, result.stderr
    found, _ = harness.run_module(
        result.module, ["first()", "address()", "mine()", "by_tls_base()", "__wasm_init_tls(4096)"]
    )
    assert found["first()"] == 5
    assert found["address()"] == found["mine()"] == found["by_tls_base()"]
    after, _ = harness.run_module(result.module, ["__wasm_init_tls(4096)", "mine()", "by_tls_base()", "address()"])
    assert after["mine()"] == after["by_tls_base()"] != after["address()"]
    assert 4096 <= int(str(after["mine()"])) < 8192


def test_the_global_offset_table_points_to_the_first_threads_variable(linked: Linker) -> None:
    """Without a call of ``__wasm_init_tls``, which a static program's first thread does not make; also code that takes
    the variable for a plain one finds it."""
    sources = {
        "a": source(
            32,
            START,
            relative(32),
            func("by_table", "() -> (i32)", "global.get x@GOT@TLS"),
            func("value", "() -> (i32)", "global.get x@GOT@TLS", "i32.load 0"),
        ),
        "b": source(32, func("plain", "() -> (i32)", "global.get x@GOT", "i32.load 0")),
        "c": source(32, LOCAL, OTHER),
    }
    names = ["by_tls_base", "by_table", "value", "plain"]
    result = linked(f"{SHARED} {' '.join(f'--export={name}' for name in names)}", **sources)
    assert result.module is not None, result.stderr
    found, _ = harness.run_module(result.module, [f"{name}()" for name in names])
    assert found["by_table()"] == found["by_tls_base()"]
    assert found["value()"] == found["plain()"] == 5
    again, _ = harness.run_module(result.module, ["__wasm_init_tls(4096)", *(f"{name}()" for name in names)])
    assert again["by_table()"] == again["by_tls_base()"] != found["by_table()"]
    assert again["value()"] == again["plain()"] == 5


@pytest.mark.parametrize("options", ["", PIE])
def test_thread_local_symbol_of_a_shared_library(options: str, linked: Linker, tmp_path: Path) -> None:
    """Its distance from this module's ``__tls_base`` is unknown."""
    library = linked(
        "-shared --experimental-pic --shared-memory --export=x --export=y -o lib.so", define=source(32, LOCAL)
    )
    (tmp_path / "lib.so").write_bytes(library.files["lib.so"][0])
    result = linked(
        f"{options} -Bdynamic {tmp_path / 'lib.so'} --export=by_tls_base", use=source(32, START, relative(32))
    )
    assert result.status == 1
    assert "use.o: relocation R_WASM_MEMORY_ADDR_TLS_SLEB cannot be used against" in result.stderr
    assert "lib.so" in result.stderr
