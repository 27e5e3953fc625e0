"""C bindings: values of every type of WIT pass between C and the host, in both directions, and nothing leaks."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import wasmtime
from wasmtime.component import Component, Linker, Record, ResourceAny, ResourceHost, ResourceType, Variant

from tests.component import random_wit, random_worlds, reference
from tests.component.random_wit import description_of
from tests.support.toolchain import COMPILE, LANGUAGE_FLAGS, zig
from wasmlink_tool.cli import command
from wasmlink_tool.component.c_bindings import Bindings, write_bindings
from wasmlink_tool.component.descriptions import read_description
from wasmlink_tool.component.errors import ComponentError
from wasmlink_tool.component.wit_packages import WitPackages

CASES = Path(__file__).parent / "cases"
ECHO = "test:every/echo@1.0.0"
WARNINGS = ("-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror")


def compile_c(source: Path, output: Path, *flags: str) -> None:
    arguments = [zig(), *COMPILE, *LANGUAGE_FLAGS[".c"], "-g0", *WARNINGS, *flags, str(source), "-o", str(output)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def component(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("every")
    header, source = map(Path, write_bindings(str(CASES / "every_type.wit"), None, str(folder)))
    compile_c(source, folder / "bindings.o")
    compile_c(CASES / "every_type.c", folder / "every.o", "-I", str(header.parent), "-fno-builtin", "-Wno-unused")
    given = ["--component", "--no-entry", str(folder / "every.o"), str(folder / "bindings.o")]
    assert command.run("wasmlink", [*given, "-o", str(folder / "every.wasm")]) == 0
    made = (folder / "every.wasm").read_bytes()
    reference.validate(made)
    return made


class Plugin:
    """The component on wasmtime. The host notes what ``echo`` is given, and returns ``reply``."""

    def __init__(self, component: bytes) -> None:
        self.given: tuple[Any, ...] = ()
        self.reply: Any = None
        self.blobs: dict[int, bytes] = {}
        self.tokens: set[int] = set()
        engine = wasmtime.Engine()
        self.store = wasmtime.Store(engine)
        linker = Linker(engine)
        self.token = ResourceType.host(2)
        echo = WitPackages(str(CASES / "every_type.wit")).world().imports[ECHO].value
        with linker.root() as root:
            root.add_resource("token", self.token, lambda store, rep: self.tokens.remove(rep))
            root.add_func("[method]token.id", lambda store, token: self.rep(token))
            root.add_func("root-import", lambda store, point: record(x=point.y, y=point.x))
            with root.add_instance("test:every/types@1.0.0"):
                pass
            with root.add_instance("helper") as helper:
                helper.add_func("for", lambda store, number: number + 1)
            with root.add_instance(ECHO) as host:
                host.add_resource("blob", ResourceType.host(1), lambda store, rep: self.blobs.pop(rep))
                special = {
                    "[constructor]blob": lambda store, init: self.new_blob(init),
                    "[method]blob.read": lambda store, blob, n: self.blobs[self.rep(blob)][:n],
                    "[method]blob.size": lambda store, blob: len(self.blobs[self.rep(blob)]),
                    "[static]blob.merge": self.merge,
                    "size-of": self.size_of,
                    "hold": self.hold,
                }
                for name in echo.functions:  # type: ignore[union-attr]
                    host.add_func(name, special.get(name, self.echo))
        self.instance = linker.instantiate(self.store, Component(engine, component))

    def echo(self, store: Any, *given: Any) -> Any:
        self.given = given
        return self.reply

    def rep(self, handle: Any) -> int:
        return int(handle.to_host(self.store).rep if isinstance(handle, ResourceAny) else handle.rep)

    def new_blob(self, contents: bytes) -> Any:
        rep = 100 + len(self.blobs)
        while rep in self.blobs:
            rep += 1
        self.blobs[rep] = contents
        return ResourceHost.own(rep, 1).to_any(self.store)

    def merge(self, store: Any, first: Any, second: Any) -> Any:
        return self.new_blob(self.blobs.pop(self.rep(first)) + self.blobs[self.rep(second)])

    def size_of(self, store: Any, number: int, blob: Any) -> int:
        return number + (0 if blob is None else len(self.blobs[self.rep(blob)]))

    def hold(self, store: Any, holder: Any) -> Any:
        contents = self.blobs.pop(self.rep(holder.b))
        return record(b=self.new_blob(contents + b"!"), label=holder.label * 2)

    def call(self, name: str, *arguments: Any, interface: str | None = ECHO) -> Any:
        outer = None if interface is None else self.instance.get_export_index(self.store, interface)
        index = self.instance.get_export_index(self.store, name, outer)
        assert index is not None, name
        function = self.instance.get_func(self.store, index)
        assert function is not None
        return function(self.store, *arguments)

    def live(self) -> int:
        return int(self.call("live", interface=None))


def record(**fields: Any) -> Record:
    made = Record()
    made.__dict__.update(fields)
    return made


def plain(value: Any) -> Any:
    """A value in a form that compares by contents and prints."""
    if isinstance(value, Record):
        return {name: plain(field) for name, field in value.__dict__.items()}
    if isinstance(value, Variant):
        return ("case", value.tag, plain(value.payload))
    if isinstance(value, (list, tuple)):
        return [plain(element) for element in value]
    return value


@pytest.fixture(scope="module")
def plugin(component: bytes) -> Plugin:
    return Plugin(component)


SHAPES = [
    Variant("dot"),
    Variant("circle", 2.5),
    Variant("line", (record(x=1, y=-2), record(x=3, y=4))),
    Variant("named", "däß"),
    Variant("many", ["a", "", "bc"]),
    Variant("small", 0.5),
    Variant("int", 200),
]
MIXED = [
    record(a=255, b=-(1 << 63), c=1.5, d="d", e=[record(x=1, y=2), record(x=-3, y=4)], f=True, g=65535),
    record(a=0, b=(1 << 63) - 1, c=-0.5, d="", e=[], f=False, g=None),
]
INTS = (255, -128, 65535, -32768, (1 << 32) - 1, -(1 << 31), (1 << 64) - 1, -(1 << 63))
NESTED = [[[("a", "blue"), ("b", None)], []], []]
MANY = (1, "two", record(x=3, y=-3), -4, 5.5, 6.25, [7, 77], SHAPES[2], 9, True)
ECHOES: list[tuple[str, list[Any]]] = [
    ("floats", [2.5, 1e300]),
    ("single-f32", [0.25, -1.5]),
    ("negate", [True, False]),
    ("next", ["a", "\U0010ffff"]),
    ("s8s", [-128, 127, -1]),
    ("str", ["", "text", "ü\U0001f600"]),
    ("u8s", [b"", b"\0\xff" * 9]),
    ("strs", [[], ["", "a", "bcd"]]),
    ("points", [[], [record(x=1, y=2), record(x=-1, y=-2)]]),
    ("mix", MIXED),
    ("shapes", SHAPES),
    ("shape-list", [SHAPES, []]),
    ("pick", ["red", "blue"]),
    ("widen", ["c0", "c299"]),
    ("flag8", [set(), {"a", "c"}]),
    ("flag16", [{"a0", "a8"}, set()]),
    ("flag32", [{"a16", "a1"}, set()]),
    ("opt", [None, 0, 7]),
    ("opt-str", [None, "", "some"]),
    ("opt-opt", [Variant("none"), Variant("some", None), Variant("some", 3)]),
    ("res", [9, "wrong"]),
    ("res-ok", ["fine", None]),
    ("res-err", [None, 1.5]),
    ("res-none", [Variant("ok"), Variant("err")]),
    ("res-res", [Variant("ok", 3), Variant("ok", 0.5), Variant("err", -5), Variant("err", None)]),
    ("one", [record(v=1), record(v=(1 << 32) - 1)]),
    ("pairs", [(1, 1 << 63), (255, 0)]),
    ("nested", [*NESTED, []]),
]


@pytest.mark.parametrize(("name", "values"), ECHOES, ids=[name for name, _ in ECHOES])
def test_values_pass_in_both_directions(name: str, values: list[Any], plugin: Plugin) -> None:
    for place, value in enumerate(values):
        plugin.reply = values[place - 1]
        given = (2.5, value) if name == "floats" else (value,)
        answer = plugin.call(name, *given)
        assert plain(plugin.given) == plain(given)
        assert plain(answer) == plain(plugin.reply)
        assert plugin.live() == 0


def test_all_integers_keep_their_sign_and_size(plugin: Plugin) -> None:
    plugin.reply = (1, 1, 1, 1, 1, 1, 1, 1)
    assert plugin.call("ints", *INTS) == plugin.reply
    assert plugin.given == INTS
    plugin.reply = INTS
    assert plugin.call("ints", *(1,) * 8) == INTS
    assert plugin.given == (1,) * 8


def test_more_than_16_core_parameters_go_through_memory(plugin: Plugin) -> None:
    plugin.reply = "many"
    for given in (MANY, (*MANY[:3], None, *MANY[4:7], SHAPES[4], 0, False)):
        assert plugin.call("many", *given) == "many"
        assert plain(plugin.given) == plain(given)
        assert plugin.live() == 0


def test_functions_without_parameters_are_called(plugin: Plugin) -> None:
    plugin.reply = None
    plugin.given = (1,)
    assert plugin.call("nothing") is None
    assert len(plugin.given) == 0


def test_resources_are_made_lent_given_and_dropped(plugin: Plugin) -> None:
    first = plugin.call("[constructor]blob", b"first")
    second = plugin.call("[constructor]blob", b"second")
    assert plugin.call("[method]blob.read", first, 3) == b"fir"
    assert plugin.call("[method]blob.size", second) == 6
    assert plugin.call("size-of", 4, second) == 10
    assert plugin.call("size-of", 4, None) == 4
    merged = plugin.call("[static]blob.merge", first, second)
    assert plugin.call("[method]blob.read", merged, 99) == b"firstsecond"
    held = plugin.call("hold", record(b=merged, label="ab"))
    assert held.label == "abab"
    last, other = plugin.call("blobs", [held.b, second])
    assert plugin.call("[method]blob.read", last, 99) == b"second"
    assert plugin.call("[method]blob.read", other, 99) == b"firstsecond!"
    assert len(plugin.blobs) == 2
    last.drop(plugin.store)
    other.drop(plugin.store)
    assert not plugin.blobs
    assert plugin.live() == 0


def test_a_worlds_own_functions_types_and_labels(plugin: Plugin) -> None:
    answer = plugin.call("swap", record(x=1, y=2), interface=None)
    assert plain(answer) == {"x": 2, "y": 1}
    assert plugin.call("ask", 41, interface=None) == 42
    plugin.tokens.add(7)
    token = ResourceHost.own(7, 2).to_any(plugin.store)
    assert plugin.call("root", record(x=30, y=20), token, interface=None) == 17
    assert plugin.call("root", record(x=30, y=20), token, interface=None) == 17
    assert plugin.call("maybe", (5, token), interface=None) == 12
    assert plugin.call("maybe", (5, None), interface=None) is None
    back = plugin.call("give", token, interface=None)
    back.drop(plugin.store)
    assert not plugin.tokens
    for given, wanted in (("text", 0), ("text", 5)):
        answer = plugin.call("get", given, wanted, interface="own-label")
        assert plain(answer) == (("case", "int", 5) if wanted else ("case", "named", "text"))
    assert plugin.live() == 0


# Names and what is refused


def link_bindings(bindings: Bindings, folder: Path) -> str:
    """Compile and link the bindings of a world; the encoder checks each core signature. Return the header."""
    (folder / f"{bindings.name}.h").write_text(bindings.header())
    (folder / f"{bindings.name}.c").write_text(bindings.source())
    compile_c(folder / f"{bindings.name}.c", folder / "w.o")
    given = ["--component", "--no-entry", "--no-gc-sections", "--unresolved-symbols=ignore-all", str(folder / "w.o")]
    assert command.run("wasmlink", [*given, "-o", str(folder / "w.wasm")]) == 0
    reference.validate((folder / "w.wasm").read_bytes())
    return bindings.header()


REFUSED = {
    "f: async func();": "asynchronous functions: 'f' of the world",
    "f: func(a: stream<u8>);": "the type stream<u8>",
    "f: func() -> list<future<string>>;": "the type future<string>",
    "f: func(a: error-context);": "the type error-context",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_c_bindings_do_not_support_is_refused_by_name(text: str, tmp_path: Path) -> None:
    (tmp_path / "w.wit").write_text(f"package a:b; world w {{ import {text} }}")
    with pytest.raises(ComponentError) as caught:
        write_bindings(str(tmp_path / "w.wit"), None, str(tmp_path / "out"))
    assert REFUSED[text] in str(caught.value)


def test_an_interface_under_two_labels_has_types_and_functions_for_each(tmp_path: Path) -> None:
    interface = (
        "interface i { resource r; record p { r: r } f: func(p: p) -> borrow-free; type borrow-free = list<r>; }"
    )
    world = "world w { import one: i; import two: i; import i; export three: i; }"
    (tmp_path / "w.wit").write_text(f"package a:b; {interface} {world}")
    header = link_bindings(Bindings(WitPackages(str(tmp_path / "w.wit")).world()), tmp_path)
    for prefix in ("one", "two", "a_b_i", "exports_three"):
        assert f"void {prefix}_f({prefix}_p_t *p, {prefix}_borrow_free_t *ret);" in header
        assert f"void {prefix}_r_drop_own({prefix}_own_r_t handle);" in header


def test_types_nested_too_deep_are_one_error(tmp_path: Path) -> None:
    records = "".join(f"record r{number} {{ f: r{number - 1} }} " for number in range(1, 1500))
    text = f"package a:b; world w {{ record r0 {{ f: u8 }} {records} import f: func(a: r1499); }}"
    (tmp_path / "w.wit").write_text(text)
    with pytest.raises(ComponentError, match="more than 200 types in each other"):
        write_bindings(str(tmp_path / "w.wit"), None, str(tmp_path / "out"))


COLLISIONS = """
package a:b-c@1.0.0;
interface d {
  enum one { two-three }
  enum one-two { three }
  record list-u8 { int: list<u8>, union: bool }
  record list-u8-t { ret: u8 }
  resource list-u8-free { drop-own: func(self0: u8); constructor(self: u8); }
  list-u8-free-drop-own: func(maybe-x: u8, x: option<u8>, ret: u8, err: u8, area: u8) -> result<u8, u8>;
  method-list-u8-free-drop-own: func();
}
world w { import d; export d; import cabi: interface { realloc: func(); }
  import int: interface { record fast8 { a: u8 } f: func() -> fast8; }
  import a: interface { b-c-d-method-list-u8-free-drop-own: func(); } }
