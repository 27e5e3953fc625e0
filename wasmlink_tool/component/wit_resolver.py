"""Build the model of WIT from syntax trees: look up names, include worlds, and leave out gated items.

An interface or world is resolved when something needs it. Within one, the types that it uses come first, then its own
types, each after its parts, then its functions: the order in which components have them.
"""

from __future__ import annotations

from .names import compare_versions, parse_version
from .type_scopes import type_key
from .wit_lexer import WitError, WitSource
from .wit_model import (
    PRIMITIVES,
    WIT_NAMES,
    Attribute,
    AttributeKind,
    Function,
    Interface,
    Kind,
    Type,
    World,
    WorldItem,
)
from .wit_syntax import (
    ExternItem,
    FunctionItem,
    Gates,
    IncludeItem,
    InterfaceItem,
    Name,
    PackageName,
    Path,
    Scope,
    TypeItem,
    TypeUse,
    UseItem,
    WorldItemSyntax,
)
from .world_include import include_world

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Final

    from .type_scopes import TypeKey

_KINDS: Final = {name: kind for kind, name in WIT_NAMES.items() if kind != Kind.FIXED_LIST}
_DEEPEST: Final = 200
"""Interfaces and worlds that use each other in a chain."""


class PackageSyntax:
    """A package as it is written: the scopes of its files, and what they declare."""

    def __init__(self, name: PackageName, source: WitSource) -> None:
        self.name = name
        self.source = source
        self.docs = ""
        self.interfaces: dict[str, tuple[FileScope, InterfaceItem]] = {}
        self.worlds: dict[str, tuple[FileScope, WorldItemSyntax]] = {}

    def add(self, source: WitSource, scope: Scope) -> None:
        """Add what a file declares.

        :raises WitError: a name is declared twice.
        """
        file = FileScope(self, source)
        items: list[InterfaceItem | WorldItemSyntax] = [*scope.interfaces, *scope.worlds]
        for item in items:
            if item.name.text in self.interfaces or item.name.text in self.worlds:
                raise WitError(
                    source, item.name.offset, f"the name '{item.name.text}' is declared twice in {self.name}"
                )
            if isinstance(item, InterfaceItem):
                self.interfaces[item.name.text] = file, item
            else:
                self.worlds[item.name.text] = file, item
        for use in scope.uses:
            if use.alias.text in file.uses:
                raise WitError(source, use.alias.offset, f"the name '{use.alias.text}' is declared twice")
            file.uses[use.alias.text] = use.path

    def qualified(self, name: str) -> str:
        """Return the name that an interface or world has in a component."""
        version = f"@{self.name.version}" if self.name.version else ""
        return f"{self.name.namespace}:{self.name.name}/{name}{version}"


class FileScope:
    """The names that a file has besides those of its package."""

    def __init__(self, package: PackageSyntax, source: WitSource) -> None:
        self.package = package
        self.source = source
        self.uses: dict[str, Path] = {}


