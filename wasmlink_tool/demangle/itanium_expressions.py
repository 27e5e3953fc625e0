"""Expressions in mangled C++ names: template arguments, decltype, array bounds, constraints.

Parentheses are marked (see ``itanium._settle``): whether a ``>`` needs some depends on those around it.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from .itanium_operators import OPERATOR_NAMES
from .nodes import (
    ADDITIVE,
    AND,
    ASSIGNMENT,
    CAST,
    COMMA,
    CONDITIONAL,
    DEEPEST,
    EQUALITY,
    FREE_LENGTH,
    LOGICAL_AND,
    LOGICAL_OR,
    LOWEST,
    MEMBER_POINTER,
    MULTIPLICATIVE,
    OR,
    POSTFIX,
    RELATIONAL,
    SHIFT,
    SPACESHIP,
    UNARY,
    XOR,
    Declarator,
    MalformedError,
    Node,
    Operation,
    commas,
    concatenated,
    expand,
    lift,
    operand,
    qualified,
    size,
    text,
)

if TYPE_CHECKING:
    from .itanium import Parser


def _codes(precedence: int, codes: str) -> dict[str, tuple[str, int]]:
    return {code: (OPERATOR_NAMES[code][len("operator") :], precedence) for code in codes.split()}


_BINARY: Final = {
    **_codes(ASSIGNMENT, "aN aS dV eO lS mI mL oR pL rM rS"),
    **_codes(LOGICAL_AND, "aa"),
    **_codes(AND, "an"),
    **_codes(COMMA, "cm"),
    **_codes(MULTIPLICATIVE, "dv ml rm"),
    **_codes(XOR, "eo"),
    **_codes(EQUALITY, "eq ne"),
    **_codes(RELATIONAL, "ge gt le lt"),
    **_codes(SHIFT, "ls rs"),
    **_codes(ADDITIVE, "mi pl"),
    **_codes(LOGICAL_OR, "oo"),
    **_codes(OR, "or"),
    **_codes(SPACESHIP, "ss"),
}
_PREFIX: Final = _codes(UNARY, "ad co de ng nt ps")
_POSTFIX: Final = _codes(POSTFIX, "mm pp")
_MEMBER: Final = {
    "ds": (".*", MEMBER_POINTER),
    "dt": (".", POSTFIX),
    "pm": ("->*", MEMBER_POINTER),
    "pt": ("->", POSTFIX),
}
_NAMED_CASTS: Final = {"cc": "const_cast", "dc": "dynamic_cast", "rc": "reinterpret_cast", "sc": "static_cast"}
_OF_TYPE: Final = {"at": "alignof ", "st": "sizeof ", "ti": "typeid "}
"""Operators on a type or an expression."""
_OF_EXPRESSION: Final = {"az": "alignof ", "nx": "noexcept ", "sz": "sizeof ", "te": "typeid "}
_FOLDED_MEMBER: Final = ("ds", "pm")
"""Member accesses that a fold may apply."""

_INTEGERS: Final = {
    "w": "wchar_t",
    "c": "char",
    "a": "signed char",
    "h": "unsigned char",
    "s": "short",
    "t": "unsigned short",
    "n": "__int128",
    "o": "unsigned __int128",
}
_INTEGER_SUFFIXES: Final = {"i": "", "j": "u", "l": "l", "m": "ul", "x": "ll", "y": "ull"}
_FLOAT_DIGITS: Final = {"f": 8, "d": 16, "e": 20}
_CHARACTERS: Final = re.compile("(?:L[wcahstijlmxyno][0-9]+E)*E")
_ESCAPES: Final = {7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r", 34: '\\"', 92: "\\\\"}


def _parenthesized(inside: str) -> str:
    return f"\ue002({inside}\ue003)"


def expression(parser: Parser, depth: int) -> Node:
    if depth > DEEPEST:
        raise MalformedError
    name = parser.name
    is_global = parser.accept("gs")
    at = parser.at
    code = name[at : at + 2]
    if code[0] == "L":
        return literal(parser, depth + 1)
    if code[0] == "T":
        return parser.template_parameter()
    if code[0] == "f":
        if code[1] == "p" or (code[1] == "L" and name[at + 2] in "0123456789"):
            return _function_parameter(parser)
        return _fold(parser, depth + 1)
    parser.at = at + 2
    if code in _BINARY:
        symbol, precedence = _BINARY[code]
        left = expression(parser, depth + 1)
        right = expression(parser, depth + 1)
        return lift(lambda left, right: _binary(left, symbol, right, precedence), left, right)
    if code in _POSTFIX and not parser.accept("_"):
        symbol, precedence = _POSTFIX[code]
        inner = expression(parser, depth + 1)
        return lift(lambda inner: Operation(operand(inner, POSTFIX, True) + symbol, POSTFIX), inner)
    if code in _PREFIX or code in _POSTFIX:
        symbol, precedence = _PREFIX.get(code) or _POSTFIX[code]
        inner = expression(parser, depth + 1)
        return lift(lambda inner: Operation(symbol + operand(inner, precedence), precedence), inner)
    if code in _MEMBER:
        symbol, precedence = _MEMBER[code]
        left = expression(parser, depth + 1)
        right = expression(parser, depth + 1)

        def access(left: Node, right: Node) -> Node:
            return Operation(operand(left, precedence, True) + symbol + operand(right, precedence), precedence)

        return lift(access, left, right)
    if code in _NAMED_CASTS:
        target = parser.type(depth + 1)
        inner = expression(parser, depth + 1)

        def cast(target: Node, inner: Node) -> Node:
            argument = _parenthesized(operand(inner, LOWEST))
            return Operation(f"{_NAMED_CASTS[code]}\ue000<{_left(target)}\ue001>{argument}", POSTFIX)

        return lift(cast, target, inner)
    if code in _OF_TYPE or code in _OF_EXPRESSION:
        keyword = _OF_TYPE.get(code) or _OF_EXPRESSION[code]
        inner = parser.type(depth + 1) if code in _OF_TYPE else expression(parser, depth + 1)
        precedence = POSTFIX if keyword == "typeid " else UNARY
        return lift(lambda inner: Operation(keyword + _parenthesized(text(inner)), precedence), inner)
    handler = _OTHERS.get(code)
    if handler is not None:
        return handler(parser, code, is_global, depth + 1)
    if code == "aw":
        raise MalformedError
    if code[0] == "u":
        parser.at = at + 1
        return _vendor(parser, depth + 1)
    parser.at = at
    return _unresolved_name(parser, is_global, depth + 1)


def _left(node: Node) -> str:
    """Return the text before a declared name: LLVM shows no more of functions and arrays here."""
    return node.left if isinstance(node, Declarator) else text(node)


def _binary(left: Node, symbol: str, right: Node, precedence: int) -> Node:
    assignment = precedence == ASSIGNMENT
    first = operand(left, LOGICAL_OR if assignment else precedence, not assignment)
    space = "" if symbol == "," else " "
    whole = f"{first}{space}{symbol} {operand(right, precedence, assignment)}"
    if symbol in (">", ">>"):
        whole = f"\ue004{whole}\ue005"
    return Operation(whole, precedence)


def _until_end(parser: Parser, parse: Callable[[Parser, int], Node], depth: int) -> list[Node]:
    parts = []
    while not parser.accept("E"):
        parts.append(parse(parser, depth + 1))
    return parts


def _subscript(parser: Parser, code: str, is_global: bool, depth: int) -> Node:
    base = expression(parser, depth + 1)
    index = expression(parser, depth + 1)

    def build(base: Node, index: Node) -> Node:
        return Operation(f"{operand(base, POSTFIX)}\ue002[{operand(index, LOWEST)}\ue003]", POSTFIX)

    return lift(build, base, index)


def _new(parser: Parser, code: str, is_global: bool, depth: int) -> Node:
    placement = []
    while not parser.accept("_"):
        placement.append(expression(parser, depth + 1))
    allocated = parser.type(depth + 1)
    initializers = []
    if parser.accept("pi"):
        initializers = _until_end(parser, expression, depth)
    else:
        parser.expect("E")
    parts = [
        "::new" if is_global else "new",
        "[]" if code == "na" else "",
        _parenthesized(commas(placement)) if placement else "",
        " ",
        text(allocated),
        _parenthesized(commas(initializers)) if initializers else "",
    ]
    return Operation("".join(parts), UNARY)


def _delete(parser: Parser, code: str, is_global: bool, depth: int) -> Node:
    keyword = ("::" if is_global else "") + ("delete[] " if code == "da" else "delete ")
    return lift(lambda inner: Operation(keyword + text(inner), UNARY), expression(parser, depth + 1))


def _call(parser: Parser, code: str, is_global: bool, depth: int) -> Node:
    callee = expression(parser, depth + 1)
    arguments = _until_end(parser, expression, depth)

    def build(callee: Node, *arguments: Node) -> Node:
        called = _parenthesized(text(callee)) if code == "cp" else text(callee)
        return Operation(called + _parenthesized(commas(arguments)), POSTFIX)

    return lift(build, callee, *arguments)


def _conversion(parser: Parser, code: str, is_global: bool, depth: int) -> Node:
    saved, parser.arguments_follow = parser.arguments_follow, False
    target = parser.type(depth + 1)
    parser.arguments_follow = saved
    operands = _until_end(parser, expression, depth) if parser.accept("_") else [expression(parser, depth + 1)]

    def build(target: Node, *operands: Node) -> Node:
        return Operation(_parenthesized(text(target)) + _parenthesized(commas(operands)), CAST)

    return lift(build, target, *operands)


def _conditional(parser: Parser, code: str, is_global: bool, depth: int) -> Node:
    parts = [expression(parser, depth + 1) for _ in range(3)]

    def build(condition: Node, yes: Node, no: Node) -> Node:
        whole = f"{operand(condition, CONDITIONAL)} ? {operand(yes, LOWEST)} : {operand(no, ASSIGNMENT, True)}"
        return Operation(whole, CONDITIONAL)

    return lift(build, *parts)


def _initializer_list(parser: Parser, code: str, is_global: bool, depth: int) -> Node:
    of: Node = parser.type(depth + 1) if code == "tl" else ""
    if isinstance(of, Declarator) and of.left == "char" and of.right.count("[") == 1:
        string = _string(parser)
        if string is not None:
            return string
    parts = _until_end(parser, _braced, depth)
    return lift(lambda of, *parts: f"{text(of)}{{{commas(parts)}}}", of, *parts)


def _string(parser: Parser) -> str | None:
    """Return the string of a character array's initializer list, if all its elements are character literals."""
    match = _CHARACTERS.match(parser.name, parser.at)
    if match is None:
        return None
    characters = [int(digits) for digits in re.findall("[0-9]+", match.group()) if len(digits.lstrip("0")) < 4]
    if any(character > 255 for character in characters) or len(characters) != match.group().count("L"):
        return None
    parser.at = match.end()
    out = ['"']
    escaped = False
    for character in characters:
        if escaped and chr(character) in "0123456789abcdefABCDEF":
            out.append('""')
        escaped = False
        if character in _ESCAPES:
            out.append(_ESCAPES[character])
        elif character < 32 or character == 127:
            out.append(f"\\{character}" if character < 7 else f"\\x{character:X}")
            escaped = True
        else:
            out.append(chr(character))
    out.append('"')
    return "".join(out)


