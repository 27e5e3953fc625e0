"""An adapter is reduced to what a program uses of it, with the bytes of the reference."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.component import adapters, reference
from wasmlink_tool.component import Adapter, ComponentError, Options, componentize

FUNCTIONS = adapters.functions(adapters.reactor())


def check(module: bytes, folder: Path, *, grow: bool = False) -> bytes:
    """Compare our component for a module with the reference's; return it."""
    file = folder / "adapter.wasm"
    file.write_bytes(adapters.reactor())
    options = Options()
    options.realloc_via_memory_grow = grow
    ours = componentize(module, [Adapter(adapters.NAME, adapters.reactor())], options)
    flags = ["--realloc-via-memory-grow"] if grow else []
    theirs = reference.component(module, folder, "--adapt", f"{adapters.NAME}={file}", *flags)
    assert reference.strip(ours) == reference.strip(theirs)
    return ours


@pytest.mark.parametrize("realloc", [None, "cabi_realloc"])
def test_every_function_of_an_adapter_can_be_used_alone(realloc: str | None, tmp_path: Path) -> None:
    for name, signature in FUNCTIONS:
        check(adapters.importing(name, signature, realloc), tmp_path)


@pytest.mark.parametrize("realloc", ["cabi_realloc", "cabi_realloc_adapter", "canonical_abi_realloc", "cm32p2_realloc"])
@pytest.mark.parametrize("grow", [False, True])
def test_the_adapter_allocates_with_the_programs_function(realloc: str, grow: bool, tmp_path: Path) -> None:
    wanted = ("fd_write", "environ_get", "fd_prestat_get", "random_get", "proc_exit")
    for name, signature in FUNCTIONS:
        if name in wanted:
            ours = check(adapters.importing(name, signature, realloc), tmp_path, grow=grow)
            reference.validate(ours)


def test_a_missing_function_is_named() -> None:
    module = adapters.importing("fd_frobnicate", FUNCTIONS[0][1])
    with pytest.raises(ComponentError, match="'fd_frobnicate' of 'wasi_snapshot_preview1', which adapter"):
        componentize(module, [Adapter(adapters.NAME, adapters.reactor())])


def test_another_signature_is_shown_beside_the_adapters() -> None:
    signature = dict(FUNCTIONS)["proc_exit"]
    module = adapters.importing("fd_write", signature)
    with pytest.raises(ComponentError, match=r"as \(i32\) -> \(\), and in adapter .* is \(i32, i32, i32, i32\)"):
        componentize(module, [Adapter(adapters.NAME, adapters.reactor())])


def test_without_an_adapter_the_error_asks_for_one() -> None:
    module = adapters.importing(*FUNCTIONS[0])
    with pytest.raises(ComponentError, match="no adapter of that name was given: give one with --adapt"):
        componentize(module)
