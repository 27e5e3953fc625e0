"""``--smallest``: everything that makes a module smaller and that the other options allow."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.differential.asm import data, declare_first, extern, func
from tests.support.module import Module, read_module
from tests.support.toolchain import compile_object
from wasmlink_tool.cli import main
from wasmlink_tool.options import IcfLevel, LinkOptions

SOURCE = declare_first(
    func("_start", "() -> ()", "call one", "call two", "i32.const table", "drop")
    + func("one", "() -> ()", "i32.const 1", "drop", "i32.const 2", "drop")
    + func("two", "() -> ()", "i32.const 1", "drop", "i32.const 2", "drop")
    + data("table", ".int32 1", ".zero 1000", ".int32 2", size=1008)
    + data("small", ".int8 1", size=1, align=0)
)
IMPLIED = ("--strip-all", "--compress-relocations", "--icf=safe", "--omit-zeros", "--renumber")


@pytest.fixture
def build(tmp_path: Path) -> Path:
    (tmp_path / "a.o").write_bytes(compile_object(SOURCE, ".s", tmp_path / "objects"))
    return tmp_path


def link(build: Path, *options: str) -> bytes:
    arguments = [str(build / "a.o"), "-o", str(build / "m.wasm"), "--export=small", "--export=table", *options]
    assert main(arguments) == 0
    return (build / "m.wasm").read_bytes()


def test_it_is_the_same_as_its_options(build: Path) -> None:
    assert link(build, "--smallest") == link(build, *IMPLIED)
    assert link(build, "--smallest", "--no-smallest") == link(build)


@pytest.mark.parametrize(
    "given", ["--icf=none", "--no-omit-zeros", "--no-compress-relocations", "--no-strip-all", "--no-renumber"]
)
def test_an_option_that_is_given_counts(given: str, build: Path) -> None:
    assert link(build, "--smallest", given) == link(build, given, "--smallest") == link(build, *IMPLIED, given)


def test_names_are_kept_where_they_are_asked_for(build: Path) -> None:
    def names(*options: str) -> Module:
        return read_module(link(build, "--smallest", *options))

    assert names().names == {}
    assert names("--strip-debug").names
    assert names("--no-strip-all").names
    assert names("--keep-section=name").names


@pytest.mark.parametrize(
    "options",
    [
        "--import-memory",
        "--shared-memory --max-memory=1048576 --no-check-features",
        "-shared --experimental-pic --no-entry",
        "-pie --experimental-pic",
        "--export-table",
        "--build-id",
        "--no-gc-sections",
    ],
)
def test_it_takes_part_in_any_link_of_a_module(options: str, tmp_path: Path) -> None:
    source = declare_first(func("_start", "() -> ()", "call one") + extern("one") + func("one"))
    (tmp_path / "a.o").write_bytes(compile_object(source, ".s", tmp_path / "objects"))
    arguments = [str(tmp_path / "a.o"), "-o", str(tmp_path / "m.wasm"), *options.split()]
    assert main(arguments) == 0
    size = (tmp_path / "m.wasm").stat().st_size
    assert main([*arguments, "--smallest"]) == 0
    assert (tmp_path / "m.wasm").stat().st_size < size


@pytest.mark.parametrize("option", ["-r", "--emit-relocs"])
def test_relocations_do_not_go_with_it(option: str, build: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main([str(build / "a.o"), "-o", str(build / "m.wasm"), "--smallest", option]) == 1
    assert f"{option} and --smallest may not be used together" in capfd.readouterr().err


def test_the_fields_of_the_option_model() -> None:
    def fields(**given: object) -> tuple[object, ...]:
        options = LinkOptions(inputs=(), smallest=True, **given)  # type: ignore[arg-type]
        return options.strip_all, options.compress_relocations, options.omit_zeros, options.renumber, options.icf

    assert fields() == (True, True, True, True, IcfLevel.SAFE)
    assert fields(icf=IcfLevel.ALL, strip_debug=True) == (False, True, True, True, IcfLevel.ALL)
    assert fields(import_memory=("env", "memory")) == (True, True, False, True, IcfLevel.SAFE)
    assert fields(relocatable=True) == (False, False, False, False, IcfLevel.NONE)


KEYS = {"module": "module", "functions": "function", "globals": "global", "data": "data"}
ALL_KINDS = "functions,globals,data,module"


@pytest.mark.parametrize("strip", ["", "-s", "--smallest"])
@pytest.mark.parametrize("kinds", ["functions", "functions,data", "module,globals", ALL_KINDS, ""])
def test_names_of_some_kinds(kinds: str, strip: str, build: Path) -> None:
    every = read_module(link(build, *strip.split(), f"--keep-names={ALL_KINDS}")).names
    assert set(every) == set(KEYS.values())
    names = read_module(link(build, *strip.split(), f"--keep-names={kinds}")).names
    assert names == {KEYS[kind]: every[KEYS[kind]] for kind in kinds.split(",") if kind}


def test_unknown_names_and_sizes_are_errors(build: Path, capfd: pytest.CaptureFixture[str]) -> None:
    arguments = [str(build / "a.o"), "-o", str(build / "m.wasm")]
    assert main([*arguments, "--keep-names=functions,locals"]) == 1
    assert "--keep-names: unknown kind 'locals'; there are module, functions, globals, data" in capfd.readouterr().err
    assert main([*arguments, "--optimize-for=size"]) == 1
    assert "unknown --optimize-for value: size" in capfd.readouterr().err