def _braced(parser: Parser, depth: int) -> Node:
    """Parse an element of an initializer list, with the designators before it."""
    if depth > DEEPEST:
        raise MalformedError
    if parser.accept("di"):
        designator: Node = "." + parser.source_name()
    elif parser.accept("dx"):
        index = expression(parser, depth + 1)
        designator = lift(lambda index: f"[{text(index)}]", index)
    elif parser.accept("dX"):
        begin = expression(parser, depth + 1)
        end = expression(parser, depth + 1)
        designator = lift(lambda begin, end: f"[{text(begin)} ... {text(end)}]", begin, end)
    else:
        return expression(parser, depth + 1)
    nested = parser.name[parser.at] == "d" and parser.name[parser.at + 1] in "ixX"
    value = _braced(parser, depth + 1)
    separator = "" if nested else " = "
    return lift(lambda designator, value: f"{text(designator)}{separator}{text(value)}", designator, value)


def _expansion(parser: Parser, code: str, is_global: bool, depth: int) -> Node:
    return expand(expression(parser, depth + 1))


def _pack_size(parser: Parser, code: str, is_global: bool, depth: int) -> Node:
    if code == "sP":
        arguments = _until_end(parser, lambda parser, depth: parser.template_argument(depth), depth)
        return "sizeof... " + _parenthesized(commas(arguments))
    if parser.name[parser.at] == "T":
        return "sizeof..." + _parenthesized(expand(parser.template_parameter()))
    return "sizeof... " + _parenthesized(_function_parameter(parser))


