"""The union of worlds: ``include`` in WIT text."""

from __future__ import annotations

from .wit_model import PRIMITIVES, Function, Interface, Type, World, WorldItem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def include_world(world: World, included: World, renames: Mapping[str, str]) -> str:
    """Add the imports and exports of ``included`` to ``world``; return what keeps one from being added, or nothing.

    Interfaces under their own names are the same in both. What is the other world's own (types, functions, interfaces
    under a label) is copied, under another name where ``renames`` has one.
    """
    copies = _Copies(world)
    for source, target, which in (
        (included.imports, world.imports, "imports"),
        (included.exports, world.exports, "exports"),
    ):
        for item in source.values():
            if isinstance(item.value, Interface) and item.value.name is not None:
                target.setdefault(item.name, item)
                continue
            name = renames.get(item.name, item.name)
            if name in target:
                return f"the world {which} '{name}' already"
            copy = WorldItem(name, copies.of(item.value, name))
            copy.attributes = item.attributes
            target[name] = copy
            if isinstance(copy.value, Type):
                world.types[name] = copy.value
    return ""


class _Copies:
    """Copies of what belongs to a world, made for another one."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._types: dict[Type, Type] = {}

    def of(self, value: Interface | Function | Type, name: str) -> Interface | Function | Type:
        if isinstance(value, Interface):
            return self._interface(value)
        if isinstance(value, Function):
            return self._function(value, name)
        copy = self._type(value, self._world, value.owner)
        copy.name = name
        return copy

    def _function(
        self, function: Function, name: str, owner: Interface | None = None, old: Interface | None = None
    ) -> Function:
        new_owner: Interface | World = self._world if owner is None else owner
        types = [self._type(type_, new_owner, old) for type_ in function.parameter_types]
        result = None if function.result is None else self._type(function.result, new_owner, old)
        copy = Function(name, function.parameter_names, types, result, function.is_async)
        copy.docs = function.docs
        copy.attributes = function.attributes
        return copy

    def _interface(self, interface: Interface) -> Interface:
        copy = Interface(None)
        copy.docs = interface.docs
        for name, type_ in interface.types.items():
            copy.types[name] = self._type(type_, copy, interface)
        for name, function in interface.functions.items():
            copy.functions[name] = self._function(function, name, copy, interface)
        return copy

    def _type(self, type_: Type, owner: Interface | World, old_owner: Interface | World | None) -> Type:
        """Return the copy of a type that belongs to ``old_owner`` or to nothing; other types stay. Parts come first."""
        stack: list[tuple[Type, bool]] = [(type_, False)]
        while stack:
            current, are_parts_done = stack.pop()
            if current in self._types:
                continue
            is_other = isinstance(current.owner, Interface) and current.owner is not old_owner
            if current.kind in PRIMITIVES or is_other:
                self._types[current] = current
            elif are_parts_done:
                parts = [None if part is None else self._types[part] for part in current.parts]
                new_owner = None if current.owner is None else owner
                copy = Type(current.kind, parts, current.labels, current.length, current.name, new_owner)
                copy.docs = current.docs
                copy.attributes = current.attributes
                self._types[current] = copy
            else:
                stack.append((current, True))
                stack += [(part, False) for part in current.parts if part is not None]
        return self._types[type_]
