"""Makes a trial smaller that has a finding, as long as the finding stays the same."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from tests.fuzz import mutate
from tests.fuzz.trials import Trial

ATTEMPTS = 400
SECONDS = 60.0
"""A hang is tried again at its own pace."""


def shrink(trial: Trial, has_finding: Callable[[Trial], bool], attempts: int = ATTEMPTS) -> Trial:
    """The smallest trial found: without words, files, sections and runs of bytes that the finding does not need."""
    left = attempts
    deadline = time.monotonic() + SECONDS

    def improves(candidate: Trial) -> bool:
        nonlocal left
        left = left - 1 if time.monotonic() < deadline else 0
        return left > 0 and has_finding(candidate)

    changed = True
    while changed and left > 0:
        changed = False
        for at in reversed(range(len(trial.arguments))):
            candidate = replace(trial, arguments=trial.arguments[:at] + trial.arguments[at + 1 :])
            if improves(candidate):
                trial, changed = candidate, True
        for name in list(trial.files):
            candidate = replace(trial, files={key: value for key, value in trial.files.items() if key != name})
            if improves(candidate):
                trial, changed = candidate, True
                continue
            for smaller in _smaller(trial.files[name]):
                if left <= 0:
                    break
                if len(smaller) < len(trial.files[name]):
                    candidate = replace(trial, files={**trial.files, name: smaller})
                    if improves(candidate):
                        trial, changed = candidate, True
                        break
    return trial


def _smaller(data: bytes) -> list[bytes]:
    found = []
    if data.startswith(mutate.MAGIC):
        sections, tail = mutate.split(data)
        if tail:
            found.append(mutate.join(sections))
        found += [mutate.join(sections[:i] + sections[i + 1 :], tail) for i in range(len(sections))]
    step = len(data) // 2
    while step >= 1 and len(found) < 60:
        found += [data[:at] + data[at + step :] for at in range(0, len(data), step)][:16]
        step //= 2
    return found
