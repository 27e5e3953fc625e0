"""Memos of functions' results, without ``functools``: importing it takes as long as ten modules of this package."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    _Argument = TypeVar("_Argument")
    _Result = TypeVar("_Result")


def remember(limit: int) -> Callable[[Callable[[_Argument], _Result]], Callable[[_Argument], _Result]]:
    """Keep the results of a function of one argument; forget them all when there are ``limit``."""

    def decorate(function: Callable[[_Argument], _Result]) -> Callable[[_Argument], _Result]:
        results: dict[_Argument, _Result] = {}

        def remembered(argument: _Argument) -> _Result:
            try:
                return results[argument]
            except KeyError:
                result = function(argument)
                if len(results) >= limit:
                    results.clear()
                results[argument] = result
                return result

        return remembered

    return decorate
