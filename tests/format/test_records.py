"""Records: what they take, refuse and compare, and that ``dataclasses`` takes them for its own."""

from __future__ import annotations

import dataclasses
import pickle
from typing import Any

import pytest

from wasmlink_tool.options import Input, LinkOptions


def test_fields_have_defaults() -> None:
    assert Input("a.o") == Input(path="a.o", library=False, whole_archive=False)
    assert Input("a.o") != Input("a.o", True)
    assert repr(Input("a.o", True)).startswith("Input(path='a.o', library=True, whole_archive=False")


@pytest.mark.parametrize(
    ("arguments", "keywords", "message"),
    [
        ((), {}, "missing arguments for Input: path"),
        (("a.o",), {"path": "b.o"}, "unexpected arguments for Input: path"),
        (("a.o",), {"lazzy": True}, "unexpected arguments for Input: lazzy"),
        (("a.o", True, True, True, True, True), {}, "too many arguments"),
    ],
)
def test_wrong_arguments(arguments: tuple[Any, ...], keywords: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        Input(*arguments, **keywords)


def test_only_fields_can_be_set() -> None:
    options = LinkOptions(inputs=["a.o"])
    options.strip_debug = True
    with pytest.raises(AttributeError, match="strip_debugs"):
        options.strip_debugs = True  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match="path"):
        Input("a.o").path = "b.o"  # type: ignore[misc]
    with pytest.raises(TypeError, match="without a name"):
        LinkOptions(["a.o"])  # type: ignore[call-arg]


def test_frozen_ones_can_be_hashed() -> None:
    assert len({Input("a.o"), Input("a.o"), Input("b.o")}) == 2
    with pytest.raises(TypeError, match="unhashable"):
        hash(LinkOptions(inputs=["a.o"]))


def test_dataclasses_takes_them() -> None:
    options = LinkOptions(inputs=["a.o"], entry=None)
    other = dataclasses.replace(options, output="b.wasm")
    assert (other.output, other.entry, other.inputs) == ("b.wasm", None, ["a.o"])
    names = [field.name for field in dataclasses.fields(LinkOptions)]
    assert sorted(names) == sorted(vars(options))
    assert dataclasses.asdict(other)["output"] == "b.wasm"
    assert pickle.loads(pickle.dumps(other)) == other
