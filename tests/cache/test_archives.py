"""Archives of which members changed, linked from the last link."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.cache.again import compiled, linked
from tests.support.archives import archive_of
from wasmlink_tool.incremental import relink
from wasmlink_tool.inputs import parse_cache
from wasmlink_tool.options import LinkOptions


def _link(work: Path, sources: Mapping[str, str]) -> bytes:
    """All but the first are members of an archive."""
    parse_cache.forget()
    main, *members = compiled(work, sources)
    (work / "all.a").write_bytes(archive_of([(Path(path).name, Path(path).read_bytes()) for path in members]))
    module = linked(work, [main, str(work / "all.a")])
    assert isinstance(module, bytes)
    return module


def test_members_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    used = 0

    def relink_and_count(options: LinkOptions) -> relink.Relinked | relink.Passes:
        nonlocal used
        found = relink_(options)
        used += isinstance(found, relink.Relinked)
        return found

    relink_ = relink.relink
    monkeypatch.setattr(relink, "relink", relink_and_count)
    sources = {
        "main.cc": 'extern "C" int a(); extern "C" void _start() { a(); }',
        "dead.cc": "int dead() { return 1; }",
        "a.cc": 'extern "C" int a() { return 1; }',
    }
    first = _link(tmp_path, sources)
    # It is not linked, and pushes the others to other places.
    sources["dead.cc"] = "int dead() { int x = 0; for (int i = 0; i < 9; i++) x = x * i + 1; return x; }"
    assert _link(tmp_path, sources) == first
    assert used == 1
    sources["a.cc"] = 'extern "C" int a() { return 2; }'
    second = _link(tmp_path, sources)
    assert second != first
    assert used == 2
    # It becomes the first that defines what is asked for.
    sources["dead.cc"] += ' extern "C" int a() { return 3; }'
    assert _link(tmp_path, sources) not in (first, second)
    assert used == 2