def _throw(parser: Parser, code: str, is_global: bool, depth: int) -> Node:
    if code == "tr":
        return "throw"
    return lift(lambda inner: "throw " + text(inner), expression(parser, depth + 1))


def _subobject(parser: Parser, code: str, is_global: bool, depth: int) -> Node:
    of = parser.type(depth + 1)
    whole = expression(parser, depth + 1)
    offset = parser.number().replace("n", "-") or "0"
    while parser.accept("_"):
        parser.digits()
    parser.accept("p")
    parser.expect("E")
    return lift(lambda of, whole: f"{text(whole)}.<{text(of)} at offset {offset}>", of, whole)


def _member_pointer_conversion(parser: Parser, code: str, is_global: bool, depth: int) -> Node:
    target = parser.type(depth + 1)
    inner = expression(parser, depth + 1)
    parser.number()
    parser.expect("E")

    def build(target: Node, inner: Node) -> Node:
        return Operation(_parenthesized(text(target)) + _parenthesized(text(inner)), UNARY)

    return lift(build, target, inner)


def _requires(parser: Parser, code: str, is_global: bool, depth: int) -> Node:
    parameters = []
    if code == "rQ":
        while not parser.accept("_"):
            parameters.append(parser.type(depth + 1))
    parts = [f"requires {_parenthesized(commas(parameters))}" if parameters else "requires", " \ue002{"]
    while True:
        if parser.accept("X"):
            body = text(expression(parser, depth + 1))
            no_throw = parser.accept("N")
            constraint = text(parser.entity(None, depth + 1)) if parser.accept("R") else ""
            if no_throw or constraint:
                body = f"\ue002{{{body}\ue003}}"
            parts.append(f" {body}{' noexcept' if no_throw else ''}{' -> ' + constraint if constraint else ''};")
        elif parser.accept("T"):
            parts.append(f" typename {text(parser.type(depth + 1))};")
        elif parser.accept("Q"):
            parts.append(f" requires {text(expression(parser, depth + 1))};")
        else:
            raise MalformedError
        if parser.accept("E"):
            break
    parts.append(" \ue003}")
    return "".join(parts)


