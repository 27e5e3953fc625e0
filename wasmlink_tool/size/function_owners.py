"""Names and objects of a finished link's functions, for modules whose own names are stripped."""

from __future__ import annotations

from functools import cached_property

from ..linking.live_relocations import live_function_runs
from ..linking.plan import Plan
from .source_names import short_name


class FunctionOwners:
    """Maps a function index to the function's name in the objects, and its object. Computed on the first lookup."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def __call__(self, number: int) -> tuple[str, str] | None:
        return self._owners.get(number)

    @cached_property
    def _owners(self) -> dict[int, tuple[str, str]]:
        found: dict[int, tuple[str, str]] = {}
        shown = self._plan.resolution.table.names.text
        for file in self._plan.spaces.files:
            name = short_name(file) if file.source is not None else ""
            for start, stop in live_function_runs(file):
                for i in range(start, stop):
                    raw = file.function_names[i] or file.function_debug_names.get(i, b"")
                    found[file.function_numbers[i]] = shown(raw) if raw else "", name
        return found
