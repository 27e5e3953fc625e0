"""Files that need not be read again: an earlier link has their contents in the cache."""

from __future__ import annotations

import os

from ..diagnostics import FatalError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

OTHER: Final = 0
OBJECT: Final = 1
ARCHIVE: Final = 2
"""Kinds of inputs that need not be read again: an object that was linked, and an archive."""


class FileChangedError(FatalError):
    """A file changed during the link."""


class UnreadFile:
    """A file that is unchanged since an earlier link read it. Its bytes are read on demand."""

    __slots__ = ("_contents", "path", "status")

    def __init__(self, path: str, status: os.stat_result) -> None:
        self.path = path
        self.status = status
        """Its status at the start of this link."""
        self._contents: bytes | None = None

    @property
    def is_read(self) -> bool:
        return self._contents is not None

    def contents(self) -> bytes:
        """Return the file's bytes.

        :raises FileChangedError: it cannot be read, or has changed.
        """
        if self._contents is None:
            try:
                with open(self.path, "rb") as file:
                    status = os.fstat(file.fileno())
                    contents = file.read()
            except OSError as error:
                raise FileChangedError(f"cannot open {self.path}: {error.strerror or error}") from None
            if _identity(status) != _identity(self.status) or len(contents) != status.st_size:
                raise FileChangedError(f"{self.path}: the file changed during the link")
            self._contents = contents
        return self._contents


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


class KnownFile:
    """An input that is unchanged since an earlier link, with that link's knowledge of it."""

    __slots__ = ("file", "key", "kind", "members")

    def __init__(self, file: UnreadFile, key: str, *, kind: int, members: dict[int, str]) -> None:
        self.file = file
        self.key = key
        """The cache key of its contents."""
        self.kind = kind
        """:data:`OTHER`, :data:`OBJECT` or :data:`ARCHIVE`."""
        self.members = members
        """Maps the offsets of an archive's members to the keys of their cache entries."""
