"""The choice of the compiler for bitcode, the error if there is none, and its own messages."""

from __future__ import annotations

import ast
import importlib.util
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.toolchain import compile_object, zig
from wasmlink_tool import LinkError, LinkOptions, LinkResult, link
from wasmlink_tool.inputs.bitcode import BitcodeFile, NoSymbolTableError, blocks
from wasmlink_tool.toolchain.lto import ENVIRONMENT_VARIABLE, Compiler, find_compiler, run

SOURCE = '// flags: -flto -O2\n__attribute__((export_name("run"))) int run(int x) { return x * 3; }\n'
needs_scripts = pytest.mark.skipif(os.name == "nt", reason="programs are scripts here")


@pytest.fixture
def bitcode(tmp_path: Path) -> Path:
    path = tmp_path / "some.o"
    path.write_bytes(compile_object(SOURCE, ".c", tmp_path))
    return path


@pytest.fixture
def nothing_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty search path, and no ziglang package: the path's only directory."""
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", str(directory))
    monkeypatch.delenv(ENVIRONMENT_VARIABLE, raising=False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    return directory


def program(path: Path, body: str) -> str:
    path.write_text(f"#!{sys.executable}\nimport sys\n{body}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def clang(directory: Path, name: str, version: str, targets: str = "wasm32") -> str:
    body = f"print({targets!r} if '--print-targets' in sys.argv else 'clang version {version}')"
    return program(directory / name, body)


def linked(path: Path, **options: object) -> LinkResult:
    return link(LinkOptions(inputs=[str(path)], entry=None, output=None, **options))  # type: ignore[arg-type]


def refusal(path: Path, **options: object) -> str:
    with pytest.raises(LinkError) as caught:
        linked(path, **options)
    return str(caught.value)


def test_none_is_found(bitcode: Path, nothing_installed: Path) -> None:
    text = refusal(bitcode)
    assert "link-time optimisation needs a compiler" in text
    assert "pip install ziglang" in text
    assert "--lto-compiler=" in text


def test_what_is_configured_is_not_there(bitcode: Path) -> None:
    assert refusal(bitcode, lto_compiler=["no-such-clang"]).endswith("no-such-clang")


def test_the_environment_names_one(bitcode: Path, nothing_installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, f"{zig()} cc")
    assert linked(bitcode).module.startswith(b"\0asm")


@needs_scripts
def test_the_first_that_is_new_enough(nothing_installed: Path) -> None:
    old = clang(nothing_installed, "clang", "14.0.6")
    assert find_compiler((), 14).command == (old,)
    # Nothing better: perhaps it can.
    assert find_compiler((), 22).command == (old,)
    new = clang(nothing_installed, "clang-22", "22.1.0")
    assert find_compiler((), 22).command == (new,)
    lto2 = program(nothing_installed / "llvm-lto2-22", "print('LLVM version 22.1.0')")
    assert find_compiler((), 22) == Compiler((lto2,), True, 22)


@needs_scripts
def test_a_newer_one_is_found_under_its_version(nothing_installed: Path) -> None:
    clang(nothing_installed, "clang", "14.0.6")
    clang(nothing_installed, "clang-19", "19.1.7")
    newest = clang(nothing_installed, "clang-22", "22.1.0")
    assert find_compiler((), 21).command == (newest,)
    # Older bitcode is for the clang that has no version in its name, if it is new enough.
    assert find_compiler((), 14).command == (str(nothing_installed / "clang"),)


@needs_scripts
def test_a_clang_without_the_target_is_none(bitcode: Path, nothing_installed: Path) -> None:
    clang(nothing_installed, "clang", "22.1.0", targets="x86-64")
    assert "needs a compiler" in refusal(bitcode)


@needs_scripts
@pytest.mark.parametrize("name", ["clang", "llvm-lto2"])
def test_the_compilers_message_names_the_file(name: str, bitcode: Path, tmp_path: Path) -> None:
    compiler = program(tmp_path / name, "sys.exit('error: module0.bc: Unknown attribute kind (105)')")
    assert refusal(bitcode, lto_compiler=[compiler]) == f"{bitcode}: Unknown attribute kind (105)"


@needs_scripts
def test_a_compiler_that_writes_nothing(bitcode: Path, tmp_path: Path) -> None:
    assert "wrote no object" in refusal(bitcode, lto_compiler=[program(tmp_path / "clang", "")])


@needs_scripts
@pytest.mark.parametrize(
    ("command", "arguments"),
    [(["ccache", "clang"], ["-c"]), (["python", "-m", "ziglang", "clang"], ["-c"]), (["llvm-lto2"], ["run"])],
    ids=["ccache", "module", "llvm-lto2"],
)
def test_long_commands_behind_another_program(command: list[str], arguments: list[str], tmp_path: Path) -> None:
    """The response file is the compiler's: the program that runs it would take it for a command."""
    words = tmp_path / "words"
    starter = program(tmp_path / "starter", f"import os\nopen({str(words)!r}, 'w').write(repr(sys.argv[1:]))")
    long = [f"a-long-name-{number}.bc" for number in range(1000)]
    run([starter, *command[1:]], [*arguments, *long], directory=str(tmp_path))
    *leading, file = ast.literal_eval(words.read_text(encoding="utf-8"))
    assert leading == command[1:] + [word for word in arguments if word == "run"]
    assert file.startswith("@")


@needs_scripts
@pytest.mark.parametrize("option", ["cache_directory", "lto_cache_directory"])
def test_generated_objects_are_kept(option: str, bitcode: Path, tmp_path: Path) -> None:
    """The second link runs no compiler, and another one's objects are not taken."""
    log = tmp_path / "log"
    body = (
        f"import subprocess\nopen({str(log)!r}, 'a').write('.')\n"
        f"sys.exit(subprocess.run([{zig()!r}, 'clang', *sys.argv[1:]]).returncode)"
    )
    compiler = program(tmp_path / "clang", body)
    settings = {option: str(tmp_path / "cache"), "lto_compiler": [compiler]}
    first = linked(bitcode, **settings).module
    ran = log.read_text()
    assert ran
    assert linked(bitcode, **settings).module == first
    assert len(log.read_text()) == len(ran)
    linked(bitcode, **settings, lto_optimize=1)
    assert len(log.read_text()) > len(ran)


def test_a_file_without_a_symbol_table(bitcode: Path) -> None:
    """The compiler adds one."""
    whole = bitcode.read_bytes()
    (table,) = (stream.block for number, stream in blocks(whole, 0, len(whole)) if number == 25)
    bitcode.write_bytes(whole.replace(table, b""))
    with pytest.raises(NoSymbolTableError):
        BitcodeFile(bitcode.read_bytes())
    assert linked(bitcode, lto_compiler=[zig()]).module.startswith(b"\0asm")


def test_a_link_without_bitcode_loads_none_of_it(tmp_path: Path) -> None:
    path = tmp_path / "native.o"
    path.write_bytes(compile_object(SOURCE.replace("-flto ", ""), ".c", tmp_path))
    code = (
        "import sys; from wasmlink_tool import LinkOptions, link\n"
        f"link(LinkOptions(inputs=[{str(path)!r}], entry=None, output=None))\n"
        "names = {name.removesuffix('.bitcode_input') for name in sys.modules}\n"
        "print([name for name in names if '.lto' in name or 'toolchain' in name or 'bitcode' in name])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
