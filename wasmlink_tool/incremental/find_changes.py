"""Find the linked objects that changed since a state was saved, alone or in archives."""

from __future__ import annotations

import os
from collections.abc import Iterator

from ..diagnostics import Diagnostics
from ..files import read_regular
from ..inputs import archive
from ..inputs.input_files import InputFiles, ObjectSource
from ..inputs.known_files import KnownFile, UnreadFile
from ..inputs.object_file import is_wasm
from ..inputs.parse_cache import ParseCache, content_key
from ..options import Input, LinkOptions
from .match_objects import Unusable
from .stamps import unchanged_status
from .state import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

FEW_CHANGED: Final = 8
"""The number of changed objects that costs so little that every next link may start from the same state."""
MOST_CHANGED: Final = 4
"""The last link's module is patched only if at most one in this many objects changed."""


class Files:
    """The files of the last link in their present state."""

    def __init__(self, state: State) -> None:
        """Check each file, and read those that may have changed."""
        self.known: dict[str, KnownFile] = {}
        """Files with unchanged contents."""
        self.changed: dict[str, bytes] = {}
        """The contents of the others."""
        self.unreadable = False
        members: dict[str, dict[int, str]] = {}
        for linked in state.files:
            members.setdefault(linked.path, {})[linked.start] = linked.key
        for path, stamp, key, kind in state.read:
            status = unchanged_status(path, stamp)
            if status is None:
                try:
                    data, status = read_regular(path)
                except (OSError, ValueError):
                    self.unreadable = True
                    continue
                if content_key(data) != key:
                    self.changed[path] = data
                    continue
            self.known[path] = KnownFile(UnreadFile(path, status), key, kind=kind, members=members.get(path, {}))


def changed_objects(options: LinkOptions, state: State, files: Files, cache: ParseCache) -> dict[int, ObjectSource]:
    """Return the changed objects, keyed by link order.

    :raises Unusable: something else changed, or too many objects.
    """
    if state.given != given_inputs(options) or _input_paths(options) != state.inputs:
        raise Unusable("the list of input files differs")
    if files.unreadable:
        raise Unusable("a file cannot be read")
    known = {path for path, _, _, _ in state.read}
    linked: dict[str, dict[int, list[int]]] = {}
    for ordinal, of in enumerate(state.files):
        linked.setdefault(of.path, {}).setdefault(of.start, []).append(ordinal)
    changed: dict[int, ObjectSource] = {}
    for path, _, key, _ in state.read:
        ordinals = linked.get(path, {})
        data = files.changed.get(path)
        if data is not None:
            if archive.is_archive(data):
                changed.update(_changed_members(data, path, key, ordinals, state, cache))
            elif list(ordinals) == [0] and is_wasm(data):
                changed.update((ordinal, ObjectSource(data, 0, len(data), path)) for ordinal in ordinals[0])
            else:
                raise Unusable("a file changed that is not an object in the output")
            if len(changed) > max(FEW_CHANGED, len(state.files) // MOST_CHANGED):
                raise Unusable("too many objects changed")
        # There may be a list of symbols beside an archive that may stay undefined.
        imports = os.path.splitext(path)[0] + ".imports"
        if 0 not in ordinals and (imports in known) != os.path.exists(imports):
            raise Unusable("a list of undefined symbols was added or removed")
    return changed


def given_inputs(options: LinkOptions) -> str:
    """Return the inputs as given, each with the positional options in force there."""
    return repr([item if isinstance(item, str) else vars(item) for item in options.inputs])


def _input_paths(options: LinkOptions) -> list[str | None]:
    files = InputFiles(Diagnostics(), tuple(options.library_paths))
    paths: list[str | None] = []
    for item in options.inputs:
        assert isinstance(item, Input)
        paths.append(files.find_library(item.path, dynamic=item.shared) if item.library else item.path)
    return paths


def _changed_members(
    data: bytes, path: str, key: str, linked: dict[int, list[int]], state: State, cache: ParseCache
) -> Iterator[tuple[int, ObjectSource]]:
    """Return the changed members that are linked; the definitions of the others must be the same, since they decide
    which members are linked.

    :param key: of the archive's last version.
    :param linked: maps the offsets of linked members to their position in the output.
    """
    before = cache.find_index(key)
    members = list(archive.members(data, path))
    if before is None or data.startswith(archive.THIN_MAGIC):
        raise Unusable("an archive changed whose last version is not in the cache")
    if [member.name for member in members] != [name for name, _, _, _ in before]:
        raise Unusable("an archive has other members")
    for member, (name, start, _, symbols) in zip(members, before):
        ordinals = linked.get(start, [])
        if ordinals:
            if content_key(memoryview(data)[member.start : member.end]) != state.files[ordinals[0]].key:
                for ordinal in ordinals:
                    yield ordinal, ObjectSource(data, member.start, member.end, name, archive_path=path)
        elif (
            symbols is None
            or not is_wasm(data, member.start)
            or archive.defined_symbols(data, member.start, member.end) != symbols
        ):
            raise Unusable("a member of an archive that is not linked has other definitions")
