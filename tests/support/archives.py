"""Archives as bytes, without an index, which no linker of ours asks for."""

from __future__ import annotations

from collections.abc import Sequence

HEADER = b"!<arch>\n"
THIN = b"!<thin>\n"


def member(name: str, content: bytes, size: str | None = None, end: bytes = b"`\n") -> bytes:
    """An archive member with its header; ``size`` overrides what the header says."""
    header = f"{name:<16}{0:<12}{0:<6}{0:<6}{644:<8}{len(content) if size is None else size:<10}".encode() + end
    return header + content + b"\n" * (len(content) % 2)


def archive_of(members: Sequence[tuple[str, bytes]]) -> bytes:
    """An archive of members, each a name and contents."""
    return HEADER + b"".join(member(f"{name}/", contents) for name, contents in members)
