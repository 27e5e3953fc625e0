"""The cache of parsed inputs: a link with it writes what a link without it writes."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from tests.support import objects
from tests.support.edit_sources import SHADES, UNITS
from tests.support.random_edits import Project, differences
from wasmlink_tool.binary import relocations
from wasmlink_tool.incremental.stamps import is_unchanged, stamp
from wasmlink_tool.inputs import parse_cache
from wasmlink_tool.inputs.object_file import PARSED, ObjectFile
from wasmlink_tool.inputs.object_reader import ObjectReader, read_object
from wasmlink_tool.linker import link
from wasmlink_tool.linking import parallel
from wasmlink_tool.options import LinkOptions


@pytest.mark.parametrize(("seed", "threads"), [(11, 1), (12, 1), (13, 2)])
def test_random_edits(tmp_path: Path, seed: int, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    project = Project(tmp_path, seed)
    project.threads = threads
    monkeypatch.setattr(parallel, "WORTH_A_PROCESS", 1)
    assert list(differences(project, 150)) == []
    assert project.reused["used"] > 30


@pytest.fixture
def project(tmp_path: Path) -> Project:
    parse_cache.forget()
    return Project(tmp_path, 1)


def test_a_second_link_reads_entries(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = project.write()
    first = project.link(inputs, cached=True)
    parse_cache.forget()
    monkeypatch.setattr(ObjectReader, "read", _refuse)
    assert project.link(inputs, cached=True) == first


def _refuse(*_: object) -> None:
    raise AssertionError("an object was parsed")


def test_every_damaged_entry_is_replaced(project: Project) -> None:
    inputs = project.write()
    clean = project.link(inputs, cached=True)
    # In its own directory, the cache has nothing but its mark and tag.
    entries = [*project.cache.glob("*/*")]
    good = {path: path.read_bytes() for path in entries}
    for damage in (b"", b"wasmlink cache 1\n", b"\0" * 100):
        for path in entries:
            path.write_bytes(damage)
        parse_cache.forget()
        assert project.link(inputs, cached=True) == clean
        # States of whole links tell when files changed, and so differ from one another.
        entries_now = {path: path.read_bytes() for path in entries if path.parent.name != "links"}
        assert entries_now == {path: data for path, data in good.items() if path.parent.name != "links"}


@pytest.mark.parametrize(("places", "units"), [([0, 0, 0], [3]), ([1, 1, 2], [3, 4])], ids=["object", "archives"])
def test_bodies_change(project: Project, places: list[int], units: list[int]) -> None:
    project.flags = {"strip_debug": True}
    project.places[2:5] = places
    for unit in units:
        project.shades[unit] = 1
    project.link(project.write(), cached=True)
    for shade in (2, 1, 2):
        for unit in units:
            project.shades[unit] = shade
        inputs = project.write()
        clean = project.link(inputs, cached=False)
        assert isinstance(clean, bytes)
        # As a new process.
        parse_cache.forget()
        assert project.link(inputs, cached=True) == clean
    assert project.reused["used"] == 3


def test_members_come_and_go(project: Project) -> None:
    project.places[2:5] = [1, 1, 2]
    project.link(project.write(), cached=True)
    for unit, variant, place in ((3, 0, 2), (3, 0, 1), (3, 1, 1), (5, 0, 1), (5, 0, 0), (2, 2, 1)):
        project.variants[unit], project.places[unit] = variant, place
        inputs = project.write()
        assert project.link(inputs, cached=True) == project.link(inputs, cached=False)
        parse_cache.forget()


def test_nothing_changes(project: Project) -> None:
    inputs = project.write()
    clean = project.link(inputs, cached=True)
    assert project.link(inputs, cached=True) == clean
    assert project.reused["used"] == 1


def test_a_damaged_state_is_none(project: Project) -> None:
    inputs = project.write()
    clean = project.link(inputs, cached=True)
    (state,) = (project.cache / "links").iterdir()
    good = state.read_bytes()
    for position in range(0, len(good), max(1, len(good) // 50)):
        state.write_bytes(good[:position] + bytes([good[position] ^ 0x10]) + good[position + 1 :])
        assert project.link(inputs, cached=True) == clean
    state.write_bytes(good[: len(good) // 2])
    assert project.link(inputs, cached=True) == clean


def test_an_entry_of_another_name_is_none(project: Project) -> None:
    inputs = project.write()
    clean = project.link(inputs, cached=True)
    entries = sorted(path for path in project.cache.rglob("*") if path.is_file())
    contents = [path.read_bytes() for path in entries]
    for path, other in zip(entries, contents[1:] + contents[:1]):
        path.write_bytes(other)
    parse_cache.forget()
    assert project.link(inputs, cached=True) == clean


def test_a_directory_that_cannot_be_written(project: Project) -> None:
    inputs = project.write()
    project.cache.write_text("a file where the directory should be")
    assert project.link(inputs, cached=True) == project.link(inputs, cached=False)


def test_the_limit_holds(project: Project) -> None:
    for shade in range(SHADES):
        project.shades = [shade] * UNITS
        inputs = project.write()
        link(LinkOptions(inputs=inputs, output=None, cache_directory=str(project.cache), cache_limit=20_000))
    size = sum(path.stat().st_size for path in project.cache.rglob("*") if path.is_file())
    assert size < 40_000


def test_threads_share_a_cache(project: Project) -> None:
    inputs = project.write()
    clean = project.link(inputs, cached=False)
    results: list[bytes | str] = []

    def work() -> None:
        for _ in range(5):
            results.append(project.link(inputs, cached=True))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [clean] * 20


def test_a_file_written_when_the_link_began_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("contents")
    status = path.stat()
    assert not is_unchanged(str(path), stamp(str(path), status, status.st_ctime_ns + 1000))
    assert is_unchanged(str(path), stamp(str(path), status, status.st_ctime_ns + 3_000_000_000)) == (os.name == "posix")


def test_moved_objects_keep_everything() -> None:
    """Each attribute of an object either moves with the bytes or is copied."""
    data = objects.MAGIC + objects.custom("linking", objects.leb(2))
    placed = {"_data", "_unread", "start", "end", "sections", "_relocation_sections"}
    if not relocations.COMPILED:
        assert set(ObjectFile.__slots__) == placed | set(PARSED)
    moved = read_object(data).moved(b"xx" + data, 2)
    assert (moved.start, moved.end) == (2, 2 + len(data))
    assert moved.sections[0].start == read_object(data).sections[0].start + 2
