"""The link as a list of passes: read it to see in which order things are decided."""

from __future__ import annotations

from .diagnostics import Diagnostic, Diagnostics
from .inputs.input_files import InputFiles
from .link_scope import LinkScope
from .linking.chunks import ObjectInput
from .linking.command_wrappers import calculate_init_functions, create_command_wrappers, write_call_ctors
from .linking.exports import calculate_exports, force_exports
from .linking.features import check_mutable_globals, merge_features
from .linking.field_widths import check_field_widths
from .linking.imports import calculate_imports, import_late_table
from .linking.index_spaces import assign_indexes, calculate_types
from .linking.layout_memory import define_start_stop_symbols, lay_out_memory
from .linking.mark_live import mark_live, report_removed
from .linking.output_segments import create_output_segments
from .linking.parallel import make_relocator
from .linking.pic import base_tls_on_memory, combine_segments
from .linking.plan import Plan
from .linking.relocate import Bases, Relocator
from .linking.resolution import Resolution
from .linking.resolve import resolve
from .linking.scan_relocations import scan_relocations
from .linking.seal import seal
from .linking.start_functions import declare_start_functions, write_start_functions
from .linking.synthetic_symbols import resolve_indirect_function_table
from .opening import checked, open_inputs
from .options import LinkOptions
from .output.custom import lay_out_custom_sections, own_custom_sections, write_custom_section
from .output.encoding import Chunk, OutputSection
from .output.producers import merge_producers
from .output.sections import known_sections, place_functions
from .output.verbose import log_sections, log_writing
from .output.writer import OutputFile, check_writable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .incremental.reuse import Reuse
    from .inputs.input_files import ObjectSource
    from .inputs.shared_library import SharedLibrary
    from .size.explanation import Explanation


class LinkResult:
    """A finished link."""

    def __init__(
        self, chunks: list[Chunk], output: str | None, diagnostics: tuple[Diagnostic, ...], files_read: tuple[str, ...]
    ) -> None:
        self._chunks = chunks
        self.output = output
        """The file that was written; ``None`` where the options asked for none."""
        self.diagnostics = diagnostics
        """Warnings and messages, in order."""
        self.files_read = files_read
        """Every file that the link read, in order, each once."""

    @property
    def module(self) -> bytes:
        """The module; joined when it is asked for, since a link that writes it to a file needs it in no other way."""
        joined = b"".join(self._chunks)
        self._chunks = [joined]
        return joined


def link(options: LinkOptions) -> LinkResult:
    """Link, write the output, and say what happened. Nothing is printed.

    :raises LinkError: the link failed; the exception carries all diagnostics, and the output is as it was.
    """
    diagnostics = Diagnostics(
        fatal_warnings=options.fatal_warnings, noinhibit_exec=options.noinhibit_exec, verbose=options.verbose
    )
    with LinkScope(diagnostics, str(options.output or "a.out")):
        return _link(options, diagnostics)


def _link(options: LinkOptions, diagnostics: Diagnostics) -> LinkResult:
    options = checked(options)
    if options.time_report is not None:
        from .time_report import TimeReport

        check_writable(options.time_report, "time report", diagnostics)
        diagnostics.check()
        diagnostics.time_report = TimeReport()
    if options.cache_directory is None:
        return _run_passes(options, diagnostics, None)
    diagnostics.step("link from the last one")
    if options.why_live:
        answered = _explain_last_link(options, diagnostics)
        if answered is not None:
            return answered
    found = _link_again(options, diagnostics)
    if isinstance(found, LinkResult):
        return found
    if found is not None:
        from .incremental.reuse import UNFIT

        try:
            return _run_passes(options, diagnostics, found)
        except UNFIT as why:
            # What was to be reused is not what it seemed. Nothing was written.
            diagnostics.restart()
            if diagnostics.time_report is not None:
                diagnostics.time_report.reused = f"not used: {why!r}"
    return _run_passes(options, diagnostics, None)


