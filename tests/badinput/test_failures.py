"""Failures that nothing foresees, and damage that is found late: an error that names a file, never a traceback."""

from __future__ import annotations

import errno
import os
import struct
from pathlib import Path

import pytest

from tests.badinput.support import attempt
from tests.support.objects import (
    DATA,
    FUNCTION,
    INIT_FUNCTIONS,
    MAGIC,
    PAD,
    SEGMENT_INFO,
    SYMBOL_TABLE,
    UNDEFINED,
    blob,
    build,
    leb,
    linking,
    name,
    relocation,
    relocations,
    section,
    subsection,
    symbol,
    vector,
)
from tests.support.toolchain import compile_object
from wasmlink_tool import LinkError, LinkOptions, UnresolvedPolicy, link
from wasmlink_tool.binary.constants import SegmentFlag
from wasmlink_tool.extraction import extract

POLICIES = {policy.name: policy for policy in UnresolvedPolicy}


def constructor(*symbols: bytes, data: bool = False) -> bytes:
    """An object with the constructor ``f``, and other symbols."""
    parts = [section(1, vector(b"\x60\0\0")), section(3, vector(b"\0"))]
    parts.append(section(10, vector(blob(b"\0\x0b"))))
    if data:
        parts.append(section(11, vector(b"\0\x41\0\x0b" + blob(bytes(4)))))
    table = vector(symbol(FUNCTION, 0, leb(0), name("f")), *symbols)
    parts.append(linking(subsection(SYMBOL_TABLE, table), subsection(INIT_FUNCTIONS, vector(leb(5) + leb(0)))))
    return MAGIC + b"".join(parts)


def errors_of(options: LinkOptions) -> list[str]:
    with pytest.raises(LinkError) as caught:
        link(options)
    assert caught.value.__cause__ is None, "a failure that nothing foresaw"
    return str(caught.value).splitlines()


def check(options: LinkOptions, path: Path) -> None:
    """Link: a module, or a foreseen error that names the file."""
    failure: LinkError | None = None
    try:
        link(options)
    except LinkError as error:
        failure = error
    if failure is not None:
        assert failure.__cause__ is None, failure
        assert str(path) in str(failure)


# Constructors


def test_wrapped_constructor_that_nothing_defines_is_an_undefined_symbol(tmp_path: Path) -> None:
    path = tmp_path / "a.o"
    path.write_bytes(constructor())
    for gc_sections in (False, True):
        found = errors_of(LinkOptions(inputs=[str(path)], output=None, entry=None, wrap=["f"], gc_sections=gc_sections))
        assert found[0] == f"{path}: undefined symbol: __wrap_f"


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("mode", ["static", "pie", "shared"])
@pytest.mark.parametrize("other", ["nothing", "weak", "hidden", "data"])
def test_wrapped_constructor_in_every_mode(policy: str, mode: str, other: str, tmp_path: Path) -> None:
    """A module, or an error that names the file, whatever ``__wrap_f`` is."""
    symbols = {
        "nothing": (),
        "weak": (symbol(DATA, UNDEFINED | 1, name("__wrap_f")),),
        "hidden": (symbol(DATA, UNDEFINED | 4, name("__wrap_f")),),
        "data": (symbol(DATA, 0, name("__wrap_f"), leb(0), leb(0), leb(4)),),
    }[other]
    path = tmp_path / "a.o"
    path.write_bytes(constructor(*symbols, data=other == "data"))
    options = LinkOptions(
        inputs=[str(path)],
        output=None,
        entry=None,
        wrap=["f"],
        pie=mode == "pie",
        shared=mode == "shared",
        unresolved_symbols=POLICIES[policy],
        import_undefined=policy == "IGNORE",
    )
    check(options, path)


# Damage that is found late


def test_undefined_symbol_beside_damaged_relocations(tmp_path: Path) -> None:
    good, damaged = tmp_path / "a.o", tmp_path / "b.o"
    good.write_bytes(build())
    damaged.write_bytes(build(reloc_CODE=relocations("CODE", 5, relocation(200, 4, 1))))
    found = errors_of(
        LinkOptions(
            inputs=[str(good), str(damaged)], output=None, entry=None, gc_sections=False, allow_multiple_definition=True
        )
    )
    assert f"{good}: undefined symbol: ext" in found
    assert f"{damaged}: invalid relocation type: 200" in found
    assert PAD in good.read_bytes()


def test_damaged_module_behind_a_whole_symbol_table(tmp_path: Path) -> None:
    """The linker reads the symbol table of bitcode, and only the compiler the module."""
    contents = compile_object("// flags: -flto -O2\nint run(int x) { return x * 3; }\n", ".c", tmp_path)
    at = contents.index(b"BC\xc0\xde")
    path = tmp_path / "a.o"
    # Within the first blocks of the module: attributes and types.
    for offset in range(at + 60, at + 240, 12):
        damaged = bytearray(contents)
        damaged[offset : offset + 4] = b"\xff\xff\xff\xff"
        path.write_bytes(damaged)
        for relocatable in (False, True):
            check(
                LinkOptions(inputs=[str(path)], output=None, entry=None, exports=["run"], relocatable=relocatable), path
            )


# What nothing foresees


@pytest.mark.parametrize(
    "failure",
    [
        MemoryError(),
        RecursionError("too deep"),
        OverflowError("too large"),
        struct.error("unpack requires more"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid"),
        AssertionError(),
        KeyError("x"),
        ValueError("bad"),
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
    ],
    ids=lambda failure: type(failure).__name__,
)
def test_failure_that_nothing_foresees_is_an_error_that_names_the_file(failure: Exception, tmp_path: Path) -> None:
    path = tmp_path / "a.o"
    path.write_bytes(build())

    def fail(name: str, contents: bytes) -> None:
        raise failure

    for run in (link, extract):
        output = tmp_path / "out.wasm"
        with pytest.raises(LinkError) as caught:
            run(LinkOptions(inputs=[str(path)], output=str(output), entry=None, on_read=fail))
        assert caught.value.__cause__ is failure
        assert str(caught.value).startswith(f"{path}: ")
        assert not output.exists()


def test_failure_of_memory_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.o"
    path.write_bytes(build())

    def fail(name: str, contents: bytes) -> None:
        raise MemoryError

    with pytest.raises(LinkError, match="out of memory"):
        link(LinkOptions(inputs=[str(path)], output=None, on_read=fail))


def test_relocations_of_thread_local_data(tmp_path: Path) -> None:
    """Which functions cooperative threads need depends on them, before anything else asks for them."""
    data = section(11, b"\1" + b"\0\x41\0\x0b" + blob(bytes(16)))
    entries = [relocation(5, 5 + 2 + offset, 0, 0) for offset in (4, 0)]
    table = subsection(SYMBOL_TABLE, b"\1" + symbol(DATA, 0, name("d"), leb(0), leb(0), leb(4)))
    info = subsection(SEGMENT_INFO, leb(1) + name(".tdata") + leb(0) + leb(SegmentFlag.TLS))
    path = tmp_path / "damaged.o"
    path.write_bytes(MAGIC + data + linking(table, info) + relocations("DATA", 0, *entries))
    said = attempt(tmp_path, [str(path)], ["damaged.o"], cooperative_threading=True, check_features=False)
    assert said == f"{path}: relocations are not in offset order"
