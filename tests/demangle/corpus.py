"""Compare with LLVM's demangler on the symbols of libraries: ``python -m tests.demangle.corpus [LIBRARY...]``.

Without arguments, the libraries are those of C++ and Rust that the machine has: libc++ and libstdc++ as the compiler
finds them, those beside ``llvm-nm``, and Rust's standard library. What differs is shown, and the share that agrees; the
exit status is 1 if that is less than 99.9 %. ``--slowest`` shows the names that took longest as well.

The tools are ``llvm-nm`` and ``llvm-cxxfilt`` of the latest version that is installed, or what ``LLVM_NM`` and
``LLVM_CXXFILT`` name. Before version 22, LLVM printed some names differently.
"""

from __future__ import annotations

import argparse
import glob
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from wasmlink_tool.demangle import demangle

#: What `llvm-cxxfilt` demangles as the linker does; of other names it may strip an underscore, or not.
PREFIXES = ("_Z", "___Z", "____Z", "_R", "_D")

REQUIRED_SHARE = 0.999

#: Names for one run of `llvm-cxxfilt`, by the characters that a command line takes.
BATCH = 100_000


def tool(name: str) -> str:
    """A tool of LLVM's."""
    variable = os.environ.get(name.upper().replace("-", "_"))
    if variable:
        return variable
    versioned = sorted(glob.glob(f"/usr/lib/llvm-*/bin/{name}"), key=lambda path: int(path.split("/")[3][5:]))
    found = versioned[-1] if versioned else shutil.which(name)
    if found is None:
        raise SystemExit(f"{name} isn't found: install LLVM's tools, or say where it is with {name.upper()}")
    return found


def default_libraries() -> Iterator[Path]:
    """Libraries with many names of C++'s and Rust's."""
    for compiler in ("g++", "clang++"):
        if not shutil.which(compiler):
            continue
        for library in ("libstdc++.a", "libstdc++.so", "libc++.a", "libc++abi.a"):
            done = subprocess.run([compiler, f"-print-file-name={library}"], capture_output=True, text=True, check=True)
            path = Path(done.stdout.strip())
            if path.is_absolute() and path.exists():
                yield path.resolve()
    beside = Path(tool("llvm-nm")).resolve().parent.parent / "lib"
    yield from {path.resolve() for path in beside.glob("lib*.so*")}
    if shutil.which("rustc"):
        done = subprocess.run(["rustc", "--print", "sysroot"], capture_output=True, text=True, check=True)
        yield from Path(done.stdout.strip()).glob("lib/rustlib/*/lib/*.rlib")


def symbols(library: Path) -> set[str]:
    """The mangled names in a library, static or shared."""
    found: set[str] = set()
    for options in ([], ["-D"]):
        command = [tool("llvm-nm"), "-j", "--quiet", *options, str(library)]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        # A shared library's names have a version after them.
        found.update(line.partition("@")[0] for line in done.stdout.splitlines() if line.startswith(PREFIXES))
    return found


def reference(names: list[str]) -> Iterator[str]:
    """Return LLVM's output for names."""
    batch: list[str] = []
    room = BATCH
    for name in [*names, ""]:
        if batch and (not name or len(name) > room):
            done = subprocess.run([tool("llvm-cxxfilt"), *batch], capture_output=True, check=True)
            yield from done.stdout.decode("utf-8", "surrogateescape").splitlines()
            batch, room = [], BATCH
        batch.append(name)
        room -= len(name)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("libraries", nargs="*", type=Path)
    parser.add_argument("--slowest", type=int, default=0, metavar="N")
    options = parser.parse_args()
    all_names: set[str] = set()
    for library in options.libraries or sorted(set(default_libraries())):
        names = symbols(library)
        if names:
            print(f"{len(names):8} names in {library}")
        all_names |= names
    if not all_names:
        print("there are no mangled names")
        return 1
    ordered = sorted(all_names)
    expected = list(reference(ordered))
    different = 0
    times: list[tuple[float, str]] = []
    for name, readable in zip(ordered, expected, strict=True):
        encoded = name.encode()
        start = time.perf_counter()
        ours = demangle(encoded)
        times.append((time.perf_counter() - start, name))
        if ours != readable.encode("utf-8", "surrogateescape"):
            different += 1
            if different <= 20:
                print(f"{name}\n  LLVM: {readable}\n  ours: {ours.decode(errors='replace')}")
    share = 1 - different / len(ordered)
    microseconds = sum(taken for taken, _ in times) / len(ordered) * 1e6
    print(f"{len(ordered)} names, {different} differ: {share:.4%} agree; {microseconds:.1f} µs each")
    for taken, name in sorted(times, reverse=True)[: options.slowest]:
        print(f"{taken * 1e6:8.0f} µs {name}")
    return int(share < REQUIRED_SHARE)


if __name__ == "__main__":
    sys.exit(main())
