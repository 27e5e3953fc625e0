"""The plug-in of the samples under node: jco makes a JavaScript module of the component."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.scons.conftest import ROOT, Project


@pytest.mark.slow
@pytest.mark.packaging
@pytest.mark.skipif(shutil.which("npm") is None or shutil.which("node") is None, reason="npm is not installed")
def test_the_plug_in_runs_under_node(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "samples" / "component", tmp_path / "component")
    project = Project(tmp_path / "component")
    install = ["npm", "install", "--silent", "--no-audit", "--no-fund", "@bytecodealliance/jco"]
    subprocess.run(install, cwd=project.directory, check=True, capture_output=True)
    assert project.scons("node").output.splitlines()[-2:] == ["plug-in: doubling", "42"]
