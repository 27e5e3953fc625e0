"""Random edits of hand-written objects (:mod:`.edited_objects`), each linked with the cache and without.

``python -m bench.edits --objects`` makes thousands; both links must say and write the same. What the links that
repeated no decision have seen is recorded: a test holds it against what the linker says that it accepts.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.support.archives import archive_of
from tests.support.edited_objects import FEATURES, UNITS, Unit, unit
from wasmlink_tool.diagnostics import LinkError
from wasmlink_tool.incremental.state import state_key
from wasmlink_tool.inputs import parse_cache
from wasmlink_tool.linker import link
from wasmlink_tool.options import DataOrder, Input, LinkOptions, UnresolvedPolicy

VARIANTS, SHADES = 6, 40
OPTIONS: tuple[dict[str, object], ...] = (
    {"output": "out.wasm"},
    {"library_paths": ["."]},
    {"check_shared_signatures": False},
    {"runtime_paths": ["lib"]},
    {"entry": None},
    {"undefined": ["dead1", "nothing"]},
    {"exports": ["f1", "d2"]},
    {"exports_if_defined": ["shared", "nobody"]},
    {"export_all": True},
    {"export_dynamic": True},
    {"allow_multiple_definition": True},
    {"allow_undefined_files": ["names.txt"]},
    {"import_undefined": True},
    {"unresolved_symbols": UnresolvedPolicy.IGNORE},
    {"start": "dead3"},
    {"page_size": 1},
    {"stack_first": False},
    {"stack_size": 32768},
    {"global_base": 131072},
    {"initial_memory": 1 << 20},
    {"initial_heap": 1 << 17},
    {"max_memory": 1 << 21},
    {"growable_memory": False},
    {"import_memory": ("env", "memory")},
    {"export_memory": "mem"},
    {"import_table": True},
    {"export_table": True},
    {"growable_table": True},
    {"table_base": 7},
    {"merge_data_segments": False},
    {"optimize": 0},
    {"optimize": 2},
    {"data_order": DataOrder.PACKED},
    {"strip_debug": True},
    {"strip_all": True},
    {"strip_all": True, "keep_sections": ("name",)},
    {"features": (*FEATURES, "simd128")},
    {"extra_features": ("simd128",)},
    {"check_features": False},
    {"record_linker": True},
    {"demangle": False},
    {"soname": "module"},
    {"lto_optimize": 3},
    {"lto_codegen_optimize": 1},
    {"lto_compiler": ("clang",)},
    {"llvm_options": ("-x",)},
    {"lto_object_path": "lto.o"},
    {"lto_debug_pass_manager": True},
    {"lto_cache_directory": "lto"},
    {"verify_bitcode": False},
    {"save_temps": True},
    {"thinlto_jobs": "2"},
    {"size_limit": "1m"},
    {"cache_limit": 1 << 28},
    {"shared_cache": True},
    {"threads": 1},
    {"fatal_warnings": True},
    {"noinhibit_exec": True},
)
"""Options that may be set together, one or more at a time."""
PASSES: tuple[dict[str, object], ...] = (
    {"gc_sections": False},
    {"build_id": "sha1"},
    {"strip_debug": True, "compress_relocations": True},
    {"wrap": ["shared"]},
    {"emit_relocs": True},
    {"omit_zeros": True},
)
FILES = frozenset(("allow_undefined_files", "output", "lto_object_path", "lto_cache_directory", "library_paths"))
_SETTINGS = 3


def options_in(work: Path, inputs: list[str | Input], given: dict[str, object], cache: Path | None) -> LinkOptions:
    """Return the options of a link in a directory; of one with a cache, with a time report.

    :param given: options by name. Files are named in the directory.
    """
    options = LinkOptions(inputs=inputs, output=str(work / "linked.wasm"))
    if cache is not None:
        options.cache_directory, options.time_report = str(cache), str(work / "report.json")
    for name, value in given.items():
        if name in FILES:
            value = [str(work / each) for each in value] if isinstance(value, list) else str(work / str(value))
        setattr(options, name, value)
    options.__post_init__()
    return options


def how_it_began(options: LinkOptions) -> str:
    """Return how a link with these options used the last one, by its time report."""
    how: str = json.loads(Path(str(options.time_report)).read_text())["last_link"]
    return how


class ObjectProject:
    """Units under edits, where they stand, and the options."""

    references: set[tuple[str, int, str]]
    """(section, relocation type, kind of symbol) in objects that were replaced in the last module."""
    options: set[str]
    """Options of links that did so."""

    def __init__(self, work: Path, seed: int, *, is_common: bool = False) -> None:
        """:param is_common: the units have the relocations that compilers write for static links, and no others."""
        self.work = work
        self.random = random.Random(seed)
        self._variants = range(1, VARIANTS, 2) if is_common else range(VARIANTS)
        self.variants = [self._variants[0]] * UNITS
        self.shades = [0] * UNITS
        self.in_archive = [False] * UNITS
        self.order = list(range(UNITS))
        self.settings: list[dict[str, object]] = [{}] * _SETTINGS
        self.flags: dict[str, object] = {}
        self.cache = work / "cache"
        self.reused = Counter[str]()
        self.errors = Counter[str]()
        self.references = set()
        self.options = set()
        self._units: list[Unit] = []
        self._linked: dict[str, list[bytes]] = {}
        (work / "names.txt").write_text("nobody\n")

    def edit(self, option: dict[str, object] | None = None) -> str:
        """Change something, and return what; with ``option``, the options become these."""
        pick = self.random
        if option is not None:
            self.flags = option
            return f"the options become {option}"
        self.flags = pick.choice(self.settings)
        kind = pick.choice((*["shade"] * 30, "variant", "place", "order", "order", "options", "nothing"))
        number = pick.randrange(UNITS)
        if kind == "variant":
            self.variants[number] = pick.choice(self._variants)
        elif kind == "shade":
            for number in pick.sample(range(UNITS), pick.choice((1, 1, 1, 2, 3))):
                self.shades[number] = pick.randrange(SHADES)
        elif kind == "order":
            self.order.insert(pick.randrange(UNITS), self.order.pop(pick.randrange(UNITS)))
        elif kind == "place":
            self.in_archive[number] = not self.in_archive[number]
        elif kind == "options":
            chosen: dict[str, object] = {}
            for _ in range(pick.randrange(4)):
                chosen.update(pick.choice(OPTIONS))
            if pick.random() < 0.15:
                chosen.update(pick.choice(PASSES))
            self.settings[pick.randrange(_SETTINGS)] = self.flags = chosen
        return f"{kind} of unit {number}"

    def write(self) -> list[str | Input]:
        """Write the inputs, and name them in order."""
        self._units = [unit(n, self.variants[n], self.shades[n]) for n in range(UNITS)]
        inputs: list[str | Input] = []
        members = []
        for number in self.order:
            made = self._units[number]
            if self.in_archive[number] and number:
                members.append((f"u{number}.o", made.contents))
                continue
            path = self.work / f"u{number}.o"
            path.write_bytes(made.contents)
            inputs.append(str(path))
        archive = self.work / "lib.a"
        archive.write_bytes(archive_of(members))
        return [*inputs, str(archive)]

    def disturb(self) -> None:
        """Forget what the process keeps in memory, now and then."""
        if self.random.random() < 0.1:
            parse_cache.forget()

    def link(self, inputs: list[str | Input], *, cached: bool) -> bytes | str:
        """Return the module, or what is said of it."""
        given = {"import_undefined": True, "entry": "f0", **self.flags}
        options = options_in(self.work, inputs, given, self.cache if cached else None)
        try:
            result = link(options)
        except LinkError as error:
            if cached:
                self.reused["the link failed"] += 1
                self.errors[str(error).splitlines()[0][-90:]] += 1
            return str(error)
        if cached:
            self._record(how_it_began(options), state_key(options))
        return "".join(map(str, result.diagnostics)) or result.module

    def _record(self, how: str, key: str) -> None:
        """Record what a link has replaced since the last one that saved the state of this key."""
        self.reused[how] += 1
        contents = [made.contents for made in self._units]
        if how.startswith("decisions updated"):
            # It saves no state, and replaces by other rules.
            return
        if how != "used":
            self._linked[key] = contents
            return
        before = self._linked.get(key)
        if before is None:
            return
        changed = [made for made, old in zip(self._units, before) if made.contents != old]
        for made in changed:
            self.references |= made.references
        if changed:
            self.options |= self.flags.keys()


def object_differences(project: ObjectProject, edits: int) -> Iterator[str]:
    """Yield the edits after which a link with the cache gave anything else than one without."""
    for number in range(edits):
        what = project.edit()
        yield from compare(project, f"edit {number}: {what}")


def compare(project: ObjectProject, what: str) -> Iterator[str]:
    """Link what is there in both ways; yield ``what`` if they differ."""
    inputs = project.write()
    project.disturb()
    cached = project.link(inputs, cached=True)
    if cached != project.link(inputs, cached=False):
        yield f"{what}, with options {project.flags}, variants {project.variants}, shades {project.shades}"


def visit_options(project: ObjectProject) -> Iterator[str]:
    """Link with each option, and after an edit; yield what differs."""
    for option in OPTIONS:
        project.edit(option)
        yield from compare(project, f"options {option}")
        for _ in range(3):
            number = project.random.randrange(1, UNITS)
            project.shades[number] = (project.shades[number] + 1) % SHADES
            yield from compare(project, f"unit {number} changes")
