"""A link after each class of edit is that of a clean link, and begins with what the last one left."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.archives import archive_of
from tests.support.toolchain import compile_object
from tests.warm.program import EDITS, OF_CXX, Program, program
from wasmlink_tool.diagnostics import LinkError
from wasmlink_tool.inputs import parse_cache
from wasmlink_tool.linker import link
from wasmlink_tool.options import DataOrder, LinkOptions

UNITS = 8
MODES: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "debug": ("-g", {}),
    "stripped": ("-g0", {"strip_debug": True}),
    "packed": ("-g1", {"data_order": DataOrder.PACKED}),
    "dwarf5": ("-gdwarf-5", {"optimize": 2}),
    "types": ("-gdwarf-4 -fdebug-types-section", {"export_dynamic": True}),
    "no-gc": ("-g", {"gc_sections": False}),
    "compressed": ("-g", {"compress_relocations": True, "strip_debug": True}),
    "no-zeros": ("-g", {"omit_zeros": True}),
    "smallest": (
        "-g",
        {
            "smallest": True,
            "renumber": False,
            **dict.fromkeys(("strip_all", "icf", "compress_relocations", "omit_zeros")),
        },
    ),
    "named": ("-g", {"build_id": "sha1", "export_all": True}),
    "pic-static": ("-g -fPIC", {}),
    "pie": ("-g -fPIC", {"pie": True, "entry": "_start"}),
    "shared": ("-g -fPIC", {"shared": True, "entry": None}),
    "threads": (
        "-g -matomics -mbulk-memory",
        {"shared_memory": True, "max_memory": 1 << 20, "initial_memory": 1 << 20},
    ),
    "wasm64": ("-g -target wasm64-freestanding", {"memory64": True}),
    "wrapped": ("-g", {"wrap": ("library_second",)}),
}
"""The compiler's flags and the link's."""


class Project:
    """A program in a directory, compiled and linked with one mode's flags."""

    def __init__(self, work: Path, objects: Path, suffix: str, mode: str) -> None:
        self.work = work
        self.objects = objects
        self.suffix = suffix
        self.flags, self.options = MODES[mode]
        self.report = work / "report.json"

    def write(self, made: Program) -> list[str]:
        """Compile the program, and name the inputs of its link."""
        paths = []
        for name in made.order:
            paths.append(str(self._write(name, self._compiled(made, name))))
        members = [(Path(name).stem + ".o", self._compiled(made, name)) for name in made.members]
        library = self.work / "library.a"
        library.write_bytes(archive_of(members))
        return [*paths, str(library)]

    def _compiled(self, made: Program, name: str) -> bytes:
        flags = f"{self.flags} -std=c++17" if self.suffix == ".cpp" else self.flags
        optimize = made.optimize.get(name, "-O1")
        text = f"// flags: {flags} {optimize} -fno-threadsafe-statics -Wno-everything\n{made.texts[name]}"
        return compile_object(text, self.suffix, self.objects)

    def _write(self, name: str, contents: bytes) -> Path:
        path = self.work / f"{name}.o"
        if not path.exists() or path.read_bytes() != contents:
            path.write_bytes(contents)
        return path

    def link(self, inputs: list[str], *, cached: bool) -> tuple[bytes | str, str]:
        """The module, or what is wrong; and how the link began."""
        options = LinkOptions(inputs=inputs, output=str(self.work / "module.wasm"))
        for name, value in self.options.items():
            setattr(options, name, value)
        if cached:
            options.cache_directory, options.time_report = str(self.work / "cache"), str(self.report)
        options.__post_init__()
        try:
            module: bytes | str = link(options).module
        except LinkError as error:
            return str(error), ""
        return module, json.loads(self.report.read_text())["last_link"] if cached else ""


@pytest.mark.parametrize("suffix", [".c", ".cpp"])
@pytest.mark.parametrize("mode", MODES)
def test_edits(mode: str, suffix: str, tmp_path: Path, objects: Path) -> None:
    project = Project(tmp_path, objects, suffix, mode)
    inputs = project.write(program(suffix, UNITS, hosted=False))
    module, _ = project.link(inputs, cached=True)
    assert isinstance(module, bytes), module
    for name, edit in EDITS.items():
        if suffix == ".c" and name in OF_CXX:
            continue
        made = program(suffix, UNITS, hosted=False)
        edit(made)
        # There, and back again.
        for direction, version in ((name, made), (f"undo: {name}", program(suffix, UNITS, hosted=False))):
            inputs = project.write(version)
            parse_cache.forget()
            module, how = project.link(inputs, cached=True)
            clean, _ = project.link(inputs, cached=False)
            assert isinstance(clean, bytes), f"{direction}: {clean}"
            assert module == clean, f"{direction}, {how}"
            assert not how.startswith("not used"), f"{direction}: {how}"


