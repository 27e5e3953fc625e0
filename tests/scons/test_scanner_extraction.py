"""The scanner and the link extract the same members."""

from __future__ import annotations

import os
import random
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.toolchain import compile_object, make_archive
from wasmlink_tool import LinkError, link
from wasmlink_tool.extraction import Extraction, extract, member_digest
from wasmlink_tool.options import Input, LinkOptions, UnresolvedPolicy

FUNCTIONS = 7
OPTIONS = LinkOptions(
    inputs=(),
    output=None,
    entry=None,
    exports_if_defined=("f0",),
    import_undefined=True,
    unresolved_symbols=UnresolvedPolicy.IGNORE,
    allow_multiple_definition=True,
)


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("objects")


def write_object(path: Path, cache: Path, function: int, called: int, kind: str) -> None:
    """An object that defines ``f<function>`` and refers to another."""
    if kind == "weak":
        text = f"__attribute__((weak)) int f{called}(void);\nint f{function}(void) {{ return f{called} ? 1 : 0; }}\n"
    elif kind == "data":
        text = f"extern int d{called};\nint d{function} = 1;\nint f{function}(void) {{ return d{called}; }}\n"
    else:
        # Declared with another type by some: then several symbols have one name.
        type_, value = ("int", "1") if kind == "other" and called != function else ("void", "")
        text = f"int f{called}({type_});\nint f{function}(void) {{ return f{called}({value}); }}\n"
    path.write_bytes(compile_object(text, ".c", cache))


def linked(options: LinkOptions) -> list[str]:
    """The members that a link says it processes."""
    result = link(replace(options, trace=True))
    return [entry.text for entry in result.diagnostics if entry.text.endswith(".o)") and "\n" not in entry.text]


def found(extraction: Extraction) -> list[str]:
    return [f"{member.archive}({member.name})" for member in extraction.members]


@pytest.mark.parametrize("seed", range(12))
def test_same_members(seed: int, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    chance = random.Random(seed)
    for round_ in range(8):
        inputs: list[Input] = []
        for number in range(chance.randint(2, 5)):
            members = []
            for _ in range(chance.randint(1, 5)):
                function = chance.randrange(FUNCTIONS)
                # Few sources, so that few are compiled.
                kind = chance.choice(("strong", "strong", "strong", "weak", "data", "other"))
                name = f"{round_}-{number}-f{function}.o"
                write_object(Path(name), cache, function, (function * 3 + chance.randrange(2)) % FUNCTIONS, kind)
                members.append(name)
            if chance.random() < 0.3:
                inputs += [Input(name, lazy=chance.random() < 0.5) for name in members]
            else:
                path = f"{round_}-{number}.a"
                make_archive(Path(path), members)
                inputs.append(Input(path, whole_archive=chance.random() < 0.1))
        options = replace(OPTIONS, inputs=inputs)
        try:
            processed = linked(options)
        except LinkError:
            continue
        extraction = extract(options)
        assert sorted(found(extraction)) == sorted(processed)
        assert set(extraction.files) == set(link(options).files_read)


def test_member_digests(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Members are told apart by their names and which of that name they are, and known by their contents."""
    monkeypatch.chdir(tmp_path)
    Path("a").mkdir()
    Path("b").mkdir()
    write_object(Path("a/x.o"), cache, 0, 1, "strong")
    write_object(Path("b/x.o"), cache, 1, 2, "strong")
    make_archive(Path("x.a"), ["a/x.o", "b/x.o"])
    first, second = extract(replace(OPTIONS, inputs=["x.a"])).members
    assert {(first.name, first.occurrence), (second.name, second.occurrence)} == {("x.o", 0), ("x.o", 1)}
    for member in (first, second):
        assert member.digest == member_digest("x.a", member.name, member.occurrence)
    assert first.digest != second.digest
    assert member_digest("x.a", "x.o", 2) == member_digest("nothing.a", "x.o", 0) == ""


def test_thin_archive(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_object(Path("x.o"), cache, 0, 0, "strong")
    write_object(Path("y.o"), cache, 1, 1, "strong")
    make_archive(Path("thin.a"), ["x.o", "y.o"], thin=True)
    extraction = extract(replace(OPTIONS, inputs=["thin.a"]))
    assert extraction.members == ()
    assert [os.path.normpath(path) for path in extraction.thin_members] == ["x.o"]
    assert [os.path.normpath(path) for path in extraction.unlinked] == ["y.o"]
    assert extraction.archives == ("thin.a",)


def test_what_is_not_there(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("second").mkdir()
    write_object(Path("second/x.o"), cache, 0, 0, "strong")
    make_archive(Path("second/libx.a"), ["x.o"])
    options = replace(OPTIONS, inputs=[Input("x", library=True)], library_paths=["first", "second"])
    extraction = extract(options)
    assert extraction.absent == ("first/libx.a", "second/libx.imports")


def test_order_of_what_no_member_of_gives(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An archive that only names a symbol first moves it in the module; one that names what nobody uses does not."""
    monkeypatch.chdir(tmp_path)
    for function in (0, 1, 2):
        write_object(Path(f"f{function}.o"), cache, function, function, "strong")
    orders = []
    for members in (["f2.o"], ["f2.o", "f1.o"]):
        make_archive(Path("early.a"), members)
        orders.append(extract(replace(OPTIONS, inputs=["early.a", "f0.o"])).order)
        orders.append(extract(replace(OPTIONS, inputs=["early.a", "f0.o", "f1.o"])).order)
    assert orders[0] == orders[2]
    assert orders[1] != orders[3]


def test_link_that_fails(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("damaged.o").write_bytes(b"\0asm\1\0\0\0\x0a\x7f")
    with pytest.raises(LinkError):
        extract(replace(OPTIONS, inputs=["damaged.o"]))
    with pytest.raises(LinkError):
        extract(replace(OPTIONS, inputs=["nothing.o"]))
