"""The module: all sections in their order, relocated, and the build id of the whole."""

from __future__ import annotations

from ..diagnostics import Diagnostics
from ..linking.chunks import ObjectInput
from ..linking.field_widths import check_field_widths
from ..linking.parallel import make_relocator
from ..linking.plan import Plan
from ..linking.relocate import Relocator
from ..linking.relocation_values import Bases
from ..options import IcfLevel, LinkOptions
from .custom import lay_out_custom_sections, own_custom_sections, write_custom_section
from .encoding import Chunk, OutputSection
from .producers import merge_producers
from .sections import known_sections, place_functions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence, Set

    from ..linking.chunks import InputSection
    from ..linking.merged_strings import MergedStrings
    from ..linking.output_segments import OutputSegment
    from ..linking.relocate import Watcher

    Watch = Callable[[LinkOptions, Plan, Set[bytes]], Watcher | None]


class Reusable:
    """The parts of the last link that the output may reuse."""

    def merge(self, name: bytes, inputs: Sequence[InputSection]) -> MergedStrings | None:
        """Merge the strings of custom sections from the last merge; ``None`` where that would not help."""
        raise NotImplementedError

    def relocator(self, plan: Plan, bases: Bases, watcher: Watcher | None) -> Relocator:
        """Return a relocator for the objects of both links, and all others."""
        raise NotImplementedError


class Module:
    """A module in pieces, ready to be written."""

    def __init__(self, sections: list[OutputSection], notes: dict[tuple[ObjectInput, int], bytes | memoryview]) -> None:
        self.sections = sections
        self.notes = notes
        """Notes on custom sections for the next link, by file and section."""
        self.chunks: list[Chunk] = [b"\0asm\1\0\0\0"]
        position = 8
        for section in sections:
            section.offset = position
            self.chunks.append(section.header)
            self.chunks += section.chunks
            position += len(section.header) + section.size

    def write_build_id(self, style: str) -> None:
        """Fill in the build id, the module's last bytes: a hash of all others."""
        from . import build_id

        identity = build_id.compute(style, self.chunks)
        last = bytes(self.chunks[-1])
        self.chunks[-1] = last[: len(last) - len(identity)] + identity


def compress_relocations(plan: Plan, bases: Bases, options: LinkOptions, diagnostics: Diagnostics) -> None:
    """Shorten relocated numbers in all live functions, and let debug information follow."""
    from ..linking.compress.debug_information import Findings, find_distances, follow_code

    objects = plan.resolution.objects
    for file in objects:
        file.forget_rewritten()
    found = find_distances(objects, diagnostics) if options.keeps_debug_information else Findings({}, set())
    compressor = Relocator(bases)
    for file in objects:
        if file not in found.kept and file.function_live.count(1):
            compressor.compress(file)
    follow_code(objects, found)


def write_module(
    plan: Plan,
    options: LinkOptions,
    diagnostics: Diagnostics,
    reuse: Reusable | None = None,
    watch: Watch | None = None,
) -> Module:
    """Write all sections in the module's order, relocated.

    :param watch: returns the object that takes notes for the next link, once the custom sections are known.
    """
    bases = Bases(options.table_base, plan.memory.tls_base, options.icf is not IcfLevel.NONE)
    check_field_widths(plan, bases, diagnostics)
    if options.compress_relocations:
        compress_relocations(plan, bases, options, diagnostics)
    # Debug information needs the functions' offsets, and custom sections refer to one another by their offsets.
    place_functions(plan)
    custom = lay_out_custom_sections(plan.resolution, options, None if reuse is None else reuse.merge)
    outputs = {section.name for section in custom}
    watcher = None if watch is None else watch(options, plan, outputs)
    if reuse is None:
        relocator = make_relocator(plan.resolution.objects, outputs, bases, options.threads, watcher)
    else:
        relocator = reuse.relocator(plan, bases, watcher)
    contents: dict[OutputSegment, bytes] = {}
    if options.omit_zeros:
        from .omit_zeros import omit_zeros

        # The bytes decide how many data segments there are, so they cannot be relocated together with the rest.
        contents = omit_zeros(plan, options, Relocator(bases) if reuse is None else relocator)
    sections = list(known_sections(plan, options, relocator, contents))
    if plan.resolution.is_dynamic(options):
        from .dylink import dylink_section

        sections.insert(0, dylink_section(plan, options))
    known = len(sections)
    sections += [write_custom_section(section, relocator) for section in custom]
    # Child processes fill the sections meanwhile.
    with relocator:
        own = own_custom_sections(plan, options, merge_producers(plan.resolution, options))
    if diagnostics.time_report is not None:
        diagnostics.time_report.counts["processes"] = relocator.processes
    if options.relocatable or options.emit_relocs:
        from .relocatable import SymbolIndices, linking_section, relocation_sections

        # They name sections by number, so every other section must be in place.
        indices = SymbolIndices(plan, ((section.name, known + i) for i, section in enumerate(custom)))
        linking = linking_section(plan, indices)
        sections += [linking, *relocation_sections(plan, sections, custom, indices)]
    sections += own
    if options.build_id == "none":
        return Module(sections, relocator.notes)
    from . import build_id

    module = Module([*sections, build_id.placeholder(options.build_id)], relocator.notes)
    module.write_build_id(options.build_id)
    return module
