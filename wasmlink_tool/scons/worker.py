"""A process that links and scans for SCons, one job after another: see :mod:`.workers`.

It is started by its path, without site-packages and SCons; the argument is the directory of the package. Jobs and
outcomes are JSON values, one a line.
"""

from __future__ import annotations

if __name__ == "__main__":
    import signal

    # An interrupt while the modules below are imported ends the process without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import _thread
import io
import json
import os
import signal
import sys
import threading
import traceback
from typing import Any

_PROCESS = os.getpid()


def link(program: str, arguments: list[str]) -> dict[str, Any]:
    """Run one link; return its output and its status."""
    from wasmlink_tool.cli.command import run

    streams = sys.stdout, sys.stderr
    printed = [io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="surrogateescape") for _ in streams]
    sys.stdout, sys.stderr = printed
    try:
        status = run(program, arguments)
    except Exception:
        traceback.print_exc()
        status = 1
    finally:
        sys.stdout, sys.stderr = streams
    texts = []
    for stream in printed:
        stream.flush()
        buffer = stream.buffer
        assert isinstance(buffer, io.BytesIO)
        texts.append(buffer.getvalue().decode("latin-1"))
    return {"status": status, "output": texts[0], "errors": texts[1]}


def extract(arguments: list[str]) -> dict[str, Any]:
    """Return the files and members that a link would use, as :class:`~wasmlink_tool.extraction.Extraction` has them;
    nothing if the link would fail. After a defect of the linker, return its description as ``defect`` instead."""
    from dataclasses import asdict

    from wasmlink_tool import extraction
    from wasmlink_tool.cli.words import options_of
    from wasmlink_tool.diagnostics import LinkError
    from wasmlink_tool.link_scope import is_defect

    options = options_of(arguments)
    try:
        return {} if options is None else asdict(extraction.extract(options))
    except LinkError as error:
        # The link reports all others.
        return {"defect": str(error).encode("utf-8", "surrogateescape").decode("latin-1")} if is_defect(error) else {}


def main(root: str) -> None:
    sys.path.insert(0, root)
    # A terminal sends its interrupt to all processes of a build, as to compilers; SCons starts no further job.
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _end)
    # The pipes are reserved for outcomes: nothing that a link prints may get between them.
    jobs = os.fdopen(os.dup(0), "r", encoding="ascii")
    outcomes = os.fdopen(os.dup(1), "w", encoding="ascii")
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(2, 1)

    waiting = threading.Semaphore(0)
    lines: list[str] = []

    def read() -> None:
        """Yield the jobs as they arrive. At the end of the pipe SCons is gone: abandon the running job."""
        for line in jobs:
            lines.append(line)
            waiting.release()
        lines.append("")
        waiting.release()
        _thread.interrupt_main(signal.SIGTERM)

    threading.Thread(target=read, daemon=True).start()
    try:
        while waiting.acquire() and (line := lines.pop(0)):
            job = json.loads(line)
            os.chdir(job["directory"])
            program, arguments = job["program"], job["arguments"]
            outcome = link(program, arguments) if program else extract(arguments)
            outcomes.write(json.dumps(outcome) + "\n")
            outcomes.flush()
    except BrokenPipeError:
        pass
    finally:
        # The reader may be blocked in its pipe, and an orderly exit would wait for it.
        os._exit(0)


def _end(number: int, frame: Any) -> None:
    """Remove temporary files, and end by the signal."""
    if os.getpid() == _PROCESS:
        from wasmlink_tool.temporary_files import remove_temporaries

        remove_temporaries()
    os._exit(128 + number)


if __name__ == "__main__":
    main(sys.argv[1])
