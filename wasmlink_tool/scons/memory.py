"""What compilers answered when they were asked, kept between runs while the compiler's file is the same.

The file holds data only, as JSON. One that is damaged, or was written by another version, is not believed and is
written anew; a file that cannot be written costs the next run its questions, and no more.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import threading
from collections.abc import Sequence
from typing import Any

FILE_NAME = ".wasmlink-toolchains.json"
_FORMAT = 1


class Memory:
    """Answers by question. A question is a command; its first word is the program that it is put to."""

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
        """The answer given before by the same program; ``None`` if there is none."""
        with self._lock:
            entry = self._entries.get(json.dumps(question))
            if entry is None or entry.get("stamp") != _stamp(question[0]):
                return None
            return entry.get("answer")

    def store(self, question: Sequence[str], answer: Any) -> None:
        """Keep an answer: a JSON value."""
        stamp = _stamp(question[0])
        if stamp is None:
            return
        with self._lock:
            self._entries[json.dumps(question)] = {"stamp": stamp, "answer": answer}
            if self._path is not None and self._writable:
                # Another process may have asked something else meanwhile.
                self._entries = {**_read(self._path), **self._entries}
                _write(self._path, self._entries)


memory = Memory()
"""The memory of this process."""


def _stamp(program: str) -> list[Any] | None:
    """What tells that a program's file is the same: place, size and time of change, of what a link leads to."""
    path = os.path.realpath(program)
    try:
        status = os.stat(path)
    except OSError:
        return None
    return [path, status.st_size, status.st_mtime_ns]


def _read(path: str) -> dict[str, dict[str, Any]]:
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
        if content["format"] != _FORMAT:
            return {}
        return {key: entry for key, entry in content["answers"].items() if isinstance(entry, dict)}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return {}


def _write(path: str, entries: dict[str, dict[str, Any]]) -> None:
    text = json.dumps({"format": _FORMAT, "answers": entries}, indent=1, sort_keys=True)
    with contextlib.suppress(OSError):
        descriptor, temporary = tempfile.mkstemp(prefix=FILE_NAME, dir=os.path.dirname(path) or ".")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text + "\n")
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
