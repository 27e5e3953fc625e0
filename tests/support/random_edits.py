"""Random edits of a project, each linked with the cache and without: both must say and write the same, byte for byte.

``python -m bench.edits`` makes thousands. An edit changes units in what they do (most of the time, since that is what a
link from the last one accepts) or in what they are, adds or removes a unit, moves it between the command line and an
archive, changes the order of inputs, or changes the flags. Now and then the process forgets what it holds in memory, or
an entry on disk is damaged. A link may fail; then both must, in the same words.
"""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import compress
from pathlib import Path
from threading import get_ident

from tests.support.archives import archive_of
from tests.support.edit_sources import MAIN, SHADES, UNITS, VARIANTS, asks_in_vain, unit_source
from tests.support.wasi_objects import compile_all
from wasmlink_tool.diagnostics import LinkError
from wasmlink_tool.inputs import parse_cache
from wasmlink_tool.linker import link
from wasmlink_tool.options import DataOrder, IcfLevel, Input, LinkOptions, UnresolvedPolicy

OBJECTS = Path(__file__).resolve().parents[2] / ".cache" / "edits"
"""The directory that keeps compiled units between runs."""
FLAGS: tuple[dict[str, object], ...] = (
    {"strip_debug": True},
    {"strip_all": True},
    {"strip_all": True, "keep_sections": ("name",)},
    {"export_all": True},
    {"export_dynamic": True},
    {"data_order": DataOrder.PACKED},
    {"data_order": DataOrder.PACKED, "strip_debug": True},
    {"optimize": 0},
    {"optimize": 2},
    {"merge_data_segments": False},
    {"exports": ["unit1_first"]},
    {"exports_if_defined": ["unit4_second", "weak1", "__stop_entries"]},
    {"stack_first": False},
    {"stack_size": 32768},
    {"global_base": 4096, "stack_first": False},
    {"initial_memory": 1 << 20},
    {"export_table": True},
    {"import_table": True},
    {"growable_table": True, "table_base": 7},
    {"unresolved_symbols": UnresolvedPolicy.IGNORE},
    {"import_undefined": True},
    {"allow_multiple_definition": True},
    {"check_features": False},
    {"import_memory": ("env", "memory")},
)
PASSES: tuple[dict[str, object], ...] = (
    {"gc_sections": False},
    {"gc_sections": False, "export_all": True},
    {"build_id": "sha1"},
    {"build_id": "sha1", "data_order": DataOrder.PACKED},
    {"omit_zeros": True},
    {"icf": IcfLevel.SAFE},
    {"icf": IcfLevel.ALL, "strip_debug": True},
    {"strip_debug": True, "compress_relocations": True},
    {"wrap": ["weak1", "unit2_second"], "unresolved_symbols": UnresolvedPolicy.IGNORE},
    {"unresolved_symbols": UnresolvedPolicy.IMPORT_DYNAMIC},
    {"trace_symbols": ["unit3_first", "shared1"]},
    {"emit_relocs": True},
    {"relocatable": True},
)
"""Flags with which links always run the passes."""
_SETTINGS = 3
"""Sets of flags that are in use at a time: the state of a link with each may be some edits old."""


def unit_object(unit: int, variant: int, shade: int) -> bytes:
    """A unit as an object; what was compiled once is not compiled again."""
    text, flags = unit_source(unit, variant, shade)
    # The file's name is in the object: all versions of a unit have the same.
    return _compiled(OBJECTS / f"{variant}-{shade}" / f"unit{unit}.cpp", text, flags)


def _compiled(source: Path, text: str, flags: tuple[str, ...] = ()) -> bytes:
    source.parent.mkdir(parents=True, exist_ok=True)
    text = f"// {' '.join(flags)}\n{text}"
    if not source.exists() or source.read_text() != text:
        temporary = source.with_suffix(f".{os.getpid()}.text")
        temporary.write_text(text)
        os.replace(temporary, source)
    target = source.with_suffix(".o")
    compile_all([(source, target)], optimize="-O1", flags=flags)
    return target.read_bytes()


