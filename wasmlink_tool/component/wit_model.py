"""The model of WIT: packages, interfaces, worlds, functions and value types.

Every reader of WIT makes it (worlds in ``component-type`` sections, WIT text), and every writer reads it (the component
encoder, ``component-type`` sections, bindings). What a reader owes the model:

- **Identity counts.** A :class:`Type` is one definition; two definitions that look alike are two objects. A primitive
  is the one object of :data:`PRIMITIVES`. What refers to a type refers to the object, and a type is made after the
  types in its ``parts``: there are no cycles.
- A *named* type is in the ``types`` of its ``owner`` (an interface or a world) under its ``name``. An *anonymous* type
  has neither name nor owner, and is shared where one definition is used twice.
- ``type b = a`` and ``use x.{a as b}`` give a type of the kind ``ALIAS`` whose only part is the type ``a`` itself, in
  whichever interface that is. ``type b = u32`` is an alias of the primitive. ``type b = list<u8>`` is a *list* named
  ``b``. A type of another interface is only ever reached through an alias.
- A resource has no parts; handles to it are ``OWN`` and ``BORROW`` types whose part is the resource, or an alias of it.
  A bare resource name in WIT text means ``own``.
- Functions of a resource are functions of its interface or world, named as in a component: ``[constructor]r``,
  ``[method]r.m`` (whose first parameter is ``self``, a borrow) and ``[static]r.s``.
- Dictionaries keep the order of the declarations; that order is part of the result. The keys of a world are the names
  in a component: ``ns:package/interface@version``, or the plain label of a function, a type or an interface.
- One interface of a package is one :class:`Interface`, whether a world imports it, exports it or does both.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final


class Kind:
    """The kind of a type; constructors and primitives have their codes of Binary.md."""

    ALIAS: Final = 0
    RESOURCE: Final = 0x3F
    MAP: Final = 0x63
    ERROR_CONTEXT: Final = 0x64
    FUTURE: Final = 0x65
    STREAM: Final = 0x66
    FIXED_LIST: Final = 0x67
    BORROW: Final = 0x68
    OWN: Final = 0x69
    RESULT: Final = 0x6A
    OPTION: Final = 0x6B
    ENUM: Final = 0x6D
    FLAGS: Final = 0x6E
    TUPLE: Final = 0x6F
    LIST: Final = 0x70
    VARIANT: Final = 0x71
    RECORD: Final = 0x72
    STRING: Final = 0x73
    CHAR: Final = 0x74
    F64: Final = 0x75
    F32: Final = 0x76
    U64: Final = 0x77
    S64: Final = 0x78
    U32: Final = 0x79
    S32: Final = 0x7A
    U16: Final = 0x7B
    S16: Final = 0x7C
    U8: Final = 0x7D
    S8: Final = 0x7E
    BOOL: Final = 0x7F


class AttributeKind:
    """The attributes that a name may have (``nameattributes`` in Binary.md)."""

    IMPLEMENTS: Final = 0
    VERSION_SUFFIX: Final = 1
    EXTERNAL_ID: Final = 2


class Attribute:
    """One attribute of a name, like the interface that a labelled import implements."""

    def __init__(self, kind: int, value: str) -> None:
        self.kind = kind
        self.value = value


class Type:
    """A value type or a resource.

    ``labels`` are the names of a record's fields, a variant's cases, flags or enum cases. ``parts`` are the types that
    it is made of: one for each field or element; one for each case of a variant, ``None`` for a case without payload;
    ok and error of a result, key and value of a map, and the element, target or resource of all else (``None`` for a
    stream or future without element). ``length`` is that of a list of fixed length.
    """

    def __init__(
        self,
        kind: int,
        parts: Sequence[Type | None] = (),
        labels: Sequence[str] = (),
        length: int = 0,
        name: str | None = None,
        owner: Interface | World | None = None,
    ) -> None:
        self.kind = kind
        self.parts: tuple[Type | None, ...] = tuple(parts)
        self.labels: tuple[str, ...] = tuple(labels)
        self.length = length
        self.name = name
        self.owner = owner
        self.attributes: list[Attribute] = []
        self.docs = ""

    def dealias(self) -> Type:
        """Return the type that this one is another name of, or itself."""
        found = self
        while found.kind == Kind.ALIAS:
            target = found.parts[0]
            assert target is not None
            found = target
        return found


class Function:
    """A function of an interface or a world, under its name in the component."""

    def __init__(
        self,
        name: str,
        parameter_names: Sequence[str],
        parameter_types: Sequence[Type],
        result: Type | None,
        is_async: bool = False,
    ) -> None:
        self.name = name
        self.parameter_names: tuple[str, ...] = tuple(parameter_names)
        self.parameter_types: tuple[Type, ...] = tuple(parameter_types)
        self.result = result
        self.is_async = is_async
        self.attributes: list[Attribute] = []
        self.docs = ""

    def resource_name(self) -> str | None:
        """Return the resource that this is a constructor, method or static function of."""
        if not self.name.startswith("["):
            return None
        return self.name.partition("]")[2].partition(".")[0]

    def is_static(self) -> bool:
        """Return whether it is a static function of a resource."""
        return self.name.startswith("[static]")


class Interface:
    """An interface: named types, then functions. ``name`` is ``ns:package/interface@version``, or ``None`` for one that
    a world declares in place under a label."""

    def __init__(self, name: str | None) -> None:
        self.name = name
        self.types: dict[str, Type] = {}
        self.functions: dict[str, Function] = {}
        self.docs = ""


class WorldItem:
    """An import or export of a world, under its name."""

    def __init__(self, name: str, value: Interface | Function | Type) -> None:
        self.name = name
        self.value = value
        self.attributes: list[Attribute] = []


class World:
    """A world: what a component imports and exports. ``name`` is ``ns:package/world@version``; ``types`` are the types
    that it declares or uses at its root, which are also among ``imports``."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.types: dict[str, Type] = {}
        self.imports: dict[str, WorldItem] = {}
        self.exports: dict[str, WorldItem] = {}
        self.docs = ""


