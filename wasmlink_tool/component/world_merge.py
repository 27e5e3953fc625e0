"""From the worlds of several descriptions to one world.

1. Interfaces are identified by their full names. All views of an interface, in every description and in imports and
   exports alike, become one interface: the items of the first view, then what later views add (:class:`Interfaces`).
2. Each world is put in order (:mod:`.world_order`), then joined: keys that are not there yet go to the end
   (:func:`join_world`).
3. Imports of one interface in compatible versions become the newest (:func:`merge_compatible_imports`).
"""

from __future__ import annotations

from .errors import ComponentError, quote
from .names import QualifiedName, parse_qualified_name, version_key
from .wit_model import (
    PRIMITIVES,
    WIT_NAMES,
    AttributeKind,
    Function,
    Interface,
    Kind,
    Type,
    World,
    WorldItem,
    dependencies_first,
)
from .world_order import used_interfaces


def _is_qualified(item: WorldItem) -> bool:
    """Return whether the item is an interface under its own full name, not under a label."""
    return isinstance(item.value, Interface) and ":" in item.name


class Interfaces:
    """All interfaces by full name, with what every view of them has."""

    def __init__(self) -> None:
        self.by_name: dict[str, Interface] = {}
        self._worlds: dict[str, World] = {}

    def adopt(self, view: World, where: str) -> World:
        """Return ``view`` with each interface replaced by the one of that name, extended by what the view adds."""
        copier = _Copier(self.by_name, where)
        world = World(view.name)
        for item in view.imports.values():
            world.imports[item.name] = copier.item(item, world)
        for item in view.exports.values():
            world.exports[item.name] = copier.item(item, world)
        self._use_no_labels(world)
        before = self._worlds.setdefault(view.name, world)
        for direction, ours, theirs in (
            ("import", world.imports, before.imports),
            ("export", world.exports, before.exports),
        ):
            different = [name for name in (*ours, *theirs) if (name in ours) != (name in theirs)]
            if different:
                raise ComponentError(
                    f"{where}: two descriptions of the world {quote(view.name)} differ: "
                    f"only one has the {direction} {quote(different[0])}"
                )
        return world

    def _use_no_labels(self, world: World) -> None:
        """Let types refer to interfaces by their own names.

        A description's alias may refer to an interface under a label, where that came first; what is used is the
        interface that the label stands for.
        """
        labelled: dict[Interface, str] = {}
        items = (*world.imports.values(), *world.exports.values())
        for item in items:
            for attribute in item.attributes:
                if attribute.kind == AttributeKind.IMPLEMENTS and isinstance(item.value, Interface):
                    labelled[item.value] = attribute.value
        if not labelled:
            return
        for types in (world.types, *[item.value.types for item in items if isinstance(item.value, Interface)]):
            for type_ in types.values():
                target = type_.parts[0] if type_.kind == Kind.ALIAS else None
                if target is None or target.owner is type_.owner or not isinstance(target.owner, Interface):
                    continue
                known = self.by_name.get(labelled.get(target.owner, ""))
                found = None if known is None else known.types.get(target.name or "")
                if found is not None:
                    type_.parts = (found,)


