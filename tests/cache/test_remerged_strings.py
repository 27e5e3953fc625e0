"""Strings merged from the last merge are those that a merge of all gives."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from wasmlink_tool.incremental.remerge_strings import Remerged
from wasmlink_tool.inputs.section_columns import Section
from wasmlink_tool.linking.chunks import InputSection
from wasmlink_tool.linking.merged_strings import MergedStrings, StringPieces
from wasmlink_tool.linking.synthetic_file import SyntheticFile


def _merged(lists: Sequence[Sequence[bytes]]) -> tuple[bytes, list[list[int]]]:
    merged = MergedStrings(b"")
    chunks = []
    for strings in lists:
        chunk = InputSection(SyntheticFile("", gc_sections=True), 0, Section(0, b"", 0, 0))
        chunk.pieces = StringPieces(b"\0".join(strings) + b"\0")
        chunks.append(chunk.pieces)
        merged.add(chunk)
    merged.finalize()
    return bytes(merged.contents), [list(pieces.offsets) for pieces in chunks]


@pytest.mark.parametrize("alphabet", [b"a", b"ab", b"abc"])
def test_random_strings(alphabet: bytes) -> None:
    pick = random.Random(len(alphabet))

    def word() -> bytes:
        return bytes(pick.choice(alphabet) for _ in range(pick.randrange(pick.choice((2, 4, 6)))))

    for _ in range(700):
        others = [[word() for _ in range(pick.randrange(1, 6))] for _ in range(3)]
        old = [word() for _ in range(pick.randrange(1, 6))]
        new = [string for string in old if pick.random() < 0.7] + [word() for _ in range(pick.randrange(1, 4))]
        contents, (*places, old_places) = _merged([*others, old])
        expected, (*new_places, own_places) = _merged([*others, new])
        kept = {offset for offsets in places for offset in offsets}
        if pick.random() < 0.5:
            kept |= {offset for offset, string in zip(old_places, old) if string in new}
        again = Remerged(contents, kept, {*old_places} - kept, new)
        assert again.contents == expected
        assert [[again.moved[offset] for offset in offsets] for offsets in places] == new_places
        assert [again.placed[string] for string in new] == own_places
