"""The time report of a link (``--time-report``): the duration of its phases, and counts."""

from __future__ import annotations

from time import perf_counter


class TimeReport:
    """Phases, each with wall-clock seconds, and counts. A phase ends where the next begins."""

    def __init__(self) -> None:
        self._phases: dict[str, float] = {}
        self._current = "start"
        self._since = perf_counter()
        self.counts: dict[str, int] = {}
        self.reused = ""
        """How the link used the last one, or why it did not."""
        self.linked_again: dict[str, str] = {}
        """In such a link, the objects that were not copied from the last module, each with the reason."""

    def begin(self, phase: str) -> None:
        now = perf_counter()
        self._phases[self._current] = self._phases.get(self._current, 0.0) + now - self._since
        self._current, self._since = phase, now

    def text(self) -> str:
        """Return a line for each phase, then one for each count."""
        self.begin(self._current)
        total = sum(self._phases.values())
        lines = [f"{seconds * 1000:9.1f} ms  {phase}" for phase, seconds in self._phases.items()]
        lines.append(f"{total * 1000:9.1f} ms  in all")
        lines += [f"{count:12d}  {what}" for what, count in self.counts.items()]
        lines += [f"linked again: {name}: {why}" for name, why in self.linked_again.items()]
        if self.reused:
            lines.append(f"last link: {self.reused}")
        return "\n".join(lines) + "\n"

    def json(self) -> str:
        """Return an object with the seconds of each phase, the sum, and the counts."""
        import json

        self.begin(self._current)
        content = {
            "phases": [{"name": phase, "seconds": round(seconds, 6)} for phase, seconds in self._phases.items()],
            "seconds": round(sum(self._phases.values()), 6),
            "counts": self.counts,
            "linked_again": self.linked_again,
            "last_link": self.reused,
        }
        return json.dumps(content, indent=1) + "\n"
