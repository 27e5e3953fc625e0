"""Demangle names of the Itanium C++ ABI as LLVM prints them.

https://itanium-cxx-abi.github.io/cxx-abi/abi.html#mangling is the grammar; clang's extensions are supported as well.

One pass turns the name into text: no tree is built, as most parts of most names are only ever printed in one way. The
text of a part may depend on a later one (a conversion operator's template arguments, which follow the operator; whether
a ``>`` needs parentheses): this pass then finds it, and a second pass uses it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from .itanium_operators import OPERATOR_NAMES
from .nodes import (
    DEEPEST,
    FREE_LENGTH,
    FUNCTION,
    Arguments,
    Budget,
    Declarator,
    MalformedError,
    Module,
    Node,
    Operation,
    Pack,
    Protocol,
    array,
    commas,
    concatenated,
    element,
    expand,
    first_of,
    has_pack,
    join,
    lift,
    member_pointer,
    modified,
    qualified,
    reference,
    size,
    text,
)

LONGEST_NAME: Final = 1 << 20
"""Longer names are not demangled, and substitutions may add only this many characters."""
LONGEST_OUTPUT: Final = 1 << 20

LONGEST_CHAIN: Final = 256
"""Names with more components of one nested name, or more modifiers of one type, are not demangled."""

_END: Final = "\0"
_DIGITS: Final = "0123456789"
_ANONYMOUS: Final = "(anonymous namespace)"
_NONZERO: Final = "123456789"
_SINGLE: Final = {digit: int(digit) for digit in _NONZERO}
_SEQUENCE: Final = {digit: value for value, digit in enumerate("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")}

_BUILTINS: Final = {
    "v": "void",
    "w": "wchar_t",
    "b": "bool",
    "c": "char",
    "a": "signed char",
    "h": "unsigned char",
    "s": "short",
    "t": "unsigned short",
    "i": "int",
    "j": "unsigned int",
    "l": "long",
    "m": "unsigned long",
    "x": "long long",
    "y": "unsigned long long",
    "n": "__int128",
    "o": "unsigned __int128",
    "f": "float",
    "d": "double",
    "e": "long double",
    "g": "__float128",
    "z": "...",
}

_D_BUILTINS: Final = {
    "d": "decimal64",
    "e": "decimal128",
    "f": "decimal32",
    "h": "half",
    "i": "char32_t",
    "s": "char16_t",
    "u": "char8_t",
    "a": "auto",
    "c": "decltype(auto)",
    "n": "std::nullptr_t",
}

_FIXED_POINT: Final = {"A": "_Accum", "R": "_Fract"}
"""Fixed-point types: one letter for the kind and one for the size."""
_FIXED_POINT_SIZES: Final = {
    "s": "short ",
    "t": "unsigned short ",
    "i": "",
    "j": "unsigned ",
    "l": "long ",
    "m": "unsigned long ",
}

_DECLARED: Final = "yptnk"
"""The letters after ``T`` in a template parameter's declaration."""

_MODIFIERS: Final = "PRKOVrCG"
_MODIFIER_TEXTS: Final = {"P": "*", "R": "&", "O": "&&", "C": " complex", "G": " imaginary"}
_QUALIFIERS: Final = re.compile("r?V?K?")
_MODIFIER: Final = re.compile("[PROCG]|r?V?K|r?V|r")

_STD: Final = {
    "a": "std::allocator",
    "b": "std::basic_string",
    "s": "std::string",
    "i": "std::istream",
    "o": "std::ostream",
    "d": "std::iostream",
}
_CHAR_STREAM: Final = "<char, std::char_traits<char>>"
_STD_IN_FULL: Final = {
    "std::allocator": "std::allocator",
    "std::basic_string": "std::basic_string",
    "std::string": "std::basic_string<char, std::char_traits<char>, std::allocator<char>>",
    "std::istream": "std::basic_istream" + _CHAR_STREAM,
    "std::ostream": "std::basic_ostream" + _CHAR_STREAM,
    "std::iostream": "std::basic_iostream" + _CHAR_STREAM,
}

_SPECIAL_NAMES: Final = {
    "TV": "vtable for ",
    "TT": "VTT for ",
    "TI": "typeinfo for ",
    "TS": "typeinfo name for ",
    "TW": "thread-local wrapper routine for ",
    "TH": "thread-local initialization routine for ",
    "GV": "guard variable for ",
    "GR": "reference temporary for ",
}

_MOST_DIGITS: Final = 7
"""Numbers of more digits are larger than any length or index in a name."""

_SIMPLE_LITERAL: Final = re.compile("L([bijlmxy])(n?)([0-9]+)E")
_LITERAL_SUFFIXES: Final = {"i": "", "j": "u", "l": "l", "m": "ul", "x": "ll", "y": "ull"}


class State:
    """Properties of a function's name that affect the rest of its encoding."""

    conversion = False
    """A constructor, destructor or conversion operator: no return type follows."""
    templated = False
    """The name ends with template arguments: a return type follows."""
    explicit_object = False
    qualifiers = ""


