"""Options that wasm-ld does not have: there is nothing to compare with, so what they must do is written here."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.differential import harness
from tests.differential.asm import START, data, extern, func, string, target_features
from tests.differential.harness import Case, Result
from tests.support.module import Reader
from wasmlink_tool import LinkError, LinkOptions, LinkResult, __version__, link
from wasmlink_tool.cli import main

Linker = Callable[..., Result]
LOG = extern("log", "(i32) -> ()")
ZERO = data("z", ".skip 16", section=".bss.z", size=16)
STATE = START + func("begin", "() -> ()", "i32.const 0", "i32.const 7", "i32.store x") + data("x", ".int32 1")
STATE += func("get", "() -> (i32)", "i32.const 0", "i32.load x", "i32.const 0", "i32.load z", "i32.add") + ZERO


@pytest.fixture
def linked(tmp_path: Path, objects: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> Linker:
    """Link files with a command line, in a directory of their own."""

    def run(files: harness.Files, args: str, name: str = "work") -> Result:
        case = Case(name, files, args)
        harness.prepare(case, tmp_path / name, objects)
        arguments = harness.command_line(case, reference=False)
        return harness.run_here(main, arguments, tmp_path / name, capfdbinary.readouterr)

    return run


def test_start(linked: Linker) -> None:
    result = linked({"a.s": STATE}, "a.o --start=begin --export=get")
    module = harness.parsed(result)
    assert module.start is not None
    assert module.referent("func", module.start).startswith("begin")
    assert result.module is not None
    assert harness.run_module(result.module, ["get()"]) == ({"get()": 7}, [])


def test_start_after_initialisation_of_memory(linked: Linker) -> None:
    """With imported memory the linker's own function writes zeros first: both run, ours first."""
    source = STATE.replace("i32.store x", "i32.store z") + target_features("+bulk-memory")
    result = linked({"a.s": source}, "a.o --start=begin --export=get --import-memory")
    assert result.module is not None, result.stderr
    harness.validate(result.module)
    assert harness.run_module(result.module, ["get()"]) == ({"get()": 8}, [])


@pytest.mark.parametrize(
    "source",
    [START, START + func("begin", "(i32) -> ()"), START + data("begin", ".int32 1")],
    ids=["missing", "with arguments", "data"],
)
def test_start_that_cannot_be(source: str, linked: Linker) -> None:
    result = linked({"a.s": source}, "a.o --start=begin")
    assert result.status == 1
    assert "begin" in result.stderr
    assert not result.files


def test_start_keeps_its_function_alive(linked: Linker) -> None:
    source = START + LOG + func("begin", "() -> ()", "i32.const 3", "call log")
    result = linked({"a.s": source}, "a.o --start=begin --allow-undefined")
    assert result.module is not None
    assert harness.run_module(result.module, []) == ({}, ["env.log(3,)"])


def order_of_data(result: Result) -> bytes:
    return next(segment.content for segment in harness.parsed(result).data if segment.content)


MIXED = (
    START
    + func(
        "use",
        "() -> ()",
        *("i32.const c", "drop") * 3,
        "i32.const b",
        "drop",
        "i32.const a",
        "drop",
        "i32.const e",
        "drop",
    )
    + data("a", ".int8 1", size=1, align=0, section=".data.a")
    + data("b", ".int32 2", section=".data.b")
    + data("c", ".int8 3", size=1, align=0, section=".data.c")
    + data("e", ".int64 4", size=8, align=3, section=".data.e")
)


def test_packed_data_has_no_holes(linked: Linker) -> None:
    """Alignment descending, then the number of references descending."""
    packed = order_of_data(linked({"a.s": MIXED}, "a.o --export=use --data-order=packed", "packed"))
    given = order_of_data(linked({"a.s": MIXED}, "a.o --export=use --data-order=input", "input"))
    assert packed == b"\4\0\0\0\0\0\0\0" + b"\2\0\0\0" + b"\3" + b"\1"
    assert given == b"\1\0\0\0\2\0\0\0\3\0\0\0\0\0\0\0\4\0\0\0\0\0\0\0"


def test_packed_data_between_start_and_stop_keeps_its_order(linked: Linker) -> None:
    source = START + func("use", "() -> ()", "i32.const __start_items", "drop", "i32.const __stop_items", "drop")
    for number, align in enumerate((0, 3, 1, 2)):
        source += data(f"i{number}", f".int8 {number + 1}", size=1, align=align, section="items", segment="R", flags="")
    results = [
        linked({"a.s": source}, f"a.o --export=use --data-order={order}", order) for order in ("packed", "input")
    ]
    assert order_of_data(results[0]) == order_of_data(results[1])


