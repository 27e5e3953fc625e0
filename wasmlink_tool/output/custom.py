"""Custom sections: those of the inputs, merged by name, then the linker's own."""

from __future__ import annotations

from ..binary.constants import ExternalKind, NameSubsection, SymbolKind
from ..binary.leb128 import uleb
from ..binary.reader import FormatError
from ..linking import code_metadata
from ..linking.chunks import InputSection, ObjectInput
from ..linking.code_metadata import CodeMetadata
from ..linking.custom_sections import MERGED_CUSTOM_SECTIONS, is_kept_apart
from ..linking.merged_strings import MergedStrings
from ..linking.plan import Plan
from ..linking.relocate import Relocator
from ..linking.resolution import Resolution
from ..linking.symbol_names import Names, encode_name
from ..options import NAME_KINDS, LinkOptions
from .encoding import Chunk, OutputSection, custom_section, long_vector, name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..linking.lazy_sections import LazySections, PlainSections

    Merge = Callable[[bytes, Sequence[InputSection]], MergedStrings | None]
    """Merges the strings of an output section's inputs from an earlier merge, if there is a suitable one."""


class CustomSection:
    """One custom section of the output, laid out: the input sections that are merged into it."""

    __slots__ = ("chunks", "name", "parts", "size")

    def __init__(self, section_name: bytes) -> None:
        self.name = section_name
        self.parts: list[InputSection | PlainSections] = []
        self.chunks: Sequence[InputSection | PlainSections | MergedStrings | CodeMetadata] = ()
        self.size = 0

    @property
    def inputs(self) -> list[InputSection]:
        return [part for part in self.parts if isinstance(part, InputSection)]

    def add_plain(self, file: ObjectInput, sections: LazySections, index: int) -> None:
        """Add a section whose bytes alone matter."""
        last = self.parts[-1] if self.parts else None
        if last is None or isinstance(last, InputSection) or not last.can_add(file):
            from ..linking.lazy_sections import PlainSections  # Few files have so many sections.

            last = PlainSections(file, sections)
            self.parts.append(last)
        last.add(index)

    def lay_out(self, *, merge_strings: bool, keep_relocations: bool, merge: Merge | None) -> None:
        if self.name.startswith(code_metadata.PREFIX):
            try:
                metadata = CodeMetadata(self.inputs, keep_relocations=keep_relocations)
            except FormatError:
                # Damaged metadata is copied unchanged.
                self.chunks = self.parts
            else:
                self.chunks = [metadata]
        else:
            merged = merge(self.name, self.inputs) if merge is not None and merge_strings else None
            if merged is None:
                self._merge(merge_strings=merge_strings)
            else:
                self.chunks = [merged]
        for chunk in self.chunks:
            chunk.offset = self.size
            self.size += chunk.size
            if isinstance(chunk, MergedStrings):
                for member in chunk.members:
                    member.offset = chunk.offset

    def _merge(self, *, merge_strings: bool) -> None:
        if not merge_strings:
            self.chunks = self.parts
            return
        merged: MergedStrings | None = None
        for section in self.inputs:
            section.split()
            if merged is None:
                merged = MergedStrings(self.name)
                self.chunks = [merged]
            merged.add(section)
        if merged is not None:
            merged.finalize()


def lay_out_custom_sections(
    resolution: Resolution, options: LinkOptions, merge: Merge | None = None
) -> list[CustomSection]:
    """Group the inputs' custom sections by name, in the order in which the names first appear; sections that are kept
    apart are written once for each content."""
    strip_debug = options.strip_debug or options.strip_all
    is_whole = not (options.relocatable or options.emit_relocs) and merge is None
    by_name: dict[object, CustomSection] = {}
    for file in resolution.objects:
        lazy = None if not is_whole or isinstance(file.custom_sections, dict) else file.custom_sections
        for index, section in file.custom_sections.items():
            section_name = section.name
            # strip tools leave empty sections behind, to keep the others' numbers.
            if section.discarded or not section.size or section_name in (b".llvmbc", b".llvmcmd"):
                continue
            if strip_debug and section_name.startswith(b".debug_"):
                continue
            key = (section_name, section.contents()) if is_kept_apart(section_name) else section_name
            output = by_name.get(key)
            if output is None:
                output = by_name[key] = CustomSection(section_name)
            elif isinstance(key, tuple):
                # The same world from another object.
                continue
            if lazy is None or lazy.is_made(index) or not _is_plain(section_name, file, index):
                output.parts.append(file.custom_sections[index])
            else:
                output.add_plain(file, lazy, index)
    for output in by_name.values():
        output.lay_out(
            merge_strings=bool(options.optimize) and output.name in MERGED_CUSTOM_SECTIONS,
            keep_relocations=options.relocatable or options.emit_relocs,
            merge=merge,
        )
    return [output for output in by_name.values() if output.size]