_OTHERS: Final[dict[str, Callable[[Parser, str, bool, int], Node]]] = {
    "ix": _subscript,
    "nw": _new,
    "na": _new,
    "dl": _delete,
    "da": _delete,
    "cl": _call,
    "cp": _call,
    "cv": _conversion,
    "qu": _conditional,
    "il": _initializer_list,
    "tl": _initializer_list,
    "mc": _member_pointer_conversion,
    "so": _subobject,
    "sp": _expansion,
    "sZ": _pack_size,
    "sP": _pack_size,
    "tr": _throw,
    "tw": _throw,
    "rq": _requires,
    "rQ": _requires,
}


def _vendor(parser: Parser, depth: int) -> Node:
    """Parse a vendor's builtin applied to template arguments; clang's ``__uuidof`` has its own codes for its
    argument."""
    keyword = parser.source_name()
    arguments: list[Node]
    if keyword == "__uuidof" and parser.accept("t"):
        arguments = [parser.type(depth + 1)]
    elif keyword == "__uuidof" and parser.accept("z"):
        arguments = [expression(parser, depth + 1)]
    else:
        arguments = _until_end(parser, lambda parser, depth: parser.template_argument(depth), depth)
    return lift(lambda *arguments: Operation(keyword + _parenthesized(commas(arguments)), POSTFIX), *arguments)