def test_packed_module_behaves_the_same(linked: Linker) -> None:
    source = (
        MIXED
        + ZERO
        + string("s", "text")
        + func("get", "() -> (i32)", "i32.const 0", "i32.load8_u c", "i32.const 0", "i32.load8_u s+1", "i32.add")
    )
    for order in ("packed", "input"):
        result = linked({"a.s": source}, f"a.o --export=use --export=get --data-order={order}", order)
        assert result.module is not None
        assert harness.run_module(result.module, ["get()"])[0] == {"get()": 3 + ord("e")}


def test_unknown_data_order(linked: Linker) -> None:
    result = linked({"a.s": START}, "a.o --data-order=sideways")
    assert result.status == 1
    assert "sideways" in result.stderr


def test_record_linker(linked: Linker) -> None:
    producers = harness.parsed(linked({"a.s": START}, "a.o --record-linker")).custom("producers")
    assert producers is not None
    reader = Reader(producers)
    assert (reader.unsigned(), reader.name(), reader.unsigned()) == (1, "processed-by", 1)
    assert (reader.name(), reader.name()) == ("wasmlink", __version__)


@pytest.mark.parametrize(("style", "size"), [("md5", 16), ("sha3", 32), ("fast", None), ("sha1", 20)])
def test_build_id_depends_on_contents_alone(style: str, size: int | None, linked: Linker) -> None:
    one, same, other = (
        harness.parsed(
            linked(
                {"a.s": START + func("f", "() -> (i32)", f"i32.const {value}")},
                f"a.o --export=f --build-id={style}",
                name,
            )
        ).custom("build_id")
        for name, value in (("one", 1), ("same", 1), ("other", 2))
    )
    assert one is not None
    assert size is None or (one[0] == size and len(one) == size + 1)
    assert one == same != other


def test_build_id_uuid_differs(linked: Linker) -> None:
    ids = {
        harness.parsed(linked({"a.s": START}, "a.o --build-id=uuid", name)).custom("build_id")
        for name in ("one", "two")
    }
    assert len(ids) == 2


def test_dependency_file(linked: Linker) -> None:
    files: harness.Files = {
        "a b.s": func("_start", "() -> ()", "call f") + extern("f"),
        "lib/libx.a": harness.Archive({"x.s": func("f")}),
        "names.txt": "q\n",
    }
    result = linked(files, "'a b.o' -Llib -lx --dependency-file=out.d --allow-undefined-file=names.txt")
    text = result.files["out.d"][0].decode()
    assert text.startswith("out.wasm:")
    rule = text.split("\n\n")[0].replace("\\\n", " ")
    words = re.findall(r"(?:\\ |\S)+", rule.split(":", 1)[1])
    assert words[:1] == ["a\\ b.o"]
    assert {"lib/libx.a", "names.txt"} <= set(words)


def test_own_options_are_not_the_default(linked: Linker) -> None:
    module = harness.parsed(linked({"a.s": STATE}, "a.o --export=get"))
    assert module.start is None
    assert module.custom("producers") is None


@pytest.mark.parametrize("seed", ["0", "1", "42"])
def test_deterministic_whatever_the_hash_seed(seed: str, tmp_path: Path, objects: Path) -> None:
    """Processes with different hash seeds, in different directories, write the same bytes."""
    from tests.differential.generate import program

    modules = []
    for own in (seed, "7"):
        case = program(3)
        directory = tmp_path / f"seed{own}" / "deeper"
        harness.prepare(case, directory, objects)
        environment = os.environ | {"PYTHONHASHSEED": own, "PYTHONPATH": str(Path(__file__).parents[2])}
        arguments = harness.command_line(case, reference=False)
        subprocess.run(
            [sys.executable, "-m", "wasmlink_tool", *arguments, "--allow-undefined"],
            cwd=directory,
            env=environment,
            check=False,
        )
        modules.append((directory / harness.OUTPUT).read_bytes() if (directory / harness.OUTPUT).exists() else None)
    assert modules[0] == modules[1]


@pytest.mark.skipif(os.name == "nt", reason="named pipes")
def test_output_into_a_pipe(linked: Linker, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append(pipe.read_bytes()), daemon=True)
    reader.start()
    result = linked({"a.s": START}, f"a.o -o {pipe}")
    reader.join(10)
    assert result.status == 0
    assert received[0].startswith(b"\0asm")
    assert pipe.is_fifo()


