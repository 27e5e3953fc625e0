"""Partition refinement against its definition: split until nothing splits."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from wasmlink_tool.linking.partition import refine


def naive(classes: list[int], targets: list[list[int]]) -> list[int]:
    """Split all classes by all targets, until their number stays."""
    while True:
        numbers: dict[object, int] = {}
        keys = [(own, tuple(classes[target] for target in named)) for own, named in zip(classes, targets, strict=True)]
        found = [numbers.setdefault(key, len(numbers)) for key in keys]
        if len(set(found)) == len(set(classes)):
            return found
        classes = found


def blocks(classes: list[int]) -> set[frozenset[int]]:
    found: dict[int, set[int]] = {}
    for element, number in enumerate(classes):
        found.setdefault(number, set()).add(element)
    return set(map(frozenset, found.values()))


def test_the_partition_is_the_coarsest_stable_one() -> None:
    for seed in range(400):
        choice = random.Random(seed)
        count = choice.randint(1, 40)
        classes = [choice.randrange(choice.choice((1, 2, 5))) for _ in range(count)]
        arity = [choice.choice((0, 1, 1, 2, 3)) for _ in range(5)]
        span = choice.choice((3, count))
        targets = [
            [(element + choice.randrange(span)) % count for _ in range(arity[number])]
            for element, number in enumerate(classes)
        ]
        assert blocks(refine(classes, targets)) == blocks(naive(classes, targets)), seed


def test_a_long_chain_splits_in_near_linear_work() -> None:
    """Each element refers to the next one, so each splits off in a round of its own."""
    lookups = 0

    class Counted(Sequence[list[int]]):
        def __init__(self, rows: list[list[int]]) -> None:
            self.rows = rows

        def __len__(self) -> int:
            return len(self.rows)

        def __getitem__(self, index: Any) -> Any:
            nonlocal lookups
            lookups += 1
            return self.rows[index]

    count = 3000
    targets = Counted([[element + 1] for element in range(count - 1)] + [[]])
    assert len(set(refine([0] * (count - 1) + [1], targets))) == count
    # Once for each referrer, once in the first round, twice for the split.
    assert lookups < 8 * count


def test_nothing_to_split() -> None:
    assert refine([], []) == []
    assert len(set(refine([3, 3, 3], [[], [], []]))) == 1
    # Two circles of equal length are the same; so is one of twice the length.
    assert len(set(refine([0] * 7, [[1], [0], [3], [2], [5], [6], [4]]))) == 1
