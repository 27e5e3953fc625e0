"""WIT text: the description of a world is the reference's, and what is wrong is said with the place."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.component import reference
from wasmlink_tool.component.errors import ComponentError
from wasmlink_tool.component.wit_packages import WitPackages
from wasmlink_tool.component.world_section import encode_world

WORLDS = """
package foo:bar;

interface z { type t = u32; q: func(); }
interface y {
  use z.{t};
  resource r;
  record rec { a: t }
  g: func(x: t, r: r);
}
interface x { use y.{r, rec}; h: func(r: borrow<r>) -> rec; }

world uses { use y.{r}; import f: func(a: r); export x; export e: func() -> r; }
world later { use y.{r}; import a: interface { use z.{t}; k: func() -> t; } import y; import z; export x; }
world both { import x; export x; export y; }
world exports-only { export x; export y; export z; }
world included { import f2: func(); type tt = list<u8>; import u: func(a: tt);
  export iv: interface { type m = option<string>; v: func(a: m); } }
world includes { include uses; include included with { f2 as f3 } }
world labels { import aa: x; import bb: x; export cc: y; import z; }
world asynchronous {
  import f: async func();
  export s: func(a: stream<u8>, b: future, c: future<string>) -> result<_, string>;
}
world types {
  type a1 = list<a2>;
  type a2 = tuple<a3, a3>;
  type a3 = option<result<list<list<u8>>, a4>>;
  enum a4 { x, y }
  flags fl { a, b }
  variant v { one, two(a1), three(fl), }
  import f: func(v: v, w: list<list<u8>>, fixed: list<f32, 4>, c: char,);
  resource rr {
    constructor(a: v);
    m: func(a: borrow<rr>, b: own<rr>) -> rr;
    s: static func() -> list<rr>;
  }
  type alias-of-rr = rr;
  export g: func(x: alias-of-rr, y: borrow<alias-of-rr>) -> result;
}
"""
GATES = """
/* a block /* in a block */ comment */
package foo:bar@1.2.0;
// a line
interface i {
  @since(version = 1.0.0)
  a: func();
  @unstable(feature = new-thing)
  c: func();
  @since(version = 1.0.0)
  @deprecated(version = 1.2.0)
  %type: func(%list: u8);
}
world w { import i; @external-id("a\\u{e9}\\41") import f: func(); }
"""


def described(wit: str, folder: Path, world: str | None) -> bytes:
    """The reference's description of a world, without the section that names the tool."""
    source = folder / "reference.wit"
    source.write_text(wit)
    options = ["--world", world] if world else []
    payload = reference.run("component", "embed", source, "--only-custom", *options)
    return payload[: payload.rindex(b"\x09producers") - 2]


def ours(wit: str, folder: Path, world: str | None) -> bytes:
    source = folder / "ours.wit"
    source.write_text(wit)
    return encode_world(WitPackages(str(source)).world(world))


NAMES = [line.split()[1] for line in WORLDS.splitlines() if line.startswith("world ")]


@pytest.mark.parametrize("world", NAMES)
def test_worlds(world: str, tmp_path: Path) -> None:
    assert ours(WORLDS, tmp_path, world) == described(WORLDS, tmp_path, world)


def test_gates_comments_and_escapes(tmp_path: Path) -> None:
    assert ours(GATES, tmp_path, None) == described(GATES, tmp_path, None)


def test_dependencies(tmp_path: Path) -> None:
    """A directory with packages in files, directories and braces below ``deps``."""
    root = tmp_path / "wit"
    (root / "deps" / "clocks").mkdir(parents=True)
    (root / "world.wit").write_text(
        "package my:app;\nuse wasi:clocks/now@0.2.0 as clock;\nworld w { import clock; export api; import a:b/c; }\n"
    )
    (root / "api.wit").write_text("interface api { use wasi:clocks/now@0.2.0.{time}; run: func(at: time); }\n")
    (root / "deps" / "clocks" / "a.wit").write_text("package wasi:clocks@0.2.0;\ninterface now { use types.{time}; }\n")
    (root / "deps" / "clocks" / "b.wit").write_text("interface types { type time = u64; }\n")
    (root / "deps" / "ab.wit").write_text("package a:b;\ninterface c { f: func(); }\npackage d:e { interface g {} }\n")
    payload = reference.run("component", "embed", root, "--only-custom")
    packages = WitPackages(str(root))
    assert encode_world(packages.world()) == payload[: payload.rindex(b"\x09producers") - 2]
    assert {Path(path).name for path in packages.files} == {"world.wit", "api.wit", "a.wit", "b.wit", "ab.wit"}


