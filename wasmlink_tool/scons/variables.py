"""Construction variables of the link, read and checked: typed ones become options of the command line.

There is one meaning for an option, the command's: a variable is turned to the option that a user would write, and the
command's parser makes ``LinkOptions`` of it. So ``WASMLINKCOM`` can be a command string as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import SCons.Errors
import SCons.Util

_FALSE = {"", "0", "false", "no", "off", "none"}
_TRUE = {"1", "true", "yes", "on"}


def bad_value(name: str, value: object, wanted: str) -> Exception:
    """The error for a variable of the wrong type or form."""
    return SCons.Errors.UserError(f"{name} is {value!r}, but must be {wanted}")  # type: ignore[no-any-return]


def raw(env: Any, name: str) -> Any:
    """A variable's value; a value that is just a reference to another variable stands for that one's, nodes kept."""
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


def items(env: Any, name: str) -> list[Any]:
    """A list variable: strings are expanded and split at spaces, nested lists flattened, nodes kept."""
    result: list[Any] = []
    stack = [raw(env, name)]
    while stack:
        value = stack.pop()
        if value is None or value is False:
            continue
        if SCons.Util.is_Sequence(value):
            stack.extend(reversed(list(value)))
        elif SCons.Util.is_String(value):
            text = value.strip()
            if text.startswith("$") and text[1:].strip("{}").isidentifier():
                inner = raw(env, text[1:].strip("{}"))
                if not SCons.Util.is_String(inner) and inner is not None:
                    stack.append(inner)
                    continue
            result.extend(env.subst(value).split())
        else:
            result.append(value)
    return result


def scalar(env: Any, name: str) -> Any:
    """A single value: a string is expanded; anything else is returned as it is."""
    value = raw(env, name)
    return env.subst(value).strip() if SCons.Util.is_String(value) else value


def boolean(env: Any, name: str, default: bool) -> bool:
    """A switch: a bool, or one of the words that SCons's ``BoolVariable`` knows."""
    value = scalar(env, name)
    if value is None:
        return default
    if isinstance(value, (bool, int)):
        return bool(value)
    if isinstance(value, str) and value.lower() in _FALSE | _TRUE:
        return value.lower() in _TRUE
    raise bad_value(name, value, "True or False")


def _size(env: Any, name: str) -> int | None:
    value = scalar(env, name)
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


def _names(env: Any, name: str) -> list[str]:
    values = items(env, name)
    for value in values:
        if not isinstance(value, str):
            raise bad_value(name, value, "a symbol name or a list of them")
    return values


def _switch_or_text(env: Any, name: str) -> bool | str:
    """False or absent, True, or a text."""
    value = scalar(env, name)
    if value is None:
        return False
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return False if value.lower() in _FALSE else True if value.lower() in _TRUE else value
    raise bad_value(name, value, "True, False or a text")


def _entry(env: Any) -> Iterator[str]:
    if "WASMENTRY" in env:
        value = scalar(env, "WASMENTRY")
        if value is None or value is False or value == "":
            yield "--no-entry"
        elif isinstance(value, str):
            yield f"--entry={value}"
        else:
            raise bad_value("WASMENTRY", value, "a symbol name, or None for no entry")
    elif boolean(env, "WASMREACTOR", False):
        yield "--entry=_initialize"


def _exports(env: Any) -> Iterator[str]:
    for symbol in _names(env, "WASMEXPORTS"):
        yield f"--export={symbol}"


def _memory(env: Any) -> Iterator[str]:
    for name, option in (
        ("WASMSTACKSIZE", "-zstack-size="),
        ("WASMINITIALMEMORY", "--initial-memory="),
        ("WASMMAXMEMORY", "--max-memory="),
    ):
        size = _size(env, name)
        if size is not None:
            yield f"{option}{size}"
    imported = _switch_or_text(env, "WASMIMPORTMEMORY")
    if imported is True:
        yield "--import-memory"
    elif imported:
        yield f"--import-memory={imported}"


def _undefined(env: Any) -> Iterator[str]:
    if _allows_all_undefined(env):
        yield "--allow-undefined"


def _allows_all_undefined(env: Any) -> bool | None:
    """What ``WASMALLOWUNDEFINED`` says as a switch; ``None`` if it names files."""
    value = raw(env, "WASMALLOWUNDEFINED")
    if value is None or isinstance(value, bool):
        return bool(value)
    values = items(env, "WASMALLOWUNDEFINED")
    if not values:
        return False
    if len(values) == 1 and isinstance(values[0], str) and values[0].lower() in _FALSE | _TRUE:
        return values[0].lower() in _TRUE
    return None


def _output(env: Any) -> Iterator[str]:
    build_id = _switch_or_text(env, "WASMBUILDID")
    if build_id is True:
        yield "--build-id"
    elif build_id:
        yield f"--build-id={build_id}"
    strip = _switch_or_text(env, "WASMSTRIP")
    if strip not in (False, True, "all", "debug"):
        raise bad_value("WASMSTRIP", strip, "'all', 'debug' or False")
    if strip:
        yield "--strip-debug" if strip == "debug" else "--strip-all"
    order = scalar(env, "WASMDATAORDER")
    if order not in (None, "", "input", "packed"):
        raise bad_value("WASMDATAORDER", order, "'packed' or 'input'")
    if order:
        yield f"--data-order={order}"
    if boolean(env, "WASMRECORDLINKER", False):
        yield "--record-linker"


_READERS: tuple[Callable[[Any], Iterable[str]], ...] = (_entry, _exports, _memory, _undefined, _output)


def link_flags(env: Any) -> list[str]:
    """The options that the typed variables and ``WASMLINKFLAGS`` stand for; the latter come last, and so win.

    Raises SCons's ``UserError`` naming the variable whose value is wrong.
    """
    flags = [flag for reader in _READERS for flag in reader(env)]
    return flags + [str(word) for word in SCons.Util.flatten(env.subst_list("$WASMLINKFLAGS"))]


def symbol_lists(env: Any, directory: Any) -> list[Any]:
    """The files that ``WASMALLOWUNDEFINED`` names, as nodes; names are relative to ``directory``."""
    if _allows_all_undefined(env) is not None:
        return []
    values = items(env, "WASMALLOWUNDEFINED")
    return [directory.File(value) if isinstance(value, str) else value for value in values]