UPDATED = frozenset(
    (
        "a call to a live function",
        "a call to a dead function",
        "a new static function",
        "a static function removed",
        "a new signature",
        "a signature changed across files",
        "a call into the library",
        "a member of a library",
        "a new file",
        "a file removed",
        "a file moved in the list",
        "a template instantiated elsewhere",
    )
)
"""Edits after which decisions are updated from the columns of the state, without the passes."""
NEEDS_ORDER = frozenset(
    (
        "a call into the library",
        "a new file",
        "a file removed",
        "a file moved in the list",
        "a template instantiated elsewhere",
    )
)
"""Edits after which the names of all objects are resolved again."""
NO_DECISION = frozenset(("a constant", "a statement added", "a statement removed", "another optimization level"))
"""Edits after which no decision differs."""


@pytest.mark.parametrize("suffix", [".c", ".cpp"])
@pytest.mark.parametrize("mode", ["debug", "stripped", "dwarf5", "types"])
def test_decisions_that_differ_are_updated_without_the_passes(
    mode: str, suffix: str, tmp_path: Path, objects: Path
) -> None:
    project = Project(tmp_path, objects, suffix, mode)
    base = program(suffix, UNITS, hosted=False)
    project.link(project.write(base), cached=True)
    for name in (*NO_DECISION, *UPDATED):
        if suffix == ".c" and name in OF_CXX:
            continue
        if mode == "types" and name in NEEDS_ORDER:
            # Everything is exported, in the order of the files.
            continue
        made = program(suffix, UNITS, hosted=False)
        EDITS[name](made)
        inputs = project.write(made)
        parse_cache.forget()
        # Neither way leaves a new state: each edit is one of the program that was linked first.
        module, how = project.link(inputs, cached=True)
        clean, _ = project.link(inputs, cached=False)
        assert module == clean, f"{name}, {how}"
        assert how.partition(":")[0] == ("used" if name in NO_DECISION else "decisions updated"), f"{name}: {how}"


def test_the_report_names_what_was_linked_again_and_why(tmp_path: Path, objects: Path) -> None:
    project = Project(tmp_path, objects, ".c", "debug")
    project.link(project.write(program(".c", UNITS, hosted=False)), cached=True)
    made = program(".c", UNITS, hosted=False)
    EDITS["a new file"](made)
    EDITS["a call to a dead function"](made)
    inputs = project.write(made)
    _, how = project.link(inputs, cached=True)
    assert how.startswith("decisions updated")
    report = json.loads(project.report.read_text())
    reasons = {Path(name).stem: why for name, why in report["linked_again"].items()}
    assert reasons["added.c"] == "it is new"
    assert reasons[made.name(made.middle)] == "it changed"
    assert reasons[made.name(made.middle + 2)] == "other functions of it are in the output"
    assert report["counts"]["objects linked again"] == 3
    assert report["counts"]["objects copied from the last module"] > 0


def test_the_report_of_the_passes_counts_what_they_copied(tmp_path: Path, objects: Path) -> None:
    project = Project(tmp_path, objects, ".c", "no-gc")
    project.link(project.write(program(".c", UNITS, hosted=False)), cached=True)
    made = program(".c", UNITS, hosted=False)
    EDITS["a call to a dead function"](made)
    _, how = project.link(project.write(made), cached=True)
    assert how.startswith("decided again")
    report = json.loads(project.report.read_text())
    assert report["counts"]["objects linked again"] == 1
    assert report["counts"]["bytes copied from the last module"] > 0
    assert report["counts"]["fields of debug information corrected"] > 0


def test_many_changed_objects_are_patched_once(tmp_path: Path, objects: Path) -> None:
    units = 60
    project = Project(tmp_path, objects, ".c", "stripped")

    def link(*edits: str) -> str:
        made = program(".c", units, hosted=False, functions=1)
        for name in edits:
            EDITS[name](made)
        inputs = project.write(made)
        module, how = project.link(inputs, cached=True)
        assert module == project.link(inputs, cached=False)[0]
        return how.partition(":")[0]

    link()
    header = "a header of a fifth of the files"
    assert link(header) == "used"
    # The same link again.
    assert link(header) == "used"
    # Every further link would have to link the same objects again: here is a new state.
    assert link(header, "a signature changed across files") == "decided again"
    assert link(header) == "decisions updated"