class _Copier:
    """Copies one view into the interfaces that are known; types map to what stands for them there."""

    def __init__(self, interfaces: dict[str, Interface], where: str) -> None:
        self._interfaces = interfaces
        self._where = where
        self._types: dict[Type, Type] = {}
        self._seen: set[Type] = set()
        self._copied: dict[Interface, Interface] = {}

    def item(self, item: WorldItem, world: World) -> WorldItem:
        value = item.value
        made: WorldItem
        if isinstance(value, Interface):
            made = WorldItem(item.name, self._interface(value))
        elif isinstance(value, Function):
            made = WorldItem(item.name, self._function(value))
        else:
            found = world.types.get(item.name)
            if found is None:
                found = self._named_type(value, world)
                world.types[item.name] = found
            made = WorldItem(item.name, found)
        made.attributes = item.attributes
        return made

    def _interface(self, view: Interface) -> Interface:
        """Return what stands for an interface, extended by what ``view`` adds to it."""
        target = self._copied.get(view)
        if target is not None:
            return target
        target = None if view.name is None else self._interfaces.get(view.name)
        if target is None:
            target = Interface(view.name)
            if view.name is not None:
                self._interfaces[view.name] = target
        self._copied[view] = target
        for name, type_ in view.types.items():
            found = target.types.get(name)
            if found is None:
                target.types[name] = self._named_type(type_, target)
            else:
                self._seen.add(type_)
                self._types[type_] = found
        for name, function in view.functions.items():
            known = target.functions.get(name)
            if known is None:
                target.functions[name] = self._function(function)
            else:
                difference = function_difference(known, function)
                if difference:
                    raise ComponentError(
                        f"{self._where}: two descriptions of function {quote(name)} of interface "
                        f"{quote(view.name or '')} differ: {difference}"
                    )
        return target

    def _named_type(self, type_: Type, owner: Interface | World) -> Type:
        copy = self._type(type_)
        copy.name = type_.name
        copy.owner = owner
        copy.attributes = type_.attributes
        return copy

    def _type(self, type_: Type) -> Type:
        """Return what stands for a type."""
        for part in dependencies_first([type_], self._seen):
            parts = [piece if piece is None or piece.kind in PRIMITIVES else self._types[piece] for piece in part.parts]
            self._types[part] = Type(part.kind, parts, part.labels, part.length)
        return type_ if type_.kind in PRIMITIVES else self._types[type_]

    def _function(self, function: Function) -> Function:
        types = [self._type(type_) for type_ in function.parameter_types]
        result = None if function.result is None else self._type(function.result)
        copy = Function(function.name, function.parameter_names, types, result, function.is_async)
        copy.attributes = function.attributes
        return copy


def function_difference(first: Function, second: Function) -> str:
    """Return how two descriptions of one function differ, as far as they are compared: in the names and number of
    parameters, in having a result, and in primitive types."""
    if len(first.parameter_names) != len(second.parameter_names):
        return f"{len(first.parameter_names)} and {len(second.parameter_names)} parameters"
    if first.is_async != second.is_async:
        return "only one is async"
    for name, other in zip(first.parameter_names, second.parameter_names):
        if name != other:
            return f"a parameter is {quote(name)} and {quote(other)}"
    if (first.result is None) != (second.result is None):
        return "only one has a result"
    pairs = list(zip(first.parameter_types, second.parameter_types))
    if first.result is not None and second.result is not None:
        pairs.append((first.result, second.result))
    for one, another in pairs:
        if one is not another and (one.kind in PRIMITIVES or another.kind in PRIMITIVES):
            return f"a type is {WIT_NAMES[one.kind]} and {WIT_NAMES[another.kind]}"
    return ""


def _sort_of(item: WorldItem) -> str:
    value = item.value
    return "interface" if isinstance(value, Interface) else "function" if isinstance(value, Function) else "type"


class Joint:
    """The world that others are joined into. ``replaced`` maps types of a joined world to those that stand for them."""

    def __init__(self, name: str) -> None:
        self.world = World(name)
        self.replaced: dict[Type, Type] = {}


def join_world(joint: Joint, incoming: World, where: str) -> None:
    """Add what ``incoming`` imports and exports."""
    into = joint.world
    needed = _imports_of_exports(into)
    exported = set(into.exports)
    for direction, table, items in (
        ("import", into.imports, incoming.imports),
        ("export", into.exports, incoming.exports),
    ):
        for name, item in items.items():
            before = table.get(name)
            if before is None:
                if direction == "export" and name in needed:
                    raise ComponentError(
                        f"{where}: the world exports {quote(name)}, and the export {quote(needed[name])} of another "
                        "world uses it as an import"
                    )
                if direction == "export" and isinstance(item.value, Interface):
                    _check_new_export(item, item.value, exported, where)
                table[name] = item
                if isinstance(item.value, Type):
                    into.types[name] = item.value
                continue
            what = f"{where}: two descriptions {direction} {quote(name)}"
            if _sort_of(before) != _sort_of(item):
                raise ComponentError(f"{what}: as {_sort_of(before)} and as {_sort_of(item)}")
            ours, theirs = before.value, item.value
            if isinstance(ours, Type) and isinstance(theirs, Type):
                joint.replaced[theirs] = ours
            elif isinstance(ours, Function) and isinstance(theirs, Function):
                difference = function_difference(ours, theirs)
                if difference:
                    raise ComponentError(f"{what}, and they differ: {difference}")
            elif isinstance(ours, Interface) and isinstance(theirs, Interface) and ours is not theirs:
                _join_labelled(ours, theirs, joint, what)