def _run_passes(options: LinkOptions, diagnostics: Diagnostics, reuse: Reuse | None) -> LinkResult:
    """Decide everything, and write what was decided.

    :param reuse: what can be taken from the last link.
    """
    diagnostics.step("read inputs")
    files, sources = open_inputs(options, diagnostics, reuse.known if reuse is not None else None)
    if options.output is not None:
        check_writable(options.output, "output", diagnostics)
    for report, what in (
        (options.map_file, "map"),
        (options.dependency_file, "dependency"),
        (options.why_extract, "--why-extract="),
        (options.why_live_file, "--why-live-file="),
        *((path, "size report") for path in options.size_reports),
    ):
        if report is not None:
            check_writable(report, what, diagnostics)
    diagnostics.check()
    resolution, plan, explanation = _decide(options, files, sources, diagnostics, reuse)
    diagnostics.step("relocate and write sections")
    sections, notes = _write_sections(plan, options, diagnostics, reuse)
    chunks: list[Chunk] = [b"\0asm\1\0\0\0"]
    position = 8
    for section in sections:
        section.offset = position
        chunks.append(section.header)
        chunks += section.chunks
        position += len(section.header) + section.size
    _write_build_id(options, chunks)

    if diagnostics.verbose:
        log_sections(plan, sections, diagnostics)
    _write_reports(plan, sections, options, files, diagnostics)
    if explanation is not None:
        diagnostics.step("explain")
        explanation.write(chunks, diagnostics)
    diagnostics.check()
    written = _as_component(options, chunks, diagnostics)
    _check_size(options, written, chunks, plan, explanation, diagnostics)
    if options.output is not None:
        if diagnostics.verbose:
            log_writing(options.output, sections, diagnostics)
        diagnostics.step("write the file")
    # Whatever is left to write may fail: the output is replaced when all is written.
    with OutputFile(options.output, written):
        diagnostics.step("fill the cache")
        files.save_parsed()
        if options.cache_directory is not None:
            from .incremental.save_state import record

            record(options, plan, sections, chunks, files, notes, diagnostics)
        if diagnostics.time_report is not None:
            objects = resolution.objects
            _report_times(
                options,
                diagnostics,
                {
                    "files read": len(files.read),
                    "objects linked": len(objects),
                    "of them members of archives": sum(bool(file.input.archive) for file in objects),
                    "symbols": len(resolution.symbols),
                    "functions": plan.spaces.function_count,
                    "relocations of linked objects": sum(
                        count for file in objects for _, _, count in file.object.relocation_sections().values()
                    ),
                    "bytes read": sum(status.st_size for status in files.read.values()),
                    "bytes written": sum(map(len, written)),
                    **(reuse.counts() if reuse is not None else {}),
                },
            )
    _note_size(options, written, chunks, plan, diagnostics)
    return LinkResult(written, options.output, tuple(diagnostics.entries), tuple(files.read))


def _decide(
    options: LinkOptions,
    files: InputFiles,
    sources: Sequence[ObjectSource | SharedLibrary],
    diagnostics: Diagnostics,
    reuse: Reuse | None,
) -> tuple[Resolution, Plan, Explanation | None]:
    """Decide everything that the module depends on."""
    diagnostics.step("resolve")
    resolution = resolve(options, files, sources, diagnostics, _compile_bitcode)
    if reuse is not None:
        reuse.match(resolution.objects, files.object_keys())
    if options.why_extract is not None:
        # A link that fails has reasons, too.
        from .output import reports

        text = reports.why_extract(resolution.extractions)
        reports.write_text(options.why_extract, text, "--why-extract=", diagnostics)
    seal(resolution, options, diagnostics)
    diagnostics.check()
    diagnostics.step("mark live")
    mark_live(resolution, options)
    if options.print_gc_sections and options.gc_sections:
        report_removed(resolution, diagnostics)
    explanation = _explanation(resolution, options)
    resolve_indirect_function_table(resolution, options, diagnostics, required=False)
    diagnostics.check()

    plan = _plan(resolution, options, diagnostics)
    if explanation is not None:
        explanation.take_graph(plan)
    return resolution, plan, explanation


def _explain_last_link(options: LinkOptions, diagnostics: Diagnostics) -> LinkResult | None:
    """Answer ``--why-live`` where the last link's module still holds: what it decided is decided again, from objects
    that are parsed already, and nothing is laid out in bytes, relocated or written. ``None`` where a link is needed."""
    plain = LinkOptions(**{**vars(options), "why_live": (), "why_live_file": None, "time_report": None})
    found = _link_again(plain, Diagnostics())
    if not isinstance(found, LinkResult):
        return None
    quiet = Diagnostics()
    quiet.time_report = diagnostics.time_report
    if options.why_live_file is not None:
        check_writable(options.why_live_file, "--why-live-file=", diagnostics)
        diagnostics.check()
    quiet.step("read inputs")
    files, sources = open_inputs(plain, quiet)
    _, _, explanation = _decide(options, files, sources, quiet, None)
    assert explanation is not None
    explanation.write([], diagnostics)
    diagnostics.check()
    if diagnostics.time_report is not None:
        diagnostics.time_report.reused = "used"
        _report_times(options, diagnostics, {"files looked at": len(found.files_read)})
    return LinkResult([found.module], options.output, tuple(diagnostics.entries), found.files_read)


