"""The identity of this linker, on which results and saved states depend besides inputs and options.

A checkout under development changes without a new version, so the source files count.
"""

from __future__ import annotations

import os

from .version import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_NO_PART_IN_A_LINK = ("scons", "site_tools", "__pycache__")
"""Left out for build signatures: the options that SCons variables become are in the signature themselves."""
_NO_PART_IN_A_STATE = (*_NO_PART_IN_A_LINK, "cli", "component", "lto", "toolchain")
"""Left out for states: a state's key has the options, and a link with bitcode saves no state."""
_COMPILED = (".so", ".pyd")

_known: list[str] = []


def linker_identity() -> str:
    """Return the version and a digest of the linker's source, for signatures: the same for every Python version and
    directory. Computed once a process."""
    if not _known:
        import hashlib  # Only build tools need it.

        digest = hashlib.sha256()
        for name, entry in sorted(_sources(_NO_PART_IN_A_LINK), key=lambda pair: pair[0].split("/")):
            if name.endswith(".py"):
                with open(entry.path, "rb", buffering=0) as file:
                    source = file.read()
                digest.update(f"{name}\0{len(source)}\0".encode())
                digest.update(source)
        _known.append(f"wasmlink {__version__} {digest.hexdigest()[:32]}")
    return _known[0]


def linker_stamp() -> list[tuple[str, int, int]] | str:
    """Return the name, size and time of each of the linker's files, for a state that stays on this machine. Looking at
    the files takes a third of the time of reading them."""
    try:
        return _stamp(_NO_PART_IN_A_STATE)
    except OSError:
        return __version__


def identity_stamp() -> str:
    """Return a digest of names, sizes and times of the files that :func:`linker_identity` reads, which takes a quarter
    of its time; empty if they cannot be looked at."""
    import hashlib

    try:
        return hashlib.sha256(repr((os.path.dirname(__file__), _stamp(_NO_PART_IN_A_LINK))).encode()).hexdigest()
    except OSError:
        return ""


def remember_identity(identity: str) -> None:
    """Let :func:`linker_identity` return what it was when the files had the same :func:`identity_stamp`."""
    if not _known:
        _known.append(identity)


def _stamp(left_out: tuple[str, ...]) -> list[tuple[str, int, int]]:
    return sorted(
        (name, status.st_size, status.st_mtime_ns) for name, entry in _sources(left_out) for status in (entry.stat(),)
    )


def _sources(left_out: tuple[str, ...]) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield each source file and compiled module, by its path in the package. A folder counts unless it is left out."""
    root = os.path.dirname(os.path.abspath(__file__))
    pending = [""]
    while pending:
        folder = pending.pop()
        with os.scandir(root + "/" + folder) as entries:
            for entry in entries:
                if entry.name.endswith((".py", *_COMPILED)):
                    yield folder + entry.name, entry
                elif entry.name not in left_out and "." not in entry.name and entry.is_dir():
                    pending.append(f"{folder}{entry.name}/")