def _function_parameter(parser: Parser) -> str:
    if parser.accept("fpT"):
        return "this"
    if parser.accept("fL"):
        if not parser.digits():
            raise MalformedError
        parser.expect("p")
    else:
        parser.expect("fp")
    parser.qualifiers()
    number = parser.digits()
    parser.expect("_")
    return "fp" + number


def _fold(parser: Parser, depth: int) -> Node:
    direction = parser.name[parser.at + 1]
    code = parser.name[parser.at + 2 : parser.at + 4]
    if direction not in "lrLR":
        raise MalformedError
    if code in _BINARY:
        symbol = _BINARY[code][0]
    elif code in _FOLDED_MEMBER:
        symbol = _MEMBER[code][0]
    else:
        raise MalformedError
    parser.at += 4
    first = expression(parser, depth + 1)
    if direction in "lr":
        repeated = _parenthesized(expand(first))
        return _parenthesized(f"... {symbol} {repeated}" if direction == "l" else f"{repeated} {symbol} ...")
    second = expression(parser, depth + 1)
    if direction == "L":
        start, end = operand(first, CAST, True), _parenthesized(expand(second))
    else:
        start, end = _parenthesized(expand(first)), operand(second, CAST, True)
    return _parenthesized(f"{start} {symbol} ... {symbol} {end}")


# Names that depend on template parameters


def _simple_identifier(parser: Parser, depth: int) -> Node:
    simple = parser.source_name()
    if parser.name[parser.at] == "I":
        return concatenated(simple, parser.template_arguments(False, depth + 1))
    return simple


def _unresolved_type(parser: Parser, depth: int) -> Node:
    first = parser.name[parser.at]
    if first == "T":
        part = parser.template_parameter()
        parser.substitutions.append(part)
        return part
    if first == "D":
        if parser.name[parser.at + 1] not in "tT":
            raise MalformedError
        part = parser.decltype(depth + 1)
        parser.substitutions.append(part)
        return part
    if first != "S":
        raise MalformedError
    return parser.substitution()


def _base_unresolved_name(parser: Parser, depth: int) -> Node:
    name = parser.name
    if name[parser.at] in "0123456789":
        return _simple_identifier(parser, depth + 1)
    if parser.accept("dn"):
        digit = name[parser.at] in "0123456789"
        destroyed = _simple_identifier(parser, depth + 1) if digit else _unresolved_type(parser, depth + 1)
        return lift(lambda destroyed: "~" + _left(destroyed), destroyed)
    parser.accept("on")
    called = parser.operator_name(None, depth + 1)
    if name[parser.at] == "I":
        return concatenated(called, parser.template_arguments(False, depth + 1))
    return called


