"""Find the types of imported interfaces that a component needs.

An imported interface is declared with the parts of it that are used: the types that core imports and exports mention,
and the functions that a core module imports.
"""

from __future__ import annotations

from .classified_module import ClassifiedModule
from .core_names import Meaning
from .directed_world import DirectedWorld
from .wit_model import Function, Interface, Type, World, dependencies_first


def function_types(function: Function, types: dict[str, Type]) -> list[Type]:
    """Return the types that a function of a scope mentions; that of a static function's resource comes first."""
    found: list[Type] = []
    resource = function.resource_name() if function.is_static() else None
    if resource is not None:
        found.append(types[resource])
    found += function.parameter_types
    if function.result is not None:
        found.append(function.result)
    return found


class LiveImports:
    """The live parts of the imported interfaces: types in the order of their declaration, and functions."""

    def __init__(self) -> None:
        self.types: dict[Interface, list[Type]] = {}
        self.functions: set[Function] = set()
        self._seen: set[Type] = set()

    def add_types(self, types: list[Type]) -> None:
        """Add types and what they are made of."""
        for type_ in dependencies_first(types, self._seen):
            if isinstance(type_.owner, Interface):
                self.types.setdefault(type_.owner, []).append(type_)

    def add_exported(self, interface: Interface, imported: set[Interface]) -> None:
        """Add what an exported interface uses of imported ones."""
        walked: set[Type] = set()
        order = dependencies_first(interface_types(interface), walked)
        for type_ in order:
            if isinstance(type_.owner, Interface) and type_.owner in imported and type_ not in self._seen:
                self._seen.add(type_)
                self.types.setdefault(type_.owner, []).append(type_)


def interface_types(interface: Interface) -> list[Type]:
    """Return the types that an interface declares, then those that its functions mention."""
    found = list(interface.types.values())
    for function in interface.functions.values():
        found += function_types(function, interface.types)
    return found


def find_live_imports(directed: DirectedWorld, modules: list[ClassifiedModule]) -> LiveImports:
    """Return what the core modules need of the world's imports."""
    world = directed.world
    live = LiveImports()
    live.add_types(list(world.types.values()))
    for module in modules:
        for fields in module.imports.values():
            for imported in fields:
                _add_function(live, imported.meaning, world)
                intrinsic = imported.intrinsic
                if intrinsic is not None and intrinsic.type_ is not None:
                    live.add_types([intrinsic.type_])
                if imported.meaning.resource is not None:
                    live.add_types([imported.meaning.resource])
        for key, item in world.exports.items():
            if key not in module.keys:
                continue
            value = item.value
            if isinstance(value, Function):
                live.add_types(function_types(value, world.types))
            elif isinstance(value, Interface):
                live.add_exported(value, directed.imported)
    return live


def _add_function(live: LiveImports, meaning: Meaning, world: World) -> None:
    function, item = meaning.function, meaning.item
    if function is None or item is None:
        return
    types = item.value.types if isinstance(item.value, Interface) else world.types
    live.functions.add(function)
    live.add_types(function_types(function, types))
