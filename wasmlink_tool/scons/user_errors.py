"""Errors that SCons reports at the user's call."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import SCons.Errors


def reported_at_the_call(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make SCons report a ``UserError`` of ``function`` at the user's call.

    SCons names the innermost frame that is not in a directory ``SCons``, which would be one of this tool's. So the
    traceback is cut off, and this frame gets a file name that SCons takes for its own.
    """

    def checked(*arguments: Any, **keywords: Any) -> Any:
        try:
            return function(*arguments, **keywords)
        except SCons.Errors.UserError as error:
            raise error.with_traceback(None) from None

    place = os.path.join(os.path.dirname(__file__), "SCons", os.path.basename(__file__))
    checked.__code__ = checked.__code__.replace(co_filename=place)
    checked.__name__ = function.__name__
    checked.__doc__ = function.__doc__
    return checked
