"""Code generation by ``llvm-lto2``, the command for the library that LLVM's linkers use: it takes the link's decisions
symbol by symbol and generates the same objects as wasm-ld of its version."""

from __future__ import annotations

import os

from ..diagnostics import FatalError
from .modules import GeneratedObject
from .workplace import Workplace

_OUTPUT = "lto"


def generate_objects(place: Workplace) -> list[GeneratedObject]:
    """Return one object made from the modules without a ThinLTO summary, and one for each module with a summary.

    :raises FatalError: the compiler failed.
    """
    settings = place.settings
    model = "pic" if settings.position_independent else "static"
    arguments = ["run", "-o", _OUTPUT, f"-O{settings.optimize}", f"-cg-opt-level={settings.codegen_optimize}"]
    arguments += ["-function-sections", "-data-sections", f"-relocation-model={model}"]
    if settings.debug_pass_manager:
        arguments.append("-debug-pass-manager")
    if settings.save_temps:
        arguments.append("-save-temps")
    if settings.jobs:
        arguments.append(f"-thinlto-threads={settings.jobs}")
    # wasm-ld does not vectorise straight-line code, whatever its options for LLVM are.
    arguments += [option for option in settings.llvm_options if "vectorize-slp" not in option]
    arguments.append("-vectorize-slp=false")
    for name, module in zip(place.names, place.modules):
        for symbol, resolution in zip(module.bitcode.symbols, module.resolutions):
            if b"," in symbol.name:
                text = f"{module.name}: {place.compiler.shown} does not support symbols with a comma in their names"
                raise FatalError(f"{text}: name a clang with --lto-compiler=")
            arguments.append(f"-r={name},{symbol.name.decode('utf-8', 'surrogateescape')},{resolution.letters}")
    place.run(*arguments, *place.names)
    if settings.save_temps:
        _keep_modules(place)
    return _objects(place)


def _objects(place: Workplace) -> list[GeneratedObject]:
    """Return the written objects: number 0 is for all modules without a summary, and each with one has the next."""
    thin = [module.identifier for module in place.modules if module.is_thin]
    names = [
        f"{place.settings.output}.lto.o",
        *(_object_name(place.settings.output, identifier) for identifier in thin),
    ]
    objects = []
    for number, name in enumerate(names):
        file = f"{_OUTPUT}.{number}"
        if os.path.exists(place.path(file)):
            contents = place.read(file)
            if contents:
                objects.append(GeneratedObject(name, contents))
    return objects


def _object_name(output: str, identifier: str) -> str:
    directory, name = os.path.split(identifier)
    if not identifier.endswith(")"):
        name = os.path.splitext(name)[0]
    return os.path.normpath(os.path.join(directory, f"{os.path.basename(output)}.lto.{name}.o"))


def _keep_modules(place: Workplace) -> None:
    """Keep the modules that the compiler saved: ``lto.0.2.internalize.bc`` is for all modules without a summary,
    ``lto.3.4.opt.bc`` for the third that has one."""
    thin = [module.identifier for module in place.modules if module.is_thin]
    for file in sorted(os.listdir(place.directory)):
        if file.startswith(f"{_OUTPUT}.") and file.endswith((".bc", ".dot")):
            number, _, step = file.removeprefix(f"{_OUTPUT}.").partition(".")
            if number.isdigit() and 1 <= int(number) <= len(thin):
                place.keep(file, f"{thin[int(number) - 1]}.{step}")
            else:
                place.keep(file, place.settings.output + file.removeprefix(_OUTPUT))
