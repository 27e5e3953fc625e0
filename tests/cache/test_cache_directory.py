"""Directories of caches: nothing is removed from them but what a linker put there, and others have no part in them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from tests.support import objects
from wasmlink_tool.diagnostics import LinkError
from wasmlink_tool.files import frame
from wasmlink_tool.inputs import cache_directory, parse_cache
from wasmlink_tool.inputs.cache_directory import GENERATED, LINKS, MARK, PACKS, SUBDIRECTORY, cache_root, prune
from wasmlink_tool.linker import link
from wasmlink_tool.lto.generated_cache import GeneratedCache
from wasmlink_tool.options import CachePolicy, LinkOptions

posix = pytest.mark.skipif(os.name != "posix", reason="needs a POSIX system")
KEY = "0123456789abcdef" * 2 + "01234567"


@pytest.fixture
def program(tmp_path: Path) -> str:
    path = tmp_path / "program.o"
    path.write_bytes(objects.build())
    return str(path)


def _link(program: str, cache: Path, **options: object) -> bytes:
    parse_cache.forget()
    settings = {
        "inputs": [program],
        "output": None,
        "entry": None,
        "import_undefined": True,
        "cache_directory": str(cache),
        **options,
    }
    return link(LinkOptions(**settings)).module  # type: ignore[arg-type]


def _files(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def _age(*paths: Path, seconds: float = 1000.0) -> None:
    for path in paths:
        os.utime(path, (time.time() - seconds, time.time() - seconds))


# Whose a directory is


@posix
def test_a_directory_is_made_for_this_user_alone(program: str, tmp_path: Path) -> None:
    mask = os.umask(0)
    try:
        _link(program, tmp_path / "new" / "cache")
    finally:
        os.umask(mask)
    root = tmp_path / "new" / "cache"
    assert root.stat().st_mode & 0o777 == 0o700
    assert (root / "CACHEDIR.TAG").read_bytes().startswith(b"Signature: 8a477f597d28d172789f06886806bc55")
    assert {path.stat().st_mode & 0o077 for path in root.rglob("*")} == {0}


def test_an_empty_directory_becomes_the_cache(program: str, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    _link(program, cache)
    assert {path.name for path in cache.iterdir()} == {MARK, "CACHEDIR.TAG", PACKS, LINKS}


def test_a_directory_that_holds_something_else_gets_a_subdirectory(program: str, tmp_path: Path) -> None:
    """Pruning removes no file of the user's: neither those beside the cache nor those in it."""
    project = tmp_path / "project"
    (project / PACKS).mkdir(parents=True)
    theirs = [project / "source.c", project / PACKS / "0123456789", project / "CACHEDIR.TAG"]
    for path in theirs:
        path.write_bytes(b"precious" * 1000)
    _link(program, project)
    root = project / SUBDIRECTORY
    inside = [root / "notes", root / PACKS / "0123456789", root / PACKS / "notes", root / LINKS / KEY]
    for path in inside:
        path.write_bytes(b"precious" * 1000)
    (root / "sources").mkdir()
    (root / "sources" / KEY).write_bytes(b"precious" * 1000)
    (root / GENERATED).symlink_to(root / "sources")
    before = _files(project)
    _age(*theirs, *inside, root / "sources" / KEY)
    _link(program, project, cache_limit=1, stack_size=16)
    after = _files(project)
    assert {name for name in before if name not in after} == {
        name for name, contents in before.items() if contents.startswith(b"wasmlink ")
    }
    assert {name: before[name] for name in after} == after


def test_a_subdirectory_that_is_not_the_linkers(program: str, tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / SUBDIRECTORY).mkdir(parents=True)
    (project / SUBDIRECTORY / "file").touch()
    assert cache_root(str(project)) is None
    _link(program, project)
    assert set(_files(project)) == {f"{SUBDIRECTORY}/file"}
    (project / SUBDIRECTORY / "file").unlink()
    (project / SUBDIRECTORY).rmdir()
    (project / "file").touch()
    (project / SUBDIRECTORY).symlink_to(tmp_path)
    assert cache_root(str(project)) is None


@posix
@pytest.mark.parametrize("mode", [0o777, 0o775, 0o1777])
def test_a_directory_that_others_can_write_to_is_refused(program: str, tmp_path: Path, mode: int) -> None:
    cache = tmp_path / "cache"
    clean = _link(program, cache)
    cache.chmod(mode)
    with pytest.raises(LinkError, match=rf"cannot use cache directory {cache}: .*mode {mode:o}.*--shared-cache"):
        _link(program, cache)
    assert _link(program, cache, shared_cache=True) == clean
    cache.chmod(0o755)
    assert _link(program, cache) == clean


