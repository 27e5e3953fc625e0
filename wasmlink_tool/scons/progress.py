"""A line on the terminal about long links."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE = 1.0
"""Seconds before a link is shown."""

_CLEAR = "\r\x1b[K"


class Progress:
    """One line for all running links, on standard error; nothing if that is not a terminal."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._started: dict[object, tuple[str, float]] = {}
        self._shown = False

    @contextmanager
    def link(self, name: str) -> Iterator[None]:
        if not (hasattr(sys.stderr, "isatty") and sys.stderr.isatty()):
            yield
            return
        key = object()
        with self._lock:
            self._started[key] = (name, time.monotonic())
            if len(self._started) == 1:
                threading.Thread(target=self._watch, args=(key,), name="wasmlink progress", daemon=True).start()
        try:
            yield
        finally:
            with self._lock:
                del self._started[key]
                self._clear()

    def _watch(self, first: object) -> None:
        """Show the line, twice a second, until no link is running."""
        while True:
            time.sleep(PATIENCE / 2)
            with self._lock:
                if not self._started:
                    return
                self._show()

    def _show(self) -> None:
        now = time.monotonic()
        slow = [(name, now - start) for name, start in self._started.values() if now - start >= PATIENCE]
        if slow:
            names = ", ".join(name for name, _ in slow)
            sys.stderr.write(f"{_CLEAR}linking {names[:60]} ({max(seconds for _, seconds in slow):.0f} s)")
            sys.stderr.flush()
            self._shown = True

    def _clear(self) -> None:
        if self._shown:
            sys.stderr.write(_CLEAR)
            sys.stderr.flush()
            self._shown = False


progress = Progress().link