class Resolver:
    """The interfaces and worlds of a set of packages, by their qualified names."""

    def __init__(self, packages: Iterable[PackageSyntax]) -> None:
        self._packages = {str(package.name): package for package in packages}
        self._interfaces: dict[str, Interface] = {}
        self._worlds: dict[str, World] = {}
        self._busy: list[str] = []

    # Finding

    def package(self, file: FileScope, name: PackageName) -> PackageSyntax:
        found = self._packages.get(str(name))
        if found is None:
            versions = [other for other in self._packages if other.partition("@")[0] == str(name).partition("@")[0]]
            hint = f"; there is {', '.join(versions)}" if versions else "; dependencies belong in deps/"
            raise WitError(file.source, name.offset, f"there is no package {name}{hint}")
        return found

    def _find(self, file: FileScope, path: Path) -> tuple[PackageSyntax, str]:
        """Return the package and the name of what a path means."""
        if path.package is not None:
            return self.package(file, path.package), path.name.text
        alias = file.uses.get(path.name.text)
        if alias is None:
            return file.package, path.name.text
        if alias.package is None:
            return file.package, alias.name.text
        return self.package(file, alias.package), alias.name.text

    def interface(self, file: FileScope, path: Path) -> Interface:
        """Return the interface that a path means."""
        package, name = self._find(file, path)
        if name not in package.interfaces:
            raise _missing(file, path.name, f"interface '{name}' in {package.name}", package.interfaces)
        qualified = package.qualified(name)
        found = self._interfaces.get(qualified)
        if found is None:
            self._enter(file, path.name, qualified)
            where, item = package.interfaces[name]
            found = Interface(qualified)
            _InterfaceBuilder(self, where, found).build(item)
            self._interfaces[qualified] = found
            self._busy.pop()
        return found

    def world(self, file: FileScope, path: Path) -> World:
        """Return the world that a path means, with its items in the order of the text."""
        package, name = self._find(file, path)
        if name not in package.worlds:
            raise _missing(file, path.name, f"world '{name}' in {package.name}", package.worlds)
        qualified = package.qualified(name)
        found = self._worlds.get(qualified)
        if found is None:
            self._enter(file, path.name, qualified)
            where, item = package.worlds[name]
            found = World(qualified)
            _WorldBuilder(self, where, found).build(item)
            self._worlds[qualified] = found
            self._busy.pop()
        return found

    def copy_of_interface(self, file: FileScope, path: Path) -> Interface:
        """Return a new interface with the contents of the one that a path means."""
        self.interface(file, path)
        package, name = self._find(file, path)
        where, item = package.interfaces[name]
        copy = Interface(None)
        _InterfaceBuilder(self, where, copy).build(item)
        return copy

    def _enter(self, file: FileScope, name: Name, qualified: str) -> None:
        if qualified in self._busy:
            raise WitError(file.source, name.offset, f"'{qualified}' uses itself indirectly")
        if len(self._busy) > _DEEPEST:
            raise WitError(file.source, name.offset, "interfaces use each other in too long a chain")
        self._busy.append(qualified)


def _missing(file: FileScope, name: Name, what: str, known: Iterable[str]) -> WitError:
    from difflib import get_close_matches

    near = get_close_matches(name.text, list(known), 1)
    return WitError(file.source, name.offset, f"there is no {what}" + (f": did you mean '{near[0]}'?" if near else ""))


