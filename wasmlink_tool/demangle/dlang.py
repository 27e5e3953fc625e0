"""Names mangled by D's scheme, as far as LLVM's demangler reads them: qualified names, without types and templates.

https://dlang.org/spec/abi.html#name_mangling is the grammar.
"""

from __future__ import annotations

import re
from typing import Final

#: Names above this length aren't demangled.
LONGEST: Final = 1 << 16

#: Text above which a name isn't demangled: what was named before can be named again by few characters.
LONGEST_OUTPUT: Final = 1 << 20

#: Symbols that the compiler makes for another, by what ends their names, and what is said of that other.
_MADE_FOR: Final = {
    b"6__initZ": b"initializer for ",
    b"6__vtblZ": b"vtable for ",
    b"7__ClassZ": b"ClassInfo for ",
    b"11__InterfaceZ": b"Interface for ",
    b"12__ModuleInfoZ": b"ModuleInfo for ",
}
_MADE: Final = re.compile(b"0*(%b)" % b"|".join(_MADE_FOR))

_LENGTH: Final = re.compile(rb"[0-9]{1,7}")
_BACK_REFERENCE: Final = re.compile(rb"Q([A-Z]{0,6})([a-z])")
#: Stands for the scope of one of several declarations that have one name.
_FAKE_PARENT: Final = re.compile(rb"__S[0-9]+\Z")


def demangle(mangled: bytes) -> bytes | None:
    """The readable form of a name that starts with ``_D``; None if it isn't read."""
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
    """Where a back reference points, and where it ends."""
    match = _BACK_REFERENCE.match(mangled, at)
    if match is None:
        return None
    distance = 0
    for digit in match.group(1):
        distance = distance * 26 + digit - ord("A")
    distance = distance * 26 + ord(match.group(2)) - ord("a")
    return (at - distance, match.end()) if 0 < distance <= at else None


def _identifier(mangled: bytes, at: int) -> tuple[bytes, int] | None:
    """The name at a position, and where it ends."""
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
    """Whether the type that ends a name does so at its end; of types LLVM reads one."""
    referred = _referred(mangled, at)
    if referred is not None:
        return referred[1] == len(mangled) and mangled[referred[0] : referred[0] + 1] == b"i"
    return mangled[at:] in (b"i", b"Z")