@pytest.mark.skipif(os.name == "nt", reason="permission bits")
def test_output_of_a_link_keeps_a_symbolic_link_or_replaces_it(linked: Linker, tmp_path: Path) -> None:
    """Either way, what is read back under the name is the module, whole."""
    (tmp_path / "elsewhere.wasm").write_bytes(b"old")
    (tmp_path / "named.wasm").symlink_to("elsewhere.wasm")
    assert linked({"a.s": START}, f"a.o -o {tmp_path / 'named.wasm'}").status == 0
    assert (tmp_path / "named.wasm").read_bytes().startswith(b"\0asm")


def prepared(tmp_path: Path, objects: Path, files: harness.Files) -> Path:
    harness.prepare(Case("api", files, ""), tmp_path / "api", objects)
    return tmp_path / "api"


def test_the_python_interface(tmp_path: Path, objects: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Nothing is printed, nothing exits, nothing is written without an output."""
    directory = prepared(tmp_path, objects, {"a.s": START + func("dead")})
    result = link(LinkOptions(inputs=[str(directory / "a.o")], output=None, print_gc_sections=True))
    assert isinstance(result, LinkResult)
    assert result.module.startswith(b"\0asm")
    assert result.files_read == (str(directory / "a.o"),)
    assert any("dead" in entry.text for entry in result.diagnostics)
    with pytest.raises(LinkError) as caught:
        link(LinkOptions(inputs=[str(directory / "a.o")], output=None, exports=["one", "two"]))
    assert [entry.text for entry in caught.value.diagnostics] == [
        "symbol exported via --export not found: one",
        "symbol exported via --export not found: two",
    ]
    assert capfd.readouterr() == ("", "")
    assert sorted(path.name for path in directory.iterdir()) == ["a.o"]


def test_the_function_keeps_its_name() -> None:
    """No submodule hides the function, whatever was imported first."""
    for first in ("wasmlink_tool.cli", "wasmlink_tool.linker", "wasmlink_tool.linking.scan_relocations"):
        text = f"import {first}; import wasmlink_tool; assert callable(wasmlink_tool.link), wasmlink_tool.link"
        subprocess.run([sys.executable, "-c", text], cwd=Path(__file__).parents[2], check=True)


def test_wrapped_data_without_a_wrapper(linked: Linker) -> None:
    """wasm-ld takes whatever is wrapped for a function, and crashes."""
    files: harness.Files = {
        "a.s": START + func("run", "() -> (i32)", "i32.const v") + data("v", ".int32 9"),
    }
    result = linked(files, "a.o --wrap=v --export=run")
    assert result.status == 1
    assert "undefined symbol: __wrap_v" in result.stderr
    result = linked(files, "a.o --wrap=v --export=run --allow-undefined", "allowed")
    assert result.module is not None
    assert harness.run_module(result.module, ["run()"])[0] == {"run()": 0}


def test_hints(linked: Linker) -> None:
    """Under an undefined symbol: where it is referenced, a likely misspelling, a library that has it; once a symbol."""
    files: harness.Files = {
        "a.c": "// flags: -g\nint helper_function(void); int helper_functoin(void);\n"
        "void _start(void) {\n  helper_functoin();\n  helper_functoin();\n}\n",
        "b.s": func("helper_function", "() -> (i32)", "i32.const 1"),
    }
    result = linked(files, "a.o b.o")
    spoken = harness.diagnostics(result.stderr)
    assert [entry.text for entry in spoken] == ["error: a.o: undefined symbol: helper_functoin"]
    details = [line for entry in spoken for line in entry.details]
    assert any("_start" in line for line in details)
    assert any("input.c:" in line for line in details)
    assert sum("helper_function" in line for line in details) == 1


def test_metadata_of_rust_is_no_warning(linked: Linker) -> None:
    """rustc's libraries contain it beside objects, and rustc passes --fatal-warnings. The reference gives up."""
    library = harness.Archive({"b.s": func("f"), "lib.rmeta": "rust\0\0\0\6and more"})
    source = func("_start", "() -> ()", "call f") + extern("f")
    result = linked({"a.s": source, "lib.a": library}, "a.o lib.a --fatal-warnings")
    assert (result.status, result.stderr) == (0, "")


def test_layout_that_cannot_be_with_shared_memory(linked: Linker) -> None:
    """The reference dies of a signal."""
    arguments = "a.o --global-base=1024 --stack-first --shared-memory --no-check-features --max-memory=1048576"
    result = linked({"a.s": STATE}, arguments)
    assert (result.status, result.stderr) == (
        1,
        "wasmlink: error: --global-base cannot be less than stack size when --stack-first is used\n",
    )
