"""The samples for CMake and Meson: they are configured, built by ninja with this linker, and run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from wasmlink_tool.toolchain.driver import ToolchainError
from wasmlink_tool.toolchain.wasi import Kind, Toolchain, find_toolchain

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
PRINTED = "circle 12.566, square 9.000\n"


def clang() -> Toolchain | None:
    """A clang that links a program of its own."""
    try:
        toolchain = find_toolchain("clang")
        runtime = toolchain.runtime()
    except ToolchainError:
        return None
    return toolchain if toolchain.kind is Kind.CLANG and not runtime.absent else None


def program(name: str) -> str:
    found = shutil.which(name, path=os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]]))
    if found is None:
        pytest.skip(f"{name} is not installed (pip install {name})")
    return found


@pytest.fixture
def toolchain() -> Toolchain:
    found = clang()
    if found is None:
        pytest.skip("no clang with a libc and builtins for WASI is installed")
    return found


def run(*command: str, directory: Path) -> str:
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    done = subprocess.run(
        command, cwd=directory, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["Debug", "Release"])
def test_cmake(toolchain: Toolchain, kind: str, tmp_path: Path) -> None:
    cmake, ninja, linker = program("cmake"), program("ninja"), program("wasmlink")
    shutil.copytree(SAMPLES / "cmake", tmp_path / "sample")
    definitions = {
        "CMAKE_TOOLCHAIN_FILE": "wasm.cmake",
        "CMAKE_BUILD_TYPE": kind,
        "CMAKE_MAKE_PROGRAM": ninja,
        "WASM_CLANG": toolchain.cc[0],
        "WASM_CLANGXX": toolchain.cxx[0],
        "WASM_AR": toolchain.ar[0],
        "WASM_RANLIB": toolchain.ar[0].replace("llvm-ar", "llvm-ranlib"),
        "WASMLINK": linker,
    }
    options = [f"-D{name}={value}" for name, value in definitions.items()]
    run(cmake, "-G", "Ninja", "-B", "build", *options, directory=tmp_path / "sample")
    output = run(cmake, "--build", "build", "--verbose", directory=tmp_path / "sample")
    assert f"-fuse-ld={linker}" in output
    module = tmp_path / "sample" / "build" / "areas.wasm"
    assert run(sys.executable, str(SAMPLES / "wasi.py"), str(module), directory=tmp_path) == PRINTED


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["debug", "release"])
def test_meson(toolchain: Toolchain, kind: str, tmp_path: Path) -> None:
    meson, ninja, linker = program("meson"), program("ninja"), program("wasmlink")
    shutil.copytree(SAMPLES / "meson", tmp_path / "sample")
    constants = {
        "clang": toolchain.cc[0],
        "clangxx": toolchain.cxx[0],
        "ar": toolchain.ar[0],
        "wasmlink": linker,
    }
    lines = ["[constants]", *(f"{name} = {value!r}" for name, value in constants.items())]
    (tmp_path / "sample" / "tools.ini").write_text("\n".join(lines) + "\n", encoding="utf-8")
    files = ("--cross-file", "tools.ini", "--cross-file", "wasm.ini")
    run(meson, "setup", "build", *files, f"--buildtype={kind}", directory=tmp_path / "sample")
    run(ninja, "-C", "build", directory=tmp_path / "sample")
    build_file = (tmp_path / "sample" / "build" / "build.ninja").read_text(encoding="utf-8")
    assert f"-fuse-ld={linker}" in build_file
    module = tmp_path / "sample" / "build" / "areas.wasm"
    assert run(sys.executable, str(SAMPLES / "wasi.py"), str(module), directory=tmp_path) == PRINTED
