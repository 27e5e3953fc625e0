"""Packs: files of many entries, which any number of processes share."""

from __future__ import annotations

from pathlib import Path

from wasmlink_tool.inputs.cache_directory import PACKS
from wasmlink_tool.inputs.packs import Packs


def _at(directory: Path) -> Packs:
    packs = Packs(str(directory))
    packs.refresh()
    return packs


def test_another_process_finds_what_was_written(tmp_path: Path) -> None:
    entries = {"a": b"first", "b": b"", "c": b"third"}
    first, other = _at(tmp_path), _at(tmp_path)
    assert first.write(entries) > 8
    assert other.read("a") is None
    other.refresh()
    for packs in (first, other, _at(tmp_path)):
        assert {key: packs.read(key) for key in (*entries, "d")} == {**entries, "d": None}


def test_many_packs_become_few(tmp_path: Path) -> None:
    packs, reader = _at(tmp_path), _at(tmp_path)
    entries = {"large": b"x" * 10_000}
    packs.write(entries)
    for number in range(100):
        entries[str(number)] = b"%d" % number
        packs.write({str(number): b"%d" % number})
        reader.refresh()
        assert reader.read(str(number)) == b"%d" % number
    assert len(list((tmp_path / PACKS).iterdir())) < 30
    for each in (packs, _at(tmp_path)):
        assert {key: each.read(key) for key in entries} == entries
    # Who has not looked since finds most entries gone, and nothing wrong.
    assert {reader.read(key) for key in entries} <= {None, *entries.values()}


def test_a_changed_bit_is_seen(tmp_path: Path) -> None:
    entries = {"a": b"first", "b": b"second"}
    _at(tmp_path).write(entries)
    (path,) = (tmp_path / PACKS).iterdir()
    good = path.read_bytes()
    for position in range(len(good)):
        for bit in range(8):
            path.write_bytes(good[:position] + bytes([good[position] ^ 1 << bit]) + good[position + 1 :])
            packs = _at(tmp_path)
            found = [packs.read(key) for key in entries]
            assert None in found
            assert all(data in (None, entries[key]) for key, data in zip(entries, found))


def test_a_pack_cut_short(tmp_path: Path) -> None:
    _at(tmp_path).write({"a": b"first", "b": b"second"})
    (path,) = (tmp_path / PACKS).iterdir()
    good = path.read_bytes()
    for size in range(len(good)):
        path.write_bytes(good[:size])
        packs = _at(tmp_path)
        assert packs.read("b") is None
        assert packs.read("a") in (None, b"first")
