"""The commands that make components: ``wasmlink --component`` and ``wasm-component-ld``."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import wasmtime
from wasmtime.component import Component, Linker

from tests.component import adapters, reference
from tests.support.toolchain import compile_object
from wasmlink_tool.cli import command, component_ld
from wasmlink_tool.component import Adapter, ComponentError, componentize
from wasmlink_tool.component.cli_run import run_module
from wasmlink_tool.component.core_module import read_module
from wasmlink_tool.component.wasi_adapter import wasi_adapters

CASES = Path(__file__).parent / "cases"
IS_COMPONENT = b"\0asm\x0d\0\1\0"
IS_MODULE = b"\0asm\1\0\0\0"


@pytest.fixture(scope="session")
def hello(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("hello")
    source = (CASES / "hello.c").read_text(encoding="utf-8")
    (folder / "hello.o").write_bytes(compile_object(source, ".c", folder))
    return str(folder / "hello.o")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory above which no adapter is installed, with the one for reactors in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WASMLINK_WASI_ADAPTER", raising=False)
    (tmp_path / "reactor.wasm").write_bytes(adapters.reactor())
    return tmp_path


def run_command(component: bytes, arguments: list[str], folder: Path) -> tuple[bool, str]:
    """Run ``wasi:cli/run``; whether it succeeded, and what it printed."""
    engine = wasmtime.Engine()
    store = wasmtime.Store(engine)
    wasi = wasmtime.WasiConfig()
    wasi.argv = ["program", *arguments]
    output = folder / "output.txt"
    wasi.stdout_file = str(output)
    store.set_wasi(wasi)
    linker = Linker(engine)
    linker.add_wasip2()
    made = Component(engine, component)
    instance = linker.instantiate(store, made)
    name = next(name for name in made.type.exports(engine) if name.startswith("wasi:cli/run@"))
    index = instance.get_export_index(store, "run", instance.get_export_index(store, name))
    assert index is not None
    function = instance.get_func(store, index)
    assert function is not None
    try:
        function(store)
        succeeded = True
    except (wasmtime.WasmtimeError, wasmtime.ExitTrap):
        succeeded = False
    return succeeded, output.read_text(encoding="utf-8")


@pytest.mark.parametrize("front", [command.run, component_ld.run], ids=["wasmlink", "wasm-component-ld"])
def test_a_command_runs_with_a_reactors_adapter(front: Callable[[str, list[str]], int], hello: str, here: Path) -> None:
    component_flag = ["--component"] if front is command.run else []
    assert front("wasmlink", [*component_flag, "--wasi-adapter=reactor.wasm", hello, "-o", "hello.wasm"]) == 0
    component = (here / "hello.wasm").read_bytes()
    reference.validate(component)
    assert run_command(component, ["world"], here) == (True, "hello world")
    assert run_command(component, [], here)[0] is False


def test_traps_and_tools_show_names_unless_all_is_stripped(hello: str, here: Path) -> None:
    for flags in ([], ["-s"]):
        arguments = ["--component", "--wasi-adapter=reactor.wasm", *flags, hello, "-o", "hello.wasm"]
        assert command.run("wasmlink", arguments) == 0
        component = (here / "hello.wasm").read_bytes()
        shown = reference.run("print", given=component).decode()
        assert ("shim: wasi_snapshot_preview1.fd_write" in shown) == (not flags)
        assert ('(processed-by "wasmlink"' in shown) == (not flags)
        assert (reference.strip(component) == component) == bool(flags)


def test_the_adapter_is_found_where_it_is_installed(hello: str, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert command.run("wasmlink", ["--component", hello, "-o", "package.wasm"]) == 0
    monkeypatch.setenv("WASMLINK_WASI_ADAPTER", "reactor.wasm")
    assert command.run("wasmlink", ["--component", hello, "-o", "variable.wasm"]) == 0
    library = here / "node_modules" / "@bytecodealliance" / "jco" / "lib"
    library.mkdir(parents=True)
    shutil.copy(here / "reactor.wasm", library / "wasi_snapshot_preview1.reactor.wasm")
    monkeypatch.delenv("WASMLINK_WASI_ADAPTER")
    below = here / "deep" / "below"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    module = adapters.importing(*adapters.functions(adapters.reactor())[0])
    found = wasi_adapters(module, "reactor", str(below), {})
    assert [adapter.file for adapter in found] == [str(library / "wasi_snapshot_preview1.reactor.wasm")]


def no_package(name: str) -> None:
    """Find no Python package."""


def test_adapters_in_an_installed_encoder_are_found(here: Path) -> None:
    folder = here / "bin"
    folder.mkdir()
    name = b"\0asm\1\0\0\0 and not a module"
    (folder / "wasm-component-ld").write_bytes(b"\x7fELF" + name + adapters.reactor() + b"\xff\x13 more")
    module = adapters.importing(*adapters.functions(adapters.reactor())[0])
    found = wasi_adapters(module, None, str(here), {"PATH": str(folder)}, no_package)
    assert [adapter.data for adapter in found][:1] == [adapters.reactor()]


def test_without_an_adapter_the_error_says_how_to_get_one(here: Path) -> None:
    module = adapters.importing(*adapters.functions(adapters.reactor())[0])
    with pytest.raises(ComponentError, match=r"uses WASI preview 1 .* no adapter for it was found.*pip install"):
        wasi_adapters(module, None, str(here), {"PATH": ""}, no_package)


def test_the_module_that_exports_run_is_one_the_reference_takes(hello: str, here: Path) -> None:
    assert command.run("wasmlink", [hello, "-o", "core.wasm"]) == 0
    (here / "run.wasm").write_bytes(run_module("0.2.6"))
    core = (here / "core.wasm").read_bytes()
    given = [Adapter(adapters.NAME, adapters.reactor()), Adapter("wasmlink:run", run_module("0.2.6"))]
    options = ["--adapt", f"{adapters.NAME}=reactor.wasm", "--adapt", "wasmlink:run=run.wasm"]
    theirs = reference.component(core, here, *options)
    assert reference.strip(componentize(core, given)) == reference.strip(theirs)


@pytest.mark.parametrize("flag", ["--skip-wit-component", "-shared", "--shared"])
def test_wasm_component_ld_leaves_the_module_where_it_is_told_to(flag: str, here: Path) -> None:
    source = "int add(int a, int b) { return a + b; }"
    (here / "add.o").write_bytes(compile_object(f"// flags: -fPIC\n{source}", ".c", here))
    arguments = [flag, "--experimental-pic", "--no-entry", "add.o", "-o", "out.wasm"]
    assert component_ld.run("wasm-component-ld", arguments) == 0
    assert (here / "out.wasm").read_bytes()[:8] == IS_MODULE


def test_wasm_component_ld_takes_what_clang_and_rustc_pass(hello: str, here: Path) -> None:
    (here / "more.rsp").write_text("--stack-first -z stack-size=65536\n", encoding="utf-8")
    arguments = ["-flavor", "wasm", "-m", "wasm32", "--wasm-ld-path", "/usr/bin/wasm-ld", "@more.rsp", "--no-demangle"]
    arguments += ["--wasi-adapter", "reactor", "--append-lld-flag", "--export=_start", "--append-lld-flag=-s"]
    arguments += ["--string-encoding", "utf8", hello, "--output", "out.wasm"]
    assert component_ld.run("wasm-component-ld", arguments) == 0
    component = (here / "out.wasm").read_bytes()
    assert component[:8] == IS_COMPONENT
    # With --wasi-adapter=reactor the program asks for no more than that adapter has.
    assert b"wasi:cli/run" not in component


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--frobnicate"], "unknown argument: --frobnicate"),
        (["--append-lld-flag"], "--append-lld-flag: missing argument"),
        (["--validate-component=perhaps"], "'true' or 'false' is expected, not 'perhaps'"),
    ],
)
def test_wrong_options_of_wasm_component_ld_have_status_2(
    arguments: list[str], text: str, hello: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert component_ld.run("wasm-component-ld", [hello, "-o", "out.wasm", *arguments]) == 2
    assert text in capsys.readouterr().err
    assert not (here / "out.wasm").exists()


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (["-r"], "--component is incompatible with --relocatable"),
        (["-shared"], "--component is incompatible with -shared/-pie"),
        (["--adapt=missing.wasm"], "cannot open adapter missing.wasm: No such file or directory"),
        (["--wasi-adapter=none"], "imports function 'args_sizes_get' of 'wasi_snapshot_preview1', and no adapter"),
    ],
)
def test_what_a_component_cannot_be_made_of_is_an_error(
    flags: list[str], text: str, hello: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "old.wasm").write_bytes(b"old")
    assert command.run("wasmlink", ["--component", *flags, hello, "-o", "old.wasm"]) == 1
    assert text in capsys.readouterr().err
    assert (here / "old.wasm").read_bytes() == b"old"


def test_a_component_is_not_made_of_a_component(hello: str, here: Path) -> None:
    assert command.run("wasmlink", ["--component", "--wasi-adapter=reactor.wasm", hello, "-o", "hello.wasm"]) == 0
    with pytest.raises(ComponentError, match="this is a component already"):
        read_module((here / "hello.wasm").read_bytes(), "hello.wasm")


CLANG = next((name for name in ("clang-22", "clang-20", "clang-19", "clang") if shutil.which(name)), None)


@pytest.mark.skipif(CLANG is None, reason="no clang with the wasm32-wasip2 target is installed")
def test_clang_finds_wasm_component_ld_on_the_path(hello: str, here: Path) -> None:
    assert CLANG is not None
    options = ["--target=wasm32-wasip2", "-nostdlib", "-Wl,--wasi-adapter=reactor.wasm"]
    done = subprocess.run([CLANG, *options, hello, "-o", "hello.wasm"], capture_output=True, text=True, check=False)
    if "unable to execute command" in done.stderr or "doesn't exist" in done.stderr:
        pytest.skip("wasm-component-ld is not on the PATH")
    assert not done.returncode, done.stderr
    assert run_command((here / "hello.wasm").read_bytes(), ["clang"], here) == (True, "hello clang")


PLUGIN_WIT = """
package test:plugin@1.0.0;
interface host { log: func(text: string); }
world plugin { import host; export twice: func(number: u64) -> u64; }
"""
PLUGIN_C = """
__attribute__((import_module("test:plugin/host@1.0.0"), import_name("log"))) void host_log(const char *, unsigned);
__attribute__((export_name("twice"))) unsigned long long twice(unsigned long long number) {
    host_log("doubling", 8);
    return 2 * number;
}
"""


@pytest.mark.parametrize("front", [command.run, component_ld.run], ids=["wasmlink", "wasm-component-ld"])
@pytest.mark.parametrize("encoding", [None, "utf8"])
def test_world_from_wit_text(front: Callable[[str, list[str]], int], encoding: str | None, here: Path) -> None:
    """The component is that of the reference, which puts the world's description into the same module, and it runs."""
    (here / "plugin.wit").write_text(PLUGIN_WIT)
    (here / "plugin.o").write_bytes(compile_object(PLUGIN_C, ".c", here))
    plain = ["--no-entry", "-S", "plugin.o"]
    options = [*([f"--string-encoding={encoding}"] if encoding else []), "--component-type=plugin.wit"]
    component = ["--component"] if front is command.run else []
    assert front("wasmlink", [*component, *options, *plain, "-o", "plugin.wasm"]) == 0
    assert command.run("wasmlink", [*plain, "-o", "core.wasm"]) == 0
    reference.run("component", "embed", here / "plugin.wit", here / "core.wasm", "-o", here / "embedded.wasm")
    expected = reference.component((here / "embedded.wasm").read_bytes(), here)
    made = (here / "plugin.wasm").read_bytes()
    assert reference.run("strip", "-a", given=made) == reference.run("strip", "-a", given=expected)

    engine = wasmtime.Engine()
    store = wasmtime.Store(engine)
    linker = Linker(engine)
    said: list[str] = []
    with linker.root() as root, root.add_instance("test:plugin/host@1.0.0") as host:
        host.add_func("log", lambda store, text: said.append(text))
    function = linker.instantiate(store, Component(engine, made)).get_func(store, "twice")
    assert function is not None
    assert (function(store, 21), said) == (42, ["doubling"])


def test_world_from_wit_text_that_is_wrong(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "plugin.wit").write_text(PLUGIN_WIT.replace("string", "strng"))
    (here / "plugin.o").write_bytes(compile_object(PLUGIN_C, ".c", here))
    assert (
        command.run(
            "wasmlink", ["--component", "--component-type=plugin.wit", "--no-entry", "plugin.o", "-o", "p.wasm"]
        )
        == 1
    )
    assert "plugin.wit:3:34: there is no type 'strng' here" in capsys.readouterr().err
