"""The error that ends an encoding."""

from __future__ import annotations


class ComponentError(Exception):
    """The module cannot become a component: the text says why, where, and what to do about it."""


def quote(name: str) -> str:
    """Return a name for a message, without characters that would break its line."""
    shown = [character if character.isprintable() else f"\\u{{{ord(character):x}}}" for character in name]
    return f"'{''.join(shown)}'"
