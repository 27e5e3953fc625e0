"""Construction variables of the link, read and checked: typed ones become options of the command line.

There is one meaning for an option, the command's: a variable is turned to the option that a user would write, and the
command's parser makes ``LinkOptions`` of it. So ``WASMLINKCOM`` can be a command string as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import FunctionType, MethodType
from typing import Any

import SCons.Errors
import SCons.Util

from ..options import FIELDS, WRITTEN
from .kinds import kind_of

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


@dataclass(frozen=True)
class Settings:
    """The variables of one environment as they stand for one target: texts may name it, callables are called."""

    env: Any
    target: Any = None
    source: Any = None

    def raw(self, name: str) -> Any:
        """As :func:`raw`, a callable called as SCons does when it expands a command."""
        return self._called(raw(self.env, name))

    def items(self, name: str) -> list[Any]:
        """A list variable: strings are expanded and split at spaces, nested lists flattened, nodes kept."""
        result: list[Any] = []
        stack = [self.raw(name)]
        while stack:
            value = self._called(stack.pop())
            if value is None or value is False:
                continue
            if SCons.Util.is_Dict(value) or value is True:
                raise bad_value(name, value, "a text or a list")
            if SCons.Util.is_Sequence(value):
                stack.extend(reversed(list(value)))
            elif SCons.Util.is_String(value):
                text = value.strip()
                if text.startswith("$") and text[1:].strip("{}").isidentifier():
                    inner = self.raw(text[1:].strip("{}"))
                    if not SCons.Util.is_String(inner) and inner is not None:
                        stack.append(inner)
                        continue
                result.extend(self.env.subst(value, target=self.target, source=self.source).split())
            else:
                result.append(value)
        return result

    def scalar(self, name: str) -> Any:
        """A single value: a string is expanded; anything else is returned as it is.

        Of a list, which ``MergeFlags`` makes of every value, the last item counts.
        """
        value = self.raw(name)
        while SCons.Util.is_Sequence(value):
            value = self._called(value[-1]) if len(value) else None
        if SCons.Util.is_String(value):
            return self.env.subst(value, target=self.target, source=self.source).strip()
        return value

    def boolean(self, name: str, default: bool) -> bool:
        """A switch: a bool, or one of the words that SCons's ``BoolVariable`` knows."""
        value = self.scalar(name)
        if value is None:
            return default
        if isinstance(value, (bool, int)):
            return bool(value)
        if isinstance(value, str) and value.lower() in _FALSE | _TRUE:
            return value.lower() in _TRUE
        raise bad_value(name, value, "True or False")

    def text(self, name: str) -> str:
        """A text; empty if the variable is not set."""
        value = self.scalar(name)
        if value is None or value is False:
            return ""
        if not isinstance(value, str):
            raise bad_value(name, value, "a text")
        return value

    def size(self, name: str) -> int | None:
        """A number of bytes; as text, with the prefixes that Python knows."""
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
        """False or absent, True, or a text."""
        value = self.scalar(name)
        if value is None:
            return False
        if isinstance(value, bool):
            return value
        if isinstance(value, str):
            return False if value.lower() in _FALSE else True if value.lower() in _TRUE else value
        raise bad_value(name, value, "True, False or a text")

    def words(self, name: str) -> list[str]:
        """The words of a command line, as SCons would hand them to a command."""
        value = raw(self.env, name)
        if isinstance(value, (bool, int, float)) or SCons.Util.is_Dict(value):
            raise bad_value(name, value, "a text or a list of command line arguments")
        words = self.env.subst_list(f"${name}", target=self.target, source=self.source)
        return [str(word) for word in SCons.Util.flatten(words)]

    def _called(self, value: Any) -> Any:
        if isinstance(value, (FunctionType, MethodType)):
            return value(target=self.target, source=self.source, env=self.env, for_signature=False)
        return value


def items(env: Any, name: str) -> list[Any]:
    """:meth:`Settings.items` without a target."""
    return Settings(env).items(name)


def scalar(env: Any, name: str) -> Any:
    """:meth:`Settings.scalar` without a target."""
    return Settings(env).scalar(name)


def boolean(env: Any, name: str, default: bool) -> bool:
    """:meth:`Settings.boolean` without a target."""
    return Settings(env).boolean(name, default)


def _entry(settings: Settings) -> Iterator[str]:
    if "WASMENTRY" in settings.env:
        value = settings.scalar("WASMENTRY")
        if value is None or value is False or value == "":
            yield "--no-entry"
        elif isinstance(value, str):
            yield f"--entry={value}"
        else:
            raise bad_value("WASMENTRY", value, "a symbol name, or None for no entry")


def _reactor(settings: Settings) -> Iterator[str]:
    if settings.boolean("WASMREACTOR", False) and "WASMENTRY" not in settings.env:
        yield "--entry=_initialize"


def _exports(settings: Settings) -> Iterator[str]:
    for symbol in settings.names("WASMEXPORTS"):
        yield f"--export={symbol}"


def _sized(name: str, option: str) -> Reader:
    def read(settings: Settings) -> Iterator[str]:
        size = settings.size(name)
        if size is not None:
            yield f"{option}{size}"

    return read


def _imported_memory(settings: Settings) -> Iterator[str]:
    imported = settings.switch_or_text("WASMIMPORTMEMORY")
    if imported is True:
        yield "--import-memory"
    elif imported:
        yield f"--import-memory={imported}"


