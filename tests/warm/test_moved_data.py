"""After edits of data a link updates its decisions, and its module is that of a clean link."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.toolchain import compile_object
from wasmlink_tool.diagnostics import LinkError
from wasmlink_tool.incremental import state as states
from wasmlink_tool.inputs import parse_cache
from wasmlink_tool.linker import link
from wasmlink_tool.opening import checked
from wasmlink_tool.options import DataOrder, LinkOptions

MAIN = """
extern int middle(int), last(int);
extern char __heap_base, __data_end;
extern const char *const names[];
extern int shared_counter;
static int array[] __attribute__((section("entries"), used)) = {1, 2};
extern int __start_entries[], __stop_entries[];
static int zeros[7];
const char *greeting(void) { return "one greeting for all"; }
void _start(void) {
  zeros[3] += middle(2) + last(3) + *names[1] + shared_counter + (__stop_entries - __start_entries);
  zeros[2] = (int)&__heap_base + (int)&__data_end + *greeting();
}
"""
MIDDLE = """
/* before */
int shared_counter = 5;
static short small = 7;
static double aligned[3] = {1, 2, 3};
static char room[33];
static const char *volatile tail = "for all";
const char *const names[] = {"the first", "the second", "first"};
/* more */
int middle(int x) {
  small += x; aligned[x & 1] += small; room[x & 7]++;
  /* do more */
  return (int)aligned[0] + *tail + room[3];
}
"""
LAST = """
static char small = 3;
static long long big[4] = {1, 2, 3, 4};
static int *volatile pointer;
extern const char *const names[];
static const char *const *volatile all = names;
extern int shared_counter;
int last(int x) {
  static int calls = 9;
  pointer = &shared_counter;
  return small + (int)big[x & 3] + *pointer + **all + *"the second" + ++calls;
}
"""
OBJECTS = {"main": MAIN, "middle": MIDDLE, "last": LAST}
Texts = Mapping[str, str]


def _replaced(name: str, *pairs: tuple[str, str]) -> dict[str, str]:
    text = OBJECTS[name]
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    return {**OBJECTS, name: text}


EDITS: Mapping[str, dict[str, str]] = {
    "a string grows": _replaced("middle", ('"the first"', '"the very first"')),
    "a string shrinks": _replaced("middle", ('"for all"', '"all"')),
    "a string is in another": _replaced("middle", ('"the first"', '"greeting for all"')),
    "a string that held others goes": _replaced("main", ('"one greeting for all"', '"other"')),
    "a new string": _replaced("middle", ("/* do more */", 'room[1] += *(const volatile char *)"anew";')),
    "a new variable": _replaced(
        "middle", ("/* before */", "int fresh[5] = {3};"), ("/* do more */", "fresh[x & 3]++;")
    ),
    "new zeros": _replaced("middle", ("/* more */", "static int fresh[50];"), ("/* do more */", "fresh[x & 31]++;")),
    "a variable goes": _replaced("middle", ("small += x;", ""), ("+= small;", "+= 1;")),
    "a larger variable": _replaced("middle", ("aligned[3] = {1, 2, 3}", "aligned[5] = {1, 2, 3}")),
    "a larger shared variable": _replaced("middle", ('"first"}', '"first", "x"}')),
    "a larger alignment": _replaced("middle", ("static short small", "_Alignas(64) static short small")),
    "zeros that were none": _replaced("middle", ("shared_counter = 5", "shared_counter = 0")),
    "values that were zeros": _replaced("middle", ("room[33];", "room[33] = {1};")),
    "an array of all objects grows": _replaced("main", ("= {1, 2}", "= {1, 2, 3}")),
    "many pages": _replaced("last", ("big[4]", "big[40000]")),
    "a pointer to another variable": _replaced(
        "last", ("pointer = &shared", "static int own; pointer = &own; &shared")
    ),
    "two objects at once": {**_replaced("middle", ('"the first"', '"1st"')), "last": LAST.replace("= 9", "= 9000")},
    "two objects with new data": {
        **_replaced("middle", ("/* more */", "static int fresh[9];"), ("/* do more */", "fresh[x & 7]++;")),
        "last": LAST.replace('"the second"', '"the third"'),
    },
}
BY_PASSES: Mapping[str, frozenset[str]] = {
    # What is exported may not be new, and its order may depend on the references to it.
    "exports": frozenset(("a new variable", "a pointer to another variable")),
    "exported": frozenset(("a pointer to another variable",)),
    # The type of the memory is among the imports.
    "imported-memory": frozenset(("many pages",)),
    # The end of the memory has no address.
    "whole-memory": frozenset(EDITS),
    # The object no longer imports the base of thread-local data.
    "thread-local": frozenset(("a variable goes",)),
}
"""By mode, the edits after which the passes run."""
MODES: Mapping[str, tuple[str, dict[str, object]]] = {
    "debug": ("-g", {}),
    "debug-dwarf5": ("-gdwarf-5", {"optimize": 2}),
    "stripped": ("-g0", {}),
    "packed": ("-g", {"data_order": DataOrder.PACKED}),
    "stack-last": ("-g", {"stack_first": False, "stack_size": 4096}),
    "global-base": ("-g0", {"global_base": 1 << 20}),
    "separate": ("-g", {"merge_data_segments": False}),
    "separate-packed": ("-g0", {"merge_data_segments": False, "data_order": DataOrder.PACKED}),
    "unmerged": ("-g", {"optimize": 0}),
    "exports": ("-g", {"export_all": True}),
    "exported": ("-g0", {"exports": ["names", "shared_counter", "__heap_base", "__data_end", "__heap_end"]}),
    "initial-heap": ("-g", {"initial_heap": 1 << 16}),
    "whole-memory": ("-g0", {"exports": ["__heap_end"], "initial_memory": 1 << 32}),
    "imported-memory": ("-g", {"import_memory": ("env", "memory")}),
    "thread-local": ("-g -matomics -mbulk-memory", {}),
}


class Project:
    """The objects in a directory, with the options of one mode."""

    def __init__(self, work: Path, objects: Path, mode: str) -> None:
        self.work = work
        self.objects = objects
        self.flags, self.more = MODES[mode]

    def write(self, texts: Texts) -> list[str]:
        is_thread_local = "-matomics" in self.flags
        paths = []
        for name, text in texts.items():
            if is_thread_local:
                text = text.replace("static short", "static _Thread_local short").replace(
                    "static int calls", "static _Thread_local int calls"
                )
            source = f"// flags: {self.flags} -O1 -Wno-everything\n{text}"
            path = self.work / f"{name}.o"
            contents = compile_object(source, ".c", self.objects)
            if not path.exists() or path.read_bytes() != contents:
                path.write_bytes(contents)
            paths.append(str(path))
        return paths

    def options(self, inputs: list[str], *, cached: bool) -> LinkOptions:
        options = LinkOptions(inputs=inputs, output=str(self.work / "module.wasm"))
        for name, value in self.more.items():
            setattr(options, name, value)
        if cached:
            options.cache_directory, options.time_report = str(self.work / "cache"), str(self.work / "report.json")
        options.__post_init__()
        return options

    def link(self, texts: Texts, *, cached: bool) -> bytes:
        parse_cache.forget()
        return link(self.options(self.write(texts), cached=cached)).module

    @property
    def how(self) -> str:
        how: str = json.loads((self.work / "report.json").read_text())["last_link"]
        return how


@pytest.mark.parametrize("mode", MODES)
def test_edits_of_data(mode: str, tmp_path: Path, objects: Path) -> None:
    project = Project(tmp_path, objects, mode)
    project.link(OBJECTS, cached=True)
    for name, texts in EDITS.items():
        clean = project.link(texts, cached=False)
        assert project.link(texts, cached=True) == clean, name
        if name not in BY_PASSES.get(mode, ()):
            assert project.how.startswith(("decisions updated", "used")), f"{name}: {project.how}"
        # What was not saved is as it was.
        assert project.link(OBJECTS, cached=True) == project.link(OBJECTS, cached=False), f"undo: {name}"


def test_damaged_columns_cost_a_link_at_worst(tmp_path: Path, objects: Path) -> None:
    """The columns of addresses, made up behind a right checksum: a link may write what they say, and does nothing
    worse."""
    project = Project(tmp_path, objects, "debug")
    project.link(OBJECTS, cached=True)
    inputs = project.write(OBJECTS)
    key = states.state_key(checked(project.options(inputs, cached=True)))
    cache = str(tmp_path / "cache")
    state = states.load(cache, key)
    assert state is not None
    whole = bytes(state.data[0])
    assert whole
    texts = EDITS["two objects with new data"]
    project.write(texts)
    clean = project.link(texts, cached=False)
    found = Counter[str]()
    pick = random.Random(1)
    for _ in range(250):
        data = bytearray(whole)
        for _ in range(pick.choice((1, 1, 2, 5))):
            at = pick.randrange(len(data))
            if pick.random() < 0.7:
                data[at] = pick.choice((0, 1, 0x7F, 0x80, 0xFF, pick.randrange(256)))
            else:
                data[at : at + 4] = pick.choice((b"\xff\xff\xff\x7f", b"\xff\xff\xff\xff", b"\0\0\0\0"))
        state.data = [bytes(data)]
        assert states.save(cache, key, state)
        parse_cache.forget()
        try:
            module = link(project.options(inputs, cached=True)).module
        except LinkError:
            found["error"] += 1
        else:
            found["same" if module == clean else "other"] += 1
    assert found.total() == 250
    assert found["same"] > 80
