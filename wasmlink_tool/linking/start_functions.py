"""Synthetic functions for instantiation: memory, thread-local storage, start."""

from __future__ import annotations

from ..binary import constants as c
from ..binary.constants import Opcode, SymbolFlag
from ..binary.leb128 import uleb
from ..options import LinkOptions
from ..records import record
from .command_wrappers import call
from .divided_code import MOST_UNDIVIDED, DividedCode, add_live_function
from .layout_memory import Memory
from .output_segments import OutputSegment
from .pic import global_relocation_code, is_thread_local
from .relocation_values import Bases
from .resolution import Resolution
from .scan_relocations import Scan
from .symbols import SHARED, Symbol
from .synthetic_symbols import NO_SIGNATURE
from .target import i32_const, i64_const
from .thread_context import set_tls_base

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from .data_relocations import Helpers


@record(frozen=True)
class StartFunctions:
    """The synthetic functions that run at instantiation or at a thread's start; each may be absent."""

    apply_data_relocs: Symbol | None
    data_relocation_helpers: Helpers | None
    """Helpers of the function above, if it would otherwise be too large."""
    apply_tls_relocs: Symbol | None
    tls_relocation_helpers: Helpers | None
    init_memory: Symbol | None
    apply_global_relocs: Symbol | None
    apply_global_tls_relocs: Symbol | None
    global_relocation_parts: dict[bool, DividedCode]
    """The parts of these two, if they would otherwise be too large; of the second under ``True``."""
    start: Symbol | None
    """The function in the start section."""
    started: tuple[Symbol, ...]
    """The functions that ``start`` calls, if it is synthetic."""


def needs_initialization(segment: OutputSegment, options: LinkOptions) -> bool:
    """Return whether code, rather than instantiation, copies a segment into memory."""
    return segment.passive or (options.import_memory is not None and not segment.in_file)


def declare_start_functions(
    resolution: Resolution,
    segments: list[OutputSegment],
    memory: Memory,
    scan: Scan,
    features: Container[str],
    options: LinkOptions,
) -> StartFunctions:
    """Decide which functions run at instantiation; except for the relocation of data, their bodies are written once
    indices are final."""

    def declare(name: bytes, flags: int = SymbolFlag.VISIBILITY_HIDDEN) -> Symbol:
        symbol = add_live_function(resolution, name, NO_SIGNATURE)
        symbol.flags = flags
        existing = resolution.symbols.get(name)
        if existing is None or existing.state == SHARED:
            # A program may use this name for its own function; that of a shared library is separate.
            resolution.table.add_own(symbol)
        return symbol

    def keep_tls_base() -> None:
        assert resolution.tls_base is not None
        resolution.synthetic.global_live[resolution.tls_base.index] = True

    init_memory = apply_data = apply_tls = apply_global = apply_global_tls = None
    # All indices in this code are those of imports, which are final.
    dynamic = resolution.is_dynamic(options) and not options.relocatable
    bases = Bases(options.table_base, memory.tls_base)
    helpers = tls_helpers = None
    if dynamic:
        from .data_relocations import MOST_PLAIN, Helpers, relocated_fields  # Static output needs none of it.

        fields = list(relocated_fields(resolution, segments, bases, options, tls=False))
        if fields:
            apply_data = declare(b"__wasm_apply_data_relocs", SymbolFlag.EXPORTED)
        if sum(len(field.store(resolution.target)) for field in fields) > MOST_PLAIN:
            helpers = Helpers(resolution, b"__wasm_apply_data_relocs", fields)
    if any(needs_initialization(segment, options) for segment in segments):
        # The first thread initialises shared memory; imported memory need not be zero.
        init_memory = declare(b"__wasm_init_memory")
        if options.shared_memory or any(segment.is_tls and segment.passive for segment in segments):
            keep_tls_base()
    if options.shared_memory and any(symbol.flags & SymbolFlag.TLS for symbol in scan.got):
        apply_global_tls = declare(b"__wasm_apply_global_tls_relocs")
        keep_tls_base()
    if options.has_threads:
        from .data_relocations import Helpers, has_tls_relocations, relocated_fields

        if has_tls_relocations(segments):
            apply_tls = declare(b"__wasm_apply_tls_relocs")
            fields = list(relocated_fields(resolution, segments, bases, options, tls=True))
            if len(fields) > MOST_UNDIVIDED:
                tls_helpers = Helpers(resolution, b"__wasm_apply_tls_relocs", fields)
    if (
        options.is_pic
        and "extended-const" not in features
        and any(not is_thread_local(symbol, options) for symbol in scan.got)
    ):
        apply_global = declare(b"__wasm_apply_global_relocs")
    parts = {}
    if len(scan.got) > MOST_UNDIVIDED:
        for function, tls in ((apply_global, False), (apply_global_tls, True)):
            if function is not None:
                parts[tls] = DividedCode(resolution, function.name, len(scan.got))
    started = tuple(symbol for symbol in (apply_global, init_memory, resolution.start) if symbol is not None)
    start = None
    if started:
        start = started[0] if len(started) == 1 else declare(b"__wasm_start")
    return StartFunctions(
        apply_data,
        helpers,
        apply_tls,
        tls_helpers,
        init_memory,
        apply_global,
        apply_global_tls,
        parts,
        start,
        started if len(started) > 1 else (),
    )