def _is_plain(section_name: bytes, file: ObjectInput, index: int) -> bool:
    """Return whether the bytes of a custom section alone matter."""
    return not (
        index in file.object.relocation_sections()
        or file.rewritten is not None
        or section_name in MERGED_CUSTOM_SECTIONS
        or section_name.startswith(code_metadata.PREFIX)
    )


def write_custom_section(section: CustomSection, relocator: Relocator) -> OutputSection:
    chunks: list[Chunk] = [
        relocator.section(chunk) if isinstance(chunk, InputSection) else chunk.contents for chunk in section.chunks
    ]
    return custom_section(section.name, *chunks)


# The linker's own


def own_custom_sections(plan: Plan, options: LinkOptions, producers: bytes | None) -> list[OutputSection]:
    """Return ``name``, ``producers`` and ``target_features``, unless they are empty or stripped."""
    out: list[OutputSection] = []
    kept = {encode_name(text) for text in options.keep_sections}

    def wanted(section_name: bytes) -> bool:
        return not options.strip_all or section_name in kept

    if any(map(options.keeps_names, NAME_KINDS)):
        out.append(_names(plan, options))
    if producers is not None and wanted(b"producers"):
        out.append(custom_section(b"producers", producers))
    if plan.features and wanted(b"target_features"):
        # Their encodings have the same order, unless an option has bytes that are not UTF-8.
        is_text = all(map(str.isascii, plan.features))
        features = sorted(plan.features, key=None if is_text else encode_name)
        entries = (b"+" + name(encode_name(feature)) for feature in features)
        out.append(custom_section(b"target_features", long_vector(entries)))
    return out


class _NameMap:
    """A subsection of the name section: numbers with names."""

    def __init__(self) -> None:
        self.count = 0
        self.entries = bytearray()

    def add(self, number: int, text: bytes) -> None:
        self.entries += uleb(number) + name(text)
        self.count += 1


def _names(plan: Plan, options: LinkOptions) -> OutputSection:
    functions, globals_, segments = _NameMap(), _NameMap(), _NameMap()
    shown = Names(demangle=plan.resolution.table.names.demangled).name
    counts = {ExternalKind.FUNCTION: 0, ExternalKind.GLOBAL: 0}
    for entry in plan.spaces.imports.entries:
        for kind, names in ((ExternalKind.FUNCTION, functions), (ExternalKind.GLOBAL, globals_)):
            if entry.kind == kind:
                names.add(counts[kind], shown(entry.symbol.name))
                counts[kind] += 1
    for symbol in plan.spaces.imports.got:
        globals_.add(symbol.got_number, shown(symbol.name))
    for file, start, stop in plan.spaces.function_runs():
        numbers, own_names, debug_names = file.function_numbers, file.function_names, file.function_debug_names
        for i in range(start, stop):
            if own_names[i]:
                text = debug_names.get(i) or shown(own_names[i])
                functions.add(numbers[i], text)
    for file in plan.spaces.files:
        for own_name, live, number in zip(file.global_names, bytes(file.global_live), file.global_numbers):
            if live and own_name:
                globals_.add(number, shown(own_name))
    for symbol in plan.spaces.got:
        what = b"func" if symbol.kind == SymbolKind.FUNCTION else b"data"
        own_name = symbol.name
        if symbol.is_stub and symbol.file is not None:
            own_name = symbol.file.function_debug_names.get(symbol.index, own_name)
        globals_.add(symbol.got_number, b"GOT.%b.internal.%b" % (what, shown(own_name)))
    # The ranges of one output segment all have its name.
    in_file = (segment for segment in plan.segments for _ in segment.file_ranges())
    for i, segment in enumerate(in_file):
        if segment.name:
            segments.add(i, segment.name)
    module = encode_name(options.soname or (options.output or "").replace("\\", "/").rsplit("/", 1)[-1])
    contents: list[Chunk] = []
    if options.keeps_names("module"):
        header = name(module)
        contents.append(bytes([NameSubsection.MODULE]) + uleb(len(header)) + header)
    for subsection, names_kind, names in (
        (NameSubsection.FUNCTION, "functions", functions),
        (NameSubsection.GLOBAL, "globals", globals_),
        (NameSubsection.DATA_SEGMENT, "data", segments),
    ):
        if names.count and options.keeps_names(names_kind):
            count = uleb(names.count)
            contents += (bytes([subsection]) + uleb(len(count) + len(names.entries)) + count, names.entries)
    return custom_section(b"name", *contents)
