"""The order of a world: an interface after those whose types it uses, and what exports need among the imports."""

from __future__ import annotations

from .errors import ComponentError, quote
from .wit_model import Function, Interface, Kind, Type, World, WorldItem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Final

    Replaced = Mapping[Interface, Interface]


class _Rank:
    """The sorting order of imports."""

    INTERFACE: Final = 0
    USED_TYPE: Final = 1
    TYPE: Final = 2
    FUNCTION: Final = 3
    RESOURCE_FUNCTION: Final = 4


def _rank(item: WorldItem, world: World) -> int:
    value = item.value
    if isinstance(value, Interface):
        return _Rank.INTERFACE
    if isinstance(value, Function):
        return _Rank.FUNCTION if value.resource_name() is None else _Rank.RESOURCE_FUNCTION
    if value.kind == Kind.ALIAS and value.parts[0] is not None and isinstance(value.parts[0].owner, Interface):
        return _Rank.USED_TYPE
    return _Rank.TYPE


def used_interfaces(interface: Interface, replaced: Replaced) -> list[Interface]:
    """Return the interfaces whose types ``interface`` uses, in the order of its types."""
    found: list[Interface] = []
    for type_ in interface.types.values():
        target = type_.parts[0] if type_.kind == Kind.ALIAS else None
        owner = None if target is None else target.owner
        if isinstance(owner, Interface) and owner is not interface:
            owner = replaced.get(owner, owner)
            if owner not in found:
                found.append(owner)
    return found


def _sort_imports(world: World) -> None:
    ordered = sorted(world.imports.values(), key=lambda item: _rank(item, world))
    world.imports = {item.name: item for item in ordered}


def _key(interface: Interface) -> str:
    """Return the key of an interface that others use; those under a label are never used."""
    assert interface.name is not None
    return interface.name


def _walk(
    item: WorldItem, replaced: Replaced, items: Mapping[str, WorldItem], add: Callable[[WorldItem], None]
) -> None:
    """Call ``add`` for every interface that ``item`` uses, directly or not, then for ``item``, each after those that it
    uses."""
    assert isinstance(item.value, Interface)
    stack: list[tuple[WorldItem, list[Interface], int]] = [(item, used_interfaces(item.value, replaced), 0)]
    seen: set[str] = {item.name}
    while stack:
        current, uses, position = stack.pop()
        while position < len(uses):
            used = uses[position]
            position += 1
            key = _key(used)
            if key in seen:
                continue
            seen.add(key)
            stack.append((current, uses, position))
            below = items.get(key) or WorldItem(key, used)
            stack.append((below, used_interfaces(used, replaced), 0))
            break
        else:
            add(current)


def put_in_order(world: World, replaced: Replaced, where: str) -> None:
    """Sort the imports and exports of a world, and add the imports that they need.

    :raises ComponentError: an export needs as an import what the world exports.
    """
    _sort_imports(world)
    imports: dict[str, WorldItem] = {}

    def add_import(item: WorldItem) -> None:
        imports.setdefault(item.name, item)

    for item in list(world.imports.values()):
        if isinstance(item.value, Interface):
            _walk(item, replaced, world.imports, add_import)
        else:
            add_import(item)
    world.imports = imports

    exports = {item.name: item for item in world.exports.values() if isinstance(item.value, Function)}
    for item in list(world.exports.values()):
        if isinstance(item.value, Interface):
            _add_export(item, world, exports, replaced, where)
    world.exports = exports
    _sort_imports(world)


def _add_export(item: WorldItem, world: World, exports: dict[str, WorldItem], replaced: Replaced, where: str) -> None:
    """Add an exported interface after the exported ones that it uses; what else it uses is imported."""
    stack: list[tuple[WorldItem, list[Interface], int]] = []

    def visit(export: WorldItem) -> None:
        assert isinstance(export.value, Interface)
        stack.append((export, used_interfaces(export.value, {}), 0))

    if item.name in exports:
        return
    visit(item)
    while stack:
        current, uses, position = stack.pop()
        while position < len(uses):
            used = uses[position]
            position += 1
            key = _key(used)
            exported = world.exports.get(key)
            if exported is not None:
                if key not in exports:
                    stack.append((current, uses, position))
                    visit(exported)
                    break
                continue
            used = replaced.get(used, used)
            needed = world.imports.get(_key(used)) or WorldItem(_key(used), used)
            _require_import(needed, current, world, replaced, where)
        else:
            exports.setdefault(current.name, current)


def _require_import(item: WorldItem, user: WorldItem, world: World, replaced: Replaced, where: str) -> None:
    """Append an interface that an export uses to the imports, after those that it uses itself."""

    def add(needed: WorldItem) -> None:
        if needed.name in world.exports:
            raise ComponentError(
                f"{where}: the export {quote(user.name)} uses {quote(item.name)}, and that uses {quote(needed.name)}, "
                f"which is exported too: export {quote(item.name)} as well"
            )
        world.imports.setdefault(needed.name, needed)

    _walk(item, replaced, world.imports, add)


def retarget(type_: Type, replaced: Replaced) -> Type:
    """Return the type that stands for one of an interface that was replaced by a newer version.

    :raises ComponentError: the newer version does not have it.
    """
    owner = type_.owner
    if not isinstance(owner, Interface) or owner not in replaced or type_.name is None:
        return type_
    newer = replaced[owner]
    found = newer.types.get(type_.name)
    if found is None:
        raise ComponentError(f"{quote(newer.name or '')} does not have the type {quote(type_.name)} of {owner.name}")
    return found
