"""Construction variables as a user sets them: expanded, checked and converted."""

from __future__ import annotations

from dataclasses import dataclass
from types import FunctionType, MethodType
from typing import Any

import SCons.Errors
import SCons.Util

from ..options import FIELDS, WRITTEN

CHECKING = "_WASMCHECKING"
"""A variable that is set while an environment is that of configure checks, which link with their own settings."""

FALSE = {"", "0", "false", "no", "off", "none"}
TRUE = {"1", "true", "yes", "on"}


def bad_value(name: str, value: object, wanted: str) -> Exception:
    """Return the error for a variable of the wrong type or form."""
    return SCons.Errors.UserError(f"{name} is {value!r}, but must be {wanted}")  # type: ignore[no-any-return]


def raw(env: Any, name: str) -> Any:
    """Return a variable's value; a value that is only a reference to another variable stands for that one's, with nodes
    kept."""
    value = env.get(name)
    seen = {name}
    while SCons.Util.is_String(value):
        reference = value.strip()
        if not reference.startswith("$"):
            break
        other = reference[1:].removeprefix("{").removesuffix("}")
        if not other.isidentifier() or other in seen:
            break
        seen.add(other)
        value = env.get(other)
    return value


@dataclass(frozen=True)
class Settings:
    """The variables of one environment for one target: strings may refer to the target, callables are called."""

    env: Any
    target: Any = None
    source: Any = None

    def raw(self, name: str) -> Any:
        """Return the value as :func:`raw` does; a callable is called as SCons calls it when it expands a command."""
        return self._called(raw(self.env, name))

    def items(self, name: str) -> list[Any]:
        """Return the items of a list variable: nested lists are flattened, nodes kept.

        A string is expanded and split at blanks, unless it is an element of a list: its blanks are in a name.
        """
        result: list[Any] = []
        stack = [(self.raw(name), False)]
        while stack:
            value, is_element = stack.pop()
            value = self._called(value)
            if value is None or value is False:
                continue
            if SCons.Util.is_Dict(value) or value is True:
                raise bad_value(name, value, "a string or a list")
            if SCons.Util.is_Sequence(value):
                stack.extend((element, True) for element in reversed(list(value)))
            elif SCons.Util.is_String(value):
                text = value.strip()
                if text.startswith("$") and text[1:].strip("{}").isidentifier():
                    inner = self.raw(text[1:].strip("{}"))
                    if not SCons.Util.is_String(inner) and inner is not None:
                        stack.append((inner, is_element))
                        continue
                if is_element:
                    expanded = self.env.subst(value, target=self.target, source=self.source)
                    result += [expanded] if expanded.strip() else []
                else:
                    # Elements of lists that the string refers to are not split either.
                    words = self.env.subst_list(value, target=self.target, source=self.source)
                    result += map(str, SCons.Util.flatten(words))
            else:
                result.append(value)
        return result

    def scalar(self, name: str) -> Any:
        """Return a single value: a string is expanded; anything else is returned unchanged.

        Of a list, which ``MergeFlags`` makes of every value, the last item counts.
        """
        value = self.raw(name)
        while SCons.Util.is_Sequence(value):
            value = self._called(value[-1]) if len(value) else None
        if SCons.Util.is_String(value):
            return self.env.subst(value, target=self.target, source=self.source).strip()
        return value

    def boolean(self, name: str, default: bool) -> bool:
        """Return a switch: a bool, or one of the words of SCons's ``BoolVariable``."""
        value = self.scalar(name)
        if value is None:
            return default
        if isinstance(value, (bool, int)):
            return bool(value)
        if isinstance(value, str) and value.lower() in FALSE | TRUE:
            return value.lower() in TRUE
        raise bad_value(name, value, "True or False")

    def text(self, name: str) -> str:
        """Return a string; empty if the variable is not set."""
        value = self.scalar(name)
        if value is None or value is False:
            return ""
        if not isinstance(value, str):
            raise bad_value(name, value, "a string")
        return value

    def size(self, name: str) -> int | None:
        """Return a number of bytes; a string may have Python's prefixes."""
        value = self.scalar(name)
        if value is None or value == "":
            return None
        if isinstance(value, str):
            try:
                value = int(value, 0)
            except ValueError:
                raise bad_value(name, value, "a number of bytes") from None
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise bad_value(name, value, "a number of bytes")
        return value

    def names(self, name: str) -> list[str]:
        values = self.items(name)
        for value in values:
            if not isinstance(value, str):
                raise bad_value(name, value, "a symbol name or a list of them")
        return values

    def switch_or_text(self, name: str) -> bool | str:
        """Return ``False`` or ``None``, ``True``, or a string."""
        value = self.scalar(name)
        if value is None:
            return False
        if isinstance(value, bool):
            return value
        if isinstance(value, str):
            return False if value.lower() in FALSE else True if value.lower() in TRUE else value
        raise bad_value(name, value, "True, False or a string")

    def words(self, name: str) -> list[str]:
        """Return the words of a command line, as SCons would pass them to a command."""
        value = raw(self.env, name)
        if isinstance(value, (bool, int, float)) or SCons.Util.is_Dict(value):
            raise bad_value(name, value, "a string or a list of command line arguments")
        words = self.env.subst_list(f"${name}", target=self.target, source=self.source)
        return [str(word) for word in SCons.Util.flatten(words)]

    def _called(self, value: Any) -> Any:
        if isinstance(value, (FunctionType, MethodType)):
            return value(target=self.target, source=self.source, env=self.env, for_signature=False)
        return value


def items(env: Any, name: str) -> list[Any]:
    """Return :meth:`Settings.items` without a target."""
    return Settings(env).items(name)


def scalar(env: Any, name: str) -> Any:
    """Return :meth:`Settings.scalar` without a target."""
    return Settings(env).scalar(name)


def boolean(env: Any, name: str, default: bool) -> bool:
    """Return :meth:`Settings.boolean` without a target."""
    return Settings(env).boolean(name, default)


DENYING = {
    "WASMIMPORTMEMORY",
    "WASMALLOWUNDEFINED",
    "WASMBUILDID",
    "WASMSTRIP",
    "WASMSHAREDMEMORY",
    "WASMPIE",
}
"""Typed variables whose ``False`` adds no option and yet contradicts the options."""

SIDE_FILES = tuple(field for field in FIELDS if field.path == WRITTEN and field.variables)
"""The options that name an additional output and have a variable for it."""
