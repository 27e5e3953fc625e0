"""The interface of an object: the scanner keeps its results as long as it does not change."""

from __future__ import annotations

from pathlib import Path

from tests.cache.again import compiled
from wasmlink_tool.inputs.object_reader import read_object
from wasmlink_tool.inputs.symbol_interface import interface_digest, interface_of, read_symbols

SOURCE = """
extern int table(int), (*pointer)(int);
int counter = 3;
int add(int x) { counter += x; return x + 1; }
int call(int x) { pointer = add; return table(x) + pointer(x); }
"""


def _digests(work: Path, source: str) -> set[str | None]:
    """Return the digests of one object, computed in several ways."""
    work.mkdir()
    (path,) = compiled(work, {"unit.c": source})
    data = Path(path).read_bytes()
    parsed = [parse(data) for parse in (read_object, read_symbols) for _ in range(2)]
    return {interface_of(path), *map(interface_digest, parsed)}


def test_a_body_changes(tmp_path: Path) -> None:
    first = _digests(tmp_path / "first", SOURCE)
    assert len(first) == 1
    assert _digests(tmp_path / "second", SOURCE.replace("x + 1", "x * x + 77")) == first


def test_segments_in_any_number(tmp_path: Path) -> None:
    """A segment whose contents are skipped is a row all the same, in each column."""
    sources = {f"{count}.c": "".join(f"int v{i} = 1;\n" for i in range(count)) for count in range(10)}
    for count, path in enumerate(compiled(tmp_path, sources, flags=["-fdata-sections"])):
        data = Path(path).read_bytes()
        found = [read_symbols(data).segments, read_object(data).segments]
        assert [len(list(segments)) for segments in found] == [count, count]


def test_what_others_see_changes(tmp_path: Path) -> None:
    found = [_digests(tmp_path / "as it is", SOURCE)]
    for number, (old, new) in enumerate(
        (
            ("int table(int)", "int table(long long)"),
            ("int counter", "__attribute__((weak)) int counter"),
            ("table(x) +", ""),
            ("int counter", "__thread int counter"),
        )
    ):
        found.append(_digests(tmp_path / str(number), SOURCE.replace(old, new)))
    assert [len(digests) for digests in found] == [1] * 5
    assert len(set().union(*found)) == 5
