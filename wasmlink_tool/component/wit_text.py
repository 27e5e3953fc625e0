"""Functions and types as WIT text, for messages."""

from __future__ import annotations

from .wit_model import PRIMITIVES, WIT_NAMES, Function, Kind, Type

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_DEPTH: Final = 8
"""The depth to which a type is spelled out."""


def show_type(type_: Type | None, depth: int = _DEPTH) -> str:
    """Return a type as WIT text; ``_`` stands for none."""
    if type_ is None:
        return "_"
    if type_.name is not None:
        return type_.name
    name = WIT_NAMES[type_.kind]
    if type_.kind in PRIMITIVES:
        return name
    if not depth:
        return "…"
    parts = [show_type(part, depth - 1) for part in type_.parts]
    if type_.kind == Kind.OWN:
        return parts[0]
    if type_.kind == Kind.FIXED_LIST:
        parts.append(str(type_.length))
    while parts and parts[-1] == "_":
        parts.pop()
    return f"{name}<{', '.join(parts)}>" if parts else name


def show_function(function: Function) -> str:
    """Return the type of a function as WIT text."""
    pairs = zip(function.parameter_names, function.parameter_types)
    parameters = ", ".join(f"{name}: {show_type(type_)}" for name, type_ in pairs)
    result = "" if function.result is None else f" -> {show_type(function.result)}"
    return f"{'async ' if function.is_async else ''}func({parameters}){result}"
