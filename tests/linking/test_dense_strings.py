"""Chunks of many short strings: merged as all others are, without an object for each string."""

from __future__ import annotations

from random import Random

import pytest

from wasmlink_tool.inputs.section_columns import Section
from wasmlink_tool.linking.chunks import InputSection
from wasmlink_tool.linking.dense_strings import backwards, starts
from wasmlink_tool.linking.merged_strings import MergedStrings, StringPieces, is_dense
from wasmlink_tool.linking.synthetic_file import SyntheticFile


def merged(chunks: list[bytes]) -> tuple[bytes, list[list[int]]]:
    """Merge chunks; return the contents and the offsets of the strings of each."""
    strings = MergedStrings(b"")
    split = []
    for contents in chunks:
        chunk = InputSection(SyntheticFile("", gc_sections=True), 0, Section(0, b"", 0, 0))
        chunk.pieces = StringPieces(contents)
        split.append(chunk.pieces)
        strings.add(chunk)
    strings.finalize()
    return bytes(strings.contents), [list(pieces.offsets) for pieces in split]


def words(random: Random, count: int, alphabet: bytes, longest: int) -> list[bytes]:
    return [bytes(random.choices(alphabet, k=random.randrange(longest + 1))) for _ in range(count)]


@pytest.mark.parametrize(("alphabet", "longest"), [(b"a", 20), (b"ab", 4), (bytes(range(1, 256)), 3), (b"abcdef", 24)])
def test_many_short_strings_are_merged_like_others(alphabet: bytes, longest: int) -> None:
    random = Random(longest)
    many = words(random, 40_000, alphabet, longest)
    few = words(random, 50, alphabet, 40)
    dense = b"\0".join(many) + b"\0"
    assert is_dense(dense)
    contents, (offsets, few_offsets) = merged([dense, b"\0".join(few) + b"\0"])
    for string, offset in zip([*many, *few], [*offsets, *few_offsets], strict=True):
        assert contents[offset : offset + len(string) + 1] == string + b"\0"
    # One chunk for each string is never dense.
    expected, places = merged([string + b"\0" for string in [*many, *few]])
    assert contents == expected
    assert [*offsets, *few_offsets] == [place for (place,) in places]


def test_strings_of_a_dense_chunk() -> None:
    strings = words(Random(1), 70_000, b"abc", 5)
    contents = b"\0".join(strings) + b"\0"
    assert [string[::-1] for string in backwards(contents)] == strings
    pieces = StringPieces(contents)
    assert pieces.is_dense
    assert (pieces.count, pieces.strings()) == (len(strings), strings)
    found = starts(contents)
    assert [contents[start : contents.index(0, start)] for start in found] == strings
    assert pieces.has_start(found[5])
    assert not any(pieces.has_start(start + 1) for start, string in zip(found, strings) if string)
