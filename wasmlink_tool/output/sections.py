"""The sections that the WebAssembly core specification knows, each in a function, in the order of the module."""

from __future__ import annotations

from array import array
from itertools import chain

from ..binary.constants import (
    LIMITS_HAS_PAGE_SIZE,
    LIMITS_IS_64,
    LIMITS_SHARED,
    ExternalKind,
    Opcode,
    SectionId,
    SymbolFlag,
    SymbolKind,
)
from ..binary.leb128 import uleb
from ..inputs.object_file import GlobalType, TableType
from ..linking.chunks import LinkedFile, ObjectInput
from ..linking.layout_memory import Memory
from ..linking.merged_strings import MergedStrings
from ..linking.output_segments import OutputSegment
from ..linking.pic import is_thread_local
from ..linking.plan import Plan
from ..linking.relocate import FunctionEntries, Relocator
from ..linking.symbol_names import encode_name
from ..linking.symbols import DEFINED, Symbol
from ..linking.synthetic_file import SyntheticFile
from ..linking.target import Target
from ..options import WASM_PAGE_SIZE, LinkOptions
from ..records import record
from .encoding import Chunk, OutputSection, limits, long_vector, name, vector

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Final

_SMALL: Final = 64
"""The size of a chunk, in bytes, up to which it is joined with its neighbours."""

_FUNCTIONS_AT_ONCE: Final = 10_000
"""The number of functions whose types are encoded at once: a file may have very many."""


def known_sections(
    plan: Plan, options: LinkOptions, relocator: Relocator, contents: Mapping[OutputSegment, bytes]
) -> Iterator[OutputSection]:
    """Yield all sections except custom ones; empty sections are left out.

    :param contents: the bytes of segments that are relocated already.
    """
    sections = (
        _types(plan),
        _imports(plan, options),
        _functions(plan),
        _tables(plan, options),
        _memory(plan, options),
        _tags(plan),
        _globals(plan, options),
        _exports(plan),
        _start(plan),
        _elements(plan, options),
        _data_count(plan, options),
        _code(plan, relocator),
        _data(plan, relocator, contents),
    )
    for section in sections:
        if section is not None:
            yield section


def _vector_section(id_: int, entries: Iterable[bytes]) -> OutputSection | None:
    """Return a section of one vector; ``None`` if it has no entries."""
    contents = long_vector(entries)
    return _section(id_, contents) if len(contents) > 1 else None


def _section(id_: int, *chunks: Chunk) -> OutputSection:
    return OutputSection(id_, list(chunks))


def _types(plan: Plan) -> OutputSection | None:
    types = plan.spaces.types
    return _section(SectionId.TYPE, vector(b"\x60" + signature for signature in types)) if types else None


def _global_type(type_: GlobalType) -> bytes:
    return type_.value_type + bytes([type_.mutable])


def _imports(plan: Plan, options: LinkOptions) -> OutputSection | None:
    return _vector_section(SectionId.IMPORT, _import_entries(plan, options))


def _import_entries(plan: Plan, options: LinkOptions) -> Iterator[bytes]:
    if options.import_memory is not None:
        module, field = (encode_name(text) for text in options.import_memory)
        type_ = memory_type(plan.memory, plan.resolution.target, options)
        yield name(module) + name(field) + bytes([ExternalKind.MEMORY]) + type_
    for entry in plan.spaces.imports.entries:
        symbol = entry.symbol
        if entry.kind == ExternalKind.FUNCTION:
            assert symbol.signature is not None
            type_ = uleb(plan.spaces.types[symbol.signature])
        elif entry.kind == ExternalKind.TAG:
            assert symbol.signature is not None
            type_ = b"\0" + uleb(plan.spaces.types[symbol.signature])
        elif entry.kind == ExternalKind.GLOBAL:
            assert isinstance(symbol.element_type, GlobalType)
            type_ = _global_type(symbol.element_type)
        else:
            assert isinstance(symbol.element_type, TableType)
            type_ = _table_type(plan, options, symbol.element_type, symbol is plan.resolution.indirect_function_table)
        yield name(entry.module) + name(entry.name) + bytes([entry.kind]) + type_
    pointer = _global_type(GlobalType(plan.resolution.target.pointer_type, True))
    for symbol in plan.spaces.imports.got:
        module = b"GOT.func" if symbol.kind == SymbolKind.FUNCTION else b"GOT.mem"
        yield name(module) + name(symbol.name) + bytes([ExternalKind.GLOBAL]) + pointer


