"""``packaging/build.py`` rejects wheels that would not work once installed."""

from __future__ import annotations

import runpy
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

BUILD = Path(__file__).resolve().parents[2] / "packaging" / "build.py"
FILES = ("wasmlink_tool/py.typed", "wasmlink_tool/run.py", "wasmlink_tool/site_tools/wasmlink/__init__.py")
LICENCE = "wasmlink-0.2.0.dist-info/licenses/LICENSE"
EXTRA = 'librt>=0.17; extra == "compiled"'

pytestmark = pytest.mark.packaging


def problems(directory: Path, tag: str, names: Sequence[str], required: Sequence[str]) -> list[str]:
    path = directory / f"wasmlink-0.2.0-{tag}.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for name in names:
            wheel.writestr(name, b"")
        lines = ["Metadata-Version: 2.4", "Name: wasmlink", *(f"Requires-Dist: {each}" for each in required)]
        wheel.writestr("wasmlink-0.2.0.dist-info/METADATA", "\n".join(lines) + "\n\nRequires-Dist: in prose\n")
    found: list[str] = runpy.run_path(str(BUILD))["check_contents"](path)
    return found


@pytest.mark.parametrize(
    ("required", "rejected"),
    [(["scons>=4.5"], False), (["scons>=4.5", EXTRA], False), (["librt>=0.17", "scons>=4.5"], True), ([], True)],
)
def test_what_the_pure_wheel_requires(tmp_path: Path, required: list[str], rejected: bool) -> None:
    assert bool(problems(tmp_path, "py3-none-any", [*FILES, LICENCE], required)) is rejected


@pytest.mark.parametrize(
    ("required", "rejected"),
    [(["scons>=4.5", "librt>=0.17"], False), (["scons>=4.5"], True), (["scons>=4.5", EXTRA], True)],
)
def test_the_compiled_wheel_requires_the_library_of_its_compiler(
    tmp_path: Path, required: list[str], rejected: bool
) -> None:
    """Without it, the package can be installed and nothing can be linked."""
    names = [*FILES, LICENCE, "wasmlink_tool/binary/leb128.so"]
    assert bool(problems(tmp_path, "cp311-cp311-linux_x86_64", names, required)) is rejected


def test_foreign_and_missing_files(tmp_path: Path) -> None:
    found = problems(tmp_path, "py3-none-any", [*FILES[1:], "tests/__init__.py"], ["scons>=4.5"])
    assert found == [
        "tests/__init__.py does not belong into the wheel",
        "wasmlink_tool/py.typed is missing",
        "the licence is missing",
    ]
