"""A plug-in in C, linked to a component with ``--component``, has the reference's bytes and runs with typed values."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import wasmtime
from wasmtime.component import Component, Linker, ResourceAny, ResourceHost, ResourceType

from tests.component import reference
from tests.support import objects as objects_of
from tests.support.toolchain import compile_object
from wasmlink_tool.cli import command
from wasmlink_tool.component import ComponentError, componentize

CASES = Path(__file__).parent / "cases"
INTERFACE = "test:plugin/shapes@1.0.0"
ENTRY = ["--no-entry", "--stack-first"]


def description(wit: Path, folder: Path) -> bytes:
    """An object that has nothing but the section that describes the world of a file."""
    reference.run("component", "embed", wit, "--only-custom", "-o", folder / "world.wasm")
    payload = (folder / "world.wasm").read_bytes()
    return objects_of.MAGIC + objects_of.custom(f"component-type:{wit.stem}", payload) + objects_of.linking()


@pytest.fixture(scope="session")
def objects(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The plug-in's objects: its code and its world."""
    folder = tmp_path_factory.mktemp("plugin")
    (folder / "world.o").write_bytes(description(CASES / "plugin.wit", folder))
    source = (CASES / "plugin.c").read_text(encoding="utf-8")
    (folder / "plugin.o").write_bytes(compile_object(source, ".c", folder))
    return [str(folder / "plugin.o"), str(folder / "world.o")]


def link(arguments: list[str], output: Path) -> bytes:
    assert command.run("wasmlink", [*arguments, "-o", str(output)]) == 0
    return output.read_bytes()


def test_a_plugin_has_the_references_bytes(objects: list[str], tmp_path: Path) -> None:
    core = link([*ENTRY, *objects], tmp_path / "core.wasm")
    ours = link([*ENTRY, "--component", *objects], tmp_path / "plugin.wasm")
    assert reference.strip(ours) == reference.strip(reference.component(core, tmp_path))
    reference.validate(ours)


def test_the_worlds_of_several_objects_are_joined(tmp_path: Path) -> None:
    names = []
    for name in ("first", "second"):
        wit = tmp_path / f"{name}.wit"
        wit.write_text(f"package test:{name}; world {name} {{ export {name}: func() -> u32; }}", encoding="utf-8")
        source = f'__attribute__((export_name("{name}"))) unsigned {name}(void) {{ return 7; }}'
        (tmp_path / f"{name}.o").write_bytes(compile_object(source, ".c", tmp_path))
        (tmp_path / f"{name}-world.o").write_bytes(description(wit, tmp_path))
        names += [str(tmp_path / f"{name}.o"), str(tmp_path / f"{name}-world.o")]
    core = link([*ENTRY, *names], tmp_path / "core.wasm")
    ours = link([*ENTRY, "--component", *names], tmp_path / "joined.wasm")
    assert reference.strip(ours) == reference.strip(reference.component(core, tmp_path))
    reference.validate(ours)


@pytest.mark.parametrize("flags", [["-s"], ["-S"], ["-O2"], ["--gc-sections"], ["--build-id=uuid"]])
def test_other_options_keep_the_description(flags: list[str], objects: list[str], tmp_path: Path) -> None:
    reference.validate(link([*ENTRY, *flags, "--component", *objects], tmp_path / "plugin.wasm"))


class Plugin:
    """The plug-in on wasmtime, with a host that counts and listens."""

    def __init__(self, component: bytes) -> None:
        self.said: list[str] = []
        self.counters: dict[int, int] = {}
        engine = wasmtime.Engine()
        self.store = wasmtime.Store(engine)
        linker = Linker(engine)
        self.counter_type = ResourceType.host(1)
        with linker.root() as root, root.add_instance("test:plugin/host@1.0.0") as host:
            host.add_resource("counter", self.counter_type, lambda store, rep: self.counters.pop(rep))
            host.add_func("[constructor]counter", self.new_counter)
            host.add_func("[method]counter.next", self.next_count)
            host.add_func("log", lambda store, text: self.said.append(text))
        self.instance = linker.instantiate(self.store, Component(engine, component))
        self.interface = self.instance.get_export_index(self.store, INTERFACE)

    def new_counter(self, store: Any, start: int) -> Any:
        rep = len(self.counters) + 100
        self.counters[rep] = start
        return ResourceHost.own(rep, 1).to_any(self.store)

    def next_count(self, store: Any, counter: Any) -> int:
        rep = counter.to_host(self.store).rep if isinstance(counter, ResourceAny) else counter.rep
        self.counters[rep] += 1
        return self.counters[rep]

    def call(self, name: str, *arguments: Any) -> Any:
        index = self.instance.get_export_index(self.store, name, self.interface)
        assert index is not None, name
        function = self.instance.get_func(self.store, index)
        assert function is not None
        return function(self.store, *arguments)


