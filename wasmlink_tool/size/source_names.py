"""The names of a link's files in reports."""

from __future__ import annotations

from ..linking.chunks import LinkedFile


def base_name(path: str) -> str:
    """Return the last component of a path of any operating system."""
    return path.replace("\\", "/").rsplit("/", 1)[-1]


def short_name(file: LinkedFile) -> str:
    """Return ``main.o``, ``libc.a(printf.o)``: a short name."""
    source = file.source
    if source is None or not source.archive:
        return base_name(file.name)
    return f"{base_name(source.archive)}({base_name(source.member)})"