def write_start_functions(
    resolution: Resolution,
    functions: StartFunctions,
    segments: list[OutputSegment],
    memory: Memory,
    scan: Scan,
    options: LinkOptions,
) -> None:
    bodies = resolution.synthetic.bodies
    bases = Bases(options.table_base, memory.tls_base)

    def write(symbol: Symbol | None, code: Callable[[], bytes]) -> None:
        if symbol is not None and symbol.is_live:
            bodies[symbol.index] = code()

    def relocations(helpers: Helpers | None, *, tls: bool) -> bytes:
        if helpers is not None:
            return _body(helpers.write())
        from .data_relocations import relocated_fields

        fields = relocated_fields(resolution, segments, bases, options, tls=tls)
        return _body(*(field.store(resolution.target) for field in fields))

    def global_relocations(*, tls: bool) -> bytes:
        pieces = global_relocation_code(resolution, scan, options, tls=tls)
        parts = functions.global_relocation_parts.get(tls)
        return _body(*pieces) if parts is None else _body(parts.write(pieces))

    write(functions.apply_data_relocs, lambda: relocations(functions.data_relocation_helpers, tls=False))
    write(functions.apply_tls_relocs, lambda: relocations(functions.tls_relocation_helpers, tls=True))
    write(functions.init_memory, lambda: _init_memory(resolution, segments, memory, functions, options))
    write(functions.apply_global_relocs, lambda: global_relocations(tls=False))
    write(functions.apply_global_tls_relocs, lambda: global_relocations(tls=True))
    write(resolution.init_tls, lambda: _init_tls(resolution, segments, functions))
    if functions.started:
        write(functions.start, lambda: _body(*(call(symbol.function_number) for symbol in functions.started)))


def _body(*code: bytes, locals_: bytes = b"\0") -> bytes:
    """Return a function's body."""
    return locals_ + b"".join(code) + bytes((Opcode.END,))


_END = bytes((Opcode.END,))
_DROP = bytes((Opcode.DROP,))
_WORD = b"\2\0"
"""The memory operand of a 4-byte access: its alignment, and no offset."""


def _block() -> bytes:
    return bytes((Opcode.BLOCK, c.NO_RESULT))


def _at(resolution: Resolution, address: int, options: LinkOptions) -> bytes:
    """Return instructions that push an address of static data."""
    target = resolution.target
    if not options.is_pic:
        return target.const(address)
    assert resolution.memory_base is not None
    base = bytes((Opcode.GLOBAL_GET,)) + uleb(resolution.memory_base.global_number)
    return target.const(address) + base + target.add


def _init_memory(
    resolution: Resolution,
    segments: list[OutputSegment],
    memory: Memory,
    functions: StartFunctions,
    options: LinkOptions,
) -> bytes:
    """Return the body of ``__wasm_init_memory``. In shared memory a flag goes from 0 (not started) to 1 (running) to 2
    (done): the thread that takes it from 0 initialises, others wait for it."""
    target = resolution.target
    own = [segment for segment in segments if needs_initialization(segment, options)]
    fill = b"".join(_initialize(segment, resolution, options) for segment in own)
    if functions.apply_global_tls_relocs is not None and not options.is_pic:
        # The loader of a position-independent module calls __wasm_init_tls in the first thread, too; no one else does.
        fill += call(functions.apply_global_tls_relocs.function_number)
    drops = b"".join(
        c.DATA_DROP + uleb(segment.index)
        for segment in own
        # Each thread's block is copied from the thread-local segment.
        if not segment.is_bss and not segment.is_tls
    )
    if not options.shared_memory:
        return _body(fill, drops)
    assert memory.init_flag is not None
    flag, before, locals_ = target.const(memory.init_flag), b"", b"\0"
    if options.is_pic:
        # Local 0 holds the flag's address, local 1 a segment's.
        assert resolution.memory_base is not None
        base = bytes((Opcode.GLOBAL_GET,)) + uleb(resolution.memory_base.global_number)
        add = target.add
        before = base + flag + add + bytes((Opcode.LOCAL_SET, 0))
        flag, locals_ = bytes((Opcode.LOCAL_GET, 0)), b"\1\2" + target.pointer_type
    return _body(
        before,
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
        _END,  # of $wait: another thread initialises
        flag + i32_const(1) + i64_const(-1) + c.I32_ATOMIC_WAIT + _WORD + _DROP,
        _END,  # of $drop
        drops,
        locals_=locals_,
    )


def _initialize(segment: OutputSegment, resolution: Resolution, options: LinkOptions) -> bytes:
    target = resolution.target
    code = _at(resolution, segment.address, options)
    if options.has_threads and segment.is_tls:
        # The static copy is the first thread's block.
        set_base = set_tls_base(resolution)
        if options.is_pic:
            code += bytes((Opcode.LOCAL_TEE, 1)) + set_base + bytes((Opcode.LOCAL_GET, 1))
        else:
            code += code + set_base
    if segment.is_bss:
        return code + i32_const(0) + target.const(segment.size) + c.MEMORY_FILL + b"\0"
    return code + i32_const(0) + i32_const(segment.size) + c.MEMORY_INIT + uleb(segment.index) + b"\0"


def _init_tls(resolution: Resolution, segments: list[OutputSegment], functions: StartFunctions) -> bytes:
    """Return the body of ``__wasm_init_tls``, which makes the block at its argument the calling thread's own."""
    code = b""
    block = bytes((Opcode.LOCAL_GET, 0))
    for segment in segments:
        if segment.is_tls:
            code += block + set_tls_base(resolution)
            code += block + i32_const(0) + i32_const(segment.size)
            code += c.MEMORY_INIT + uleb(segment.index) + b"\0"
    for function in (functions.apply_tls_relocs, functions.apply_global_tls_relocs):
        if function is not None:
            code += call(function.function_number)
    return _body(code)
