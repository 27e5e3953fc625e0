"""The decoder of worlds: a component type of Binary.md becomes a :class:`~.wit_model.World`.

A world is written as a component type whose imports and exports are its items; an interface is an instance type. Both
are scopes with index spaces of their own, and neither holds another scope deeper than that, so nothing recurses. What
wasm-tools refuses is refused here: indices out of range, names that are not in kebab case or there twice, and bytes
that belong to nothing.
"""

from __future__ import annotations

from ..binary.reader import FormatError, Reader
from .core_module import utf8
from .errors import quote
from .names import is_function_name, is_label, parse_qualified_name
from .wit_model import PRIMITIVES, Attribute, AttributeKind, Function, Interface, Kind, Type, World, WorldItem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final, TypeAlias

    Entry: TypeAlias = "Type | FunctionType | Interface"

FUNCTION: Final = 0x40
ASYNC_FUNCTION: Final = 0x43
COMPONENT: Final = 0x41
INSTANCE: Final = 0x42

SORT_FUNCTION: Final = 1
SORT_TYPE: Final = 3
SORT_COMPONENT: Final = 4
SORT_INSTANCE: Final = 5

_DEEPEST: Final = 95
"""The maximum depth of types in a world; in an interface it is one less. Validators have a limit of 100, which counts
the types of functions, instances and components too."""


class FunctionType:
    """The type of a component function, before it has a name."""

    def __init__(self, names: list[str], types: list[Type], result: Type | None, is_async: bool) -> None:
        self.names = names
        self.types = types
        self.result = result
        self.is_async = is_async


class ItemName:
    """A name and its attributes."""

    def __init__(self, text: str, attributes: list[Attribute]) -> None:
        self.text = text
        self.attributes = attributes


def read_name(reader: Reader) -> ItemName:
    """Read ``nameattributes``."""
    form = reader.u8()
    if form > 2:
        raise FormatError(f"unknown kind of a name {form}")
    text = utf8(reader.name())
    attributes: list[Attribute] = []
    if form == 2:
        for _ in range(reader.count(2)):
            kind = reader.u8()
            if kind > AttributeKind.EXTERNAL_ID:
                raise FormatError(f"unknown attribute {kind} of the name {quote(text)}")
            attributes.append(Attribute(kind, utf8(reader.name())))
    return ItemName(text, attributes)