def _functions(plan: Plan) -> OutputSection | None:
    types = plan.spaces.types
    indices: list[bytes] = []
    count = 0
    encoded = {signature: uleb(index) for signature, index in types.items()}
    for file, start, stop in plan.spaces.function_runs():
        signatures = file.function_signatures
        for first in range(start, stop, _FUNCTIONS_AT_ONCE):
            part = signatures[first : min(first + _FUNCTIONS_AT_ONCE, stop)]
            indices.append(b"".join(map(encoded.__getitem__, part)))
        count += stop - start
    return _section(SectionId.FUNCTION, uleb(count) + b"".join(indices)) if count else None


def _table_type(plan: Plan, options: LinkOptions, type_: TableType, is_indirect: bool) -> bytes:
    minimum, maximum = type_.minimum, type_.maximum
    if is_indirect:
        minimum = options.table_base + len(plan.scan.table_entries)
        table = plan.resolution.indirect_function_table
        assert table is not None
        maximum = minimum if table.is_defined and not options.growable_table else None
        flags = LIMITS_IS_64 if plan.resolution.target.is_64 else 0
    else:
        flags = type_.flags & LIMITS_IS_64
    return type_.element_type + limits(minimum, maximum, flags)


def _tables(plan: Plan, options: LinkOptions) -> OutputSection | None:
    indirect = plan.resolution.indirect_function_table
    entries = (
        _table_type(
            plan,
            options,
            file.tables[index],
            indirect is not None and indirect.file is file and indirect.index == index and indirect.is_defined,
        )
        for file, index in plan.spaces.tables()
    )
    return _vector_section(SectionId.TABLE, entries)


def memory_type(memory: Memory, target: Target, options: LinkOptions) -> bytes:
    """Return the encoded type of the module's memory."""
    flags = LIMITS_SHARED if options.shared_memory else 0
    flags |= LIMITS_IS_64 if target.is_64 else 0
    if options.page_size == WASM_PAGE_SIZE:
        return limits(memory.pages, memory.maximum, flags)
    log2 = options.page_size.bit_length() - 1
    return limits(memory.pages, memory.maximum, flags | LIMITS_HAS_PAGE_SIZE) + uleb(log2)


def _memory(plan: Plan, options: LinkOptions) -> OutputSection | None:
    if options.import_memory is not None:
        return None
    return _section(SectionId.MEMORY, vector([memory_type(plan.memory, plan.resolution.target, options)]))


def _tags(plan: Plan) -> OutputSection | None:
    types = plan.spaces.types
    entries = (
        b"\0" + uleb(types[signature])
        for file in plan.spaces.files
        for signature, live in zip(file.tag_signatures, bytes(file.tag_live))
        if live
    )
    return _vector_section(SectionId.TAG, entries)


def _globals(plan: Plan, options: LinkOptions) -> OutputSection | None:
    own = (
        _global_type(g.type) + g.initializer
        for file in plan.spaces.files
        for g, live in zip(file.globals, bytes(file.global_live))
        if live
    )
    target = plan.resolution.target
    got = (_got_entry(plan, symbol, options) for symbol in plan.spaces.got)
    pointer = _global_type(GlobalType(target.pointer_type, False))
    addresses = (
        pointer + target.const_expression(symbol.tls_offset if is_thread_local(symbol, options) else symbol.address)
        for symbol in plan.address_globals
    )
    return _vector_section(SectionId.GLOBAL, chain(own, got, addresses))


