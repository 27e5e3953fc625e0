"""Enumerations and memos behave as those of the standard library, which a plain link does not import."""

from __future__ import annotations

import copy
import pickle
from enum import Enum
from typing import Any

import pytest

from wasmlink_tool import DataOrder, Severity, UnresolvedPolicy
from wasmlink_tool.memo import remember


class Ours(Enum):
    """The standard library's, with the members of :class:`UnresolvedPolicy`."""

    REPORT_ERROR = "report-all"
    WARN = "warn"
    IGNORE = "ignore-all"
    IMPORT_DYNAMIC = "import-dynamic"


def traits(kind: Any) -> list[object]:
    return [
        [(member.name, member.value, str(member).partition(".")[2], repr(member).partition(".")[2]) for member in kind],
        len(kind),
        kind("warn") is kind.WARN,
        kind(kind.WARN) is kind.WARN,
        kind["IGNORE"] is kind.IGNORE,
        kind.WARN in kind,
        kind.WARN == "warn",
        len({*kind, kind.WARN}),
        isinstance(kind.WARN, kind),
        copy.deepcopy(kind.WARN) is kind.WARN,
        copy.copy(kind.WARN) is kind.WARN,
        pickle.loads(pickle.dumps(kind.WARN)) is kind.WARN,
        list(kind.__members__),
    ]


def test_an_enumeration_is_like_the_standard_one() -> None:
    assert traits(UnresolvedPolicy) == traits(Ours)


def test_an_unknown_value_is_an_error() -> None:
    with pytest.raises(ValueError, match="'both' is not a valid DataOrder"):
        DataOrder("both")
    with pytest.raises(KeyError):
        DataOrder["BOTH"]


def test_members_cannot_be_changed() -> None:
    kind: Any = Severity
    with pytest.raises(AttributeError):
        kind.ERROR = Severity.WARNING
    with pytest.raises(AttributeError):
        kind.ERROR.value = "warning"


def test_members_of_several_enumerations_differ() -> None:
    assert len({Severity.ERROR, DataOrder.INPUT, UnresolvedPolicy.WARN}) == 3


def test_a_memo_computes_each_result_once_until_it_is_full() -> None:
    calls: list[int] = []

    @remember(2)
    def double(number: int) -> int:
        calls.append(number)
        return 2 * number

    assert [double(1), double(1), double(2), double(3), double(1)] == [2, 2, 4, 6, 2]
    assert calls == [1, 2, 3, 1]
