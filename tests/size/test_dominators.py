"""Dominators and retained sizes against their definition: remove a node, and count again what is reached."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.differential.asm import data, declare_first, func
from tests.support.toolchain import compile_object
from wasmlink_tool.cli import main
from wasmlink_tool.size.dominators import immediate_dominators, retained_sizes
from wasmlink_tool.size.size_report import SizeReport, from_json


def reached(successors: Sequence[Sequence[int]], removed: int = -1) -> set[int]:
    """Return the nodes that paths from node 0 reach without the removed one."""
    found: set[int] = set()
    pending = [0] if removed else []
    while pending:
        node = pending.pop()
        if node not in found and node != removed:
            found.add(node)
            pending += [target for target in successors[node] if target >= 0]
    return found


def random_graph(choose: random.Random) -> list[list[int]]:
    """Return a graph with cycles, loops, double edges, ignored edges and nodes that nothing reaches."""
    count = choose.randint(1, 24)
    density = choose.choice((0.5, 1, 1.5, 3))
    graph: list[list[int]] = [[] for _ in range(count)]
    for _ in range(int(count * density)):
        source = choose.randrange(count)
        near = min(count - 1, source + choose.randint(0, 3))
        graph[source].append(choose.choice((choose.randrange(count), near, near, -1)))
    return graph


@pytest.mark.parametrize("seed", range(8))
def test_dominators_of_random_graphs(seed: int) -> None:
    choose = random.Random(seed)
    for _ in range(250):
        graph = random_graph(choose)
        sizes = [choose.randint(0, 100) for _ in graph]
        live = reached(graph)
        lost = {node: live - reached(graph, node) for node in live}
        """For each node, itself and what it dominates."""
        immediate = immediate_dominators(graph)
        retained = retained_sizes(immediate, sizes)
        for node in range(len(graph)):
            if node == 0 or node not in live:
                assert immediate[node] == -1, graph
                continue
            dominators = [other for other in live if other != node and node in lost[other]]
            # Dominators form a chain; the nearest one is the one that dominates least.
            assert immediate[node] == min(dominators, key=lambda other: len(lost[other])), graph
            assert retained[node] == sum(sizes[other] for other in lost[node]), graph


FUNCTIONS, OBJECTS = 40, 15


def program(seed: int, emptied: int = -1) -> str:
    """Return a program whose functions call one another and use data that refers to functions and data; one function
    may be empty."""
    choose = random.Random(seed)
    parts = []
    for number in range(FUNCTIONS):
        body = []
        for _ in range(choose.choice((0, 1, 2, 2, 3)) if number else 4):
            # Mostly to a near one, as in a tree, so that many references are the only ones.
            near = min(FUNCTIONS - 1, number + choose.randint(1, 5))
            target = choose.choice((choose.randrange(1, FUNCTIONS), near, near, near))
            uses_data = choose.random() < 0.3
            body += [f"i32.const d{choose.randrange(OBJECTS)}", "drop"] if uses_data else [f"call f{target}"]
        parts.append(func("_start" if not number else f"f{number}", "() -> ()", *([] if number == emptied else body)))
    for number in range(OBJECTS):
        word = choose.choice((f"f{choose.randrange(1, FUNCTIONS)}", f"d{choose.randrange(OBJECTS)}", "7"))
        parts.append(data(f"d{number}", f".int32 {word}", ".int32 1", size=8))
    return declare_first("\n".join(parts))


def report_of(text: str, directory: Path) -> SizeReport:
    (directory / "a.o").write_bytes(compile_object(text, ".s", directory / "objects"))
    report = directory / "report.json"
    assert main([str(directory / "a.o"), "-o", str(directory / "m.wasm"), f"--size-report={report}"]) == 0
    return from_json(report.read_bytes())


def sizes_of(report: SizeReport) -> dict[str, int]:
    return {part.name: part.size for part in report.parts if part.kind in ("function", "data")}


@pytest.mark.parametrize("seed", range(3))
def test_retained_sizes_are_what_a_link_without_the_references_loses(seed: int, tmp_path: Path) -> None:
    whole = report_of(program(seed), tmp_path)
    sizes = sizes_of(whole)
    checked = 0
    for part in whole.parts:
        if part.kind == "function" and part.name.startswith("f") and part.retained > part.size and checked < 8:
            left = sizes_of(report_of(program(seed, int(part.name[1:])), tmp_path))
            lost = set(sizes) - set(left)
            assert part.retained == part.size + sum(sizes[name] for name in lost), part.name
            checked += 1
    assert checked >= 3
