"""Compute the dominators of a graph, and the sizes that they retain.

A node dominates another if every path from the root to the other goes through it: without the one, the other would not
be in the output either. The algorithm is Semi-NCA (L. Georgiadis, "Linear-Time Algorithms for Dominators and Related
Problems", 2005): depth-first numbers, semidominators by path compression, then the nearest common ancestor of parent
and semidominator in the tree that has been built so far. Nothing recurses.
"""

from __future__ import annotations

from collections.abc import Sequence


def immediate_dominators(successors: Sequence[Sequence[int]]) -> list[int]:
    """Return the immediate dominator of each node as seen from node 0; -1 for node 0 and for unreachable nodes.

    Successors below 0 are ignored.
    """
    count = len(successors)
    number = [-1] * count
    """Maps a node to its position in depth-first order."""
    order: list[int] = []
    parents: list[int] = []
    stack = [(0, -1)]
    while stack:
        node, parent = stack.pop()
        if number[node] >= 0:
            continue
        mine = number[node] = len(order)
        order.append(node)
        parents.append(parent)
        stack += [(target, mine) for target in reversed(successors[node]) if target >= 0 and number[target] < 0]
    reached = len(order)
    predecessors: list[list[int]] = [[] for _ in range(reached)]
    for mine, node in enumerate(order):
        for target in successors[node]:
            if target >= 0:
                predecessors[number[target]].append(mine)
    # All of the following are depth-first numbers.
    ancestors = parents.copy()
    semi = list(range(reached))
    label = list(range(reached))
    dominators = parents.copy()
    for node in range(reached - 1, 0, -1):
        least = parents[node]
        for one in predecessors[node]:
            if one > node:
                # Compress the path from ``one`` up to what has been looked at, which is all above ``node``.
                path = []
                at = one
                while ancestors[at] > node:
                    path.append(at)
                    at = ancestors[at]
                best = label[at]
                top = ancestors[at]
                for at in reversed(path):
                    if semi[best] < semi[label[at]]:
                        label[at] = best
                    else:
                        best = label[at]
                    ancestors[at] = top
                one = semi[label[one]]
            if one < least:
                least = one
        semi[node] = least
        label[node] = node
    for node in range(1, reached):
        dominator = parents[node]
        while dominator > semi[node]:
            dominator = dominators[dominator]
        dominators[node] = dominator
    result = [-1] * count
    for mine in range(1, reached):
        result[order[mine]] = order[dominators[mine]]
    return result


def retained_sizes(dominators: Sequence[int], sizes: Sequence[int]) -> list[int]:
    """Return for each node its own size plus that of all nodes that it dominates."""
    count = len(dominators)
    retained = list(sizes)
    missing = [0] * count
    """The number of children of a node in the dominator tree whose sizes are not added yet."""
    for dominator in dominators:
        if dominator >= 0:
            missing[dominator] += 1
    leaves = [node for node in range(count) if not missing[node]]
    while leaves:
        node = leaves.pop()
        dominator = dominators[node]
        if dominator >= 0:
            retained[dominator] += retained[node]
            missing[dominator] -= 1
            if not missing[dominator]:
                leaves.append(dominator)
    return retained
