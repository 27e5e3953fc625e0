"""The linker's tests once more, on the package as mypyc compiles it: ``python -m tests.compiled [PYTEST-ARGUMENT...]``.

Sources and tests are copied to ``.cache/compiled`` and the modules are compiled there, which takes a minute or two
and is done again when a source has changed. The tests of what stays pure (the SCons tool, the command's options, the
samples) are left to the other run.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLACE = ROOT / ".cache" / "compiled"
COPIED = ("wasmlink_tool", "tests", "bench", "samples", "setup.py", "pyproject.toml", "README.md", "LICENSE")
TESTS = ("tests/format", "tests/differential", "tests/badinput", "tests/cache", "tests/explanations")


def main(arguments: list[str]) -> int:
    compiler = (sysconfig.get_config_var("CC") or "cc").split()[0]
    if shutil.which(compiler) is None:
        print(f"skipped: there is no C compiler ({compiler}) to compile the package with", file=sys.stderr)
        return 0
    _copy()
    key = _key()
    marker = PLACE / ".compiled"
    if not marker.exists() or marker.read_text() != key:
        marker.unlink(missing_ok=True)
        for old in (*PLACE.glob("*.so"), *PLACE.glob("wasmlink_tool/**/*.so")):
            old.unlink()
        shutil.rmtree(PLACE / "build", ignore_errors=True)
        if not _compile():
            return 1
        marker.write_text(key)
    command = [sys.executable, "-m", "pytest", "-n", "auto", *(arguments or TESTS)]
    environment = {**os.environ, "PYTHONPATH": str(PLACE), "WASMLINK_EXPECT_COMPILED": "1"}
    return subprocess.run(command, cwd=PLACE, env=environment, check=False).returncode


def _copy() -> None:
    """Bring the copies up to date; what was compiled stays beside them."""
    for name in COPIED:
        source, target = ROOT / name, PLACE / name
        if source.is_file():
            PLACE.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
            continue
        for old in target.rglob("*.py"):
            if not (source / old.relative_to(target)).exists():
                old.unlink()
        ignored = shutil.ignore_patterns("__pycache__", ".work", ".sconsign*", "*.so", "*.wasm", "*.o", "*.a")
        shutil.copytree(source, target, ignore=ignored, dirs_exist_ok=True)


def _key() -> str:
    """Of all that is compiled, and what with."""
    digest = hashlib.sha256(f"{sys.version} {PLACE}".encode())
    for path in _sources():
        digest.update(f"{path.relative_to(PLACE)}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _sources() -> Iterator[Path]:
    yield PLACE / "setup.py"
    yield from sorted((PLACE / "wasmlink_tool").rglob("*.py"))


def _compile() -> bool:
    print("compiling the package (a minute or two) ...", file=sys.stderr, flush=True)
    done = subprocess.run(
        [sys.executable, "setup.py", "--quiet", "build_ext", "--inplace"],
        cwd=PLACE,
        env={**os.environ, "WASMLINK_COMPILE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        print(done.stdout[-8000:], file=sys.stderr)
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
