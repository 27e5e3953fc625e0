"""Position-independent output: one data segment at the memory base, and code that fills its global offset table."""

from __future__ import annotations

from ..binary.constants import Opcode, SymbolKind
from ..binary.leb128 import uleb
from ..options import LinkOptions
from .chunks import InputSegment
from .merged_strings import MergedStrings
from .output_segments import OutputSegment
from .resolution import Resolution
from .scan_relocations import Scan
from .symbols import DEFINED, Symbol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def combine_segments(segments: list[OutputSegment]) -> list[OutputSegment]:
    """Combine all segments in the file into one: without extended constant expressions a segment's address can only be
    the memory base itself. No address changes."""
    in_file = [segment for segment in segments if segment.in_file]
    if len(segments) <= 1 or not in_file:
        return segments
    combined = OutputSegment(b".data")
    combined.address = segments[0].address
    chunks: list[InputSegment | MergedStrings] = []
    for segment in in_file:
        shift = segment.address - combined.address
        combined.alignment = max(combined.alignment, segment.alignment)
        combined.inputs += segment.inputs
        for piece in segment.inputs:
            piece.output = combined
        for chunk in segment.chunks:
            chunk.offset += shift
            if isinstance(chunk, MergedStrings):
                for member in chunk.members:
                    member.offset = chunk.offset
        chunks += segment.chunks
        combined.size = shift + segment.size
    combined.chunks = chunks
    result = [combined, *(segment for segment in segments if not segment.in_file)]
    for index, segment in enumerate(result):
        segment.index = index
    return result


def is_thread_local(symbol: Symbol, options: LinkOptions) -> bool:
    """Return whether each thread has its own instance of a symbol. Without threads there is one for all."""
    return options.has_threads and symbol.is_tls


def base_tls_on_memory(resolution: Resolution, options: LinkOptions) -> None:
    """Without shared memory, set ``__tls_base`` of position-independent output to the memory base: thread-local data
    comes first. wasm-ld uses 0."""
    base = resolution.tls_base
    if options.is_pic and not options.shared_memory and base is not None and base.file is not None:
        base.file.globals[base.index].initializer = _get(resolution.memory_base) + bytes((Opcode.END,))


def _get(symbol: Symbol | None) -> bytes:
    assert symbol is not None
    return bytes((Opcode.GLOBAL_GET,)) + uleb(symbol.global_number)


def global_relocation_code(resolution: Resolution, scan: Scan, options: LinkOptions, *, tls: bool) -> Iterator[bytes]:
    """Yield the instructions that store the address of each of this module's definitions in the global of its internal
    global offset table."""
    target = resolution.target
    add = target.add
    for symbol in scan.got:
        if is_thread_local(symbol, options) is not tls:
            continue
        if symbol.kind == SymbolKind.DATA and symbol.state == DEFINED:
            base = resolution.tls_base if tls else resolution.memory_base
            value = symbol.tls_offset if tls else symbol.address
        elif symbol.kind == SymbolKind.FUNCTION and not symbol.is_stub:
            base, value = resolution.table_base, symbol.table_slot
        else:
            continue
        yield _get(base) + target.const(value) + add + bytes((Opcode.GLOBAL_SET,)) + uleb(symbol.got_number)
