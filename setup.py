"""Compiles the package where that is asked for: ``WASMLINK_COMPILE=1 pip install .`` (a C compiler must be at hand).

Without the variable, nothing is compiled and the package is pure Python. The sources are the same; modules that run
once a link, and those of the SCons tool, stay interpreted.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

COMPILED = ("binary", "inputs", "linking", "output", "incremental", "demangle", "component")
"""Packages whose modules are compiled; ``linking/explain`` runs once, after an error, and caches what it computes with
``functools.cached_property``, of which mypyc makes a property that computes it each time."""

UNCOMPILED = ("__init__.py", "__main__.py")
"""Files that Python runs or finds by their source."""
DEPENDENCIES = ("scons>=4.5",)
RUN_TIME = "librt>=0.17"
"""The library that compiled modules import, mypyc's. It is also needed to compile them."""
COMPILER = ("mypy==2.4.1", RUN_TIME)
"""What compiling needs beside setuptools: installed by pip into the build's environment."""


def modules() -> list[str]:
    """The files to compile, relative to this one."""
    here = Path(__file__).resolve().parent
    packages = [here / "wasmlink_tool" / name for name in COMPILED]
    files = [path for package in packages for path in package.glob("*.py") if path.name not in UNCOMPILED]
    return [str(path.relative_to(here)) for path in sorted(files)]


class BuildExtensions(build_ext):
    """Runs a compiler on each processor: setuptools does so for the files of different extensions only."""

    def finalize_options(self) -> None:
        super().finalize_options()
        self.parallel = self.parallel or os.cpu_count() or 1

    def build_extension(self, ext: Extension) -> None:
        if self.compiler.compiler_type == "unix" and len(ext.sources) > 1:

            def compile_file(source: str) -> list[str]:
                return self.compiler.compile(
                    [source],
                    output_dir=self.build_temp,
                    include_dirs=ext.include_dirs,
                    extra_postargs=ext.extra_compile_args,
                    depends=ext.depends,
                )

            # The largest first, so that none of the processors works alone at the end.
            largest_first = sorted(ext.sources, key=os.path.getsize, reverse=True)
            with ThreadPoolExecutor(self.parallel) as pool:
                ext.extra_objects += [name for names in pool.map(compile_file, largest_first) for name in names]
            ext.sources = []
        super().build_extension(ext)


def compile_and_set_up() -> None:
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        sys.exit(
            "the compiled package has not been tested on a free-threaded Python: install the pure one, without "
            "WASMLINK_COMPILE"
        )
    try:
        from mypyc.build import mypycify
    except ImportError:
        # pip asks first what the build needs, in an environment that does not have it yet.
        setup(setup_requires=COMPILER, install_requires=DEPENDENCIES)
        return
    # One C file for each module: a single one has 150 MB, on which gcc spends eight minutes, on one processor.
    extensions = mypycify(modules(), opt_level="2", debug_level="0", multi_file=True)
    for extension in extensions:
        if sys.platform != "win32":
            # Functions of other files are called directly, and those of the same file may be inlined.
            extension.extra_compile_args = [*extension.extra_compile_args, "-fvisibility=hidden"]
        if sys.platform.startswith("linux"):
            extension.extra_link_args.append("-Wl,--strip-all")
    # pyproject.toml must not have dependencies: setuptools would drop these.
    setup(
        ext_modules=extensions,
        cmdclass={"build_ext": BuildExtensions},
        install_requires=[*DEPENDENCIES, RUN_TIME],
    )


if os.environ.get("WASMLINK_COMPILE"):
    compile_and_set_up()
else:
    setup(install_requires=DEPENDENCIES)
