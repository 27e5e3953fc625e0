"""Types as index spaces have them.

A component, an instance type and a nested component are scopes. Each remembers what it has defined, so that a type is
defined once: all types by identity, anonymous ones also by constructor and the identity of their parts, function types
by the names and the identity of their parameters. How a scope defines a type, names it, and finds a type of another
interface is what its class says.
"""

from __future__ import annotations

from ..binary.leb128 import sleb, uleb
from .component_writer import ComponentWriter, Sort, a_resource, encode_name, encode_text, equal_to
from .wit_model import PRIMITIVES, Function, Interface, Kind, Type, World

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    TypeKey: TypeAlias = "tuple[int, tuple[str, ...], tuple[Type | None, ...], int]"
    FunctionKey: TypeAlias = "tuple[tuple[str, ...], tuple[Type, ...], Type | None, bool]"

_FUNCTION = b"\x40"
_ASYNC_FUNCTION = b"\x43"
_NO_RESULT = b"\1\0"


def type_key(type_: Type) -> TypeKey:
    """Return what anonymous types share that are one definition."""
    return type_.kind, type_.labels, type_.parts, type_.length


class TypeScope:
    """The operations that every scope has."""

    def __init__(self) -> None:
        self.defined: dict[Type, int] = {}
        """Named types, and anonymous ones, by identity."""
        self.anonymous: dict[TypeKey, int] = {}
        """Anonymous types by what they are made of, for others that are made of the same."""
        self.functions: dict[FunctionKey, int] = {}

    def define(self, body: bytes) -> int:
        """Append a type definition."""
        raise NotImplementedError

    def name_type(self, type_: Type, index: int) -> int:
        """Give a definition the name of ``type_``; return the index that it is used by."""
        raise NotImplementedError

    def define_resource(self, type_: Type) -> int:
        """Append a resource under its name."""
        raise NotImplementedError

    def is_foreign(self, type_: Type) -> bool:
        """Return whether a type is another interface's and is taken from there."""
        raise NotImplementedError

    def take_foreign(self, type_: Type) -> int:
        """Append what makes another interface's type known here."""
        raise NotImplementedError

    def _find(self, type_: Type) -> int:
        """Return the index of a type, or -1."""
        found = self.defined.get(type_, -1)
        if found < 0 and type_.name is None:
            found = self.anonymous.get(type_key(type_), -1)
            if found >= 0:
                self.defined[type_] = found
        return found

    def index(self, type_: Type) -> int:
        """Return the index of a type that is no primitive; define it, after its parts, if it is not there yet."""
        found = self._find(type_)
        if found >= 0:
            return found
        stack: list[tuple[Type, int]] = [(type_, 0)]
        while stack:
            current, position = stack.pop()
            if position == 0:
                if self._find(current) >= 0:
                    continue
                if current.name is not None and self.is_foreign(current):
                    self.defined[current] = self.take_foreign(current)
                    continue
            parts = current.parts
            while position < len(parts):
                part = parts[position]
                position += 1
                if part is not None and part.kind not in PRIMITIVES and self._find(part) < 0:
                    stack.append((current, position))
                    stack.append((part, 0))
                    break
            else:
                self._define(current)
        return self._find(type_)

    def _define(self, type_: Type) -> None:
        """Define a type whose parts are defined."""
        if type_.kind == Kind.RESOURCE:
            self.defined[type_] = self.define_resource(type_)
            return
        if type_.kind == Kind.ALIAS:
            target = type_.parts[0]
            assert target is not None
            index = self.define(bytes((target.kind,))) if target.kind in PRIMITIVES else self._find(target)
        else:
            index = self.define(self._body(type_))
            if type_.name is None:
                self.defined[type_] = self.anonymous[type_key(type_)] = index
        if type_.name is not None:
            self.defined[type_] = self.name_type(type_, index)

    def _value(self, type_: Type) -> bytes:
        """Return a value type whose definition is there."""
        return bytes((type_.kind,)) if type_.kind in PRIMITIVES else sleb(self._find(type_))

    def value(self, type_: Type) -> bytes:
        """Return a value type; define it if it is not there yet."""
        if type_.kind not in PRIMITIVES:
            self.index(type_)
        return self._value(type_)

    def _optional(self, type_: Type | None) -> bytes:
        return b"\0" if type_ is None else b"\1" + self._value(type_)

    def _body(self, type_: Type) -> bytes:
        """Return the definition of a type."""
        kind, labels, parts = type_.kind, type_.labels, type_.parts
        body = [bytes((kind,))]
        if kind == Kind.VARIANT:
            body.append(uleb(len(labels)))
            for label, part in zip(labels, parts):
                body += (encode_text(label), self._optional(part), b"\0")
        elif labels:
            body.append(uleb(len(labels)))
            if parts:
                for label, part in zip(labels, parts):
                    assert part is not None
                    body += (encode_text(label), self._value(part))
            else:
                body += [encode_text(label) for label in labels]
        elif kind == Kind.TUPLE:
            body.append(uleb(len(parts)))
            body += [self._value(part) for part in parts if part is not None]
        elif kind in (Kind.RESULT, Kind.STREAM, Kind.FUTURE):
            body += [self._optional(part) for part in parts]
        elif kind in (Kind.OWN, Kind.BORROW):
            body += [uleb(self._find(part)) for part in parts if part is not None]
        else:
            body += [self._value(part) for part in parts if part is not None]
            if kind == Kind.FIXED_LIST:
                body.append(uleb(type_.length))
        return b"".join(body)

    def function(self, function: Function) -> int:
        """Return the index of a function's type."""
        key = (function.parameter_names, function.parameter_types, function.result, function.is_async)
        found = self.functions.get(key)
        if found is not None:
            return found
        for type_ in (*function.parameter_types, function.result):
            if type_ is not None and type_.kind not in PRIMITIVES:
                self.index(type_)
        body = [_ASYNC_FUNCTION if function.is_async else _FUNCTION, uleb(len(function.parameter_names))]
        for name, type_ in zip(function.parameter_names, function.parameter_types):
            body += (encode_text(name), self._value(type_))
        body.append(_NO_RESULT if function.result is None else b"\0" + self._value(function.result))
        index = self.functions[key] = self.define(b"".join(body))
        return index


