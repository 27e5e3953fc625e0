"""Parts of C++ declarations as text, and the rules for building types from types.

A part that is contiguous text is a ``str``. The other kinds are parts for which that is not enough: declarators that
enclose what they declare, operands that may need parentheses, packs of arguments that an expansion repeats.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

OTHER: Final = 0
"""The kind of a declarator, as seen by the pointer or reference around it."""
ARRAY: Final = 1
FUNCTION: Final = 2

# Precedence of operators, tightest first.
PRIMARY, POSTFIX, UNARY, CAST, MEMBER_POINTER, MULTIPLICATIVE, ADDITIVE, SHIFT, SPACESHIP, RELATIONAL = range(10)
EQUALITY, AND, XOR, OR, LOGICAL_AND, LOGICAL_OR, CONDITIONAL, ASSIGNMENT, COMMA, LOWEST = range(10, 20)

DEEPEST: Final = 200
"""Names with a deeper nesting are not demangled: enough for real programs, and within a small thread's stack."""

FREE_LENGTH: Final = 64
"""Pieces of text up to this length are not counted against the output's limit."""


class MalformedError(ValueError):
    """The name does not follow the grammar, or exceeds what is demangled."""


class Declarator:
    """A type with text on both sides of what it declares: ``int (*`` and ``)(char)``."""

    __slots__ = ("kind", "left", "right")

    def __init__(self, left: str, right: str, kind: int) -> None:
        self.left = left
        self.right = right
        self.kind = kind


class Operation:
    """An expression that needs parentheses where the context binds as tightly as its operator or more."""

    __slots__ = ("precedence", "text")

    def __init__(self, text: str, precedence: int) -> None:
        self.text = text
        self.precedence = precedence


class Budget:
    """The number of characters that may still be produced by copying earlier text."""

    __slots__ = ("left",)

    def __init__(self, characters: int) -> None:
        self.left = characters

    def spend(self, characters: int) -> None:
        self.left -= characters
        if self.left < 0:
            raise MalformedError


class Pack:
    """A part with several elements, which an expansion repeats; ``beyond`` stands for an index past the last one.

    Its items are not packs.
    """

    __slots__ = ("beyond", "budget", "items")

    def __init__(self, items: Sequence[Node], beyond: Node, budget: Budget) -> None:
        self.items = items
        self.beyond = beyond
        self.budget = budget


class Arguments:
    """A pack of template arguments as written in an argument list; there is none among its items."""

    __slots__ = ("items",)

    def __init__(self, items: list[Node]) -> None:
        self.items = items


class Module:
    """The name of a C++20 module."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


class Protocol:
    """An Objective-C type that is qualified with a protocol."""

    __slots__ = ("base", "protocol")

    def __init__(self, base: str, protocol: str) -> None:
        self.base = base
        self.protocol = protocol


Node = str | Declarator | Operation | Pack | Arguments | Module | Protocol


def text(node: Node) -> str:
    """Return the complete text of ``node``."""
    if type(node) is str:
        return node
    if isinstance(node, Declarator):
        return join(node.left, node.right)
    if isinstance(node, (Operation, Module)):
        return node.text
    if isinstance(node, Pack):
        return text(first_of(node))
    if isinstance(node, Arguments):
        return commas(node.items)
    if isinstance(node, Protocol):
        return f"{node.base}<{node.protocol}>"
    raise MalformedError


def first_of(node: Node) -> Node:
    """Return the text that LLVM shows for a pack outside of an expansion."""
    return element(node, 0)


def join(left: str, right: str) -> str:
    """Return a declaration from its sides; the bounds of an array follow those of another without a space."""
    return left + right[1:] if right.startswith(" [") and left.endswith("]") else left + right


def size(node: Node) -> int:
    """Return the approximate number of characters of ``node``, at least one."""
    if isinstance(node, str):
        return len(node) + 1
    if isinstance(node, Declarator):
        return len(node.left) + len(node.right)
    if isinstance(node, Operation):
        return len(node.text)
    if isinstance(node, (Pack, Arguments)):
        return sum(map(size, node.items)) + 1
    return len(text(node))


def lift(build: Callable[..., Node], *nodes: Node) -> Node:
    """Return ``build`` of ``nodes``, for each element of the packs among them."""
    pack = next((node for node in nodes if isinstance(node, Pack)), None)
    if pack is None:
        return build(*nodes)
    items = []
    for index in range(len(pack.items)):
        item = build(*[element(node, index) for node in nodes])
        pack.budget.spend(size(item) + len(nodes))
        items.append(item)
    return Pack(items, build(*[node.beyond if isinstance(node, Pack) else node for node in nodes]), pack.budget)


def element(node: Node, index: int) -> Node:
    """Return ``node`` for one of a pack's elements."""
    if not isinstance(node, Pack):
        return node
    return node.items[index] if index < len(node.items) else node.beyond