class _Builder:
    """The common part of interfaces and worlds: types and functions."""

    def __init__(self, resolver: Resolver, file: FileScope, owner: Interface | World) -> None:
        self.resolver = resolver
        self.file = file
        self.owner = owner
        self._anonymous: dict[TypeKey, Type] = {}

    def error(self, name: Name, message: str) -> WitError:
        return WitError(self.file.source, name.offset, message)

    def is_visible(self, gates: Gates) -> bool:
        """Return whether an item is part of the package's version, without unstable features."""
        if gates.since is not None:
            version, since = parse_version(self.file.package.name.version), parse_version(gates.since)
            if version is None:
                message = f"the package {self.file.package.name} has no version, which '@since' refers to"
                raise WitError(self.file.source, gates.offset, message)
            if since is None:
                raise WitError(self.file.source, gates.offset, f"'{gates.since}' is not a version")
            if compare_versions(since, version) > 0:
                message = f"the gate is for version {gates.since}, but the package is {self.file.package.name}"
                raise WitError(self.file.source, gates.offset, message)
            return True
        return gates.unstable is None

    # Types

    def use(self, item: UseItem) -> None:
        interface = self.resolver.interface(self.file, item.path)
        for name, alias in item.names:
            target = interface.types.get(name.text)
            if target is None:
                raise _missing(self.file, name, f"type '{name.text}' in {interface.name}", interface.types)
            used = Type(Kind.ALIAS, [target], name=alias.text, owner=self.owner)
            used.attributes = _attributes(item.gates)
            self._declare(alias, used)

    def _declare(self, name: Name, type_: Type) -> None:
        if name.text in self.owner.types:
            raise self.error(name, f"the name '{name.text}' is declared twice")
        self.owner.types[name.text] = type_

    def define_types(self, items: list[TypeItem]) -> None:
        """Define types, each after those that it is made of."""
        by_name: dict[str, TypeItem] = {}
        for item in items:
            if item.name.text in by_name or item.name.text in self.owner.types:
                raise self.error(item.name, f"the name '{item.name.text}' is declared twice")
            by_name[item.name.text] = item
        begun: set[str] = set()
        for item in items:
            if item.name.text in begun:
                continue
            begun.add(item.name.text)
            stack = [(item, _names_in(item))]
            while stack:
                current, waiting = stack.pop()
                while waiting:
                    name = waiting.pop(0)
                    below = by_name.get(name.text)
                    if below is None or name.text in self.owner.types:
                        continue
                    if name.text in begun:
                        raise self.error(name, f"the type '{name.text}' contains itself")
                    begun.add(name.text)
                    stack += [(current, waiting), (below, _names_in(below))]
                    break
                else:
                    self._declare(current.name, self._defined(current))

    def _defined(self, item: TypeItem) -> Type:
        name = item.name.text
        labels = [label.text for label, _ in item.cases]
        for position, (label, _) in enumerate(item.cases):
            if label.text in labels[:position]:
                raise self.error(label, f"the {item.kind} '{name}' has '{label.text}' twice")
        if item.target is not None:
            made = self._type(item.target, own=False)
            if item.target.constructor and made.kind not in PRIMITIVES:
                made = Type(made.kind, made.parts, made.labels, made.length, name, self.owner)
            else:
                made = Type(Kind.ALIAS, [made], name=name, owner=self.owner)
        elif item.kind in ("record", "variant"):
            parts = [None if use is None else self._type(use) for _, use in item.cases]
            made = Type(_KINDS[item.kind], parts, labels, name=name, owner=self.owner)
        else:
            made = Type(_KINDS[item.kind], (), labels, name=name, owner=self.owner)
        made.docs = item.docs
        made.attributes = _attributes(item.gates)
        return made

    def _type(self, use: TypeUse, own: bool = True) -> Type:
        """Return the type that is written; with ``own``, a resource is the handle that owns it."""
        if not use.constructor:
            named = self.owner.types.get(use.name.text)
            if named is None:
                raise _missing(self.file, use.name, f"type '{use.name.text}' here", self.owner.types)
            is_handle = own and named.dealias().kind == Kind.RESOURCE
            return self._shared(Kind.OWN, [named]) if is_handle else named
        kind = _KINDS[use.constructor]
        if kind in PRIMITIVES:
            return PRIMITIVES[kind]
        is_handle = kind in (Kind.OWN, Kind.BORROW)
        parts = [None if argument is None else self._type(argument, own=not is_handle) for argument in use.arguments]
        if is_handle and (parts[0] is None or parts[0].dealias().kind != Kind.RESOURCE):
            raise self.error(use.name, f"'{use.constructor}' takes a resource")
        return self._shared(Kind.FIXED_LIST if use.length else kind, parts, use.length)

    def _shared(self, kind: int, parts: list[Type | None] | list[Type], length: int = 0) -> Type:
        """Return the one anonymous type of that form in this interface or world."""
        made = Type(kind, parts, length=length)
        return self._anonymous.setdefault(type_key(made), made)

    # Functions

    def functions_of(self, item: TypeItem) -> list[Function]:
        """Return the functions of a resource."""
        resource = self.owner.types[item.name.text]
        found = []
        for function in item.functions:
            if self.is_visible(function.gates):
                found.append(self.function(function, resource))
        return found

    def function(self, item: FunctionItem, resource: Type | None = None) -> Function:
        names = [name.text for name, _ in item.parameters]
        for position, (name, _) in enumerate(item.parameters):
            if name.text in names[:position]:
                raise self.error(name, f"the function '{item.name.text}' has the parameter '{name.text}' twice")
        types = [self._type(use) for _, use in item.parameters]
        result = None if item.result is None else self._type(item.result)
        title = item.name.text
        if resource is not None:
            if item.role == "constructor":
                title = f"[constructor]{resource.name}"
                result = self._shared(Kind.OWN, [resource]) if result is None else result
            else:
                title = f"[{item.role}]{resource.name}.{title}"
            if item.role == "method":
                names.insert(0, "self")
                types.insert(0, self._shared(Kind.BORROW, [resource]))
        function = Function(title, names, types, result, item.is_async)
        function.docs = item.docs
        function.attributes = _attributes(item.gates)
        return function


def _attributes(gates: Gates) -> list[Attribute]:
    return [] if gates.external_id is None else [Attribute(AttributeKind.EXTERNAL_ID, gates.external_id)]


def _names_in(item: TypeItem) -> list[Name]:
    """Return the names of types that a definition mentions, in the order of the text."""
    found: list[Name] = []
    stack = [use for _, use in reversed(item.cases)] or [item.target]
    while stack:
        use = stack.pop()
        if use is not None:
            if not use.constructor:
                found.append(use.name)
            stack += reversed(use.arguments)
    return found


