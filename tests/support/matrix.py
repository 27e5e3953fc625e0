"""A pytest plugin that runs a part of the matrices: ``-p tests.support.matrix --matrix-part=1/4``.

A matrix links the cases of another suite once more in some mode: with a cache, in child processes, with a report. All
of them run where a change concerns that mode; a whole run of all tests, on both packages, takes another part on each.
"""

from __future__ import annotations

from zlib import crc32

import pytest

MATRICES = (
    "tests/badinput/test_objects.py",
    "tests/differential/test_parallel.py",
    "tests/differential/test_section_order.py",
    "tests/differential/test_warm.py",
    "tests/size/test_report_sums.py",
    "tests/warm/test_edit_classes.py",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--matrix-part", default="1/1", help="the part of the matrices to run, as K/N")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    part, _, parts = str(config.getoption("--matrix-part")).partition("/")
    left_out = [
        item
        for item in items
        if item.nodeid.startswith(MATRICES) and crc32(item.nodeid.encode()) % int(parts) != int(part) - 1
    ]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        kept = set(items) - set(left_out)
        items[:] = [item for item in items if item in kept]