class Parser:
    """One pass over one name: ``at`` is the position of what is parsed next, in ``name`` with its end marked.

    The ``depth`` that methods take is that of the calls; any cycle among them passes one that checks it.
    """

    __slots__ = (
        "arguments_follow",
        "at",
        "budget",
        "forward",
        "forward_found",
        "forward_known",
        "forward_wanted",
        "invented",
        "lambda_level",
        "last",
        "length",
        "marking",
        "name",
        "numbers_only",
        "parameters",
        "substitutions",
    )

    def __init__(self, name: str, start: int, forward_known: list[Node | None] | None, marking: bool) -> None:
        self.name = name + "\0\0\0\0"
        self.length = len(name)
        self.at = start
        self.substitutions: list[Node] = []
        self.parameters: list[list[Node] | None] = []
        """The template arguments that ``T_`` refers to, by level; None is that of a lambda's implicit parameters."""
        self.budget = Budget(LONGEST_OUTPUT)
        self.last: str | None = None
        """The simple name of the last parsed component, which is the name of its constructors."""
        self.forward = False
        """Whether ``T_`` may refer to a later argument; the indices of such arguments; and their values, from the pass
        before."""
        self.forward_wanted: list[int] = []
        self.forward_found: list[Node | None] = []
        self.forward_known = forward_known
        self.invented = [0, 0, 0]
        """The number of template parameters of lambdas that were given names, by kind."""
        self.lambda_level = -1
        """While a lambda's ``auto`` parameters are parsed, their level of template parameters."""
        self.arguments_follow = True
        """Whether template arguments after a type's name belong to it: those of a conversion operator follow its type.
        """
        self.numbers_only = False
        """In constraints LLVM shows template parameters by their numbers."""
        self.marking = marking
        """Whether the text marks template arguments and parentheses among other ``<`` and ``(``; see ``_settle``."""

    # Tokens

    def expect(self, token: str) -> None:
        if not self.name.startswith(token, self.at):
            raise MalformedError
        self.at += len(token)

    def accept(self, token: str) -> bool:
        if self.name.startswith(token, self.at):
            self.at += len(token)
            return True
        return False

    def number(self) -> str:
        """Parse a decimal number, with ``n`` for a minus sign; empty if there is none, even if there is a sign."""
        sign = "n" if self.accept("n") else ""
        digits = self.digits()
        return sign + digits if digits else ""

    def digits(self) -> str:
        """Parse a decimal number without a sign; empty if there is none."""
        name = self.name
        start = end = self.at
        while name[end] in _DIGITS:
            end += 1
        self.at = end
        return name[start:end]

    def positive(self) -> int:
        digits = self.digits()
        if len(digits) > _MOST_DIGITS:
            digits = digits.lstrip("0")
        if not digits or len(digits) > _MOST_DIGITS:
            raise MalformedError
        return int(digits)

    def identifier(self) -> str:
        """Parse a length and that many characters."""
        length = self.positive()
        start = self.at
        end = start + length
        if not length or end > self.length:
            raise MalformedError
        self.at = end
        return self.name[start:end]

    def source_name(self) -> str:
        name = self.identifier()
        return _ANONYMOUS if name.startswith("_GLOBAL__N") else name

    def tags(self, name: str) -> str:
        """Return ``name`` with the ABI tags that follow."""
        parts = [name]
        while self.accept("B"):
            parts.append(f"[abi:{self.identifier()}]")
        return "".join(parts)

    def qualifiers(self) -> str:
        match = _QUALIFIERS.match(self.name, self.at)
        assert match is not None
        if not match.group():
            return ""
        self.at = match.end()
        return _qualifier_text(match.group())

    # Names

    def encoding(self, depth: int) -> str:
        """Parse a function's name with its parameters, a variable's name, or a special name."""
        if depth > DEEPEST:
            raise MalformedError
        name = self.name
        saved = self.parameters
        self.parameters = []
        if name[self.at] in "GT":
            special = self.special_name(depth + 1)
            self.parameters = saved
            return special
        state = State()
        wanted = len(self.forward_wanted)
        declared = self.entity(state, depth + 1)
        if len(self.forward_wanted) > wanted:
            self.resolve_forward(wanted)
        declared = declared if type(declared) is str else text(declared)
        if name[self.at] in "E._\0":
            self.parameters = saved
            return declared

        condition = ""
        if name[self.at] == "U" and self.accept("Ua9enable_ifI"):
            conditions = []
            while not self.accept("E"):
                conditions.append(self.template_argument(depth + 1))
            condition = f" [enable_if:{commas(conditions)}]"
        before = after = ""
        if state.templated and not state.conversion:
            result = first_of(self.type(depth + 1))
            if isinstance(result, Declarator):
                before, after = result.left, result.right
            else:
                before = (result if type(result) is str else text(result)) + " "
        types: list[Node] = []
        if name[self.at] == "v":
            self.at += 1
        else:
            while True:
                types.append(self.type(depth + 1))
                if name[self.at] in "E._\0Q":
                    break
            if state.explicit_object:
                types[0] = "this " + text(types[0])
        constraint = self.constraint(" requires ", depth + 1)
        self.parameters = saved
        signature = f"{before}{declared}{self.opened(commas(types))}"
        if after:
            signature = join(signature, after)
        return f"{signature}{state.qualifiers}{condition}{constraint}"

    def opened(self, inside: str) -> str:
        return f"\ue002({inside}\ue003)" if self.marking else f"({inside})"

    def constraint(self, prefix: str, depth: int) -> str:
        """Parse a constraint, if one follows."""
        if self.name[self.at] != "Q":
            return ""
        self.at += 1
        saved, self.numbers_only = self.numbers_only, True
        condition = self.expression(depth + 1)
        self.numbers_only = saved
        return prefix + text(condition)

    def resolve_forward(self, begin: int) -> None:
        """Find the template arguments that the name's conversion operator referred to before they were known."""
        for position in range(begin, len(self.forward_wanted)):
            if self.forward_found[position] is None:
                if not self.parameters or self.parameters[0] is None:
                    raise MalformedError
                self.forward_found[position] = self.parameters[0][self.forward_wanted[position]]

    def special_name(self, depth: int) -> str:
        name, at = self.name, self.at
        code = name[at : at + 2]
        self.at = at + 2
        if code in ("TV", "TT", "TI", "TS"):
            return _SPECIAL_NAMES[code] + text(self.type(depth + 1))
        if code in ("TW", "TH", "GV"):
            return _SPECIAL_NAMES[code] + text(self.entity(None, depth + 1))
        if code == "GR":
            referred = _SPECIAL_NAMES[code] + text(self.entity(None, depth + 1))
            numbered = name[self.at] in _SEQUENCE
            while name[self.at] in _SEQUENCE:
                self.at += 1
            if not self.accept("_") and numbered:
                raise MalformedError
            return referred
        if code == "GI":
            module = self.module(None)
            if module is None:
                raise MalformedError
            return "initializer for module " + module.text
        if code == "TA":
            return "template parameter object for " + text(self.template_argument(depth + 1))
        if code == "TC":
            derived = text(self.type(depth + 1))
            if not self.number():
                raise MalformedError
            self.expect("_")
            return f"construction vtable for {text(self.type(depth + 1))}-in-{derived}"
        if code == "Tc":
            self.call_offset()
            self.call_offset()
            return "covariant return thunk to " + self.encoding(depth + 1)
        if code[0] == "T":
            self.at = at + 1
            self.call_offset()
            return ("virtual" if code == "Tv" else "non-virtual") + " thunk to " + self.encoding(depth + 1)
        raise MalformedError

    def call_offset(self) -> None:
        virtual = self.name[self.at] == "v"
        if not virtual and self.name[self.at] != "h":
            raise MalformedError
        self.at += 1
        for _ in range(2 if virtual else 1):
            if not self.number():
                raise MalformedError
            self.expect("_")

    def entity(self, state: State | None, depth: int) -> Node:
        """Parse a name; ``state`` is that of the encoding that the name belongs to, if any."""
        name, at = self.name, self.at
        first = name[at]
        if first == "N":
            return self.nested_name(state, depth + 1)
        if first == "Z":
            return self.local_name(state, depth + 1)
        entity: Node
        if first in _NONZERO:
            entity = self.last = self.source_name()
            if name[self.at] == "B":
                entity = self.tags(entity)
        elif first == "S":
            scope = module = None
            if name[at + 1] == "t":
                self.at = at + 2
                scope = self.last = "std"
                if name[self.at] == "S":
                    module = self.substitution()
                    if not isinstance(module, Module):
                        raise MalformedError
            else:
                module = self.substitution()
            if scope is None and not isinstance(module, Module):
                assert module is not None
                if name[self.at] != "I":
                    raise MalformedError
                if state is not None:
                    state.templated = True
                return concatenated(module, self.template_arguments(state is not None, depth + 1))
            assert module is None or isinstance(module, Module)
            entity = self.unqualified(state, scope, module, depth + 1)
        else:
            entity = self.unqualified(state, None, None, depth + 1)
        if name[self.at] == "I":
            self.substitutions.append(entity)
            arguments = self.template_arguments(state is not None, depth + 1)
            if state is not None:
                state.templated = True
            return concatenated(entity, arguments)
        return entity

    def nested_name(self, state: State | None, depth: int) -> Node:
        name = self.name
        substitutions = self.substitutions
        at = self.at = self.at + 1
        if name[at] in "rVKROH":
            self.member_qualifiers(state)
            at = self.at
        entity: Node | None = None
        # Whether ``entity`` is one with template arguments: these are not followed by more.
        complete = False
        # A loop that runs out ends in the error below: no program has names with as many components.
        for _ in range(LONGEST_CHAIN):
            first = name[at]
            if first in _NONZERO:
                end = at + 1
                if name[end] in _DIGITS:
                    self.at = at
                    simple = self.identifier()
                    end = self.at
                else:
                    at = end
                    end += _SINGLE[first]
                    if end > self.length:
                        break
                    simple = name[at:end]
                if simple[0] == "_" and simple.startswith("_GLOBAL__N"):
                    simple = _ANONYMOUS
                self.last = simple
                if name[end] == "B":
                    self.at = end
                    simple = self.tags(simple)
                    end = self.at
                at = end
                if entity is None:
                    entity = simple
                elif type(entity) is str:
                    entity = f"{entity}::{simple}"
                else:
                    entity = qualified(entity, simple)
                complete = False
            elif first == "I":
                if entity is None or complete:
                    break
                self.at = at
                last = self.last
                arguments = self.template_arguments(state is not None, depth + 1)
                self.last = last
                at = self.at
                if type(entity) is str and type(arguments) is str:
                    entity += arguments
                else:
                    entity = concatenated(entity, arguments)
                complete = True
            elif first == "E":
                if entity is None or not substitutions:
                    break
                if state is not None:
                    state.templated = complete
                substitutions.pop()
                self.at = at + 1
                return entity
            else:
                self.at = at
                module: Module | None = None
                if first == "T":
                    if entity is not None:
                        break
                    entity = self.template_parameter()
                    self.last = None
                elif first == "D" and name[at + 1] in "tT":
                    if entity is not None:
                        break
                    entity = self.decltype(depth + 1)
                    self.last = None
                else:
                    if first == "S":
                        prefix: Node
                        if name[at + 1] == "t":
                            self.at = at + 2
                            prefix = "std"
                        else:
                            prefix = self.substitution()
                        if isinstance(prefix, Module):
                            module = prefix
                        elif entity is not None:
                            break
                        else:
                            entity = prefix
                            at = self.at
                            self.last = "std" if prefix == "std" else None
                            complete = type(entity) is str and entity[-1:] == ">" and "operator" not in entity
                            continue
                    entity = self.unqualified(state, entity, module, depth + 1)
                at = self.at
                complete = False
            substitutions.append(entity)
            if type(entity) is not str or len(entity) > FREE_LENGTH:
                self.budget.spend(size(entity))
            if name[at] == "M":
                at += 1
        raise MalformedError

    def member_qualifiers(self, state: State | None) -> None:
        """Parse the qualifiers of a member function, which are before the name."""
        if self.accept("H"):
            if state is not None:
                state.explicit_object = True
            return
        qualifiers = self.qualifiers()
        if self.accept("O"):
            qualifiers += " &&"
        elif self.accept("R"):
            qualifiers += " &"
        if state is not None:
            state.qualifiers = qualifiers

    def local_name(self, state: State | None, depth: int) -> Node:
        self.at += 1
        function = self.encoding(depth + 1)
        self.expect("E")
        if self.accept("s"):
            self.discriminator()
            return function + "::string literal"
        saved, self.parameters = self.parameters, []
        if self.accept("d"):
            self.number()
            self.expect("_")
            entity = self.entity(state, depth + 1)
        else:
            entity = self.entity(state, depth + 1)
            self.discriminator()
        self.parameters = saved
        return lift(lambda entity: f"{function}::{text(entity)}", entity)

    def discriminator(self) -> None:
        match = _DISCRIMINATOR.match(self.name, self.at)
        if match is not None:
            self.at = match.end()

    def module(self, module: Module | None) -> Module | None:
        """Parse the name of a module, or a longer one, if it follows."""
        while self.accept("W"):
            separator = ":" if self.accept("P") else "."
            part = self.source_name()
            if module is None:
                module = Module(":" + part if separator == ":" else part)
            else:
                module = Module(module.text + separator + part)
            self.substitutions.append(module)
            self.budget.spend(len(module.text))
        return module

    def unqualified(self, state: State | None, scope: Node | None, module: Module | None, depth: int) -> Node:
        """Parse a name in ``scope``, if that is given."""
        name = self.name
        if name[self.at] == "W":
            module = self.module(module)
        friend = scope is not None and self.accept("F")
        if name[self.at] == "L":
            self.at += 1
        first = name[self.at]
        last: str | None = ""
        simple: Node
        if first in _NONZERO:
            simple = last = self.source_name()
        elif first == "U":
            simple = self.unnamed_type(state, depth + 1)
        elif first == "D" and self.accept("DC"):
            bindings = [self.source_name()]
            while not self.accept("E"):
                bindings.append(self.source_name())
            simple = f"[{', '.join(bindings)}]"
        elif first in "CD":
            if scope is None or module is not None:
                raise MalformedError
            if type(scope) is str and self.last is None and scope in _STD_IN_FULL:
                scope = _STD_IN_FULL[scope]
            simple = self.constructor(state, scope, depth + 1)
        else:
            last = OPERATOR_NAMES.get(name[self.at : self.at + 2], "")
            simple = self.operator_name(state, depth + 1)
        self.last = last
        if module is not None:
            simple = f"{text(simple)}@{module.text}"
        if name[self.at] == "B":
            simple = self.tags(text(simple))
        if scope is None:
            return simple
        separator = "::friend " if friend else "::"
        if type(scope) is str and type(simple) is str:
            return f"{scope}{separator}{simple}"
        return lift(lambda scope, simple: f"{text(scope)}{separator}{text(simple)}", scope, simple)

    def constructor(self, state: State | None, scope: Node, depth: int) -> str:
        name, at = self.name, self.at
        called = self.last
        if called is None:
            called = _simple_name(text(scope))
        self.at = at + 2
        if name[at] == "D":
            if name[at + 1] not in "01245":
                raise MalformedError
            called = "~" + called
        elif name[at + 1] in "12345":
            pass
        elif name[at + 1] == "I" and name[at + 2] in "12345":
            self.at = at + 3
            if state is not None:
                state.conversion = True
            # The class whose constructor is inherited is not shown.
            self.entity(state, depth + 1)
        else:
            raise MalformedError
        if state is not None:
            state.conversion = True
        return called

    def operator_name(self, state: State | None, depth: int) -> Node:
        name, at = self.name, self.at
        code = name[at : at + 2]
        if code in OPERATOR_NAMES:
            self.at = at + 2
            return OPERATOR_NAMES[code]
        if code == "cv":
            self.at = at + 2
            saved = self.arguments_follow, self.forward
            self.arguments_follow = False
            self.forward = self.forward or state is not None
            target = self.type(depth + 1)
            self.arguments_follow, self.forward = saved
            if state is not None:
                state.conversion = True
            return lift(lambda target: "operator " + text(target), target)
        if code == "li":
            self.at = at + 2
            return 'operator"" ' + self.source_name()
        if code[0] == "v" and code[1] in _DIGITS:
            self.at = at + 2
            return "operator " + self.source_name()
        raise MalformedError

    def unnamed_type(self, state: State | None, depth: int) -> Node:
        """Parse a class or enumeration without a name, a lambda's closure type, or a block."""
        if state is not None:
            self.parameters = []
        if self.accept("Ut"):
            number = self.digits()
            self.expect("_")
            return f"'unnamed{number}'"
        if self.accept("Ub"):
            self.digits()
            self.expect("_")
            return "'block-literal'"
        self.expect("Ul")
        declarator = self.closure(depth + 1)
        self.expect("E")
        number = self.digits()
        self.expect("_")
        return lift(lambda declarator: f"'lambda{number}'{text(declarator)}", declarator)

    def closure(self, depth: int) -> Node:
        """Parse the parameters of a lambda."""
        name = self.name
        saved_level, self.lambda_level = self.lambda_level, len(self.parameters)
        level = len(self.parameters)
        own: list[Node] = []
        self.parameters = [*self.parameters, own]
        declared: list[Node] = []
        while name[self.at] == "T" and name[self.at + 1] in _DECLARED:
            left, right = self.template_parameter_declaration(own, depth + 1)
            declared.append(join(left, right))
        if not declared:
            self.parameters.pop()
        head = self.bracketed(commas(declared)) if declared else ""
        constraint = self.constraint(" requires ", depth + 1)
        if constraint:
            head = f"{head}{constraint} "
        types: list[Node] = []
        if name[self.at] == "v":
            self.at += 1
        else:
            while True:
                types.append(self.type(depth + 1))
                if name[self.at] in "EQ":
                    break
        trailing = self.constraint(" requires ", depth + 1)
        self.lambda_level = saved_level
        del self.parameters[level:]
        return lift(lambda *types: f"{head}{self.opened(commas(types))}{trailing}", *types)

    def bracketed(self, inside: str) -> str:
        return f"\ue000<{inside}\ue001>" if self.marking else f"<{inside}>"

    def template_parameter_declaration(self, own: list[Node] | None, depth: int) -> tuple[str, str]:
        """Return the text before and after the name of a declared parameter; the second begins with the name."""
        if depth > DEEPEST:
            raise MalformedError
        code = self.name[self.at : self.at + 2]
        self.at += 2
        if code == "Ty":
            return "typename ", self.invent(0, own)
        if code == "Tk":
            saved, self.numbers_only = self.numbers_only, True
            concept = text(self.entity(None, depth + 1))
            self.numbers_only = saved
            return concept + " ", self.invent(0, own)
        if code == "Tn":
            called = self.invent(1, own)
            value_type = self.type(depth + 1)
            if isinstance(value_type, Declarator):
                return value_type.left, called + value_type.right
            return text(value_type) + " ", called
        if code == "Tt":
            called = self.invent(2, own)
            inner: list[Node] = []
            level = len(self.parameters)
            self.parameters = [*self.parameters, inner]
            declared: list[Node] = []
            constraint = ""
            while not self.accept("E"):
                left, right = self.template_parameter_declaration(inner, depth + 1)
                declared.append(join(left, right))
                if self.name[self.at] == "Q":
                    constraint = self.constraint(" requires ", depth + 1)
                    self.expect("E")
                    break
            del self.parameters[level:]
            return f"template{self.bracketed(commas(declared))} typename ", called + constraint
        if code == "Tp":
            left, right = self.template_parameter_declaration(own, depth + 1)
            return left + "...", right
        raise MalformedError

    def invent(self, kind: int, own: list[Node] | None) -> str:
        """Return a new name for a template's parameter that is a type (0), a value (1) or a template (2)."""
        number = self.invented[kind]
        self.invented[kind] += 1
        called = ("$T", "$N", "$TT")[kind] + (str(number - 1) if number else "")
        if own is not None:
            own.append(called)
        return called

    # Substitutions and templates

    def substitution(self) -> Node:
        name = self.name
        at = self.at + 1
        first = name[at]
        if first == "_":
            index = 0
        elif first in _SEQUENCE:
            index = _SEQUENCE[first]
            at += 1
            while name[at] != "_":
                index = index * 36 + _SEQUENCE.get(name[at], 1 << 40)
                at += 1
                if index > LONGEST_NAME:
                    raise MalformedError
            index += 1
        elif first in _STD:
            self.at = at + 1
            entity = _STD[first]
            if name[self.at] == "B":
                entity = self.tags(entity)
                self.substitutions.append(entity)
            return entity
        else:
            raise MalformedError
        self.at = at + 1
        part = self.substitutions[index]
        if type(part) is not str or len(part) > FREE_LENGTH:
            self.budget.spend(size(part))
        return part

    def template_parameter(self) -> Node:
        name, begin = self.name, self.at
        self.at = begin + 1
        level = index = 0
        if name[self.at] == "L":
            self.at += 1
            level = self.positive() + 1
            self.expect("_")
        if name[self.at] == "_":
            self.at += 1
        else:
            index = self.positive() + 1
            self.expect("_")
        if self.numbers_only:
            return name[begin : self.at - 1]
        if self.forward and not level:
            position = len(self.forward_wanted)
            self.forward_wanted.append(index)
            self.forward_found.append(None)
            known = self.forward_known
            part = known[position] if known is not None and position < len(known) else None
            if part is None:
                return ""
        else:
            levels = self.parameters
            arguments = levels[level] if level < len(levels) else None
            if arguments is None or index >= len(arguments):
                if self.lambda_level != level or level > len(levels):
                    raise MalformedError
                if level == len(levels):
                    levels.append(None)
                return "auto"
            part = arguments[index]
        if type(part) is not str or len(part) > FREE_LENGTH:
            self.budget.spend(size(part))
        return part

    def template_arguments(self, tagged: bool, depth: int) -> Node:
        """Parse a list of arguments, from ``I`` to ``E``; if it is ``tagged``, ``T_`` refers to them from now on."""
        name = self.name
        begin = at = self.at + 1
        arguments: list[Node] = []
        table: list[Node] | None = None
        if tagged:
            table = []
            self.parameters = [table]
        packed = False
        while (first := name[at]) != "E":
            argument: Node
            if first in _BUILTINS:
                argument = _BUILTINS[first]
                at += 1
            else:
                self.at = at
                if first == "T" and name[at + 1] in _DECLARED:
                    argument = self.declared_argument(depth + 1)
                    if table is not None:
                        table.append(_shown_declared(argument) if type(argument) is Arguments else argument)
                    argument = _shown_declared(argument)
                    packed = packed or type(argument) is Pack
                    arguments.append(argument)
                    at = self.at
                    continue
                if first in "XJLT":
                    argument = self.template_argument(depth + 1)
                elif first == "Q" and at > begin:
                    self.constraint("", depth + 1)
                    at = self.at
                    if name[at] != "E":
                        raise MalformedError
                    break
                else:
                    argument = self.type(depth + 1)
                at = self.at
            if type(argument) is Arguments:
                arguments.extend(argument.items)
                packed = packed or has_pack(argument.items)
                if table is not None:
                    table.append(Pack([_packed(item, i) for i, item in enumerate(argument.items)], "", self.budget))
                continue
            packed = packed or type(argument) is Pack
            arguments.append(argument)
            if table is not None:
                table.append(argument)
        self.at = at + 1
        if packed:
            return lift(lambda *arguments: self.bracketed(commas(arguments)), *arguments)
        return self.bracketed(commas(arguments)) if self.marking else f"<{commas(arguments)}>"

    def template_argument(self, depth: int) -> Node:
        if depth > DEEPEST:
            raise MalformedError
        name, at = self.name, self.at
        first = name[at]
        argument: Node
        if first == "L":
            literal = _SIMPLE_LITERAL.match(name, at)
            if literal is not None:
                self.at = literal.end()
                kind, minus, digits = literal.groups()
                if kind == "b":
                    if minus or digits not in ("0", "1"):
                        raise MalformedError
                    return "true" if digits == "1" else "false"
                return f"{'-' if minus else ''}{digits}{_LITERAL_SUFFIXES[kind]}"
            if name[at + 1] == "Z":
                self.at = at + 2
                argument = self.encoding(depth + 1)
                self.expect("E")
                return argument
            return self.literal(depth + 1)
        if first == "X":
            self.at = at + 1
            argument = self.expression(depth + 1)
            self.expect("E")
            return argument
        if first == "J":
            self.at = at + 1
            items: list[Node] = []
            while name[self.at] != "E":
                item = self.template_argument(depth + 1)
                items.append(commas(item.items) if type(item) is Arguments else item)
            self.at += 1
            return Arguments(items)
        if first == "T" and name[at + 1] in _DECLARED:
            return _shown_declared(self.declared_argument(depth + 1))
        return self.type(depth + 1)

    def declared_argument(self, depth: int) -> Node:
        """Parse an argument after the declaration of its parameter, which is not shown."""
        self.template_parameter_declaration(None, depth + 1)
        return self.template_argument(depth + 1)

    # Types

    def type(self, depth: int) -> Node:
        if depth > DEEPEST:
            raise MalformedError
        name, at = self.name, self.at
        first = name[at]
        if first in _BUILTINS:
            self.at = at + 1
            return _BUILTINS[first]
        substitutions = self.substitutions
        part: Node
        if first in _MODIFIERS:
            start = at
            at += 1
            while name[at] in _MODIFIERS:
                at += 1
            plan = _plan(name[start:at])
            first = name[at]
            if first in _BUILTINS:
                self.at = at + 1
                part = _BUILTINS[first]
            elif (
                plan[0][0] == " "
                and plan[0] not in _COMPLEX
                and (first == "F" or (first == "D" and name[at + 1] in "oOwx"))
            ):
                self.at = at
                part = self.function_type(plan[0], depth + 1)
                substitutions.append(part)
                plan = plan[1:]
            else:
                self.at = at
                part = self.type(depth + 1)
            for modifier in plan:
                if type(part) is not str:
                    part = modified(part, modifier)
                elif modifier[0] == "&":
                    part = reference(part, modifier)
                else:
                    part += modifier
                substitutions.append(part)
            if len(plan) > 8:
                self.budget.spend(size(part) * len(plan))
            return part
        if first == "S" and name[at + 1] != "t":
            part = self.substitution()
            if type(part) is Module:
                part = self.unqualified(None, None, part, depth + 1)
                if name[self.at] == "I":
                    substitutions.append(part)
                    part = concatenated(part, self.template_arguments(False, depth + 1))
            elif name[self.at] == "I" and self.arguments_follow:
                arguments = self.template_arguments(False, depth + 1)
                if type(part) is str and type(arguments) is str:
                    part += arguments
                else:
                    part = concatenated(part, arguments)
            else:
                return part
        elif first == "N":
            part = self.nested_name(None, depth + 1)
        elif first == "T":
            if name[at + 1] in "sue":
                self.at = at + 2
                kind = {"s": "struct ", "u": "union ", "e": "enum "}[name[at + 1]]
                part = lift(lambda named: kind + text(named), self.entity(None, depth + 1))
            else:
                part = self.template_parameter()
                if name[self.at] == "I" and self.arguments_follow:
                    substitutions.append(part)
                    part = concatenated(part, self.template_arguments(False, depth + 1))
        elif first == "F":
            part = self.function_type("", depth + 1)
        elif first == "A":
            self.at = at + 1
            bound = self.bound(depth + 1)
            part = lift(lambda element, bound: array(element, text(bound)), self.type(depth + 1), bound)
        elif first == "M":
            self.at = at + 1
            owner = self.type(depth + 1)
            part = lift(member_pointer, owner, self.type(depth + 1))
        elif first == "D":
            code = name[at + 1]
            if code in _D_BUILTINS:
                self.at = at + 2
                return _D_BUILTINS[code]
            if code == "p":
                self.at = at + 2
                part = expand(self.type(depth + 1))
            elif code in "tT":
                part = self.decltype(depth + 1)
            elif code in "oOwx":
                part = self.function_type("", depth + 1)
            else:
                self.at = at + 2
                pushed, part = self.extended_type(code, depth + 1)
                if not pushed:
                    return part
        elif first == "U":
            part = self.vendor_qualified(depth + 1)
        elif first == "u":
            self.at = at + 1
            part = self.identifier()
            if self.accept("I"):
                base = self.type(depth + 1)
                self.expect("E")
                transform = part
                part = lift(lambda base: f"{transform}{self.opened(text(base))}", base)
        else:
            part = self.entity(None, depth + 1)
        substitutions.append(part)
        return part

    def bound(self, depth: int) -> Node:
        """Parse an array's bound."""
        bound: Node = ""
        if self.accept("_"):
            return bound
        bound = self.number() if self.name[self.at] in _DIGITS else self.expression(depth + 1)
        self.expect("_")
        return bound

    def extended_type(self, code: str, depth: int) -> tuple[bool, Node]:
        """Parse the rest of a type whose code starts with ``D``; also return whether later parts may refer to it."""
        part: Node
        if code in _FIXED_POINT or code == "S":
            saturated = ""
            if code == "S":
                saturated = "_Sat "
                self.expect("D")
                code = self.name[self.at]
                self.at += 1
            length = self.name[self.at]
            self.at += 1
            if code not in _FIXED_POINT or length not in _FIXED_POINT_SIZES:
                raise MalformedError
            return False, f"{saturated}{_FIXED_POINT_SIZES[length]}{_FIXED_POINT[code]}"
        if code == "F":
            if self.accept("16b"):
                return False, "std::bfloat16_t"
            part = "_Float" + self.digits()
            self.expect("_")
            return False, part
        if code in "BU":
            bits = self.number() if self.name[self.at] in _DIGITS else self.expression(depth + 1)
            self.expect("_")
            sign = "unsigned " if code == "U" else ""
            return True, lift(lambda bits: f"{sign}_BitInt{self.opened(text(bits))}", bits)
        if code in "kK":
            concept = self.entity(None, depth + 1)
            suffix = " auto" if code == "k" else " decltype(auto)"
            return False, lift(lambda concept: text(concept) + suffix, concept)
        if code == "v":
            if self.name[self.at] in _NONZERO:
                lanes: Node = self.number()
                self.expect("_")
                if self.accept("p"):
                    return True, f"pixel vector[{lanes}]"
            elif self.accept("_"):
                lanes = ""
            else:
                lanes = self.expression(depth + 1)
                self.expect("_")
            element = self.type(depth + 1)
            return True, lift(lambda element, lanes: f"{text(element)} vector[{text(lanes)}]", element, lanes)
        raise MalformedError

    def decltype(self, depth: int) -> Node:
        self.at += 2
        part = self.expression(depth + 1)
        self.expect("E")
        return lift(lambda part: f"decltype{self.opened(text(part))}", part)

    def vendor_qualified(self, depth: int) -> Node:
        """Parse a type with an extended qualifier, which comes before the standard ones."""
        if depth > DEEPEST:
            raise MalformedError
        if self.name[self.at] != "U":
            qualifiers = self.qualifiers()
            base = self.type(depth + 1)
            return modified(base, qualifiers) if qualifiers else base
        self.at += 1
        qualifier = self.identifier()
        if qualifier.startswith("objcproto"):
            protocol = Parser(qualifier, len("objcproto"), None, False).identifier()
            return Protocol(text(self.vendor_qualified(depth + 1)), protocol)
        arguments: Node = ""
        if self.name[self.at] == "I":
            arguments = self.template_arguments(False, depth + 1)
        base = self.vendor_qualified(depth + 1)
        return lift(lambda base, arguments: f"{text(base)} {qualifier}{text(arguments)}", base, arguments)

    def function_type(self, qualifiers: str, depth: int) -> Node:
        name = self.name
        exceptions: Node = ""
        if self.accept("Do"):
            exceptions = " noexcept"
        elif self.accept("DO"):
            condition = self.expression(depth + 1)
            self.expect("E")
            exceptions = lift(lambda condition: f" noexcept{self.opened(text(condition))}", condition)
        elif self.accept("Dw"):
            thrown = []
            while not self.accept("E"):
                thrown.append(self.type(depth + 1))
            exceptions = lift(lambda *thrown: f" throw{self.opened(commas(thrown))}", *thrown)
        self.accept("Dx")
        self.expect("F")
        self.accept("Y")
        result = self.type(depth + 1)
        types: list[Node] = []
        while True:
            first = name[self.at]
            if first == "E":
                self.at += 1
                break
            if first == "v":
                self.at += 1
                continue
            if first in "RO" and name[self.at + 1] == "E":
                qualifiers += " &" if first == "R" else " &&"
                self.at += 2
                break
            types.append(self.type(depth + 1))

        def build(result: Node, exceptions: Node, *types: Node) -> Node:
            end = f"{qualifiers}{text(exceptions)}"
            parameters = self.opened(commas(types))
            if isinstance(result, Declarator):
                return Declarator(result.left + " ", join(parameters, result.right) + end, FUNCTION)
            return Declarator(text(result) + " ", parameters + end, FUNCTION)

        return lift(build, result, exceptions, *types)

    # Expressions: another module, as most programs' names have few or none

    def expression(self, depth: int) -> Node:
        from .itanium_expressions import expression

        return expression(self, depth)

    def literal(self, depth: int) -> Node:
        from .itanium_expressions import literal

        return literal(self, depth)


