"""Iteration order of LLVM's StringMap, in which wasm-ld lists several features in a message."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Final

_MASK: Final = (1 << 64) - 1
_SECRET: Final = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671fcb79e64eccc0e578825ad07dccff7221"
    "b8084674f743248ee03590e6813a264c3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8"
    "a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364"
)
"""The secret of the hash XXH3, the part for strings of up to 128 bytes."""
_PRIMES: Final = (0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9)
_FIRST_BUCKETS: Final = 16


def string_map_order(strings: Iterable[str]) -> list[str]:
    """Return the distinct strings in the iteration order of a StringMap into which they were inserted in this order.

    Strings of more than 128 bytes are not hashed as LLVM does it.
    """
    buckets: list[tuple[int, str] | None] = [None] * _FIRST_BUCKETS
    for count, string in enumerate(dict.fromkeys(strings), 1):
        _put(buckets, (_hash(string.encode("utf-8", "surrogateescape")[:128]), string))
        if count * 4 > len(buckets) * 3:
            entries = [entry for entry in buckets if entry is not None]
            buckets = [None] * (2 * len(buckets))
            for entry in entries:
                _put(buckets, entry)
    return [entry[1] for entry in buckets if entry is not None]


def _put(buckets: list[tuple[int, str] | None], entry: tuple[int, str]) -> None:
    position = entry[0]
    step = 1
    while buckets[position % len(buckets)] is not None:
        position += step
        step += 1
    buckets[position % len(buckets)] = entry


def _hash(data: bytes) -> int:
    """Return the 64-bit hash XXH3, without a seed."""
    size = len(data)
    if size > 16:
        total = size * _PRIMES[0]
        for i in range((size - 1) // 32 + 1):
            total += _mixed(data, 16 * i, 32 * i) + _mixed(data, size - 16 * (i + 1), 32 * i + 16)
        return _avalanche(total & _MASK, 37, 0x165667919E3779F9, 32)
    if size > 8:
        low = _word(data, 0) ^ _word(_SECRET, 24) ^ _word(_SECRET, 32)
        high = _word(data, size - 8) ^ _word(_SECRET, 40) ^ _word(_SECRET, 48)
        swapped = int.from_bytes(low.to_bytes(8, "little"), "big")
        return _avalanche((size + swapped + high + _folded(low, high)) & _MASK, 37, 0x165667919E3779F9, 32)
    if size > 3:
        value = _word(data, size - 4, 4) + (_word(data, 0, 4) << 32) ^ _word(_SECRET, 8) ^ _word(_SECRET, 16)
        value ^= _rotated(value, 49) ^ _rotated(value, 24)
        value = value * 0x9FB21C651E98DF25 & _MASK
        value = (value ^ (value >> 35) + size) * 0x9FB21C651E98DF25 & _MASK
        return value ^ value >> 28
    if size:
        value = data[0] << 16 | data[size >> 1] << 24 | data[-1] | size << 8
        value ^= _word(_SECRET, 0, 4) ^ _word(_SECRET, 4, 4)
    else:
        value = _word(_SECRET, 56) ^ _word(_SECRET, 64)
    value = (value ^ value >> 33) * _PRIMES[1] & _MASK
    return _avalanche(value, 29, _PRIMES[2], 32)


def _word(data: bytes, at: int, size: int = 8) -> int:
    return int.from_bytes(data[at : at + size], "little")


def _rotated(value: int, bits: int) -> int:
    return (value << bits | value >> 64 - bits) & _MASK


def _folded(one: int, other: int) -> int:
    product = one * other
    return (product & _MASK) ^ product >> 64


def _mixed(data: bytes, at: int, key: int) -> int:
    return _folded(_word(data, at) ^ _word(_SECRET, key), _word(data, at + 8) ^ _word(_SECRET, key + 8))


def _avalanche(value: int, shift: int, factor: int, last: int) -> int:
    value = (value ^ value >> shift) * factor & _MASK
    return value ^ value >> last
