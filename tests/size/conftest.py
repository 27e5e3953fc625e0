"""Fixtures of the tests of size reports."""

from tests.differential.conftest import objects

__all__ = ["objects"]
