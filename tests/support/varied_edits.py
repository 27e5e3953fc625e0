"""Random edits of a project of :mod:`.varied_objects`: what each object has, and which files there are, and where.

``python -m bench.edits --varied`` makes thousands; each link with the cache must say and write what one without does.
"""

from __future__ import annotations

import copy
import os
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.support.archives import archive_of
from tests.support.object_edits import OPTIONS, how_it_began, options_in
from tests.support.varied_encoding import encode
from tests.support.varied_objects import NAMES, Chunk, Label, Unit, change, random_unit, signature_of
from wasmlink_tool.diagnostics import LinkError
from wasmlink_tool.inputs import parse_cache
from wasmlink_tool.linker import link
from wasmlink_tool.options import DataOrder, IcfLevel, Input, LinkOptions, UnresolvedPolicy

UNITS = 5
_SETTINGS = 3
_EDITED = ("units", "places", "names", "is_archive", "order", "libraries", "settings")
_ARCHIVES = ("libone.a", "libtwo.a")
PASSES: tuple[dict[str, object], ...] = (
    {"gc_sections": False},
    {"build_id": "sha1"},
    {"strip_debug": True, "compress_relocations": True},
    {"wrap": ["f1", "inline0"]},
    {"emit_relocs": True},
    {"omit_zeros": True},
    {"icf": IcfLevel.ALL},
    {"shared": True, "unresolved_symbols": UnresolvedPolicy.IMPORT_DYNAMIC},
    {"pie": True},
    {"shared_memory": True, "max_memory": 1 << 24, "check_features": False},
    {"data_order": DataOrder.PACKED, "gc_sections": False},
    {"unresolved_symbols": UnresolvedPolicy.IMPORT_DYNAMIC},
    {"keep_names": ["functions"]},
)
"""Options with which links run the passes."""