@posix
@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="needs root")
def test_a_directory_of_another_user_is_refused(program: str, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    _link(program, cache)
    os.chown(cache, 12345, -1)
    with pytest.raises(LinkError, match="belongs to another user"):
        _link(program, cache)


# What others put there


@posix
def test_nobody_waits_for_a_pipe(program: str, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    clean = _link(program, cache)
    (pack,) = (cache / PACKS).iterdir()
    (state,) = (cache / LINKS).iterdir()
    for path in (pack, state):
        path.unlink()
        os.mkfifo(path)
    os.mkfifo(cache / PACKS / "0123456789")
    assert _link(program, cache) == clean
    (cache / MARK).unlink()
    os.mkfifo(cache / MARK)
    assert _link(program, cache) == clean


@posix
def test_planted_links_lead_nowhere(program: str, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    clean = _link(program, cache)
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    names = [path.relative_to(cache) for path in cache.rglob("*") if path.is_file()]
    for name in names:
        (cache / name).unlink()
        (cache / name).symlink_to(victim)
    assert _link(program, cache) == clean
    for path in (cache / PACKS, cache / LINKS):
        for inside in path.iterdir():
            inside.unlink()
        path.rmdir()
        path.symlink_to(tmp_path)
    before = {path.name for path in tmp_path.iterdir()}
    assert _link(program, cache) == clean
    assert {path.name for path in tmp_path.iterdir()} == before
    assert victim.read_bytes() == b"precious"


# Limits


def test_the_limit_holds_after_every_link(program: str, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    for number in range(60):
        _link(program, cache, stack_size=65536 + 16 * number, cache_limit=4000)
        assert sum(map(len, _files(cache / PACKS).values())) + sum(map(len, _files(cache / LINKS).values())) <= 4000


def test_states_are_counted(program: str, tmp_path: Path) -> None:
    """Five hundred are kept, those that were used last."""
    cache = tmp_path / "cache"
    _link(program, cache)
    (state,) = (cache / LINKS).iterdir()
    for number in range(510):
        older = cache / LINKS / f"{number:040x}"
        older.write_bytes(state.read_bytes())
        _age(older, seconds=1000 - number)
    _link(program, cache, stack_size=131072)
    left = _files(cache / LINKS)
    assert len(left) == 500
    assert state.name in left
    assert {f"{number:040x}" in left for number in range(12)} == {False}
    assert len(_files(cache / PACKS)) == 1


def _cache(tmp_path: Path, sizes: dict[str, tuple[int, float]]) -> Path:
    """A cache of generated objects: of each its size and age."""
    root = tmp_path / "cache"
    for name, (size, age) in sizes.items():
        key = name.ljust(40, "0")
        assert cache_directory.store_file(str(root), GENERATED, key, [b"wasmlink ".ljust(size)])
        _age(root / GENERATED / key, seconds=age)
    return root


@pytest.mark.parametrize(
    ("policy", "left"),
    [
        (CachePolicy(), "abcd"),
        (CachePolicy(files=3), "abc"),
        (CachePolicy(files=1), "a"),
        (CachePolicy(size=350), "abc"),
        (CachePolicy(size=99), ""),
        (CachePolicy(expiration=250), "ab"),
        (CachePolicy(expiration=250, files=1), "a"),
        (CachePolicy(percentage=100), "abcd"),
    ],
)
def test_a_policy(tmp_path: Path, policy: CachePolicy, left: str) -> None:
    root = _cache(tmp_path, {name: (100, 100.0 * age) for age, name in enumerate("abcd", 1)})
    prune(str(root), policy)
    assert "".join(sorted(name[0] for name in os.listdir(root / GENERATED))) == left


def test_an_interval(tmp_path: Path) -> None:
    root = _cache(tmp_path, {"a": (100, 10), "b": (100, 20)})
    prune(str(root), CachePolicy(files=2, interval=1000))
    prune(str(root), CachePolicy(files=1, interval=1000))
    assert len(os.listdir(root / GENERATED)) == 2
    _age(root / ".pruned", seconds=1001)
    prune(str(root), CachePolicy(files=1, interval=1000))
    assert len(os.listdir(root / GENERATED)) == 1


def test_what_is_used_stays(tmp_path: Path) -> None:
    root = str(tmp_path / "cache")
    cache = GeneratedCache(root, partial(prune, root, CachePolicy(files=2)))
    keys = [name * 40 for name in "abc"]
    for key in keys[:2]:
        cache.store(key, b"contents")
        _age(tmp_path / "cache" / GENERATED / key)
    assert cache.load(keys[0]) == b"contents"
    cache.store(keys[2], b"")
    assert [cache.load(key) for key in keys] == [b"contents", None, b""]


def test_a_directory_without_a_mark_is_not_pruned(tmp_path: Path) -> None:
    root = _cache(tmp_path, {"a": (100, 10)})
    (root / MARK).unlink()
    prune(str(root), CachePolicy(size=1))
    assert len(os.listdir(root / GENERATED)) == 1


@posix
def test_pruning_removes_what_a_killed_process_left(tmp_path: Path) -> None:
    root = _cache(tmp_path, {"a": (100, 10)})
    code = "from wasmlink_tool.temporary_files import temporary_name; print(temporary_name('a' * 40), end='')"
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    (root / GENERATED / made).write_bytes(b"".join(frame(b"wasmlink ", [])))
    prune(str(root), CachePolicy())
    assert len(os.listdir(root / GENERATED)) == 1
