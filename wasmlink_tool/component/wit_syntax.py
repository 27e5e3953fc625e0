"""The syntax tree of WIT text: what the parser makes and the resolver reads. Offsets count characters of the file."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Name:
    """A label, and where it is written."""

    text: str
    offset: int


@dataclass
class Gates:
    """The annotations with ``@`` before an item: feature gates, and the name that the item has elsewhere."""

    since: str | None = None
    unstable: str | None = None
    deprecated: str | None = None
    external_id: str | None = None
    offset: int = 0


@dataclass
class PackageName:
    namespace: str
    name: str
    version: str
    """Empty where there is none."""
    offset: int

    def __str__(self) -> str:
        return f"{self.namespace}:{self.name}{'@' + self.version if self.version else ''}"


@dataclass
class Path:
    """The name of an interface or world: by itself, or with its package."""

    package: PackageName | None
    name: Name


@dataclass
class TypeUse:
    """A type as it is written: a name, or a constructor and what it applies to."""

    constructor: str
    """The keyword of the type, or empty for a name."""
    name: Name
    arguments: list[TypeUse | None] = field(default_factory=list)
    length: int = 0
    depth: int = 1


@dataclass
class FunctionItem:
    name: Name
    parameters: list[tuple[Name, TypeUse]]
    result: TypeUse | None
    is_async: bool
    docs: str
    gates: Gates
    role: str = ""
    """``method``, ``static`` or ``constructor`` within a resource."""


@dataclass
class TypeItem:
    """The definition of a type. ``kind`` is its keyword."""

    kind: str
    name: Name
    docs: str
    gates: Gates
    cases: list[tuple[Name, TypeUse | None]] = field(default_factory=list)
    target: TypeUse | None = None
    functions: list[FunctionItem] = field(default_factory=list)


@dataclass
class UseItem:
    """``use path.{name as other}``."""

    path: Path
    names: list[tuple[Name, Name]]
    gates: Gates


@dataclass
class InterfaceItem:
    name: Name
    items: list[TypeItem | FunctionItem | UseItem]
    docs: str
    gates: Gates


@dataclass
class ExternItem:
    """An import or export of a world: a path, or a name and what it is."""

    is_export: bool
    path: Path | None
    name: Name | None
    value: InterfaceItem | FunctionItem | Path | None
    docs: str
    gates: Gates


@dataclass
class IncludeItem:
    path: Path
    renames: list[tuple[Name, Name]]
    gates: Gates


@dataclass
class WorldItemSyntax:
    name: Name
    items: list[ExternItem | TypeItem | UseItem | IncludeItem]
    docs: str
    gates: Gates


@dataclass
class TopLevelUse:
    path: Path
    alias: Name


@dataclass
class Scope:
    """The declarations of one file, or of one package in braces."""

    uses: list[TopLevelUse] = field(default_factory=list)
    interfaces: list[InterfaceItem] = field(default_factory=list)
    worlds: list[WorldItemSyntax] = field(default_factory=list)


@dataclass
class NestedPackage:
    name: PackageName
    scope: Scope
    docs: str


@dataclass
class File:
    """A file of WIT text."""

    package: PackageName | None
    docs: str
    scope: Scope
    nested: list[NestedPackage]