class _Names:
    """The names of one scope: no two may be alike, whatever their case."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def add(self, name: str) -> None:
        key = name.lower()
        if key in self._taken:
            raise FormatError(f"the name {quote(name)} is there twice")
        self._taken.add(key)


class _Scope:
    """The index spaces of a component type or an instance type."""

    def __init__(self, reader: Reader, owner: Interface | World, depths: dict[Type, int]) -> None:
        self.reader = reader
        self.owner = owner
        self.types: list[Entry] = []
        self.depths = depths
        """The depth of each type."""

    def add(self, entry: Entry) -> None:
        """Append a type to the index space, if it is not nested deeper than validators take."""
        if isinstance(entry, Type) and entry not in self.depths:
            depth = max([self.depths.get(part, 0) for part in entry.parts if part is not None], default=0)
            if entry.kind != Kind.ALIAS:
                depth += 1
            if depth > _DEEPEST - isinstance(self.owner, Interface):
                raise FormatError("a type is nested too deeply")
            self.depths[entry] = depth
        self.types.append(entry)

    def type_at(self, index: int) -> Entry:
        if index >= len(self.types):
            raise FormatError(f"there is no type {index}")
        return self.types[index]

    def value_type_at(self, index: int) -> Type:
        """Return a type that values have."""
        found = self.type_at(index)
        if not isinstance(found, Type) or found.dealias().kind == Kind.RESOURCE:
            raise FormatError(f"type {index} is not a value type")
        return found

    def resource_at(self, index: int) -> Type:
        found = self.type_at(index)
        if not isinstance(found, Type) or found.dealias().kind != Kind.RESOURCE:
            raise FormatError(f"type {index} is not a resource")
        return found

    def function_at(self, index: int) -> FunctionType:
        found = self.type_at(index)
        if not isinstance(found, FunctionType):
            raise FormatError(f"type {index} is not a function type")
        return found

    def value_type(self) -> Type:
        """Read a value type: a primitive or an index."""
        number = self.reader.sleb(33)
        if number >= 0:
            return self.value_type_at(number)
        primitive = PRIMITIVES.get(number + 0x80)
        if primitive is None:
            raise FormatError(f"unknown value type {number + 0x80:#04x}")
        return primitive

    def optional_type(self) -> Type | None:
        flag = self.reader.u8()
        if flag > 1:
            raise FormatError(f"invalid flag {flag} of an optional type")
        return self.value_type() if flag else None

    def labels(self, count: int) -> list[str]:
        names = _Names()
        return [self.label(names) for _ in range(count)]

    def label(self, names: _Names) -> str:
        text = utf8(self.reader.name())
        if not is_label(text):
            raise FormatError(f"{quote(text)} is not in kebab case")
        names.add(text)
        return text

    def definition(self, code: int) -> Entry:
        """Read the rest of a type after its code."""
        reader = self.reader
        if code in (FUNCTION, ASYNC_FUNCTION):
            return self.function_type(code == ASYNC_FUNCTION)
        primitive = PRIMITIVES.get(code)
        if primitive is not None:
            return primitive
        if code == Kind.RECORD:
            return self.labelled(code, optional=False)
        if code == Kind.VARIANT:
            return self.labelled(code, optional=True)
        if code in (Kind.FLAGS, Kind.ENUM):
            count = reader.count(2)
            if not count or (code == Kind.FLAGS and count > 32):
                raise FormatError(f"{count} is not a number of {'flags' if code == Kind.FLAGS else 'cases'}")
            return Type(code, (), self.labels(count))
        if code == Kind.TUPLE:
            count = reader.count()
            if not count:
                raise FormatError("a tuple without elements")
            return Type(code, [self.value_type() for _ in range(count)])
        if code in (Kind.LIST, Kind.OPTION):
            return Type(code, [self.value_type()])
        if code == Kind.FIXED_LIST:
            element = self.value_type()
            length = reader.uleb()
            if not length:
                raise FormatError("a list of fixed length 0")
            return Type(code, [element], (), length)
        if code == Kind.RESULT:
            ok = self.optional_type()
            return Type(code, [ok, self.optional_type()])
        if code == Kind.MAP:
            key = self.value_type()
            return Type(code, [key, self.value_type()])
        if code in (Kind.OWN, Kind.BORROW):
            return Type(code, [self.resource_at(reader.uleb())])
        if code in (Kind.STREAM, Kind.FUTURE):
            return Type(code, [self.optional_type()])
        raise FormatError(f"unexpected type {code:#04x}")

    def labelled(self, code: int, optional: bool) -> Type:
        """Read a record or a variant."""
        names = _Names()
        labels: list[str] = []
        parts: list[Type | None] = []
        count = self.reader.count(2)
        if not count:
            raise FormatError(f"a {'variant without cases' if optional else 'record without fields'}")
        for _ in range(count):
            labels.append(self.label(names))
            if optional:
                parts.append(self.optional_type())
                if self.reader.u8():
                    raise FormatError("a case of a variant refines another")
            else:
                parts.append(self.value_type())
        return Type(code, parts, labels)

    def function_type(self, is_async: bool) -> FunctionType:
        count = self.reader.count(2)
        names = _Names()
        labels: list[str] = []
        types: list[Type] = []
        for _ in range(count):
            labels.append(self.label(names))
            types.append(self.value_type())
        form = self.reader.u8()
        result: Type | None = None
        if form == 0:
            result = self.value_type()
        elif form != 1 or self.reader.u8():
            raise FormatError("invalid result of a function type")
        return FunctionType(labels, types, result, is_async)

    def outer_index(self) -> int:
        """Read an alias of a type in the scope around this one, up to its index there."""
        reader = self.reader
        depth = reader.uleb()
        if depth != 1:
            raise FormatError(f"an alias of a type {depth} scopes out")
        return reader.uleb()

    def bound_type(self, name: ItemName) -> Type:
        """Read the bound of a type that is imported or exported under ``name``, and give the type that name."""
        _refuse_implements(name)
        if not is_label(name.text):
            raise FormatError(f"the type {quote(name.text)} is not in kebab case")
        form = self.reader.u8()
        if form == 1:
            found = Type(Kind.RESOURCE, (), (), 0, name.text, self.owner)
        elif form == 0:
            target = self.type_at(self.reader.uleb())
            if not isinstance(target, Type):
                raise FormatError(f"{quote(name.text)} is not a value type or a resource")
            if target.name is None and target.kind not in PRIMITIVES:
                found = target
                found.name = name.text
                found.owner = self.owner
            else:
                found = Type(Kind.ALIAS, [target], (), 0, name.text, self.owner)
        else:
            raise FormatError(f"unknown bound {form} of the type {quote(name.text)}")
        found.attributes = name.attributes
        self.add(found)
        return found


def _refuse_implements(name: ItemName) -> None:
    """Refuse what only an instance can have."""
    if any(attribute.kind == AttributeKind.IMPLEMENTS for attribute in name.attributes):
        raise FormatError(f"{quote(name.text)} implements an interface, and is none")


def _named_function(name: ItemName, signature: FunctionType, types: dict[str, Type]) -> Function:
    """Return a function of a scope whose types are given; one of a resource must fit it."""
    _refuse_implements(name)
    if not is_function_name(name.text):
        raise FormatError(f"the function {quote(name.text)} is not in kebab case")
    function = Function(name.text, signature.names, signature.types, signature.result, signature.is_async)
    function.attributes = name.attributes
    resource_name = function.resource_name()
    if resource_name is None:
        return function
    resource = types.get(resource_name)
    if resource is None or resource.dealias().kind != Kind.RESOURCE:
        raise FormatError(f"function {quote(name.text)}: there is no resource {quote(resource_name)}")
    if name.text.startswith("[method]"):
        first = signature.types[0] if signature.types else None
        if first is None or first.kind != Kind.BORROW or signature.names[0] != "self" or first.parts[0] is not resource:
            raise FormatError(f"function {quote(name.text)}: the first parameter is not a borrow of its resource")
    elif name.text.startswith("[constructor]"):
        made = signature.result
        if made is not None and made.kind == Kind.RESULT:
            made = made.parts[0]
        if made is None or made.kind != Kind.OWN or made.parts[0] is not resource:
            raise FormatError(f"function {quote(name.text)}: the result is not its resource")
    return function


class _WorldScope(_Scope):
    """The scope of a world, in which interfaces are read too."""

    def __init__(self, reader: Reader, world: World) -> None:
        super().__init__(reader, world, dict.fromkeys(PRIMITIVES.values(), 0))
        self.world = world
        self.instances: list[Interface] = []

    def read(self) -> None:
        """Read the declarations of a component type into the world."""
        reader = self.reader
        import_names, export_names = _Names(), _Names()
        for _ in range(reader.count(2)):
            form = reader.u8()
            if form == 1:
                code = reader.u8()
                self.add(self.instance_type() if code == INSTANCE else self.definition(code))
            elif form == 2:
                self.alias()
            elif form == 3:
                item = self.item(exported=False)
                import_names.add(item.name)
                self.world.imports[item.name] = item
            elif form == 4:
                item = self.item(exported=True)
                export_names.add(item.name)
                self.world.exports[item.name] = item
            else:
                raise FormatError(f"unknown declaration {form} in a world")

    def alias(self) -> None:
        """Read an alias of a type that an instance exports."""
        reader = self.reader
        sort, form = reader.u8(), reader.u8()
        if sort != SORT_TYPE or form != 0:
            raise FormatError("unexpected alias in a world")
        index = reader.uleb()
        name = utf8(reader.name())
        if index >= len(self.instances):
            raise FormatError(f"there is no instance {index}")
        found = self.instances[index].types.get(name)
        if found is None:
            raise FormatError(f"instance {index} has no type {quote(name)}")
        self.types.append(found)

    def item(self, exported: bool) -> WorldItem:
        """Read an import or export."""
        reader = self.reader
        name = read_name(reader)
        sort = reader.u8()
        value: Interface | Function | Type
        if sort == SORT_FUNCTION:
            value = _named_function(name, self.function_at(reader.uleb()), self.world.types)
        elif sort == SORT_TYPE:
            if exported:
                raise FormatError(f"the world exports the type {quote(name.text)}, and only an interface can")
            value = self.bound_type(name)
            self.world.types[name.text] = value
        elif sort == SORT_INSTANCE:
            found = self.type_at(reader.uleb())
            if not isinstance(found, Interface):
                raise FormatError(f"{quote(name.text)} is not an instance")
            value = self.instance(name, found)
        else:
            raise FormatError(f"{quote(name.text)} is neither an interface nor a function nor a type")
        item = WorldItem(name.text, value)
        item.attributes = name.attributes
        return item

    def instance(self, name: ItemName, interface: Interface) -> Interface:
        """Add an instance of the type ``interface`` and return the interface."""
        if ":" in name.text:
            if parse_qualified_name(name.text) is None:
                raise FormatError(f"{quote(name.text)} is not the name of an interface")
            _refuse_implements(name)
            interface.name = name.text
        elif not is_label(name.text):
            raise FormatError(f"{quote(name.text)} is not in kebab case")
        self.instances.append(interface)
        return interface

    def instance_type(self) -> Interface:
        """Read an instance type."""
        interface = Interface(None)
        scope = _Scope(self.reader, interface, self.depths)
        reader = self.reader
        names = _Names()
        for _ in range(reader.count(2)):
            form = reader.u8()
            if form == 1:
                scope.add(scope.definition(reader.u8()))
            elif form == 2:
                sort, kind = reader.u8(), reader.u8()
                if sort != SORT_TYPE or kind != 2:
                    raise FormatError("unexpected alias in an interface")
                scope.types.append(self.type_at(scope.outer_index()))
            elif form == 4:
                name = read_name(reader)
                names.add(name.text)
                sort = reader.u8()
                if sort == SORT_TYPE:
                    interface.types[name.text] = scope.bound_type(name)
                elif sort == SORT_FUNCTION:
                    signature = scope.function_at(reader.uleb())
                    interface.functions[name.text] = _named_function(name, signature, interface.types)
                else:
                    raise FormatError(f"{quote(name.text)} is neither a type nor a function")
            else:
                raise FormatError(f"unknown declaration {form} in an interface")
        return interface


def read_world(reader: Reader) -> World:
    """Read the component type that holds a world, from after its code."""
    if reader.count(2) != 2 or reader.u8() != 1 or reader.u8() != COMPONENT:
        raise FormatError("the type is not that of one world")
    world = World("")
    _WorldScope(reader, world).read()
    if reader.u8() != 4:
        raise FormatError("the type of the world is not exported")
    name = read_name(reader)
    if reader.u8() != SORT_COMPONENT or reader.uleb() != 0:
        raise FormatError("the export is not the world")
    if parse_qualified_name(name.text) is None:
        raise FormatError(f"{quote(name.text)} is not the name of a world")
    world.name = name.text
    return world
