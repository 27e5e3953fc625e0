"""``setup.py`` refuses what it cannot compile, before it begins."""

from __future__ import annotations

import runpy
import sysconfig
from pathlib import Path

import pytest

SETUP = Path(__file__).resolve().parents[2] / "setup.py"


@pytest.mark.packaging
def test_compiling_for_a_free_threaded_python_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    known = sysconfig.get_config_var
    monkeypatch.setattr(sysconfig, "get_config_var", lambda name: 1 if name == "Py_GIL_DISABLED" else known(name))
    monkeypatch.setenv("WASMLINK_COMPILE", "1")
    with pytest.raises(SystemExit, match="free-threaded Python: install the pure one"):
        runpy.run_path(str(SETUP), run_name="__main__")
