"""The layout of linear memory. From its end on every address is final.

By default the stack comes first, so that an overflow traps instead of overwriting data::

    0              __global_base                 __heap_base               __heap_end
    │                │                             │                           │
    ├─ stack ◀───────┼─ data segments ─┬─ .bss ────┼─ heap ────────────────────┤····▶ memory.grow
    │                │ (.rodata .data) │           │                           │
    __stack_low    __stack_high      …         __data_end                 end of the initial memory

``--no-stack-first``, or a ``--global-base`` that leaves no room for the stack, puts the stack between
``__data_end`` and ``__heap_base``. Each segment begins at a multiple of its alignment, the stack at one of 16;
``__stack_pointer`` starts at ``__stack_high``. Thread-local data is a segment among the others: the template that
each thread copies. With shared memory, a word after the segments says which thread initialises them. The initial
memory ends at a multiple of the page size, after ``--initial-heap`` or at ``--initial-memory``.

A position-independent module has no stack and no heap of its own: its segments start at 0, counted from
``__memory_base``, which the dynamic linker chooses.
"""

from __future__ import annotations

from ..binary.constants import SymbolFlag, SymbolKind
from ..diagnostics import Diagnostics
from ..options import DEFAULT_GLOBAL_BASE, DEFAULT_STACK_SIZE, LinkOptions
from .output_segments import OutputSegment, is_c_name
from .relocation_values import NO_TLS
from .resolution import Resolution
from .symbols import DEFINED, Symbol
from .synthetic_symbols import provide_address_symbol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

STACK_ALIGNMENT: Final = 16
HEAP_ALIGNMENT: Final = 16
_UINT32_MAX: Final = (1 << 32) - 1


class Memory:
    """The memory's limits, in pages; ``maximum`` is ``None`` if there is no limit."""

    def __init__(self, pages: int, maximum: int | None, init_flag: int | None = None) -> None:
        self.pages = pages
        self.maximum = maximum
        self.init_flag = init_flag
        """The address of the word that decides which thread initialises shared memory; absent without one."""
        self.static_size = 0
        """The total size of the data segments, in bytes."""
        self.alignment = 0
        """The largest alignment of the data segments, log2 of bytes."""
        self.tls_base = NO_TLS
        """The address of the thread-local data segment."""
        self.stack_top = 0
        """The initial value of the stack pointer."""


