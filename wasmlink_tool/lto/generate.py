"""Bitcode modules to objects."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING

from ..diagnostics import Diagnostics, FatalError
from ..stored import pack_record, pack_strings, unpack_columns, unpack_strings
from ..temporary_files import TemporaryDirectory
from ..toolchain.lto import Compiler
from .modules import CodeGeneration, GeneratedObject, Module
from .workplace import Workplace

if TYPE_CHECKING:
    from .generated_cache import GeneratedCache


def generate(
    compiler: Compiler,
    modules: Sequence[Module],
    settings: CodeGeneration,
    diagnostics: Diagnostics,
    cache: GeneratedCache | None = None,
) -> list[GeneratedObject]:
    """Compile modules into objects, in link order. Results of the same compiler for the same modules come from the
    cache.

    :raises FatalError: the compiler failed.
    """
    if cache is None or settings.save_temps or settings.debug_pass_manager:
        return _generate(compiler, modules, settings, diagnostics)
    key = _key(compiler, modules, settings)
    payload = cache.load(key)
    objects = None if payload is None else _decode(payload)
    if objects is None:
        reported = len(diagnostics.entries)
        objects = _generate(compiler, modules, settings, diagnostics)
        if len(diagnostics.entries) == reported:
            # Messages of the compiler must appear in each link.
            cache.store(key, _encode(objects))
    return objects


def _generate(
    compiler: Compiler, modules: Sequence[Module], settings: CodeGeneration, diagnostics: Diagnostics
) -> list[GeneratedObject]:
    try:
        return _generate_in_temporary_directory(compiler, modules, settings, diagnostics)
    except OSError as error:
        # A file that is written, or the directory itself; usually the disk is full.
        where = error.filename if isinstance(error.filename, str) else tempfile.gettempdir()
        reason = error.strerror or str(error)
        raise FatalError(f"link-time optimisation: {where}: {reason} (TMPDIR names the directory)") from None


def _generate_in_temporary_directory(
    compiler: Compiler, modules: Sequence[Module], settings: CodeGeneration, diagnostics: Diagnostics
) -> list[GeneratedObject]:
    with TemporaryDirectory("wasmlink-lto-") as directory:
        place = Workplace(directory, compiler, modules, settings, diagnostics)
        if settings.save_temps:
            place.write("resolution.txt", _resolutions(modules))
            place.keep("resolution.txt", f"{settings.output}.resolution.txt")
        if compiler.is_lto2:
            from .lto2 import generate_objects
        else:
            from .clang import generate_objects
        objects = generate_objects(place)
        if settings.save_temps:
            for generated in objects:
                place.write("kept.o", generated.contents)
                place.keep("kept.o", generated.name)
    return objects


def _resolutions(modules: Sequence[Module]) -> bytes:
    lines = list[str]()
    for module in modules:
        lines.append(module.identifier)
        for symbol, resolution in zip(module.bitcode.symbols, module.resolutions):
            name = symbol.name.decode("utf-8", "surrogateescape")
            lines.append(f"-r={module.identifier},{name},{resolution.letters}")
    return "".join(line + "\n" for line in lines).encode("utf-8", "surrogateescape")


# The cache


def _key(compiler: Compiler, modules: Sequence[Module], settings: CodeGeneration) -> str:
    """Return a hash of everything that generated objects depend on; the compiler counts by its file's size and time."""
    digest = blake2b(digest_size=20)
    status = os.stat(compiler.command[0])
    digest.update(repr((compiler, status.st_size, status.st_mtime_ns, settings)).encode("utf-8", "surrogateescape"))
    for module in modules:
        contents = module.bitcode.contents
        decisions = [resolution.letters for resolution in module.resolutions]
        digest.update(repr((module.identifier, len(contents), decisions)).encode("utf-8", "surrogateescape"))
        digest.update(contents)
    return digest.hexdigest()


def _encode(objects: Sequence[GeneratedObject]) -> bytes:
    names = pack_strings([generated.name.encode("utf-8", "surrogateescape") for generated in objects])
    return pack_record([names, *(generated.contents for generated in objects)])


def _decode(payload: bytes) -> list[GeneratedObject] | None:
    try:
        packed, *contents = unpack_columns(payload)
        names = [name.decode("utf-8", "surrogateescape") for name in unpack_strings(packed)]
    except ValueError:
        return None
    if len(names) != len(contents):
        return None
    return [GeneratedObject(name, bytes(content)) for name, content in zip(names, contents)]
