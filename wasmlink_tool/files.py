"""Create, replace and remove files: the linker's only code for this.

- A file gets its name only when it is complete (:func:`replace_file`). On Linux it is unnamed until then, so that not
  even a killed process leaves anything behind; elsewhere it is a temporary file beside the target, with an
  unpredictable name that did not exist before (:mod:`.temporary_files`).
- Data is read back from a cache only if it is in a regular file, not behind a symbolic link (:func:`open_regular`), and
  in a checksummed *frame* (:func:`frame`, :func:`read_frame`).
- Errors of the operating system have one wording (:func:`reason`).
"""

from __future__ import annotations

import errno
import os
import stat

from . import host
from .temporary_files import create, discard, release, reserve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from io import BufferedReader, BufferedWriter
    from typing import Final

    Buffer = bytes | bytearray | memoryview

_SPARSE: Final = 1 << 20
_BLOCK: Final = 1 << 16
_ZEROS: Final = bytes(_BLOCK)
_LARGE: Final = 4 << 20
_STEP: Final = 1 << 18
_PIECE: Final = 1 << 16
_LINKS: Final = 40
"""The maximum number of symbolic links in a row, as in Linux."""
_STREAM: Final = 1 << 30
"""The maximum size in bytes of an input that is not a regular file."""
_STREAMED_TEXT: Final = 64 << 20
"""The same for lists of symbols and response files."""


def reason(error: BaseException) -> str:
    """Return the operating system's message without the number and the path that Python adds: "No space left on
    device"."""
    if not isinstance(error, OSError):
        return str(error)
    text = error.strerror or (os.strerror(error.errno) if error.errno else str(error))
    path = error.filename
    if isinstance(path, str) and host.is_too_long(path):
        length = len(os.path.abspath(path))
        text += (
            f" (the path has {length} characters; Windows opens at most {host.LONGEST_PATH}: enable long paths, or use "
            "a shorter directory)"
        )
    return text


def working_directory() -> str:
    """Return the working directory, or an empty string if it was deleted: absolute paths do not need it."""
    try:
        return os.getcwd()
    except OSError:
        return ""


# Writing


class StagedFile:
    """A file that replaces the file of its name in :meth:`commit`. Until then that file is unchanged.

    The target itself is replaced, with the user's permissions for a new file: a symbolic link is not followed.
    """

    def __init__(self, path: str, chunks: Iterable[Buffer] = (), *, mode: int = 0o666) -> None:
        """:raises OSError: it cannot be written."""
        if not path:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        self._path = path
        self._directory = os.path.dirname(path)
        self._temporary = ""
        descriptor = _open_unnamed(self._directory or ".", mode)
        if descriptor < 0:
            self._temporary, descriptor = create(path, lambda name: os.open(name, host.CREATE_FLAGS, mode))
        self._file = open(descriptor, "wb")  # noqa: SIM115 - it is open until the file has its name
        try:
            self.write(chunks)
        except BaseException:
            self.discard()
            raise

    def write(self, chunks: Iterable[Buffer]) -> None:
        """:raises OSError: it cannot be written."""
        _write(self._file, chunks)
        self._file.flush()

    def commit(self) -> None:
        """:raises OSError: the file cannot get its name; an existing file of that name is unchanged."""
        try:
            if self._temporary or not self._link(self._path):
                if not self._temporary:
                    self._temporary = reserve(self._path)
                    self._link(self._temporary)
                self._file.close()
                host.replace(self._temporary, self._path)
                release(self._temporary)
                self._temporary = ""
        finally:
            self.discard()

    def discard(self) -> None:
        """Remove the file if it was not committed."""
        try:  # noqa: SIM105  # A plain link imports no contextlib.
            # There may be no space for the rest.
            self._file.close()
        except OSError:
            pass
        if self._temporary:
            discard(self._temporary)
            self._temporary = ""

    def _link(self, path: str) -> bool:
        """Give the file a name, unless a file of that name exists."""
        descriptor = self._file.fileno()
        try:
            # With a descriptor, which an absolute path does not use, Python passes AT_SYMLINK_FOLLOW: the path is a
            # link.
            os.link(f"/proc/self/fd/{descriptor}", path, src_dir_fd=descriptor, follow_symlinks=True)
        except FileExistsError:
            return False
        return True