def _align(value: int, alignment: int) -> int:
    return -(-value // alignment) * alignment


def _set_global(resolution: Resolution, symbol: Symbol, value: int) -> None:
    assert symbol.file is not None
    symbol.file.globals[symbol.index].initializer = resolution.target.const_expression(value)


def _is_stack_first(options: LinkOptions, stack_size: int) -> bool:
    if options.stack_first is not None:
        return options.stack_first
    # A base for data that leaves no room for the stack implies that the stack comes after it: compiler drivers that
    # were made for a linker whose stack comes last by default pass one.
    return not options.global_base or options.global_base >= stack_size


def lay_out_memory(
    resolution: Resolution, segments: list[OutputSegment], options: LinkOptions, diagnostics: Diagnostics
) -> Memory:
    """Set the address of every output segment and the value of every layout symbol."""
    error, log = diagnostics.error, diagnostics.log
    layout = resolution.layout_symbols

    def set_address(name: bytes, address: int) -> None:
        symbol = layout.get(name)
        if symbol is not None:
            symbol.value = address

    stack_size = DEFAULT_STACK_SIZE if options.stack_size is None else options.stack_size
    stack_top = 0

    def place_stack(at: int) -> int:
        if options.relocatable or options.is_pic:
            return at
        at = _align(at, STACK_ALIGNMENT)
        set_address(b"__stack_low", at)
        if stack_size % STACK_ALIGNMENT:
            error(f"stack size must be {STACK_ALIGNMENT}-byte aligned")
        log(f"mem: stack size  = {stack_size}")
        log(f"mem: stack base  = {at}")
        at += stack_size
        nonlocal stack_top
        stack_top = at
        _set_global(resolution, resolution.stack_pointer, at)
        set_address(b"__stack_high", at)
        log(f"mem: stack top   = {at}")
        return at

    set_address(b"__table_base", options.table_base)
    set_address(b"__wasm_first_page_end", options.page_size)
    stack_first = _is_stack_first(options, stack_size)
    pointer = 0
    if stack_first:
        pointer = place_stack(pointer)
        if options.global_base:
            if options.global_base < pointer:
                error("--global-base cannot be less than stack size when --stack-first is used")
                return Memory(0, None, init_flag=0)
            pointer = options.global_base
    else:
        pointer = options.global_base or (0 if options.relocatable or options.is_pic else DEFAULT_GLOBAL_BASE)
    log(f"mem: global base = {pointer}")
    set_address(b"__global_base", pointer)
    set_address(b"__dso_handle", pointer)
    data_start = pointer
    for segment in segments:
        pointer = _align(pointer, 1 << segment.alignment)
        segment.address = pointer
        shown = segment.name.decode("utf-8", "replace")
        log(f"mem: {shown:<15} offset={pointer:<8} size={segment.size:<8} align={segment.alignment}")
        if segment.is_tls:
            if resolution.tls_size is not None and resolution.tls_align is not None:
                _set_global(resolution, resolution.tls_size, segment.size)
                _set_global(resolution, resolution.tls_align, 1 << segment.alignment)
            if resolution.tls_base is not None and not options.shared_memory:
                _set_global(resolution, resolution.tls_base, pointer)
        if segment.size > _UINT32_MAX and (not segment.is_bss or options.relocatable or options.emit_relocs):
            error(f"data segment {shown} too large: {segment.size} bytes, cannot be greater than {_UINT32_MAX}")
        pointer += segment.size
    tls_base = next((segment.address for segment in segments if segment.is_tls), NO_TLS)
    init_flag = None
    if options.shared_memory and segments:
        init_flag = pointer = _align(pointer, 4)
        log(f"mem: {'__wasm_init_memory_flag':<15} offset={pointer:<8} size=4        align=4")
        flag = Symbol(b"__wasm_init_memory_flag", SymbolKind.DATA, DEFINED, SymbolFlag.VISIBILITY_HIDDEN, None)
        flag.referenced = True
        flag.value = init_flag
        resolution.symbols.setdefault(flag.name, flag)
        pointer += 4
    static_size = pointer - data_start
    set_address(b"__data_end", pointer)
    log(f"mem: static data = {pointer - data_start}")
    if not stack_first:
        pointer = place_stack(pointer)
    if b"__heap_base" in layout:
        pointer = _align(pointer, HEAP_ALIGNMENT)
        log(f"mem: heap base   = {pointer}")
        set_address(b"__heap_base", pointer)
    most = min(_largest_memory(resolution, options), (1 << resolution.target.bits) - 1)
    if pointer > most:
        # Otherwise addresses would wrap around.
        parts = [f"static data: {static_size} bytes from address {data_start}"]
        if not options.relocatable and not options.is_pic:
            parts.insert(0 if stack_first else 1, f"stack: {stack_size} bytes")
        error(f"memory too large: {pointer} bytes needed, cannot be greater than {most}", tuple(parts))
        return Memory(0, None, init_flag=init_flag)
    if options.is_pic and static_size > _UINT32_MAX:
        error(f"static data too large: {static_size} bytes, cannot be greater than {_UINT32_MAX} in a dynamic module")
    memory = _choose_limits(resolution, pointer, options, diagnostics)
    memory.init_flag = init_flag
    memory.tls_base = tls_base
    memory.stack_top = stack_top
    memory.static_size = static_size if options.is_pic else 0
    memory.alignment = max((segment.alignment for segment in segments), default=0)
    return memory


def _largest_memory(resolution: Resolution, options: LinkOptions) -> int:
    """Return the maximum size of a memory in bytes: the number of its pages is as wide as an address."""
    target = resolution.target
    return min(target.max_memory, ((1 << target.bits) - 1) * options.page_size)


def _choose_limits(resolution: Resolution, pointer: int, options: LinkOptions, diagnostics: Diagnostics) -> Memory:
    """Choose the memory's limits; ``pointer`` is the end of the memory that the layout uses, in bytes."""
    error, log = diagnostics.error, diagnostics.log
    page = options.page_size
    limit = _largest_memory(resolution, options)

    def check(what: str, value: int, needed: int, most: int) -> None:
        if value % page:
            error(f"{what} must be aligned to the page size ({page} bytes)")
        if value < needed:
            error(f"{what} too small, {needed} bytes needed")
        if value > most:
            error(f"{what} too large, cannot be greater than {most}")

    if options.initial_heap:
        check("initial heap", options.initial_heap, 0, limit - pointer)
        pointer += options.initial_heap
    if options.initial_memory:
        check("initial memory", options.initial_memory, pointer, limit)
        pointer = options.initial_memory
    pointer = _align(pointer, page)
    log(f"mem: total pages = {pointer // page}")
    heap_end = resolution.layout_symbols.get(b"__heap_end")
    if heap_end is not None:
        heap_end.value = pointer
        log(f"mem: heap end    = {pointer}")
    maximum = 0
    if options.max_memory:
        check("maximum memory", options.max_memory, pointer, limit)
        maximum = options.max_memory
    elif not options.growable_memory:
        maximum = pointer
    if options.shared_memory and not maximum:
        # Shared memory needs a maximum; a module that is loaded at run time does not know the total size.
        maximum = limit if options.is_pic else pointer
    if not maximum:
        return Memory(pointer // page, None)
    log(f"mem: max pages   = {maximum // page}")
    return Memory(pointer // page, maximum // page)


def define_start_stop_symbols(resolution: Resolution, segments: list[OutputSegment], options: LinkOptions) -> None:
    """Define ``__start_X`` and ``__stop_X`` for each output segment whose name X is a C identifier."""
    for segment in segments:
        for name, address in start_stop_names(segment):
            symbol = provide_address_symbol(resolution, options, name)
            if symbol is not None:
                symbol.value = address


def start_stop_names(segment: OutputSegment) -> list[tuple[bytes, int]]:
    """Return the names of the symbols at the bounds of an output segment, with their addresses."""
    if not is_c_name(segment.name):
        return []
    return [(b"__start_" + segment.name, segment.address), (b"__stop_" + segment.name, segment.address + segment.size)]
