"""The parser of WIT text, by recursive descent: WIT.md has the grammar. Types may nest to a bounded depth."""

from __future__ import annotations

import re

from .wit_lexer import KEYWORDS, Lexer, Token, WitError, WitSource
from .wit_model import WIT_NAMES
from .wit_syntax import (
    ExternItem,
    File,
    FunctionItem,
    Gates,
    IncludeItem,
    InterfaceItem,
    Name,
    NestedPackage,
    PackageName,
    Path,
    Scope,
    TopLevelUse,
    TypeItem,
    TypeUse,
    UseItem,
    WorldItemSyntax,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_DEEPEST: Final = 100
"""Levels of a type; as wasm-tools limits them."""
_PRIMITIVES: Final = frozenset(
    ["bool", "s8", "u8", "s16", "u16", "s32", "u32", "s64", "u64", "f32", "f64", "char", "string", "error-context"]
)
_TYPE_WORDS: Final = frozenset(("record", "variant", "enum", "flags", "resource", "type"))


_ESCAPE: Final = re.compile(rb"\\(?:u\{([0-9A-Fa-f]{1,6})\}|([0-9A-Fa-f]{2})|(.))")
_ESCAPED: Final = {b"n": b"\n", b"t": b"\t", b"r": b"\r"}


def _unescaped(match: re.Match[bytes]) -> bytes:
    """Return the character of an escape in a string of WebAssembly's text format."""
    character, byte, other = match.groups()
    if character is not None:
        return chr(min(int(character, 16), 0x10FFFF)).encode("utf-8", "surrogatepass")
    return bytes((int(byte, 16),)) if byte is not None else _ESCAPED.get(other, other)


def parse(source: WitSource) -> File:
    """Return the syntax tree of a file.

    :raises WitError: the text is not WIT.
    """
    return _Parser(source).file()


class _Parser:
    def __init__(self, source: WitSource) -> None:
        self.lexer = Lexer(source)

    # Tokens

    def _expected(self, what: str) -> WitError:
        token = self.lexer.peek()
        found = "the end of the file" if token.kind == "end" else f"'{token.text}'"
        return self.lexer.error(token.offset, f"expected {what}, found {found}")

    def _at(self, text: str) -> bool:
        token = self.lexer.peek()
        return token.text == text and token.kind in ("word", "mark")

    def _take(self, text: str) -> bool:
        if self._at(text):
            self.lexer.next()
            return True
        return False

    def _expect(self, text: str) -> Token:
        if not self._at(text):
            raise self._expected(f"'{text}'")
        return self.lexer.next()

    def _name(self, what: str = "a name") -> Name:
        token = self.lexer.peek()
        if token.kind == "label" or (token.kind == "word" and token.text not in KEYWORDS):
            self.lexer.next()
            return Name(token.text, token.offset)
        if token.kind == "word":
            raise self.lexer.error(
                token.offset, f"'{token.text}' is a keyword: write '%{token.text}' to use it as {what}"
            )
        raise self._expected(what)

    # Files

    def file(self) -> File:
        package, docs = None, ""
        gates_docs = self.lexer.peek().docs
        scope, nested = Scope(), list[NestedPackage]()
        if self._at("package"):
            self.lexer.next()
            name = self._package_name()
            if self._take(";"):
                package, docs = name, gates_docs
            else:
                nested.append(self._nested_package(name, gates_docs))
        while self.lexer.peek().kind != "end":
            if self._at("package"):
                docs_here = self.lexer.next().docs
                nested.append(self._nested_package(self._package_name(), docs_here))
            else:
                self._top_level_item(scope)
        return File(package, docs, scope, nested)

    def _nested_package(self, name: PackageName, docs: str) -> NestedPackage:
        self._expect("{")
        scope = Scope()
        while not self._take("}"):
            self._top_level_item(scope)
        return NestedPackage(name, scope, docs)

    def _top_level_item(self, scope: Scope) -> None:
        docs = self.lexer.peek().docs
        gates = self._gates()
        if self._take("use"):
            path = self._path()
            alias = self._name() if self._take("as") else path.name
            self._expect(";")
            scope.uses.append(TopLevelUse(path, alias))
        elif self._take("interface"):
            name = self._name()
            scope.interfaces.append(self._interface(name, docs, gates))
        elif self._take("world"):
            scope.worlds.append(self._world(docs, gates))
        else:
            raise self._expected("'use', 'interface' or 'world'")

    def _package_name(self) -> PackageName:
        namespace = self._name("a namespace")
        self._expect(":")
        name = self._name("the name of a package")
        version = self._version() if self._at("@") else ""
        return PackageName(namespace.text, name.text, version, namespace.offset)

    def _version(self) -> str:
        self.lexer.next()
        return self.lexer.version()

    def _path(self) -> Path:
        first = self._name("the name of an interface")
        if not self._take(":"):
            return Path(None, first)
        package = self._name("the name of a package")
        self._expect("/")
        name = self._name("the name of an interface")
        version = self._version() if self._at("@") else ""
        return Path(PackageName(first.text, package.text, version, first.offset), name)

    def _gates(self) -> Gates:
        gates = Gates(offset=self.lexer.peek().offset)
        while self._at("@"):
            self.lexer.next()
            token = self.lexer.peek()
            kind = self._name("a gate").text
            if kind not in ("since", "unstable", "deprecated", "external-id"):
                message = f"unknown annotation '@{kind}': expected since, unstable, deprecated or external-id"
                raise self.lexer.error(token.offset, message)
            self._expect("(")
            if kind == "external-id":
                gates.external_id = self._string()
                self._expect(")")
                continue
            word = "feature" if kind == "unstable" else "version"
            key = self._name(f"'{word}'")
            if key.text != word:
                raise self.lexer.error(key.offset, f"expected '{word}', found '{key.text}'")
            self._expect("=")
            if kind == "unstable":
                gates.unstable = self._name("a feature").text
            else:
                version = self.lexer.version()
                if kind == "since":
                    gates.since = version
                else:
                    gates.deprecated = version
            self._expect(")")
        return gates

    def _string(self) -> str:
        token = self.lexer.peek()
        if token.kind != "string":
            raise self._expected("a string in double quotes")
        self.lexer.next()
        data = _ESCAPE.sub(_unescaped, token.text[1:-1].encode())
        try:
            return data.decode()
        except UnicodeDecodeError:
            raise self.lexer.error(token.offset, "the string is not UTF-8") from None

    # Interfaces and worlds

    def _interface(self, name: Name, docs: str, gates: Gates) -> InterfaceItem:
        self._expect("{")
        items: list[TypeItem | FunctionItem | UseItem] = []
        while not self._take("}"):
            item_docs = self.lexer.peek().docs
            item_gates = self._gates()
            token = self.lexer.peek()
            if self._take("use"):
                items.append(self._use(item_gates))
            elif token.kind == "word" and token.text in _TYPE_WORDS:
                items.append(self._type_item(item_docs, item_gates))
            else:
                function_name = self._name("an item of the interface")
                self._expect(":")
                items.append(self._function(function_name, item_docs, item_gates))
                self._expect(";")
        return InterfaceItem(name, items, docs, gates)

    def _world(self, docs: str, gates: Gates) -> WorldItemSyntax:
        name = self._name("the name of a world")
        self._expect("{")
        items: list[ExternItem | TypeItem | UseItem | IncludeItem] = []
        while not self._take("}"):
            item_docs = self.lexer.peek().docs
            item_gates = self._gates()
            token = self.lexer.peek()
            if self._take("use"):
                items.append(self._use(item_gates))
            elif self._take("include"):
                items.append(self._include(item_gates))
            elif self._at("import") or self._at("export"):
                items.append(self._extern(self.lexer.next().text == "export", item_docs, item_gates))
            elif token.kind == "word" and token.text in _TYPE_WORDS:
                items.append(self._type_item(item_docs, item_gates))
            else:
                raise self._expected("an item of the world")
        return WorldItemSyntax(name, items, docs, gates)

    def _use(self, gates: Gates) -> UseItem:
        path = self._path()
        self._expect(".")
        self._expect("{")
        return UseItem(path, self._renames(), gates)

    def _renames(self) -> list[tuple[Name, Name]]:
        """Read names after a brace, each with the one that it gets, and the semicolon."""
        names = []
        while not self._take("}"):
            name = self._name()
            names.append((name, self._name() if self._take("as") else name))
            if not self._take(","):
                self._expect("}")
                break
        self._expect(";")
        return names

    def _include(self, gates: Gates) -> IncludeItem:
        path = self._path()
        if self._take("with"):
            self._expect("{")
            renames = []
            while not self._take("}"):
                name = self._name()
                self._expect("as")
                renames.append((name, self._name()))
                if not self._take(","):
                    self._expect("}")
                    break
            self._take(";")
            return IncludeItem(path, renames, gates)
        self._expect(";")
        return IncludeItem(path, [], gates)

    def _extern(self, is_export: bool, docs: str, gates: Gates) -> ExternItem:
        first = self._name("what to import or export")
        if not self._take(":"):
            self._expect(";")
            return ExternItem(is_export, Path(None, first), None, None, docs, gates)
        if self._take("interface"):
            value = self._interface(first, docs, Gates())
            return ExternItem(is_export, None, first, value, docs, gates)
        if self._at("func") or self._at("async"):
            function = self._function(first, docs, gates)
            self._expect(";")
            return ExternItem(is_export, None, first, function, docs, gates)
        second = self._name("'func', 'interface' or the name of a package")
        if self._take("/"):
            name = self._name("the name of an interface")
            version = self._version() if self._at("@") else ""
            self._expect(";")
            package = PackageName(first.text, second.text, version, first.offset)
            return ExternItem(is_export, Path(package, name), None, None, docs, gates)
        path = Path(None, second)
        if self._take(":"):
            # The label is followed by a whole path.
            package_name = self._name("the name of a package")
            self._expect("/")
            name = self._name("the name of an interface")
            version = self._version() if self._at("@") else ""
            path = Path(PackageName(second.text, package_name.text, version, second.offset), name)
        self._expect(";")
        return ExternItem(is_export, None, first, path, docs, gates)

    # Types

    def _type_item(self, docs: str, gates: Gates) -> TypeItem:
        kind = self.lexer.next().text
        item = TypeItem(kind, self._name("the name of a type"), docs, gates)
        if kind == "type":
            self._expect("=")
            item.target = self._type()
            self._expect(";")
        elif kind == "resource":
            if not self._take(";"):
                self._expect("{")
                while not self._take("}"):
                    item.functions.append(self._resource_function())
        else:
            self._expect("{")
            while not self._take("}"):
                self._gates()
                name = self._name("a case" if kind != "record" else "a field")
                type_: TypeUse | None = None
                if kind == "record":
                    self._expect(":")
                    type_ = self._type()
                elif kind == "variant" and self._take("("):
                    type_ = self._type()
                    self._expect(")")
                item.cases.append((name, type_))
                if not self._take(","):
                    self._expect("}")
                    break
            if not item.cases:
                raise self.lexer.error(item.name.offset, f"the {kind} '{item.name.text}' is empty")
        return item

    def _resource_function(self) -> FunctionItem:
        docs = self.lexer.peek().docs
        gates = self._gates()
        if self._at("constructor"):
            token = self.lexer.next()
            parameters = self._parameters()
            result = self._type() if self._take("->") else None
            self._expect(";")
            name = Name("constructor", token.offset)
            return FunctionItem(name, parameters, result, False, docs, gates, "constructor")
        name = self._name("a function of the resource")
        self._expect(":")
        role = "static" if self._take("static") else "method"
        function = self._function(name, docs, gates)
        function.role = role
        self._expect(";")
        return function

    def _function(self, name: Name, docs: str, gates: Gates) -> FunctionItem:
        is_async = self._take("async")
        self._expect("func")
        parameters = self._parameters()
        result = self._type() if self._take("->") else None
        return FunctionItem(name, parameters, result, is_async, docs, gates)

    def _parameters(self) -> list[tuple[Name, TypeUse]]:
        self._expect("(")
        parameters = []
        while not self._take(")"):
            name = self._name("a parameter")
            self._expect(":")
            parameters.append((name, self._type()))
            if not self._take(","):
                self._expect(")")
                break
        return parameters

    def _type(self, depth: int = 0) -> TypeUse:
        token = self.lexer.peek()
        if depth > _DEEPEST:
            raise self.lexer.error(token.offset, "this type is nested too deep")
        if (
            token.kind == "label"
            or token.text in ("error-context",)
            or (token.kind == "word" and token.text not in KEYWORDS)
        ):
            self.lexer.next()
            is_primitive = token.kind == "word" and token.text in _PRIMITIVES
            return TypeUse(token.text if is_primitive else "", Name(token.text, token.offset))
        if token.kind != "word" or token.text not in WIT_NAMES.values() or token.text in _TYPE_WORDS:
            raise self._expected("a type")
        word = self.lexer.next().text
        use = TypeUse(word, Name(word, token.offset))
        if word in _PRIMITIVES:
            return use
        if word in ("variant", "enum", "flags"):
            raise self.lexer.error(token.offset, f"a {word} needs a name: define it in the interface")
        if word in ("result", "stream", "future") and not self._at("<"):
            use.arguments = [None, None] if word == "result" else [None]
            return use
        self._expect("<")
        if word == "result":
            use.arguments = self._result(depth)
        elif word == "tuple":
            while not self._at(">"):
                use.arguments.append(self._type(depth + 1))
                if not self._take(","):
                    break
            if not use.arguments:
                raise self._expected("a type")
        else:
            use.arguments.append(self._type(depth + 1))
            if word == "map":
                self._expect(",")
                use.arguments.append(self._type(depth + 1))
            elif word == "list" and self._take(","):
                use.length = self._length()
        self._expect(">")
        return use

    def _result(self, depth: int) -> list[TypeUse | None]:
        ok = None if self._take("_") else self._type(depth + 1)
        if ok is None and not self._at(","):
            raise self._expected("','")
        return [ok, self._type(depth + 1) if self._take(",") else None]

    def _length(self) -> int:
        token = self.lexer.peek()
        if token.kind != "number":
            raise self._expected("a length")
        self.lexer.next()
        length = int(token.text) if len(token.text) < 12 else 1 << 32
        if not 0 < length < 1 << 32:
            raise self.lexer.error(token.offset, "the length of a list is at least 1 and at most 4294967295")
        return length
