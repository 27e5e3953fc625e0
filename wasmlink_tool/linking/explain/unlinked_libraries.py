"""Libraries that a link could have used: archives on the library path that are not inputs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from ...binary.reader import FormatError
from ...inputs import archive
from ...inputs.object_file import is_wasm

_BYTES: Final = 256 << 20
"""The maximum number of bytes to read: a library path may contain the host system's archives."""


class Library(NamedTuple):
    name: str
    """The name to pass to ``-l``."""
    path: str


def unlinked_definitions(library_paths: Iterable[str], linked: Iterable[str]) -> dict[bytes, Library]:
    """Return the first library on the path that defines each symbol and is not one of ``linked``, which are paths.

    Every archive is read once; archives that are damaged, unreadable or for another machine define nothing.
    """
    given = {os.path.realpath(path) for path in linked}
    found: dict[bytes, Library] = {}
    budget = _BYTES
    for library in _libraries(library_paths):
        if os.path.realpath(library.path) in given:
            continue
        data = _read(library.path, budget)
        budget -= len(data)
        if not archive.is_archive(data):
            continue
        try:
            for member in archive.members(data, library.path):
                contents, start, end = data, member.start, member.end
                if member.path is not None:
                    contents = _read(member.path, budget)
                    budget -= len(contents)
                    start, end = 0, len(contents)
                if is_wasm(contents, start):
                    for name in archive.defined_symbols(contents, start, end):
                        found.setdefault(name, library)
        except FormatError:
            continue
    return found


def _libraries(library_paths: Iterable[str]) -> Iterator[Library]:
    """Return ``lib*.a`` in the order of the path: a directory hides the same names in later ones. Within one, short
    names come first: ``libc.a`` before variants of its parts."""
    seen = set()
    for directory in library_paths:
        try:
            files = sorted(os.listdir(directory), key=lambda file: (len(file), file))
        except (OSError, ValueError):
            continue
        for file in files:
            if file.startswith("lib") and file.endswith(".a") and len(file) > len("lib.a") and file not in seen:
                seen.add(file)
                yield Library(file[len("lib") : -len(".a")], os.path.join(directory, file))


def _read(path: str, limit: int) -> bytes:
    """Read a regular file of at most ``limit`` bytes; return nothing for any other."""
    try:
        if os.path.isfile(path) and os.path.getsize(path) <= limit:
            with open(path, "rb") as file:
                return file.read()
    except (OSError, ValueError):
        pass
    return b""
