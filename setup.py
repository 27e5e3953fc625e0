"""The compiled package: ``WASMLINK_COMPILE=1 pip install --no-build-isolation .`` with mypy and a C compiler at hand.

The modules are those of the pure package, unchanged; without the variable nothing is compiled. What stays pure either
runs once a link or belongs to SCons.
"""

from __future__ import annotations

import os
from pathlib import Path

from setuptools import setup

COMPILED = ("binary", "inputs", "linking", "linking/explain", "output", "demangle")
"""Packages whose modules are compiled."""


def modules() -> list[str]:
    """The files to compile, relative to this one."""
    here = Path(__file__).resolve().parent
    packages = [here / "wasmlink_tool" / name for name in COMPILED]
    files = [path for package in packages for path in package.glob("*.py") if path.name != "__init__.py"]
    return [str(path.relative_to(here)) for path in sorted(files)]


if os.environ.get("WASMLINK_COMPILE"):
    from mypyc.build import mypycify

    setup(ext_modules=mypycify(modules(), opt_level="2", debug_level="0"), install_requires=["librt"])
else:
    setup()