class Package:
    """A package of WIT: its interfaces and worlds by their short names. ``version`` is empty where it has none."""

    def __init__(self, name: str, version: str) -> None:
        self.name = name
        self.version = version
        self.interfaces: dict[str, Interface] = {}
        self.worlds: dict[str, World] = {}
        self.docs = ""


BOOL = Type(Kind.BOOL)
S8 = Type(Kind.S8)
U8 = Type(Kind.U8)
S16 = Type(Kind.S16)
U16 = Type(Kind.U16)
S32 = Type(Kind.S32)
U32 = Type(Kind.U32)
S64 = Type(Kind.S64)
U64 = Type(Kind.U64)
F32 = Type(Kind.F32)
F64 = Type(Kind.F64)
CHAR = Type(Kind.CHAR)
STRING = Type(Kind.STRING)
ERROR_CONTEXT = Type(Kind.ERROR_CONTEXT)

PRIMITIVES: dict[int, Type] = {
    primitive.kind: primitive
    for primitive in (BOOL, S8, U8, S16, U16, S32, U32, S64, U64, F32, F64, CHAR, STRING, ERROR_CONTEXT)
}
"""The primitive types by their codes, each the one object for it."""

WIT_NAMES: dict[int, str] = {
    Kind.BOOL: "bool",
    Kind.S8: "s8",
    Kind.U8: "u8",
    Kind.S16: "s16",
    Kind.U16: "u16",
    Kind.S32: "s32",
    Kind.U32: "u32",
    Kind.S64: "s64",
    Kind.U64: "u64",
    Kind.F32: "f32",
    Kind.F64: "f64",
    Kind.CHAR: "char",
    Kind.STRING: "string",
    Kind.ERROR_CONTEXT: "error-context",
    Kind.RECORD: "record",
    Kind.VARIANT: "variant",
    Kind.LIST: "list",
    Kind.FIXED_LIST: "list",
    Kind.TUPLE: "tuple",
    Kind.FLAGS: "flags",
    Kind.ENUM: "enum",
    Kind.OPTION: "option",
    Kind.RESULT: "result",
    Kind.OWN: "own",
    Kind.BORROW: "borrow",
    Kind.STREAM: "stream",
    Kind.FUTURE: "future",
    Kind.MAP: "map",
    Kind.RESOURCE: "resource",
    Kind.ALIAS: "type",
}
"""The keyword of each kind in WIT text."""


def dependencies_first(roots: Sequence[Type], known: set[Type]) -> list[Type]:
    """Return ``roots`` and all that they are made of, each after its parts and none twice, without what is in ``known``
    and without primitives. Adds them to ``known``.

    The parts of a type are visited from left to right, with a stack of its own instead of recursion.
    """
    order: list[Type] = []
    stack: list[tuple[Type, int]] = []
    for root in roots:
        if root in known or root.kind in PRIMITIVES:
            continue
        known.add(root)
        stack.append((root, 0))
        while stack:
            current, position = stack.pop()
            parts = current.parts
            while position < len(parts):
                part = parts[position]
                position += 1
                if part is not None and part.kind not in PRIMITIVES and part not in known:
                    known.add(part)
                    stack.append((current, position))
                    stack.append((part, 0))
                    break
            else:
                order.append(current)
    return order