def _compile_bitcode(resolution: Resolution, options: LinkOptions, diagnostics: Diagnostics) -> list[ObjectSource]:
    # Most links have no bitcode, and need not load what reads and compiles it.
    from .linking.compile_bitcode import compile_bitcode

    return compile_bitcode(resolution, options, diagnostics)


def _explanation(resolution: Resolution, options: LinkOptions) -> Explanation | None:
    if not (options.why_live or options.size_reports or options.size_diff):
        return None
    from .size.explanation import Explanation

    return Explanation(resolution, options)


def _check_size(
    options: LinkOptions,
    written: list[Chunk],
    module: list[Chunk],
    plan: Plan | None,
    explanation: Explanation | None,
    diagnostics: Diagnostics,
) -> None:
    if options.size_limit is None:
        return
    from .size.function_owners import FunctionOwners
    from .size.size_limit import check_limit

    owners = FunctionOwners(plan) if plan is not None else None
    changes = explanation.changes if explanation is not None else None
    check_limit(options, written, module, owners, changes, diagnostics)
    diagnostics.check()


def _note_size(
    options: LinkOptions, written: list[Chunk], module: list[Chunk], plan: Plan | None, diagnostics: Diagnostics
) -> None:
    if options.size_note is None:
        return
    from .size.function_owners import FunctionOwners
    from .size.size_note import note_size

    note_size(options, written, module, FunctionOwners(plan) if plan is not None else None, diagnostics)


def _report_times(options: LinkOptions, diagnostics: Diagnostics, counts: dict[str, int]) -> None:
    from .output.reports import write_text

    report, path = diagnostics.time_report, options.time_report
    assert report is not None and path is not None
    report.counts |= counts
    write_text(path, report.json() if path.endswith(".json") else report.text(), "time report", diagnostics)
    diagnostics.check()


def _link_again(options: LinkOptions, diagnostics: Diagnostics) -> LinkResult | Reuse | None:
    """Link without the passes, from what the last link left in the cache; or find what the passes can take from it."""
    from .incremental.relink import Passes, relink

    found = relink(options)
    report = diagnostics.time_report
    if isinstance(found, Passes):
        if report is not None:
            how = "not used" if found.reuse is None else "decided anew"
            report.reused = f"{how}: {found.why}"
        return found.reuse
    written = _as_component(options, found.chunks, diagnostics)
    _check_size(options, written, found.chunks, None, None, diagnostics)
    diagnostics.step("write the file")
    with OutputFile(options.output, written):
        if report is not None:
            report.reused = "used"
            counts = {
                "files looked at": len(found.files_read),
                "objects taken over": found.reused,
                "objects linked anew": found.changed,
                "bytes written": sum(map(len, written)),
            }
            _report_times(options, diagnostics, counts)
    _note_size(options, written, found.chunks, None, diagnostics)
    return LinkResult(written, options.output, tuple(diagnostics.entries), found.files_read)


def _as_component(options: LinkOptions, chunks: list[Chunk], diagnostics: Diagnostics) -> list[Chunk]:
    """Return what is written: the module, or the component that is made of it."""
    if not options.component:
        return chunks
    from .component_link import make_component

    return make_component(options, chunks, diagnostics)


def _write_reports(
    plan: Plan, sections: list[OutputSection], options: LinkOptions, files: InputFiles, diagnostics: Diagnostics
) -> None:
    """What was asked for beside the module."""
    if options.map_file is None and options.dependency_file is None and not options.print_map:
        return
    from .output import reports

    maps = [path for path in (options.map_file, "-" if options.print_map else None) if path is not None]
    if maps:
        text = reports.link_map(plan, sections)
        for path in maps:
            reports.write_text(path, text, "map", diagnostics)
    if options.dependency_file is not None:
        text = reports.dependencies(options.output or "-", files.read)
        reports.write_text(options.dependency_file, text, "dependency", diagnostics)


