"""Demangle names of Rust's v0 scheme as LLVM prints them.

https://rust-lang.github.io/rfcs/2603-rust-symbol-name-mangling-v0.html is the grammar.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

LONGEST: Final = 1 << 20
"""Names above this length are not demangled, nor those whose text would be longer."""

DEEPEST: Final = 80
"""Names with a deeper nesting are not demangled: enough for real programs, and within a small thread's stack."""

STEPS: Final = 10_000
"""The maximum number of parts, plus this many for each character: each back reference visits its part again."""
STEPS_PER_CHARACTER: Final = 20

_BASIC_TYPES: Final = {
    "a": "i8",
    "b": "bool",
    "c": "char",
    "d": "f64",
    "e": "str",
    "f": "f32",
    "h": "u8",
    "i": "isize",
    "j": "usize",
    "l": "i32",
    "m": "u32",
    "n": "i128",
    "o": "u128",
    "p": "_",
    "s": "i16",
    "t": "u16",
    "u": "()",
    "v": "...",
    "x": "i64",
    "y": "u64",
    "z": "!",
}
_SIGNED: Final = "aixlsn"
_UNSIGNED: Final = "hjytmo"
_DIGITS: Final = "0123456789"
_HEX_DIGITS: Final = "0123456789abcdef"
_LOWER: Final = "abcdefghijklmnopqrstuvwxyz"
_UPPER: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_BASE_62: Final = {digit: value for value, digit in enumerate(_DIGITS + _LOWER + _UPPER)}
_WORD: Final = frozenset(_DIGITS + _LOWER + _UPPER + "_")
_ESCAPES: Final = {9: "\\t", 10: "\\n", 13: "\\r", 39: "\\'", 92: "\\\\"}
_NAMESPACES: Final = {"C": "closure", "S": "shim"}


class MalformedError(ValueError):
    """The name does not follow the grammar, or exceeds what is demangled."""


