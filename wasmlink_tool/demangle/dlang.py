"""Demangle names of D's scheme, as far as LLVM's demangler does: qualified names, without types and templates.

https://dlang.org/spec/abi.html#name_mangling is the grammar.
"""

from __future__ import annotations

import re
from typing import Final

LONGEST: Final = 1 << 16
"""Names above this length are not demangled."""

LONGEST_OUTPUT: Final = 1 << 20
"""Names whose text would be longer are not demangled: back references repeat earlier parts with few characters."""

_MADE_FOR: Final = {
    b"6__initZ": b"initializer for ",
    b"6__vtblZ": b"vtable for ",
    b"7__ClassZ": b"ClassInfo for ",
    b"11__InterfaceZ": b"Interface for ",
    b"12__ModuleInfoZ": b"ModuleInfo for ",
}
"""Compiler-generated symbols about another symbol: the end of their names, and the text before the other's name."""
_MADE: Final = re.compile(b"0*(%b)" % b"|".join(_MADE_FOR))

_LENGTH: Final = re.compile(rb"[0-9]{1,7}")
_BACK_REFERENCE: Final = re.compile(rb"Q([A-Z]{0,6})([a-z])")
_FAKE_PARENT: Final = re.compile(rb"__S[0-9]+\Z")
"""Marks the scope of one of several declarations with the same name."""


def demangle(mangled: bytes) -> bytes | None:
    """Return the readable form of a name that starts with ``_D``; None if it is not understood."""
    if mangled == b"_Dmain":
        return b"D main"
    if len(mangled) > LONGEST:
        return None
    names: list[bytes] = []
    room = LONGEST_OUTPUT
    at = 2
    while True:
        # A scope without a name is a zero.
        at = len(mangled) - len(mangled[at:].lstrip(b"0"))
        fake = False
        while True:
            made = _MADE.match(mangled, at)
            if made:
                what = _MADE_FOR[made.group(1)]
                readable = what + b".".join(names) if names else what.rstrip()
                return readable if made.end() == len(mangled) else None
            identifier = _identifier(mangled, at)
            if identifier is None:
                break
            name, at = identifier
            fake = _FAKE_PARENT.match(name) is not None and mangled[at - len(name) : at] == name
            if not fake:
                break
        if identifier is None:
            break
        names.append(name)
        room -= len(name)
        if room < 0:
            return None
    if fake or not names or not _ends(mangled, at):
        return None
    return b".".join(names)


def _referred(mangled: bytes, at: int) -> tuple[int, int] | None:
    """Return the target of a back reference, and its end."""
    match = _BACK_REFERENCE.match(mangled, at)
    if match is None:
        return None
    distance = 0
    for digit in match.group(1):
        distance = distance * 26 + digit - ord("A")
    distance = distance * 26 + ord(match.group(2)) - ord("a")
    return (at - distance, match.end()) if 0 < distance <= at else None


def _identifier(mangled: bytes, at: int) -> tuple[bytes, int] | None:
    """Return the name at a position, and its end."""
    referred = _referred(mangled, at)
    if referred is not None:
        at = referred[0]
    match = _LENGTH.match(mangled, at)
    if match is None:
        return None
    length = int(match.group())
    end = match.end() + length
    if end > len(mangled) or not (length or referred):
        return None
    return mangled[match.end() : end], referred[1] if referred else end


def _ends(mangled: bytes, at: int) -> bool:
    """Return whether the type at the end of a name ends there; LLVM reads only one type."""
    referred = _referred(mangled, at)
    if referred is not None:
        return referred[1] == len(mangled) and mangled[referred[0] : referred[0] + 1] == b"i"
    return mangled[at:] in (b"i", b"Z")
