"""Compiles the package where that is asked for: ``WASMLINK_COMPILE=1 pip install .`` (a C compiler must be at hand).

Without the variable, nothing is compiled and the package is pure Python. The sources are the same; modules that run
once a link, and those of the SCons tool, stay interpreted.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from setuptools import setup

COMPILED = ("binary", "inputs", "linking", "linking/explain", "output", "incremental", "demangle", "component")
"""Packages whose modules are compiled."""

UNCOMPILED = ("__init__.py", "__main__.py")
"""Files that Python runs or finds by their source."""
COMPILER = ("mypy==2.4.1", "librt>=0.17")
"""What compiling needs beside setuptools: installed by pip into the build's environment."""


def modules() -> list[str]:
    """The files to compile, relative to this one."""
    here = Path(__file__).resolve().parent
    packages = [here / "wasmlink_tool" / name for name in COMPILED]
    files = [path for package in packages for path in package.glob("*.py") if path.name not in UNCOMPILED]
    return [str(path.relative_to(here)) for path in sorted(files)]


def compile_and_set_up() -> None:
    try:
        from mypyc.build import mypycify
    except ImportError:
        # pip asks first what the build needs, in an environment that does not have it yet.
        setup(setup_requires=COMPILER)
        return
    extensions = mypycify(modules(), opt_level="2", debug_level="0")
    if sys.platform.startswith("linux"):
        for extension in extensions:
            extension.extra_link_args.append("-Wl,--strip-all")
    setup(ext_modules=extensions, install_requires=["librt>=0.17"])


if os.environ.get("WASMLINK_COMPILE"):
    compile_and_set_up()
else:
    setup()
