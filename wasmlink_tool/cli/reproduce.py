"""``--reproduce``: write a tar of a link's inputs and its command line, from which it can be repeated elsewhere."""

from __future__ import annotations

import os
import struct
from contextlib import suppress

from wasmlink_tool.cli.option_row import Option
from wasmlink_tool.cli.option_table import EITHER, SEPARATE, spellings
from wasmlink_tool.cli.parser import Argument, CommandLine
from wasmlink_tool.diagnostics import FatalError
from wasmlink_tool.files import StagedFile, is_replaced, open_unreplaced, reason, replacing, takes_name
from wasmlink_tool.opening import written_files
from wasmlink_tool.options import FIELDS, KEPT, READ, WRITTEN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from wasmlink_tool.options import LinkOptions

_PATHS = {field.options[0]: field.path for field in FIELDS if field.path and field.name != "inputs"}
"""Options whose value is a path. Outputs are written to the directory in which the link is repeated."""
_CACHE = {option for field in FIELDS if field.cache for option in field.options}

_BLOCK = 512
_END = bytes(2 * _BLOCK)
_HEADER = struct.Struct("100s 8s 16x 12s 12x 8s 1s 100x 6s 2s 80x 155s 12x")
"""For a member: its name, mode, size, checksum, type, magic number and version, and the prefix of the name. Owner,
group and time stay empty: the same inputs give the same archive."""


class Reproduction:
    """The archive while it is written. It gets its name when it is closed, also after a link that failed."""

    def __init__(self, path: str) -> None:
        """:raises OSError: the file cannot be written."""
        self._path = path
        self._top = os.path.splitext(os.path.basename(path))[0]
        self._added: set[str] = set()
        self._staged = StagedFile(path) if is_replaced(path) else None
        self._device = None if self._staged is not None else open_unreplaced(path)

    def close(self) -> None:
        """Give the archive its name: however the link ended, it contains what the link read.

        :raises FatalError: the file cannot be written.
        """
        try:
            self._write([_END])
            if self._staged is not None:
                self._staged.commit()
            elif self._device is not None:
                self._device.close()
        except OSError as error:
            raise self._failure(error) from None

    def add_text(self, name: str, text: str) -> None:
        """Add a file that the archive itself needs."""
        self._add(f"{self._top}/{name}", text.encode("utf-8", "surrogateescape"))

    def check_outputs(self, options: LinkOptions) -> None:
        """:raises FatalError: an output of the link has the archive's name."""
        for path, what in replacing(written_files(options)):
            if takes_name(self._path, path):
                self._refuse(f"the {what} file")

    def check_input(self, path: str) -> None:
        """:raises FatalError: an input of the link has the archive's name."""
        if self._staged is not None and takes_name(self._path, path):
            self._refuse(f"an input of the link: {path}")

    def _refuse(self, what: str) -> NoReturn:
        self._abandon()
        raise FatalError(f"--reproduce: {self._path} would replace {what}")

    def add_input(self, path: str, content: bytes) -> None:
        """Add a file that the link read, once."""
        self.check_input(path)
        self._add(f"{self._top}/{place(path)}", content)

    def _add(self, name: str, content: bytes) -> None:
        if name in self._added:
            return
        self._added.add(name)
        encoded = name.encode("utf-8", "surrogateescape")
        split = _split(encoded)
        chunks: list[bytes] = []
        if split is None:
            record = _extended(b"path", encoded)
            chunks += [_header(b"", b"", len(record), b"x"), _padded(record)]
            split = b"", b""
        try:
            self._write([*chunks, _header(*split, len(content), b""), _padded(content)])
        except OSError as error:
            raise self._failure(error) from None

    def _write(self, chunks: list[bytes]) -> None:
        if self._staged is not None:
            self._staged.write(chunks)
        elif self._device is not None:
            self._device.writelines(chunks)
            self._device.flush()

    def _failure(self, error: OSError) -> FatalError:
        self._abandon()
        return FatalError(f"--reproduce: failed to write {self._path}: {reason(error)}")

    def _abandon(self) -> None:
        if self._staged is not None:
            self._staged.discard()
        elif self._device is not None:
            # Flushing the buffer would fail as well.
            with suppress(OSError):
                self._device.close()
        self._staged = self._device = None


def place(path: str) -> str:
    """Return the path of a file in the archive: its absolute path, made relative."""
    drive, rest = os.path.splitdrive(os.path.abspath(path))
    relative = (drive.replace(":", "") + rest).replace(os.sep, "/")
    return relative.lstrip("/")


def _split(name: bytes) -> tuple[bytes, bytes] | None:
    """Return a path as (prefix, name), each within its limit; ``None`` if it is too long."""
    if len(name) < 100:
        return b"", name
    cut = name.rfind(b"/", 0, 155)
    if cut < 0 or len(name) - cut - 1 >= 100:
        return None
    return name[:cut], name[cut + 1 :]


def _extended(key: bytes, value: bytes) -> bytes:
    """Return a record of an extended header, which begins with its own length."""
    body = b" %b=%b\n" % (key, value)
    length = len(body)
    while length != len(body) + len(str(length)):
        length = len(body) + len(str(length))
    return b"%d%b" % (length, body)


def _header(prefix: bytes, name: bytes, size: int, kind: bytes) -> bytes:
    mode = b"" if kind == b"x" else b"0000664"

    def packed(checksum: bytes) -> bytes:
        return _HEADER.pack(name, mode, b"%011o" % size, checksum, kind, b"ustar", b"00", prefix)

    return packed(b"%06o\0 " % sum(packed(b" " * 8)))


def _padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % _BLOCK)


# The command line


def response_text(line: CommandLine) -> str:
    """Return the arguments as a response file for the directory in which the archive is unpacked."""
    kept = [argument for argument in line.arguments if argument.option is None or not _is_left_out(argument.option)]
    return "".join(f"{text}\n" for text in (*map(_argument, kept), *map(_quoted, line.unknown)))


def _is_left_out(option: Option) -> bool:
    """Return whether response.txt omits the option. wasm-ld, which may read the file, has no such caches."""
    return option.name == "reproduce" or (option.ours and option.name in _CACHE)


def _argument(argument: Argument) -> str:
    """Return an argument in its option's canonical form: a short name instead of a long one, and most values as
    separate arguments."""
    option, value = argument.option, argument.value
    if option is None:
        return _quoted(place(argument.text))
    name = option.name
    kinds = {text: kind for form in option.forms.split(" ") for text, kind, _ in spellings(form)}
    long = f"--{name}" if len(name) > 1 else f"-{name}"
    spelling = argument.spelling if argument.spelling.lstrip("-") == name else long
    if value is None:
        return spelling if spelling in kinds else f"{spelling}="
    if _PATHS.get(name) == READ:
        value = place(value)
    elif _PATHS.get(name) in (WRITTEN, KEPT):
        value = os.path.basename(value)
    separate = kinds.get(long) in (SEPARATE, EITHER)
    if separate == (argument.text != argument.spelling):
        # It was given the other way.
        spelling = long
    if separate:
        return f"{spelling} {_quoted(value)}"
    separator = "=" if f"{spelling}=" in kinds else ""
    return f"{spelling}{separator}{_quoted(value) if value else ''}"


def _quoted(text: str) -> str:
    """Return ``text`` quoted for a response file."""
    if not text:
        return '""'
    escaped = text.replace("\\", "\\\\").replace('"', '\\"') if os.name != "nt" else text.replace('"', '\\"')
    return f'"{escaped}"' if escaped != text or any(c in text for c in " \t\r\n'") or text[0] == "@" else text