class RootScope(TypeScope):
    """The component itself. ``owner`` is the interface whose types are being defined, or the world."""

    def __init__(self, writer: ComponentWriter, world: World) -> None:
        super().__init__()
        self._writer = writer
        self.owner: Interface | World = world
        self.instances: dict[Interface, int] = {}
        """The instances of imported interfaces, and of exported ones that are finished."""
        self.resource_bodies: dict[Type, bytes] = {}
        """The definitions of exported resources."""

    def define(self, body: bytes) -> int:
        return self._writer.type(body)

    def name_type(self, type_: Type, index: int) -> int:
        if isinstance(type_.owner, Interface):
            return index
        assert type_.name is not None
        return self._writer.import_(encode_name(type_.name, type_.attributes), Sort.TYPE, equal_to(index))

    def define_resource(self, type_: Type) -> int:
        if isinstance(type_.owner, Interface):
            return self._writer.type(self.resource_bodies[type_])
        assert type_.name is not None
        return self._writer.import_(encode_name(type_.name, type_.attributes), Sort.TYPE, a_resource())

    def is_foreign(self, type_: Type) -> bool:
        return type_.owner is not self.owner

    def take_foreign(self, type_: Type) -> int:
        return self.alias(type_)

    def alias(self, type_: Type) -> int:
        """Make a new alias of an interface's type."""
        assert isinstance(type_.owner, Interface) and type_.name is not None
        return self._writer.alias_export(Sort.TYPE, self.instances[type_.owner], type_.name)

    def forget(self, interface: Interface) -> None:
        """Forget the types of an exported interface that is finished: later users take them from its instance."""
        for type_ in interface.types.values():
            self.defined.pop(type_, None)
            self.anonymous.pop(type_key(type_), None)


