"""Arguments to options: each argument is the option with the longest matching spelling."""

from __future__ import annotations

from wasmlink_tool.cli.option_row import Option
from wasmlink_tool.cli.option_table import EITHER, FLAG, JOINED, all_options, spellings


class Argument:
    """An option with its value, or an input (``option`` is None, ``value`` the path)."""

    __slots__ = ("option", "position", "spelling", "text", "value")

    def __init__(self, option: Option | None, value: str | None, text: str, spelling: str, position: int) -> None:
        self.option = option
        self.value = value
        """None if the option was given in a form without a value."""
        self.text = text
        """The argument as given, without a value in the next argument."""
        self.spelling = spelling
        """The option's name as given, without its value, for diagnostics."""
        self.position = position


class CommandLine:
    """The arguments of one command, in order and by option."""

    def __init__(self) -> None:
        self.arguments: list[Argument] = []
        self.missing_value: str | None = None
        """The last argument, if it needs a value and has none."""
        self.unknown: list[str] = []
        self._by_name: dict[str, list[Argument]] = {}

    def add(self, argument: Argument) -> None:
        self.arguments.append(argument)
        if argument.option is not None:
            self._by_name.setdefault(argument.option.name, []).append(argument)

    def all(self, name: str) -> list[Argument]:
        return self._by_name.get(name, [])

    def has(self, name: str) -> bool:
        return name in self._by_name

    def asks_version_only(self) -> bool:
        """Return whether ``-v`` is given without a file: libraries alone are not a link."""
        return self.has("v") and not any(argument.option is None for argument in self.arguments)

    def last(self, *names: str) -> Argument | None:
        """Return the last argument that is one of these options."""
        given = [self._by_name[name][-1] for name in names if name in self._by_name]
        return max(given, key=lambda argument: argument.position, default=None)

    def values(self, name: str) -> list[str]:
        return [argument.value for argument in self.all(name) if argument.value is not None]

    def value(self, name: str, default: str = "") -> str:
        """Return the value given last."""
        values = self.values(name)
        return values[-1] if values else default

    def enabled(self, name: str, default: bool) -> bool:
        """Return whether ``--name`` rather than ``--no-name`` was given last."""
        argument = self.last(name, "no-" + name)
        if argument is None or argument.option is None:
            return default
        return argument.option.name == name


_index: dict[str, tuple[int, Option]] = {}


def _spellings() -> dict[str, tuple[int, Option]]:
    """Return a map from spelling to kind and option, computed once for processes that link often (SCons, tests)."""
    if not _index:
        for option in all_options():
            for form in option.forms.split(" "):
                _index.update([(text, (kind, option)) for text, kind, _ in spellings(form)])
    return _index


class Parser:
    """The index of all spellings. No two options share one, which the tests check."""

    def __init__(self) -> None:
        self.spellings = _spellings()
        self._longest = max(map(len, self.spellings))

    def parse(self, arguments: list[str]) -> CommandLine:
        """Parse arguments. Like wasm-ld, ignore empty arguments, and everything after a missing value."""
        line = CommandLine()
        remaining = iter(arguments)
        for position, text in enumerate(remaining):
            if not text:
                continue
            if text[0] != "-" or text == "-":
                line.add(Argument(None, text, text, text, position))
                continue
            match = self._match(text)
            if match is None:
                line.unknown.append(text)
                continue
            spelling, kind, option = match
            value: str | None = None
            if kind == JOINED or (kind == EITHER and len(spelling) < len(text)):
                value = text[len(spelling) :]
            elif kind != FLAG:
                value = next(remaining, None)
                if value is None:
                    line.missing_value = text
                    break
            line.add(Argument(option, value, text, spelling.removesuffix("="), position))
        return line

    def _match(self, text: str) -> tuple[str, int, Option] | None:
        """Return the longest spelling that ``text`` begins with and whose kind allows the rest of it."""
        for length in range(min(len(text), self._longest), 0, -1):
            spelling = text[:length]
            found = self.spellings.get(spelling)
            if found is not None and (length == len(text) or found[0] in (JOINED, EITHER)):
                return spelling, *found
        return None


def nearest(text: str) -> str | None:
    """Return the known spelling most similar to an unknown argument, if any is similar."""
    from difflib import get_close_matches  # Only a failing command needs it.

    name = text.partition("=")[0]
    candidates: dict[str, str] = {}
    for option in all_options():
        for form in option.forms.split(" "):
            spelling = spellings(form)[-1][0]
            if len(spelling) > 2:
                candidates.setdefault(spelling.strip("-="), spelling)
    matches = get_close_matches(name.strip("-"), candidates, n=1, cutoff=0.7)
    return candidates[matches[0]] if matches else None