def _got_entry(plan: Plan, symbol: Symbol, options: LinkOptions) -> bytes:
    """Return the global that holds the address of a symbol that this module defines."""
    target = plan.resolution.target
    # Each thread sets those of its thread-local data.
    thread_local = options.shared_memory and bool(symbol.flags & SymbolFlag.TLS)
    is_data = symbol.state == DEFINED and symbol.kind == SymbolKind.DATA
    value = 0
    if is_data:
        value = symbol.tls_offset if thread_local else symbol.address
    elif symbol.kind == SymbolKind.FUNCTION and not symbol.is_stub:
        value = symbol.table_slot
    mutable = thread_local
    expression = target.const_expression(value)
    if options.is_pic and not is_thread_local(symbol, options) and not symbol.is_stub:
        mutable = "extended-const" not in plan.features
        base = None
        if symbol.kind == SymbolKind.FUNCTION:
            base = plan.resolution.table_base
        elif is_data:
            base = plan.resolution.memory_base
        if not mutable and base is not None:
            expression = _based(plan, base, value)
    return _global_type(GlobalType(target.pointer_type, mutable)) + expression


def _exports(plan: Plan) -> OutputSection | None:
    return _vector_section(SectionId.EXPORT, (name(e.name) + bytes([e.kind]) + uleb(e.index) for e in plan.exports))


def _start(plan: Plan) -> OutputSection | None:
    start = plan.start.start
    return _section(SectionId.START, uleb(start.function_number)) if start is not None else None


def _elements(plan: Plan, options: LinkOptions) -> OutputSection | None:
    entries = plan.scan.table_entries
    if not entries:
        return None
    table = plan.resolution.indirect_function_table
    assert table is not None
    number = table.table_number
    flags = b"\x02" + uleb(number) if number else b"\0"
    kind = b"\0" if number else b""
    functions = vector(uleb(symbol.function_number) for symbol in entries)
    return _section(
        SectionId.ELEMENT,
        b"\1" + flags + _table_offset(plan, options) + kind + functions,
    )


def _table_offset(plan: Plan, options: LinkOptions) -> bytes:
    base = plan.resolution.table_base
    if base is None:
        return plan.resolution.target.const_expression(options.table_base)
    return bytes((Opcode.GLOBAL_GET,)) + uleb(base.global_number) + bytes((Opcode.END,))


def _data_count(plan: Plan, options: LinkOptions) -> OutputSection | None:
    """Return the data count, which instructions that name segments require: those that copy passive segments into
    memory."""
    count = data_segment_count(plan)
    named = any(segment.passive for segment in plan.segments)
    return _section(SectionId.DATA_COUNT, uleb(count)) if count and named else None


def _code(plan: Plan, relocator: Relocator) -> OutputSection | None:
    runs = plan.spaces.function_runs()
    count = sum(stop - start for _, start, stop in runs)
    if not count:
        return None
    return _section(SectionId.CODE, uleb(count), *_with_small_joined(_code_chunks(runs, relocator), relocator))


def _code_chunks(runs: Iterable[tuple[LinkedFile, int, int]], relocator: Relocator) -> Iterator[Chunk]:
    relocated: dict[ObjectInput, FunctionEntries] = {}
    for file, start, stop in runs:
        if isinstance(file, SyntheticFile):
            yield from map(file.function_entry, range(start, stop))
        elif isinstance(file, ObjectInput):
            entries = relocated.get(file)
            if entries is None:
                entries = relocated[file] = relocator.code(file)
            yield from entries.run(start, stop)


def place_functions(plan: Plan) -> None:
    """Compute each function's offset in the code section, for debug information and maps."""
    position = len(uleb(sum(file.function_live.count(1) for file in plan.spaces.files)))
    for file in plan.spaces.files:
        file.function_offsets = array("q", bytes(8 * len(file.function_live)))
    for file, start, stop in plan.spaces.function_runs():
        offsets = file.function_offsets
        if isinstance(file, SyntheticFile) or file.compressed:
            for index in range(start, stop):
                offsets[index] = position
                position += file.function_size(index)
        else:
            assert isinstance(file, ObjectInput)
            starts = file.object.function_offsets
            shift = position - starts[start]
            offsets[start:stop] = array("q", [offset + shift for offset in starts[start:stop]])
            position += starts[stop] - starts[start]


def data_segment_count(plan: Plan) -> int:
    """Return the number of data segments in the module."""
    return sum(len(segment.file_ranges()) for segment in plan.segments)