def _open_unnamed(directory: str, mode: int) -> int:
    """Open a file that has no name; return -1 if the system has no such files, or if they cannot get a name."""
    if not host.UNNAMED_FLAG or not os.path.exists("/proc/self/fd"):
        return -1
    try:
        return os.open(directory, host.UNNAMED_FLAG | os.O_WRONLY, mode)
    except OSError as error:
        if error.errno in (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT):
            # Not every file system supports it. Any other problem is found in the other way.
            return -1
        raise


def _write(file: BufferedWriter, chunks: Iterable[Buffer]) -> None:
    """Write chunks, and leave out the blocks of zeros in large ones: the system reads a hole as zeros."""
    ends_with_hole = False
    for chunk in chunks:
        if len(chunk) < _SPARSE:
            if len(chunk):
                file.write(chunk)
                ends_with_hole = False
            continue
        view = memoryview(chunk).cast("B")
        written = 0
        for start in range(0, len(view) - _BLOCK + 1, _BLOCK):
            # Most blocks differ from zeros in one of a few bytes.
            if view[start] or view[start + 1111] or view[start + 22222] or view[start + 44444]:
                continue
            if view[start : start + _BLOCK].tobytes() == _ZEROS:
                file.write(view[written:start])
                file.seek(_BLOCK, os.SEEK_CUR)
                written = start + _BLOCK
        file.write(view[written:])
        ends_with_hole = written == len(view)
    if ends_with_hole:
        file.truncate()


def replace_file(path: str, chunks: Iterable[Buffer], *, mode: int = 0o666) -> None:
    """Write a file that replaces the file of that name once it is complete.

    :raises OSError: it cannot be written; an existing file of that name is unchanged.
    """
    StagedFile(path, chunks, mode=mode).commit()


def write_file(path: str, chunks: Iterable[Buffer]) -> None:
    """Write an output of the user's: a device or a pipe directly, a file with :func:`replace_file`.

    :raises OSError: it cannot be written.
    """
    if is_replaced(path):
        replace_file(path, chunks)
    else:
        with open_unreplaced(path) as file:
            file.writelines(chunks)


def is_replaced(path: str) -> bool:
    """Return whether a path is a regular file or absent; anything else that can be written to is not replaced.

    Nor is the name of an open file (``/dev/stdout``), whatever that file is: a rename would replace the name in
    ``/dev`` and leave the file empty.
    """
    if _open_file(path) is not None:
        return False
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except FileNotFoundError:
        return True


