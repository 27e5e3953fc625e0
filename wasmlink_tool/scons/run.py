"""Running links: in this process, or in workers where SCons builds several targets at the same time."""

from __future__ import annotations

import sys
from typing import Any

from . import workers
from .progress import progress


def run(program: str, arguments: list[str], name: str, env: Any) -> int:
    """Link as the command would, and print what it prints; its exit status. ``name`` is for the progress line."""
    jobs = env.GetOption("num_jobs") or 1
    with progress(name):
        if jobs > 1:
            outcome = workers.pool().run(program, arguments)
            outcome.show()
            return outcome.status
        # Not before there is a link: a null build need not load the linker.
        from ..cli.command import run as run_command

        sys.stdout.flush()
        return run_command(program, arguments)