class Project:
    """A project under edits: which variant and shade each unit has, where it stands, and the flags."""

    def __init__(self, work: Path, seed: int, shades: int = SHADES) -> None:
        self.work = work
        self.random = random.Random(seed)
        self.variants = [0] * UNITS
        self.shades = [0] * UNITS
        self.places = [0] * UNITS
        """0: an object on the command line; 1 and 2: a member of that archive; 3: nowhere; 4: given twice."""
        self.whole = [False, False]
        """Give each archive again, as a whole."""
        self.shade_count = shades
        self.settings: list[dict[str, object]] = [{}] * _SETTINGS
        self.flags: dict[str, object] = {}
        """The options of the next link."""
        self.order = list(range(UNITS))
        self.cache = work / "cache"
        self.threads: int | None = None
        """The number of threads of links with the cache."""
        self.reused = Counter[str]()
        """Counts of the ways in which links used the last one, and of the reasons why they did not."""

    def edit(self) -> str:
        """Change something, and say what."""
        pick = self.random
        self.flags = pick.choice(self.settings)
        unit = pick.randrange(UNITS)
        astray = [n for n in range(UNITS) if self.places[n] > 2 or asks_in_vain(n, self.variants[n])]
        if astray and pick.random() < 0.1:
            # Most links fail while something is missing.
            self.places[astray[0]] = self.variants[astray[0]] = 0
            return f"unit {astray[0]} comes back"
        kind = pick.choice((*["shade"] * 40, "variant", "place", "order", "flags", "flags", "nothing", "whole"))
        if kind == "variant":
            self.variants[unit] = pick.randrange(VARIANTS)
            return f"unit {unit} becomes variant {self.variants[unit]}"
        if kind == "shade":
            units = sorted(pick.sample(range(UNITS), pick.choice((1, 1, 1, 1, 2, 2, 3, UNITS))))
            for unit in units:
                self.shades[unit] = pick.randrange(self.shade_count)
            return f"units {units} become shades {[self.shades[unit] for unit in units]}"
        if kind == "nothing":
            return "nothing"
        if kind == "whole":
            self.whole = [pick.random() < 0.3 for _ in self.whole]
            return f"archives as a whole: {self.whole}"
        if kind == "place":
            self.places[unit] = pick.choice((0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 3, 4))
            return f"unit {unit} goes to place {self.places[unit]}"
        if kind == "order":
            pick.shuffle(self.order)
            return f"the order becomes {self.order}"
        flags: dict[str, object] = {}
        for _ in range(pick.randrange(4)):
            flags.update(pick.choice(FLAGS))
        if pick.random() < 0.2:
            flags.update(pick.choice(PASSES))
        self.settings[pick.randrange(_SETTINGS)] = self.flags = flags
        return f"the flags become {flags}"

    def write(self) -> list[str | Input]:
        """Put the inputs into files, and name them in order."""
        inputs = [str(self._file("main.o", _compiled(OBJECTS / "main.cpp", MAIN)))]
        members: dict[int, list[tuple[str, bytes]]] = {1: [], 2: []}
        for unit in self.order:
            place = self.places[unit]
            if place == 3:
                continue
            contents = unit_object(unit, self.variants[unit], self.shades[unit])
            if place in members:
                members[place].append((f"unit{unit}.o", contents))
                continue
            path = str(self._file(f"unit{unit}.o", contents))
            inputs += [path] if place == 0 else [path, path]
        archives = [str(self._file(f"lib{number}.a", archive_of(entries))) for number, entries in members.items()]
        return [*inputs, *archives, *(Input(path, whole_archive=True) for path in compress(archives, self.whole))]

    def _file(self, name: str, contents: bytes) -> Path:
        path = self.work / name
        path.write_bytes(contents)
        return path

    def disturb(self) -> None:
        """Forget or damage some of what is cached."""
        chance = self.random.random()
        if chance < 0.2:
            parse_cache.forget()
        elif chance < 0.205:
            parse_cache.forget()
            entries = sorted(path for path in self.cache.rglob("*") if path.is_file())
            if entries:
                entry = self.random.choice(entries)
                data = bytearray(entry.read_bytes())
                data[self.random.randrange(len(data))] ^= 1 << self.random.randrange(8)
                entry.write_bytes(data)

    def link(self, inputs: Sequence[str | Input], *, cached: bool) -> bytes | str:
        """The module, or what is said of it."""
        report = self.work / f"report{get_ident()}.json"
        # The name section has the output's name, which is the same in each thread.
        directory = self.work / f"out{get_ident()}"
        directory.mkdir(exist_ok=True)
        options = LinkOptions(inputs=inputs, output=str(directory / "module.wasm"))
        if cached:
            options.cache_directory, options.time_report = str(self.cache), str(report)
            options.threads = self.threads
        # Members that are linked already define their names twice then.
        options.allow_multiple_definition = any(self.whole)
        for name, value in self.flags.items():
            setattr(options, name, value)
        options.__post_init__()
        try:
            result = link(options)
        except LinkError as error:
            if cached:
                self.reused["the link failed"] += 1
            return str(error)
        if cached:
            self.reused[json.loads(report.read_text())["last_link"]] += 1
        # A module with warnings is another result than one without.
        said = "".join(map(str, result.diagnostics))
        return said or result.module


def differences(project: Project, edits: int) -> Iterator[str]:
    """The edits after which a link with the cache gave anything else than one without."""
    project.variants = [project.random.randrange(VARIANTS) for _ in range(UNITS)]
    for number in range(edits):
        what = project.edit()
        inputs = project.write()
        project.disturb()
        cached = project.link(inputs, cached=True)
        clean = project.link(inputs, cached=False)
        if cached != clean:
            yield f"edit {number}, with flags {project.flags}: {what}"
