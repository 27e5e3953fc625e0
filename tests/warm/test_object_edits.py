"""Random edits of hand-written objects: warm links write what clean ones do, and meet all that they accept."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.edited_objects import SYMBOL_KINDS
from tests.support.object_edits import ObjectProject, object_differences, visit_options
from tests.support.toolchain import compile_object
from wasmlink_tool import LinkOptions, link
from wasmlink_tool.binary.constants import SectionId
from wasmlink_tool.incremental.accepted import ACCEPTED
from wasmlink_tool.options import FIELDS

SECTIONS = {SectionId.CODE: "CODE", SectionId.DATA: "DATA", SectionId.CUSTOM: "CUSTOM"}
NOT_REACHED = {
    "inputs": "each link has some",
    "cache_directory": "each warm link has one",
    "time_report": "each warm link here has one",
    "smallest": "sets other fields, which are here by themselves",
    "bsymbolic": "a static link warns about it, and leaves no state then",
    "remarks": "a link with a remark leaves no state",
    "lto_cache_policy": "a link with bitcode leaves no state",
    "size_note": "prints how the size changed since the last link",
    "component": "made of the finished module",
    "component_types": "for components",
    "component_world": "for components",
    "string_encoding": "for components",
    "adapters": "for components",
    "wasi_adapter": "for components",
    "merge_imports_based_on_semver": "for components",
    "realloc_via_memory_grow": "for components",
    "reject_legacy_names": "for components",
    "main_world_first": "for components",
}
"""Options that a warm link accepts and the edits leave alone, with the reason."""


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("is_common", [False, True], ids=["all types", "common types"])
def test_random_edits_of_objects(seed: int, is_common: bool, tmp_path: Path) -> None:
    project = ObjectProject(tmp_path, seed, is_common=is_common)
    assert list(object_differences(project, 100)) == []
    assert project.reused["used"] > 20


def test_edits_reach_every_relocation_and_symbol_that_a_warm_link_accepts(tmp_path: Path) -> None:
    project = ObjectProject(tmp_path, 3)
    accepted = {(SECTIONS[section], type_) for section, types in ACCEPTED.items() for type_ in types}
    for _ in range(8):
        assert list(object_differences(project, 60)) == []
        reached = {(section, type_) for section, type_, _ in project.references}
        if reached >= accepted:
            break
    assert reached == accepted
    assert {kind for _, _, kind in project.references} == SYMBOL_KINDS


def test_edits_reach_every_option_that_a_warm_link_accepts(tmp_path: Path) -> None:
    project = ObjectProject(tmp_path, 4)
    assert list(visit_options(project)) == []
    assert project.options == {field.name for field in FIELDS if field.warm} - NOT_REACHED.keys()


USES = (
    "extern int d, e; static int *volatile pointer = &d; static volatile int sink;\n"
    '__attribute__((noinline)) int user(void) {{ asm(""); return (int)&d; }}\n'
    "void _start(void) {{ sink = *pointer; sink = (int)&e; {} }}\n"
)
BOTH, ONE = "sink = user();", "sink = 5;"


@pytest.mark.parametrize(("before", "after"), [(BOTH, ONE), (ONE, BOTH)], ids=["goes", "comes"])
def test_reference_to_the_global_offset_table(before: str, after: str, tmp_path: Path) -> None:
    """The first live reference to a symbol adds an entry, and the last one that goes removes it."""
    cache = tmp_path / "objects"
    cache.mkdir()
    (tmp_path / "d.o").write_bytes(compile_object("int d = 1, e = 2;\n", ".c", cache))
    inputs = [str(tmp_path / "a.o"), str(tmp_path / "d.o")]
    for body in (before, after):
        text = "// flags: -fPIC\n" + USES.format(body)
        (tmp_path / "a.o").write_bytes(compile_object(text, ".c", cache))
        warm = link(LinkOptions(inputs=inputs, output=None, cache_directory=str(tmp_path / "cache"))).module
        assert warm == link(LinkOptions(inputs=inputs, output=None)).module


def test_files_that_use_the_global_offset_table_change_places(tmp_path: Path) -> None:
    """Entries are numbered by first use, in the order of the files."""
    cache = tmp_path / "objects"
    cache.mkdir()
    sources = {
        "d": "int d = 1, e = 2; void a(void); void b(void); void _start(void) { a(); b(); }\n",
        "a": "extern int d; static volatile int sink; void a(void) { sink = (int)&d; }\n",
        "b": "extern int e; static volatile int sink; void b(void) { sink = (int)&e; }\n",
    }
    for name, text in sources.items():
        (tmp_path / f"{name}.o").write_bytes(compile_object(f"// flags: -fPIC\n{text}", ".c", cache))
    modules = set()
    for order in ("dab", "dba"):
        inputs = [str(tmp_path / f"{name}.o") for name in order]
        output = str(tmp_path / "module.wasm")
        warm = link(LinkOptions(inputs=inputs, output=output, cache_directory=str(tmp_path / "cache"))).module
        assert warm == link(LinkOptions(inputs=inputs, output=output)).module
        modules.add(warm)
    assert len(modules) == 2
