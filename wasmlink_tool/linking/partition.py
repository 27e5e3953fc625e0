"""Partition refinement: the coarsest partition in which elements of one class refer to the same classes in order.

Elements are numbers from 0 on. A class splits where its members refer to different classes, which can split the
classes of the members' referrers. The largest part of a split keeps the class's number, so that only the referrers of
the smaller parts are looked at again: an element changes its number at most log2(n) times (Hopcroft, 1971).
"""

from __future__ import annotations

from collections.abc import Sequence


def refine(classes: Sequence[int], targets: Sequence[Sequence[int]]) -> list[int]:
    """Return the class of each element in the coarsest stable partition that refines ``classes``.

    :param targets: for each element, the elements that it refers to, in order. Those of one class are equally many.
    """
    found = list(classes)
    members: dict[int, set[int]] = {}
    for element, number in enumerate(found):
        members.setdefault(number, set()).add(element)
    referrers: dict[int, list[int]] = {}
    for element, named in enumerate(targets):
        if named and len(members[found[element]]) > 1:
            for target in set(named):
                referrers.setdefault(target, []).append(element)
    pending = {element for element, named in enumerate(targets) if named}
    next_number = max(found, default=0) + 1
    while pending:
        by_class: dict[int, list[int]] = {}
        for element in pending:
            number = found[element]
            if len(members[number]) > 1:
                by_class.setdefault(number, []).append(element)
        # All classes are compared before any is split.
        splits = [(number, _parts(members[number], group, found, targets)) for number, group in by_class.items()]
        moved: list[int] = []
        for number, parts in splits:
            if len(parts) == 1:
                continue
            parts.sort(key=len)
            members[number] = parts.pop()
            for part in parts:
                for element in part:
                    found[element] = next_number
                members[next_number] = part
                next_number += 1
                moved += part
        pending = {referrer for element in moved for referrer in referrers.get(element, ())}
    return found


def _parts(
    members: set[int], changed: list[int], classes: Sequence[int], targets: Sequence[Sequence[int]]
) -> list[set[int]]:
    """Return the parts of a class by what its members refer to; ``members`` is one of them.

    :param changed: the members of which a target's class changed; all others refer to the same classes.
    """
    parts: dict[tuple[int, ...], set[int]] = {}
    for element in changed:
        parts.setdefault(tuple([classes[target] for target in targets[element]]), set()).add(element)
    if len(changed) == len(members):
        return list(parts.values())
    excluded = set(changed)
    sample = next(element for element in members if element not in excluded)
    parts.pop(tuple([classes[target] for target in targets[sample]]), None)
    if not parts:
        return [members]
    # In place: the members that stay may be many more than those that changed.
    for part in parts.values():
        members -= part
    return [members, *parts.values()]
