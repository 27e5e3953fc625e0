"""Compilers' own drivers with this linker under theirs: what they build runs. Each is tested where it is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import wasmlink_tool

PACKAGES = Path(wasmlink_tool.__file__).resolve().parents[1]
RUSTC = "/usr/bin/rustc"
"""Debian's, which has the standard library for WebAssembly."""
EMSCRIPTEN_TOOLS = ("clang", "clang++", "llvm-ar", "llvm-nm", "llvm-objcopy", "llvm-dwarfdump", "llvm-dwp")


def run(command: list[str], directory: Path, **environment: str) -> str:
    """The standard output of a command that must succeed."""
    done = subprocess.run(
        command, cwd=directory, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def write_linker(path: Path) -> Path:
    """A command that is this linker under the file's name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(PACKAGES)!r})\n"
        "from wasmlink_tool.cli import main\nsys.exit(main())\n"
    )
    path.chmod(0o755)
    return path


node = pytest.mark.skipif(shutil.which("node") is None, reason="needs node")

# clang

CLANG = shutil.which("clang-22") or shutil.which("clang")
C_SOURCE = "static int table[2] = {3, 4};\nint add(int a) { return table[a & 1] + a; }\nvoid _start(void) {}\n"


@pytest.mark.skipif(CLANG is None or os.name == "nt", reason="needs clang")
@pytest.mark.parametrize(
    "flags",
    [
        ["-Wl,--export=add"],
        ["-O2", "-Wl,--export=add", "-s"],
        ["-Wl,--export=add", "-Xlinker", "--no-gc-sections", "-u", "add", "-Wl,-z,stack-size=16384", "-static"],
        ["-r"],
        ["-fPIC", "-shared", "-Wl,--no-entry,--experimental-pic", "-fvisibility=default"],
        ["--target=wasm64-unknown-unknown", "-Wl,--export=add"],
    ],
    ids=lambda flags: flags[0],
)
def test_clang(flags: list[str], tmp_path: Path) -> None:
    """``-fuse-ld`` with a path is what clang takes a linker by."""
    assert CLANG is not None
    linker = write_linker(tmp_path / "bin" / "wasm-ld")
    (tmp_path / "a.c").write_text(C_SOURCE)
    command = [
        CLANG,
        "--target=wasm32-unknown-unknown",
        "-nostdlib",
        f"-fuse-ld={linker}",
        *flags,
        "a.c",
        "-o",
        "a.wasm",
    ]
    run(command, tmp_path)
    assert (tmp_path / "a.wasm").read_bytes().startswith(b"\0asm")


# rustc


def has_rust(target: str) -> bool:
    if not os.path.exists(RUSTC):
        return False
    done = subprocess.run(
        [RUSTC, "--print", "target-libdir", "--target", target], capture_output=True, text=True, check=False
    )
    return done.returncode == 0 and any(Path(done.stdout.strip()).glob("libstd-*.rlib"))


PROGRAM = """
use std::collections::HashMap;
thread_local!{ static X: std::cell::Cell<i32> = std::cell::Cell::new(3); }
fn main() {
    let mut map = HashMap::new();
    map.insert("a", 1);
    for (key, value) in &map { println!("{} {}", key, value); }
    X.with(|x| { x.set(x.get() + 1); println!("{}", x.get()); });
    println!("{}", std::env::args().count());
}
"""
WASI_HOST = """
const {WASI} = require("wasi"), fs = require("fs");
const wasi = new WASI({version: "preview1", args: ["program", "argument"]});
WebAssembly.instantiate(fs.readFileSync(process.argv[2]), {wasi_snapshot_preview1: wasi.wasiImport})
    .then(made => wasi.start(made.instance));
"""
LIBRARY = """
#[no_mangle] pub extern "C" fn add(a: i32, b: i32) -> i32 { (0..a).collect::<Vec<i32>>().iter().sum::<i32>() + b }
#[no_mangle] pub static ANSWER: i32 = 42;
"""
LIBRARY_HOST = """
const fs = require("fs");
WebAssembly.instantiate(fs.readFileSync(process.argv[2]), {}).then(({instance: {exports}}) =>
    console.log(exports.add(5, 4), new Int32Array(exports.memory.buffer)[exports.ANSWER.value / 4]));
"""


@pytest.mark.slow
@node
@pytest.mark.skipif(not has_rust("wasm32-wasi"), reason="needs rustc and its library for wasm32-wasi")
@pytest.mark.parametrize(
    "flags",
    [
        [],
        ["-O"],
        ["-g"],
        ["-O", "-C", "panic=abort", "-C", "lto=fat"],
        ["-C", "strip=symbols", "-C", "linker-flavor=wasm-ld"],
    ],
    ids=["plain", "release", "debug", "fat", "stripped"],
)
def test_rust_program(flags: list[str], tmp_path: Path) -> None:
    linker = write_linker(tmp_path / "bin" / "wasm-ld")
    (tmp_path / "main.rs").write_text(PROGRAM)
    (tmp_path / "host.cjs").write_text(WASI_HOST)
    command = [RUSTC, "--target", "wasm32-wasi", "-C", f"linker={linker}", *flags, "main.rs", "-o", "main.wasm"]
    run(command, tmp_path)
    printed = run(["node", "--experimental-wasi-unstable-preview1", "host.cjs", "main.wasm"], tmp_path)
    assert printed.split("\n") == ["a 1", "4", "2", ""]


@pytest.mark.slow
@node
@pytest.mark.skipif(not has_rust("wasm32-unknown-unknown"), reason="needs rustc and its library for wasm32")
@pytest.mark.parametrize("flags", [[], ["-O", "-C", "panic=abort"]], ids=["plain", "release"])
@pytest.mark.parametrize("name", ["wasm-ld", "wasmlink"])
def test_rust_library(flags: list[str], name: str, tmp_path: Path) -> None:
    """Under its own name, the linker gets ``-flavor wasm`` too."""
    linker = write_linker(tmp_path / "bin" / name)
    (tmp_path / "lib.rs").write_text(LIBRARY)
    (tmp_path / "host.cjs").write_text(LIBRARY_HOST)
    command = [RUSTC, "--target", "wasm32-unknown-unknown", "--crate-type", "cdylib", "-C", f"linker={linker}", *flags]
    run([*command, "lib.rs", "-o", "lib.wasm"], tmp_path)
    assert run(["node", "host.cjs", "lib.wasm"], tmp_path) == "14 42\n"


# emcc

EMCC = shutil.which("emcc")
C_PROGRAM = """
#include <stdio.h>
#include <stdlib.h>
int main(void) { char *text = malloc(8); sprintf(text, "%d", 42); puts(text); return 0; }
"""
CXX_PROGRAM = """
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
struct Static { Static() { std::cout << "constructed\\n"; } } object;
int main() {
    std::map<std::string, int> map{{"a", 1}};
    for (auto &entry : map) std::cout << entry.first << entry.second << std::endl;
#ifdef THROW
    try { throw std::runtime_error("thrown"); } catch (std::exception &error) { std::cout << error.what() << "\\n"; }
#endif
}
"""
THREADS_PROGRAM = """
#include <pthread.h>
#include <stdio.h>
_Thread_local int own = 5;
void *work(void *argument) { own += (int)(long)argument; return (void *)(long)own; }
int main(void) {
    for (int i = 0; i < 3; i++) {
        pthread_t thread;
        void *result;
        pthread_create(&thread, 0, work, (void *)(long)i);
        pthread_join(thread, &result);
        printf("%d\\n", (int)(long)result);
    }
}
"""


def emscripten_with_our_linker(directory: Path) -> str | None:
    """A directory of LLVM's tools for emcc, with this linker among them; ``None`` where emcc's own aren't found."""
    tools = directory / "llvm"
    tools.mkdir()
    where = subprocess.run(["em-config", "LLVM_ROOT"], capture_output=True, text=True, check=False).stdout.strip()
    if not where:
        return None
    for path in Path(where).iterdir():
        name, _, version = path.name.rpartition("-")
        if not version.isdigit():
            name = path.name
        if name in EMSCRIPTEN_TOOLS:
            (tools / path.name).symlink_to(path)
        elif name == "wasm-ld":
            write_linker(tools / path.name)
    return str(tools)


@pytest.mark.slow
@node
@pytest.mark.skipif(EMCC is None, reason="needs emcc")
@pytest.mark.parametrize(
    ("source", "flags", "expected"),
    [
        (("a.c", C_PROGRAM), [], "42\n"),
        (("a.c", C_PROGRAM), ["-O1"], "42\n"),
        (("a.c", C_PROGRAM), ["-g"], "42\n"),
        (("a.cpp", CXX_PROGRAM), [], "constructed\na1\n"),
        (("a.cpp", CXX_PROGRAM), ["-O1", "-fexceptions", "-DTHROW"], "constructed\na1\nthrown\n"),
        (("a.c", THREADS_PROGRAM), ["-pthread", "-sPROXY_TO_PTHREAD", "-sEXIT_RUNTIME"], "5\n6\n7\n"),
    ],
    ids=["c", "c-O1", "c-g", "cxx", "cxx-exceptions", "threads"],
)
def test_emcc(source: tuple[str, str], flags: list[str], expected: str, tmp_path: Path) -> None:
    tools = emscripten_with_our_linker(tmp_path)
    if tools is None:
        pytest.skip("em-config doesn't tell where LLVM is")
    name, text = source
    (tmp_path / name).write_text(text)
    run(["emcc", name, *flags, "-o", "a.js"], tmp_path, EM_LLVM_ROOT=tools)
    # Newer versions of node have a fetch that emcc's programs take for a browser's.
    assert run(["node", "--no-experimental-fetch", "a.js"], tmp_path) == expected