def replacing(outputs: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield the outputs, each with its name in diagnostics, that are files which :func:`is_replaced` accepts."""
    return ((path, what) for path, what in outputs if path not in ("", "-") and is_replaced(path))


def open_unreplaced(path: str) -> BufferedWriter:
    """Open something that :func:`is_replaced` rejects for writing. An open file of this process is written where its
    last writer stopped: opening its name again would truncate it.

    :raises OSError: it cannot be opened.
    """
    descriptor = _open_file(path)
    return open(path if descriptor is None or descriptor < 0 else os.dup(descriptor), "wb")


def _open_file(path: str) -> int | None:
    """Return the descriptor that a path names: ``/dev/stdout``, ``/dev/fd/1``, ``/proc/self/fd/1`` or a link to one of
    them; -1 for other names in these directories, and ``None`` elsewhere."""
    if not (os.path.islink(path) or path.startswith(("/dev/", "/proc/"))):
        return None
    for _ in range(_LINKS):
        directory, name = os.path.split(path)
        directory = _real_path(directory or ".")
        if directory in ("/dev/fd", f"/proc/{os.getpid()}/fd") and name.isdecimal():
            return int(name)
        try:
            path = os.path.join(directory, os.readlink(path))
        except OSError:
            break
    return -1 if directory in ("/dev", "/dev/fd") or directory.startswith("/proc/") else None


def directory_entry(path: str) -> str:
    """Return the absolute path of a name in its directory: links to the directory are resolved, the name is not."""
    directory, name = os.path.split(path)
    return os.path.join(_real_path(directory or "."), name)


def takes_name(path: str, file: str) -> bool:
    """Return whether replacing ``path`` would replace a file, or the link by which it is named. Other hard links stay
    with the old contents."""
    return directory_entry(path) in (directory_entry(file), _real_path(file))


def _real_path(path: str) -> str:
    try:
        return os.path.realpath(path)
    except OSError:
        # It is relative, and the working directory was deleted.
        return path


def why_unwritable(path: str) -> str:
    """Return why a file cannot be written, without leaving a trace of the attempt; an empty string if no obstacle is
    known."""
    try:
        try:
            status = os.stat(path)
        except FileNotFoundError:
            status = None
        if status is not None and stat.S_ISDIR(status.st_mode):
            return os.strerror(errno.EISDIR)
        if not is_replaced(path):
            return "" if os.access(path, os.W_OK) else os.strerror(errno.EACCES if status else errno.ENOENT)
        # A file, or a link to nothing, is replaced: that needs nothing but write access to its directory.
        directory = os.path.dirname(path) or "."
        status = os.stat(directory)
        if not stat.S_ISDIR(status.st_mode):
            return os.strerror(errno.ENOTDIR)
        if not status.st_nlink:
            return "its directory was deleted"
        if not os.access(directory, os.W_OK | os.X_OK):
            return os.strerror(errno.EROFS if host.is_read_only(directory) else errno.EACCES)
    except (OSError, ValueError) as error:
        return reason(error)
    return ""


# Frames


def frame(magic: bytes, chunks: Sequence[Buffer]) -> list[Buffer]:
    """Return a cache file in pieces: the magic, then the size and the checksum of the rest."""
    from zlib import crc32

    checksum = size = 0
    for chunk in chunks:
        checksum = crc32(chunk, checksum)
        size += len(chunk)
    return [b"%b%b%b" % (magic, size.to_bytes(8, "little"), checksum.to_bytes(4, "little")), *chunks]


def open_regular(path: str) -> BufferedReader:
    """Open a regular file for reading, and nothing else: symbolic links are not followed, and pipes are not waited for.

    :raises OSError: it cannot be opened, or is something else.
    """
    file = open(os.open(path, host.READ_FLAGS | host.NO_FOLLOW), "rb")  # noqa: SIM115 - it is the caller's
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "Not a regular file", path)
    return file


def read_regular(path: str) -> tuple[bytes, os.stat_result]:
    """Return the contents of a regular file, and its status; links are followed. A pipe is not opened, which would take
    its contents from the link that follows.

    :raises OSError: it cannot be read, or is something else.
    """
    if stat.S_ISREG(os.stat(path).st_mode):
        with open(os.open(path, host.READ_FLAGS), "rb") as file:
            status = os.fstat(file.fileno())
            if stat.S_ISREG(status.st_mode):
                return file.read(), status
    raise OSError(errno.EINVAL, "not a regular file", path)


def read_input(path: str, is_known: Callable[[bytes], bool] | None = None) -> tuple[bytes, os.stat_result]:
    """Return the contents of a file that the user named, and its status.

    A pipe or a device (``/dev/stdin``, a shell's process substitution) is read to its end like any file, but it may
    have no end. Only its first bytes are read if ``is_known`` rejects them, and never more than :data:`_STREAM`, or
    :data:`_STREAMED_TEXT` without ``is_known``.

    :raises OSError: it cannot be read, or does not end.
    """
    with open(path, "rb") as file:
        status = os.fstat(file.fileno())
        if stat.S_ISREG(status.st_mode):
            return file.read(), status
        most = _STREAM if is_known is not None else _STREAMED_TEXT
        pieces = []
        size = 0
        while piece := file.read(_PIECE):
            pieces.append(piece)
            size += len(piece)
            if is_known is not None and len(pieces) == 1 and not is_known(piece):
                break
            if size > most:
                raise OSError(errno.EFBIG, f"not a regular file, and more than {most >> 20} MiB long", path)
        return b"".join(pieces), status


def read_frame(path: str, magic: bytes) -> memoryview | None:
    """Return the contents of a frame that :func:`frame` made, in writable memory; ``None`` if it is damaged or absent.
    No more is allocated than the size of the file."""
    from zlib import crc32

    try:
        with open_regular(path) as file:
            head = file.read(len(magic) + 12)
            size = int.from_bytes(head[len(magic) : len(magic) + 8], "little")
            if not head.startswith(magic) or size != os.fstat(file.fileno()).st_size - len(magic) - 12:
                return None
            room = room_for(size)
            seen = 0
            for start in range(0, size, _STEP):
                # The checksum is computed while the piece is in the processor's cache.
                piece = room[start : start + _STEP]
                if file.readinto(piece) != len(piece):
                    return None
                seen = crc32(piece, seen)
            return room if seen == int.from_bytes(head[-4:], "little") else None
    except (OSError, ValueError):
        return None


def room_for(size: int) -> memoryview:
    """Return memory of this size in bytes. Touching new memory page by page takes longer than reading it from a file,
    so large pages are requested where the system has them."""
    if size >= _LARGE:
        room = host.large_memory(size)
        if room is not None:
            return room
    return memoryview(bytearray(size))
