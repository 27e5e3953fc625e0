"""The virtual environment of a checkout: made when it is first needed, and again when what it holds has changed.

This file and those that import it run on any Python 3, so that an old one gets a clear word instead of a traceback.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DIRECTORY = ROOT / ".venv"
MINIMUM = (3, 10)
EXTRAS = {"samples": ("samples", "dev"), "dev": ("dev",)}
"""Each extra of pyproject.toml, with those that contain it."""


def environment(extra: str) -> Path:
    """The Python of an environment with this checkout installed (editable) and what ``extra`` names.

    Exits with a message if that cannot be had.
    """
    if sys.version_info < MINIMUM:
        sys.exit("Python %d.%d or newer is needed; this is %s" % (*MINIMUM, sys.version.split()[0]))  # noqa: UP031
    python = DIRECTORY.joinpath(*(("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")))
    wanted = _key()
    if python.exists() and any(_read(_marker(other)) == wanted for other in EXTRAS[extra]):
        return python

    print(f"setting up {DIRECTORY.name} (once, and again when pyproject.toml changes) ...", file=sys.stderr, flush=True)
    # What was made for another Python, or by an interrupted set-up, is not worth mending.
    if DIRECTORY.exists() and not any(_marker(other).exists() for other in EXTRAS) and _is_ours():
        shutil.rmtree(DIRECTORY)
    usable = python.exists() and subprocess.run([python, "-c", ""], check=False, capture_output=True).returncode == 0
    if not usable or _version(python) != "%d.%d" % sys.version_info[:2]:  # noqa: UP031
        _run([sys.executable, "-m", "venv", "--clear", str(DIRECTORY)], "making a virtual environment")
    (DIRECTORY / ".wasmlink").touch()
    for other in EXTRAS:
        if _read(_marker(other)) != wanted:
            _marker(other).unlink(missing_ok=True)
    install = [str(python), "-I", "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    _run([*install, "--editable", f"{ROOT}[{extra}]"], "installing the packages")
    _marker(extra).write_text(wanted, encoding="utf-8")
    return python


def _key() -> str:
    content = (ROOT / "pyproject.toml").read_bytes() + Path(__file__).read_bytes()
    return f"{hashlib.sha256(content).hexdigest()} {ROOT} {sys.version_info[0]}.{sys.version_info[1]}"


def _marker(extra: str) -> Path:
    return DIRECTORY / f".ready-{extra}"


def _is_ours() -> bool:
    return (DIRECTORY / ".wasmlink").exists()


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""


def _version(python: Path) -> str:
    done = subprocess.run(
        [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], check=False, capture_output=True, text=True
    )
    return done.stdout.strip()


def _run(command: list[str], what: str) -> None:
    # Settings of the person's own pip, such as installing for the user, make no sense inside of the environment.
    variables = {name: value for name, value in os.environ.items() if name not in ("PIP_USER", "PIP_TARGET")}
    variables.pop("PYTHONHOME", None)
    done = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, env=variables)
    if done.returncode:
        sys.exit(f"{what} failed; the command was: {' '.join(command)}")
