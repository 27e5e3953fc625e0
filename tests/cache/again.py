"""Links of a project that changes: each with the cache and without, which must say and write the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.support.archives import archive_of
from tests.support.wasi_objects import compile_all
from wasmlink_tool.diagnostics import LinkError
from wasmlink_tool.linker import link
from wasmlink_tool.options import Input, LinkOptions


def compiled(work: Path, sources: Mapping[str, str | bytes], *, flags: Iterable[str] = ()) -> list[str]:
    """The paths of the objects of C and C++ sources, by file name; bytes are objects already."""
    pairs = []
    for name, contents in sources.items():
        target = work / (name + ".o")
        if isinstance(contents, bytes):
            target.write_bytes(contents)
        else:
            (work / name).write_text(contents)
            target.unlink(missing_ok=True)
            pairs.append((work / name, target))
    compile_all(pairs, optimize="-O1", flags=flags)
    return [str(work / (name + ".o")) for name in sources]


def linked(work: Path, inputs: Iterable[str | Input], **options: Any) -> bytes | str:
    """The module of a link with the cache as the last link left it, or what is wrong: what a clean link gives."""
    found: list[bytes | str] = []
    read: set[tuple[str, ...]] = set()
    for directory in (str(work / "cache"), None):
        chosen = LinkOptions(inputs=list(inputs), output=None, cache_directory=directory, **options)
        try:
            result = link(chosen)
            found.append("".join(map(str, result.diagnostics)) or result.module)
            read.add(result.files_read)
        except LinkError as error:
            found.append(str(error))
    assert found[0] == found[1]
    assert len(read) <= 1
    return found[1]


def write_archive(path: Path, *members: Path) -> None:
    """An archive without an index, as the linker ignores it."""
    path.write_bytes(archive_of([(member.name, member.read_bytes()) for member in members]))


def thin_archive(path: Path, member: Path) -> None:
    """An archive of one member, which stays where it is."""
    names = f"{member.name}/\n"
    header = f"{'//':<48}{len(names):<10}`\n{names}" + "\n" * (len(names) % 2)
    entry = f"{'/0':<16}{0:<12}{0:<6}{0:<6}{644:<8}{member.stat().st_size:<10}`\n"
    path.write_text(f"!<thin>\n{header}{entry}")
