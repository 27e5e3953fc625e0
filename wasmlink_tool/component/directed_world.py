"""A world in which what is imported and what is exported are different types.

The interfaces of a joined world are shared by imports and exports. In a component they are not: the types of an
exported interface differ from those of the imported one. Here each side gets interfaces and types of its own. What a
type that is used in an exported interface refers to is decided by the world: the exported interface of that name if
there is one, else the imported one. Descriptions cannot say so, since their aliases refer to what came first.
"""

from __future__ import annotations

from .wit_model import PRIMITIVES, Function, Interface, Kind, Type, World, WorldItem, dependencies_first
from .world_order import retarget

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class DirectedWorld:
    """A world with types for each direction. ``imported`` are the interfaces of the import side."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.imported: set[Interface] = {
            item.value for item in world.imports.values() if isinstance(item.value, Interface)
        }


class _Side:
    """The copies for one direction; what is not in ``types`` is looked up in ``fallback``."""

    def __init__(self, fallback: _Side | None) -> None:
        self.types: dict[Type, Type] = {}
        self.seen: set[Type] = set()
        self.fallback = fallback


class _Director:
    def __init__(self, replaced: Mapping[Interface, Interface], type_names: Mapping[Type, Type]) -> None:
        self._replaced = replaced
        self._type_names = type_names
        self._imports = _Side(None)
        self._exports = _Side(self._imports)

    def direct(self, world: World) -> World:
        made = World(world.name)
        for item in world.imports.values():
            made.imports[item.name] = self._item(item, made, self._imports)
        for item in world.exports.values():
            made.exports[item.name] = self._item(item, made, self._exports)
        return made

    def _item(self, item: WorldItem, world: World, side: _Side) -> WorldItem:
        value = item.value
        copy: WorldItem
        if isinstance(value, Interface):
            copy = WorldItem(item.name, self._interface(value, side))
        elif isinstance(value, Function):
            # What a world's own functions mention are the world's own types, which are imported.
            copy = WorldItem(item.name, self._function(value, self._imports))
        else:
            type_ = self._named(value, world, self._imports)
            world.types[item.name] = type_
            copy = WorldItem(item.name, type_)
        copy.attributes = item.attributes
        return copy

    def _interface(self, interface: Interface, side: _Side) -> Interface:
        copy = Interface(interface.name)
        for name, type_ in interface.types.items():
            copy.types[name] = self._named(type_, copy, side)
        for name, function in interface.functions.items():
            copy.functions[name] = self._function(function, side)
        return copy

    def _named(self, type_: Type, owner: Interface | World, side: _Side) -> Type:
        copy = self._type(type_, side)
        copy.name = type_.name
        copy.owner = owner
        copy.attributes = type_.attributes
        return copy

    def _type(self, type_: Type, side: _Side) -> Type:
        if type_.kind in PRIMITIVES:
            return type_
        if type_ not in side.types:
            if type_.kind == Kind.ALIAS:
                target = type_.parts[0]
                assert target is not None
                side.types[type_] = Type(Kind.ALIAS, [self._find(target, side)])
                side.seen.add(type_)
            else:
                self._copy(type_, side)
        return side.types[type_]

    def _find(self, type_: Type, side: _Side) -> Type:
        """Return the copy of a named type, on this side or among the imports."""
        if type_.kind in PRIMITIVES:
            return type_
        type_ = self._type_names.get(type_, type_)
        found = side.types.get(type_)
        if found is not None:
            return found
        type_ = retarget(type_, self._replaced)
        found = self._imports.types.get(type_)
        if found is None:
            return self._type(type_, side)
        return found

    def _copy(self, type_: Type, side: _Side) -> None:
        for part in dependencies_first([type_], side.seen):
            if part not in side.types:
                parts = [None if piece is None else self._find(piece, side) for piece in part.parts]
                side.types[part] = Type(part.kind, parts, part.labels, part.length)

    def _function(self, function: Function, side: _Side) -> Function:
        types = [self._value(type_, side) for type_ in function.parameter_types]
        result = None if function.result is None else self._value(function.result, side)
        copy = Function(function.name, function.parameter_names, types, result, function.is_async)
        copy.attributes = function.attributes
        return copy

    def _value(self, type_: Type, side: _Side) -> Type:
        """Return the copy of a type that a function mentions."""
        if type_.kind in PRIMITIVES:
            return type_
        type_ = self._type_names.get(type_, type_)
        return self._type(type_, side)


def direct_world(
    world: World, replaced: Mapping[Interface, Interface], type_names: Mapping[Type, Type]
) -> DirectedWorld:
    """Return ``world`` with types for each direction.

    ``replaced`` are imports that became a newer version of theirs, ``type_names`` types of the world that became the
    one of that name.
    """
    return DirectedWorld(_Director(replaced, type_names).direct(world))
