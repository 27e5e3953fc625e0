"""Files that need not be read again: an earlier link knows what is in them."""

from __future__ import annotations

import os

from ..diagnostics import FatalError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

OTHER: Final = 0
OBJECT: Final = 1
ARCHIVE: Final = 2
"""Kinds of inputs, as far as they need not be read again: an object that was linked, and an archive."""


class FileChangedError(FatalError):
    """A file is not the one that it was when the link began."""


class UnreadFile:
    """A file that is the one that an earlier link read. Its bytes are read when something asks for them."""

    __slots__ = ("_contents", "path", "status")

    def __init__(self, path: str, status: os.stat_result) -> None:
        self.path = path
        self.status = status
        """Its result of stat() at the start of this link."""
        self._contents: bytes | None = None

    @property
    def is_read(self) -> bool:
        return self._contents is not None

    def contents(self) -> bytes:
        """Return the file's bytes.

        :raises FileChangedError: it cannot be read, or is another file by now.
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
    """An input that is what an earlier link read, with what that link knows of it."""

    __slots__ = ("file", "key", "kind", "members")

    def __init__(self, file: UnreadFile, key: str, *, kind: int, members: dict[int, str]) -> None:
        self.file = file
        self.key = key
        """The name in the cache of what was made of its bytes."""
        self.kind = kind
        """:data:`OTHER`, :data:`OBJECT` or :data:`ARCHIVE`."""
        self.members = members
        """Offsets of an archive's members, to the keys of their cache entries."""