def has_pack(nodes: Sequence[Node]) -> bool:
    return any(type(node) is Pack for node in nodes)


def expand(node: Node) -> str:
    """Return the expansion of a pattern; LLVM shows ``...`` after one that contains no pack."""
    if isinstance(node, Pack):
        return ", ".join([text(item) for item in node.items])
    return text(node) + "..."


def commas(nodes: Sequence[Node]) -> str:
    """Return a list of types, arguments or operands; empty expansions are left out."""
    try:
        parts: Sequence[str] = nodes  # type: ignore[assignment]
        joined = ", ".join(parts)
    except TypeError:
        parts = [operand(node, COMMA) for node in nodes]
        joined = ", ".join(parts)
    return ", ".join([part for part in parts if part]) if "" in parts else joined


def operand(node: Node, precedence: int, strict: bool = False) -> str:
    """Return ``node`` as an operand of an operator with ``precedence``.

    :param strict: an equal precedence needs no parentheses.
    """
    if isinstance(node, Operation):
        return f"\ue002({node.text}\ue003)" if node.precedence >= precedence + strict else node.text
    return text(node)


def modified(node: Node, modifier: str) -> Node:
    """Return ``node`` after a pointer (``*``) or reference, or with qualifiers (which start with a space)."""
    if isinstance(node, Pack):
        return lift(lambda item: modified(item, modifier), node)
    if isinstance(node, str):
        return reference(node, modifier) if modifier[0] == "&" else node + modifier
    if isinstance(node, Protocol) and modifier == "*" and node.base == "objc_object":
        return f"id<{node.protocol}>"
    if not isinstance(node, Declarator):
        return text(node) + modifier
    left, right, kind = node.left, node.right, node.kind
    if modifier in (" complex", " imaginary"):
        # LLVM shows nothing of what else there would be.
        return left + modifier
    if modifier[0] == " ":
        return Declarator(left + modifier, right, kind)
    if kind == OTHER:
        return Declarator(reference(left, modifier) if modifier[0] == "&" else left + modifier, right, OTHER)
    return Declarator(left + (" (" if kind == ARRAY else "(") + modifier, ")" + right, OTHER)


def reference(target: str, mark: str) -> str:
    """Return a reference to a possible reference: of two only the weaker remains."""
    if not target.endswith("&") or target.endswith(("operator&", "operator&&")):
        return target + mark
    return target[:-1] if mark == "&" and target.endswith("&&") else target


def member_pointer(of: Node, member: Node) -> Node:
    owner = text(of)
    if isinstance(member, Declarator):
        if member.kind == OTHER:
            return Declarator(f"{member.left} {owner}::*", member.right, OTHER)
        return Declarator(f"{member.left}({owner}::*", ")" + member.right, OTHER)
    return f"{text(member)} {owner}::*"


def array(element: Node, bound: str) -> Node:
    if isinstance(element, Declarator):
        return Declarator(element.left, join(f" [{bound}]", element.right), ARRAY)
    return Declarator(text(element), f" [{bound}]", ARRAY)


def qualified(scope: Node, name: str) -> Node:
    if isinstance(scope, Pack):
        return lift(lambda item: qualified(item, name), scope)
    return f"{text(scope)}::{name}"


def concatenated(name: Node, arguments: Node) -> Node:
    """Return ``name`` with template arguments."""
    return lift(lambda name, arguments: text(name) + text(arguments), name, arguments)
