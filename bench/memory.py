"""Peak memory over the size of the input, for inputs of very many very small things: ``python -m bench.memory``.

Each input holds little but one kind of thing, in as few bytes as the format allows. A link of it runs in a process of
its own; from its peak that of a link of next to nothing is subtracted. The limit of the project is 20 times the input
and 64 MB; the reference's figure is next to ours.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from bench import memory_inputs, toolchain
from bench.memory_links import LINKS, SLOW_REFERENCE, Link
from tests.support.archives import HEADER, member
from tests.support.objects import (
    COMDAT_INFO,
    DATA,
    FUNCTION,
    INIT_FUNCTIONS,
    LOCAL,
    MAGIC,
    PAD,
    SECTION,
    SEGMENT_INFO,
    SYMBOL_TABLE,
    TABLE,
    UNDEFINED,
    blob,
    build,
    custom,
    leb,
    linking,
    name,
    relocation,
    relocations,
    section,
    subsection,
    symbol,
)

FACTOR, FREE = 20, 64 << 20
OUTPUT = ("-o", "out.wasm")
OPTIONS = ("--no-entry", "--allow-undefined", "--no-gc-sections", "--whole-archive")
COMMAND = (*OUTPUT, *OPTIONS)
_RUN = "import sys; from wasmlink_tool.cli import main; sys.exit(main(sys.argv[1:]))"
_LAUNCH = """
import os, sys
_, _, usage = os.wait4(os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ), 0)
print(usage.ru_maxrss)
"""
"""Runs a command from a small process: the system counts the memory of the process that starts one as its own."""
OURS = (sys.executable, "-c", _RUN)
Make = Callable[[int], bytes]


def _functions(count: int) -> bytes:
    return (
        section(1, b"\1\x60\0\0")
        + section(3, leb(count) + bytes(count))
        + section(10, leb(count) + blob(b"\0\x0b") * count)
    )


def _segments(count: int, size: int = 0) -> bytes:
    return section(11, leb(count) + (b"\0\x41\0\x0b" + blob(bytes(size))) * count)


def _table(entries: Sequence[bytes]) -> bytes:
    return linking(subsection(SYMBOL_TABLE, leb(len(entries)) + b"".join(entries)))


def _symbols(entry: Callable[[int], bytes]) -> Make:
    """Return an object with one function, one segment and one custom section, and so many symbols."""

    def make(count: int) -> bytes:
        parts = custom("notes", b"text") + _functions(1) + _segments(1, 8)
        return MAGIC + parts + _table([entry(number) for number in range(count)])

    return make


def _hex(number: int) -> bytes:
    return blob(b"%x" % number)


def _strings(section_name: str) -> Make:
    def make(count: int) -> bytes:
        words = b"".join(b"%c%c%c\0" % (1 + i % 250, 1 + i // 250 % 250, 1 + i // 62500 % 250) for i in range(count))
        return MAGIC + custom(section_name, words) + linking()

    return make


def _calls(count: int) -> bytes:
    body = b"\0" + (b"\x10" + PAD) * count + b"\x0b"
    first = 1 + len(leb(len(body))) + 2
    entries = [relocation(0, first + 6 * number, 0) for number in range(count)]
    code = section(1, b"\1\x60\0\0") + section(3, b"\1\0") + section(10, b"\1" + blob(body))
    return MAGIC + code + _table([symbol(FUNCTION, 0, leb(0), name("f"))]) + relocations("CODE", 2, *entries)


def _pointers(count: int) -> bytes:
    size = 4 * count
    entries = [relocation(5, 5 + len(leb(size)) + 4 * number, 0, 0) for number in range(count)]
    table = _table([symbol(DATA, 0, name("d"), leb(0), leb(0), leb(4))])
    return MAGIC + _segments(1, size) + table + relocations("DATA", 0, *entries)


def _info(kind: int, entry: Callable[[int], bytes], parts: bytes = b"") -> Make:
    """Return an object with so many entries in a subsection of its linking section."""

    def make(count: int) -> bytes:
        table = subsection(SYMBOL_TABLE, b"\1" + symbol(FUNCTION, LOCAL, leb(0), name("f")))
        rows = leb(count) + b"".join(map(entry, range(count)))
        return MAGIC + (parts or _functions(1)) + linking(table, subsection(kind, rows))

    return make


def _section(identity: int, entry: bytes, before: bytes = b"") -> Make:
    return lambda count: MAGIC + before + section(identity, leb(count) + entry * count) + linking()


KINDS: dict[str, tuple[int, Make]] = {
    "local functions": (4, _symbols(lambda _: symbol(FUNCTION, LOCAL, leb(0), name("")))),
    "local data": (6, _symbols(lambda _: symbol(DATA, LOCAL, name(""), leb(0), leb(0), leb(8)))),
    "section symbols": (3, _symbols(lambda _: symbol(SECTION, LOCAL, leb(0)))),
    "global functions": (9, _symbols(lambda i: symbol(FUNCTION, 0, leb(0), _hex(i)))),
    "undefined data": (8, _symbols(lambda i: symbol(DATA, UNDEFINED, _hex(i)))),
    "merged strings": (4, _strings(".debug_str")),
    "functions": (4, lambda count: MAGIC + _functions(count) + linking()),
    "segments": (5, lambda count: MAGIC + _segments(count) + linking()),
    "types": (3, _section(1, b"\x60\0\0")),
    "globals": (5, _section(6, b"\x7f\0\x41\0\x0b")),
    "tables": (
        10,
        lambda count: (
            MAGIC
            + section(4, leb(count) + b"\x70\0\0" * count)
            + _table([symbol(TABLE, LOCAL, leb(i), name("")) for i in range(count)])
        ),
    ),
    "tags": (2, _section(13, b"\0\0", section(1, b"\1\x60\0\0"))),
    "calls": (11, _calls),
    "pointers": (10, _pointers),
    "constructors": (2, _info(INIT_FUNCTIONS, lambda _: b"\0\0")),
    "COMDAT groups": (9, _info(COMDAT_INFO, lambda i: _hex(i) + b"\0\0")),
    "segment names": (
        8,
        lambda count: (
            MAGIC + _segments(count) + linking(subsection(SEGMENT_INFO, leb(count) + (name("") + b"\0\0") * count))
        ),
    ),
    "custom sections": (4, lambda count: MAGIC + custom("x", b"") * count + linking()),
    "features": (
        8,
        lambda count: (
            MAGIC + linking() + custom("target_features", leb(count) + b"".join(b"+" + _hex(i) for i in range(count)))
        ),
    ),
    "members": (70, lambda count: HEADER + member("a/", MAGIC + linking()) * count),
}
"""By name, the bytes that each takes, and the input with so many."""
INPUTS = {
    **{title: (each, make, OPTIONS) for title, (each, make) in KINDS.items()},
    **memory_inputs.KINDS,
}
"""All inputs, with the options of the link."""


def _link(title: str, size: int) -> tuple[Link, Sequence[str]]:
    """Return a link of about so many bytes, and its options."""
    if title in LINKS:
        return LINKS[title](size), OPTIONS
    each, make, options = INPUTS[title]
    contents = make(size // each)
    path = "lib.a" if contents.startswith(HEADER) else "a.o"
    return Link({path: contents}, (path,)), options


def peak(command: Sequence[str], directory: Path) -> int:
    """Return the peak memory of a process in bytes."""
    launcher = [sys.executable, "-S", "-c", _LAUNCH, shutil.which(command[0]) or command[0], *command[1:]]
    done = subprocess.run(launcher, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    return int(done.stdout.split()[-1]) * (1 if sys.platform == "darwin" else 1024)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.memory", description=__doc__.split("\n\n")[0])
    parser.add_argument("--bytes", type=int, default=3_000_000, help="the size of each input")
    parser.add_argument("--only", action="append", choices=[*INPUTS, *LINKS])
    options = parser.parse_args(arguments)
    reference = toolchain.reference_command()
    over = 0
    print("| input | MB | wasmlink | reference | |")
    print("|---|--:|--:|--:|---|")
    for title in options.only or [*INPUTS, *LINKS]:
        with tempfile.TemporaryDirectory() as work:
            directory = Path(work)
            (directory / "small.o").write_bytes(build())
            link, flags = _link(title, options.bytes)
            for path, contents in link.files.items():
                (directory / path).write_bytes(contents)
            linkers = (OURS,) if title in SLOW_REFERENCE else (OURS, reference)
            least = [peak([*linker, *OUTPUT, *flags, "small.o"], directory) for linker in linkers]
            found = [peak([*linker, *OUTPUT, *flags, *link.arguments], directory) for linker in linkers]
        ratios = [f"{(used - first) / link.size:.0f}" for used, first in zip(found, least)]
        is_over = found[0] - least[0] > FACTOR * link.size + FREE
        over += is_over
        shown = [*ratios, "too slow"][:2]
        print(f"| {title} | {link.size / 1e6:.1f} | {shown[0]} | {shown[1]} | {'over the limit' if is_over else ''} |")
        sys.stdout.flush()
    return 1 if over else 0


if __name__ == "__main__":
    raise SystemExit(main())
