"""Functions that the linker writes for instantiation: memory, thread-local storage, start."""

from __future__ import annotations

from dataclasses import dataclass

from ..binary import constants as c
from ..binary.constants import Opcode, SymbolKind
from ..binary.leb128 import uleb
from ..options import LinkOptions
from .chunks import OutputSegment
from .memory import Memory
from .resolve import NO_SIGNATURE, Resolution, add_synthetic_function
from .scan import Scan
from .symbols import DEFINED, Symbol
from .synthetic import call
from .target import Target, i32_const, i64_const


@dataclass(frozen=True, slots=True)
class StartFunctions:
    """The linker's own functions that run at instantiation or at a thread's start; each may be absent."""

    init_memory: Symbol | None
    apply_global_tls_relocs: Symbol | None
    start: Symbol | None
    """What the start section names."""


def needs_initialization(segment: OutputSegment, options: LinkOptions) -> bool:
    """Whether code, not the module's instantiation, puts a segment into memory."""
    return segment.passive or (options.import_memory is not None and not segment.in_file)


def declare_start_functions(
    resolution: Resolution, segments: list[OutputSegment], scan: Scan, options: LinkOptions
) -> StartFunctions:
    """Decide which functions run at instantiation; their bodies wait for the index spaces."""

    def declare(name: bytes) -> Symbol:
        symbol = resolution.symbols[name] = add_synthetic_function(resolution, name, NO_SIGNATURE)
        resolution.synthetic.function_live[symbol.index] = True
        return symbol

    def keep_tls_base() -> None:
        assert resolution.tls_base is not None
        resolution.synthetic.global_live[resolution.tls_base.index] = True

    init_memory = apply_tls = None
    if any(needs_initialization(segment, options) for segment in segments):
        # Shared memory is initialised by its first thread; an imported one need not be zero.
        init_memory = declare(b"__wasm_init_memory")
        if options.shared_memory:
            keep_tls_base()
    if options.shared_memory and any(symbol.is_tls for symbol in scan.got):
        apply_tls = declare(b"__wasm_apply_global_tls_relocs")
        keep_tls_base()
    start = init_memory
    if resolution.start is not None:
        start = resolution.start if init_memory is None else declare(b"__wasm_start")
    return StartFunctions(init_memory, apply_tls, start)


def write_start_functions(
    resolution: Resolution,
    functions: StartFunctions,
    segments: list[OutputSegment],
    memory: Memory,
    scan: Scan,
    options: LinkOptions,
) -> None:
    bodies = resolution.synthetic.bodies
    if functions.init_memory is not None:
        bodies[functions.init_memory.index] = _init_memory(resolution, segments, memory, options)
        if functions.start is not functions.init_memory:
            assert functions.start is not None and resolution.start is not None
            bodies[functions.start.index] = _body(
                call(functions.init_memory.function_number), call(resolution.start.function_number)
            )
    if functions.apply_global_tls_relocs is not None:
        bodies[functions.apply_global_tls_relocs.index] = _apply_global_tls_relocs(resolution, scan)
    if resolution.init_tls is not None and resolution.init_tls.is_live:
        bodies[resolution.init_tls.index] = _init_tls(resolution, segments, functions)


def _body(*code: bytes) -> bytes:
    """A function's body without locals."""
    return b"\0" + b"".join(code) + bytes((Opcode.END,))


_END = bytes((Opcode.END,))
_DROP = bytes((Opcode.DROP,))
_WORD = b"\2\0"
"""The memory operand of a 4-byte access: its alignment, and no offset."""


def _block() -> bytes:
    return bytes((Opcode.BLOCK, c.NO_RESULT))


def _init_memory(resolution: Resolution, segments: list[OutputSegment], memory: Memory, options: LinkOptions) -> bytes:
    """``__wasm_init_memory``. In shared memory a flag goes from 0 by 1 (somebody is at it) to 2 (done): the thread that
    takes it from 0 initialises, others wait for it."""
    target = resolution.target
    own = [segment for segment in segments if needs_initialization(segment, options)]
    fill = b"".join(_initialize(segment, resolution, options) for segment in own)
    drops = b"".join(
        c.DATA_DROP + uleb(segment.index)
        for segment in own
        # Each thread's block is made from the thread-local segment.
        if not segment.is_bss and not segment.is_tls
    )
    if not options.shared_memory:
        return _body(fill, drops)
    assert memory.init_flag is not None
    flag = target.const(memory.init_flag)
    return _body(
        _block(),  # $drop
        _block(),  # $wait
        _block(),  # $init
        flag + i32_const(0) + i32_const(1) + c.I32_ATOMIC_RMW_CMPXCHG + _WORD,
        bytes((Opcode.BR_TABLE, 2, 0, 1, 2)),
        _END,  # of $init: this thread initialises
        fill,
        flag + i32_const(2) + c.I32_ATOMIC_STORE + _WORD,
        flag + i32_const(-1) + c.ATOMIC_NOTIFY + _WORD + _DROP,
        bytes((Opcode.BR, 1)),
        _END,  # of $wait: another thread is at it
        flag + i32_const(1) + i64_const(-1) + c.I32_ATOMIC_WAIT + _WORD + _DROP,
        _END,  # of $drop
        drops,
    )


def _initialize(segment: OutputSegment, resolution: Resolution, options: LinkOptions) -> bytes:
    target = resolution.target
    address = target.const(segment.address)
    code = address
    if options.shared_memory and segment.is_tls:
        # The static copy is the first thread's block.
        assert resolution.tls_base is not None
        code += address + bytes((Opcode.GLOBAL_SET,)) + uleb(resolution.tls_base.global_number)
    if segment.is_bss:
        return code + i32_const(0) + target.const(segment.size) + c.MEMORY_FILL + b"\0"
    return code + i32_const(0) + i32_const(segment.size) + c.MEMORY_INIT + uleb(segment.index) + b"\0"


def _init_tls(resolution: Resolution, segments: list[OutputSegment], functions: StartFunctions) -> bytes:
    """``__wasm_init_tls``: make the block at the address that it is given the calling thread's own."""
    code = b""
    block = bytes((Opcode.LOCAL_GET, 0))
    for segment in segments:
        if segment.is_tls:
            assert resolution.tls_base is not None
            code += block + bytes((Opcode.GLOBAL_SET,)) + uleb(resolution.tls_base.global_number)
            code += block + i32_const(0) + i32_const(segment.size)
            code += c.MEMORY_INIT + uleb(segment.index) + b"\0"
    if functions.apply_global_tls_relocs is not None:
        code += call(functions.apply_global_tls_relocs.function_number)
    return _body(code)


def _apply_global_tls_relocs(resolution: Resolution, scan: Scan) -> bytes:
    """Put the addresses of the calling thread's copies into the globals that hold addresses."""
    code = b""
    assert resolution.tls_base is not None
    base = bytes((Opcode.GLOBAL_GET,)) + uleb(resolution.tls_base.global_number)
    for symbol in scan.got:
        if symbol.is_tls and symbol.state == DEFINED and symbol.kind == SymbolKind.DATA:
            code += base + resolution.target.const(symbol.tls_offset) + _add(resolution.target)
            code += bytes((Opcode.GLOBAL_SET,)) + uleb(symbol.got_number)
    return _body(code)


def _add(target: Target) -> bytes:
    return bytes((Opcode.I64_ADD if target.is_64 else Opcode.I32_ADD,))
