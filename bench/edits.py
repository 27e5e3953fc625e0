"""Random edits of a project, each linked with the cache and without: the modules must be equal, byte for byte.

``python -m bench.edits --edits 5000 --seed 1``. An edit changes a unit's body, data, functions or strings, adds or
removes a unit, moves it between the command line and an archive, changes the order of inputs, or changes the flags.
Now and then the process forgets what it holds in memory, or an entry on disk is damaged. A link may fail; then both
must, in the same words.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench import toolchain
from wasmlink_tool.diagnostics import LinkError
from wasmlink_tool.inputs import cache
from wasmlink_tool.linker import link
from wasmlink_tool.options import DataOrder, LinkOptions

OBJECTS = Path(__file__).resolve().parent / ".work" / "edits"
UNITS = 10
VARIANTS = 6
SHADES = 3
"""Versions of a variant that differ in nothing but bodies and the contents of data."""
FLAGS: tuple[dict[str, object], ...] = (
    {"strip_debug": True},
    {"strip_all": True},
    {"export_all": True},
    {"gc_sections": False},
    {"data_order": DataOrder.PACKED},
    {"data_order": DataOrder.PACKED, "strip_debug": True},
    {"optimize": 0},
    {"merge_data_segments": False},
    {"exports": ["unit1_first"]},
    {"exports": ["unit4_second"]},
    {"stack_first": False},
    {"stack_size": 32768},
    {"build_id": "sha1"},
    {"strip_debug": True, "compress_relocations": True},
    {"import_memory": ("env", "memory")},
    {"relocatable": True},
)


_LOOPS = ("", "x ^= 77;", "for (int i = 0; i < x; i++) x += x * i ^ x << 3;")


def unit_source(unit: int, variant: int, shade: int) -> str:
    """One of the texts that a unit has in the course of the edits."""
    after = (unit + 1) % UNITS
    lines = [
        f"extern int unit{after}_first(int);",
        f"extern int unit{after}_second(int) __attribute__((weak));",
        f'static const char text{unit}[] = "unit {unit} variant {variant % 3}";',
        f"int table{unit}[{4 + variant}] = {{{variant}, {unit}, {shade}}};",
        f"int zeros{unit}[{8 * (variant + 1)}];",
        f"static int inner(int x) {{ {_LOOPS[shade]} return x * {variant + 2} + table{unit}[x & 1]; }}",
        f"int (*pointer{unit})(int) = inner;",
        f"int unit{unit}_first(int x) {{",
        f"  zeros{unit}[x & 7] += text{unit}[x & 3];",
        f"  return x > {unit} ? pointer{unit}(x) : unit{after}_first(x + 1);",
        "}",
    ]
    if variant % 2:
        call = f"unit{after}_second ? unit{after}_second(x) : {variant}"
        lines.append(f"int unit{unit}_second(int x) {{ return {call}; }}")
    if variant == 3:
        lines.append(f"__attribute__((constructor)) static void start{unit}(void) {{ table{unit}[0] = {unit}; }}")
    if variant == 4:
        lines.append(f"__attribute__((used)) int kept{unit} = {unit};")
    return "\n".join(lines) + "\n"


MAIN = "extern int unit0_first(int); void _start(void) { unit0_first(1); }\n"


def compile_units(directory: Path) -> dict[str, bytes]:
    """All variants of all units, as objects; what ``directory`` has already is not compiled again."""
    directory.mkdir(parents=True, exist_ok=True)
    sources = {"main.c": MAIN}
    for unit in range(UNITS):
        for variant in range(VARIANTS):
            for shade in range(SHADES):
                sources[f"unit{unit}_{variant}_{shade}.c"] = unit_source(unit, variant, shade)
    pairs = []
    for name, text in sources.items():
        source = directory / name
        if not source.exists() or source.read_text() != text:
            source.write_text(text)
        pairs.append((source, source.with_suffix(".o")))
    toolchain.compile_all(pairs, optimize="-O1")
    return {source.name: target.read_bytes() for source, target in pairs}


class Project:
    """A project under edits: which variant each unit has, where it stands, and the flags."""

    def __init__(self, work: Path, seed: int) -> None:
        self.work = work
        self.random = random.Random(seed)
        self.objects = compile_units(OBJECTS)
        self.variants = [0] * UNITS
        self.shades = [0] * UNITS
        self.places = [0] * UNITS
        """0: an object on the command line; 1 and 2: a member of that archive; 3: nowhere."""
        self.flags: dict[str, object] = {}
        self.order = list(range(UNITS))
        self.cache = work / "cache"

    def edit(self) -> str:
        """Change one thing, and say what."""
        pick = self.random
        unit = pick.randrange(UNITS)
        kind = pick.choice(("variant", "variant", *["shade"] * 10, "place", "order", "flags", "nothing"))
        if kind == "variant":
            self.variants[unit] = pick.randrange(VARIANTS)
            return f"unit {unit} becomes variant {self.variants[unit]}"
        if kind == "shade":
            self.shades[unit] = pick.randrange(SHADES)
            return f"unit {unit} becomes shade {self.shades[unit]}"
        if kind == "nothing":
            return "nothing"
        if kind == "place":
            self.places[unit] = pick.choice((0, 0, 1, 1, 2, 3))
            return f"unit {unit} goes to place {self.places[unit]}"
        if kind == "order":
            pick.shuffle(self.order)
            return f"the order becomes {self.order}"
        self.flags = {}
        for _ in range(pick.randrange(3)):
            self.flags.update(pick.choice(FLAGS))
        return f"the flags become {self.flags}"

    def write(self) -> list[str]:
        """Put the inputs into files, and name them in order."""
        inputs = [str(self._file("main.o", self.objects["main.c"]))]
        members: dict[int, list[tuple[str, bytes]]] = {1: [], 2: []}
        for unit in self.order:
            contents = self.objects[f"unit{unit}_{self.variants[unit]}_{self.shades[unit]}.c"]
            if self.places[unit] == 0:
                inputs.append(str(self._file(f"unit{unit}.o", contents)))
            elif self.places[unit] < 3:
                members[self.places[unit]].append((f"unit{unit}.o", contents))
        for number, entries in members.items():
            inputs.append(str(self._file(f"lib{number}.a", archive_of(entries))))
        return inputs

    def _file(self, name: str, contents: bytes) -> Path:
        path = self.work / name
        path.write_bytes(contents)
        return path

    def disturb(self) -> None:
        """Forget or damage some of what is cached."""
        chance = self.random.random()
        if chance < 0.2:
            cache.forget()
        elif chance < 0.25:
            cache.forget()
            entries = sorted(path for path in self.cache.rglob("*") if path.is_file())
            if entries:
                entry = self.random.choice(entries)
                data = bytearray(entry.read_bytes())
                data[self.random.randrange(len(data))] ^= 1 << self.random.randrange(8)
                entry.write_bytes(data)

    def link(self, inputs: Sequence[str], *, cached: bool) -> bytes | str:
        """The module, or what is wrong."""
        options = LinkOptions(inputs=inputs, output=None, cache_directory=str(self.cache) if cached else None)
        for name, value in self.flags.items():
            setattr(options, name, value)
        options.__post_init__()
        try:
            return link(options).module
        except LinkError as error:
            return str(error)


def archive_of(members: Sequence[tuple[str, bytes]]) -> bytes:
    out = [b"!<arch>\n"]
    for name, contents in members:
        out.append(f"{name + '/':<16}{0:<12}{0:<6}{0:<6}{644:<8}{len(contents):<10}`\n".encode())
        out.append(contents + b"\n" * (len(contents) & 1))
    return b"".join(out)


def differences(work: Path, edits: int, seed: int) -> Iterator[str]:
    """The edits after which a link with the cache gave anything else than one without."""
    project = Project(work, seed)
    for number in range(edits):
        what = project.edit()
        inputs = project.write()
        project.disturb()
        cached = project.link(inputs, cached=True)
        clean = project.link(inputs, cached=False)
        if cached != clean:
            yield f"edit {number}: {what}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.edits", description=__doc__)
    parser.add_argument("--edits", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as directory:
        found = list(differences(Path(directory), options.edits, options.seed))
    for line in found:
        print(line)
    print(f"{options.edits} edits, seed {options.seed}: {len(found)} differences")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
