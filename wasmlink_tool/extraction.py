"""Compute the inputs that take part in a link, from their symbol tables alone.

A build tool needs this before it links: a link depends on the archive members that it would extract, and on nothing
else in the archives. The link's own pass resolves the symbols; only less of each object is read.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256

from .binary.reader import FormatError
from .diagnostics import Diagnostics
from .inputs import archive
from .inputs.input_files import InputFiles, ObjectSource
from .inputs.symbol_interface import SymbolSource, interface_digest
from .link_scope import LinkScope
from .linking.chunks import ObjectInput
from .linking.resolve import resolve
from .linking.symbols import LAZY, Symbol
from .opening import checked, open_inputs
from .options import Input, LinkOptions


@dataclass(frozen=True, slots=True)
class LinkedMember:
    """An archive member that is linked."""

    archive: str
    """The path by which the archive was read."""
    name: str
    """The name without directories, which some archivers store."""
    occurrence: int
    """The number of earlier members of the same name in the archive."""
    digest: str
    """A digest of its name and contents; see :func:`member_digest`."""


@dataclass(frozen=True, slots=True)
class Extraction:
    """The files that a link would read, and the members that it would link."""

    files: tuple[str, ...]
    """Every file that was read, in order, each once."""
    absent: tuple[str, ...]
    """Files that do not exist, and that would have been read instead or as well."""
    archives: tuple[str, ...]
    """The archives among ``files``."""
    members: tuple[LinkedMember, ...]
    """Members extracted from ordinary archives, in link order."""
    thin_members: tuple[str, ...]
    """Members extracted from thin archives, in link order; each is a separate file."""
    unlinked: tuple[str, ...]
    """Members of thin archives among ``files`` that are not extracted."""
    interfaces: dict[str, str]
    """For each object that is linked whole, the digest of its interface. An object may change as long as its digest
    does not: the rest of the result stays valid."""
    order: str
    """A digest of everything else that archives decide: their position among the objects, and the order and state of
    the used symbols that some archive member would have defined."""


def extract(options: LinkOptions) -> Extraction:
    """Resolve as :func:`wasmlink_tool.link` would, and write nothing.

    :raises LinkError: the link would fail before its extracted members are known.
    """
    diagnostics = Diagnostics(noinhibit_exec=options.noinhibit_exec)
    with LinkScope(diagnostics, str(options.output or "a.out")):
        return _extract(options, diagnostics)


def member_digest(path: str, name: str, occurrence: int) -> str:
    """Return the digest of an archive member; an empty string if the archive or the member does not exist."""
    try:
        with open(path, "rb") as file:
            data = file.read()
        for member in archive.members(data, path):
            if os.path.basename(member.name) == name:
                if not occurrence:
                    return _digest(path, name, data[member.start : member.end])
                occurrence -= 1
    except (OSError, FormatError):
        pass
    return ""


def _digest(path: str, name: str, contents: bytes) -> str:
    # Maps and diagnostics show the name; the archive's directory differs from one checkout to the next.
    shown = f"{os.path.basename(path)}({name})\0".encode("utf-8", "surrogateescape")
    return sha256(shown + contents).hexdigest()[:32]


def _extract(options: LinkOptions, diagnostics: Diagnostics) -> Extraction:
    options = checked(options)
    files, opened = open_inputs(options, diagnostics)
    inputs = tuple(item for item in options.inputs if isinstance(item, Input))
    # Of bitcode, only the symbol table is read in any case.
    read = [
        SymbolSource(source) if isinstance(source, ObjectSource) and not source.is_bitcode else source
        for source in opened
    ]
    sources = [source for source in read if isinstance(source, ObjectSource)]
    resolution = resolve(options, files, read, diagnostics)
    diagnostics.check()

    linked = [file.input for file in resolution.objects if file.input.archive]
    if resolution.bitcode:
        # Which functions generated code calls is known only after code generation: any member may define them.
        linked = [source for source in sources if source.archive]
    occurrences = _occurrences(sources)
    members: list[LinkedMember] = []
    thin_members: list[str] = []
    for source in linked:
        if _is_thin(source):
            thin_members.append(_path_of_thin_member(source))
        else:
            name = os.path.basename(source.member)
            digest = _digest(source.archive, name, source.data[source.start : source.end])
            members.append(LinkedMember(source.archive, name, occurrences[id(source)], digest))
    in_thin = {_path_of_thin_member(source) for source in sources if source.archive and _is_thin(source)}
    archives = tuple(dict.fromkeys(source.archive for source in sources if source.archive))
    return Extraction(
        files=tuple(files.read),
        absent=tuple(_absent(files, inputs, archives)),
        archives=archives,
        members=tuple(members),
        thin_members=tuple(thin_members),
        unlinked=tuple(path for path in files.read if path in in_thin and path not in thin_members),
        # Where declarations disagreed, resolution inspected code too.
        interfaces={}
        if resolution.table.has_read_code or resolution.bitcode
        else dict(_interfaces(resolution.objects)),
        order=_order(sources, linked, resolution.symbols.values()),
    )


def _interfaces(objects: Iterable[ObjectInput]) -> Iterator[tuple[str, str]]:
    for file in objects:
        if not file.input.archive:
            yield file.input.member, interface_digest(file.object)


def _occurrences(sources: Iterable[ObjectSource]) -> dict[int, int]:
    """For each member, count the earlier members of the same name in its archive."""
    counts: dict[tuple[str, str], int] = {}
    found: dict[int, int] = {}
    for source in sources:
        if source.archive:
            name = (source.archive, os.path.basename(source.member))
            found[id(source)] = counts.get(name, 0)
            counts[name] = found[id(source)] + 1
    return found


def _is_thin(source: ObjectSource) -> bool:
    # The members of an ordinary archive share its bytes.
    return not archive.is_archive(source.data)


def _path_of_thin_member(source: ObjectSource) -> str:
    return os.path.join(os.path.dirname(source.archive), source.member)


def _absent(files: InputFiles, inputs: Iterable[Input], archives: Iterable[str]) -> Iterator[str]:
    """Return the files that the searches for libraries and ``.imports`` lists did not find."""
    for item in inputs:
        if item.library:
            name = item.path[1:] if item.path.startswith(":") else f"lib{item.path}.a"
            for directory in files.library_paths:
                path = os.path.join(directory, name)
                if os.path.exists(path):
                    break
                yield path
    for path in archives:
        imports = os.path.splitext(path)[0] + ".imports"
        if imports not in files.read:
            yield imports


def _order(sources: Iterable[ObjectSource], linked: Iterable[ObjectSource], symbols: Iterable[Symbol]) -> str:
    relevant = list[str]()
    # Symbols are in the order in which they were first seen, even if that was in a member that is not linked.
    contributing = {source.archive for source in linked}
    objects_between = False
    for symbol in symbols:
        if not symbol.used and symbol.state == LAZY:
            continue
        if symbol.source is None:
            objects_between = True
            continue
        if symbol.source.archive:
            contributing.add(symbol.source.archive)
        relevant.append(f"{'-' if objects_between else ''}{symbol.state} {symbol.name!r}")
        objects_between = False
    inputs = list[str]()
    last = ""
    for source in sources:
        if not source.archive:
            inputs.append("object")
        elif source.archive != last and source.archive in contributing:
            inputs.append("archive")
        last = source.archive
    return sha256("\n".join([*inputs, "", *relevant]).encode()).hexdigest()[:32]
