"""Names and versions are read as the Component Model and semver define them."""

from __future__ import annotations

import pytest

from wasmlink_tool.component import names
from wasmlink_tool.component.wit_model import STRING, U8, Kind, Type, dependencies_first


def test_versions_sort_as_semver_lists_them() -> None:
    texts = ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11"]
    texts += ["1.0.0-rc.1", "1.0.0", "1.0.0+a", "1.0.0+b", "1.0.1", "1.2.0", "2.0.0"]
    versions = [names.parse_version(text) for text in texts]
    known = [version for version in versions if version is not None]
    known.reverse()
    assert [version.text for version in sorted(known, key=names.version_key)] == texts


@pytest.mark.parametrize(
    ("text", "part"),
    [("1.2.3", "1"), ("0.2.3", "0.2"), ("0.0.3", "0.0.3"), ("1.2.3-rc.1", "1.2.3-rc.1"), ("1.2.3+b", "1")],
)
def test_compatible_versions_share_a_part(text: str, part: str) -> None:
    version = names.parse_version(text)
    assert version is not None and version.compatible_part() == part


@pytest.mark.parametrize("text", ["", "1", "1.2", "01.2.3", "1.2.3-", "1.2.3-01", "1.2.3+", "v1.2.3", "1.2.3.4"])
def test_half_a_version_is_none(text: str) -> None:
    assert names.parse_version(text) is None


@pytest.mark.parametrize("text", ["a", "a-b", "a-B-1", "HTTP-get", "a1-2b"])
def test_labels_are_kebab_case(text: str) -> None:
    assert names.is_label(text)


@pytest.mark.parametrize("text", ["", "-a", "a-", "a--b", "aB", "1a", "a_b", "é"])
def test_other_words_are_no_labels(text: str) -> None:
    assert not names.is_label(text)


def test_a_type_comes_after_its_parts() -> None:
    inner = Type(Kind.LIST, [U8])
    outer = Type(Kind.RECORD, [inner, STRING, inner], ["a", "b", "c"])
    known: set[Type] = set()
    assert dependencies_first([outer, inner], known) == [inner, outer]
    assert dependencies_first([outer], known) == []