_COMPLEX: Final = (" complex", " imaginary")
_CLASS_NAME: Final = re.compile(r"[\w$.\x80-\xff]+|operator.*|" + re.escape(_ANONYMOUS), re.DOTALL)
_DISCRIMINATOR: Final = re.compile("_[0-9]|__[0-9]*_|[0-9]+(?=\0{4}\\Z)")
_PLANS: Final[dict[str, tuple[str, ...]]] = {}


def _qualifier_text(codes: str) -> str:
    words = (" const", "K"), (" volatile", "V"), (" restrict", "r")
    return "".join([word for word, code in words if code in codes])


def _plan(codes: str) -> tuple[str, ...]:
    """Return the text that modifiers add to a type, innermost first."""
    plan = _PLANS.get(codes)
    if plan is None:
        if len(codes) > LONGEST_CHAIN:
            raise MalformedError
        plan = tuple([_MODIFIER_TEXTS.get(code) or _qualifier_text(code) for code in _MODIFIER.findall(codes)][::-1])
        if len(codes) <= 4:
            _PLANS[codes] = plan
    return plan


def _shown_declared(argument: Node) -> Node:
    """Return an argument after its parameter's declaration, where LLVM does not recognise a pack or an operation."""
    return text(argument) if isinstance(argument, (Arguments, Operation)) else argument