class _InterfaceBuilder(_Builder):
    def __init__(self, resolver: Resolver, file: FileScope, interface: Interface) -> None:
        super().__init__(resolver, file, interface)
        self.interface = interface

    def build(self, item: InterfaceItem) -> None:
        self.interface.docs = item.docs
        items = [member for member in item.items if self.is_visible(member.gates)]
        for member in items:
            if isinstance(member, UseItem):
                self.use(member)
        self.define_types([member for member in items if isinstance(member, TypeItem)])
        for member in items:
            if isinstance(member, FunctionItem):
                self._add(member.name, self.function(member))
            elif isinstance(member, TypeItem):
                for function in self.functions_of(member):
                    self._add(member.name, function)

    def _add(self, name: Name, function: Function) -> None:
        if function.name in self.interface.functions or function.name in self.interface.types:
            raise self.error(name, f"the name '{function.name}' is declared twice")
        self.interface.functions[function.name] = function


class _WorldBuilder(_Builder):
    def __init__(self, resolver: Resolver, file: FileScope, world: World) -> None:
        super().__init__(resolver, file, world)
        self.world = world
        self._used: set[Interface] = set()

    def build(self, item: WorldItemSyntax) -> None:
        self.world.docs = item.docs
        items = [member for member in item.items if self.is_visible(member.gates)]
        for member in items:
            if isinstance(member, UseItem):
                self.use(member)
                # What the types are taken from is imported, too.
                interface = self.resolver.interface(self.file, member.path)
                assert interface.name is not None
                self.world.imports.setdefault(interface.name, WorldItem(interface.name, interface))
                self._used.add(interface)
        self.define_types([member for member in items if isinstance(member, TypeItem)])
        for name, type_ in self.world.types.items():
            self.world.imports[name] = WorldItem(name, type_)
        for member in items:
            if isinstance(member, ExternItem):
                self._add_extern(member)
            elif isinstance(member, TypeItem):
                for function in self.functions_of(member):
                    self._add(member.name, self.world.imports, WorldItem(function.name, function))
        for member in items:
            if isinstance(member, IncludeItem):
                self._include(member)

    def _add_extern(self, item: ExternItem) -> None:
        items = self.world.exports if item.is_export else self.world.imports
        if item.path is not None:
            interface = self.resolver.interface(self.file, item.path)
            assert interface.name is not None
            whole = WorldItem(interface.name, interface)
            whole.attributes = _attributes(item.gates)
            if not item.is_export and items.get(interface.name) is not None and interface in self._used:
                # It was there for the types that are used of it.
                items.pop(interface.name)
            self._add(item.path.name, items, whole)
            return
        assert item.name is not None
        attributes: list[Attribute] = []
        value: Interface | Function
        if isinstance(item.value, InterfaceItem):
            value = Interface(None)
            _InterfaceBuilder(self.resolver, self.file, value).build(item.value)
        elif isinstance(item.value, FunctionItem):
            value = self.function(item.value)
        else:
            assert isinstance(item.value, Path)
            value = self.resolver.copy_of_interface(self.file, item.value)
            implemented = self.resolver.interface(self.file, item.value).name or ""
            attributes.append(Attribute(AttributeKind.IMPLEMENTS, implemented))
        made = WorldItem(item.name.text, value)
        made.attributes = attributes + _attributes(item.gates)
        self._add(item.name, items, made)

    def _add(self, name: Name, items: dict[str, WorldItem], item: WorldItem) -> None:
        if item.name in items:
            which = "exports" if items is self.world.exports else "imports"
            raise self.error(name, f"the world {which} '{item.name}' twice")
        items[item.name] = item

    def _include(self, item: IncludeItem) -> None:
        included = self.resolver.world(self.file, item.path)
        renames = {old.text: new.text for old, new in item.renames}
        for old, _ in item.renames:
            if old.text not in included.imports and old.text not in included.exports:
                raise _missing(self.file, old, f"item '{old.text}' in the world {included.name}", included.imports)
        problem = include_world(self.world, included, renames)
        if problem:
            raise self.error(item.path.name, f"{problem}: rename it by 'with {{ … as … }}'")
