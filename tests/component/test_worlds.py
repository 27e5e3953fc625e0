"""A component has the bytes of ``wasm-tools component new``, custom sections aside."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.component import random_wit, random_worlds, reference
from wasmlink_tool.component import componentize


def check(module: bytes, folder: Path) -> bytes:
    """Compare our component for a module with the reference's; return it."""
    ours = componentize(module)
    assert reference.strip(ours) == reference.strip(reference.component(module, folder))
    reference.validate(ours)
    return ours


@pytest.mark.parametrize("first", [0, 10_000, 20_000])
def test_random_worlds_have_the_references_bytes(first: int, tmp_path: Path) -> None:
    for number, _, ours, theirs in random_worlds.compared(first, 15, tmp_path):
        assert ours == theirs, f"python -m tests.component.random_worlds 1 {number}"


@pytest.mark.parametrize("first", [0, 10_000])
def test_random_asynchronous_worlds_have_the_references_bytes(first: int, tmp_path: Path) -> None:
    for number, _, ours, theirs in random_worlds.compared(first, 15, tmp_path, is_async=True):
        assert ours == theirs, f"python -m tests.component.random_worlds 1 {number} async"


STREAMS = """
    interface i {
        record r { a: stream<string> }
        g: func(a: stream, b: stream<u8>, c: stream<u8>, d: future<stream<u8>>, r: r) -> list<future<string>>;
        h: async func(a: r, b: u32, c: u32, d: u32, e: u32) -> string;
        v: async func() -> tuple<u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64>;
        w: async func(a: u64, b: u64, c: u64, d: u64, e: u64) -> tuple<u32, u32>;
        resource t { m: async func() -> t; }
    }
    world w {
        import i; export i;
        import f: async func(a: future<u8>) -> u32;
        export f2: async func(a: stream<u8>) -> u32;
    }
"""


@pytest.mark.parametrize("abi", [[], ["--async-callback"], ["--async-stackful"]], ids=["sync", "callback", "stackful"])
def test_asynchronous_functions_have_the_references_bytes(abi: list[str], tmp_path: Path) -> None:
    check(reference.dummy_module(f"package a:b; {STREAMS}", tmp_path, options=abi), tmp_path)


WORLDS = {
    "every type": """
        interface types {
            resource file { constructor(name: string); read: func(size: u64) -> result<list<u8>, error>;
                            open: static func() -> file; }
            enum error { broken, closed }
            flags access { read, write }
            record point { x: s8, y: s16, z: s32, w: s64, a: u8, b: u16, c: u32, d: u64, e: f32, f: f64 }
            variant shape { none, dot(point), line(tuple<point, point>), word(string), letter(char), on(bool) }
            type shapes = list<shape>;
            type number = u32;
            draw: func(shapes: shapes, access: access) -> option<number>;
            many: func(a: u64, b: u64, c: u64, d: u64, e: u64, f: u64, g: u64, h: u64, i: shape, j: point);
            lend: func(file: borrow<file>) -> result<_, error>;
            take: func(file: file) -> result;
        }
        interface user { use types.{file, shape as form}; give: func(form: form) -> file; }
        world w { import types; import user; export types; export user; }
    """,
    "types of the world": """
        interface a { record r { s: string } resource h { m: func() -> r; } }
        world w {
            use a.{r, h as handle};
            resource mine { constructor(); m: func(a: handle); s: static func(); }
            type t = list<r>;
            enum e { x, y }
            import f: func(t: t, e: e) -> handle;
            export g: func(r: r, o: mine) -> t;
        }
    """,
    "an exported interface uses an imported one that is exported too": """
        interface x { resource r { m: func(); } }
        interface c { use x.{r}; f: func(r: borrow<r>); }
        interface y { use x.{r}; g: func(r: r) -> r; }
        world w { import x; import c; export x; export y; }
    """,
    "equal types in two interfaces": """
        interface x { f: func(a: option<list<u8>>) -> list<u8>; }
        interface y { type l = list<u8>; f: func(a: option<list<u8>>, b: l) -> list<u8>; }
        world w { import x; import y; export x; export y; export h: func(a: option<list<u8>>); }
    """,
    "a named type equals one without a name": """
        interface x { type l = list<u8>; f: func(a: list<u8>, b: l) -> option<l>; }
        interface y { f: func(a: option<list<u8>>) -> list<u8>; }
        interface z { type l = list<u8>; type m = option<l>; g: func(a: m) -> list<u8>; }
        world w { export x; export y; export z; export h: func(a: list<u8>); }
    """,
    "one definition, used after an equal one is finished": """
        interface x { type l = list<u8>; }
        interface y { type m = option<list<u8>>; f: func(a: list<u8>); }
        interface z { f: func(a: list<u8>); }
        world w { export x; export y; export z; }
    """,
    "a type under two names": """
        interface x { record t { s: string } flags k { a, b } flags l { a, b } }
        interface y { use x.{t as a, t, k}; f: func(p: a, q: t, k: k); }
        world w { import x; export y; }
    """,
    "labels": """
        interface x { resource r; f: func() -> r; }
        world w { import one: x; import two: interface { g: func(a: string); } export three: x;
                  export four: interface { type t = u8; h: func(t: t); } }
    """,
}


@pytest.mark.parametrize("names", ["legacy", "standard32"])
@pytest.mark.parametrize("encoding", ["utf8", "utf16", "compact-utf16"])
@pytest.mark.parametrize("world", list(WORLDS), ids=lambda name: str(name).replace(" ", "-"))
def test_worlds_have_the_references_bytes(world: str, encoding: str, names: str, tmp_path: Path) -> None:
    wit = f"package test:worlds@1.2.3; {WORLDS[world]}"
    check(reference.dummy_module(wit, tmp_path, names=names, encoding=encoding), tmp_path)


def test_random_wit_has_the_references_bytes(tmp_path: Path) -> None:
    for number in range(12):
        for module in random_wit.modules(number, tmp_path):
            ours, theirs, said = random_wit.outcome(module, tmp_path)
            assert ours == theirs, f"python -m tests.component.random_wit 1 {number}: {said}"