def _within(parser: Parser, scope: Node, simple: Node) -> Node:
    parser.budget.spend(size(scope) // FREE_LENGTH)
    return lift(lambda scope, simple: qualified(scope, text(simple)), scope, simple)


def _unresolved_name(parser: Parser, is_global: bool, depth: int) -> Node:
    name = parser.name
    scope: Node
    if parser.accept("srN"):
        scope = _unresolved_type(parser, depth + 1)
        if name[parser.at] == "I":
            scope = concatenated(scope, parser.template_arguments(False, depth + 1))
        while not parser.accept("E"):
            scope = _within(parser, scope, _simple_identifier(parser, depth + 1))
    elif not parser.accept("sr"):
        base = _base_unresolved_name(parser, depth + 1)
        return _within(parser, "", base) if is_global else base
    elif name[parser.at] in "0123456789":
        scope = _simple_identifier(parser, depth + 1)
        if is_global:
            scope = _within(parser, "", scope)
        while not parser.accept("E"):
            scope = _within(parser, scope, _simple_identifier(parser, depth + 1))
    else:
        scope = _unresolved_type(parser, depth + 1)
        if name[parser.at] == "I":
            scope = concatenated(scope, parser.template_arguments(False, depth + 1))
    return _within(parser, scope, _base_unresolved_name(parser, depth + 1))


# Literals


def literal(parser: Parser, depth: int) -> Node:
    """Parse a literal, from ``L`` to ``E``."""
    name = parser.name
    parser.at += 1
    code = name[parser.at]
    part: Node
    if code in _INTEGERS or code in _INTEGER_SUFFIXES:
        parser.at += 1
        digits = parser.number().replace("n", "-")
        if not digits:
            raise MalformedError
        parser.expect("E")
        if code in _INTEGERS:
            return f"{_parenthesized(_INTEGERS[code])}{digits}"
        return digits + _INTEGER_SUFFIXES[code]
    if code == "b":
        value = name[parser.at + 1 : parser.at + 3]
        if value not in ("0E", "1E"):
            raise MalformedError
        parser.at += 3
        return "true" if value == "1E" else "false"
    if code in _FLOAT_DIGITS:
        end = parser.at + 1 + _FLOAT_DIGITS[code]
        digits = name[parser.at + 1 : end]
        if not re.fullmatch("[0-9a-f]+", digits):
            raise MalformedError
        parser.at = end
        parser.expect("E")
        return _floating(code, digits)
    if code == "_":
        parser.expect("_Z")
        part = parser.encoding(depth + 1)
        parser.expect("E")
        return part
    if code == "A":
        part = parser.type(depth + 1)
        parser.expect("E")
        return lift(lambda part: f'"<{text(part)}>"', part)
    if code == "D" and parser.accept("Dn"):
        parser.accept("0")
        parser.expect("E")
        return "nullptr"
    if code == "U" and name[parser.at + 1] == "l":
        parser.at += 2
        declarator = parser.closure(depth + 1)
        parser.expect("E")
        parser.digits()
        parser.expect("_")
        parser.expect("E")
        return lift(lambda declarator: f"[]{text(declarator)}{{...}}", declarator)
    if code in "TUD":
        raise MalformedError
    of = parser.type(depth + 1)
    digits = parser.number().replace("n", "-")
    if not digits:
        raise MalformedError
    parser.expect("E")
    return lift(lambda of: f"{_parenthesized(text(of))}{digits}", of)


def _floating(code: str, digits: str) -> str:
    """Return a floating-point number in C's hexadecimal notation (``%a``), from the digits of its representation."""
    bits = int(digits, 16)
    if code == "e":
        return _extended(bits)
    value: float = struct.unpack(">" + code, bits.to_bytes(len(digits) // 2, "big"))[0]
    suffix = "f" if code == "f" else ""
    if value != value:
        return ("-" if bits >> (len(digits) * 4 - 1) else "") + "nan" + suffix
    if value in (float("inf"), float("-inf")):
        return f"{value}{suffix}"
    mantissa, _, exponent = value.hex().partition("p")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}p{exponent}{suffix}"


def _extended(bits: int) -> str:
    """Return an 80-bit number, whose leading digit is explicit."""
    sign = "-" if bits >> 79 else ""
    exponent, mantissa = bits >> 64 & 0x7FFF, bits & (1 << 64) - 1
    if exponent and not mantissa >> 63:
        return sign + "nanL"
    if exponent == 0x7FFF:
        return sign + ("nanL" if mantissa << 1 & (1 << 64) - 1 else "infL")
    if not mantissa:
        return sign + "0x0p+0L"
    digits = f"{mantissa:016x}"
    fraction = digits[1:].rstrip("0")
    return f"{sign}0x{digits[0]}{'.' if fraction else ''}{fraction}p{max(exponent, 1) - 16386:+d}L"
