"""Functions that the linker writes: constructor calls, command wrappers, memory initialisation, start."""

from __future__ import annotations

from typing import NamedTuple

from ..binary.constants import MEMORY_FILL, Opcode, SymbolFlag, SymbolKind
from ..binary.leb128 import sleb, uleb
from ..diagnostics import Diagnostics
from ..options import LinkOptions
from .chunks import OutputSegment, SyntheticFile
from .describe import parameters_and_results
from .mark_live import is_exported
from .resolve import NO_SIGNATURE, Resolution, add_synthetic_function
from .symbols import DEFINED, Symbol


class InitFunction(NamedTuple):
    priority: int
    symbol: Symbol


def calculate_init_functions(resolution: Resolution, diagnostics: Diagnostics) -> list[InitFunction]:
    """The live constructors of all objects, in priority order, lowest first."""
    if not resolution.call_ctors.is_live:
        return []
    found = []
    for file in resolution.objects:
        for init in file.object.init_functions:
            symbol = file.symbols[init.symbol]
            if symbol.is_discarded or not symbol.is_live:
                continue
            assert symbol.signature is not None
            if parameters_and_results(symbol.signature)[0]:
                diagnostics.error(f"constructor functions cannot take arguments: {symbol}")
            found.append(InitFunction(init.priority, symbol))
    return sorted(found, key=lambda init: init.priority)


def write_call_ctors(resolution: Resolution, init_functions: list[InitFunction]) -> None:
    """``__wasm_call_ctors``: call every constructor, drop what it returns."""
    code = bytearray([0])
    for init in init_functions:
        symbol = init.symbol
        assert symbol.signature is not None
        code += _call(symbol.function_number)
        code += bytes([Opcode.DROP]) * len(parameters_and_results(symbol.signature)[1])
    code.append(Opcode.END)
    resolution.synthetic.bodies[resolution.call_ctors.index] = bytes(code)


def _call(function: int) -> bytes:
    return bytes([Opcode.CALL]) + uleb(function)


def create_command_wrappers(
    resolution: Resolution, init_functions: list[InitFunction], options: LinkOptions
) -> SyntheticFile:
    """Wrap each exported function of a command, so that a call from outside runs constructors before and destructors
    after it. A module that calls its constructors by itself is a reactor, and is left alone.

    The wrappers are a file of their own, whose functions come last in the index space.
    """
    wrappers = SyntheticFile("<internal>", gc_sections=options.gc_sections)
    call_ctors = resolution.call_ctors
    if call_ctors.used or is_exported(call_ctors, options):
        return wrappers
    if not init_functions and resolution.call_dtors is None:
        return wrappers
    wrapped = [
        symbol
        for symbol in resolution.symbols.values()
        if is_exported(symbol, options) and symbol.kind == SymbolKind.FUNCTION
    ]
    for symbol in wrapped:
        assert symbol.signature is not None and symbol.file is not None
        name = symbol.name + b".command_export"
        wrapper = Symbol(name, SymbolKind.FUNCTION, DEFINED, symbol.flags, wrappers)
        wrapper.index = wrappers.add_function(name, symbol.signature)
        wrapper.signature = symbol.signature
        wrapper.used = symbol.used
        wrappers.function_live[wrapper.index] = True
        wrappers.export_names[wrapper.index] = symbol.file.export_names.get(symbol.index, symbol.name)
        wrapper.flags |= SymbolFlag.EXPORTED
        wrapper.set_hidden(False)
        wrapper.force_export = symbol.force_export
        symbol.set_hidden(True)
        symbol.flags &= ~SymbolFlag.EXPORTED
        symbol.force_export = False
        resolution.symbols.setdefault(name, wrapper)
        code = bytearray([0])
        if call_ctors.is_live:
            code += _call(call_ctors.function_number)
        for i in range(len(parameters_and_results(symbol.signature)[0])):
            code += bytes([Opcode.LOCAL_GET]) + uleb(i)
        code += _call(symbol.function_number)
        if resolution.call_dtors is not None:
            code += _call(resolution.call_dtors.function_number)
        code.append(Opcode.END)
        wrappers.bodies[wrapper.index] = bytes(code)
    return wrappers


class StartFunctions(NamedTuple):
    """The linker's own functions that run at instantiation; each may be absent."""

    init_memory: Symbol | None
    start: Symbol | None
    """What the start section names."""


def declare_start_functions(
    resolution: Resolution, segments: list[OutputSegment], options: LinkOptions
) -> StartFunctions:
    """Decide which functions run at instantiation; their bodies wait for the index spaces."""
    init_memory = None
    if options.import_memory is not None and any(not segment.in_file for segment in segments):
        # An imported memory need not be zero.
        init_memory = add_synthetic_function(resolution, b"__wasm_init_memory", NO_SIGNATURE)
        resolution.synthetic.function_live[init_memory.index] = True
    start = init_memory
    if resolution.start is not None:
        start = resolution.start
        if init_memory is not None:
            start = add_synthetic_function(resolution, b"__wasm_start", NO_SIGNATURE)
            resolution.synthetic.function_live[start.index] = True
    return StartFunctions(init_memory, start)


def write_start_functions(resolution: Resolution, functions: StartFunctions, segments: list[OutputSegment]) -> None:
    bodies = resolution.synthetic.bodies
    if functions.init_memory is not None:
        code = bytearray([0])
        for segment in segments:
            if not segment.in_file:
                for value in (_signed(segment.address), 0, _signed(segment.size)):
                    code += bytes([Opcode.I32_CONST]) + sleb(value)
                code += MEMORY_FILL + b"\0"
        code.append(Opcode.END)
        bodies[functions.init_memory.index] = bytes(code)
        if functions.start is not functions.init_memory:
            assert functions.start is not None and resolution.start is not None
            bodies[functions.start.index] = (
                b"\0"
                + _call(functions.init_memory.function_number)
                + _call(resolution.start.function_number)
                + bytes([Opcode.END])
            )


def _signed(value: int) -> int:
    return value - (1 << 32) if value >> 31 else value