def _undefined(settings: Settings) -> Iterator[str]:
    if _allows_all_undefined(settings):
        yield "--allow-undefined"


def _allows_all_undefined(settings: Settings) -> bool | None:
    """What ``WASMALLOWUNDEFINED`` says as a switch; ``None`` if it names files."""
    value = settings.raw("WASMALLOWUNDEFINED")
    if SCons.Util.is_Sequence(value) and len(value) == 1:
        value = value[0]
    if value is None or isinstance(value, bool):
        return bool(value)
    values = settings.items("WASMALLOWUNDEFINED")
    if not values:
        return False
    if len(values) == 1 and isinstance(values[0], str) and values[0].lower() in _FALSE | _TRUE:
        return values[0].lower() in _TRUE
    for file in values:
        if isinstance(file, (int, float)):
            raise bad_value("WASMALLOWUNDEFINED", file, "True, False, or files that list symbols")
    return None


def _build_id(settings: Settings) -> Iterator[str]:
    build_id = settings.switch_or_text("WASMBUILDID")
    if build_id is True:
        yield "--build-id"
    elif build_id:
        yield f"--build-id={build_id}"


def _strip(settings: Settings) -> Iterator[str]:
    strip = settings.switch_or_text("WASMSTRIP")
    if strip not in (False, True, "all", "debug"):
        raise bad_value("WASMSTRIP", strip, "'all', 'debug' or False")
    if strip:
        yield "--strip-debug" if strip == "debug" else "--strip-all"


def _data_order(settings: Settings) -> Iterator[str]:
    order = settings.scalar("WASMDATAORDER")
    if order not in (None, "", "input", "packed"):
        raise bad_value("WASMDATAORDER", order, "'packed' or 'input'")
    if order:
        yield f"--data-order={order}"


def _record_linker(settings: Settings) -> Iterator[str]:
    value = settings.scalar("WASMRECORDLINKER")
    if value is not None:
        yield "--record-linker" if settings.boolean("WASMRECORDLINKER", True) else "--no-record-linker"


def _switched(name: str, *options: str) -> Reader:
    def read(settings: Settings) -> Iterator[str]:
        if settings.boolean(name, False):
            yield from options

    return read


def _memory64(settings: Settings) -> Iterator[str]:
    if settings.text("WASMTARGET").startswith("wasm64"):
        yield "-mwasm64"


Reader = Callable[[Settings], Iterable[str]]

TYPED: dict[str, Reader] = {
    "WASMENTRY": _entry,
    "WASMREACTOR": _reactor,
    "WASMEXPORTS": _exports,
    "WASMSTACKSIZE": _sized("WASMSTACKSIZE", "-zstack-size="),
    "WASMINITIALMEMORY": _sized("WASMINITIALMEMORY", "--initial-memory="),
    "WASMMAXMEMORY": _sized("WASMMAXMEMORY", "--max-memory="),
    "WASMIMPORTMEMORY": _imported_memory,
    "WASMALLOWUNDEFINED": _undefined,
    "WASMBUILDID": _build_id,
    "WASMSTRIP": _strip,
    "WASMDATAORDER": _data_order,
    "WASMRECORDLINKER": _record_linker,
    "WASMSHAREDMEMORY": _switched("WASMSHAREDMEMORY", "--shared-memory"),
    "WASMPIE": _switched("WASMPIE", "-pie", "--experimental-pic"),
    "WASMTARGET": _memory64,
}
"""How each typed variable of the link becomes options, in the order of the command line."""

DENYING = {
    "WASMIMPORTMEMORY",
    "WASMALLOWUNDEFINED",
    "WASMBUILDID",
    "WASMSTRIP",
    "WASMSHAREDMEMORY",
    "WASMPIE",
}
"""Typed variables whose ``False`` yields no option and yet contradicts the options."""

SIDE_FILES = tuple(field for field in FIELDS if field.path == WRITTEN and field.variables)
"""The options that name a further output and have a variable for it."""

DEFAULT_OPTIONS = ("--data-order=packed", "--record-linker")
"""What holds unless a variable or an option says otherwise; wasm-ld's defaults hold for all else."""


def typed_flags(settings: Settings) -> dict[str, list[str]]:
    """The options of each typed variable. Raises ``UserError`` naming the variable whose value is wrong."""
    said = {name: list(reader(settings)) for name, reader in TYPED.items()}
    return {**said, **{name: [] for name in kind_of(settings.target).without}}


def link_flags(env: Any, target: Any = None, source: Any = None) -> list[str]:
    """The options of the target's kind, and those that the typed variables and ``WASMLINKFLAGS`` stand for; the latter
    come last.

    Raises SCons's ``UserError`` naming the variable whose value is wrong, or that contradicts the flags.
    """
    settings = Settings(env, target, source)
    typed = typed_flags(settings)
    words = settings.words("WASMLINKFLAGS")
    flags = [*DEFAULT_OPTIONS, *kind_of(target).options, *(flag for flags in typed.values() for flag in flags)]
    if words:
        # Not before there are flags: it takes the command's parser.
        from .agreement import check_agreement

        check_agreement(settings, typed, words)
    return flags + words


def symbol_lists(env: Any, directory: Any) -> list[Any]:
    """The files that ``WASMALLOWUNDEFINED`` names, as nodes; names are relative to ``directory``."""
    settings = Settings(env)
    if _allows_all_undefined(settings) is not None:
        return []
    values = settings.items("WASMALLOWUNDEFINED")
    return [directory.File(value) if isinstance(value, str) else value for value in values]
