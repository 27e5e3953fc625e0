"""The compilers' answers, kept between runs as long as the compiler's file is unchanged.

The file holds data only, as JSON. A file that is damaged, or that another version of this package wrote, is ignored and
replaced: a new version may interpret answers differently. If the file cannot be written, the next run only has to ask
again.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import stat
import threading
from collections.abc import Sequence
from typing import Any

from ..files import open_regular, replace_file

FILE_NAME = ".wasmlink-toolchains.json"


class Answers:
    """Answers by question. A question is a command; its first word is the program that is asked. Other words that are
    files (the compiler that ``ccache`` runs) count as well."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._path: str | None = None
        self._writable = False
        self._entries: dict[str, dict[str, Any]] = {}

    def keep_in(self, path: str, *, writable: bool) -> None:
        """Use this file from now on; without ``writable``, only read it."""
        with self._lock:
            self._writable = writable
            if path != self._path:
                self._path = path
                self._entries = {**_read(path), **self._entries}

    def recall(self, question: Sequence[str]) -> Any:
        """Return the earlier answer of the same program; ``None`` if there is none."""
        with self._lock:
            entry = self._entries.get(json.dumps(question))
            if entry is None or entry.get("stamp") != _stamp(question):
                return None
            return entry.get("answer")

    def store(self, question: Sequence[str], answer: Any) -> None:
        """Keep an answer: a JSON value."""
        stamp = _stamp(question)
        if stamp is None:
            return
        with self._lock:
            self._entries[json.dumps(question)] = {"stamp": stamp, "answer": answer}
            if self._path is not None and self._writable:
                # Another process may have added other answers in the meantime.
                self._entries = {**_read(self._path), **self._entries}
                _write(self._path, self._entries)


answers = Answers()
"""The answers of this process."""


def _stamp(question: Sequence[str]) -> list[Any] | None:
    """Return the identities of a question's files: path, size and change time, with symbolic links resolved; ``None``
    if there is no program."""
    stamps: list[Any] = []
    for number, word in enumerate(question):
        if number and not os.path.isabs(word):
            continue
        path = os.path.realpath(word)
        try:
            status = os.stat(path)
        except OSError:
            if number:
                continue
            return None
        if number == 0 or stat.S_ISREG(status.st_mode):
            stamps.append([path, status.st_size, status.st_mtime_ns])
    return stamps


@functools.cache
def _reader() -> str:
    """Return the version of the code that asks the questions and interprets the answers: a digest of this package's
    source."""
    digest = hashlib.blake2b(digest_size=12)
    here = os.path.dirname(os.path.abspath(__file__))
    for name in sorted(os.listdir(here)):
        if name.endswith(".py"):
            with open(os.path.join(here, name), "rb") as file:
                digest.update(b"%s\0%s" % (name.encode(), file.read()))
    return digest.hexdigest()


def _read(path: str) -> dict[str, dict[str, Any]]:
    try:
        with open_regular(path) as file:
            content = json.load(file)
        if content["reader"] != _reader():
            return {}
        return {key: entry for key, entry in content["answers"].items() if isinstance(entry, dict)}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return {}


def _write(path: str, entries: dict[str, dict[str, Any]]) -> None:
    text = json.dumps({"reader": _reader(), "answers": entries}, indent=1, sort_keys=True)
    with contextlib.suppress(OSError):
        replace_file(path, [text.encode(), b"\n"])
