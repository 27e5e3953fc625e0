"""Response files: ``@file`` is replaced by the arguments in the file, with POSIX or Windows quoting."""

from __future__ import annotations

import os
import sys

from wasmlink_tool.files import read_input, reason

MAX_EXPANSIONS = 10_000
"""The maximum number of files that one command line may name: files that name each other twice would grow
exponentially."""

BLANKS = " \t\r\n"


class ResponseFileError(Exception):
    """A response file that exists cannot be used; the text is the diagnostic."""


def split_posix(text: str) -> list[str]:
    """Split as a POSIX shell would, with one difference: a backslash escapes inside single quotes too."""
    arguments: list[str] = []
    current: list[str] | None = None
    quote = ""
    characters = iter(text)
    for character in characters:
        if character == "\\":
            escaped = next(characters, None)
            current = [] if current is None else current
            current.append(character if escaped is None else escaped)
        elif quote:
            assert current is not None
            if character == quote:
                quote = ""
            else:
                current.append(character)
        elif character in "\"'":
            quote = character
            current = [] if current is None else current
        elif character in BLANKS:
            if current is not None:
                arguments.append("".join(current))
                current = None
        else:
            current = [] if current is None else current
            current.append(character)
    if current is not None:
        arguments.append("".join(current))
    return arguments


def split_windows(text: str) -> list[str]:
    """Split as the Windows C runtime does: backslashes are plain unless a double quote follows them."""
    arguments: list[str] = []
    current: list[str] | None = None
    quoted = False
    position = 0
    while position < len(text):
        character = text[position]
        if character == "\\":
            start = position
            while text[position : position + 1] == "\\":
                position += 1
            count = position - start
            current = [] if current is None else current
            if text[position : position + 1] == '"':
                current.append("\\" * (count // 2))
                if count % 2:
                    current.append('"')
                    position += 1
            else:
                current.append("\\" * count)
            continue
        position += 1
        if character == '"':
            current = [] if current is None else current
            if quoted and text[position : position + 1] == '"':
                current.append('"')
                position += 1
            else:
                quoted = not quoted
        elif character in BLANKS and not quoted:
            if current is not None:
                arguments.append("".join(current))
                current = None
        else:
            current = [] if current is None else current
            current.append(character)
    if current is not None:
        arguments.append("".join(current))
    return arguments


def expand(arguments: list[str], quoting: str) -> list[str]:
    """Replace every ``@file`` by the arguments in the file, recursively.

    Paths are relative to the working directory. An ``@file`` that does not exist is an ordinary argument. ``quoting``
    is ``posix``, ``windows`` or empty for the system's own. Raises :class:`ResponseFileError`.
    """
    if not quoting:
        quoting = "windows" if sys.platform == "win32" else "posix"
    split = split_windows if quoting == "windows" else split_posix
    expanded: list[str] = []
    # A stack of (remaining arguments, identity of their file), innermost file last.
    stack = [(iter(arguments), "")]
    expansions = 0
    # The identities of the files on the stack.
    open_files: set[str] = set()
    while stack:
        argument = next(stack[-1][0], None)
        if argument is None:
            open_files.discard(stack.pop()[1])
        elif argument[:1] != "@" or not os.path.lexists(argument[1:]):
            expanded.append(argument)
        else:
            path = argument[1:]
            identity = os.path.realpath(path)
            if identity in open_files:
                raise ResponseFileError(f"recursive expansion of: '{path}'")
            expansions += 1
            if expansions > MAX_EXPANSIONS:
                raise ResponseFileError(f"too many response files: more than {MAX_EXPANSIONS}, the last one {path}")
            open_files.add(identity)
            # An argument ends at a NUL byte, as on a real command line.
            stack.append((iter([part.partition("\0")[0] for part in split(_read(path))]), identity))
    return expanded


def _read(path: str) -> str:
    try:
        content, _ = read_input(path)
    except OSError as error:
        raise ResponseFileError(f"cannot open @{path}: {reason(error)}") from None
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", "replace")
    return content.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