def _imports_of_exports(world: World) -> dict[str, str]:
    """Return the imports that exported interfaces use, directly or not, each with the export that does."""
    found: dict[str, str] = {}
    for item in world.exports.values():
        pending = [item.value] if isinstance(item.value, Interface) else []
        while pending:
            for used in used_interfaces(pending.pop(), {}):
                name = used.name or ""
                if name not in world.exports and name not in found:
                    found[name] = item.name
                    pending.append(used)
    return found


def _check_new_export(item: WorldItem, interface: Interface, exported: set[str], where: str) -> None:
    """Refuse an export that uses an import which uses an export: it would change what the import means."""
    pending = [used for used in used_interfaces(interface, {}) if (used.name or "") not in exported]
    seen = set(pending)
    while pending:
        current = pending.pop()
        for used in used_interfaces(current, {}):
            if (used.name or "") in exported:
                raise ComponentError(
                    f"{where}: the export {quote(item.name)} uses {quote(current.name or '')} as an import, and that "
                    f"uses {quote(used.name or '')}, which is exported"
                )
            if used not in seen:
                seen.add(used)
                pending.append(used)


def _join_labelled(ours: Interface, theirs: Interface, joint: Joint, what: str) -> None:
    """Join two interfaces that two worlds have under one label."""
    for name, function in theirs.functions.items():
        known = ours.functions.get(name)
        if known is None:
            ours.functions[name] = function
            continue
        difference = function_difference(known, function)
        if difference:
            raise ComponentError(f"{what}, and function {quote(name)} differs: {difference}")
    for name, type_ in theirs.types.items():
        if name in ours.types:
            joint.replaced[type_] = ours.types[name]
        else:
            type_.owner = ours
            ours.types[name] = type_


def merge_compatible_imports(world: World) -> dict[Interface, Interface]:
    """Remove imports of which the world has a newer compatible version; return that for each removed interface."""
    groups: dict[str, list[tuple[QualifiedName, WorldItem]]] = {}
    for item in world.imports.values():
        name = parse_qualified_name(item.name) if _is_qualified(item) else None
        if name is not None and name.version is not None:
            groups.setdefault(name.track(), []).append((name, item))
    replaced: dict[Interface, Interface] = {}
    for group in groups.values():
        if len(group) == 1:
            continue
        newest = group[0]
        for entry in group[1:]:
            ours, theirs = newest[0].version, entry[0].version
            assert ours is not None and theirs is not None
            if version_key(theirs) > version_key(ours):
                newest = entry
        for _, item in group:
            if item is newest[1]:
                continue
            old, new = item.value, newest[1].value
            assert isinstance(old, Interface) and isinstance(new, Interface)
            _check_compatible(old, new, item.name, newest[1].name)
            replaced[old] = new
            del world.imports[item.name]
    return replaced


def _check_compatible(old: Interface, new: Interface, old_name: str, new_name: str) -> None:
    """Refuse two versions of an interface that differ in what both have."""
    for name, function in old.functions.items():
        known = new.functions.get(name)
        difference = "" if known is None else function_difference(known, function)
        if difference:
            raise ComponentError(
                f"{quote(old_name)} and {quote(new_name)} are imported, whose versions ought to be compatible, but "
                f"function {quote(name)} differs: {difference}"
            )