def _packed(item: Node, index: int) -> Node:
    """Return an argument as an element of a pack, where LLVM does not recognise an operation."""
    item = element(item, index)
    return item.text if isinstance(item, Operation) else item


def _without_tags(name: str) -> str:
    while name.endswith("]"):
        tag = name.rfind("[abi:")
        if tag < 0:
            break
        name = name[:tag]
    return name


def _simple_name(qualified_name: str) -> str:
    """Return the last component of a class's name, without its template arguments and tags."""
    name = _without_tags(qualified_name)
    nesting = 0
    if name.endswith(">"):
        for index in range(len(name) - 1, -1, -1):
            nesting += (name[index] == ">") - (name[index] == "<")
            if not nesting:
                name = _without_tags(name[:index])
                break
    # What is not a class with a name, as a lambda's type, has no simple name.
    simple = name.rpartition("::")[2]
    return simple if _CLASS_NAME.fullmatch(simple) else ""


_MARKS: Final = re.compile("[\ue000-\ue005]")


def _settle(marked: str) -> str:
    """Return the text without its marks.

    Comparisons by ``>`` are in parentheses, unless they are in others that are within template arguments.
    """
    out = []
    templates = parentheses = 0
    added: list[bool] = []
    begin = 0
    for match in _MARKS.finditer(marked):
        out.append(marked[begin : match.start()])
        begin = match.end()
        mark = match.group()
        if mark == "\ue000":
            templates += 1
        elif mark == "\ue001":
            templates -= 1
        elif mark == "\ue002":
            parentheses += templates > 0
        elif mark == "\ue003":
            parentheses -= templates > 0
        elif mark == "\ue004":
            needed = not (templates and parentheses)
            added.append(needed)
            if needed:
                out.append("(")
                parentheses += templates > 0
        elif added.pop():
            out.append(")")
            parentheses -= templates > 0
    out.append(marked[begin:])
    return "".join(out)


