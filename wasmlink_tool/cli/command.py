"""The ``wasmlink`` command: arguments in, diagnostics and exit status out."""

from __future__ import annotations

import gc
import os
import sys

from wasmlink_tool.cli.elf_options import ELF_KEYWORDS, ELF_SIZES
from wasmlink_tool.cli.parser import CommandLine, Parser, nearest
from wasmlink_tool.cli.reporter import DEFAULT_ERROR_LIMIT, Reporter, stream_has_colors, write
from wasmlink_tool.diagnostics import Diagnostic, Diagnostics, FatalError, LinkError, Severity
from wasmlink_tool.files import reason
from wasmlink_tool.temporary_files import remove_temporaries
from wasmlink_tool.version import __version__, package_kind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from wasmlink_tool.cli.reproduce import Reproduction

STATUS_INTERRUPTED = 130


def main(argv: list[str] | None = None, front: Callable[[str, list[str]], int] | None = None) -> int:
    """Run the command with ``argv`` (without the program's name); return the exit status. ``front`` runs it,
    :func:`run` by default.

    Without ``argv`` the command is the process's own, and its objects are left for the end of the process to free:
    searching them for reference cycles takes a tenth of the time of a large link.
    """
    if argv is None:
        from wasmlink_tool.cli.termination import Terminated, catch_signals, end_by_signal

        catch_signals()
        collecting = gc.isenabled()
        gc.disable()
        try:
            return main(sys.argv[1:], front)
        except Terminated as ended:
            return end_by_signal(ended.number)
        finally:
            # The interpreter collects once more when it ends, but ignores frozen objects.
            gc.freeze()
            if collecting:
                gc.enable()
    program = program_name(sys.argv[0])
    try:
        return (front or run)(program, argv)
    except KeyboardInterrupt:
        # A signal that arrived during the link's clean-up may have left files.
        remove_temporaries()
        return STATUS_INTERRUPTED
    except BrokenPipeError:
        # The reader closed the pipe, so no error can be printed.
        _abandon_standard_streams()
        return 1
    except Exception as error:
        # The link reports its own failures. A system error without a file is about a standard stream.
        if isinstance(error, OSError) and error.filename is None:
            _abandon_standard_output(program, error)
            return 1
        from wasmlink_tool.link_scope import describe_failure

        diagnostics = Diagnostics()
        diagnostics.error(*describe_failure(error, "the command line"))
        Reporter(program).report(diagnostics.entries)
        return 1


def run_process() -> NoReturn:
    """Run the command with the process's arguments, and end the process: ``wasmlink`` and ``python -m``."""
    status = main()
    from wasmlink_tool.cli.termination import leave

    leave(status)


def program_name(path: str) -> str:
    """Return the prefix of diagnostics: the name of the command if it is one of wasm-ld's, else ``wasmlink``.

    Tools look for wasm-ld's name in the output; versioned and target-prefixed names are common.
    """
    name = os.path.basename(path).removesuffix(".exe")
    return name if "wasm-ld" in name else "wasmlink"


def version_line() -> str:
    """Return the text of ``--version``: the version, and whether mypyc compiled the package."""
    return f"wasmlink {__version__} (compatible with LLD 22; {package_kind()})\n"


def run(program: str, arguments: list[str]) -> int:
    """Parse, link, print; return the exit status."""
    reporter = Reporter(program, color=stream_has_colors(sys.stderr))
    if arguments[:1] == ["-flavor"]:
        problem = flavor_problem(arguments[1:2])
        if problem:
            write(sys.stderr, f"{problem}\n")
            return 1
        arguments = arguments[2:]

    parser = Parser()
    errors: list[str] = []
    arguments = expand_response_files(parser, arguments, errors)
    line = parser.parse(arguments)
    diagnostics = _first_diagnostics(line, reporter, errors)
    if line.has("help"):
        from wasmlink_tool.cli.help_text import help_text

        reporter.report(diagnostics.entries)
        write(sys.stdout, help_text(program))
        return 1 if diagnostics.error_count else 0
    if line.has("v") or line.has("version"):
        write(sys.stdout, version_line())
    reproduction = _reproduction(line, diagnostics)
    if reproduction is None:
        return _link(line, diagnostics, reporter, None)
    try:
        try:
            return _link(line, diagnostics, reporter, reproduction)
        finally:
            # Failed links can be reproduced, too.
            reproduction.close()
    except FatalError as error:
        reporter.report((Diagnostic(Severity.ERROR, str(error)),))
        return 1


def flavor_problem(flavor: list[str]) -> str:
    """Return the error about the value of ``-flavor``, in the wording of ``lld``."""
    if not flavor:
        return "missing arg value for '-flavor'"
    return "" if flavor[0].lower() in ("wasm", "ld-wasm") else f"Unknown flavor: {flavor[0]}"


