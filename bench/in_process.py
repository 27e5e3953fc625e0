"""One link inside a running Python, as a build tool does it: ``python -m bench.in_process ARGUMENT...``.

Everything is imported and the command line parsed before the clock starts; it prints the seconds that ``link`` took.
With ``--profile`` as its first argument it prints a profile instead.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from wasmlink_tool import LinkOptions, link
from wasmlink_tool.cli.interpret import link_options
from wasmlink_tool.cli.parser import Parser
from wasmlink_tool.cli.response_files import expand
from wasmlink_tool.diagnostics import Diagnostics, LinkError

PROFILE_LINES = 40


def parse(arguments: Sequence[str]) -> LinkOptions:
    """The options that the command would link with."""
    diagnostics = Diagnostics()
    options = link_options(Parser().parse(expand(list(arguments), "posix")), diagnostics)
    diagnostics.check()
    return options


def print_profile(options: LinkOptions) -> None:
    """Link under cProfile and print where the time goes, by own time and with callees."""
    import cProfile
    import pstats

    profiler = cProfile.Profile()
    profiler.enable()
    link(options)
    profiler.disable()
    statistics = pstats.Stats(profiler)
    statistics.strip_dirs()
    for order in ("tottime", "cumulative"):
        statistics.sort_stats(order).print_stats(PROFILE_LINES)


def main(arguments: Sequence[str]) -> int:
    profile = arguments[:1] == ["--profile"]
    try:
        options = parse(arguments[1:] if profile else arguments)
        if profile:
            print_profile(options)
            return 0
        start = time.perf_counter()
        link(options)
        print(time.perf_counter() - start)
    except LinkError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
