"""The link as a list of passes: the order in which things are decided, and the reason for each position."""

from __future__ import annotations

import os

from .diagnostics import Diagnostic, Diagnostics
from .inputs.input_files import InputFiles, ObjectSource
from .link_scope import LinkScope
from .linking.mark_live import mark_live, report_removed
from .linking.plan import Plan, make_plan
from .linking.resolution import Resolution
from .linking.resolve import resolve
from .linking.seal import seal
from .linking.synthetic_symbols import resolve_indirect_function_table
from .opening import checked, open_inputs, written_files
from .options import IcfLevel, LinkOptions
from .output.encoding import Chunk
from .output.module import Module, write_module
from .output.reports import check_files, write_reports, write_time_report, write_why_extract
from .output.writer import OutputFile, check_distinct, check_inputs_stay, check_writable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .incremental.reuse import Reuse
    from .inputs.shared_library import SharedLibrary
    from .output.module import Watch
    from .size.explanation import Explanation


class LinkResult:
    """A finished link."""

    def __init__(
        self, chunks: list[Chunk], output: str | None, diagnostics: tuple[Diagnostic, ...], files_read: tuple[str, ...]
    ) -> None:
        self._chunks = chunks
        self.output = output
        """The file that was written; ``None`` if the options name none."""
        self.diagnostics = diagnostics
        """Warnings and messages, in order."""
        self.files_read = files_read
        """Every file that the link read, in order, each once."""

    @property
    def module(self) -> bytes:
        """The module's bytes; joined on first access, since writing the file does not need them joined."""
        joined = b"".join(self._chunks)
        self._chunks = [joined]
        return joined


def link(options: LinkOptions) -> LinkResult:
    """Link, write the output, and return the result with all diagnostics. Nothing is printed.

    :raises LinkError: the link failed; the exception carries all diagnostics, and an existing output is unchanged.
    """
    diagnostics = Diagnostics(
        fatal_warnings=options.fatal_warnings, noinhibit_exec=options.noinhibit_exec, verbose=options.verbose
    )
    with LinkScope(diagnostics, str(options.output or "a.out")):
        return _link(options, diagnostics)


def _link(options: LinkOptions, diagnostics: Diagnostics) -> LinkResult:
    options = checked(options)
    check_distinct(written_files(options), diagnostics)
    diagnostics.check()
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
        from .incremental.state import UNFIT

        try:
            return _run_passes(options, diagnostics, found)
        except UNFIT as why:
            # The saved state was damaged. Nothing was written.
            diagnostics.restart()
            if diagnostics.time_report is not None:
                diagnostics.time_report.reused = f"not used: {why!r}"
    return _run_passes(options, diagnostics, None)


def _run_passes(options: LinkOptions, diagnostics: Diagnostics, reuse: Reuse | None) -> LinkResult:
    """Run all passes, and write the module.

    :param reuse: the parts of the last link that can be copied.
    """
    step, check = diagnostics.step, diagnostics.check
    step("read inputs")
    files, sources = open_inputs(options, diagnostics, reuse.known if reuse is not None else None)
    # An output that cannot be written is an error before the work is done.
    check_files(written_files(options), files.read, diagnostics)
    check()

    plan, explanation = _decide(options, files, sources, diagnostics, reuse)
    step("relocate and write sections")
    module = _write(plan, options, diagnostics, reuse)
    if diagnostics.verbose:
        from .output.verbose import log_sections

        log_sections(plan, module.sections, diagnostics)
    # Before the module, so that no module is left whose reports failed.
    write_reports(plan, module.sections, files.read, options, diagnostics)
    if explanation is not None:
        step("explain")
        explanation.write(module.chunks, diagnostics)
    check()

    written = _as_component(options, _optimized(options, plan, module.chunks, diagnostics), diagnostics)
    _check_size(options, written, module.chunks, plan, explanation, diagnostics)
    if options.output is not None:
        if diagnostics.verbose:
            from .output.verbose import log_writing

            log_writing(options.output, module.sections, diagnostics)
        step("write the file")
    # Writing may fail until the end: the output is replaced once everything is written.
    with OutputFile(options.output, written):
        step("fill the cache")
        files.save_parsed()
        if options.cache_directory is not None:
            from .incremental.save_state import record

            record(options, plan, module.sections, module.chunks, files, module.notes, diagnostics)
        if options.time_report is not None:
            if reuse is not None and diagnostics.time_report is not None:
                diagnostics.time_report.linked_again = reuse.linked_again()
            write_time_report(options.time_report, _counts(plan, files, written, reuse), diagnostics)
    _note_size(options, written, module.chunks, plan, diagnostics)
    return LinkResult(written, options.output, tuple(diagnostics.entries), tuple(files.read))


def _decide(
    options: LinkOptions,
    files: InputFiles,
    sources: Sequence[ObjectSource | SharedLibrary],
    diagnostics: Diagnostics,
    reuse: Reuse | None,
) -> tuple[Plan, Explanation | None]:
    """Run the passes up to the plan, and collect what an explanation needs."""
    step, check = diagnostics.step, diagnostics.check
    step("resolve")
    # Inputs, members and roots join the link here, and nowhere after.
    resolution = resolve(options, files, sources, diagnostics, _compile_bitcode)
    if reuse is not None:
        reuse.match(resolution.objects, files.object_keys())
    # A failed link has reasons for extracting members, too.
    if options.why_extract is not None:
        write_why_extract(options.why_extract, resolution.extractions, diagnostics)
    # From here on every name has one meaning.
    seal(resolution, options, diagnostics)
    check()

    step("mark live")
    # Before layout, so that later work is proportional to what is live.
    mark_live(resolution, options)
    if options.print_gc_sections and options.gc_sections:
        report_removed(resolution, diagnostics)
    # Later passes redirect references; the explanation is about the inputs.
    explanation = _explanation(resolution, options)
    # Only what is live; before layout, and before the scan counts addresses and types.
    _fold_identical(resolution, options, diagnostics)
    check()
    # Whether there is a table may depend on whether code that calls through one is live.
    resolve_indirect_function_table(resolution, options, diagnostics, required=False)
    check()

    # Every address and every index.
    plan = make_plan(resolution, options, diagnostics)
    if explanation is not None:
        explanation.take_graph(plan)
    return plan, explanation


