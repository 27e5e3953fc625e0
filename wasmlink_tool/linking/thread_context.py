"""Access to a thread's stack pointer and to the base of its thread-local data.

Threads with separate instances (``--shared-memory``) keep both in globals of the instance. Threads that share one
instance (``--cooperative-threading``) cannot: the runtime keeps them, and code gets and sets them with functions that a
library defines or the host provides. The first thread's initial values are in the immutable globals
``__init_stack_pointer`` and ``__init_tls_base``.
"""

from __future__ import annotations

from ..binary.constants import Opcode, SymbolFlag, SymbolKind
from ..binary.leb128 import uleb
from ..diagnostics import Diagnostics
from .chunks import ObjectInput
from .command_wrappers import call
from .resolution import Resolution
from .symbols import UNDEFINED, Symbol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Final

    Refer = Callable[[bytes], Symbol]
    """A function that returns the function symbol of a name, after linking the archive member that defines it."""

GET_TLS_BASE: Final = b"__wasm_get_tls_base"
SET_TLS_BASE: Final = b"__wasm_set_tls_base"
CONTEXT_FUNCTIONS: Final = (b"__wasm_get_stack_pointer", b"__wasm_set_stack_pointer", GET_TLS_BASE, SET_TLS_BASE)
"""Functions that generated code calls."""
_INSTANCE_GLOBALS: Final = (b"__stack_pointer", b"__tls_base")
"""The symbols that code compiled for one instance per thread refers to."""


def refer_to_context_functions(resolution: Resolution, refer: Refer) -> None:
    """Refer to the functions that synthetic code will call if the thread-local data of the link is live."""
    if resolution.set_tls_base is None and any(any(_tls_segments(file)) for file in list(resolution.objects)):
        resolution.set_tls_base = refer(SET_TLS_BASE)
    if resolution.get_tls_base is None and any(map(_relocates_tls, list(resolution.objects))):
        resolution.get_tls_base = refer(GET_TLS_BASE)


def _tls_segments(file: ObjectInput) -> Iterator[bool]:
    return (segment.is_tls for segment in file.segments)


def _relocates_tls(file: ObjectInput) -> bool:
    """Return whether the initial contents of an object's thread-local data have relocations."""
    if not any(_tls_segments(file)):
        return False
    obj = file.object
    file.relocations(obj.data_section)  # They may be damaged.
    ranges = obj.relocation_ranges(obj.data_section)
    return any(ranges[i] != ranges[i + 1] for i, is_tls in enumerate(_tls_segments(file)) if is_tls)


def check_context(resolution: Resolution, diagnostics: Diagnostics) -> None:
    """Report objects that keep the context of a thread in globals, and functions for it that have other types."""
    pointer = resolution.target.pointer_type
    for symbol, signature in (
        (resolution.set_tls_base, b"\1" + pointer + b"\0"),
        (resolution.get_tls_base, b"\0\1" + pointer),
    ):
        if symbol is None:
            continue
        if symbol.state == UNDEFINED:
            # A call needs it, even if other references are weak.
            symbol.flags &= ~SymbolFlag.BINDING_WEAK
        if symbol.signature is None:
            # Only the linker refers to it.
            symbol.signature = signature
        elif symbol.signature != signature:
            type_ = "(pointer) -> ()" if symbol is resolution.set_tls_base else "() -> pointer"
            diagnostics.error(f"{symbol} must be a function of type {type_}", (f"in {symbol.file_name}",))
    for file in resolution.objects:
        for symbol in file.symbols:
            if symbol.name in _INSTANCE_GLOBALS and symbol.kind == SymbolKind.GLOBAL and symbol.state == UNDEFINED:
                diagnostics.error(
                    f"{file.name}: the object imports {symbol}, which threads of one instance would share; "
                    "--cooperative-threading needs objects that call __wasm_get_stack_pointer and __wasm_get_tls_base: "
                    "compile it for wasm32-wasip3"
                )


def undefined_context_functions(resolution: Resolution) -> Iterator[Symbol]:
    """Yield the functions that synthetic code calls and nothing defines."""
    for symbol in (resolution.set_tls_base, resolution.get_tls_base):
        if symbol is not None and symbol.referenced and symbol.state == UNDEFINED:
            yield symbol


def push_base(symbol: Symbol | None) -> bytes:
    """Return the instruction that pushes the value of a global, or of a function that replaces one."""
    assert symbol is not None
    if symbol.kind == SymbolKind.FUNCTION:
        return call(symbol.function_number)
    return bytes((Opcode.GLOBAL_GET,)) + uleb(symbol.global_number)


def set_tls_base(resolution: Resolution) -> bytes:
    """Return the instruction that makes the pushed address the base of the thread's thread-local data."""
    if resolution.set_tls_base is not None:
        return call(resolution.set_tls_base.function_number)
    assert resolution.tls_base is not None
    return bytes((Opcode.GLOBAL_SET,)) + uleb(resolution.tls_base.global_number)