@pytest.mark.parametrize("encoding", ["utf8", "utf16", "compact-utf16"])
def test_encodings(encoding: str, tmp_path: Path) -> None:
    source = tmp_path / "world.wit"
    source.write_text("package a:b; world w {}")
    payload = reference.run("component", "embed", source, "--only-custom", "--encoding", encoding)
    expected = payload[: payload.rindex(b"\x09producers") - 2]
    assert encode_world(WitPackages(str(source)).world("a:b/w"), encoding) == expected


WRONG = {
    "package a:b; interface i { f: func(x: lst<u8>); }": "1:42: expected ')', found '<'",
    "package a:b; interface i { f: func(x: thing); }": "1:39: there is no type 'thing' here",
    "package a:b; interface i { record rec { a: u8 } f: func(x: rek); }": "no type 'rek' here: did you mean 'rec'?",
    "package a:b; interface i { record a { b: c } record c { d: a } }": "1:60: the type 'a' contains itself",
    "package a:b; interface i { use j.{t}; }": "1:32: there is no interface 'j' in a:b",
    "package a:b; interface i { use c:d/j.{t}; }": "1:32: there is no package c:d",
    "package a:b; interface i { use j.{t}; } interface j { use i.{t}; }": "'a:b/i' uses itself",
    "package a:b; interface i { list: func(); }": "1:28: 'list' is a keyword: write '%list'",
    "package a:b; interface i { Ab: func(); }": "1:28: 'Ab' is not in kebab case",
    "package a:b; interface i { f: func() }": "1:38: expected ';', found '}'",
    "package a:b; interface i { f: func(); f: func(); }": "1:39: the name 'f' is declared twice",
    "package a:b; interface i { enum e {} }": "the enum 'e' is empty",
    "package a:b; interface i { @since(version = 1.0.0) f: func(); }": "has no version",
    "package a:b@1.0.0; interface i { @since(version = 1.1.0) f: func(); }": "the package is a:b@1.0.0",
    "package a:b; interface i { /* }": "1:28: this comment has no end",
    "package a:b; world w { import f: func(); import f: func(); }": "the world imports 'f' twice",
    "package a:b; world w { include v; }": "there is no world 'v' in a:b",
    "interface i {}": "no file says which package this is",
    "package a:b; \u202e": "U+202E is not allowed",
}


@pytest.mark.parametrize("wit", WRONG)
def test_mistakes(wit: str, tmp_path: Path) -> None:
    """Texts that the reference rejects are rejected, with the location."""
    with pytest.raises(reference.RefusedError):
        described(wit, tmp_path, "w")
    with pytest.raises(ComponentError) as caught:
        ours(wit, tmp_path, "w")
    assert WRONG[wit] in str(caught.value)


def test_the_caret_is_below_the_place(tmp_path: Path) -> None:
    with pytest.raises(ComponentError) as caught:
        ours("package a:b;\n\ninterface i {\n\tf: func(x: thing);\n}\n", tmp_path, "w")
    assert str(caught.value).splitlines()[1:] == ["  |", "4 |  f: func(x: thing);", "  |             ^"]


def test_deep_types_end_in_an_error(tmp_path: Path) -> None:
    deep = "list<" * 5000 + "u8" + ">" * 5000
    with pytest.raises(ComponentError, match="nested too deep"):
        ours(f"package a:b; interface i {{ type t = {deep}; }}", tmp_path, "w")