def _mangled(parser: Parser) -> str:
    """Parse a whole name, after its prefix."""
    readable = parser.encoding(1)
    if parser.name[parser.at] == ".":
        readable = f"{readable} ({parser.name[parser.at : parser.length]})"
        parser.at = parser.length
    return readable


def _block(parser: Parser) -> str:
    """Parse a block's function, after its prefix."""
    readable = parser.encoding(1)
    parser.expect("_block_invoke")
    if parser.accept("_") and parser.name[parser.at] not in _DIGITS:
        raise MalformedError
    parser.digits()
    if parser.name[parser.at] == ".":
        parser.at = parser.length
    return "invocation function for block in " + readable


def demangle(mangled: bytes) -> bytes | None:
    """Return the readable form of a name that starts with underscores and ``Z``; None if it does not follow the
    grammar."""
    if len(mangled) > LONGEST_NAME:
        return None
    name = mangled.decode("latin-1")
    grammar: Callable[[Parser], str]
    start = name.index("Z") + 1
    grammar = _mangled if start < 4 else _block
    known: list[Node | None] | None = None
    marking = False
    try:
        while True:
            parser = Parser(name, start, known, marking)
            readable = grammar(parser)
            if parser.at != parser.length:
                return None
            if known is None and parser.forward_found:
                known = parser.forward_found
            elif not marking and "\ue004" in readable:
                marking = True
            else:
                break
        if not readable.isascii():
            readable = _settle(readable)
        return readable.encode("latin-1")
    except (MalformedError, IndexError, RecursionError):
        return None
