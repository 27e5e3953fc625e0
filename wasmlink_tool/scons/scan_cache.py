"""Results of earlier scans, kept beside SCons's signature file, so that a null build reads no object.

A result is valid as long as every file that was read for it has the content signature that it had then, and every
absent file is still absent. With the results is the linker's identity, which need not be computed again as long as the
linker's files have the same sizes and times. The file holds data only, with a checksum: one that is damaged, foreign or
another linker's is ignored. It is written when SCons ends, to a temporary file that is renamed.
"""

from __future__ import annotations

import atexit
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from hashlib import sha256
from typing import Any

import SCons.Action
import SCons.SConsign

from ..files import open_regular
from ..identity import identity_stamp, linker_identity, remember_identity
from ..inputs.cache_directory import SIZES, store_beside
from .settings import boolean

SUFFIX = ".wasmlink"
_MAGIC = b"wasmlink scans 3"
_LIMIT = 1000
"""The maximum number of results in the file; the oldest are dropped."""

_MOST_CHANGED = 20
"""The maximum number of changed objects to read one by one; with more, resolving again is as fast."""


@dataclass(frozen=True)
class Finding:
    """The result of a scan, with the content signatures of the files that it read."""

    files: dict[str, str | None]
    """Path to content signature; ``None``: the file did not exist."""
    direct: list[str]
    """Files that the link depends on."""
    indirect: list[str]
    """Files that the result depends on, and the link only through it: archives."""
    members: list[tuple[str, str, int, str]]
    """Archive, member, occurrence, digest: in link order."""
    interfaces: dict[str, str]
    """For each object, the digest of its interface: see :func:`~..inputs.symbol_interface.interface_digest`."""
    order: str


class ScanMemory:
    """The results of one build, by key."""

    def __init__(self, path: str | None) -> None:
        self._path = path
        self._findings = _load(path) if path is not None else {}
        self._new: dict[str, Finding] = {}

    def find(self, key: str, signature: Callable[[str], str | None]) -> Finding | None:
        """Return the result for ``key`` if it is still valid. ``signature`` returns a file's signature, or ``None`` if
        it does not exist."""
        known = self._findings.get(key)
        if known is None:
            return None
        changed = {path: now for path, was in known.files.items() if (now := signature(path)) != was}
        if not changed:
            return known
        if len(changed) > _MOST_CHANGED or not changed.keys() <= known.interfaces.keys():
            return None
        from ..inputs.symbol_interface import interface_of

        if any(interface_of(path) != known.interfaces[path] for path in changed):
            return None
        found = replace(known, files={**known.files, **changed})
        self.add(key, found)
        return found

    def add(self, key: str, finding: Finding) -> None:
        self._findings[key] = self._new[key] = finding

    def save(self) -> None:
        """Add new results to the file, beside those that other processes have written in the meantime."""
        if self._path is None or not self._new or not SCons.Action.execute_actions:
            return
        findings = _load(self._path)
        for key, finding in self._new.items():
            findings.pop(key, None)
            findings[key] = finding
        kept = {key: asdict(finding) for key, finding in list(findings.items())[-_LIMIT:]}
        stored = {"linker": linker_identity(), "stamp": identity_stamp(), "findings": kept}
        body = json.dumps(stored, separators=(",", ":")).encode()
        store_beside(self._path, [b"%s %s\n" % (_MAGIC, sha256(body).hexdigest().encode()), body])
        self._new.clear()


def _load(path: str) -> dict[str, Finding]:
    try:
        with open_regular(path) as file:
            header, _, body = file.read().partition(b"\n")
    except OSError:
        return {}
    if header != b"%s %s" % (_MAGIC, sha256(body).hexdigest().encode()):
        return {}
    try:
        stored = json.loads(body)
        if stored["stamp"] and stored["stamp"] == identity_stamp():
            remember_identity(str(stored["linker"]))
        if stored["linker"] != linker_identity():
            return {}
        return {key: _finding(entry) for key, entry in stored["findings"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return {}


def _finding(entry: dict[str, Any]) -> Finding:
    values = {field.name: entry[field.name] for field in fields(Finding)}
    values["members"] = [
        (str(archive), str(name), int(n), str(digest)) for archive, name, n, digest in entry["members"]
    ]
    if any("\0" in text for archive, name, _, _ in values["members"] for text in (archive, name)):
        raise ValueError("members")
    for name, kind in (("files", dict), ("interfaces", dict), ("direct", list), ("indirect", list), ("order", str)):
        if not isinstance(values[name], kind):
            raise TypeError(name)
    for name in ("files", "interfaces", "direct", "indirect"):
        if not all(isinstance(text, str) and "\0" not in text for text in values[name]):
            raise TypeError(name)
    return Finding(**values)


_memories: dict[str, ScanMemory] = {}


def _beside_signatures(env: Any) -> str:
    """Return the path of SCons's signature file, with our suffix."""
    name = SCons.SConsign.DB_Name or SCons.SConsign.current_sconsign_filename()
    return os.path.join(env.fs.Top.get_abspath(), f"{name}{SUFFIX}")


def memory_of(env: Any) -> ScanMemory:
    """Return the results of the build that ``env`` is in; with ``WASMCACHE=None``, of this process only."""
    path = _beside_signatures(env) if env.get("WASMCACHE", "") is not None else None
    memory = _memories.get(path or "")
    if memory is None:
        memory = _memories[path or ""] = ScanMemory(path)
        atexit.register(memory.save)
    return memory


def size_note(target: Any, env: Any) -> list[str]:
    """Return the linker's option to print a line when the size of a module changed, unless ``WASMSIZENOTE`` is
    false."""
    cache = parse_cache(env)
    if not cache or not boolean(env, "WASMSIZENOTE", True):
        return []
    name = sha256(target.get_abspath().encode("utf-8", "surrogateescape")).hexdigest()[:40]
    return [f"--size-note={cache[0].partition('=')[2]}{os.sep}{SIZES}{os.sep}{name}"]


def parse_cache(env: Any) -> list[str]:
    """Return the linker's options for its cache of parsed inputs, which all targets and variants share."""
    where = env.get("WASMCACHE", "")
    if where is None:
        return []
    directory = env.Dir(where).get_abspath() if where else f"{_beside_signatures(env)}.cache"
    size = env.get("WASMCACHESIZE")
    return [f"--cache-dir={directory}", *([f"--cache-size={size}"] if size else [])]
