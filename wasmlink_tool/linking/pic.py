"""Position-independent output: one data segment at the memory base, and code that relocates data at run time."""

from __future__ import annotations

from ..binary.constants import Opcode, SymbolKind
from ..binary.leb128 import sleb, uleb
from ..binary.relocation_types import FROM_PLACE, TABLE_INDICES, WIDTH
from ..options import LinkOptions
from .chunks import NO_NUMBER, InputSegment, ObjectInput, OutputSegment
from .merged_strings import MergedStrings
from .relocate import Bases, Relocator, segment_relocations
from .resolve import Resolution
from .scan_relocations import Scan
from .symbols import DEFINED, UNDEFINED, Symbol


def combine_segments(segments: list[OutputSegment]) -> list[OutputSegment]:
    """Without extended constant expressions a segment's address can only be the memory base itself: make one segment
    of all that are in the file. No address changes."""
    in_file = [segment for segment in segments if segment.in_file]
    if len(segments) <= 1 or not in_file:
        return segments
    combined = OutputSegment(b".data")
    combined.address = segments[0].address
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
        combined.chunks += segment.chunks
        combined.size = shift + segment.size
    result = [combined, *(segment for segment in segments if not segment.in_file)]
    for index, segment in enumerate(result):
        segment.index = index
    return result


def is_thread_local(symbol: Symbol, options: LinkOptions) -> bool:
    """Return whether each thread has its own of a symbol. Without shared memory there is one thread."""
    return options.shared_memory and symbol.is_tls


def base_tls_on_memory(resolution: Resolution, options: LinkOptions) -> None:
    """Without shared memory, let ``__tls_base`` of position-independent output be the memory base: thread-local data
    comes first. wasm-ld takes 0."""
    base = resolution.tls_base
    if options.is_pic and not options.shared_memory and base is not None and base.file is not None:
        base.file.globals[base.index].initializer = _get(resolution.memory_base) + bytes((Opcode.END,))


def _get(symbol: Symbol | None) -> bytes:
    assert symbol is not None
    return bytes((Opcode.GLOBAL_GET,)) + uleb(symbol.global_number)


def data_relocation_code(
    resolution: Resolution, segments: list[OutputSegment], bases: Bases, options: LinkOptions, *, tls: bool
) -> bytes:
    """Instructions that write into data what only the dynamic linker knows: addresses of this module's own things,
    which move with its bases, and of others', which are in the global offset table."""
    relocator = Relocator(bases)
    code: list[bytes] = []
    for segment in segments:
        if (segment.is_tls and options.shared_memory) is not tls:
            continue
        for chunk in segment.chunks:
            if isinstance(chunk, InputSegment) and isinstance(chunk.file, ObjectInput):
                code += _chunk_code(resolution, chunk, chunk.file, bases, options, relocator)
    return b"".join(code)


def has_tls_relocations(segments: list[OutputSegment]) -> bool:
    """Whether the initial contents of thread-local data have relocations."""
    for segment in segments:
        for chunk in segment.inputs if segment.is_tls else ():
            if segment_relocations(chunk).types:
                return True
    return False


def _chunk_code(
    resolution: Resolution,
    chunk: InputSegment,
    file: ObjectInput,
    bases: Bases,
    options: LinkOptions,
    relocator: Relocator,
) -> list[bytes]:
    target = resolution.target
    add = target.add
    start = file.object.segments[chunk.index].offset
    relocs = segment_relocations(chunk)
    thread_local = chunk.is_tls and options.shared_memory
    code: list[bytes] = []
    for type_, offset, index, addend in zip(relocs.types, relocs.offsets, relocs.indices, relocs.addends):
        if type_ in FROM_PLACE:
            # A distance within the module is the same wherever that is loaded.
            continue
        symbol = file.symbols[index]
        in_got = symbol.got_is_imported or (thread_local and symbol.got_number != NO_NUMBER)
        if not options.is_pic and not in_got and not (thread_local and symbol.is_tls):
            continue
        table_index = type_ in TABLE_INDICES
        if not in_got and table_index and symbol.state == UNDEFINED and symbol.table_slot == NO_NUMBER:
            # A weak function that nothing outside can provide: null already.
            continue
        place = chunk.output_offset(offset - start) if thread_local else chunk.address(offset - start)
        code.append(target.const(place))
        if options.is_pic or thread_local:
            code.append(_get(resolution.tls_base if thread_local else resolution.memory_base) + add)
        wide = WIDTH[type_] == 8
        const = bytes((Opcode.I64_CONST if wide else Opcode.I32_CONST,))
        plus = bytes((Opcode.I64_ADD if wide else Opcode.I32_ADD,))
        if in_got:
            code.append(bytes((Opcode.GLOBAL_GET,)) + uleb(symbol.got_number))
            if addend:
                code.append(const + sleb(addend) + plus)
        else:
            base = resolution.memory_base
            if table_index:
                base = resolution.table_base
            value = relocator.value(file, type_, index, addend)
            if symbol.is_tls and thread_local:
                # Other data knows the first thread's, whose block is the static copy.
                base = resolution.tls_base
                value -= bases.tls
            code.append(_get(base) + const + sleb(value) + plus)
        code.append(bytes((Opcode.I64_STORE if wide else Opcode.I32_STORE, 2, 0)))
    return code


def global_relocation_code(resolution: Resolution, scan: Scan, options: LinkOptions, *, tls: bool) -> bytes:
    """Instructions that put the addresses of this module's own things into the globals of its internal global offset
    table."""
    target = resolution.target
    add = target.add
    code = b""
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
        code += _get(base) + target.const(value) + add + bytes((Opcode.GLOBAL_SET,)) + uleb(symbol.got_number)
    return code