"""


def test_names_that_would_collide_in_c_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "w.wit").write_text(COLLISIONS)
    _, source = write_bindings(str(tmp_path / "w.wit"), None, str(tmp_path / "out"))
    compile_c(Path(source), tmp_path / "w.o")


def test_versions_of_one_package_have_names_of_their_own(tmp_path: Path) -> None:
    for version in ("1.0.0", "2.0.0"):
        (tmp_path / "wit" / "deps" / version).mkdir(parents=True)
        (tmp_path / "wit" / "deps" / version / "a.wit").write_text(
            f"package a:b@{version}; interface i {{ f: func(); }}"
        )
    (tmp_path / "wit" / "w.wit").write_text("package c:d; world w { import a:b/i@1.0.0; export a:b/i@2.0.0; }")
    header = Path(write_bindings(str(tmp_path / "wit"), None, str(tmp_path / "out"))[0]).read_text()
    assert "void a_b1_0_0_i_f(void);" in header
    assert "void exports_a_b2_0_0_i_f(void);" in header


def test_the_header_is_one_of_cpp_too(tmp_path: Path) -> None:
    write_bindings(str(CASES / "every_type.wit"), None, str(tmp_path))
    (tmp_path / "user.cpp").write_text('#include "every_bindings.h"\n')
    arguments = [
        zig(),
        "c++",
        *COMPILE[1:],
        "-Wall",
        "-Werror",
        str(tmp_path / "user.cpp"),
        "-o",
        str(tmp_path / "user.o"),
    ]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("generate", [random_wit.modules, random_worlds.modules], ids=["interfaces", "wit-smith"])
def test_bindings_of_random_worlds_compile_without_warnings_and_link(generate: Any, tmp_path: Path) -> None:
    checked = number = 0
    while checked < 3:
        for module in itertools.islice(generate(number, tmp_path), 1):
            link_bindings(Bindings(read_description(description_of(module)).world), tmp_path)
            checked += 1
        number += 1


def test_the_command_writes_a_header_and_a_source(tmp_path: Path) -> None:
    arguments = ["bindings", str(CASES / "every_type.wit"), "--world", "every", "--out-dir", str(tmp_path)]
    subprocess.run([sys.executable, "-m", "wasmlink_tool.component", *arguments], check=True)
    bindings = Bindings(WitPackages(str(CASES / "every_type.wit")).world())
    assert (tmp_path / "every_bindings.h").read_text() == bindings.header()
    assert (tmp_path / "every_bindings.c").read_text() == bindings.source()
