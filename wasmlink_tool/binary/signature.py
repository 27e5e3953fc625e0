"""Signatures of functions, as encoded in a type section: two vectors of value types."""

from __future__ import annotations


def parameters_and_results(signature: bytes) -> tuple[list[bytes], list[bytes]]:
    """Return the encoded value types of the parameters and of the results."""
    parameters, pos = _vector(signature, 0)
    results, _ = _vector(signature, pos)
    return parameters, results


def _vector(signature: bytes, pos: int) -> tuple[list[bytes], int]:
    count = shift = 0
    while True:
        byte = signature[pos]
        pos += 1
        count |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    types: list[bytes] = []
    for _ in range(count):
        start = pos
        if signature[pos] in _WITH_HEAP_TYPE:
            pos += 1
            while signature[pos] >= 0x80:
                pos += 1
        pos += 1
        types.append(signature[start:pos])
    return types, pos


_WITH_HEAP_TYPE = (0x63, 0x64)
"""Reference types, ``(ref null ht)`` and ``(ref ht)``: a heap type follows as a LEB128 number."""
