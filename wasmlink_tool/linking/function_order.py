"""Orders of functions that make a module smaller, raw or compressed.

By use: a function index takes one byte below 128 and two below 16,384, so the functions that are named most come first.
By similarity: compression finds repetitions within a few kilobytes, so functions with common code are placed side by
side. Each function is followed by the one that shares most of its four-byte sequences, in relation to its size; where
none does, by the first that is left.

A function is a number here, that of its position in the order of the inputs.
"""

from __future__ import annotations

from collections import Counter
from struct import unpack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Final

_COMMON: Final = 256
"""A sequence in more functions than this says little about two of them."""
_WHOLE: Final = 1 << 21
"""Bytes of code, from which on half of the sequences are looked at; each time that code doubles, half as many."""
_NEAR: Final = 32
"""Candidates that are compared."""
_LIGHT: Final = 24
"""Sequences that a function is taken to have besides its own, so that tiny functions do not attract all others."""


def by_use(order: Sequence[int], uses: Sequence[int], first: int) -> list[int]:
    """Return ``order`` with the functions first that are named most; those whose index takes equally many bytes keep
    their order.

    :param uses: how often each function is named.
    :param first: the index of the first function, after the imported ones.
    """
    position = {function: i for i, function in enumerate(order)}
    ranked = sorted(order, key=lambda function: (-uses[function], position[function]))
    result: list[int] = []
    limit = 1 << 7
    start = 0
    while start < len(ranked):
        end = min(max(limit - first, start), len(ranked))
        result += sorted(ranked[start:end], key=position.__getitem__)
        start = end
        limit <<= 7
    return result


def by_similarity(bodies: Sequence[bytes]) -> list[int]:
    """Return an order of the functions with these bodies in which similar ones are side by side."""
    sampled = (sum(map(len, bodies)) // _WHOLE).bit_length()
    sequences = [_sequences(body, sampled) for body in bodies]
    holders: dict[int, list[int]] = {}
    for function, own in enumerate(sequences):
        for sequence in own:
            holders.setdefault(sequence, []).append(function)
    # A sequence of one function, or of very many, does not help to choose.
    relevant = {sequence: holding for sequence, holding in holders.items() if 1 < len(holding) <= _COMMON}
    linked = [[relevant[sequence] for sequence in own if sequence in relevant] for own in sequences]
    left = bytearray(b"\1" * len(bodies))
    order: list[int] = []
    next_left = 0
    current = -1
    while True:
        if current < 0:
            next_left = left.find(1, next_left)
            if next_left < 0:
                return order
            current = next_left
        left[current] = 0
        order.append(current)
        current = _most_similar(linked[current], sequences, left)


def _most_similar(linked: Iterable[list[int]], sequences: Sequence[set[int]], left: bytearray) -> int:
    """Return the function left that shares most with the one whose sequences' holders are ``linked``; -1 if there is
    none."""
    shared: Counter[int] = Counter()
    for holding in linked:
        shared.update(holding)
    best, best_score = -1, 0.0
    near = sorted([(-count, function) for function, count in shared.items() if left[function]])[:_NEAR]
    for count, function in near:
        score = -count / (len(sequences[function]) + _LIGHT)
        if score > best_score:
            best, best_score = function, score
    return best


def _sequences(body: bytes, sampled: int) -> set[int]:
    """Return the four-byte sequences of a body, as numbers; of many, those of whose hash so many bits are zero."""
    found: set[int] = set()
    for shift in range(4):
        count = (len(body) - shift) // 4
        if count > 0:
            found.update(unpack(f"<{count}I", body[shift : shift + 4 * count]))
    if not sampled:
        return found
    return {sequence for sequence in found if (sequence * 0x9E3779B1 & 0xFFFFFFFF) >> (32 - sampled) == 0}
