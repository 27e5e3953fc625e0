"""docs/options.md's tables are those of the option table."""

from __future__ import annotations

from pathlib import Path

import pytest

from wasmlink_tool.cli.option_table import all_options
from wasmlink_tool.cli.options_page import updated

PAGE = Path(__file__).parents[2] / "docs" / "options.md"


def test_the_page_is_in_step() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == updated(page), "run: python -m wasmlink_tool.cli.options_page docs/options.md"


def test_every_option_is_on_it() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert all(f"-{option.name}" in page for option in all_options())


def test_a_page_without_marks() -> None:
    with pytest.raises(ValueError, match="marks"):
        updated("# Options\n")
