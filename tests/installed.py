"""The tests, on an installed wheel: ``python -m tests.installed [--everything] pure|compiled [PYTEST-ARGUMENT...]``.

The wheel is the one that ``packaging/build.py`` makes. It is installed into an environment of its own, and the tests
and samples are copied to where no source of the package is, below ``.cache/installed/``: they import the wheel, and so
do the ``scons`` and ``wasmlink`` processes that they start. The wheel is made again when a source has changed.

Without pytest's arguments, the pure package runs all tests, and the compiled one those that need not be run on both
within the time of a run on each change; ``--everything`` runs all of them, with whole matrices.
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
CACHE = ROOT / ".cache" / "installed"
COPIED = (
    "tests",
    "bench",
    "docs",
    "packaging",
    "samples",
    "site_scons",
    ".ci",
    "pyproject.toml",
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
)
KINDS = ("pure", "compiled")


def main(arguments: list[str]) -> int:
    everything = arguments[:1] == ["--everything"]
    kind, *rest = arguments[everything:] or [""]
    if kind not in KINDS:
        usage = f"python -m tests.installed [--everything] {'|'.join(KINDS)} [PYTEST-ARGUMENT...]"
        print(f"usage: {usage}", file=sys.stderr)
        return 2
    if kind == "compiled" and missing_compiler() is not None:
        print(f"skipped: there is no C compiler ({missing_compiler()}) to compile the package with", file=sys.stderr)
        return 0
    prepared = prepare(kind)
    if prepared is None:
        return 1
    python, tree = prepared
    part = [] if everything else ["-p", "tests.support.matrix", f"--matrix-part={_PARTS[kind]}"]
    chosen = rest or ([] if everything else _TESTS[kind])
    command = [str(python), "-m", "pytest", "-n", "auto", "-m", "not packaging", *part, *chosen]
    variables = {**environment(python), "WASMLINK_EXPECT": kind}
    return subprocess.run(command, cwd=tree, env=variables, check=False).returncode


def missing_compiler() -> str | None:
    """Return the name of the C compiler that the compiled package would need, if there is none."""
    compiler: str = (sysconfig.get_config_var("CC") or "cc").split()[0]
    return compiler if shutil.which(compiler) is None else None


def prepare(kind: str) -> tuple[Path, Path] | None:
    """Return a Python with the wheel, and a directory with the tests and the benchmark but without the package's
    sources; ``None`` if that could not be made."""
    place = CACHE / kind
    python = _installed(kind, place)
    if python is None:
        return None
    tree = place / "tree"
    _copy(tree)
    return python, tree


def environment(python: Path) -> dict[str, str]:
    """Return the environment in which the programs of that Python are found, and nothing of the checkout is."""
    found = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    found["VIRTUAL_ENV"] = str(python.parent.parent)
    found["PATH"] = os.pathsep.join([str(python.parent), os.environ.get("PATH", os.defpath)])
    return found


def _installed(kind: str, place: Path) -> Path | None:
    """The Python of an environment that has the wheel and what the tests need; ``None`` where it could not be made."""
    directory = place / "python"
    python = directory.joinpath(*(("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")))
    marker = place / ".installed"
    key = _key()
    if marker.exists() and marker.read_text() == key:
        return python
    marker.unlink(missing_ok=True)
    print(f"making and installing the {kind} wheel ({_DURATIONS[kind]}) ...", file=sys.stderr, flush=True)
    shutil.rmtree(place / "dist", ignore_errors=True)
    which = ["--pure"] if kind == "pure" else ["--python", sys.executable]
    build = [sys.executable, str(ROOT / "packaging" / "build.py"), "--output", str(place / "dist"), *which]
    make = [sys.executable, "-m", "venv", str(directory)]
    for command in (build, make):
        if subprocess.run(command, check=False).returncode:
            return None
    (wheel,) = (path for path in (place / "dist").glob("*.whl") if ("py3-none" in path.name) == (kind == "pure"))
    pip = [str(python), "-I", "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    commands = [
        [*pip, f"{wheel}[dev]"],
        # The commands that old versions of pip write start slowly.
        [*pip, "--upgrade", "pip"],
        # The version is the same as that of the wheel before.
        [*pip, "--force-reinstall", "--no-deps", str(wheel)],
    ]
    if any(subprocess.run(command, check=False).returncode for command in commands):
        return None
    marker.write_text(key)
    return python


_TESTS: dict[str, list[str]] = {
    "pure": [],
    "compiled": [
        *(f"tests/{name}" for name in ("badinput", "cache", "component", "demangle", "differences", "differential")),
        *(f"tests/{name}" for name in ("dynamic", "explanations", "format", "linking", "warm")),
        *("tests/cli/test_start_up.py", "tests/scons/test_builds.py", "tests/scons/test_samples.py"),
    ],
}
"""The tests that run by default: all, and on the compiled package those of the linker itself."""
_PARTS = {"pure": "1/6", "compiled": "2/6"}
"""Parts of the matrices: see :mod:`tests.support.matrix`."""
_DURATIONS = {"pure": "half a minute", "compiled": "two to four minutes"}


def _copy(tree: Path) -> None:
    """Bring the copies up to date."""
    ignored = shutil.ignore_patterns("__pycache__", ".work", ".cache", ".sconsign*", "*.so", "*.wasm", "*.o", "*.a")
    for name in COPIED:
        source, target = ROOT / name, tree / name
        if source.is_dir():
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(source, target, ignore=ignored)
        elif source.exists():
            tree.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)


def _key() -> str:
    """A digest of all that a wheel is made of, and what it is made with."""
    digest = hashlib.sha256(f"{sys.version} {CACHE}".encode())
    for path in _sources():
        digest.update(f"{path.relative_to(ROOT)}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _sources() -> Iterator[Path]:
    yield from (ROOT / "setup.py", ROOT / "pyproject.toml", ROOT / "packaging" / "build.py", ROOT / "README.md")
    yield from sorted((ROOT / "wasmlink_tool").rglob("*.py"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
