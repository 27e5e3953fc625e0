"""Link-time optimisation: compile the bitcode files of a link to objects, which replace them.

Resolution has chosen the definitions; the compiler is given for each symbol whether its module's definition prevails
and whether anything else refers to it. The generated objects may contain new references, like any object.
"""

from __future__ import annotations

import os
from functools import partial

from ..binary.constants import SymbolFlag
from ..diagnostics import Diagnostics, FatalError
from ..files import reason, write_file
from ..inputs.cache_directory import prune
from ..inputs.input_files import ObjectSource
from ..lto.generate import generate
from ..lto.generated_cache import GeneratedCache
from ..lto.modules import CodeGeneration, Module, SymbolResolution
from ..options import CachePolicy, LinkOptions, UnresolvedPolicy
from ..toolchain.lto import configured_compiler, find_compiler
from .bitcode_input import BitcodeInput
from .export_rules import is_exported
from .resolution import Resolution
from .symbols import DEFINED

_SHOWN = 5
"""The number of bitcode files that a message lists."""


def compile_bitcode(resolution: Resolution, options: LinkOptions, diagnostics: Diagnostics) -> list[ObjectSource]:
    """Compile all bitcode of the link, and return the objects that replace it.

    :raises FatalError: there is no compiler, or it failed.
    """
    bitcode = resolution.bitcode
    if not bitcode:
        if options.lto_object_path:
            _write_object(options.lto_object_path, b"")
        return []
    modules = [_module(file, resolution, options) for file in bitcode]
    generation = CodeGeneration(
        output=options.output or "a.out",
        position_independent=_is_position_independent(bitcode, options),
        optimize=options.lto_optimize,
        codegen_optimize=(
            max(2, options.lto_optimize) if options.lto_codegen_optimize is None else options.lto_codegen_optimize
        ),
        llvm_options=tuple(options.llvm_options),
        save_temps=options.save_temps,
        verify=options.verify_bitcode,
        debug_pass_manager=options.lto_debug_pass_manager,
        jobs=options.thinlto_jobs,
        inputs=_input_files(resolution) if options.save_temps else (),
    )
    newest = max(file.bitcode.llvm_version for file in bitcode)
    compiler = find_compiler(configured_compiler(options.lto_compiler), newest)
    diagnostics.log(f"link-time optimisation: {compiler.shown}")
    objects = generate(compiler, modules, generation, diagnostics, _cache(options))
    if options.lto_object_path:
        for number, generated in enumerate(objects):
            _write_object(f"{options.lto_object_path}{number or ''}", generated.contents)

    names = [module.name for module in modules]
    shown = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
    for generated in objects:
        diagnostics.generated[generated.name] = f"{generated.name} was generated from bitcode: {shown}"
    return [
        ObjectSource(generated.contents, 0, len(generated.contents), generated.name, is_generated=True)
        for generated in objects
    ]


def _input_files(resolution: Resolution) -> tuple[str, ...]:
    sources = [file.input for file in (*resolution.objects, *resolution.bitcode)]
    return tuple({source.archive or source.member: None for source in sources})


def _module(file: BitcodeInput, resolution: Resolution, options: LinkOptions) -> Module:
    redefined = resolution.table.redefined_symbols
    source = file.input
    identifier = source.name
    if source.archive:
        identifier = f"{source.archive}({os.path.basename(source.member)} at {source.offset})"
    resolutions = []
    for info, symbol in zip(file.bitcode.symbols, file.symbols):
        prevailing = not info.is_undefined and symbol.state == DEFINED and symbol.file is file
        kept = options.relocatable or symbol.used or bool(symbol.flags & SymbolFlag.NO_STRIP)
        visible = kept or (prevailing and is_exported(symbol, options))
        resolutions.append(SymbolResolution(prevailing, visible, symbol in redefined))
    return Module(file.name, identifier, file.bitcode, resolutions)


def _is_position_independent(inputs: list[BitcodeInput], options: LinkOptions) -> bool:
    if options.relocatable:
        # The modules decide: a later link chooses the kind of output.
        return all(file.bitcode.is_position_independent for file in inputs)
    return options.is_pic or options.unresolved_symbols is UnresolvedPolicy.IMPORT_DYNAMIC


def _cache(options: LinkOptions) -> GeneratedCache | None:
    root, policy = options.lto_cache_directory, options.lto_cache_policy
    if root is None:
        root, policy = options.cache_directory, CachePolicy(size=options.cache_limit)
    return None if root is None else GeneratedCache(root, partial(prune, root, policy))


def _write_object(path: str, contents: bytes) -> None:
    """Write the object for ``--lto-obj-path``.

    :raises FatalError: it cannot be written.
    """
    try:
        write_file(path, [contents])
    except (OSError, ValueError) as error:
        raise FatalError(f"cannot create {path}: {reason(error)}") from None
