"""What a link spends its time on (``--time-report``): its phases, and how much of everything there was."""

from __future__ import annotations

from time import perf_counter


class TimeReport:
    """Phases, each with seconds of the clock, and counts. A phase ends where the next begins."""

    def __init__(self) -> None:
        self._phases: dict[str, float] = {}
        self._current = "start"
        self._since = perf_counter()
        self.counts: dict[str, int] = {}
        self.reused = ""
        """Whether the link began with the last one's module, or why not."""
        self.linked_anew: dict[str, str] = {}
        """In such a link, the objects that were not taken from the last module as they were, and why."""

    def begin(self, phase: str) -> None:
        now = perf_counter()
        self._phases[self._current] = self._phases.get(self._current, 0.0) + now - self._since
        self._current, self._since = phase, now

    def text(self) -> str:
        """A line for each phase, then one for each count."""
        self.begin(self._current)
        total = sum(self._phases.values())
        lines = [f"{seconds * 1000:9.1f} ms  {phase}" for phase, seconds in self._phases.items()]
        lines.append(f"{total * 1000:9.1f} ms  in all")
        lines += [f"{count:12d}  {what}" for what, count in self.counts.items()]
        lines += [f"linked anew: {name}: {why}" for name, why in self.linked_anew.items()]
        if self.reused:
            lines.append(f"last link: {self.reused}")
        return "\n".join(lines) + "\n"

    def json(self) -> str:
        """An object with the seconds of each phase, the sum, and the counts."""
        import json

        self.begin(self._current)
        content = {
            "phases": [{"name": phase, "seconds": round(seconds, 6)} for phase, seconds in self._phases.items()],
            "seconds": round(sum(self._phases.values()), 6),
            "counts": self.counts,
            "linked_anew": self.linked_anew,
            "last_link": self.reused,
        }
        return json.dumps(content, indent=1) + "\n"