@pytest.fixture
def plugin(objects: list[str], tmp_path: Path) -> Plugin:
    return Plugin(link([*ENTRY, "--component", *objects], tmp_path / "plugin.wasm"))


def test_a_plugin_takes_and_returns_typed_values(plugin: Plugin) -> None:
    assert plugin.call("join", ["a", "bc", "d"], "+") == "a+bc+d"
    assert plugin.said == ["a+bc+d"]
    freed = plugin.instance.get_func(plugin.store, "freed")
    assert freed is not None and freed(plugin.store) == 1
    assert plugin.call("area", 2.0) == 12.0
    assert plugin.call("area", None) is None
    twice = plugin.instance.get_func(plugin.store, "twice")
    assert twice is not None and twice(plugin.store, 1 << 40) == 1 << 41


def test_a_resource_lives_until_its_handle_is_dropped(plugin: Plugin) -> None:
    canvas = plugin.call("[constructor]canvas", "easel")
    assert plugin.call("[method]canvas.draw", canvas, None) == 11
    assert plugin.call("[method]canvas.draw", canvas, 1.0) == 13
    assert plugin.call("[method]canvas.name", canvas) == "easel"
    assert plugin.counters
    canvas.drop(plugin.store)
    assert plugin.said[-1] == "easel"
    assert not plugin.counters


def test_a_warm_link_makes_the_component_of_a_clean_one(objects: list[str], tmp_path: Path) -> None:
    source = (CASES / "plugin.c").read_text(encoding="utf-8")
    changed = tmp_path / "changed.o"
    changed.write_bytes(Path(objects[0]).read_bytes())
    given = [*ENTRY, "--component", str(changed), objects[1]]
    report = tmp_path / "times.json"
    cached = [*given, f"--cache-dir={tmp_path / 'cache'}", f"--time-report={report}"]
    link(cached, tmp_path / "plugin.wasm")
    changed.write_bytes(compile_object(source.replace("2 * number", "number * 2 + 1"), ".c", tmp_path))
    warm = link(cached, tmp_path / "plugin.wasm")
    assert "not used" not in report.read_text(encoding="utf-8")
    assert warm == link(given, tmp_path / "plugin.wasm")


def test_the_module_interface_and_the_command_agree(objects: list[str], tmp_path: Path) -> None:
    core = link([*ENTRY, *objects], tmp_path / "core.wasm")
    output = tmp_path / "component.wasm"
    arguments = [str(tmp_path / "core.wasm"), "-o", str(output)]
    subprocess.run([sys.executable, "-m", "wasmlink_tool.component", *arguments], check=True)
    assert output.read_bytes() == componentize(core)


def test_a_missing_function_is_shown_as_the_world_says_it(objects: list[str], tmp_path: Path) -> None:
    source = (CASES / "plugin.c").read_text(encoding="utf-8").replace('EXPORT("twice")', "")
    (tmp_path / "lacking.o").write_bytes(compile_object(source, ".c", tmp_path))
    core = link([*ENTRY, str(tmp_path / "lacking.o"), objects[1]], tmp_path / "core.wasm")
    wanted = r"does not export function 'twice' of the world: the world says func\(number: u64\) -> u64"
    with pytest.raises(ComponentError, match=wanted):
        componentize(core)


def test_another_signature_is_shown_beside_the_worlds(objects: list[str], tmp_path: Path) -> None:
    source = (CASES / "plugin.c").read_text(encoding="utf-8").replace("u64 twice(u64 number)", "u32 twice(u32 number)")
    (tmp_path / "other.o").write_bytes(compile_object(source, ".c", tmp_path))
    core = link([*ENTRY, str(tmp_path / "other.o"), objects[1]], tmp_path / "core.wasm")
    wanted = r"as \(i32\) -> \(i32\), but the world says func\(number: u64\) -> u64, which is \(i64\) -> \(i64\)"
    with pytest.raises(ComponentError, match=wanted):
        componentize(core)
