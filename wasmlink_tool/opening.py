"""The first steps of every use of the options: check their values, open the inputs."""

from __future__ import annotations

import os

from .diagnostics import Diagnostics, FatalError, Severity
from .inputs.input_files import InputFiles, ObjectSource
from .inputs.known_files import KnownFile
from .inputs.shared_library import SharedLibrary
from .options import FIELDS, WRITTEN, Input, LinkOptions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, Final


def checked(options: LinkOptions) -> LinkOptions:
    """Return the options with paths as strings, after checking that each value is valid. A cache is named by the
    directory that has its files; an unusable one becomes ``None``.

    :raises FatalError: a value is invalid.
    """
    given: dict[str, Any] = vars(options)
    for field in FIELDS:
        if field.is_list and isinstance(given[field.name], (str, bytes)):
            raise FatalError(f"{field.name} must be a list, not a single string")
    for name, value in given.items():
        if isinstance(value, int) and not isinstance(value, bool) and value < 0:
            raise FatalError(f"{name} must not be negative: {value}")
    if not options.inputs:
        raise FatalError("no input files")
    changes: dict[str, Any] = {}
    for field in FIELDS:
        value = given[field.name]
        if field.path and value is not None:
            # An input with its positional options is not a plain path.
            changes[field.name] = (
                [item if isinstance(item, Input) else os.fspath(item) for item in value]
                if field.is_list
                else os.fspath(value)
            )
    for name in ("cache_directory", "lto_cache_directory"):
        if changes.get(name) is not None:
            from .inputs.cache_directory import cache_root

            changes[name] = cache_root(changes[name], shared=options.shared_cache)
    changes["inputs"] = [item if isinstance(item, Input) else Input(item) for item in changes["inputs"]]
    return LinkOptions(**{**given, **changes})


def open_inputs(
    options: LinkOptions, diagnostics: Diagnostics, known: Mapping[str, KnownFile] | None = None
) -> tuple[InputFiles, Sequence[ObjectSource | SharedLibrary]]:
    """Read the inputs of checked options. Report unreadable inputs, then the errors about combinations of options.

    :param known: files that need not be read, by path.
    :raises LinkError: an input cannot be read, or the options are refused.
    """
    cache = None
    if options.cache_directory is not None:
        from .inputs.parse_cache import cache_at

        cache = cache_at(options.cache_directory, options.cache_limit)

    def add_symbol_table(name: str, bitcode: bytes) -> bytes:
        from .lto.bitcode_symbols import with_symbol_table

        return with_symbol_table(options.lto_compiler, name, bitcode)

    files = InputFiles(diagnostics, tuple(options.library_paths), cache, options.on_read, add_symbol_table, known)
    sources = list(files.sources([item for item in options.inputs if isinstance(item, Input)]))
    diagnostics.check()
    if not sources and not files.stubs:
        # An archive may be empty.
        raise FatalError("no input files")
    for remark in options.remarks:
        (diagnostics.error if remark.severity is Severity.ERROR else diagnostics.warn)(remark.text, remark.hints)
    diagnostics.check()
    for path in options.allow_undefined_files:
        files.read_undefined_list(path)
    diagnostics.check()
    return files, sources


_FILES: Final = {
    "output": "output",
    "map_file": "map",
    "dependency_file": "dependency",
    "size_reports": "size report",
    "time_report": "time report",
}
"""The names of written files in diagnostics, by field; other files have the name of their option."""


def written_files(options: LinkOptions) -> list[tuple[str, str]]:
    """Return the files that a link writes, each with its name in diagnostics."""
    found = []
    for field in FIELDS:
        if field.path == WRITTEN:
            value = getattr(options, field.name)
            name = _FILES.get(field.name, f"--{field.options[0]}=")
            found += [(path, name) for path in (value if field.is_list else (value,)) if path is not None]
    return found


def unreadable_inputs(options: LinkOptions) -> Diagnostics:
    """Return the errors about the inputs of options that are invalid themselves."""
    diagnostics = Diagnostics(fatal_warnings=options.fatal_warnings, verbose=options.verbose)
    files = InputFiles(diagnostics, tuple(options.library_paths), on_read=options.on_read)
    for _ in files.sources([item for item in options.inputs if isinstance(item, Input)]):
        pass
    return diagnostics