# Passes that few links need, imported on demand


def _compile_bitcode(resolution: Resolution, options: LinkOptions, diagnostics: Diagnostics) -> list[ObjectSource]:
    from .linking.compile_bitcode import compile_bitcode

    return compile_bitcode(resolution, options, diagnostics)


def _fold_identical(resolution: Resolution, options: LinkOptions, diagnostics: Diagnostics) -> None:
    if options.icf is IcfLevel.NONE:
        return
    diagnostics.step("fold identical code")
    from .linking.icf import fold_identical

    fold_identical(resolution, options, diagnostics)


def _write(plan: Plan, options: LinkOptions, diagnostics: Diagnostics, reuse: Reuse | None) -> Module:
    if not options.renumber:
        return write_module(plan, options, diagnostics, reuse, _watch(options))
    from .output.choose_order import write_smallest_module

    return write_smallest_module(plan, options, diagnostics)


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


def _optimized(options: LinkOptions, plan: Plan, chunks: list[Chunk], diagnostics: Diagnostics) -> list[Chunk]:
    if not options.wasm_opt:
        return chunks
    from .optimize_module import optimize_module

    return optimize_module(options, chunks, plan.features.keys(), diagnostics)


def _as_component(options: LinkOptions, chunks: list[Chunk], diagnostics: Diagnostics) -> list[Chunk]:
    """Return what is written: the module, or the component that is made from it."""
    if not options.component:
        return chunks
    from .component_link import make_component

    return make_component(options, chunks, diagnostics)


def _watch(options: LinkOptions) -> Watch | None:
    if options.cache_directory is None:
        return None
    from .incremental.save_state import watcher

    return watcher


def _explain_last_link(options: LinkOptions, diagnostics: Diagnostics) -> LinkResult | None:
    """Answer ``--why-live`` from the saved state if the last module is still valid: repeat the decisions on objects
    from the cache, without layout, relocation or output. ``None`` if a link is needed."""
    plain = LinkOptions(**{**vars(options), "why_live": (), "why_live_file": None, "time_report": None})
    found = _link_again(plain, Diagnostics())
    if not isinstance(found, LinkResult):
        return None
    quiet = Diagnostics()
    quiet.time_report = diagnostics.time_report
    quiet.step("read inputs")
    files, sources = open_inputs(plain, quiet)
    check_files(written_files(options), files.read, diagnostics)
    diagnostics.check()
    _, explanation = _decide(options, files, sources, quiet, None)
    assert explanation is not None
    explanation.write([], diagnostics)
    diagnostics.check()
    if diagnostics.time_report is not None:
        diagnostics.time_report.reused = "used"
        assert options.time_report is not None
        write_time_report(options.time_report, {"files checked": len(found.files_read)}, diagnostics)
    return LinkResult([found.module], options.output, tuple(diagnostics.entries), found.files_read)


def _link_again(options: LinkOptions, diagnostics: Diagnostics) -> LinkResult | Reuse | None:
    """Link without the passes, from the state that the last link saved; or find what the passes can copy from it."""
    from .incremental.relink import Passes, relink

    found = relink(options)
    report = diagnostics.time_report
    if isinstance(found, Passes):
        if report is not None:
            way = "not used" if found.reuse is None else "decided again"
            report.reused = f"{way}: {found.why}"
        return found.reuse
    if report is not None:
        check_inputs_stay(written_files(options), {path: os.stat(path) for path in found.files_read}, diagnostics)
        diagnostics.check()
    written = _as_component(options, found.chunks, diagnostics)
    _check_size(options, written, found.chunks, None, None, diagnostics)
    diagnostics.step("write the file")
    with OutputFile(options.output, written):
        if report is not None:
            report.reused = f"decisions updated: {found.updated}" if found.updated else "used"
            report.linked_again = found.changed
            counts = {
                "files checked": len(found.files_read),
                "objects copied from the last module": found.reused,
                "objects linked again": len(found.changed),
                "bytes written": sum(map(len, written)),
            }
            assert options.time_report is not None
            write_time_report(options.time_report, counts, diagnostics)
    _note_size(options, written, found.chunks, None, diagnostics)
    return LinkResult(written, options.output, tuple(diagnostics.entries), found.files_read)


def _counts(plan: Plan, files: InputFiles, written: list[Chunk], reuse: Reuse | None) -> dict[str, int]:
    """Return the counts for ``--time-report``."""
    objects = plan.resolution.objects
    return {
        "files read": len(files.read),
        "objects linked": len(objects),
        "of them members of archives": sum(bool(file.input.archive) for file in objects),
        "symbols": len(plan.resolution.symbols),
        "functions": plan.spaces.function_count,
        "relocations of linked objects": sum(
            count for file in objects for _, _, count in file.object.relocation_sections().values()
        ),
        "bytes read": sum(status.st_size for status in files.read.values()),
        "bytes written": sum(map(len, written)),
        **(reuse.counts() if reuse is not None else {}),
    }
