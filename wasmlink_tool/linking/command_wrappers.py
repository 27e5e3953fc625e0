"""Functions that the linker writes around the program's own: constructor calls and command wrappers."""

from __future__ import annotations

from array import array
from operator import le

from ..binary.constants import Opcode, SymbolFlag, SymbolKind
from ..binary.leb128 import uleb
from ..binary.signature import parameters_and_results
from ..diagnostics import Diagnostics
from ..options import LinkOptions
from .chunks import NO_NUMBER
from .export_rules import exported_symbols, is_exported
from .resolution import Resolution
from .symbols import DEFINED, Symbol
from .synthetic_file import SyntheticFile


class LiveInitFunctions:
    """The live constructors of all objects, in columns, in priority order, lowest first."""

    __slots__ = ("priorities", "symbols")

    def __init__(self) -> None:
        self.priorities = array("I")
        self.symbols: list[Symbol] = []

    def __len__(self) -> int:
        return len(self.symbols)

    def append(self, priority: int, symbol: Symbol) -> None:
        self.priorities.append(priority)
        self.symbols.append(symbol)

    def sort(self) -> None:
        """Sort them by priority; those of equal priority stay in the order of the files."""
        if not all(map(le, self.priorities, self.priorities[1:])):
            order = array("I", sorted(range(len(self.symbols)), key=self.priorities.__getitem__))
            self.symbols = list(map(self.symbols.__getitem__, order))
            self.priorities = array("I", map(self.priorities.__getitem__, order))


def calculate_init_functions(
    resolution: Resolution, options: LinkOptions, diagnostics: Diagnostics
) -> LiveInitFunctions:
    found = LiveInitFunctions()
    if not resolution.call_ctors.is_live and not options.relocatable:
        return found
    for file in resolution.objects:
        for init in file.object.init_functions:
            symbol = file.symbols[init.symbol]
            if symbol.is_discarded or not symbol.is_live:
                continue
            if symbol.function_number == NO_NUMBER:
                # The scan reported it as undefined.
                assert diagnostics.error_count
                continue
            assert symbol.signature is not None
            if parameters_and_results(symbol.signature)[0]:
                diagnostics.error(f"constructor functions cannot take arguments: {symbol}", (f"in {file.name}",))
            found.append(init.priority, symbol)
    found.sort()
    return found


def write_call_ctors(resolution: Resolution, init_functions: LiveInitFunctions) -> None:
    """Write ``__wasm_call_ctors``, which calls every constructor and drops its result."""
    code = bytearray([0])
    for symbol in init_functions.symbols:
        assert symbol.signature is not None
        code += call(symbol.function_number)
        code += bytes([Opcode.DROP]) * len(parameters_and_results(symbol.signature)[1])
    code.append(Opcode.END)
    resolution.synthetic.bodies[resolution.call_ctors.index] = bytes(code)


def call(function: int) -> bytes:
    """Return an instruction that calls the function of this index."""
    return bytes([Opcode.CALL]) + uleb(function)


class CommandWrappers:
    """The wrappers of a command's exported functions."""

    def __init__(self, *, gc_sections: bool) -> None:
        self.file = SyntheticFile("<internal>", gc_sections=gc_sections)
        self._wrapped: list[tuple[int, Symbol]] = []
        """The index of each wrapper, and the function that it calls."""

    def add(self, index: int, symbol: Symbol) -> None:
        self._wrapped.append((index, symbol))

    def write(self, resolution: Resolution) -> None:
        """Write the bodies. They call functions by number."""
        call_ctors = resolution.call_ctors
        for index, symbol in self._wrapped:
            assert symbol.signature is not None
            code = bytearray([0])
            if call_ctors.is_live:
                code += call(call_ctors.function_number)
            for i in range(len(parameters_and_results(symbol.signature)[0])):
                code += bytes([Opcode.LOCAL_GET]) + uleb(i)
            code += call(symbol.function_number)
            if resolution.call_dtors is not None:
                code += call(resolution.call_dtors.function_number)
            code.append(Opcode.END)
            self.file.bodies[index] = bytes(code)


def create_command_wrappers(
    resolution: Resolution, init_functions: LiveInitFunctions, options: LinkOptions, diagnostics: Diagnostics
) -> CommandWrappers:
    """Wrap each exported function of a command, so that a call from outside runs constructors before and destructors
    after it. A module that calls its constructors itself is a reactor, and is not changed.

    The wrappers are in a separate file, whose functions come last in the index space.
    """
    created = CommandWrappers(gc_sections=bool(options.gc_sections))
    wrappers = created.file
    call_ctors = resolution.call_ctors
    if options.relocatable or options.is_pic or call_ctors.used or is_exported(call_ctors, options):
        return created
    diagnostics.phase("createCommandExportWrappers")
    if not init_functions and resolution.call_dtors is None:
        return created
    wrapped = [symbol for symbol in exported_symbols(resolution, options) if symbol.kind == SymbolKind.FUNCTION]
    for symbol in wrapped:
        assert symbol.signature is not None
        name = symbol.name + b".command_export"
        wrapper = Symbol(name, SymbolKind.FUNCTION, DEFINED, symbol.flags, wrappers)
        wrapper.index = wrappers.add_function(name, symbol.signature)
        wrapper.signature = symbol.signature
        wrappers.function_live[wrapper.index] = True
        wrappers.export_names[wrapper.index] = symbol.export_name
        wrapper.flags |= SymbolFlag.EXPORTED
        wrapper.set_hidden(False)
        wrapper.force_export = symbol.force_export
        symbol.set_hidden(True)
        symbol.flags &= ~SymbolFlag.EXPORTED
        symbol.force_export = False
        resolution.symbols.setdefault(name, wrapper)
        created.add(wrapper.index, symbol)
    created.write(resolution)
    return created