def _plan(resolution: Resolution, options: LinkOptions, diagnostics: Diagnostics) -> Plan:
    """Decide everything: from here on, symbols are only ever defined, not added."""
    phase = diagnostics.phase
    diagnostics.step("lay out memory")
    phase("createOutputSegments")
    segments = create_output_segments(resolution, options)
    phase("createSyntheticSections")
    phase("layoutMemory")
    memory = lay_out_memory(resolution, segments, options, diagnostics)
    # Every address is final from here on.
    if not options.relocatable:
        define_start_stop_symbols(resolution, segments, options)
    force_exports(resolution, options, diagnostics)
    phase("populateTargetFeatures")
    features = merge_features(resolution, options, diagnostics)
    for segment in segments:
        # Relocations may refer to zero-filled segments, and memory from outside need not be zero.
        segment.in_file = (
            not segment.is_bss
            or options.relocatable
            or options.emit_relocs
            or (options.import_memory is not None and "bulk-memory" not in features)
        )
    if options.is_pic and not options.shared_memory and "extended-const" not in features:
        phase("combineOutputSegments")
        segments = combine_segments(segments)
    phase("createSyntheticSectionsPostLayout")
    phase("populateProducers")
    diagnostics.step("scan relocations")
    phase("calculateImports")
    imports = calculate_imports(resolution, options)
    phase("scanRelocations")
    scan = scan_relocations(resolution, imports, options, diagnostics)
    phase("finalizeIndirectFunctionTable")
    if scan.has_addresses:
        if resolution.indirect_function_table is None:
            resolve_indirect_function_table(resolution, options, diagnostics, required=True)
        import_late_table(imports, resolution)
    phase("createSyntheticInitFunctions")
    start = declare_start_functions(resolution, segments, memory, scan, features, options)
    base_tls_on_memory(resolution, options)
    diagnostics.step("number everything")
    phase("assignIndexes")
    spaces = assign_indexes(resolution, imports, scan, diagnostics)
    # Every index is final from here on, but for the wrappers, which come last.
    phase("calculateInitFunctions")
    init_functions = calculate_init_functions(resolution, options, diagnostics)
    write_start_functions(resolution, start, segments, memory, scan, options)
    write_call_ctors(resolution, init_functions)
    spaces.add_wrappers(create_command_wrappers(resolution, init_functions, options, diagnostics))
    diagnostics.check()
    phase("calculateTypes")
    calculate_types(spaces)
    phase("calculateExports")
    exports, address_globals = calculate_exports(resolution, options, features, spaces.global_count)
    phase("calculateCustomSections")
    diagnostics.log("calculateCustomSections")
    phase("populateSymtab")
    phase("checkImportExportTargetFeatures")
    check_mutable_globals(features, imports, exports, options, diagnostics)
    return Plan(
        resolution=resolution,
        scan=scan,
        spaces=spaces,
        segments=segments,
        memory=memory,
        exports=exports,
        address_globals=address_globals,
        start=start,
        features=features,
        init_functions=init_functions,
    )


def _write_sections(
    plan: Plan, options: LinkOptions, diagnostics: Diagnostics, reuse: Reuse | None
) -> tuple[list[OutputSection], dict[tuple[ObjectInput, int], bytes | memoryview]]:
    """All sections in the module's order, relocated; and what the next link is to know of them."""
    bases = Bases(options.table_base, plan.memory.tls_base)
    check_field_widths(plan, bases, diagnostics)
    if options.compress_relocations:
        compressor = Relocator(bases)
        for file in plan.resolution.objects:
            if file.function_live.count(1):
                compressor.compress(file)
    place_functions(plan)
    custom = lay_out_custom_sections(plan.resolution, options, None if reuse is None else reuse.merge)
    outputs = {section.name for section in custom}
    watcher = None
    if options.cache_directory is not None:
        from .incremental import save_state

        watcher = save_state.watcher(options, plan.resolution, outputs)
    if reuse is None:
        relocator = make_relocator(plan.resolution.objects, outputs, bases, options.threads, watcher)
    else:
        relocator = reuse.relocator(plan.resolution, bases, watcher)
    sections = list(known_sections(plan, options, relocator))
    if plan.resolution.is_dynamic(options):
        from .output.dylink import dylink_section

        sections.insert(0, dylink_section(plan, options))
    known = len(sections)
    sections += [write_custom_section(section, relocator) for section in custom]
    with relocator:
        own = own_custom_sections(plan, options, merge_producers(plan.resolution, options))
    if diagnostics.time_report is not None:
        diagnostics.time_report.counts["processes"] = relocator.processes
    if options.relocatable or options.emit_relocs:
        from .output.relocatable import SymbolIndices, linking_section, relocation_sections

        indices = SymbolIndices(plan, ((section.name, known + i) for i, section in enumerate(custom)))
        linking = linking_section(plan, indices)
        sections += [linking, *relocation_sections(plan, sections, custom, indices)]
    sections += own
    if options.build_id != "none":
        from .output import build_id

        sections.append(build_id.placeholder(options.build_id))
    return sections, relocator.notes


def _write_build_id(options: LinkOptions, chunks: list[Chunk]) -> None:
    """Fill in the build id, the module's last bytes: a hash of all others."""
    if options.build_id == "none":
        return
    from .output import build_id

    identity = build_id.compute(options.build_id, chunks)
    last = bytes(chunks[-1])
    chunks[-1] = last[: len(last) - len(identity)] + identity
