"""Chains of references: shortest by the program's own graph, and what they say is what keeps a thing in."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.differential import harness
from tests.differential.asm import data, extern, func
from tests.differential.harness import Archive, Case
from wasmlink_tool.cli import main
from wasmlink_tool.size.live_patterns import Named

CALL, ADDRESS, DATA = "call", "address taken", "data"


@dataclass
class Program:
    """A random program: what is where, what refers to what."""

    homes: dict[str, int]
    """Each function and data symbol to its object; 0 is on the command line, the others are members."""
    constructors: dict[int, str]
    edges: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def sources(self) -> dict[str, str]:
        found: dict[str, list[str]] = {}
        for name, home in self.homes.items():
            found.setdefault(f"o{home}.s", []).append(self._definition(name))
        for home, name in self.constructors.items():
            found[f"o{home}.s"].append(f'.section .init_array,"",@\n.p2align 2\n.int32 {name}\n')
        imports = [extern(name) for name in ("h0", "h1")]
        modules = [f".import_module {name}, host\n.import_name {name}, {name}\n" for name in ("h0", "h1")]
        for texts in found.values():
            known = "\n".join(texts)
            texts[:0] = [extern(name) for name in self.homes if name[0] in "fc_" and f"\n{name}:" not in known]
            texts[:0] = [text for pair in zip(imports, modules, strict=True) for text in pair]
        return {name: "\n".join(texts) for name, texts in found.items()}

    def _definition(self, name: str) -> str:
        body = []
        for target, how in self.edges.get(name, ()):
            if name.startswith("d"):
                body.append(f".int32 {target}")
            elif how == CALL:
                body.append(f"call {target}")
            else:
                body += [f"i32.const {target}", "drop"]
        if name.startswith("d"):
            return data(name, *(body or [".int32 7"]), size=4 * max(1, len(body)))
        return func(name, "() -> ()", *body)

    def chains(self) -> dict[str, int]:
        """The length of the shortest chain to each live symbol; a member counts as a link of it."""
        lengths = {"_start": 1}
        if 0 in self.constructors:
            # The object on the command line is a root, its constructor the second link.
            lengths["object 0"] = 1
        pending = list(lengths)
        while pending:
            following = []
            for name in pending:
                for target in self.successors(name):
                    if target not in lengths:
                        lengths[target] = lengths[name] + 1
                        following.append(target)
            pending = following
        return lengths

    def successors(self, name: str) -> Iterable[str]:
        if name.startswith("object "):
            return [self.constructors[int(name.removeprefix("object "))]]
        found = [target for target, _ in self.edges.get(name, ())]
        home = self.homes.get(name, -1)
        if home in self.constructors:
            found.append(f"object {home}")
        return found


def random_program(seed: int) -> Program:
    choose = random.Random(seed)
    homes = {"_start": 0}
    homes.update({f"f{i}": choose.randrange(4) for i in range(12)})
    homes.update({f"d{i}": choose.randrange(4) for i in range(5)})
    constructors = {}
    for home in range(4):
        if choose.random() < 0.4:
            constructors[home] = f"c{home}"
            homes[f"c{home}"] = home
    program = Program(homes, constructors)
    targets = [name for name in homes if name[0] in "fd"] + ["h0", "h1"]
    for name in homes:
        for target in choose.sample(targets, choose.choice((1, 1, 2, 2, 3) if name[0] != "d" else (0, 1, 1))):
            if name.startswith("d") and target.startswith("h"):
                continue
            kind = (
                DATA if target.startswith("d") else ADDRESS if name.startswith("d") else choose.choice((CALL, ADDRESS))
            )
            program.edges.setdefault(name, []).append((target, CALL if target.startswith("h") else kind))
    return program


def link(program: Program, directory: Path, objects: Path, *options: str) -> tuple[int, Path]:
    sources = program.sources()
    files: dict[str, str | bytes | Archive | None] = {"o0.s": sources.pop("o0.s"), "lib.a": Archive(sources)}
    case = Case("random", files, "")
    harness.prepare(case, directory, objects)
    status = harness.run_here(
        main,
        ["-o", "out.wasm", *options, "o0.o", "lib.a", "--why-live-file=why.json"],
        directory,
        lambda: (b"", b""),
    ).status
    return status, directory / "why.json"


def ask(
    program: Program, directory: Path, objects: Path, names: Iterable[str]
) -> dict[str, list[list[dict[str, Any]]]]:
    status, file = link(program, directory, objects, *(f"--why-live={name}" for name in names))
    assert status == 0
    answers = json.loads(file.read_text())["answers"]
    return {answer["pattern"]: answer["chains"] for answer in answers}


def node_of(step: dict[str, Any]) -> str:
    if step["kind"] == "member":
        return f"object {step['name'].rsplit('.o', 1)[0][-1]}"
    return str(step["name"]).removeprefix("host.")


@pytest.mark.parametrize("seed", range(8))
def test_chains_are_shortest_and_their_first_edges_matter(seed: int, tmp_path: Path, objects: Path) -> None:
    program = random_program(seed)
    names = [*program.homes, "h0", "h1"]
    lengths = program.chains()
    answers = ask(program, tmp_path / "whole", objects, names)
    for name in names:
        assert bool(answers[name]) == (name in lengths), name
        for chain in answers[name]:
            nodes = [node_of(step) for step in chain]
            assert len(nodes) == lengths[name], (nodes, name)
            assert nodes[-1] == name
            for one, other in itertools.pairwise(nodes):
                assert other in set(program.successors(one)), (one, other)
            for step, before in zip(chain[1:], nodes, strict=False):
                kinds = {how for target, how in program.edges.get(before, ()) if target == node_of(step)}
                assert not kinds or step["reference"] in kinds, step
    choose = random.Random(seed)
    long = [name for name in names if answers[name] and len(answers[name][0]) > 1]
    for name in choose.sample(long, min(3, len(long))):
        first, second = (node_of(step) for step in answers[name][0][:2])
        if first not in program.edges or second not in {target for target, _ in program.edges[first]}:
            continue
        kept = [edge for edge in program.edges[first] if edge[0] != second]
        changed = Program(program.homes, program.constructors, {**program.edges, first: kept})
        again = ask(changed, tmp_path / f"without-{name}", objects, [name])[name]
        expected = changed.chains()
        assert bool(again) == (name in expected)
        for chain in again:
            nodes = [node_of(step) for step in chain]
            assert (first, second) not in set(itertools.pairwise(nodes))
            assert len(nodes) == expected[name]


def test_without_its_root_a_chain_is_gone(tmp_path: Path, objects: Path) -> None:
    program = Program({"_start": 0, "f0": 0, "f1": 1}, {}, {"_start": [("f1", CALL)], "f0": []})
    chain = ask(program, tmp_path / "one", objects, ["f1"])["f1"][0]
    assert [(node_of(step), step["reference"]) for step in chain] == [("_start", "entry"), ("f1", CALL)]
    assert chain[1]["object"] == "lib.a(o1.o)"
    status, file = link(program, tmp_path / "two", objects, "--why-live=f1", "--entry=f0")
    assert status == 0
    assert json.loads(file.read_text())["answers"][0]["chains"] == []
    status, file = link(program, tmp_path / "three", objects, "--why-live=f1", "--entry=f0", "--export=f1")
    assert status == 0
    assert [step["reference"] for step in json.loads(file.read_text())["answers"][0]["chains"][0]] == ["--export"]


def test_the_last_link_is_asked_without_linking_again(tmp_path: Path, objects: Path) -> None:
    program = random_program(2)
    names = [name for name in program.chains() if not name.startswith("object ")]
    queries = [f"--why-live={name}" for name in names]
    status, file = link(program, tmp_path / "clean", objects, *queries)
    assert status == 0
    expected = json.loads(file.read_text())
    cached = ["--cache-dir=../cache", "--time-report=times.json"]
    place = tmp_path / "warm"
    steps = []
    for options in ([], [], queries):
        sources = program.sources()
        if not place.exists():
            files: dict[str, str | bytes | Archive | None] = {"o0.s": sources.pop("o0.s"), "lib.a": Archive(sources)}
            harness.prepare(Case("random", files, ""), place, objects)
        extra = ["--why-live-file=why.json"] if options else []
        arguments = ["-o", "out.wasm", *cached, *options, *extra, "o0.o", "lib.a"]
        assert harness.run_here(main, arguments, place, lambda: (b"", b"")).status == 0
        report = json.loads((place / "times.json").read_text())
        steps.append({phase["name"] for phase in report["phases"]})
    assert json.loads((place / "why.json").read_text()) == expected
    assert "relocate and write sections" in steps[0]
    assert "relocate and write sections" not in steps[2]
    module = (place / "out.wasm").read_bytes()
    assert module == (tmp_path / "clean" / "out.wasm").read_bytes()


def test_named_things() -> None:
    """In the order of the things, not of their names; each once, however many of its names match."""
    things = [
        ("first", ("b", "c*")),
        ("second", ("a",)),
        ("third", ("c1", "c2")),
        ("fourth", ()),
        ("fifth", ("a", "c*")),
    ]
    named = Named(things)
    assert named.find("a") == ["second", "fifth"]
    assert named.find("c*") == ["first", "third", "fifth"]
    assert named.find("c?") == ["first", "third", "fifth"]
    assert named.find("[ab]") == ["first", "second", "fifth"]
    assert named.find("d") == []


def test_many_patterns_are_looked_up() -> None:
    """An exact name is compared with no other name than those of its hash."""
    compared = 0

    class Name(str):
        __slots__ = ()

        def __eq__(self, other: object) -> bool:
            nonlocal compared
            compared += 1
            return str.__eq__(self, other)

        __hash__ = str.__hash__

    named = Named((number, (Name(number),)) for number in range(1000))
    for number in range(1000):
        assert named.find(str(number)) == [number]
    assert compared < 5000