class VariedProject:
    """Units under edits, the files that they are in, and the options."""

    def __init__(self, work: Path, seed: int) -> None:
        self.work = work
        self.random = pick = random.Random(seed)
        is_common = seed % 3 != 0
        self.units = [random_unit(pick, number, is_common=is_common) for number in range(UNITS)]
        self.places = ["object"] * UNITS
        """``object``, ``lazy``, ``absent`` or an archive."""
        self.names = [f"u{number}.o" for number in range(UNITS)]
        self.is_archive = [False] * UNITS
        """The file of the object's name is an archive with the object as its only member."""
        self.order = list(range(UNITS))
        self.libraries: list[str] = list(_ARCHIVES)
        self.settings: list[dict[str, object]] = [{}] * _SETTINGS
        self.flags: dict[str, object] = {}
        self.cache = work / "cache"
        self.reused = Counter[str]()
        self.errors = Counter[str]()
        self.kinds = Counter[str]()
        (work / "names.txt").write_text("nobody\n")
        (work / "libstub.so").write_text("#STUB\nstubbed: f1\n")
        self._write_shared_library()

    def _write_shared_library(self) -> None:
        unit = Unit(0)
        unit.functions.append(Chunk(labels=[Label("shared_function")], signature=signature_of("shared_function")))
        unit.segments.append(Chunk(".data.shared_data", [Label("shared_data")], content=bytes(4)))
        (self.work / "shared.o").write_bytes(encode(unit))
        options = LinkOptions(inputs=[str(self.work / "shared.o")], output=str(self.work / "libshared.so"), shared=True)
        link(options)

    # Edits

    def edit(self) -> str:
        """Change something, or several things at once, and return what."""
        pick = self.random
        self.flags = pick.choice(self.settings)
        absent = [number for number in range(UNITS) if self.places[number] == "absent"]
        if absent and pick.random() < 0.4:
            self.places[absent[0]] = "object"
        return ", ".join(self._edit_once() for _ in range(pick.choice((1, 1, 1, 1, 2, 3))))

    def _edit_once(self) -> str:
        pick = self.random
        number = pick.randrange(UNITS)
        kind = pick.choice((*["unit"] * 24, "again", "place", "order", "name", "swap", "libraries", *["options"] * 2))
        self.kinds[kind] += 1
        if kind == "unit":
            return f"unit {number}: {change(pick, self.units[number])}"
        if kind == "again":
            self.units[number] = random_unit(pick, number, is_common=self.units[number].is_common)
        elif kind == "place":
            self.places[number] = pick.choice(("object", "object", "object", "lazy", "absent", *_ARCHIVES, *_ARCHIVES))
            self.is_archive[number] = pick.random() < 0.2
        elif kind == "order":
            self.order.insert(pick.randrange(UNITS), self.order.pop(pick.randrange(UNITS)))
        elif kind == "name":
            free = [text for text in (f"u{number}.o", f"a{number}.o", f"z{number}.o") if text not in self.names]
            self.names[number] = pick.choice(free or self.names[number : number + 1])
        elif kind == "swap":
            other = pick.randrange(UNITS)
            self.names[number], self.names[other] = self.names[other], self.names[number]
        elif kind == "libraries":
            self.libraries = pick.sample(_ARCHIVES, pick.randrange(1, 3))
            if pick.random() < 0.15:
                self.libraries.insert(pick.randrange(2), "libstub.so")
            if pick.random() < 0.3:
                self.libraries.insert(0, "+libone.a")
        else:
            return self._choose_options()
        return f"{kind} of unit {number}"

    def _choose_options(self) -> str:
        pick = self.random
        chosen: dict[str, object] = {}
        for _ in range(pick.randrange(4)):
            chosen.update(pick.choice(OPTIONS))
        if pick.random() < 0.25:
            chosen.update(pick.choice(PASSES))
        self.settings[pick.randrange(_SETTINGS)] = self.flags = chosen
        return f"options {chosen}"

    def snapshot(self) -> dict[str, object]:
        """Return a copy of all that edits change."""
        return {key: copy.deepcopy(getattr(self, key)) for key in _EDITED}

    def restore(self, snapshot: dict[str, object]) -> None:
        for key, value in snapshot.items():
            setattr(self, key, value)

    # Files

    def write(self) -> list[str | Input]:
        """Write the inputs, and name them in order."""
        inputs: list[str | Input] = []
        members: dict[str, list[tuple[str, bytes]]] = {title: [] for title in _ARCHIVES}
        for number in self.order:
            place, title = self.places[number], self.names[number]
            contents = encode(self.units[number])
            if place in members:
                members[place].append((title, contents))
                continue
            if place == "absent":
                (self.work / title).unlink(missing_ok=True)
                continue
            if self.is_archive[number]:
                contents = archive_of([(title, contents)])
            self._write(self.work / title, contents)
            inputs.append(Input(str(self.work / title), lazy=place == "lazy"))
        for title, found in members.items():
            self._write(self.work / title, archive_of(found))
        if self.flags.get("shared") or self.flags.get("pie"):
            inputs.append(Input(str(self.work / "libshared.so"), shared=True))
        for title in self.libraries:
            path = str(self.work / title.removeprefix("+"))
            inputs.append(Input(path, whole_archive=title.startswith("+")) if os.path.exists(path) else path)
        return [item for item in inputs if os.path.exists(item.path if isinstance(item, Input) else item)]

    def _write(self, path: Path, contents: bytes) -> None:
        """Write a file; now and then replace it, or keep its time of modification."""
        pick = self.random.random()
        if not path.exists() or pick < 0.4:
            path.write_bytes(contents)
        elif pick < 0.6:
            fresh = path.with_suffix(".new")
            fresh.write_bytes(contents)
            os.replace(fresh, path)
        elif pick < 0.8 or path.read_bytes() != contents:
            status = path.stat()
            path.write_bytes(contents)
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    def disturb(self) -> None:
        """Forget what the process keeps in memory, or remove or edit the output, now and then."""
        if self.random.random() < 0.2:
            parse_cache.forget()
        output = self.work / "linked.wasm"
        if self.random.random() < 0.1 and output.exists():
            if self.random.random() < 0.5:
                output.unlink()
            else:
                output.write_bytes(b"\0asm\1\0\0\0")

    # Links

    def link(self, inputs: list[str | Input], *, cached: bool) -> tuple[str, bytes]:
        """Return what is said, and the module."""
        given = {
            "import_undefined": True,
            "entry": "f0",
            "unresolved_symbols": UnresolvedPolicy.IGNORE,
            "allow_multiple_definition": True,
            "exports_if_defined": [f"f{number}" for number in range(1, NAMES, 2)],
            **self.flags,
        }
        options = options_in(self.work, inputs, given, self.cache if cached else None)
        try:
            result = link(options)
        except LinkError as error:
            if cached:
                self.reused["the link failed"] += 1
                self.errors[str(error).splitlines()[0][-60:]] += 1
            return str(error), b""
        if cached:
            self.reused[how_it_began(options)] += 1
        written = Path(str(options.output))
        module = written.read_bytes() if written.is_file() else b"not written"
        assert module == result.module, "the file is not the module"
        return "".join(map(str, result.diagnostics)), result.module


def varied_differences(project: VariedProject, edits: int) -> Iterator[str]:
    """Yield the edits after which a link with the cache gave anything else than one without."""
    for number in range(edits):
        before = project.snapshot()
        what = project.edit()
        inputs = project.write()
        project.disturb()
        cached = project.link(inputs, cached=True)
        clean = project.link(inputs, cached=False)
        if cached != clean:
            where = f"{project.places} {project.names} {project.libraries}"
            yield f"edit {number}: {what}, options {project.flags}, {where}"
        elif not cached[1] and project.random.random() < 0.8:
            # Most links fail after one that failed, if nothing is undone.
            project.restore(before)