class DeclarationScope(TypeScope):
    """The type of a component or an instance, which is a list of declarations.

    :param naming: the code of the declarations that name a type: an import or an export.
    """

    def __init__(self, owner: Interface | World, naming: bytes) -> None:
        super().__init__()
        self._owner = owner
        self._naming = naming
        self._declarations: list[bytes] = []
        self._types = 0

    def _declare_type(self, declaration: bytes) -> int:
        """Append a declaration of a type; return the type's index."""
        self._declarations.append(declaration)
        self._types += 1
        return self._types - 1

    def define(self, body: bytes) -> int:
        return self._declare_type(b"\1" + body)

    def name_type(self, type_: Type, index: int) -> int:
        assert type_.name is not None
        return self._declare_type(self._naming + encode_name(type_.name, type_.attributes) + equal_to(index))

    def define_resource(self, type_: Type) -> int:
        assert type_.name is not None
        return self._declare_type(self._naming + encode_name(type_.name, type_.attributes) + a_resource())

    def is_foreign(self, type_: Type) -> bool:
        return type_.owner is not self._owner

    def _listed(self, code: bytes) -> bytes:
        """Return the list of declarations after the code of the type."""
        return b"".join((code, uleb(len(self._declarations)), *self._declarations))


class InstanceScope(DeclarationScope):
    """The type of an imported instance.

    :param alias: returns the index of another interface's type in the scope around this one.
    """

    def __init__(self, interface: Interface, alias: Callable[[Type], int]) -> None:
        super().__init__(interface, b"\4")
        self._alias = alias

    def take_foreign(self, type_: Type) -> int:
        return self._declare_type(b"\2\3\2\1" + uleb(self._alias(type_)))

    def export_function(self, function: Function) -> None:
        """Declare a function, after its type."""
        index = self.function(function)
        name = encode_name(function.name, function.attributes)
        self._declarations.append(b"\4" + name + bytes((Sort.FUNCTION,)) + uleb(index))

    def body(self) -> bytes:
        """Return the instance type."""
        return self._listed(b"\x42")


class NestedScope(TypeScope):
    """A component around an exported interface, which gives its functions and types their names.

    First it imports all that the functions' types mention, then it exports the interface's own types and functions.
    """

    def __init__(self, writer: ComponentWriter) -> None:
        super().__init__()
        self._writer = writer
        self._exporting = False
        self._taken: set[str] = set()
        self._foreign: dict[Type, int] = {}
        self._foreign_parts: dict[TypeKey, int] = {}
        self.imported: list[tuple[str, Type]] = []
        """The imported types: name and type, in order."""

    def define(self, body: bytes) -> int:
        return self._writer.type(body)

    def _import(self, type_: Type, description: bytes) -> int:
        assert type_.name is not None
        name = f"import-type-{type_.name}"
        number = 0
        while name in self._taken:
            name += str(number)
            number += 1
        self._taken.add(name)
        self.imported.append((name, type_))
        return self._writer.import_(encode_name(name), Sort.TYPE, description)

    def name_type(self, type_: Type, index: int) -> int:
        if not self._exporting:
            return self._import(type_, equal_to(index))
        return self.export_type(type_, index)

    def export_type(self, type_: Type, index: int) -> int:
        assert type_.name is not None
        return self._writer.export(encode_name(type_.name, type_.attributes), Sort.TYPE, index)

    def define_resource(self, type_: Type) -> int:
        return self._import(type_, a_resource())

    def is_foreign(self, type_: Type) -> bool:
        return False

    def end_foreign_types(self) -> None:
        """Note that all types of other interfaces are imported."""
        self._foreign = dict(self.defined)
        self._foreign_parts = dict(self.anonymous)

    def begin_exports(self) -> None:
        """Drop all types but other interfaces' and their parts: the following ones are defined again and exported."""
        self.defined = self._foreign
        self.anonymous = self._foreign_parts
        self.functions = {}
        self._exporting = True
