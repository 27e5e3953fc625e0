"""Files that the tool keeps beside a project are untrusted, and replace nothing of the user's."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("SCons")

from wasmlink_tool.identity import identity_stamp, linker_identity
from wasmlink_tool.scons.scan_cache import Finding, ScanMemory

KEY = "options"
FINDING: dict[str, Any] = {
    "files": {"m.o": "0" * 32, "absent.imports": None},
    "direct": ["m.o"],
    "indirect": ["libf.a"],
    "members": [["libf.a", "f.o", 0, "digest"]],
    "interfaces": {"m.o": "digest"},
    "order": "digest",
}
NO_TEXT: tuple[Any, ...] = (None, True, 0, -1, 1e999, float("nan"), [], {}, ["\0"], "\0")


def _write(path: Path, finding: Any) -> None:
    stored = {"linker": linker_identity(), "stamp": identity_stamp(), "findings": {KEY: finding}}
    body = json.dumps(stored).encode()
    path.write_bytes(b"wasmlink scans 3 %s\n%s" % (sha256(body).hexdigest().encode(), body))


def _find(path: Path) -> Finding | None:
    signatures = {name: signature for name, signature in FINDING["files"].items() if signature is not None}
    return ScanMemory(str(path)).find(KEY, signatures.get)


def test_a_result_is_found(tmp_path: Path) -> None:
    _write(tmp_path / "scans", FINDING)
    found = _find(tmp_path / "scans")
    assert found is not None
    assert found.direct == ["m.o"]


def _places(value: Any) -> list[tuple[Any, ...]]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [(), *((key, *rest) for key, child in children for rest in _places(child))]


@pytest.mark.parametrize("place", [place for place in _places(FINDING) if place], ids=str)
def test_no_value_is_trusted(place: tuple[Any, ...], tmp_path: Path) -> None:
    """A value of another type, a number without an integer and a path that no system call takes are not used."""
    for value in NO_TEXT:
        finding = json.loads(json.dumps(FINDING))
        inner = finding
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = value
        _write(tmp_path / "scans", finding)
        found = _find(tmp_path / "scans")
        if found is None:
            continue
        paths = (*found.files, *found.direct, *found.indirect)
        assert all(isinstance(path, str) and "\0" not in path for path in paths)
        for archive, member, occurrence, digest in found.members:
            assert isinstance(occurrence, int)
            assert "\0" not in archive + member
            assert isinstance(digest, str)


@pytest.mark.parametrize("contents", ["", "mine\n", "wasmlink scans 2 0\n{}"])
def test_a_foreign_file_stays(contents: str, tmp_path: Path) -> None:
    path = tmp_path / "scans"
    path.write_text(contents)
    memory = ScanMemory(str(path))
    memory.add(KEY, Finding({}, [], [], [], {}, ""))
    memory.save()
    assert (path.read_text() == contents) == (contents == "mine\n")
