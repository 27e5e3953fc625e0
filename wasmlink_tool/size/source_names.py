"""How reports call the files of a link."""

from __future__ import annotations

from ..linking.chunks import LinkedFile


def base_name(path: str) -> str:
    """The last component of a path, whichever system wrote it."""
    return path.replace("\\", "/").rsplit("/", 1)[-1]


def short_name(file: LinkedFile) -> str:
    """``main.o``, ``libc.a(printf.o)``: as short as it can be recognised."""
    source = file.source
    if source is None or not source.archive:
        return base_name(file.name)
    return f"{base_name(source.archive)}({base_name(source.member)})"
