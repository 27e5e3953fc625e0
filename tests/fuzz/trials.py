"""Trials: the files and the command line of one link, made from a corpus by a random source."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import overload

from tests.fuzz import mutate
from wasmlink_tool.cli.option_table import all_options, spellings
from wasmlink_tool.cli.parser import Parser

OUTPUT = "out.wasm"
SYMBOLS = ("f", "g", "h", "d", "e", "run", "main", "_start", "host", "t", "__heap_base", "__wasm_call_ctors", "nowhere")
NUMBERS = (
    "0",
    "1",
    "4",
    "1024",
    "65536",
    "65537",
    "1048576",
    "4294967295",
    "4294967296",
    "18446744073709551616",
    "-1",
    "x",
)
OPTIONS = (
    "--no-gc-sections", "--gc-sections", "--export-all", "--export-dynamic", "--export={}", "--export-if-defined={}",
    "--undefined={}", "--wrap={}", "--trace-symbol={}", "--entry={}", "--start={}", "-r", "-shared", "-pie",
    "--shared-memory", "--import-memory", "--import-memory=a,b", "--export-memory=m", "--import-table",
    "--export-table",
    "--growable-table", "--allow-undefined", "--import-undefined", "--unresolved-symbols=ignore-all",
    "--unresolved-symbols=import-dynamic", "--warn-unresolved-symbols", "--noinhibit-exec", "--fatal-warnings",
    "--allow-multiple-definition", "--strip-all", "--strip-debug", "--keep-section=name", "--emit-relocs",
    "--compress-relocations", "-O0", "-O2", "--no-merge-data-segments", "--stack-first", "--no-stack-first",
    "--no-check-features", "--features=atomics,bulk-memory", "--extra-features=simd128", "--no-demangle", "--demangle",
    "--print-gc-sections", "-Map=out.map", "--why-extract=why.txt", "--print-map", "--trace", "--verbose",
    "--build-id=sha1", "--build-id=0x12", "--build-id=fast", "-mwasm64", "--page-size=1", "--data-order=packed",
    "--Bsymbolic", "--no-growable-memory", "--error-limit=0", "--error-limit=1", "--dependency-file=out.d",
    "--global-base=#", "--table-base=#", "--initial-memory=#", "--initial-heap=#", "--max-memory=#", "-z stack-size=#",
    "--whole-archive", "--no-whole-archive", "-Bstatic", "-Bdynamic", "--threads=1",
    "--icf=safe", "--icf=all", "--print-icf-sections", "--keep-unique={}",
    "--omit-zeros", "--smallest", "--smallest --optimize-for=gzip", "--keep-names=functions,data", "--record-linker",
    "--icf=all --omit-zeros", "--icf=all --smallest", "--cooperative-threading",
    "--shared-memory --extra-features=atomics,bulk-memory", "--component --component-type=world.wit",
    "--allow-undefined-file=list.txt", "--reproduce=link.tar", "-L.", "-lx", "--time-report=times.json",
)  # fmt: skip

LEFT_OUT = {
    "o": "the harness names the output",
    "cache-dir": "the harness gives a cache to some links, and compares",
    "lto-compiler": "runs a program",
    "wasm-opt": "runs a program",
}
"""Options that no trial has, with the reason."""
VALUES = (*SYMBOLS[:4], *NUMBERS[:5], "", "x", "out.side", "out.json", "out.html", "list.txt", "world.wit", "*", "a=b")


def _other_options() -> tuple[str, ...]:
    """Return the options of the table that the list above lacks, in each of their forms; ``?`` stands for a value."""
    listed = Parser().parse([word for option in OPTIONS for word in option.split(" ")])
    found = []
    for option in all_options():
        if option.name not in LEFT_OUT and not listed.has(option.name):
            for form in option.forms.split(" "):
                spelling, _, value = spellings(form)[-1]
                found.append(
                    spelling + (" " if value and form.partition("<")[0].endswith("_") else "") + "?" * bool(value)
                )
    return tuple(found)


OTHER_OPTIONS = _other_options()


@dataclass
class Trial:
    """A link to try: files by name, and the command line in a directory that holds them."""

    files: dict[str, bytes]
    arguments: list[str]
    warm: bool = False
    """The link is repeated with a cache, after changes of its inputs and with a damaged cache: each module is that of a
    link without a cache."""
    seed: str = ""
    what: list[str] = field(default_factory=list)

    @property
    def size(self) -> int:
        return sum(map(len, self.files.values()))


class SeededTrials(Sequence[Trial]):
    """Trials that are made when they are asked for: each depends on its number alone."""

    def __init__(
        self, seed: str, count: int, corpus: dict[str, bytes], option_lines: dict[str, tuple[str, ...]]
    ) -> None:
        self._seed = seed
        self._count = count
        self._corpus = corpus
        self._option_lines = option_lines

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, number: int) -> Trial: ...
    @overload
    def __getitem__(self, number: slice) -> list[Trial]: ...
    def __getitem__(self, number: int | slice) -> Trial | list[Trial]:
        if isinstance(number, slice):
            return [self[each] for each in range(*number.indices(self._count))]
        if not 0 <= number < self._count:
            raise IndexError(number)
        return make_trial(f"{self._seed}-{number}", self._corpus, self._option_lines)


def make_trial(seed: str, corpus: dict[str, bytes], option_lines: dict[str, tuple[str, ...]]) -> Trial:
    random = Random(seed)
    kind = random.random()
    if kind < 0.3:
        files, arguments = _whole_case(random, corpus, option_lines)
    elif kind < 0.34:
        files = {name: corpus[name] for name in ("world.o", "world.wit")}
        arguments = ["--component", "--component-type=world.wit", "--no-entry", "world.o"]
        if random.random() < 0.3:
            arguments += _options(random, {})
    else:
        files, arguments = _mixture(random, corpus, option_lines)
    is_warm = random.random() < 0.1
    # Links with a cache change their inputs themselves.
    for _ in range(random.choice((0, 0, 0, 1) if is_warm else (0, 1, 1, 1, 1, 2))):
        victim = random.choice(
            [name for name in files if name != "list.txt"] if random.random() < 0.97 else list(files)
        )
        for _ in range(random.choice((1, 1, 1, 1, 2, 3))):
            files[victim] = mutate.mutate(random, files[victim])
    if random.random() < 0.05:
        random.shuffle(arguments)
    if random.random() < 0.06:
        text = "\n".join(map(shlex.quote, arguments)).encode()
        files["r.rsp"] = mutate.mutate_text(random, text) if random.random() < 0.7 else text
        arguments = ["@r.rsp"]
        if random.random() < 0.3:
            _nest(random, files)
    return Trial(files, arguments, is_warm, seed)


def _nest(random: Random, files: dict[str, bytes]) -> None:
    """Let a response file name others, now and then itself."""
    lines = files["r.rsp"].split(b"\n")
    half = random.randrange(len(lines) + 1)
    files["s.rsp"] = b"\n".join(lines[half:]) + random.choice((b"", b"", b"\n@r.rsp", b"\n@s.rsp", b"\n@missing"))
    files["r.rsp"] = b"\n".join([*lines[:half], random.choice((b"@s.rsp", b"@s.rsp @s.rsp", b"'@s.rsp'"))])


def _whole_case(
    random: Random, corpus: dict[str, bytes], option_lines: dict[str, tuple[str, ...]]
) -> tuple[dict[str, bytes], list[str]]:
    """Return the objects and options of a differential case: most link, whatever they need."""
    files: dict[str, bytes] = {}
    for _ in range(1000):
        case = random.choice(list(option_lines))
        files = {name: contents for name, contents in corpus.items() if name.startswith(f"{case}-")}
        if files:
            break
    else:
        return _mixture(random, corpus, option_lines)
    more = _options(random, {}) if random.random() < 0.4 else []
    files["list.txt"] = corpus["list.txt"]
    files["world.wit"] = corpus["world.wit"]
    inputs = [name for name in files if name.endswith(".o")]
    return files, [*_without_reports(list(option_lines[case])), *more, *inputs]


def _mixture(
    random: Random, corpus: dict[str, bytes], option_lines: dict[str, tuple[str, ...]]
) -> tuple[dict[str, bytes], list[str]]:
    """Return objects that need not have to do with each other, an archive and a stub library now and then."""
    objects = [name for name in sorted(corpus) if name.endswith(".o") and name != "lto.o"]
    files: dict[str, bytes] = {"list.txt": corpus["list.txt"]}
    inputs: list[str] = []
    for _ in range(random.choice((1, 1, 2, 2, 3, 4))):
        name = random.choice(objects)
        files[name] = corpus[name]
        inputs.append(name)
    if random.random() < 0.1:
        files["stub.so"] = corpus["stub.so"]
        inputs.append("stub.so")
    if random.random() < 0.08:
        files["lib.so"] = corpus["lib.so"]
        inputs += random.choice((("lib.so",), ("lib.so", "-shared"), ("lib.so", "-pie"), ("-Bdynamic", "lib.so")))
    if random.random() < 0.03:
        files["libx.so"] = corpus["script.ld"]
        inputs += random.choice((("libx.so",), ("-L.", "-Bdynamic", "-lx")))
    if random.random() < 0.25:
        _add_archive(random, corpus, objects, files, inputs)
    arguments = [*_options(random, option_lines), *inputs]
    if random.random() < 0.75:
        # Most combinations would be refused for what is missing, and go no further.
        arguments += ["--no-entry", "--allow-undefined", *(["--allow-multiple-definition"] * (len(inputs) > 1))]
    return files, arguments


def _add_archive(
    random: Random, corpus: dict[str, bytes], objects: list[str], files: dict[str, bytes], inputs: list[str]
) -> None:
    dialect = random.choice(mutate.DIALECTS)
    members = []
    for _ in range(random.randrange(4)):
        name = random.choice(objects)
        contents = corpus[name]
        if random.random() < 0.3:
            contents = mutate.mutate(random, contents)
        title = name if random.random() < 0.7 else "n" * random.choice((1, 15, 16, 17, 200))
        members.append((title.encode(), contents))
        if dialect == "thin":
            files[title] = contents
    files["libx.a"] = mutate.archive(members, dialect, random if random.random() < 0.2 else None)
    inputs += random.choice((("libx.a",), ("-L.", "-lx"), ("--whole-archive", "libx.a")))


def _options(random: Random, lines: dict[str, tuple[str, ...]]) -> list[str]:
    chosen: list[str] = []
    if lines and random.random() < 0.2:
        chosen += random.choice(list(lines.values()))
    for _ in range(random.choice((0, 1, 1, 2, 2, 3))):
        option = random.choice(OPTIONS)
        chosen += option.replace("{}", random.choice(SYMBOLS)).replace("#", random.choice(NUMBERS)).split(" ")
    if random.random() < 0.15:
        chosen += random.choice(OTHER_OPTIONS).replace("?", random.choice(VALUES)).split(" ")
    return _without_reports(chosen)


def _without_reports(words: list[str]) -> list[str]:
    return [word for word in words if not word.startswith(("--cache", "--thinlto", "--lto", "--size", "--why-live"))]
