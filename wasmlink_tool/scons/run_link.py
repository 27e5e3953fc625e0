"""Running links: in this process, or in workers where SCons builds several targets at the same time."""

from __future__ import annotations

import sys
from typing import Any

from . import worker, workers
from .progress import progress


def run(program: str, arguments: list[str], name: str, env: Any) -> int:
    """Link as the command would, and print what it prints; its exit status. ``name`` is for the progress line."""
    jobs = env.GetOption("num_jobs") or 1
    with progress(name):
        if not hasattr(sys.stderr, "isatty"):
            # While SCons runs the checks of Configure, one by one, this is no file but what its log is made of.
            return workers.Outcome(**worker.link(program, arguments)).show()
        if jobs > 1:
            return workers.pool().run(program, arguments).show()
        # Not before there is a link: a null build need not load the linker.
        from ..cli.command import run as run_command

        sys.stdout.flush()
        return run_command(program, arguments)
