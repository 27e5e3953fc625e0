"""Bitcode modules to objects."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence

from ..diagnostics import Diagnostics, FatalError
from .compilers import Compiler
from .modules import CodeGeneration, GeneratedObject, Module, SymbolResolution
from .workplace import Workplace


def generate(
    compiler: Compiler, modules: Sequence[Module], how: CodeGeneration, diagnostics: Diagnostics
) -> list[GeneratedObject]:
    """Compile modules into objects, in the order in which they are linked.

    :raises FatalError: the compiler failed.
    """
    with tempfile.TemporaryDirectory(prefix="wasmlink-lto-") as directory:
        place = Workplace(directory, compiler, modules, how, diagnostics)
        if how.save_temps:
            place.write("resolution.txt", _resolutions(modules))
            place.keep("resolution.txt", f"{how.output}.resolution.txt")
        if compiler.is_lto2:
            from .lto2 import generate_objects
        else:
            from .clang import generate_objects
        objects = generate_objects(place)
        if how.save_temps:
            for generated in objects:
                place.write("kept.o", generated.contents)
                place.keep("kept.o", generated.name)
    return objects


def letters(resolution: SymbolResolution) -> str:
    """A resolution as LLVM's tools write it."""
    return "p" * resolution.prevailing + "x" * resolution.visible + "r" * resolution.redefined


def _resolutions(modules: Sequence[Module]) -> bytes:
    lines = list[str]()
    for module in modules:
        lines.append(module.identifier)
        for symbol, resolution in zip(module.bitcode.symbols, module.resolutions):
            name = symbol.name.decode("utf-8", "surrogateescape")
            lines.append(f"-r={module.identifier},{name},{letters(resolution)}")
    return "".join(line + "\n" for line in lines).encode("utf-8", "surrogateescape")