@record(frozen=True)
class DataRange:
    """The bytes of an output segment that one data segment of the module has."""

    segment: OutputSegment
    start: int
    """The offset of the first byte in ``segment``."""
    end: int
    position: int
    """The offset of the first byte in the data section's contents."""


def data_ranges(plan: Plan) -> Iterator[DataRange]:
    """Yield what each data segment of the module has, in the order of their indices."""
    position = len(uleb(data_segment_count(plan)))
    for segment in plan.segments:
        for start, end in segment.file_ranges():
            position += len(data_segment_header(plan, segment, start, end))
            yield DataRange(segment, start, end, position)
            position += end - start


def _data(plan: Plan, relocator: Relocator, contents: Mapping[OutputSegment, bytes]) -> OutputSection | None:
    count = data_segment_count(plan)
    if not count:
        return None
    return _section(
        SectionId.DATA, uleb(count), *_with_small_joined(_data_chunks(plan, relocator, contents), relocator)
    )


def _data_chunks(plan: Plan, relocator: Relocator, contents: Mapping[OutputSegment, bytes]) -> Iterator[Chunk]:
    relocated: dict[ObjectInput, memoryview] = {}
    for segment in plan.segments:
        known = contents.get(segment)
        for start, end in segment.file_ranges():
            yield data_segment_header(plan, segment, start, end)
            if known is None:
                yield from segment_chunks(segment, relocated, relocator)
            else:
                yield known[start:end]


def _with_small_joined(chunks: Iterable[Chunk], relocator: Relocator) -> Iterator[Chunk]:
    """Yield chunks, with adjacent small ones as one: a view of a few bytes takes many times their memory."""
    small = bytearray()
    for chunk in chunks:
        if len(chunk) <= _SMALL and not (relocator.fills_later and isinstance(chunk, memoryview)):
            small += chunk
            continue
        if small:
            yield small
            small = bytearray()
        yield chunk
    if small:
        yield small


def data_segment_header(plan: Plan, segment: OutputSegment, start: int, end: int) -> bytes:
    """Return the header of the data segment that has a range of an output segment's bytes."""
    if segment.passive:
        return b"\1" + uleb(end - start)
    return active_segment_header(_address_expression(plan, segment.address + start), end - start)


def active_segment_header(address: bytes, size: int) -> bytes:
    """Return the header of a segment that instantiation puts into memory; ``address`` is a constant expression."""
    return b"\0" + address + uleb(size)


def _address_expression(plan: Plan, address: int) -> bytes:
    """Return a constant expression for an address in static data."""
    base = plan.resolution.memory_base
    return plan.resolution.target.const_expression(address) if base is None else _based(plan, base, address)


def _based(plan: Plan, base: Symbol, offset: int) -> bytes:
    """Return a constant expression for an offset from a base that the dynamic linker provides."""
    target = plan.resolution.target
    code = bytes((Opcode.GLOBAL_GET,)) + uleb(base.global_number)
    if offset:
        # An addition needs extended constant expressions; without them there is one segment, at the base itself.
        assert "extended-const" in plan.features
        code += target.const(offset) + target.add
    return code + bytes((Opcode.END,))


def segment_chunks(
    segment: OutputSegment, relocated: dict[ObjectInput, memoryview], relocator: Relocator
) -> Iterator[Chunk]:
    """Yield the relocated bytes of an output segment, padding included.

    :param relocated: the data sections that are relocated already, to which those that this segment needs are added.
    """
    position = 0
    for chunk in segment.chunks:
        if not chunk.size:
            continue
        if chunk.offset > position:
            yield bytes(chunk.offset - position)
        if isinstance(chunk, MergedStrings):
            yield chunk.contents
        else:
            file = chunk.file
            assert isinstance(file, ObjectInput)
            data = relocated.get(file)
            if data is None:
                data = relocated[file] = relocator.data(file)
            start = file.object.segments.offsets[chunk.index]
            yield data[start : start + chunk.size]
        position = chunk.offset + chunk.size
    if segment.size > position:
        yield bytes(segment.size - position)
