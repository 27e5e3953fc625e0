"""Diagnostics: what a link reports, collected rather than printed.

The linker reports through a :class:`Diagnostics` object that its caller reads; only a front end (the command, the SCons
tool) decides where a line goes and with which prefix and colour.
"""

from __future__ import annotations

from .enumerations import Enumeration
from .records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .time_report import TimeReport


class Severity(Enumeration):
    """The severity of a diagnostic."""

    ERROR = "error"
    WARNING = "warning"
    MESSAGE = "message"
    """A line that an option asked for (``--trace``, ``--print-gc-sections``, ``--print-map``): standard output, no
    prefix."""
    LOG = "log"
    """A line of ``--verbose``: standard error, prefixed with the program's name only."""


@record(frozen=True, slots=True)
class Diagnostic:
    """One message of the linker.

    ``text`` is the message in wasm-ld's wording, without program name and severity; its further lines, if any, begin
    with ``>>> ``. ``hints`` are additional ``>>> `` lines that wasm-ld does not print, without that mark.
    """

    severity: Severity
    text: str
    hints: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "\n".join([self.text, *(f">>> {hint}" for hint in self.hints)])


class LinkError(Exception):
    """The link failed. ``diagnostics`` holds everything that was reported, warnings and messages included, in order."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        self.diagnostics = diagnostics
        super().__init__(diagnostics)

    def __str__(self) -> str:
        return "\n".join(str(d) for d in self.diagnostics if d.severity is Severity.ERROR)


class FatalError(Exception):
    """Raised inside the linker where it cannot continue (a damaged file, say); ``link`` turns it into a diagnostic.

    ``hints`` are those of the :class:`Diagnostic`.
    """

    def __init__(self, text: str, hints: tuple[str, ...] = ()) -> None:
        super().__init__(text)
        self.hints = hints


class Diagnostics:
    """Collects the diagnostics of one link, in order."""

    def __init__(self, *, fatal_warnings: bool = False, noinhibit_exec: bool = False, verbose: bool = False) -> None:
        self.entries: list[Diagnostic] = []
        self.error_count = 0
        self._fatal_warnings = fatal_warnings
        self._noinhibit_exec = noinhibit_exec
        self.verbose = verbose
        self.time_report: TimeReport | None = None
        self.file = ""
        """The input that is being read, for an error that names no file itself; empty between inputs."""
        self.generated: dict[str, str] = {}
        """Maps an object that was generated from bitcode to a line that names the bitcode files, for diagnostics about
        it."""

    def error(self, text: str, hints: tuple[str, ...] = ()) -> None:
        self.error_count += 1
        self.entries.append(Diagnostic(Severity.ERROR, text, self._with_origin(text, hints)))

    def warn(self, text: str, hints: tuple[str, ...] = ()) -> None:
        if self._fatal_warnings:
            self.error(text, hints)
        else:
            self.entries.append(Diagnostic(Severity.WARNING, text, self._with_origin(text, hints)))

    def error_or_warn(self, text: str, hints: tuple[str, ...] = ()) -> None:
        """Report an error, or a warning under ``--noinhibit-exec``."""
        if self._noinhibit_exec:
            self.warn(text, hints)
        else:
            self.error(text, hints)

    def _with_origin(self, text: str, hints: tuple[str, ...]) -> tuple[str, ...]:
        """Return the hints of a diagnostic; for one about a generated object, with the bitcode files that it
        came from."""
        if not self.generated or any("bitcode" in hint for hint in hints):
            return hints
        return (*hints, *(line for name, line in self.generated.items() if name in text))

    def extend(self, other: Diagnostics) -> None:
        """Add the diagnostics that another instance collected."""
        self.entries += other.entries
        self.error_count += other.error_count

    def restart(self) -> None:
        """Drop all diagnostics: the link starts again."""
        self.entries.clear()
        self.error_count = 0

    def message(self, text: str) -> None:
        self.entries.append(Diagnostic(Severity.MESSAGE, text))

    def log(self, text: str) -> None:
        if self.verbose:
            self.entries.append(Diagnostic(Severity.LOG, text))

    def phase(self, name: str) -> None:
        """Log the start of a pass under lld's name (``--verbose``)."""
        self.log(f"-- {name}")

    def step(self, name: str) -> None:
        """Start a step of ``--time-report``."""
        self.file = ""
        if self.time_report is not None:
            self.time_report.begin(name)

    def check(self) -> None:
        """Raise :class:`LinkError` if an error was reported; called at the end of a phase."""
        if self.error_count:
            raise LinkError(tuple(self.entries))