def _reproduction(line: CommandLine, diagnostics: Diagnostics) -> Reproduction | None:
    """Start the archive of ``--reproduce``."""
    path = line.value("reproduce") if line.has("reproduce") else os.environ.get("LLD_REPRODUCE")
    if path is None:
        return None
    from wasmlink_tool.cli.reproduce import Reproduction, response_text

    try:
        archive = Reproduction(path)
    except (OSError, ValueError) as error:
        diagnostics.error(f"--reproduce: cannot open {path}", (reason(error),))
        return None
    try:
        archive.add_text("response.txt", response_text(line))
        archive.add_text("version.txt", version_line())
        for argument in line.arguments:
            if argument.option is None:
                archive.check_input(argument.text)
    except FatalError as error:
        diagnostics.error(str(error))
        return None
    return archive


def _link(line: CommandLine, diagnostics: Diagnostics, reporter: Reporter, reproduction: Reproduction | None) -> int:
    if line.has("version"):
        reporter.report(diagnostics.entries)
        return 1 if diagnostics.error_count else 0
    from wasmlink_tool.cli.interpret import link_options

    options = link_options(line, diagnostics, reproduction.add_input if reproduction is not None else None)
    within_limit = reporter.report(diagnostics.entries)
    if diagnostics.error_count or not within_limit:
        return 1
    if line.asks_version_only():
        return 0
    if reproduction is not None:
        reproduction.check_outputs(options)

    from wasmlink_tool.linker import link

    try:
        result = link(options)
    except LinkError as error:
        reporter.report(error.diagnostics)
        return 1
    reporter.report(result.diagnostics)
    return 0


def expand_response_files(parser: Parser, arguments: list[str], errors: list[str]) -> list[str]:
    """Replace ``@file`` arguments, with the quoting that the arguments outside of files select."""
    if not any(argument[:1] == "@" for argument in arguments):
        return arguments
    from wasmlink_tool.cli.response_files import ResponseFileError, expand

    try:
        return expand(arguments, parser.parse(arguments).value("rsp-quoting"))
    except ResponseFileError as error:
        errors.append(str(error))
        return [argument for argument in arguments if argument[:1] != "@"]


def _advice(text: str) -> tuple[str, ...]:
    """Return the line under the error about an unknown argument, if there is something to say."""
    if text.startswith("-Wl,"):
        return (f"-Wl, is for compilers, which pass options on: write {text[4:].replace(',', ' ')}",)
    if text in ("-Xlinker", "--for-linker"):
        return (f"{text} is for compilers, which pass options on: leave it out",)
    likely = nearest(text)
    return (f"did you mean '{likely}'?",) if likely else ()


def _first_diagnostics(line: CommandLine, reporter: Reporter, errors: list[str]) -> Diagnostics:
    """Set up the printing of diagnostics, then report the parser's errors, in wasm-ld's order."""
    diagnostics = Diagnostics(
        fatal_warnings=line.enabled("fatal-warnings", False),
        noinhibit_exec=line.has("noinhibit-exec"),
        verbose=line.has("verbose"),
    )
    for message in errors:
        diagnostics.error(message)
    quoting = line.last("rsp-quoting")
    if quoting is not None and quoting.value not in ("posix", "windows"):
        diagnostics.error(f"invalid response file quoting: {quoting.value}")
    color = line.last("color-diagnostics", "no-color-diagnostics")
    if color is not None and color.option is not None:
        when = "never" if color.option.name.startswith("no-") else "always" if color.value is None else color.value
        if when in ("always", "never"):
            reporter.color = when == "always"
        elif when != "auto":
            diagnostics.error(f"unknown option: --color-diagnostics={when}")
    if line.missing_value is not None:
        diagnostics.error(f"{line.missing_value}: missing argument")
    for number, text in enumerate(line.unknown):
        # Errors beyond the limit are not shown, and the search takes a millisecond.
        diagnostics.error(f"unknown argument: {text}", _advice(text) if number < DEFAULT_ERROR_LIMIT else ())
    reporter.report(diagnostics.entries)
    diagnostics.entries.clear()
    if line.has("error-limit"):
        # The option applies to the arguments after it.
        from wasmlink_tool.cli.interpret import signed_value

        # As in wasm-ld, a negative limit counts as a very large one: no limit.
        reporter.error_limit = max(0, signed_value(line, "error-limit", DEFAULT_ERROR_LIMIT, diagnostics))
    for keyword in line.values("z"):
        known = keyword in ("muldefs", "defs") or keyword in ELF_KEYWORDS
        if not known and not keyword.startswith(("stack-size=", *ELF_SIZES)):
            diagnostics.warn(f"unknown -z value: {keyword}")
    return diagnostics


def _abandon_standard_output(program: str, error: OSError) -> None:
    message = f"{program}: error: cannot write to standard output: {error.strerror or error}\n"
    import contextlib  # Only a failing command needs it.

    # Write to the descriptor directly: the stream may still hold data.
    with contextlib.suppress(OSError):
        os.write(2, message.encode("utf-8", "replace"))
    _abandon_standard_streams()


def _abandon_standard_streams() -> None:
    """Discard buffered output, so that the interpreter's last flush reports nothing."""
    null = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            os.dup2(null, stream.fileno())