class Parser:
    """One pass over a name without its prefix and suffix; ``out`` collects the text."""

    __slots__ = ("at", "bound_lifetimes", "name", "out", "printing", "room", "steps")

    def __init__(self, name: str) -> None:
        self.name = name + "\0"
        self.at = 0
        self.out: list[str] = []
        self.printing = True
        self.bound_lifetimes = 0
        self.room = LONGEST
        self.steps = STEPS + STEPS_PER_CHARACTER * len(name)

    def enter(self, depth: int) -> None:
        self.steps -= 1
        if depth > DEEPEST or self.steps < 0:
            raise MalformedError

    def put(self, text: str) -> None:
        if self.printing:
            self.room -= len(text)
            if self.room < 0:
                raise MalformedError
            self.out.append(text)

    # Tokens

    def next(self) -> str:
        token = self.name[self.at]
        self.at += 1
        return token

    def accept(self, token: str) -> bool:
        if self.name[self.at] == token:
            self.at += 1
            return True
        return False

    def base_62(self) -> int:
        if self.accept("_"):
            return 0
        value = 0
        while (digit := self.next()) != "_":
            if digit not in _BASE_62:
                raise MalformedError
            value = value * 62 + _BASE_62[digit]
            _check_64_bits(value)
        _check_64_bits(value + 1)
        return value + 1

    def optional_base_62(self, tag: str) -> int:
        if not self.accept(tag):
            return 0
        value = self.base_62() + 1
        _check_64_bits(value)
        return value

    def decimal(self) -> int:
        name = self.name
        start = end = self.at
        if name[start] == "0":
            self.at += 1
            return 0
        while name[end] in _DIGITS:
            end += 1
        # No name is as long as a number of more digits says.
        if start == end or end - start > 7:
            raise MalformedError
        self.at = end
        return int(name[start:end])

    def hexadecimal(self) -> str:
        name = self.name
        start = self.at
        end = name.find("_", start)
        digits = name[start:end]
        if end < 0 or not digits or (digits[0] == "0" and digits != "0"):
            raise MalformedError
        if not all(digit in _HEX_DIGITS for digit in digits):
            raise MalformedError
        self.at = end + 1
        return digits

    def identifier(self) -> tuple[str, bool]:
        """Parse a name; also return whether it is encoded in Punycode."""
        encoded = self.accept("u")
        length = self.decimal()
        self.accept("_")
        start = self.at
        self.at = start + length
        identifier = self.name[start : self.at]
        if self.at >= len(self.name) or not _WORD.issuperset(identifier):
            raise MalformedError
        return identifier, encoded

    def put_identifier(self, identifier: str, encoded: bool) -> None:
        if self.printing:
            self.put(_decoded(identifier) if encoded else identifier)

    # Productions

    def path(self, in_type: bool, depth: int, leave_open: bool = False) -> bool:
        """Parse a path; return whether its list of generic arguments was left open for more."""
        self.enter(depth)
        kind = self.next()
        if kind == "C":
            self.optional_base_62("s")
            self.put_identifier(*self.identifier())
        elif kind == "N":
            namespace = self.next()
            if namespace not in _LOWER and namespace not in _UPPER:
                raise MalformedError
            self.path(in_type, depth + 1)
            disambiguator = self.optional_base_62("s")
            identifier, encoded = self.identifier()
            if namespace in _UPPER:
                self.put("::{" + _NAMESPACES.get(namespace, namespace))
                if identifier:
                    self.put(":")
                    self.put_identifier(identifier, encoded)
                self.put(f"#{disambiguator}}}")
            elif identifier:
                self.put("::")
                self.put_identifier(identifier, encoded)
        elif kind == "M":
            self.implementation(in_type, depth)
            self.put("<")
            self.type(depth + 1)
            self.put(">")
        elif kind in "XY":
            if kind == "X":
                self.implementation(in_type, depth)
            self.put("<")
            self.type(depth + 1)
            self.put(" as ")
            self.path(True, depth + 1)
            self.put(">")
        elif kind == "I":
            self.path(in_type, depth + 1)
            self.put("<" if in_type else "::<")
            self.sequence(self.generic_argument, ", ", depth)
            if leave_open:
                return True
            self.put(">")
        elif kind == "B":
            is_open = False

            def refer(depth: int) -> None:
                nonlocal is_open
                is_open = self.path(in_type, depth, leave_open)

            self.back_reference(refer, depth)
            return is_open
        else:
            raise MalformedError
        return False

    def implementation(self, in_type: bool, depth: int) -> None:
        """Parse the location of an implementation, which is not shown."""
        saved, self.printing = self.printing, False
        self.optional_base_62("s")
        self.path(in_type, depth + 1)
        self.printing = saved

    def sequence(self, part: Callable[[int], None], separator: str, depth: int) -> int:
        """Parse parts up to ``E``; return their number."""
        count = 0
        while not self.accept("E"):
            if count:
                self.put(separator)
            part(depth + 1)
            count += 1
        return count

    def back_reference(self, part: Callable[[int], None], depth: int) -> None:
        target = self.base_62()
        if target >= self.at:
            raise MalformedError
        # What is not shown is not visited again either.
        if self.printing:
            saved, self.at = self.at, target
            part(depth + 1)
            self.at = saved

    def generic_argument(self, depth: int) -> None:
        self.enter(depth)
        if self.accept("L"):
            self.lifetime(self.base_62())
        elif self.accept("K"):
            self.constant(depth + 1)
        else:
            self.type(depth + 1)

    def type(self, depth: int) -> None:
        self.enter(depth)
        kind = self.next()
        basic = _BASIC_TYPES.get(kind)
        if basic is not None:
            self.put(basic)
        elif kind == "A":
            self.put("[")
            self.type(depth + 1)
            self.put("; ")
            self.constant(depth + 1)
            self.put("]")
        elif kind == "S":
            self.put("[")
            self.type(depth + 1)
            self.put("]")
        elif kind == "T":
            self.put("(")
            self.put(",)" if self.sequence(self.type, ", ", depth) == 1 else ")")
        elif kind in "RQ":
            self.put("&")
            if self.accept("L"):
                lifetime = self.base_62()
                if lifetime:
                    self.lifetime(lifetime)
                    self.put(" ")
            if kind == "Q":
                self.put("mut ")
            self.type(depth + 1)
        elif kind in "PO":
            self.put("*const " if kind == "P" else "*mut ")
            self.type(depth + 1)
        elif kind == "F":
            self.signature(depth)
        elif kind == "D":
            self.dynamic(depth)
        elif kind == "B":
            self.back_reference(self.type, depth)
        else:
            self.at -= 1
            self.path(True, depth + 1)

    def signature(self, depth: int) -> None:
        bound = self.bound_lifetimes
        self.binder()
        if self.accept("U"):
            self.put("unsafe ")
        if self.accept("K"):
            abi = "C"
            if not self.accept("C"):
                abi, encoded = self.identifier()
                if encoded:
                    raise MalformedError
            self.put(f'extern "{abi.replace("_", "-")}" ')
        self.put("fn(")
        self.sequence(self.type, ", ", depth)
        self.put(")")
        if not self.accept("u"):
            self.put(" -> ")
            self.type(depth + 1)
        self.bound_lifetimes = bound

    def dynamic(self, depth: int) -> None:
        bound = self.bound_lifetimes
        self.put("dyn ")
        self.binder()
        self.sequence(self.dynamic_trait, " + ", depth)
        self.bound_lifetimes = bound
        if not self.accept("L"):
            raise MalformedError
        lifetime = self.base_62()
        if lifetime:
            self.put(" + ")
            self.lifetime(lifetime)

    def dynamic_trait(self, depth: int) -> None:
        self.enter(depth)
        is_open = self.path(True, depth + 1, leave_open=True)
        while self.accept("p"):
            self.put(", " if is_open else "<")
            is_open = True
            self.put(self.identifier()[0])
            self.put(" = ")
            self.type(depth + 1)
        if is_open:
            self.put(">")

    def binder(self) -> None:
        count = self.optional_base_62("G")
        if not count:
            return
        # Each lifetime is referred to by a character at least.
        if count >= len(self.name) - 1 - self.bound_lifetimes:
            raise MalformedError
        self.put("for<")
        for index in range(count):
            self.bound_lifetimes += 1
            if index:
                self.put(", ")
            self.lifetime(1)
        self.put("> ")

    def lifetime(self, index: int) -> None:
        """Print a lifetime by its distance from its binder, from 1; 0 is one without a name."""
        if not index:
            self.put("'_")
            return
        depth = self.bound_lifetimes - index
        if depth < 0:
            raise MalformedError
        self.put("'" + (_LOWER[depth] if depth < 26 else f"z{depth - 25}"))

    def constant(self, depth: int) -> None:
        self.enter(depth)
        kind = self.next()
        if kind in _SIGNED or kind in _UNSIGNED:
            if self.accept("n"):
                self.put("-")
            digits = self.hexadecimal()
            self.put(str(int(digits, 16)) if len(digits) <= 16 else "0x" + digits)
        elif kind == "b":
            digits = self.hexadecimal()
            if digits not in ("0", "1"):
                raise MalformedError
            self.put("true" if digits == "1" else "false")
        elif kind == "c":
            digits = self.hexadecimal()
            if len(digits) > 6:
                raise MalformedError
            point = int(digits, 16)
            plain = chr(point) if 32 <= point < 127 else f"\\u{{{digits}}}"
            self.put(f"'{_ESCAPES.get(point, plain)}'")
        elif kind == "p":
            self.put("_")
        elif kind == "B":
            self.back_reference(self.constant, depth)
        else:
            raise MalformedError


