"""Size reports and liveness queries of a link, for the options that ask for them."""

from __future__ import annotations

from ..diagnostics import Diagnostics, FatalError
from ..files import read_input, reason
from ..inputs.object_file import ObjectFile
from ..linking.plan import Plan
from ..linking.resolution import Resolution
from ..options import LinkOptions
from ..output.encoding import Chunk
from ..output.reports import write_text
from .chains import Chains
from .function_lines import FunctionLines
from .live_query import LiveQueries, answers_json, answers_text
from .reference_graph import ReferenceGraph, Roots
from .size_changes import SizeChanges, changes_as_text, compare
from .size_report import ReportError, SizeReport, from_json, is_report, to_json


class Explanation:
    """Collects what the reports need at three points of a link: when liveness is decided, when every index is final and
    the relocations are still decoded, and when the module is finished."""

    def __init__(self, resolution: Resolution, options: LinkOptions) -> None:
        self._options = options
        self._roots = Roots(resolution, options)
        # Read it before the report is replaced, which may be the same file.
        self._old = read_report(options.size_diff) if options.size_diff is not None else None
        self.changes: SizeChanges | None = None
        """Changes since the report of ``--size-diff``, once the module is finished."""
        self._plan: Plan | None = None
        self._lines: dict[ObjectFile, FunctionLines] = {}
        self._graph: ReferenceGraph | None = None

    def take_graph(self, plan: Plan) -> None:
        self._plan = plan
        self._graph = ReferenceGraph(plan, self._roots)
        if self._options.size_reports or self._old is not None:
            for file in plan.resolution.objects:
                # The link applies the same relocations next, and decodes none of them again.
                self._lines[file.object] = FunctionLines(file.object)

    def write(self, chunks: list[Chunk], diagnostics: Diagnostics) -> None:
        """Write the requested reports."""
        assert self._plan is not None and self._graph is not None
        options = self._options
        chains = Chains(self._graph, self._lines)
        if options.why_live:
            answer_live_queries(options, self._plan, chains, diagnostics)
        if not options.size_reports and self._old is None:
            return
        from .link_report import make_report

        report = make_report(self._plan, self._graph, chains, b"".join(chunks), options.output or "a.out")
        if options.wasm_opt:
            report.module += f" before wasm-opt {options.wasm_opt}"
        if self._old is not None:
            self.changes = compare(self._old, report)
            diagnostics.message(changes_as_text(self.changes).rstrip("\n"))
        for path in options.size_reports:
            write_text(path, report_text(report, path, self.changes), "size report", diagnostics)


def read_report(path: str) -> SizeReport:
    """Read a size report.

    :raises FatalError: the file does not exist, or is not a size report.
    """
    try:
        return from_json(read_input(path, is_report)[0])
    except (OSError, ValueError) as error:
        raise FatalError(f"cannot open size report {path}: {reason(error)}") from None
    except ReportError as error:
        raise FatalError(f"{path}: {error}") from None


def answer_live_queries(options: LinkOptions, plan: Plan, chains: Chains, diagnostics: Diagnostics) -> None:
    """Answer ``--why-live``."""
    queries = LiveQueries(plan, chains)
    answers = [queries.answer(pattern) for pattern in options.why_live]
    for answer in answers:
        if not answer.chains and not answer.absent:
            diagnostics.warn(f"--why-live={answer.pattern}: no symbol, section, member or import of the link matches")
    path = options.why_live_file or "-"
    text = answers_json(answers) if path.endswith(".json") else answers_text(answers)
    if text or path != "-":
        write_text(path, text, "--why-live-file=", diagnostics)


def report_text(report: SizeReport, path: str, changes: SizeChanges | None = None) -> str:
    """Return a report in the format that the suffix of its file selects."""
    if path.endswith(".json"):
        return to_json(report)
    if path.endswith((".html", ".htm")):
        from .html_page import html_page

        return html_page(report, changes)
    from .size_text import report_as_text

    return report_as_text(report)
