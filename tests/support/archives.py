"""Archives as bytes, without an index, which no linker of ours asks for."""

from __future__ import annotations

from collections.abc import Sequence


def archive_of(members: Sequence[tuple[str, bytes]]) -> bytes:
    """An archive of members, each a name and contents."""
    out = [b"!<arch>\n"]
    for name, contents in members:
        out.append(f"{name + '/':<16}{0:<12}{0:<6}{0:<6}{644:<8}{len(contents):<10}`\n".encode())
        out.append(contents + b"\n" * (len(contents) & 1))
    return b"".join(out)