def _check_64_bits(value: int) -> None:
    if value >> 64:
        raise MalformedError


def _decoded(encoded: str) -> str:
    """Return an identifier decoded from Punycode (RFC 3492), whose delimiter is an underscore here."""
    basic, _, extended = encoded.rpartition("_")
    characters = [ord(character) for character in basic]
    if not extended:
        raise MalformedError
    point, position, bias, at, first = 128, 0, 72, 0, True
    while at < len(extended):
        before, weight, threshold_at = position, 1, 36
        while True:
            if at == len(extended):
                raise MalformedError
            digit = _PUNYCODE.get(extended[at])
            if digit is None:
                raise MalformedError
            at += 1
            position += digit * weight
            threshold = min(max(threshold_at - bias, 1), 26)
            if digit < threshold:
                break
            weight *= 36 - threshold
            threshold_at += 36
        count = len(characters) + 1
        delta = (position - before) // (700 if first else 2)
        delta += delta // count
        bias = 0
        while delta > 455:
            delta //= 35
            bias += 36
        bias += 36 * delta // (delta + 38)
        first = False
        point += position // count
        position %= count
        if point > 0x10FFFF or 0xD800 <= point < 0xE000:
            raise MalformedError
        characters.insert(position, point)
        position += 1
    return "".join(map(chr, characters))


_PUNYCODE: Final = {digit: value for value, digit in enumerate(_LOWER + _DIGITS)}


def demangle(mangled: bytes) -> bytes | None:
    """Return the readable form of a name that starts with ``_R``; None if it does not follow the grammar."""
    if len(mangled) > LONGEST:
        return None
    name, dot, suffix = mangled[2:].partition(b".")
    try:
        parser = Parser(name.decode("ascii"))
        parser.path(False, 1)
        if parser.at < len(name):
            # The crate that instantiated it.
            parser.printing = False
            parser.path(False, 1)
        if parser.at != len(name):
            return None
        readable = "".join(parser.out).encode()
    except (ValueError, IndexError, RecursionError):
        return None
    return b"%b (.%b)" % (readable, suffix) if dot else readable
