"""Output segments: group the input segments, order the groups, and lay out each group."""

from __future__ import annotations

from ..binary.constants import SegmentFlag
from ..binary.relocation_types import ADDRESSES
from ..options import DataOrder, LinkOptions
from .chunks import InputSegment
from .export_rules import is_exported_by_option
from .live_relocations import live_relocations
from .merged_strings import MergedStrings
from .resolution import Resolution

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Sequence
    from typing import Final

_TLS: Final = SegmentFlag.TLS
_KEPT: Final = SegmentFlag.RETAIN | SegmentFlag.TLS
_STRINGS: Final = SegmentFlag.STRINGS
_MERGED_PREFIXES: Final = (b".text.", b".data.", b".bss.", b".rodata.")


class OutputSegment:
    """A data segment of the output."""

    __slots__ = (
        "address",
        "alignment",
        "chunks",
        "in_file",
        "index",
        "inputs",
        "is_tls",
        "linking_flags",
        "name",
        "omitted",
        "passive",
        "size",
    )

    def __init__(self, name: bytes) -> None:
        self.name = name
        self.index = 0
        self.alignment = 0
        """log2 of bytes."""
        self.inputs: list[InputSegment] = []
        self.chunks: Sequence[InputSegment | MergedStrings] = ()
        """The output chunks of ``inputs``: merged strings are one chunk, at the position of the first."""
        self.size = 0
        self.address = 0
        self.is_tls = False
        self.passive = False
        """True if code, rather than the module's instantiation, copies it to memory."""
        self.linking_flags = 0
        self.in_file = True
        """True if its bytes are in the module; zero-filled segments need not be."""
        self.omitted: Sequence[tuple[int, int]] = ()
        """The runs of zeros, as offsets [start, end), that are not in the module although the other bytes are."""

    @property
    def is_bss(self) -> bool:
        """True if its contents are known to be zero."""
        return self.name.startswith(b".bss")

    def file_ranges(self) -> list[tuple[int, int]]:
        """Return the ranges of its bytes, as offsets [start, end), that are in the module, each in a data segment."""
        if not self.in_file:
            return []
        if not self.omitted:
            return [(0, self.size)]
        ends = [start for start, _ in self.omitted]
        starts = [end for _, end in self.omitted]
        return [(start, end) for start, end in zip([0, *starts], [*ends, self.size]) if start < end]

    def lay_out(self) -> None:
        """Set the offset of each chunk."""
        size = 0
        for chunk in self.chunks:
            alignment = 1 << chunk.alignment
            size = -(-size // alignment) * alignment
            chunk.offset = size
            size += chunk.size
            if isinstance(chunk, MergedStrings):
                for member in chunk.members:
                    member.offset = chunk.offset
        self.size = size


def output_name(segment: InputSegment, options: LinkOptions) -> bytes:
    """Return the name of the output segment that an input segment belongs to."""
    if segment.flags & _TLS:
        # .tbss and .tdata alike: all thread-local data is relative to one base.
        return b".tdata"
    name = segment.name
    if options.merge_data_segments and name.startswith(_MERGED_PREFIXES):
        return name[: name.index(b".", 1)]
    return name


def rank(segment: OutputSegment) -> int:
    """Return the sort key of output segments; those of one rank are in the order of their first inputs."""
    for number, prefix in ((0, b".tdata"), (1, b".rodata"), (2, b".data"), (4, b".bss")):
        if segment.name.startswith(prefix):
            return number
    return 3


def is_c_name(name: bytes) -> bool:
    """Return whether a name is a C identifier, so that ``__start_`` and ``__stop_`` symbols exist for it."""
    text = name.replace(b"_", b"a")
    return text.isalnum() and text.isascii() and not name[:1].isdigit()


def create_output_segments(resolution: Resolution, options: LinkOptions) -> list[OutputSegment]:
    """Group the live input segments, order the groups, merge strings, and lay each group out."""
    by_name: dict[object, OutputSegment] = {}
    relocatable = options.relocatable
    for file in resolution.objects:
        for segment in file.segments:
            if not segment.live:
                continue
            name = output_name(segment, options)
            # The next link must be able to take or leave each COMDAT group by itself.
            key = (name, file.name, segment.index) if relocatable and segment.comdat else name
            output = by_name.get(key)
            if output is None:
                output = by_name[key] = OutputSegment(name)
                output.passive = options.shared_memory
            flags = segment.flags & _KEPT
            if flags:
                # A retained segment must be retained in the next link too; wasm-ld drops the flag.
                output.linking_flags |= flags
                output.is_tls = output.is_tls or segment.is_tls
                # The block of each thread is copied from it.
                output.passive = output.passive or (output.is_tls and options.threads_share_instance)
            output.inputs.append(segment)
            if segment.alignment > output.alignment:
                output.alignment = segment.alignment
            segment.output = output
    segments = sorted(by_name.values(), key=rank)
    if options.data_order is DataOrder.PACKED:
        _pack(resolution, segments, options)
    for index, output in enumerate(segments):
        output.index = index
        if options.optimize:
            _split_strings(output)
        _merge_strings(output)
        output.lay_out()
    return segments


def _split_strings(output: OutputSegment) -> None:
    for segment in output.inputs:
        if is_merged(segment):
            segment.split()


def is_merged(segment: InputSegment) -> bool:
    """Return whether a segment's strings are merged, if the link optimizes."""
    # As in wasm-ld, only strings without an alignment are.
    return bool(segment.flags & _STRINGS) and segment.alignment == 0 and segment.size > 0


def _merge_strings(output: OutputSegment) -> None:
    if all(segment.pieces is None for segment in output.inputs):
        output.chunks = output.inputs
        return
    merged: dict[tuple[int, int], MergedStrings] = {}
    chunks: list[InputSegment | MergedStrings] = []
    for segment in output.inputs:
        if segment.pieces is None:
            chunks.append(segment)
            continue
        key = (segment.flags, segment.alignment)
        strings = merged.get(key)
        if strings is None:
            strings = merged[key] = MergedStrings(output.name, segment.alignment, segment.flags)
            chunks.append(strings)
        strings.add(segment)
    output.chunks = chunks
    for strings in merged.values():
        strings.finalize()


# Packed order


def _pack(resolution: Resolution, segments: list[OutputSegment], options: LinkOptions) -> None:
    """Sort the inputs of each output segment for little padding, with the most used first.

    By category (thread-local, initialised, zero), name prefix, alignment descending, references from live relocations
    descending, name suffix, input order. The order of output segments settles the category already, unless thread-local
    data of both categories share a segment.
    """
    _count_references(resolution)
    for output in segments:
        if keeps_input_order(output, resolution, options):
            continue
        output.inputs.sort(key=packed_key)


def keeps_input_order(output: OutputSegment, resolution: Resolution, options: LinkOptions) -> bool:
    """Return whether an output segment is not packed: users of its bounds walk it as an array, whose meaning is in the
    order of the inputs."""
    return is_c_name(output.name) and any(
        prefix + output.name in resolution.symbols or is_exported_by_option(options, prefix + output.name)
        for prefix in (b"__start_", b"__stop_")
    )


def keep_zeros(segments: list[OutputSegment], options: LinkOptions, features: Container[str]) -> None:
    """Choose the zero-filled segments that must be in the file: relocations may apply to them, and imported memory may
    not be zero where code cannot fill it."""
    for segment in segments:
        segment.in_file = (
            not segment.is_bss
            or options.relocatable
            or options.emit_relocs
            or (options.import_memory is not None and "bulk-memory" not in features)
        )


def packed_key(segment: InputSegment) -> tuple[int, bytes, int, int, bytes]:
    """Return the sort key of an output segment's input; the fourth element is the negated number of references."""
    name = segment.name
    category = 2 if name.startswith((b".bss", b".tbss")) else 1
    prefix, suffix = split_name(name)
    return category, prefix, -segment.alignment, -segment.references, suffix


def split_name(name: bytes) -> tuple[bytes, bytes]:
    """Split ``.rodata.str.x`` into ``.rodata`` and ``.str.x``; a name without a second dot has no suffix."""
    dot = name.find(b".", 1)
    return (name, b"") if dot < 0 else (name[:dot], name[dot:])


def _count_references(resolution: Resolution) -> None:
    for file in resolution.objects:
        symbols = file.symbols
        for relocs, start, stop in live_relocations(file):
            for type_, index in zip(relocs.types[start:stop], relocs.indices[start:stop]):
                if type_ in ADDRESSES:
                    segment = symbols[index].segment
                    if segment is not None:
                        segment.references += 1
